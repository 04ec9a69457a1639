// A log's files from somebody who lies about them: nothing is given out that the log did not sign for.
#include "common/check.h"
#include "common/codec.h"
#include "common/tlog/log_reader.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

constexpr uint64_t kSize = 300;  // a whole bundle and part of one

Bytes Leaf(uint64_t place) { return {static_cast<uint8_t>(place >> 8), static_cast<uint8_t>(place)}; }

struct World {
  tlog::MemoryNodes nodes;
  tlog::Checkpoint checkpoint;
  World() {
    for (uint64_t i = 0; i < kSize; ++i) CHECK(tlog::Append(nodes, i, tlog::LeafHash(Leaf(i))).ok());
    checkpoint = {"example.org/log", kSize, *tlog::Root(nodes, kSize)};
  }
};
World& TheWorld() {
  static World* const world = new World;
  return *world;
}

// Gives what it is told to, in order.
class Liar final : public tlog::TileSource {
 public:
  explicit Liar(ByteView answers) : in_(answers) {}
  absl::StatusOr<Bytes> Fetch(const std::string&, size_t max_size) override {
    if (in_.AtEnd()) return absl::NotFoundError("no more");
    ASSIGN_OR_RETURN(const ByteView answer, in_.Vector(max_size));
    return ToBytes(answer);
  }

 private:
  Reader in_;
};

// Honest, and remembers what it gave.
class Honest final : public tlog::TileSource {
 public:
  absl::StatusOr<Bytes> Fetch(const std::string& path, size_t) override {
    const tlog::TileId tile = *tlog::ParseTilePath(path);
    Bytes answer;
    if (tile.entries) {
      std::vector<Bytes> leaves;
      for (uint64_t i = 0; i < tile.width; ++i) leaves.push_back(Leaf(tile.index * 256 + i));
      answer = tlog::MakeBundle(leaves);
    } else {
      answer = *tlog::MakeTile(TheWorld().nodes, tile);
    }
    given_.Vector(answer);
    return answer;
  }
  Bytes given() { return given_.TakeBytes(); }

 private:
  Writer given_;
};

uint64_t ReadAll(tlog::TileSource& source) {
  auto reader = tlog::LogReader::Open(source, TheWorld().checkpoint);
  if (!reader.ok()) return 0;
  uint64_t taken = 0;
  (void)reader
      ->ReadLeaves(0, kSize,
                   [&](uint64_t place, ByteView leaf) {
                     CHECK(place == taken && Equal(leaf, Leaf(place)));
                     ++taken;
                     return absl::OkStatus();
                   })
      .ok();
  for (const uint64_t size : {uint64_t{1}, uint64_t{77}, uint64_t{256}, uint64_t{299}}) {
    const auto root = tlog::Root(*reader, size);
    if (root.ok()) CHECK(*root == *tlog::Root(TheWorld().nodes, size));
  }
  return taken;
}

}  // namespace

// opaque answer<V>, again and again
void Fuzz(ByteView input) {
  Liar liar(input);
  ReadAll(liar);
}

std::vector<Bytes> Seeds() {
  Honest honest;
  CHECK(ReadAll(honest) == kSize);
  const Bytes given = honest.given();
  Liar repeating(given);
  CHECK(ReadAll(repeating) == kSize);
  return {given};
}

}  // namespace plumbline::fuzz
