// Key and ciphertext types of a cipher suite. Each key is its own type, so one cannot be passed for another.
#pragma once

#include "common/bytes.h"
#include "common/secret.h"

namespace plumbline::mls {

struct HpkePrivateKey {
  Secret bytes;  // the scalar: KemPrivateKeySize bytes
};
struct SignaturePrivateKey {
  Secret bytes;       // Ed25519, Ed448: the seed; ECDSA: the scalar
  Secret prepared{};  // made of `bytes` by PrepareToSign, which alone may set it; empty: Sign does without
};
struct HpkeKeyPair {
  HpkePrivateKey private_key;
  Bytes public_key;
};
struct SignatureKeyPair {
  SignaturePrivateKey private_key;
  Bytes public_key;
};

// RFC 9420 §5.1.3: what EncryptWithLabel makes and HPKECiphertext carries.
struct HpkeCiphertext {
  Bytes kem_output;
  Bytes ciphertext;
  bool operator==(const HpkeCiphertext&) const = default;
};

// A secret that sender and recipient of an HPKE key encapsulation share (RFC 9180 §5.3).
struct HpkeExported {
  Bytes kem_output;
  Secret secret;
};

}  // namespace plumbline::mls
