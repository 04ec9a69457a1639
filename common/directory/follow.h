// How a person's changes reach those who know them, out of a feed that everybody reads whole: each entry of the log comes with
// what it commits to, sealed under a key that is handed out with the first look-up of that person. So nobody has to say again
// whom they ask about, and whoever was never told about a person learns nothing from the feed (docs/transparency.md).
//
//   follow key = HMAC-SHA256(the key server's secret, "plumbline follow v1" || index[32])
//   struct { opaque nonce[32]; opaque record<V>; opaque signature[64]; opaque credentials<V>; } Followed;  // of opaque<V>
//   sealed = nonce[24] || XChaCha20-Poly1305(follow key, nonce, aad: the entry's leaf, Followed)
//
// with the first 24 bytes of HMAC-SHA256(follow key, leaf || Followed) as nonce: sealed again it is the same.
#pragma once

#include <vector>

#include "common/identity/commitment.h"
#include "common/secret.h"
#include "common/tlog/map.h"

namespace plumbline::directory {

inline constexpr size_t kFollowKeySize = 32;
inline constexpr size_t kMaxFollowed = 256 << 10;  // bytes, sealed

struct Followed {
  identity::CommitmentNonce nonce;  // of the record's commitment
  Bytes record;                     // encoded identity::DirectoryRecord
  Bytes signature;                  // 64 bytes, the directory's
  std::vector<Bytes> credentials;   // DER, in the order of the record's devices
};

Secret FollowKey(const Secret& secret, const tlog::MapIndex& index);
Bytes Seal(const Followed& followed, const Secret& key, ByteView leaf);
// UNAUTHENTICATED unless it was sealed under this key with this leaf; INVALID_ARGUMENT if what is inside is malformed.
absl::StatusOr<Followed> OpenFollowed(ByteView sealed, const Secret& key, ByteView leaf);

}  // namespace plumbline::directory
