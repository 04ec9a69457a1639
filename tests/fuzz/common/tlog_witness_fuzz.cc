// What a witness and those who rely on it read: requests, policies, evidence, cosigner keys. What is accepted is written back
// byte for byte; nothing counts that was not cosigned.
#include "common/check.h"
#include "common/tlog/equivocation.h"
#include "common/tlog/policy.h"
#include "common/tlog/witness_request.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

enum Kind : uint8_t { kRequest, kPolicy, kEquivocation, kKey, kNote };

crypto::Ed25519KeyPair Pair(uint8_t seed) { return *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, seed))); }

struct World {
  tlog::NoteSigner log = *tlog::NoteSigner::Create("example.org/log", Pair(1));
  tlog::Cosigner witness = *tlog::Cosigner::Create("w.example/w", Pair(2));
  std::string policy = "log " + log.verifier().ToText() + "\nwitness w " + witness.verifier().ToText() +
                       " https://w.example/\ngroup g any w\nquorum g\n";
  std::string note = *tlog::SignCheckpoint(0, tlog::EmptyRoot(), log);
  std::string cosigned;
  World() {
    tlog::Note with = *tlog::ParseNote(note);
    with.signatures.push_back(witness.Cosign(with.text, absl::FromUnixSeconds(1'790'000'000)));
    cosigned = tlog::FormatNote(with);
  }
};
const World& TheWorld() {
  static const World* const world = new World;
  return *world;
}

}  // namespace

// The first byte says what the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  const std::string text = ToString(input.subspan(1));
  if (input[0] == kRequest) {
    const auto request = tlog::ParseWitnessRequest(text);
    if (request.ok())
      CHECK(tlog::FormatWitnessRequest(request->old_size, request->proof, tlog::FormatNote(request->note)) == text);
  } else if (input[0] == kPolicy) {
    const auto policy = tlog::Policy::Parse(text);
    if (policy.ok()) (void)policy->Open(TheWorld().cosigned).ok();
  } else if (input[0] == kEquivocation) {
    const auto evidence = tlog::ParseEquivocation(text);
    if (!evidence.ok()) return;
    CHECK(tlog::FormatEquivocation(*evidence) == text);
    CHECK(!tlog::VerifyEquivocation(*evidence, {&TheWorld().log.verifier(), 1}).ok());  // it signed one checkpoint in its life
  } else if (input[0] == kKey) {
    const auto key = tlog::CosignerKey::Parse(text);
    if (key.ok()) CHECK(key->ToText() == text);
  } else if (input[0] == kNote) {
    static const tlog::Policy* const policy = new tlog::Policy(*tlog::Policy::Parse(TheWorld().policy));
    const auto opened = policy->Open(text);
    if (!opened.ok()) return;
    CHECK(opened->checkpoint.size == 0 && opened->checkpoint.root == tlog::EmptyRoot());
    CHECK(opened->time == absl::FromUnixSeconds(1'790'000'000));
  }
}

std::vector<Bytes> Seeds() {
  const World& world = TheWorld();
  const auto seed = [](Kind kind, absl::string_view text) { return Concat({Bytes{kind}, AsBytes(text)}); };
  return {seed(kRequest, tlog::FormatWitnessRequest(3, {tlog::EmptyRoot(), tlog::EmptyRoot()}, world.note)),
          seed(kPolicy, world.policy),
          seed(kPolicy, "# nobody\nquorum none\n"),
          seed(kEquivocation, tlog::FormatEquivocation({world.note, world.cosigned})),
          seed(kKey, world.witness.verifier().ToText()),
          seed(kNote, world.cosigned)};
}

}  // namespace plumbline::fuzz
