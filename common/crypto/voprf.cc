#include "common/crypto/voprf.h"

#include <sodium.h>

#include <algorithm>
#include <optional>

#include "common/check.h"

namespace plumbline::crypto {
namespace {

using Point = std::array<uint8_t, kVoprfElementSize>;
using Scalar = std::array<uint8_t, kVoprfScalarSize>;  // little-endian; public
using Hash = std::array<uint8_t, crypto_hash_sha512_BYTES>;
using Parts = std::initializer_list<ByteView>;
using TwoBytes = std::array<uint8_t, 2>;

// RFC 9497 §3.1 and §4.1: mode and suite, which end each domain separation tag.
constexpr absl::string_view kContext = "OPRFV1-\x01-ristretto255-SHA512";
constexpr absl::string_view kSeedTag = "Seed-";
// The order of the group, little-endian (RFC 9496 §4).
constexpr Scalar kOrder = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                           0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                           0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};

// I2OSP(size, 2), which is before each part of a transcript. What could be longer is refused
// before.
constexpr TwoBytes Number(size_t size) {
  return {static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)};
}
constexpr TwoBytes k32 = Number(32), k64 = Number(64);

// SHA-512 of what is added, part after part; leaves nothing of it behind.
class Sha512 final {
 public:
  Sha512() { crypto_hash_sha512_init(&state_); }
  ~Sha512() { sodium_memzero(&state_, sizeof state_); }
  Sha512(const Sha512&) = delete;
  Sha512& operator=(const Sha512&) = delete;

  Sha512& Add(Parts parts) {
    for (const ByteView part : parts) crypto_hash_sha512_update(&state_, part.data(), part.size());
    return *this;
  }
  void Finish(std::span<uint8_t> out) {
    CHECK(out.size() == crypto_hash_sha512_BYTES);
    crypto_hash_sha512_final(&state_, out.data());
  }

 private:
  crypto_hash_sha512_state state_;
};

// expand_message_xmd (RFC 9380 §5.3.1) with SHA-512, for 64 bytes: one block of the hash. The
// tag is `purpose` and the context.
Secret ExpandMessage(Parts message, absl::string_view purpose) {
  const size_t tag_size = purpose.size() + kContext.size();
  CHECK(tag_size <= 255);
  const uint8_t block[128] = {}, size[] = {0, 64, 0}, first[] = {1};
  const uint8_t end[] = {static_cast<uint8_t>(tag_size)};
  const Parts tag = {AsBytes(purpose), AsBytes(kContext), end};
  Secret hashed(crypto_hash_sha512_BYTES), out(crypto_hash_sha512_BYTES);
  Sha512().Add({block}).Add(message).Add({size}).Add(tag).Finish(hashed.span());
  Sha512().Add({hashed.view(), first}).Add(tag).Finish(out.span());
  return out;
}

// RFC 9497 §4.1, HashToScalar; `purpose` begins the tag.
void HashToScalar(Parts message, absl::string_view purpose, std::span<uint8_t> out) {
  CHECK(out.size() == kVoprfScalarSize);
  const Secret wide = ExpandMessage(message, purpose);
  crypto_core_ristretto255_scalar_reduce(out.data(), wide.view().data());
}

// The scalar of a transcript, which is public.
Scalar HashToScalar(Parts transcript) {
  Scalar out;
  HashToScalar(transcript, "HashToScalar-", out);
  return out;
}

// RFC 9497 §4.1, HashToGroup: 32 bytes. The identity is the element of no input that anybody will
// find (2^252 tries), and of none here.
absl::StatusOr<Secret> HashToGroup(ByteView input) {
  if (input.size() > kMaxVoprfInput)
    return absl::InvalidArgumentError("a VOPRF input is at most 65535 bytes long");
  const Secret uniform = ExpandMessage({input}, "HashToGroup-");
  Secret out(kVoprfElementSize);
  crypto_core_ristretto255_from_hash(out.span().data(), uniform.view().data());
  if (sodium_is_zero(out.view().data(), out.size()) == 1)
    return absl::InvalidArgumentError("the VOPRF input has no element");
  return out;
}

// The end of Finalize and of Evaluate (RFC 9497 §3.3.1).
Secret OutputOf(ByteView input, const Secret& element) {
  Secret out(kVoprfOutputSize);
  Sha512()
      .Add({Number(input.size()), input, k32, element.view(), AsBytes("Finalize")})
      .Finish(out.span());
  return out;
}

// Constant time, but for the answer.
bool IsReduced(ByteView scalar) {
  return sodium_compare(scalar.data(), kOrder.data(), kOrder.size()) < 0;
}

Secret RandomScalar() {
  Secret out(kVoprfScalarSize);
  crypto_core_ristretto255_scalar_random(out.span().data());
  return out;
}

struct Composites {
  Point m = {}, z = {};  // the identity
};

