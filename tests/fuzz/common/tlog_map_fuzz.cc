// Map proofs from a log that lies: against the root of a map that is known here, nothing is
// accepted but what is in it.
#include "common/codec.h"
#include "common/tlog/map_proof.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using tlog::Hash;
using tlog::MapIndex;

// Twenty entries at random places, and some beside them.
struct World {
  World() {
    for (uint8_t i = 0; i < 20; ++i) {
      MapIndex index{Sha256(Bytes{i})};
      content[index] = Sha256(Bytes{i, i});
      index.bytes[i] ^= 1;
      if (i % 4 == 0) content[index] = Sha256(Bytes{i, i, i});
    }
    std::vector<tlog::MapEntry> entries;
    for (const auto& [index, value] : content) entries.push_back({index, value});
    root = *tlog::UpdateMap(map, tlog::EmptyMapRoot(), entries);
  }
  std::map<MapIndex, Hash> content;
  tlog::MemoryMap map;
  Hash root;
};
World& TheWorld() {
  static auto* const world = new World;
  return *world;
}

}  // namespace

// struct { opaque index[32]; MapProof proof; }
void Fuzz(ByteView input) {
  MapIndex index;
  if (input.size() < index.bytes.size()) return;
  std::copy_n(input.begin(), index.bytes.size(), index.bytes.begin());
  const ByteView wire = input.subspan(index.bytes.size());
  const auto proof = tlog::ParseMapProof(wire);
  if (!proof.ok()) return;
  CHECK(Equal(tlog::Encode(*proof), wire) && wire.size() <= tlog::kMaxMapProof);
  World& world = TheWorld();
  const auto value = tlog::VerifyMapProof(world.root, index, *proof);
  const bool honest = *proof == *tlog::ProveMap(world.map, world.root, index);
  CHECK(value.ok() == honest);
  if (!value.ok()) return;
  const auto found = world.content.find(index);
  CHECK(value->has_value() == (found != world.content.end()));
  if (value->has_value()) CHECK(**value == found->second);
}

std::vector<Bytes> Seeds() {
  World& world = TheWorld();
  std::vector<Bytes> seeds;
  const auto add = [&](const MapIndex& index) {
    const tlog::MapProof proof = *tlog::ProveMap(world.map, world.root, index);
    CHECK(tlog::VerifyMapProof(world.root, index, proof).ok());
    seeds.push_back(Concat({index.bytes, tlog::Encode(proof)}));
  };
  for (const auto& [index, value] : world.content) add(index);
  for (uint8_t i = 100; i < 110; ++i) add({Sha256(Bytes{i})});
  return seeds;
}

}  // namespace plumbline::fuzz
