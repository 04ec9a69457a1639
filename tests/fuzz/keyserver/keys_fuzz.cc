// What the key server's sealed file and its database hold of keys: the ring, one key or where it is in a token, a ring that is bound to a
// token. There is no token here, so nothing is asked of one.
#include "common/identity/reason.h"
#include "keyserver/key_ring.h"
#include "tests/fuzz/fuzz.h"
#include "tests/keyserver/world.h"

namespace plumbline::fuzz {
namespace {

using namespace keyserver;  // NOLINT: a list of its types

enum Kind : uint8_t { kRing, kSigning, kAuthority, kBlind, kBound, kFormer, kKinds };

struct Former {
  FormerLogKey key;
  Secret Serialize() const { return Encode(key); }
};

// Encoded again it is the same; or it is refused as what it is.
template <typename Key>
void Check(const absl::StatusOr<Key>& key, ByteView stored) {
  if (key.ok()) {
    CHECK(Equal(key->Serialize().view(), stored));
  } else {
    CHECK(absl::IsInvalidArgument(key.status()) || absl::IsDataLoss(key.status()) ||
          identity::ReasonOf(key.status()) == "pkcs11_not_configured");
  }
}

const KeyRing& Ring() {
  static const World* const world = new World;
  return world->organisation().keys();
}

Bytes Reference(ByteView public_key) {
  return Writer().Fixed(AsBytes("PLTOKEN1")).Vector(AsBytes("plumbline log")).Vector(Bytes(16, 1)).Vector(public_key).TakeBytes();
}

}  // namespace

void Fuzz(ByteView input) {
  if (input.empty()) return;
  const ByteView stored = input.subspan(1);
  switch (input[0] % kKinds) {
    case kRing: return Check(KeyRing::Parse(stored), stored);
    case kSigning: return Check(SigningKey::Parse(stored, nullptr), stored);
    case kAuthority: return Check(AuthorityKey::Parse(stored, nullptr), stored);
    case kBlind: return Check(BlindKey::Parse(Secret::CopyOf(stored), nullptr), stored);
    case kFormer: {
      absl::StatusOr<FormerLogKey> key = ParseFormerLogKey(stored, nullptr);
      return key.ok() ? Check<Former>(Former{*std::move(key)}, stored) : Check<Former>(key.status(), stored);
    }
    default: CHECK(!Unbind(nullptr, stored).ok());
  }
}

std::vector<Bytes> Seeds() {
  const auto seed = [](Kind kind, ByteView content) { return Concat({Bytes{kind}, content}); };
  const KeyRing& ring = Ring();
  return {seed(kRing, ring.Serialize().view()),
          seed(kSigning, ring.directory.key.seed()),
          seed(kFormer, Encode(FormerLogKey{ring.directory.key, absl::FromUnixSeconds(1'800'000'000)}).view()),
          seed(kSigning, Reference(ring.directory.key.public_key().view())),
          seed(kAuthority, ring.issuing_key.der()),
          seed(kAuthority, Reference(ring.issuing_key.spki())),
          seed(kBlind, Reference(Bytes(crypto::kBlindRsaSpkiSize, 1))),
          seed(kBound, Writer().Fixed(AsBytes("PLBOUND1")).Vector(AsBytes("plumbline key ring")).Vector(Bytes(16, 1)).Fixed(Bytes(32, 2)).Vector(Bytes(100, 3)).view())};
}

}  // namespace plumbline::fuzz
