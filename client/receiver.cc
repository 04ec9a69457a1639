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
constexpr int kKeepPlaceEach = 256;  // envelopes

}  // namespace

absl::Status Receiver::Start() {
  ASSIGN_OR_RETURN(const std::vector<Mailbox> mailboxes, stores_.mailboxes.All());
  for (const Mailbox& mailbox : mailboxes) {
    if (!mailbox.open) continue;
    ASSIGN_OR_RETURN(const bool over, ForgetIfOver(mailbox));
    if (over) continue;
    Stream& stream = streams_[mailbox.id];
    if (stream.stream != nullptr || Uptime() < stream.again) continue;
    RETURN_IF_ERROR(Open(stream, mailbox));
  }
  return absl::OkStatus();
}

absl::Status Receiver::Open(Stream& stream, const Mailbox& mailbox) {
  stream.number = next_number_++;
  stream.caught_up = false;
  ASSIGN_OR_RETURN(stream.stream, network_.Receive(mailbox, stream.number, events_));
  return absl::OkStatus();
}

absl::Status Receiver::Stop() {
  absl::Status first;
  for (auto& [mailbox, stream] : streams_) first.Update(KeepPlace(stream, mailbox));
  streams_.clear();
  return first;
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
    RETURN_IF_ERROR(KeepPlace(stream, event.mailbox));
  } else if (const auto* ended = std::get_if<StreamEnded>(&event.what)) {
    const std::string reason = identity::ReasonOf(ended->why);
    if (reason == "place_unknown") {
      ASSIGN_OR_RETURN(const bool begun_again, BeginAgain(stream, event.mailbox));
      if (begun_again) return false;
    }
    // The server has closed the mailbox, or cannot find what is in it: whoever needs one opens another. What was in it is lost, and gaps will
    // say so.
    if (reason == "mailbox_closed" || reason == "proof_invalid" || reason == "place_unknown") {
      streams_.erase(found);
      RETURN_IF_ERROR(supplies_.Forget(event.mailbox));
      return true;
    }
    RETURN_IF_ERROR(EndStream(stream, event.mailbox, ended->why));
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
      RETURN_IF_ERROR(EndStream(stream, mailbox, caught_up));
      return false;
    }
    ASSIGN_OR_RETURN(taken, inbox_.Take(mailbox, arrived.envelope_id, arrived.sealed, /*give_up=*/true));
  }
  if (stream.stream != nullptr) stream.stream->Acknowledge({arrived.tag});
  stream.place = arrived.after;
  stream.store = arrived.store;
  if (++stream.taken >= kKeepPlaceEach) RETURN_IF_ERROR(KeepPlace(stream, mailbox));
  return taken.taken == Taken::kDone;
}

absl::Status Receiver::KeepPlace(Stream& stream, const identity::MailboxId& mailbox) {
  if (!stream.place) return absl::OkStatus();
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.mailboxes.SetPlace(change, mailbox, *stream.place, stream.store));
  RETURN_IF_ERROR(change.Commit());
  stream.place.reset();
  stream.taken = 0;
  return absl::OkStatus();
}

absl::StatusOr<bool> Receiver::BeginAgain(Stream& stream, const identity::MailboxId& id) {
  ASSIGN_OR_RETURN(std::optional<Mailbox> mailbox, stores_.mailboxes.Find(id));
  if (!mailbox.has_value() || mailbox->place == mailbox->begin) return false;
  stream.place = mailbox->place = mailbox->begin;
  RETURN_IF_ERROR(KeepPlace(stream, id));
  RETURN_IF_ERROR(Open(stream, *mailbox));
  return true;
}

absl::Status Receiver::EndStream(Stream& stream, const identity::MailboxId& mailbox, const absl::Status& why) {
  stream.stream.reset();
  stream.failure = why;
  const absl::Duration own = kFirstPause * (1 << std::min(stream.failures, 10));
  stream.again = Uptime() + std::min(kLongestPause, std::max(own, RetryAfter(why).value_or(absl::ZeroDuration())));
  ++stream.failures;
  return KeepPlace(stream, mailbox);
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
