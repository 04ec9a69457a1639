// Nonces that bind signed device requests to a certificate: handed out by OpenChannel, kept in memory for ten
// minutes. A restart forgets them, and devices ask for new ones.
#pragma once

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "common/identity/fixed.h"
#include "common/mutex.h"
#include "common/status.h"

namespace plumbline::keyserver {

inline constexpr absl::Duration kChannelLife = absl::Minutes(10);
inline constexpr size_t kMaxChannelsPerCertificate = 16;  // the oldest gives way
inline constexpr size_t kMaxChannels = 200000;            // in all

// Thread-safe.
class ChannelNonces final {
 public:
  // A new nonce for the caller with this certificate (SHA-256 of its DER). RESOURCE_EXHAUSTED busy above
  // kMaxChannels.
  absl::StatusOr<identity::Nonce> Open(const identity::Hash& certificate, absl::Time now);
  // OK if the nonce is this certificate's, is not over, and `counter` is above the last one used. Changes
  // nothing. UNAUTHENTICATED channel_unknown or request_replayed.
  absl::Status Check(const identity::Nonce& nonce, const identity::Hash& certificate, uint64_t counter,
                     absl::Time now);
  // The same, and the counter is used up. Call it once the signature has verified.
  absl::Status Use(const identity::Nonce& nonce, const identity::Hash& certificate, uint64_t counter,
                   absl::Time now);
  // Forgets what is over.
  void Sweep(absl::Time now);

 private:
  struct Channel {
    identity::Hash certificate;
    absl::Time end;
    uint64_t last_counter = 0;
  };
  absl::StatusOr<Channel*> Find(const identity::Nonce& nonce, const identity::Hash& certificate,
                                uint64_t counter, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Mutex mutex_;
  absl::flat_hash_map<identity::Nonce, Channel> channels_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<identity::Hash, std::vector<identity::Nonce>> by_certificate_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbline::keyserver