// RFC 9497 §2.2.1, ComputeComposites, for both sides: its form for who has the key is no faster for
// one pair. Nothing if a factor is zero: libsodium refuses to multiply by it.
std::optional<Composites> ComputeComposites(ByteView public_key, std::span<const VoprfPair> pairs) {
  Hash seed;
  Sha512()
      .Add({k32, public_key, Number(kSeedTag.size() + kContext.size()), AsBytes(kSeedTag),
            AsBytes(kContext)})
      .Finish(seed);
  Composites out;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const ByteView c = pairs[i].blinded.view(), d = pairs[i].evaluated.view();
    const Scalar factor =
        HashToScalar({k64, seed, Number(i), k32, c, k32, d, AsBytes("Composite")});
    Point m, z;
    if (crypto_scalarmult_ristretto255(m.data(), factor.data(), c.data()) != 0 ||
        crypto_scalarmult_ristretto255(z.data(), factor.data(), d.data()) != 0 ||
        crypto_core_ristretto255_add(out.m.data(), out.m.data(), m.data()) != 0 ||
        crypto_core_ristretto255_add(out.z.data(), out.z.data(), z.data()) != 0) {
      return std::nullopt;
    }
  }
  return out;
}

// RFC 9497 §2.2.1: what the proof's first number has to be.
Scalar Challenge(ByteView public_key, const Composites& composites, const Point& t2,
                 const Point& t3) {
  return HashToScalar({k32, public_key, k32, composites.m, k32, composites.z, k32, t2, k32, t3,
                       AsBytes("Challenge")});
}

}  // namespace

absl::StatusOr<VoprfElement> VoprfElement::Parse(ByteView bytes) {
  if (bytes.size() != kVoprfElementSize)
    return absl::InvalidArgumentError("a VOPRF element is 32 bytes long");
  if (sodium_is_zero(bytes.data(), bytes.size()) == 1)
    return absl::InvalidArgumentError("a VOPRF element is the identity");
  // libsodium 1.0.18 says of the highest bit, which has to be zero, nothing.
  if (crypto_core_ristretto255_is_valid_point(bytes.data()) != 1 || (bytes[31] & 0x80) != 0)
    return absl::InvalidArgumentError("a VOPRF element is not canonical or not in the group");
  VoprfElement out;
  std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
  return out;
}

absl::StatusOr<VoprfEvaluation> VoprfEvaluation::Parse(ByteView wire) {
  if (wire.size() != kVoprfEvaluationSize)
    return absl::InvalidArgumentError("a VOPRF evaluation is 96 bytes long");
  ASSIGN_OR_RETURN(const VoprfElement element, VoprfElement::Parse(wire.first(kVoprfElementSize)));
  VoprfEvaluation out{element, {}};
  std::copy(wire.begin() + kVoprfElementSize, wire.end(), out.proof.begin());
  return out;
}

Bytes VoprfEvaluation::Serialize() const { return Concat({element.view(), proof}); }

absl::StatusOr<VoprfPublicKey> VoprfPublicKey::Parse(ByteView bytes) {
  ASSIGN_OR_RETURN(const VoprfElement element, VoprfElement::Parse(bytes));
  return VoprfPublicKey(element);
}

absl::Status VoprfPublicKey::Verify(std::span<const VoprfPair> pairs,
                                    const VoprfProof& proof) const {
  if (pairs.empty() || pairs.size() > kMaxVoprfBatch)
    return absl::InvalidArgumentError("a VOPRF proof is for 1 to 65535 pairs");
  Scalar c, s;
  std::copy_n(proof.begin(), c.size(), c.begin());
  std::copy_n(proof.begin() + c.size(), s.size(), s.begin());
  if (!IsReduced(c) || !IsReduced(s))
    return absl::InvalidArgumentError("a number of a VOPRF proof is not canonical");
  const std::optional<Composites> composites = ComputeComposites(view(), pairs);
  // t2 = s*G + c*key, t3 = s*M + c*Z. libsodium refuses to multiply by zero: such a proof is
  // refused, and by chance nobody makes one (2^-252).
  Point sg, ck, sm, cz, t2, t3;
  if (!composites || crypto_scalarmult_ristretto255_base(sg.data(), s.data()) != 0 ||
      crypto_scalarmult_ristretto255(ck.data(), c.data(), view().data()) != 0 ||
      crypto_scalarmult_ristretto255(sm.data(), s.data(), composites->m.data()) != 0 ||
      crypto_scalarmult_ristretto255(cz.data(), c.data(), composites->z.data()) != 0 ||
      crypto_core_ristretto255_add(t2.data(), sg.data(), ck.data()) != 0 ||
      crypto_core_ristretto255_add(t3.data(), sm.data(), cz.data()) != 0 ||
      Challenge(view(), *composites, t2, t3) != c) {
    return absl::UnauthenticatedError("the VOPRF proof does not verify");
  }
  return absl::OkStatus();
}

