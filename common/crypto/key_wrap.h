// Secret keys at rest, wrapped under another key (XChaCha20-Poly1305, libsodium): what a database holds of them is of no use
// without that key, which is kept elsewhere. Each wrapped key is bound to what it is for.
//
//   struct { opaque nonce[24]; opaque box[secret's size + 16]; } WrappedKey;   // random nonce; context as associated data
#pragma once

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::crypto {

inline constexpr size_t kWrappingKeySize = 32;
inline constexpr size_t kWrapOverhead = 24 + 16;
inline constexpr size_t kMaxWrapped = 512 * 1024;

// Move-only, wiped when destroyed; thread-safe.
class KeyWrap final {
 public:
  // INVALID_ARGUMENT unless `key` is 32 bytes. One key for each purpose: derive it (hkdf.h).
  static absl::StatusOr<KeyWrap> Create(Secret&& key);

  // `context` says what the secret is, so that one cannot be put in another's place. INVALID_ARGUMENT for an empty or too long secret.
  absl::StatusOr<Bytes> Wrap(const Secret& secret, ByteView context) const;
  // UNAUTHENTICATED if `wrapped` was not made by this key for this context, or was changed.
  absl::StatusOr<Secret> Unwrap(ByteView wrapped, ByteView context) const;

 private:
  explicit KeyWrap(Secret&& key) : key_(std::move(key)) {}
  Secret key_;
};

}  // namespace plumbline::crypto
