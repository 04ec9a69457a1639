#include "mls/crypto/signature.h"

#include "common/check.h"
#include "mls/crypto/curve448.h"
#include "mls/crypto/nist_curve.h"
#include "mls/crypto/primitives.h"

namespace plumbline::mls {
namespace {

NistCurve CurveOf(SignatureScheme scheme) {
  switch (scheme) {
    case SignatureScheme::kEcdsaP256: return NistCurve::kP256;
    case SignatureScheme::kEcdsaP384: return NistCurve::kP384;
    case SignatureScheme::kEcdsaP521: return NistCurve::kP521;
    default: break;
  }
  CHECK(false);
  return NistCurve::kP256;
}

size_t PrivateKeySize(SignatureScheme scheme) {
  if (scheme == SignatureScheme::kEd25519) return kEd25519SeedSize;
  return scheme == SignatureScheme::kEd448 ? kEd448KeySize : FieldSize(CurveOf(scheme));
}

}  // namespace

// Any string of the size is an Edwards seed. Of a scalar those at or beyond the order are thrown again: few, once the
// seven unused bits of P-521 are cleared.
SignatureKeyPair GenerateSignatureKeyPair(SignatureScheme scheme) {
  for (;;) {
    SignatureKeyPair pair;
    pair.private_key.bytes = Secret::Random(PrivateKeySize(scheme));
    if (scheme == SignatureScheme::kEcdsaP521) pair.private_key.bytes.span()[0] &= 0x01;
    absl::StatusOr<Bytes> public_key = SignaturePublicKey(scheme, pair.private_key);
    if (!public_key.ok()) continue;
    pair.public_key = *std::move(public_key);
    return pair;
  }
}

absl::StatusOr<Bytes> SignaturePublicKey(SignatureScheme scheme, const SignaturePrivateKey& key) {
  if (!key.prepared.empty()) return ToBytes(key.prepared.view().last(kEd25519PublicKeySize));
  if (scheme == SignatureScheme::kEd25519) return Ed25519PublicKey(key.bytes.view());
  if (scheme == SignatureScheme::kEd448) return Ed448PublicKey(key.bytes.view());
  return NistPublicKey(CurveOf(scheme), key.bytes.view());
}

absl::Status CheckSignaturePublicKey(SignatureScheme scheme, ByteView public_key) {
  switch (scheme) {
    case SignatureScheme::kEd25519:
      if (public_key.size() == kEd25519PublicKeySize) return absl::OkStatus();
      return absl::InvalidArgumentError("Ed25519 public key is not 32 bytes long");
    case SignatureScheme::kEd448:
      if (public_key.size() == kEd448KeySize) return absl::OkStatus();
      return absl::InvalidArgumentError("Ed448 public key is not 57 bytes long");
    default: return CheckNistPoint(CurveOf(scheme), public_key);
  }
}

void PrepareToSign(SignatureScheme scheme, SignaturePrivateKey& key) {
  if (scheme != SignatureScheme::kEd25519 || !key.prepared.empty()) return;
  absl::StatusOr<Secret> expanded = Ed25519Expand(key.bytes.view());
  if (expanded.ok()) key.prepared = *std::move(expanded);
}

absl::StatusOr<Bytes> Sign(SignatureScheme scheme, const SignaturePrivateKey& key, ByteView message) {
  if (!key.prepared.empty()) return Ed25519SignExpanded(key.prepared.view(), message);
  if (scheme == SignatureScheme::kEd25519) return Ed25519Sign(key.bytes.view(), message);
  if (scheme == SignatureScheme::kEd448) return Ed448Sign(key.bytes.view(), message);
  return EcdsaSign(CurveOf(scheme), key.bytes.view(), message);
}

absl::Status Verify(SignatureScheme scheme, ByteView public_key, ByteView message, ByteView signature) {
  if (scheme == SignatureScheme::kEd25519) return Ed25519Verify(public_key, message, signature);
  if (scheme == SignatureScheme::kEd448) return Ed448Verify(public_key, message, signature);
  return EcdsaVerify(CurveOf(scheme), public_key, message, signature);
}

}  // namespace plumbline::mls