VoprfSecretKey::VoprfSecretKey(Secret&& scalar)
    : scalar_(std::move(scalar)), public_key_(VoprfElement()) {
  CHECK(crypto_scalarmult_ristretto255_base(public_key_.element_.bytes_.data(),
                                            scalar_.view().data()) == 0);
}

VoprfSecretKey VoprfSecretKey::Generate() { return VoprfSecretKey(RandomScalar()); }

absl::StatusOr<VoprfSecretKey> VoprfSecretKey::Derive(const Secret& seed, ByteView info) {
  if (seed.size() != kVoprfSeedSize)
    return absl::InvalidArgumentError("a VOPRF seed is 32 bytes long");
  if (info.size() > kMaxVoprfInput)
    return absl::InvalidArgumentError("what a VOPRF key is for is at most 65535 bytes long");
  for (int attempt = 0; attempt < 256; ++attempt) {
    const uint8_t counter[] = {static_cast<uint8_t>(attempt)};
    Secret scalar(kVoprfScalarSize);
    HashToScalar({seed.view(), Number(info.size()), info, counter}, "DeriveKeyPair", scalar.span());
    if (sodium_is_zero(scalar.view().data(), scalar.size()) != 1)
      return VoprfSecretKey(std::move(scalar));
  }
  return absl::InvalidArgumentError("the VOPRF seed has no key");  // one of 2^64512
}

absl::StatusOr<VoprfSecretKey> VoprfSecretKey::Parse(Secret&& scalar) {
  if (scalar.size() != kVoprfScalarSize)
    return absl::InvalidArgumentError("a VOPRF secret key is 32 bytes long");
  if (!IsReduced(scalar.view()) || sodium_is_zero(scalar.view().data(), scalar.size()) == 1)
    return absl::InvalidArgumentError("not a valid VOPRF secret key");
  return VoprfSecretKey(std::move(scalar));
}

VoprfEvaluation VoprfSecretKey::BlindEvaluate(const VoprfElement& blinded) const {
  VoprfPair pair{blinded, VoprfElement()};
  CHECK(crypto_scalarmult_ristretto255(pair.evaluated.bytes_.data(), scalar_.view().data(),
                                       blinded.view().data()) == 0);
  return {pair.evaluated, Prove({&pair, 1})};
}

absl::StatusOr<Secret> VoprfSecretKey::Evaluate(ByteView input) const {
  ASSIGN_OR_RETURN(const Secret element, HashToGroup(input));
  Secret evaluated(kVoprfElementSize);
  CHECK(crypto_scalarmult_ristretto255(evaluated.span().data(), scalar_.view().data(),
                                       element.view().data()) == 0);
  return OutputOf(input, evaluated);
}

VoprfProof VoprfSecretKey::Prove(std::span<const VoprfPair> pairs) const {
  CHECK(!pairs.empty() && pairs.size() <= kMaxVoprfBatch);
  // A factor or a sum of zero would end this; nobody finds pairs that have one (2^-252).
  const std::optional<Composites> composites = ComputeComposites(public_key_.view(), pairs);
  CHECK(composites.has_value());
  const Secret r = RandomScalar();
  Point t2, t3;
  CHECK(crypto_scalarmult_ristretto255_base(t2.data(), r.view().data()) == 0);
  CHECK(crypto_scalarmult_ristretto255(t3.data(), r.view().data(), composites->m.data()) == 0);
  const Scalar c = Challenge(public_key_.view(), *composites, t2, t3);
  // s = r - c*k mod order.
  Secret product(kVoprfScalarSize);
  crypto_core_ristretto255_scalar_mul(product.span().data(), c.data(), scalar_.view().data());
  VoprfProof out;
  std::copy(c.begin(), c.end(), out.begin());
  crypto_core_ristretto255_scalar_sub(out.data() + c.size(), r.view().data(),
                                      product.view().data());
  return out;
}

absl::StatusOr<VoprfBlinding> VoprfBlinding::Create(Secret&& input) {
  VoprfBlinding out(std::move(input));
  ASSIGN_OR_RETURN(const Secret element, HashToGroup(out.input_.view()));
  out.blind_ = RandomScalar();
  CHECK(crypto_scalarmult_ristretto255(out.element_.bytes_.data(), out.blind_.view().data(),
                                       element.view().data()) == 0);
  return out;
}

absl::StatusOr<Secret> VoprfBlinding::Finalize(const VoprfEvaluation& evaluation,
                                               const VoprfPublicKey& public_key) const {
  const VoprfPair pair{element_, evaluation.element};
  RETURN_IF_ERROR(public_key.Verify({&pair, 1}, evaluation.proof));
  Secret inverse(kVoprfScalarSize), unblinded(kVoprfElementSize);
  CHECK(crypto_core_ristretto255_scalar_invert(inverse.span().data(), blind_.view().data()) == 0);
  CHECK(crypto_scalarmult_ristretto255(unblinded.span().data(), inverse.view().data(),
                                       evaluation.element.view().data()) == 0);
  return OutputOf(input_.view(), unblinded);
}

}  // namespace plumbline::crypto
