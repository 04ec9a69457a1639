#include "common/crypto/vrf.h"

#include <sodium.h>

#include <algorithm>
#include <optional>

#include "common/check.h"

namespace plumbline::crypto {
namespace {

using Point = std::array<uint8_t, crypto_core_ed25519_BYTES>;
using Challenge = std::array<uint8_t, 16>;  // little-endian
using Sha512Hash = std::array<uint8_t, crypto_hash_sha512_BYTES>;

// RFC 9381 §5.4 and §5.5: the suite, what is hashed, and what ends it.
constexpr uint8_t kSuite = 3, kEncodeToCurve = 1, kChallenge = 2, kProofToHash = 3, kBack = 0;
constexpr Point kIdentity = {1};
// The order of the main subgroup, little-endian (RFC 8032 §5.1).
constexpr Point kOrder = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                          0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                          0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};

// SHA-512 of the parts one after the other; leaves nothing of them behind.
void Sha512(std::initializer_list<ByteView> parts, std::span<uint8_t> out) {
  CHECK(out.size() == crypto_hash_sha512_BYTES);
  crypto_hash_sha512_state state;
  crypto_hash_sha512_init(&state);
  for (const ByteView part : parts) crypto_hash_sha512_update(&state, part.data(), part.size());
  crypto_hash_sha512_final(&state, out.data());
  sodium_memzero(&state, sizeof state);
}

Sha512Hash Sha512(std::initializer_list<ByteView> parts) {
  Sha512Hash out;
  Sha512(parts, out);
  return out;
}

// y < 2^255 - 19, whatever the sign bit of x is.
bool IsCanonicalY(const Point& point) {
  return (point[31] & 0x7f) != 0x7f || point[0] < 0xed ||
         std::any_of(point.begin() + 1, point.end() - 1, [](uint8_t byte) { return byte != 0xff; });
}

// s < order; both are public.
bool IsReduced(ByteView s) {
  return std::lexicographical_compare(s.rbegin(), s.rend(), kOrder.rbegin(), kOrder.rend());
}

// 8 * point. Nothing if it is not on the curve.
std::optional<Point> TimesCofactor(Point point) {
  for (int i = 0; i < 3; ++i) {
    if (crypto_core_ed25519_add(point.data(), point.data(), point.data()) != 0) return std::nullopt;
  }
  return point;
}

// RFC 9381 §5.4.1.1, with the public key as salt. Nothing if no try of 256 hits the curve: an input
// like that takes 2^256 hashes to find.
std::optional<Point> EncodeToCurve(ByteView public_key, ByteView input) {
  const uint8_t front[] = {kSuite, kEncodeToCurve};
  for (int attempt = 0; attempt < 256; ++attempt) {
    const uint8_t end[] = {static_cast<uint8_t>(attempt), kBack};
    const Sha512Hash hash = Sha512({front, public_key, input, end});
    Point point;
    std::copy_n(hash.begin(), point.size(), point.begin());
    if (!IsCanonicalY(point)) continue;
    const std::optional<Point> multiple = TimesCofactor(point);
    if (multiple && *multiple != kIdentity) return multiple;
  }
  return std::nullopt;
}

// RFC 9381 §5.4.3.
Challenge MakeChallenge(ByteView public_key, const Point& h, ByteView gamma, const Point& u,
                        const Point& v) {
  const uint8_t front[] = {kSuite, kChallenge}, end[] = {kBack};
  const Sha512Hash hash = Sha512({front, public_key, h, gamma, u, v, end});
  Challenge out;
  std::copy_n(hash.begin(), out.size(), out.begin());
  return out;
}

// RFC 9381 §5.2, steps 4 to 8. `gamma` is a point on the curve.
VrfOutput OutputOf(const Point& gamma) {
  const std::optional<Point> multiple = TimesCofactor(gamma);
  CHECK(multiple.has_value());
  const uint8_t front[] = {kSuite, kProofToHash}, end[] = {kBack};
  return Sha512({front, *multiple, end});
}

// `c` as a scalar.
Point Widened(const Challenge& c) {
  Point out{};
  std::copy(c.begin(), c.end(), out.begin());
  return out;
}

struct DecodedProof {
  Point gamma;
  Challenge c;
  Point s;
};

// RFC 9381 §5.4.4.
absl::StatusOr<DecodedProof> DecodeProof(ByteView proof) {
  if (proof.size() != kVrfProofSize)
    return absl::InvalidArgumentError("a VRF proof is 80 bytes long");
  DecodedProof out;
  std::copy_n(proof.begin(), 32, out.gamma.begin());
  std::copy_n(proof.begin() + 32, 16, out.c.begin());
  std::copy_n(proof.begin() + 48, 32, out.s.begin());
  if (crypto_core_ed25519_is_valid_point(out.gamma.data()) != 1) {
    return absl::InvalidArgumentError(
        "the point of a VRF proof is not canonical or not in the main subgroup");
  }
  if (!IsReduced(out.s))
    return absl::InvalidArgumentError("a number of a VRF proof is not canonical");
  return out;
}

}  // namespace

