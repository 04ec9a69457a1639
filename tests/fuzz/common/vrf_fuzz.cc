// VRF proofs under a known key: what verifies has the one output of its input.
#include "common/crypto/vrf.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

const crypto::VrfKeyPair& Key() {
  static const auto* const key = new crypto::VrfKeyPair(
      *crypto::VrfKeyPair::FromSeed(Secret::CopyOf(Bytes(crypto::kVrfSeedSize, 1))));
  return *key;
}

}  // namespace

// struct { opaque key[32]; opaque proof[80]; opaque input[]; }
void Fuzz(ByteView input) {
  constexpr size_t kHead = crypto::kVrfKeySize + crypto::kVrfProofSize;
  if (input.size() < kHead) {
    CHECK(!crypto::VrfProofToHash(input).ok() || input.size() == crypto::kVrfProofSize);
    return;
  }
  const ByteView key = input.first(crypto::kVrfKeySize);
  const ByteView proof = input.subspan(key.size(), crypto::kVrfProofSize),
                 text = input.subspan(kHead);
  const auto stated = crypto::VrfProofToHash(proof);
  const auto known = Key().public_key().Verify(text, proof);
  if (known.ok()) CHECK(stated.ok() && *known == *stated && *known == Key().Evaluate(text));
  const auto other = crypto::VrfPublicKey::Parse(key);
  if (!other.ok()) return;
  CHECK(Equal(other->view(), key));
  const auto verified = other->Verify(text, proof);
  if (verified.ok()) CHECK(stated.ok() && *verified == *stated);
  if (verified.ok() && *other == Key().public_key()) CHECK(known.ok());
}

std::vector<Bytes> Seeds() {
  std::vector<Bytes> seeds;
  for (const char* text : {"", "a", "mimi://example.org/u/alice"}) {
    seeds.push_back(Concat({Key().public_key().view(), Key().Prove(AsBytes(text)), AsBytes(text)}));
    CHECK(Key().public_key().Verify(AsBytes(text), Key().Prove(AsBytes(text))).ok());
  }
  return seeds;
}

}  // namespace plumbline::fuzz
