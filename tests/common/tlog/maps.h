// Maps to test with.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "common/tlog/map.h"

namespace plumbline::tlog {

using MapContent = std::map<MapIndex, Hash>;

inline Hash HashOf(const std::string& text) { return Sha256(AsBytes(text)); }
inline MapIndex NumberedIndex(uint64_t n) { return {HashOf("index " + std::to_string(n))}; }
inline MapEntry NumberedEntry(uint64_t n) {
  return {NumberedIndex(n), HashOf("value " + std::to_string(n))};
}

// `index` with its bit `at` changed.
inline MapIndex Flipped(MapIndex index, size_t at) {
  index.bytes[at / 8] ^= static_cast<uint8_t>(0x80 >> (at % 8));
  return index;
}

// The root that docs/transparency.md gives this content, written from its text alone: bits are
// characters here.
inline Hash SlowMapRoot(const MapContent& content, const std::string& prefix = "") {
  Bytes place = {static_cast<uint8_t>(prefix.size() >> 8), static_cast<uint8_t>(prefix.size())};
  const std::string padded = prefix + std::string(256 - prefix.size(), '0');
  for (size_t i = 0; i < 256; i += 8)
    place.push_back(static_cast<uint8_t>(std::stoi(padded.substr(i, 8), nullptr, 2)));
  MapContent inside;
  for (const auto& [index, value] : content) {
    std::string bits;
    for (const uint8_t byte : index.bytes) {
      for (int bit = 7; bit >= 0; --bit) bits += (byte >> bit) & 1 ? '1' : '0';
    }
    if (bits.starts_with(prefix)) inside[index] = value;
  }
  if (inside.empty()) return Sha256(Concat({Bytes{2}, place}));
  if (inside.size() == 1) {
    return Sha256(Concat(
        {Bytes{3}, ByteView(place).first(2), inside.begin()->first.bytes, inside.begin()->second}));
  }
  return Sha256(Concat(
      {Bytes{4}, place, SlowMapRoot(inside, prefix + '0'), SlowMapRoot(inside, prefix + '1')}));
}

// Random entries, of whose indices some differ only late, and some were there before (`content`).
class EntryMaker final {
 public:
  explicit EntryMaker(uint64_t seed) : random_(seed) {}
  uint64_t Below(uint64_t end) { return random_() % end; }
  Hash Value() { return HashOf(std::to_string(random_())); }
  MapIndex Index(const MapContent& content) {
    const MapIndex fresh{Value()};
    if (content.empty() || Below(2) == 0) return fresh;
    auto known = content.begin();
    std::advance(known, static_cast<ptrdiff_t>(Below(content.size())));
    return Below(2) == 0 ? known->first : Flipped(known->first, Below(256));
  }
  // Up to `most`, each index once; put into `content` too.
  std::vector<MapEntry> Batch(MapContent& content, size_t most) {
    MapContent batch;
    for (uint64_t i = Below(most + 1); i > 0; --i) batch[Index(content)] = Value();
    std::vector<MapEntry> out;
    for (const auto& [index, value] : batch) out.push_back({index, content[index] = value});
    std::shuffle(out.begin(), out.end(), random_);
    return out;
  }

 private:
  std::mt19937_64 random_;
};

inline std::vector<MapEntry> EntriesOf(const MapContent& content) {
  std::vector<MapEntry> out;
  for (const auto& [index, value] : content) out.push_back({index, value});
  return out;
}

}  // namespace plumbline::tlog