absl::StatusOr<VrfOutput> VrfProofToHash(ByteView proof) {
  ASSIGN_OR_RETURN(const DecodedProof decoded, DecodeProof(proof));
  return OutputOf(decoded.gamma);
}

absl::StatusOr<VrfPublicKey> VrfPublicKey::Parse(ByteView bytes) {
  if (bytes.size() != kVrfKeySize)
    return absl::InvalidArgumentError("a VRF public key is 32 bytes long");
  if (crypto_core_ed25519_is_valid_point(bytes.data()) != 1)
    return absl::InvalidArgumentError("not a valid VRF public key");
  VrfPublicKey out;
  std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
  return out;
}

absl::StatusOr<VrfOutput> VrfPublicKey::Verify(ByteView input, ByteView proof) const {
  const absl::Status wrong = absl::UnauthenticatedError("the VRF proof does not verify");
  ASSIGN_OR_RETURN(const DecodedProof decoded, DecodeProof(proof));
  const std::optional<Point> h = EncodeToCurve(bytes_, input);
  if (!h) return wrong;
  const Point c = Widened(decoded.c);
  // U = s*B - c*Y, V = s*H - c*Gamma. libsodium refuses to multiply by zero: such a proof is
  // refused, and by chance nobody makes one (2^-128).
  Point sb, cy, sh, cg, u, v;
  if (crypto_scalarmult_ed25519_base_noclamp(sb.data(), decoded.s.data()) != 0 ||
      crypto_scalarmult_ed25519_noclamp(cy.data(), c.data(), bytes_.data()) != 0 ||
      crypto_scalarmult_ed25519_noclamp(sh.data(), decoded.s.data(), h->data()) != 0 ||
      crypto_scalarmult_ed25519_noclamp(cg.data(), c.data(), decoded.gamma.data()) != 0 ||
      crypto_core_ed25519_sub(u.data(), sb.data(), cy.data()) != 0 ||
      crypto_core_ed25519_sub(v.data(), sh.data(), cg.data()) != 0) {
    return wrong;
  }
  if (MakeChallenge(bytes_, *h, decoded.gamma, u, v) != decoded.c) return wrong;
  return OutputOf(decoded.gamma);
}

VrfKeyPair::VrfKeyPair(Secret&& seed) : seed_(std::move(seed)) {
  Secret expanded(crypto_hash_sha512_BYTES);
  Sha512({seed_.view()}, expanded.span());
  scalar_ = Secret::CopyOf(expanded.view().first(32));
  scalar_.span()[0] &= 248;
  scalar_.span()[31] &= 127;
  scalar_.span()[31] |= 64;
  nonce_prefix_ = Secret::CopyOf(expanded.view().subspan(32));
  CHECK(crypto_scalarmult_ed25519_base(public_key_.bytes_.data(), scalar_.view().data()) == 0);
}

VrfKeyPair VrfKeyPair::Generate() { return VrfKeyPair(Secret::Random(kVrfSeedSize)); }

absl::StatusOr<VrfKeyPair> VrfKeyPair::FromSeed(Secret&& seed) {
  if (seed.size() != kVrfSeedSize) return absl::InvalidArgumentError("a VRF seed is 32 bytes long");
  return VrfKeyPair(std::move(seed));
}

VrfOutput VrfKeyPair::Evaluate(ByteView input) const {
  const std::optional<Point> h = EncodeToCurve(public_key_.bytes_, input);
  CHECK(h.has_value());
  Point gamma;
  CHECK(crypto_scalarmult_ed25519(gamma.data(), scalar_.view().data(), h->data()) == 0);
  return OutputOf(gamma);
}

VrfProof VrfKeyPair::Prove(ByteView input) const {
  const std::optional<Point> h = EncodeToCurve(public_key_.bytes_, input);
  CHECK(h.has_value());
  Point gamma, u, v;
  CHECK(crypto_scalarmult_ed25519(gamma.data(), scalar_.view().data(), h->data()) == 0);
  // RFC 9381 §5.4.2.2.
  Secret hashed(crypto_hash_sha512_BYTES), k(32);
  Sha512({nonce_prefix_.view(), *h}, hashed.span());
  crypto_core_ed25519_scalar_reduce(k.span().data(), hashed.view().data());
  CHECK(crypto_scalarmult_ed25519_base_noclamp(u.data(), k.view().data()) == 0);
  CHECK(crypto_scalarmult_ed25519_noclamp(v.data(), k.view().data(), h->data()) == 0);
  const Challenge c = MakeChallenge(public_key_.bytes_, *h, gamma, u, v);
  // s = k + c*x mod order.
  Secret wide(64), x(32), product(32);
  std::copy_n(scalar_.view().begin(), 32, wide.span().begin());
  crypto_core_ed25519_scalar_reduce(x.span().data(), wide.view().data());
  crypto_core_ed25519_scalar_mul(product.span().data(), Widened(c).data(), x.view().data());
  VrfProof out;
  std::copy(gamma.begin(), gamma.end(), out.begin());
  std::copy(c.begin(), c.end(), out.begin() + 32);
  crypto_core_ed25519_scalar_add(out.data() + 48, k.view().data(), product.view().data());
  return out;
}

}  // namespace plumbline::crypto
