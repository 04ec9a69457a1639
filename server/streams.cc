#include "server/streams.h"

#include <algorithm>

#include "common/identity/reason.h"
#include "common/retry.h"

namespace plumbline::server {

using Closed = delivery::v1::ReceiveResponse::Closed;

namespace {

// Of all streams, those that have shown no proof yet.
constexpr size_t kUnprovedShare = 4;
constexpr absl::Duration kRetry = absl::Seconds(5);

absl::Status NoRoom() {
  return WithRetryAfter(identity::Refuse(absl::StatusCode::kResourceExhausted, "too_many_streams",
                                         "the server has no room for another stream; try again in a minute"),
                        kRetry);
}

}  // namespace

Streams::Streams(size_t max_streams)
    : max_streams_(max_streams), max_unproved_(std::max<size_t>(1, max_streams / kUnprovedShare)) {}

void Streams::Start(const std::shared_ptr<ReceiveStream>& stream) {
  bool late = false;
  std::shared_ptr<ReceiveStream> refused;
  {
    MutexLock lock(mutex_);
    late = shutting_down_;
    if (late) {
    } else if (all_.size() >= max_streams_ && unproved_.empty()) {
      refused = stream;
    } else if (all_.size() >= max_streams_ || unproved_.size() >= max_unproved_) {
      refused = unproved_.begin()->second;
      Proved(refused.get());  // no longer counted
    }
    if (refused != stream) {
      all_[stream.get()] = stream;
      order_[stream.get()] = next_;
      unproved_[next_++] = stream;
    }
  }
  if (refused != nullptr) refused->Refuse(NoRoom());
  if (refused == stream) return;
  if (late) {
    stream->Close(Closed::SHUTTING_DOWN);
  } else {
    stream->Start();
  }
}

void Streams::Proved(const ReceiveStream* stream) {
  const auto order = order_.find(stream);
  if (order == order_.end()) return;
  unproved_.erase(order->second);
  order_.erase(order);
}

void Streams::TakeOver(const identity::MailboxId& mailbox, const std::shared_ptr<ReceiveStream>& stream) {
  std::shared_ptr<ReceiveStream> former;
  {
    MutexLock lock(mutex_);
    if (all_.count(stream.get()) == 0) return;  // done already
    Proved(stream.get());
    std::shared_ptr<ReceiveStream>& present = present_[mailbox];
    former = std::exchange(present, stream);
    mailbox_of_[stream.get()] = mailbox;
    if (former != nullptr) mailbox_of_.erase(former.get());
  }
  if (former != nullptr) former->Close(Closed::REPLACED);
}

void Streams::Forget(const ReceiveStream* stream) {
  std::shared_ptr<ReceiveStream> last;  // destroyed without the lock
  std::shared_ptr<ReceiveStream> present, unproved;
  MutexLock lock(mutex_);
  if (const auto order = order_.find(stream); order != order_.end()) {
    unproved = unproved_[order->second];
    Proved(stream);
  }
  if (const auto found = all_.find(stream); found != all_.end()) {
    last = std::move(found->second);
    all_.erase(found);
  }
  const auto mailbox = mailbox_of_.find(stream);
  if (mailbox == mailbox_of_.end()) return;
  const auto found = present_.find(mailbox->second);
  present = std::move(found->second);
  present_.erase(found);
  mailbox_of_.erase(mailbox);
}

void Streams::Offer(const identity::MailboxId& mailbox, const StoredEnvelopeView& envelope) {
  std::shared_ptr<ReceiveStream> present;
  {
    MutexLock lock(mutex_);
    const auto found = present_.find(mailbox);
    if (found != present_.end()) present = found->second;
  }
  if (present != nullptr) present->Offer(envelope);
}

void Streams::CloseMailboxes(const std::vector<identity::MailboxId>& mailboxes) {
  std::vector<std::shared_ptr<ReceiveStream>> closed;
  {
    MutexLock lock(mutex_);
    for (const identity::MailboxId& mailbox : mailboxes) {
      if (const auto found = present_.find(mailbox); found != present_.end()) closed.push_back(found->second);
    }
  }
  for (const auto& stream : closed) stream->Close(Closed::MAILBOX_CLOSED);
}

void Streams::Tick(absl::Time now) {
  std::vector<std::shared_ptr<ReceiveStream>> all;
  {
    MutexLock lock(mutex_);
    for (const auto& [order, stream] : unproved_) all.push_back(stream);
  }
  for (const auto& stream : all) stream->Tick(now);
}

void Streams::ShutDown() {
  std::vector<std::shared_ptr<ReceiveStream>> all;
  {
    MutexLock lock(mutex_);
    shutting_down_ = true;
    for (const auto& [key, stream] : all_) all.push_back(stream);
  }
  for (const auto& stream : all) stream->Close(Closed::SHUTTING_DOWN);
}

size_t Streams::size() {
  MutexLock lock(mutex_);
  return all_.size();
}

}  // namespace plumbline::server
