#include "client/receiver.h"

#include <algorithm>
#include <variant>

#include "common/identity/grant.h"
#include "common/identity/reason.h"
#include "common/retry.h"

namespace plumbline::client {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(200);
constexpr absl::Duration kLongestPause = absl::Seconds(30);

}  // namespace

absl::Status Receiver::Start() {
  ASSIGN_OR_RETURN(const std::vector<Mailbox> mailboxes, stores_.mailboxes.All());
  for (const Mailbox& mailbox : mailboxes) {
    if (!mailbox.open) continue;
    ASSIGN_OR_RETURN(const bool over, ForgetIfOver(mailbox));
    if (over) continue;
    Stream& stream = streams_[mailbox.id];
    if (stream.stream != nullptr || Uptime() < stream.again) continue;
    stream.number = next_number_++;
    stream.caught_up = false;
    ASSIGN_OR_RETURN(stream.stream, network_.Receive(mailbox, stream.number, events_));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Receiver::Take(const Event& event) {
  const auto found = streams_.find(event.mailbox);
  if (found == streams_.end() || found->second.number != event.stream) return false;  // of a stream that is gone
  Stream& stream = found->second;
  if (const auto* arrived = std::get_if<EnvelopeArrived>(&event.what)) {
    stream.failures = 0;
    stream.failure = absl::OkStatus();
    return TakeEnvelope(stream, event.mailbox, *arrived);
  }
  if (std::holds_alternative<CaughtUp>(event.what)) {
    stream.failures = 0;
    stream.failure = absl::OkStatus();
    stream.caught_up = true;
  } else if (const auto* ended = std::get_if<StreamEnded>(&event.what)) {
    // The server has closed the mailbox: whoever needs one opens another. What was in it is lost, and gaps will say so.
    if (const std::string reason = identity::ReasonOf(ended->why); reason == "mailbox_closed" || reason == "proof_invalid") {
      streams_.erase(found);
      RETURN_IF_ERROR(supplies_.Forget(event.mailbox));
      return true;
    }
    EndStream(stream, ended->why);
  }
  return false;
}

absl::StatusOr<bool> Receiver::TakeEnvelope(Stream& stream, const identity::MailboxId& mailbox,
                                            const EnvelopeArrived& arrived) {
  ASSIGN_OR_RETURN(TakenEnvelope taken, inbox_.Take(mailbox, arrived.envelope_id, arrived.sealed));
  if (taken.taken == Taken::kBehind) {
    const absl::Status caught_up = sender_.CatchUp(taken.group_id);
    // Without an answer the envelope stays at the server: the stream is begun again and brings it once more.
    if (!caught_up.ok()) {
      EndStream(stream, caught_up);
      return false;
    }
    ASSIGN_OR_RETURN(taken, inbox_.Take(mailbox, arrived.envelope_id, arrived.sealed, /*give_up=*/true));
  }
  if (stream.stream != nullptr) stream.stream->Acknowledge({arrived.tag});
  return taken.taken == Taken::kDone;
}

void Receiver::EndStream(Stream& stream, const absl::Status& why) {
  stream.stream.reset();
  stream.failure = why;
  const absl::Duration own = kFirstPause * (1 << std::min(stream.failures, 10));
  stream.again = Uptime() + std::min(kLongestPause, std::max(own, RetryAfter(why).value_or(absl::ZeroDuration())));
  ++stream.failures;
}

absl::StatusOr<bool> Receiver::ForgetIfOver(const Mailbox& mailbox) {
  if (mailbox.expires_day >= identity::DayOf(clock_.Now())) return false;
  streams_.erase(mailbox.id);
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.mailboxes.Remove(change, mailbox.id));
  RETURN_IF_ERROR(change.Commit());
  return true;
}

bool Receiver::caught_up() const {
  return std::all_of(streams_.begin(), streams_.end(), [](const auto& entry) { return entry.second.caught_up; });
}

bool Receiver::settled() const {
  return std::all_of(streams_.begin(), streams_.end(),
                     [](const auto& entry) { return entry.second.caught_up || entry.second.stream == nullptr; });
}

absl::Status Receiver::failure() const {
  for (const auto& [mailbox, stream] : streams_) {
    if (!stream.failure.ok()) return stream.failure;
  }
  return absl::OkStatus();
}

}  // namespace plumbline::client
