// Blind RSA: keys as they are written, blinded messages, blind signatures and signatures under a
// known key: what verifies was signed, and what was signed verifies.
#include "common/crypto/blind_rsa.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using crypto::BlindRsaBlinding;
using crypto::BlindRsaPublicKey;
using crypto::BlindRsaSecretKey;

constexpr char kText[] = "the message";

enum Kind : uint8_t { kSpki, kPkcs8, kBlinded, kAnswer, kSignature, kKinds };

struct World {
  BlindRsaSecretKey key = BlindRsaSecretKey::Generate();
  BlindRsaBlinding blinding = *BlindRsaBlinding::Create(key.public_key(), AsBytes(kText));
  crypto::BlindRsaNumber answer = *key.BlindSign(blinding.blinded_message());
  crypto::BlindRsaNumber signature = *blinding.Finalize(answer);
};

const World& Known() {
  static const auto* const world = new World();
  return *world;
}

Bytes Of(Kind kind, ByteView body) { return Concat({Bytes(1, kind), body}); }

}  // namespace

// struct { Kind kind; opaque body[]; }
void Fuzz(ByteView input) {
  if (input.empty()) return;
  const ByteView body = input.subspan(1);
  const World& known = Known();
  switch (input[0] % kKinds) {
    case kSpki: {
      const auto key = BlindRsaPublicKey::Parse(body);
      if (!key.ok()) return;
      CHECK(Equal(key->Serialize(), body));
      CHECK(key->Verify(AsBytes(kText), known.signature).ok() == (*key == known.key.public_key()));
      const auto blinding = BlindRsaBlinding::Create(*key, AsBytes(kText));  // whatever the modulus
      if (blinding.ok()) CHECK(!blinding->Finalize(known.answer).ok());
      return;
    }
    case kPkcs8: {
      const auto key = BlindRsaSecretKey::Parse(Secret::CopyOf(body));
      if (!key.ok()) return;
      CHECK(Equal(key->pkcs8(), body));
      const auto blinding = BlindRsaBlinding::Create(key->public_key(), AsBytes(kText));
      CHECK(blinding->Finalize(*key->BlindSign(blinding->blinded_message())).ok());
      return;
    }
    case kBlinded: {
      const auto answer = known.key.BlindSign(body);
      CHECK(answer.ok() || absl::IsInvalidArgument(answer.status()));
      CHECK(!answer.ok() ||
            Equal(body, known.blinding.blinded_message()) == (*answer == known.answer));
      return;
    }
    case kAnswer: {
      const auto signature = known.blinding.Finalize(body);
      CHECK(signature.ok() == Equal(body, known.answer));
      if (signature.ok()) CHECK(*signature == known.signature);
      return;
    }
    default:
      CHECK(known.key.public_key().Verify(AsBytes(kText), body).ok() ==
            Equal(body, known.signature));
  }
}

std::vector<Bytes> Seeds() {
  const World& known = Known();
  return {Of(kSpki, known.key.public_key().Serialize()), Of(kPkcs8, known.key.pkcs8()),
          Of(kBlinded, known.blinding.blinded_message()), Of(kAnswer, known.answer),
          Of(kSignature, known.signature)};
}

}  // namespace plumbline::fuzz
