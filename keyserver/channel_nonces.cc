#include "keyserver/channel_nonces.h"

#include <algorithm>

#include "common/identity/reason.h"
#include "common/retry.h"

namespace plumbline::keyserver {

using identity::Refuse;

absl::StatusOr<identity::Nonce> ChannelNonces::Open(const identity::Hash& certificate, absl::Time now) {
  MutexLock lock(mutex_);
  if (channels_.size() >= kMaxChannels) {
    return WithRetryAfter(Refuse(absl::StatusCode::kResourceExhausted, "busy",
                                 "too many devices at once; try again in a minute"),
                          absl::Minutes(1));
  }
  const identity::Nonce nonce = identity::RandomFixed<32>();
  std::vector<identity::Nonce>& own = by_certificate_[certificate];
  if (own.size() == kMaxChannelsPerCertificate) {
    channels_.erase(own.front());
    own.erase(own.begin());
  }
  own.push_back(nonce);
  channels_[nonce] = Channel{certificate, now + kChannelLife, 0};
  return nonce;
}

absl::StatusOr<ChannelNonces::Channel*> ChannelNonces::Find(const identity::Nonce& nonce,
                                                            const identity::Hash& certificate,
                                                            uint64_t counter, absl::Time now) {
  const auto found = channels_.find(nonce);
  if (found == channels_.end() || found->second.certificate != certificate || now >= found->second.end) {
    return Refuse(absl::StatusCode::kUnauthenticated, "channel_unknown",
                  "the nonce is not one of this certificate's, or is over; call OpenChannel");
  }
  if (counter <= found->second.last_counter) {
    return Refuse(absl::StatusCode::kUnauthenticated, "request_replayed",
                  "the counter must grow with each request");
  }
  return &found->second;
}

absl::Status ChannelNonces::Check(const identity::Nonce& nonce, const identity::Hash& certificate,
                                  uint64_t counter, absl::Time now) {
  MutexLock lock(mutex_);
  return Find(nonce, certificate, counter, now).status();
}

absl::Status ChannelNonces::Use(const identity::Nonce& nonce, const identity::Hash& certificate,
                                uint64_t counter, absl::Time now) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(Channel* const channel, Find(nonce, certificate, counter, now));
  channel->last_counter = counter;
  return absl::OkStatus();
}

void ChannelNonces::Sweep(absl::Time now) {
  MutexLock lock(mutex_);
  absl::erase_if(channels_, [now](const auto& entry) { return now >= entry.second.end; });
  for (auto& [certificate, nonces] : by_certificate_) {
    const auto gone =
        std::remove_if(nonces.begin(), nonces.end(),
                       [this](const identity::Nonce& nonce)
                           ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !channels_.contains(nonce); });
    nonces.erase(gone, nonces.end());
  }
  absl::erase_if(by_certificate_, [](const auto& entry) { return entry.second.empty(); });
}

}  // namespace plumbline::keyserver
