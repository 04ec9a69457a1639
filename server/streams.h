// All open Receive streams, and which of them is the present one of a mailbox.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "common/mutex.h"
#include "server/receive_stream.h"

namespace plumbline::server {

// Anybody may open a stream, so those without a proof share a part of the room. When that is used up, the one that has waited
// longest for its proof makes way: a client that proves at once is hardly ever that one, whoever holds the others.
//
// Thread-safe. Never calls a stream with its own lock held.
class Streams final {
 public:
  explicit Streams(size_t max_streams);

  // Starts `stream`, or refuses it: RESOURCE_EXHAUSTED too_many_streams; after ShutDown it is closed at once.
  void Start(const std::shared_ptr<ReceiveStream>& stream);
  // `stream` is the mailbox's from now on; the one before it is closed as replaced.
  void TakeOver(const identity::MailboxId& mailbox, const std::shared_ptr<ReceiveStream>& stream);
  // `stream` is done.
  void Forget(const ReceiveStream* stream);

  // An envelope was stored for `mailbox`. To be called in the order of its rows.
  void Offer(const identity::MailboxId& mailbox, const StoredEnvelopeView& envelope);
  // The mailboxes have expired or were revoked.
  void CloseMailboxes(const std::vector<identity::MailboxId>& mailboxes);
  void Tick(absl::Time now);
  // Closes all streams, and all that come.
  void ShutDown();
  size_t size();

 private:
  void Proved(const ReceiveStream* stream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_streams_;
  const size_t max_unproved_;
  Mutex mutex_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, std::shared_ptr<ReceiveStream>> unproved_ ABSL_GUARDED_BY(mutex_);  // oldest first
  std::map<const ReceiveStream*, uint64_t> order_ ABSL_GUARDED_BY(mutex_);               // where it is in unproved_
  bool shutting_down_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<const ReceiveStream*, std::shared_ptr<ReceiveStream>> all_ ABSL_GUARDED_BY(mutex_);
  std::map<identity::MailboxId, std::shared_ptr<ReceiveStream>> present_ ABSL_GUARDED_BY(mutex_);
  std::map<const ReceiveStream*, identity::MailboxId> mailbox_of_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbline::server
