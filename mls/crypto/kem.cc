#include "mls/crypto/kem.h"

#include "common/check.h"
#include "mls/crypto/curve448.h"
#include "mls/crypto/nist_curve.h"
#include "mls/crypto/primitives.h"

namespace plumbline::mls {
namespace {

bool IsNist(KemId kem) { return static_cast<uint16_t>(kem) < static_cast<uint16_t>(KemId::kX25519); }

NistCurve CurveOf(KemId kem) {
  CHECK(IsNist(kem));
  return static_cast<NistCurve>(static_cast<uint16_t>(kem) - static_cast<uint16_t>(KemId::kP256));
}

}  // namespace

size_t KemPrivateKeySize(KemId kem) {
  if (kem == KemId::kX25519) return kX25519Size;
  return kem == KemId::kX448 ? kX448Size : FieldSize(CurveOf(kem));
}

size_t KemPublicKeySize(KemId kem) { return IsNist(kem) ? PointSize(CurveOf(kem)) : KemPrivateKeySize(kem); }

HashId KemHash(KemId kem) {
  if (kem == KemId::kX25519 || kem == KemId::kP256) return HashId::kSha256;
  return kem == KemId::kP384 ? HashId::kSha384 : HashId::kSha512;
}

absl::Status CheckKemPublicKey(KemId kem, ByteView public_key) {
  if (public_key.size() != KemPublicKeySize(kem)) {
    return absl::InvalidArgumentError("public key has the wrong size for its KEM");
  }
  if (IsNist(kem)) return CheckNistPoint(CurveOf(kem), public_key);
  const bool small = kem == KemId::kX25519 ? IsX25519SmallOrder(public_key) : IsX448SmallOrder(public_key);
  return small ? absl::InvalidArgumentError("public key has a small order") : absl::OkStatus();
}

absl::StatusOr<Bytes> KemPublicKey(KemId kem, ByteView private_key) {
  if (kem == KemId::kX25519) return X25519PublicKey(private_key);
  return kem == KemId::kX448 ? X448PublicKey(private_key) : NistPublicKey(CurveOf(kem), private_key);
}

absl::StatusOr<Secret> KemDiffieHellman(KemId kem, ByteView private_key, ByteView public_key) {
  if (kem == KemId::kX25519) return X25519(private_key, public_key);
  return kem == KemId::kX448 ? X448(private_key, public_key) : NistEcdh(CurveOf(kem), private_key, public_key);
}

bool IsKemPrivateKey(KemId kem, ByteView private_key) {
  return IsNist(kem) ? CheckNistScalar(CurveOf(kem), private_key).ok() : private_key.size() == KemPrivateKeySize(kem);
}

}  // namespace plumbline::mls
