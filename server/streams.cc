#include "server/streams.h"

#include "common/identity/reason.h"

namespace plumbline::server {

using Closed = delivery::v1::ReceiveResponse::Closed;

void Streams::Start(const std::shared_ptr<ReceiveStream>& stream) {
  bool full = false, late = false;
  {
    MutexLock lock(mutex_);
    late = shutting_down_;
    full = all_.size() >= max_streams_;
    if (!full) all_[stream.get()] = stream;
  }
  if (full) {
    stream->Refuse(identity::Refuse(absl::StatusCode::kResourceExhausted, "too_many_streams",
                                    "the server has no room for another stream; try again in a minute"));
  } else if (late) {
    stream->Close(Closed::SHUTTING_DOWN);
  } else {
    stream->Start();
  }
}

void Streams::TakeOver(const identity::MailboxId& mailbox, const std::shared_ptr<ReceiveStream>& stream) {
  std::shared_ptr<ReceiveStream> former;
  {
    MutexLock lock(mutex_);
    if (all_.count(stream.get()) == 0) return;  // done already
    std::shared_ptr<ReceiveStream>& present = present_[mailbox];
    former = std::exchange(present, stream);
    mailbox_of_[stream.get()] = mailbox;
    if (former != nullptr) mailbox_of_.erase(former.get());
  }
  if (former != nullptr) former->Close(Closed::REPLACED);
}

void Streams::Forget(const ReceiveStream* stream) {
  std::shared_ptr<ReceiveStream> last;  // destroyed without the lock
  std::shared_ptr<ReceiveStream> present;
  MutexLock lock(mutex_);
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

void Streams::Wake(const std::set<identity::MailboxId>& mailboxes) {
  std::vector<std::shared_ptr<ReceiveStream>> awake;
  {
    MutexLock lock(mutex_);
    for (const identity::MailboxId& mailbox : mailboxes) {
      if (const auto found = present_.find(mailbox); found != present_.end()) awake.push_back(found->second);
    }
  }
  for (const auto& stream : awake) stream->Wake();
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
    for (const auto& [key, stream] : all_) {
      if (mailbox_of_.count(key) == 0) all.push_back(stream);  // the others have given their proof
    }
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
