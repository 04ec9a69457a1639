// A directory's log from somebody who lies: leaves, and a whole log replayed.
#include "common/codec.h"
#include "common/tlog/directory_replay.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using tlog::Hash;
using tlog::MapIndex;

constexpr char kOrigin[] = "example.org/directory";

tlog::GenesisLeaf Genesis() {
  const auto key = crypto::VrfKeyPair::FromSeed(Secret::CopyOf(Bytes(crypto::kVrfSeedSize, 1)));
  return {kOrigin, Sha256(Bytes{1}), key->public_key()};
}

// Three batches: of nobody, of two people and a key for tokens, of one of them twice and the next key.
std::vector<Bytes> ALog() {
  const MapIndex alice{Sha256(Bytes{2})}, bob{Sha256(Bytes{3})};
  const tlog::EntryLeaf one{alice, 1, {}, {}, {}}, two{bob, 1, {}, {}, {}},
      three{alice, 2, tlog::LeafHashOf(one), {}, {}},
      four{alice, 3, tlog::LeafHashOf(three), {}, {}};
  const tlog::TokenKeyLeaf delivery{"delivery", "member", 1, 3600, 7200, 7800, {}}, next{"delivery", "member", 2, 6600, 10200, 10800, {}};
  tlog::MemoryMap map;
  const Hash first = *tlog::UpdateMap(
      map, tlog::EmptyMapRoot(), {{alice, tlog::LeafHashOf(one)}, {bob, tlog::LeafHashOf(two)}});
  const Hash second = *tlog::UpdateMap(map, first, {{alice, tlog::LeafHashOf(four)}});
  const std::vector<tlog::DirectoryLeaf> leaves = {Genesis(),
                                                   tlog::MapRootLeaf{1, 1, 1, tlog::EmptyMapRoot()},
                                                   one,
                                                   two,
                                                   delivery,
                                                   tlog::MapRootLeaf{2, 2, 5, first},
                                                   three,
                                                   four,
                                                   next,
                                                   tlog::MapRootLeaf{3, 6, 9, second}};
  std::vector<Bytes> out;
  for (const auto& leaf : leaves) out.push_back(tlog::Encode(leaf));
  return out;
}

Bytes Joined(const std::vector<Bytes>& leaves) {
  Writer out;
  for (const Bytes& leaf : leaves) out.Vector(leaf);
  return out.TakeBytes();
}

}  // namespace

// opaque leaf<V>, again and again
void Fuzz(ByteView input) {
  tlog::MemoryMap map;
  tlog::DirectoryReplay replay(kOrigin, map);
  tlog::CompactRange tree;
  Reader in(input);
  while (!in.AtEnd()) {
    const auto wire = in.Vector(kMaxInput);
    if (!wire.ok()) return;
    const auto leaf = tlog::ParseDirectoryLeaf(*wire);
    if (leaf.ok()) CHECK(Equal(tlog::Encode(*leaf), *wire));
    const Hash before = replay.map_root();
    if (!replay.Take(*wire).ok()) {
      CHECK(replay.finding().has_value() && replay.finding()->leaf == tree.size());
      CHECK(replay.size() == tree.size() && replay.map_root() == before);
      return;
    }
    CHECK(leaf.ok() && !replay.finding().has_value());
    tree.Append(tlog::LeafHash(*wire));
    const bool end = std::holds_alternative<tlog::MapRootLeaf>(*leaf);
    if (end) CHECK(replay.Check({kOrigin, tree.size(), tree.Root()}).ok());
  }
}

std::vector<Bytes> Seeds() {
  const std::vector<Bytes> log = ALog();
  tlog::MemoryMap map;
  tlog::DirectoryReplay replay(kOrigin, map);
  for (const Bytes& leaf : log) CHECK(replay.Take(leaf).ok());
  std::vector<Bytes> seeds = {Joined(log)};
  for (const Bytes& leaf : log) seeds.push_back(Joined({log[0], leaf}));
  return seeds;
}

}  // namespace plumbline::fuzz
