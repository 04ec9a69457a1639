// The signature schemes of the cipher suites (RFC 9420 §17.1). Stateless and thread-safe.
// Private keys are the seed (Ed25519: 32 bytes, Ed448: 57) or the scalar (ECDSA); public keys the point, for ECDSA
// uncompressed; ECDSA signatures are in DER (§5.1.2).
#pragma once

#include <cstdint>

#include "common/bytes.h"
#include "common/status.h"
#include "mls/crypto/keys.h"

namespace plumbline::mls {

// Numbers of RFC 8446 §4.2.3.
enum class SignatureScheme : uint16_t {
  kEcdsaP256 = 0x0403,
  kEcdsaP384 = 0x0503,
  kEcdsaP521 = 0x0603,
  kEd25519 = 0x0807,
  kEd448 = 0x0808,
};

SignatureKeyPair GenerateSignatureKeyPair(SignatureScheme scheme);
// INVALID_ARGUMENT for a key that is none of the scheme.
absl::StatusOr<Bytes> SignaturePublicKey(SignatureScheme scheme, const SignaturePrivateKey& key);
absl::Status CheckSignaturePublicKey(SignatureScheme scheme, ByteView public_key);
// Keeps beside the key what each signature would derive anew (Ed25519: the public key, half of what signing takes).
// Nothing for other schemes, or a key that is none.
void PrepareToSign(SignatureScheme scheme, SignaturePrivateKey& key);
absl::StatusOr<Bytes> Sign(SignatureScheme scheme, const SignaturePrivateKey& key, ByteView message);
// INVALID_ARGUMENT if it does not verify, a malformed key or signature included.
absl::Status Verify(SignatureScheme scheme, ByteView public_key, ByteView message, ByteView signature);

}  // namespace plumbline::mls
