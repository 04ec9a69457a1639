#include "assess/tools/canary.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "common/check.h"

namespace plumbline::assess {
namespace {

constexpr size_t kMinMarker = 16;
constexpr size_t kMinText = 5;

// Base64 of `text` as it looks when `before` bytes precede it: the characters that depend on neighbours are cut off.
std::string Base64At(const std::string& text, size_t before) {
  const std::string padded = std::string(before, 'x') + text;
  const size_t whole = padded.size() / 3 * 3;  // the last, incomplete group depends on what follows
  std::string encoded = absl::Base64Escape(padded.substr(0, whole));
  return encoded.substr(before == 0 ? 0 : 4);
}

Bytes Utf16(const std::string& text, bool big_endian) {
  Bytes wide;
  for (const char c : text) {
    if (big_endian) wide.push_back(0);
    wide.push_back(static_cast<uint8_t>(c));
    if (!big_endian) wide.push_back(0);
  }
  return wide;
}

}  // namespace

std::string NewMarker() {
  static constexpr char kAlphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";  // 32 characters, none mistaken for another
  std::string marker;
  for (const uint8_t byte : RandomBytes(32)) marker.push_back(kAlphabet[byte % 32]);
  return marker;
}

void PatternSet::AddMarker(const std::string& name, const std::string& marker) {
  CHECK(marker.size() >= kMinMarker);
  const size_t half = marker.size() / 2;
  AddForms(name, marker.substr(0, half));
  AddForms(name, marker.substr(half));
}

void PatternSet::AddText(const std::string& name, const std::string& text) {
  CHECK(text.size() >= kMinText);
  const std::set<std::string> cases = {text, absl::AsciiStrToLower(text), absl::AsciiStrToUpper(text)};
  for (const std::string& variant : cases) AddForms(name, variant);
}

void PatternSet::AddForms(const std::string& name, const std::string& text) {
  AddPattern(name, "raw", ToBytes(AsBytes(text)));
  const std::string hex = ToHex(AsBytes(text));
  AddPattern(name, "hex", ToBytes(AsBytes(hex)));
  AddPattern(name, "hex", ToBytes(AsBytes(absl::AsciiStrToUpper(hex))));
  for (size_t before = 0; before < 3; ++before) {
    std::string encoded = Base64At(text, before);
    AddPattern(name, "base64", ToBytes(AsBytes(encoded)));
    std::string url = encoded;
    std::replace(url.begin(), url.end(), '+', '-');
    std::replace(url.begin(), url.end(), '/', '_');
    if (url != encoded) AddPattern(name, "base64url", ToBytes(AsBytes(url)));
  }
  AddPattern(name, "UTF-16LE", Utf16(text, false));
  AddPattern(name, "UTF-16BE", Utf16(text, true));
}

void PatternSet::AddPattern(const std::string& name, const std::string& form, Bytes bytes) {
  if (bytes.size() < 4) return;  // what is left of a short text in base64 would match by chance
  if (by_first_two_.empty()) {
    by_first_two_.resize(65536);
    begins_.resize(65536 / 64);
  }
  const size_t first_two = static_cast<size_t>(bytes[0] << 8 | bytes[1]);
  begins_[first_two / 64] |= uint64_t{1} << (first_two % 64);
  by_first_two_[first_two].push_back(static_cast<uint32_t>(patterns_.size()));
  longest_ = std::max(longest_, bytes.size());
  patterns_.push_back({name, form, std::move(bytes)});
}

void PatternSet::Search(ByteView data, const std::function<void(const Hit&)>& found) const {
  if (patterns_.empty()) return;
  for (size_t i = 0; i + 1 < data.size(); ++i) {
    const size_t first_two = static_cast<size_t>(data[i] << 8 | data[i + 1]);
    if ((begins_[first_two / 64] >> (first_two % 64) & 1) == 0) [[likely]] continue;
    for (const uint32_t index : by_first_two_[first_two]) {
      const Pattern& pattern = patterns_[index];
      if (pattern.bytes.size() > data.size() - i) continue;
      if (std::memcmp(data.data() + i, pattern.bytes.data(), pattern.bytes.size()) != 0) continue;
      found(Hit{.name = pattern.name, .form = pattern.form, .place = "", .offset = i});
    }
  }
}

std::map<std::string, size_t> CountByName(const std::vector<Hit>& hits) {
  std::map<std::string, size_t> counts;
  for (const Hit& hit : hits) ++counts[hit.name];
  return counts;
}

}  // namespace plumbline::assess
