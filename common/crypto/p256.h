// A P-256 private key, for certificate authorities and TLS.
#pragma once

#include "common/bytes.h"
#include "common/crypto/signer.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::crypto {

// True for the 91 bytes of DER that are a P-256 key as named curve with an uncompressed point, and nothing else.
// Does not check that the point is on the curve.
bool IsP256Spki(ByteView spki);
// SubjectPublicKeyInfo of an uncompressed point, 65 bytes. INVALID_ARGUMENT unless it is one of the curve.
absl::StatusOr<Bytes> P256Spki(ByteView point);

// Kept as unencrypted PKCS#8 DER in wiped memory. Move-only; signing is thread-safe.
class P256PrivateKey final : public P256Signer {
 public:
  static P256PrivateKey Generate();
  // INVALID_ARGUMENT unless it is exactly one valid P-256 private key in PKCS#8.
  static absl::StatusOr<P256PrivateKey> FromDer(ByteView pkcs8);
  static absl::StatusOr<P256PrivateKey> FromPem(const Secret& pem);

  ByteView der() const { return der_.view(); }
  Secret ToPem() const;
  // SubjectPublicKeyInfo, DER.
  const Bytes& spki() const override { return spki_; }
  absl::StatusOr<Bytes> Sign(ByteView message) const override;  // never fails

 private:
  P256PrivateKey() = default;
  Secret der_;
  Bytes spki_;
};

}  // namespace plumbline::crypto
