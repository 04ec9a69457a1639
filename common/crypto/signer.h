// What signs, wherever the private key is: in memory (Ed25519KeyPair, P256PrivateKey) or in a token (common/pkcs11). Thread-safe.
// A token may be out of reach, so every signature may fail: UNAVAILABLE, and nothing was signed.
#pragma once

#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::crypto {

class Ed25519PublicKey;

class Ed25519Signer {
 public:
  virtual ~Ed25519Signer() = default;
  virtual const Ed25519PublicKey& public_key() const = 0;
  // RFC 8032 over the bare `message`; 64 bytes. For formats that demand it (signed notes); everything else goes through SignUnder.
  virtual absl::StatusOr<Bytes> SignBare(ByteView message) const = 0;
};

// Under a label (common/crypto/ed25519.h); what Ed25519PublicKey::Verify verifies.
absl::StatusOr<Bytes> SignUnder(const Ed25519Signer& signer, absl::string_view label, ByteView message);

class P256Signer {
 public:
  virtual ~P256Signer() = default;
  // SubjectPublicKeyInfo, DER (IsP256Spki).
  virtual const Bytes& spki() const = 0;
  // ECDSA with SHA-256 over `message`, as DER (RFC 3279 §2.2.3).
  virtual absl::StatusOr<Bytes> Sign(ByteView message) const = 0;
};

// OK if `signature` is what P256Signer::Sign makes with that key. INVALID_ARGUMENT for a malformed key, UNAUTHENTICATED.
absl::Status VerifyP256(ByteView spki, ByteView message, ByteView signature);

}  // namespace plumbline::crypto
