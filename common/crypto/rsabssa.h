// The mathematics of RSABSSA-SHA384 (RFC 9474 §4) with the public exponent 65537, for a modulus of
// any size and a salt of any length. blind_rsa.h is this with one size and one salt length, and is
// what to use: only that and the published vectors, whose modulus has 4096 bits, come here. The
// randomized variants of §5 are the same functions on a message with 32 random bytes in front
// (§4.1).
//
// Numbers are big-endian; a modulus has no leading zero and is odd. Thread-safe.
#pragma once

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace plumbline::crypto::rsabssa {

inline constexpr uint32_t kPublicExponent = 65537;

// EMSA-PSS-ENCODE (RFC 8017 §9.1.1) with SHA-384 and MGF1 of it, for a number of `bits` bits.
// INVALID_ARGUMENT if hash and salt do not fit.
absl::StatusOr<Bytes> EncodePss(ByteView message, ByteView salt, size_t bits);

// What hides a message: 0 < factor < modulus, evenly random.
Secret RandomFactor(ByteView modulus);

struct Blinded {
  Bytes message;   // as long as the modulus
  Secret inverse;  // of the factor; as long as the modulus
};
// RFC 9474 §4.2, with the salt and the factor given. INVALID_ARGUMENT if the factor is not between
// zero and the modulus, if it or the encoded message shares a divisor with the modulus (which
// nobody meets whose modulus has two large primes), or if the modulus is even or too small.
absl::StatusOr<Blinded> Blind(ByteView modulus, ByteView message, ByteView salt,
                              const Secret& factor);

// RFC 9474 §4.3: the private operation by OpenSSL (its own blinding, Chinese remainders), checked
// with the public one. INVALID_ARGUMENT unless the message is as long as the modulus and below it;
// INTERNAL if the operation went wrong: nothing of its result is given away.
absl::StatusOr<Bytes> BlindSign(evp_pkey_st* secret_key, ByteView blinded_message);

// For a private operation that was done elsewhere: before it, INVALID_ARGUMENT unless the message is as long as the modulus and below
// it; after it, INTERNAL unless `blind_signature` comes back to the message under the public key: nothing of it is to be given away.
absl::Status CheckBlinded(ByteView modulus, ByteView blinded_message);
absl::Status CheckBlindSignature(ByteView modulus, ByteView blinded_message, ByteView blind_signature);

// RFC 9474 §4.4. INVALID_ARGUMENT unless `blind_signature` is as long as the modulus and below it;
// UNAUTHENTICATED if what it makes is no signature.
absl::StatusOr<Bytes> Finalize(ByteView modulus, ByteView message, size_t salt_size,
                               ByteView blind_signature, const Secret& inverse);

// RSASSA-PSS-VERIFY (RFC 8017 §8.1.2) with a salt of just that length. INVALID_ARGUMENT unless the
// signature is as long as the modulus, UNAUTHENTICATED if it does not verify.
absl::Status Verify(ByteView modulus, ByteView message, size_t salt_size, ByteView signature);

}  // namespace plumbline::crypto::rsabssa
