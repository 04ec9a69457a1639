// Evidence of forks: read in one way, and no log is accused that has one history.
#include "common/check.h"
#include "common/tlog/fork.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

enum Kind : uint8_t { kFile, kProof, kOtherProof };

struct World {
  tlog::NoteSigner log =
      *tlog::NoteSigner::Create("example.org/log", *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, 1))));
  tlog::MemoryNodes nodes;
  tlog::Fork accusation, of_another;  // notes of one history; an honest proof, and one that belongs to another tree
  World() {
    tlog::MemoryNodes other;
    for (uint8_t i = 0; i < 11; ++i) {
      CHECK(tlog::Append(nodes, i, tlog::LeafHash(Bytes{i})).ok());
      CHECK(tlog::Append(other, i, tlog::LeafHash(Bytes{i, 1})).ok());
    }
    const auto sign = [&](uint64_t size) { return *tlog::SignCheckpoint(size, *tlog::Root(nodes, size), log); };
    accusation = {sign(5), sign(11), *tlog::Root(nodes, 5), *tlog::ProveConsistency(nodes, 5, 11)};
    of_another = {sign(5), sign(11), *tlog::Root(other, 5), *tlog::ProveConsistency(other, 5, 11)};
  }
};
const World& TheWorld() {
  static const World* const world = new World;
  return *world;
}

Bytes Hashes(const tlog::Fork& fork) {
  Bytes out = ToBytes(fork.other);
  for (const tlog::Hash& hash : fork.proof) out = Concat({out, hash});
  return out;
}

}  // namespace

// The first byte says what the rest is: a file, or the hashes for the notes of this log.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  const World& world = TheWorld();
  tlog::Fork fork = world.accusation;
  if (input[0] == kFile) {
    const std::string text = ToString(input.subspan(1));
    const auto read = tlog::ParseFork(text);
    if (!read.ok()) return;
    CHECK(tlog::FormatFork(*read) == text);
    fork = *read;
  } else {
    std::vector<tlog::Hash> hashes;
    for (ByteView rest = input.subspan(1); rest.size() >= sizeof(tlog::Hash); rest = rest.subspan(sizeof(tlog::Hash)))
      std::copy_n(rest.begin(), sizeof(tlog::Hash), hashes.emplace_back().begin());
    if (hashes.empty()) return;
    fork.other = hashes.front();
    fork.proof.assign(hashes.begin() + 1, hashes.end());
  }
  CHECK(!tlog::VerifyFork(fork, {&world.log.verifier(), 1}).ok());  // it has one history
}

std::vector<Bytes> Seeds() {
  const World& world = TheWorld();
  const auto file = [](const tlog::Fork& fork) { return Concat({Bytes{kFile}, AsBytes(tlog::FormatFork(fork))}); };
  return {file(world.accusation), file(world.of_another), Concat({Bytes{kProof}, Hashes(world.accusation)}),
          Concat({Bytes{kOtherProof}, Hashes(world.of_another)})};
}

}  // namespace plumbline::fuzz
