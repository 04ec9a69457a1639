// HKDF with SHA-256 (RFC 5869) and HMAC-SHA256 (RFC 2104).
#pragma once

#include <array>

#include "common/bytes.h"
#include "common/secret.h"

namespace plumbline::crypto {

inline constexpr size_t kSha256Size = 32;
inline constexpr size_t kMaxHkdfOutput = 255 * kSha256Size;

// Extract and expand in one. `salt` may be empty; `info` separates uses; `size` is 1..kMaxHkdfOutput.
Secret HkdfSha256(ByteView key_material, ByteView salt, ByteView info, size_t size);

// 32 bytes. Compare with ConstantTimeEqual.
std::array<uint8_t, kSha256Size> HmacSha256(ByteView key, ByteView message);

}  // namespace plumbline::crypto
