// The Diffie-Hellman half of a DHKEM (RFC 9180 §4.1, §7.1): one table over five groups. Stateless and thread-safe.
#pragma once

#include <cstdint>

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"
#include "mls/crypto/hash.h"

namespace plumbline::mls {

// Numbers of RFC 9180 §7.1.
enum class KemId : uint16_t { kP256 = 0x0010, kP384 = 0x0011, kP521 = 0x0012, kX25519 = 0x0020, kX448 = 0x0021 };

size_t KemPrivateKeySize(KemId kem);  // Nsk, bytes
size_t KemPublicKeySize(KemId kem);   // Npk and Nenc, bytes
HashId KemHash(KemId kem);            // its HKDF's; the shared secret has that hash's size

// INVALID_ARGUMENT for a key of the wrong size or outside its group, and for one of small order.
absl::Status CheckKemPublicKey(KemId kem, ByteView public_key);
absl::StatusOr<Bytes> KemPublicKey(KemId kem, ByteView private_key);
// Never all zero (RFC 9180 §7.1.4).
absl::StatusOr<Secret> KemDiffieHellman(KemId kem, ByteView private_key, ByteView public_key);
// Whether the bytes are a private key at all: for NIST curves not every string is. Of the right size.
bool IsKemPrivateKey(KemId kem, ByteView private_key);

}  // namespace plumbline::mls
