#include "server/receive_stream.h"

#include <algorithm>

#include "common/identity/reason.h"

namespace plumbline::server {
namespace {

using delivery::v1::ReceiveRequest;
using delivery::v1::ReceiveResponse;

absl::Status Malformed(absl::string_view text) {
  return identity::Refuse(absl::StatusCode::kInvalidArgument, "request_malformed", text);
}

}  // namespace

void ReceiveStream::Step(const std::function<void()>& change) {
  mutex_.Lock();
  if (!finished_) change();
  if (driving_) {  // whoever drives takes the change into account
    mutex_.Unlock();
    return;
  }
  driving_ = true;
  while (const Operation operation = Next()) {
    mutex_.Unlock();
    operation();
    mutex_.Lock();
  }
  driving_ = false;
  mutex_.Unlock();
}

ReceiveStream::Operation ReceiveStream::Next() {
  if (finished_) return nullptr;
  if (end_) return NextEnd();
  if (!writing_) {
    if (Operation write = NextWrite()) return write;
  }
  return NextWork();
}

ReceiveStream::Operation ReceiveStream::NextEnd() {
  if (writing_) return nullptr;
  if (closing_) {
    ReceiveResponse message;
    message.mutable_closed()->set_reason(*closing_);
    closing_.reset();
    return Write(std::move(message));
  }
  finished_ = true;
  return [this, status = *end_] { port_.Finish(status); };
}

ReceiveStream::Operation ReceiveStream::NextWrite() {
  ReceiveResponse message;
  if (challenge_due_) {
    challenge_due_ = false;
    message.mutable_challenge()->set_nonce(ToString(nonce_));
    message.mutable_challenge()->set_store_id(ToString(store_id_));
    return Write(std::move(message));
  }
  if (take_over_due_) return nullptr;
  const bool stored_before = !pending_.empty() && pending_.front().step <= mark_;
  if (caught_up_due_ && !stored_before) {
    caught_up_due_ = false;
    caught_up_ = true;
    message.mutable_caught_up();
    return Write(std::move(message));
  }
  if (!pending_.empty()) return WriteDelivery();
  return nullptr;
}

ReceiveStream::Operation ReceiveStream::WriteDelivery() {
  ReceiveResponse message;
  const StoredEnvelope& envelope = pending_.front();
  message.mutable_delivery()->set_tag(next_tag_);
  message.mutable_delivery()->set_envelope_id(ToString(envelope.envelope_id));
  message.mutable_delivery()->set_sealed(ToString(envelope.sealed));
  message.mutable_delivery()->set_place(ToString(envelope.after.view()));
  unacknowledged_[next_tag_++] = envelope.row;
  pending_.pop_front();
  return Write(std::move(message));
}

ReceiveStream::Operation ReceiveStream::Write(ReceiveResponse&& message) {
  writing_ = true;
  return [this, message = std::move(message)]() mutable { port_.StartWrite(std::move(message)); };
}

ReceiveStream::Operation ReceiveStream::NextWork() {
  if (proof_ && !proving_) {
    proving_ = true;
    return [this, mailbox = mailbox_, nonce = nonce_, proof = *std::exchange(proof_, std::nullopt)]() mutable {
      port_.Prove(mailbox, nonce, std::move(proof));
    };
  }
  if (take_over_due_) {
    take_over_due_ = false;
    return [this, mailbox = mailbox_] { port_.TakeOver(mailbox); };
  }
  if (!acknowledged_.empty() && !acknowledging_) {
    acknowledging_ = true;
    return [this, mailbox = mailbox_, rows = std::exchange(acknowledged_, {})]() mutable {
      port_.Acknowledge(mailbox, std::move(rows));
    };
  }
  if (phase_ == Phase::kReceiving && look_ && !fetching_ && pending_.empty() && unacknowledged_.size() < kWindow) {
    fetching_ = true;
    look_ = false;
    const ReadLimit limit{std::min(kBatch.rows, kWindow - unacknowledged_.size()), kBatch.bytes};
    return [this, mailbox = mailbox_, place = reached_, limit] { port_.Fetch(mailbox, place, limit); };
  }
  // What a client can pile up is bounded: each delivery is acknowledged once, and there are at most kWindow of them.
  if (!reading_ && !proof_ && !proving_ && !half_closed_) {
    reading_ = true;
    return [this] { port_.StartRead(); };
  }
  return nullptr;
}

void ReceiveStream::Start() {
  Step([] {});
}

void ReceiveStream::Refuse(const absl::Status& status) {
  Step([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { End(status); });
}

void ReceiveStream::End(const absl::Status& status) {
  if (!end_) end_ = status;
}

void ReceiveStream::EndIfAllIsDone() {
  // The client has no more to say: it hears OK when its acknowledgements are on disk.
  if (half_closed_ && acknowledged_.empty() && !acknowledging_) End(absl::OkStatus());
}

void ReceiveStream::OnRead(bool ok, const ReceiveRequest& message) {
  Step([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    reading_ = false;
    if (end_) return;
    if (!ok) {
      half_closed_ = true;
      return EndIfAllIsDone();
    }
    Read(message);
  });
}

void ReceiveStream::Read(const ReceiveRequest& message) {
  switch (message.message_case()) {
    case ReceiveRequest::kOpen:
      return ReadOpen(message.open());
    case ReceiveRequest::kProof:
      return ReadProof(message.proof());
    case ReceiveRequest::kAck:
      return ReadAck(message.ack());
    case ReceiveRequest::MESSAGE_NOT_SET:
      return End(Malformed("a message on the stream is empty or unknown"));
  }
}

void ReceiveStream::ReadOpen(const ReceiveRequest::Open& open) {
  if (phase_ != Phase::kOpening) return End(Malformed("a stream opens one mailbox, once"));
  const absl::StatusOr<identity::MailboxId> mailbox = identity::ToFixed<16>(AsBytes(open.mailbox_id()));
  if (!mailbox.ok()) return End(Malformed("a mailbox id has 16 bytes"));
  mailbox_ = *mailbox;
  nonce_ = identity::RandomFixed<32>();
  challenge_due_ = true;
  phase_ = Phase::kProving;
}

void ReceiveStream::ReadProof(const ReceiveRequest::Proof& proof) {
  if (phase_ != Phase::kProving) return End(Malformed("a proof answers a challenge, once"));
  if (proof.signature().size() != 64) return End(Malformed("a signature has 64 bytes"));
  const absl::StatusOr<identity::MailboxPlace> place = identity::MailboxPlace::Parse(AsBytes(proof.place()));
  if (!place.ok()) return End(Malformed("a place has 32 bytes"));
  proof_ = ReceiveProof{ToBytes(AsBytes(proof.signature())), *place};
  reached_ = *place;
}

void ReceiveStream::ReadAck(const ReceiveRequest::Ack& ack) {
  if (phase_ != Phase::kReceiving) return End(Malformed("an acknowledgement follows a delivery"));
  if (ack.tags_size() > static_cast<int>(kWindow)) return End(Malformed("an acknowledgement has at most 256 tags"));
  for (const uint64_t tag : ack.tags()) {
    if (tag == 0 || tag >= next_tag_) return End(Malformed("an acknowledgement has a tag that was not sent"));
  }
  for (const uint64_t tag : ack.tags()) {
    const auto found = unacknowledged_.find(tag);
    if (found == unacknowledged_.end()) continue;  // acknowledged before
    acknowledged_.push_back(found->second);
    unacknowledged_.erase(found);
  }
}

void ReceiveStream::OnWritten(bool ok) {
  Step([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    writing_ = false;
    if (ok) return;
    closing_.reset();  // nobody hears it
    End(absl::CancelledError("the client is gone"));
  });
}

void ReceiveStream::OnProved(const absl::StatusOr<uint64_t>& behind) {
  Step([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    proving_ = false;
    if (!behind.ok()) return End(behind.status());
    if (end_) return;
    mark_ = *behind;
    phase_ = Phase::kReceiving;
    take_over_due_ = true;
    look_ = true;
  });
}

void ReceiveStream::OnFetched(absl::StatusOr<Batch> batch) {
  Step([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    fetching_ = false;
    if (end_) return;
    if (absl::IsNotFound(batch.status())) {
      closing_ = ReceiveResponse::Closed::MAILBOX_CLOSED;
      return End(absl::OkStatus());
    }
    if (!batch.ok()) return End(batch.status());
    for (StoredEnvelope& envelope : batch->envelopes) {
      envelope.step += steps_;
      pending_.push_back(std::move(envelope));
    }
    reached_ = batch->reached;
    steps_ += batch->steps;
    passed_over_ = batch->envelopes.empty() ? passed_over_ + batch->steps : 0;
    if (passed_over_ > EnvelopeStore::kMaxSteps) return End(absl::DataLossError("store_damaged: a mailbox's places lead nowhere"));
    look_ |= batch->more;
    current_ = !look_;
    const bool all_sent = !batch->more || steps_ >= mark_;
    if (!caught_up_ && all_sent) caught_up_due_ = true;
  });
}

void ReceiveStream::OnAcknowledged(const absl::Status& status) {
  Step([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    acknowledging_ = false;
    if (!status.ok()) return End(status);
    EndIfAllIsDone();
  });
}

void ReceiveStream::OnCancelled() {
  Step([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    closing_.reset();
    End(absl::CancelledError("the client is gone"));
  });
}

bool ReceiveStream::HasRoomFor(size_t size) const {
  if (pending_.empty()) return unacknowledged_.size() < kWindow;
  for (const StoredEnvelope& envelope : pending_) size += envelope.sealed.size();
  return pending_.size() < kBatch.rows && size <= kBatch.bytes && unacknowledged_.size() + pending_.size() < kWindow;
}

void ReceiveStream::Offer(const StoredEnvelopeView& envelope) {
  Step([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (end_) return;
    // Only what goes where the stream has got to is certainly the next one. Anything else a fetch may have brought already, or passed over.
    current_ = current_ && HasRoomFor(envelope.sealed.size()) && envelope.stored.before == reached_;
    if (!current_) {
      look_ = true;
      return;
    }
    reached_ = envelope.stored.after;
    pending_.push_back({envelope.stored.row, envelope.envelope_id, ToBytes(envelope.sealed), envelope.stored.after, ++steps_});
  });
}

void ReceiveStream::Close(CloseReason reason) {
  Step([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (end_) return;
    closing_ = reason;
    End(absl::OkStatus());
  });
}

void ReceiveStream::Tick(absl::Time now) {
  Step([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (phase_ == Phase::kReceiving || now - opened_ < kProofTime) return;
    End(identity::Refuse(absl::StatusCode::kDeadlineExceeded, "proof_missing", "the proof of ownership did not come in time"));
  });
}

}  // namespace plumbline::server
