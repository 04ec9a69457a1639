// SHA-2 as the cipher suites use it: digest, HMAC (RFC 2104) and HKDF (RFC 5869). Stateless and thread-safe; from
// libcrypto, each algorithm fetched once.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "common/bytes.h"
#include "common/secret.h"

namespace plumbline::mls {

// The numbers of RFC 9180 §7.2 for HKDF with that hash.
enum class HashId : uint16_t { kSha256 = 0x0001, kSha384 = 0x0002, kSha512 = 0x0003 };

size_t HashSize(HashId hash);  // 32, 48 or 64 bytes

// HashSize(hash) bytes, as all results here but HkdfExpand's.
Bytes Digest(HashId hash, ByteView data);
// Over the concatenation of `parts`.
Secret Hmac(HashId hash, ByteView key, std::initializer_list<ByteView> parts);
// An empty salt stands for HashSize(hash) zero bytes, as the RFC says (HMAC pads both to the same block).
Secret HkdfExtract(HashId hash, ByteView salt, std::initializer_list<ByteView> ikm);
// `size` <= MaxHkdfSize(hash): RFC 5869's limit; the caller's bug beyond it.
Secret HkdfExpand(HashId hash, ByteView prk, ByteView info, size_t size);
inline size_t MaxHkdfSize(HashId hash) { return 255 * HashSize(hash); }

}  // namespace plumbline::mls
