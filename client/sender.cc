#include "client/sender.h"

#include <algorithm>

#include "client/gate.h"
#include "client/sealing.h"
#include "common/identity/reason.h"
#include "common/tokens/token_key.h"

namespace plumbline::client {
namespace {

using delivery::v1::CommitOutcome;
using delivery::v1::EnvelopeResult;
using delivery::v1::SubmitRequest;
using delivery::v1::SubmitResponse;

constexpr size_t kMaxChunkEnvelopes = 200;      // what one session may send
constexpr size_t kMaxChunkBytes = 2 << 20;      // of one request without a commit
constexpr int kMaxCatchUp = 1000;               // commits
constexpr absl::Duration kSessionMargin = absl::Seconds(20);

void AddEnvelope(SubmitRequest& request, const OutgoingEnvelope& envelope) {
  delivery::v1::Envelope& out = *request.add_envelopes();
  out.set_envelope_id(ToString(envelope.envelope_id));
  out.set_mailbox_id(ToString(envelope.mailbox_id));
  out.set_deposit_capability(ToString(envelope.capability));
  out.set_sealed(ToString(envelope.sealed));
}

// INTERNAL if the server did not answer for exactly the envelopes of the request.
absl::StatusOr<std::vector<EnvelopeAnswer>> AnswersOf(const SubmitRequest& request, const SubmitResponse& response) {
  if (request.envelopes_size() != response.results_size()) {
    return absl::InternalError("delivery_server_answer: the delivery server did not answer for every envelope");
  }
  std::vector<EnvelopeAnswer> answers;
  for (int i = 0; i < response.results_size(); ++i) {
    const EnvelopeResult& result = response.results(i);
    if (result.envelope_id() != request.envelopes(i).envelope_id()) {
      return absl::InternalError("delivery_server_answer: the delivery server answered for another envelope");
    }
    EnvelopeAnswer answer;
    ASSIGN_OR_RETURN(answer.envelope_id, identity::ToFixed<16>(AsBytes(result.envelope_id())));
    switch (result.outcome()) {
      case EnvelopeResult::STORED: answer.outcome = Delivered::kStored; break;
      case EnvelopeResult::FULL: answer.outcome = Delivered::kFull; break;
      default: answer.outcome = Delivered::kRefused;
    }
    answers.push_back(answer);
  }
  return answers;
}

std::vector<EnvelopeAnswer> SameAnswer(const SubmitRequest& request, Delivered outcome) {
  std::vector<EnvelopeAnswer> answers;
  for (const delivery::v1::Envelope& envelope : request.envelopes()) {
    answers.push_back({*identity::ToFixed<16>(AsBytes(envelope.envelope_id())), outcome});
  }
  return answers;
}

// The server took it, and has forgotten what it answered.
bool WasAcceptedLongAgo(const absl::Status& status) { return identity::ReasonOf(status) == "submission_forgotten"; }

bool SessionIsOver(const absl::Status& status) {
  const std::string reason = identity::ReasonOf(status);
  return reason == "session_unknown" || reason == "session_ended" || reason == "budget_spent";
}

}  // namespace

absl::Status Sender::Flush() {
  int64_t after = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const std::optional<OutboxItem> item, stores_.outbox.Next(after));
    if (!item.has_value()) return absl::OkStatus();
    after = item->id;
    RETURN_IF_ERROR(SendItem(*item));
  }
}

absl::Status Sender::SendItem(const OutboxItem& item) {
  return item.gated_commit.has_value() ? SendCommit(item) : SendMessage(item);
}

absl::StatusOr<Sender::Session*> Sender::SessionFor(size_t envelopes) {
  const size_t wanted = std::max<size_t>(1, std::min(envelopes, kMaxChunkEnvelopes));
  if (session_ != nullptr && session_->sends_left >= wanted && clock_.Now() < session_->ends) return session_.get();
  session_.reset();
  auto session = std::make_unique<Session>();
  ASSIGN_OR_RETURN(const delivery::v1::OpenSessionResponse opened,
                   supplies_.WithToken(tokens::kPurposeDelivery,
                                      [&](const StoredToken& token) -> absl::StatusOr<delivery::v1::OpenSessionResponse> {
                                        ASSIGN_OR_RETURN(session->connection, network_.Connect());
                                        delivery::v1::OpenSessionRequest request;
                                        request.set_token(ToString(token.token));
                                        request.set_token_key(ToString(token.token_key));
                                        return session->connection->OpenSession(request);
                                      }));
  session->id = opened.session_id();
  session->sends_left = opened.sends_left();
  session->ends = clock_.Now() + absl::Seconds(opened.seconds_left()) - kSessionMargin;
  session_ = std::move(session);
  return session_.get();
}

absl::StatusOr<SubmitResponse> Sender::Submit(SubmitRequest request) {
  const size_t count = static_cast<size_t>(request.envelopes_size());
  for (int attempt = 0;; ++attempt) {
    ASSIGN_OR_RETURN(Session* const session, SessionFor(count));
    request.set_session_id(session->id);
    absl::StatusOr<SubmitResponse> response = session->connection->Submit(request);
    if (response.ok()) {
      session->sends_left -= std::min(session->sends_left, std::max<size_t>(1, count));
      return response;
    }
    session_.reset();
    if (!SessionIsOver(response.status()) || attempt > 0) return response.status();
  }
}

absl::Status Sender::SendMessage(const OutboxItem& item) {
  if (item.envelopes.empty()) return conversations_.MessageAnswered(item, {});
  for (;;) {
    // What was answered for is no longer in the stored item.
    ASSIGN_OR_RETURN(const std::optional<OutboxItem> rest, stores_.outbox.Next(item.id - 1));
    if (!rest.has_value() || rest->id != item.id) return absl::OkStatus();
    SubmitRequest request;
    size_t bytes = 0;
    for (const OutgoingEnvelope& envelope : rest->envelopes) {
      if (request.envelopes_size() > 0 && bytes + envelope.sealed.size() > kMaxChunkBytes) break;
      if (static_cast<size_t>(request.envelopes_size()) == kMaxChunkEnvelopes) break;
      AddEnvelope(request, envelope);
      bytes += envelope.sealed.size();
    }
    const absl::StatusOr<SubmitResponse> response = Submit(request);
    std::vector<EnvelopeAnswer> answers;
    if (response.ok()) {
      ASSIGN_OR_RETURN(answers, AnswersOf(request, *response));
    } else if (WasAcceptedLongAgo(response.status())) {
      answers = SameAnswer(request, Delivered::kStored);
    } else if (absl::IsInvalidArgument(response.status())) {
      answers = SameAnswer(request, Delivered::kRefused);  // it will never be taken, and must not hold up the others
    } else {
      return response.status();
    }
    RETURN_IF_ERROR(conversations_.MessageAnswered(*rest, answers));
  }
}

absl::Status Sender::SendCommit(const OutboxItem& item) {
  SubmitRequest request;
  if (!request.mutable_commit()->ParseFromArray(item.gated_commit->data(), static_cast<int>(item.gated_commit->size()))) {
    return absl::DataLossError("a commit in the outbox is malformed");
  }
  for (const OutgoingEnvelope& envelope : item.envelopes) AddEnvelope(request, envelope);
  const absl::StatusOr<SubmitResponse> submitted = Submit(request);
  if (WasAcceptedLongAgo(submitted.status())) return TakeWinner(item);
  if (absl::IsInvalidArgument(submitted.status())) return conversations_.CommitLost(item);
  RETURN_IF_ERROR(submitted.status());
  const SubmitResponse& response = *submitted;
  switch (response.commit().outcome()) {
    case CommitOutcome::ACCEPTED:
      RETURN_IF_ERROR(AnswersOf(request, response).status());
      return conversations_.CommitAccepted(item);
    case CommitOutcome::LOST:
      return TakeWinner(item);
    case CommitOutcome::BAD_SIGNATURE:
    case CommitOutcome::GATE_UNKNOWN:
      return conversations_.GateRefused(item);
    default:
      return absl::InternalError("delivery_server_answer: the delivery server did not say what became of a commit");
  }
}

absl::Status Sender::TakeWinner(const OutboxItem& item) {
  ASSIGN_OR_RETURN(const std::optional<OpenGroup> group, conversations_.Find(item.group_id));
  if (!group.has_value() || group->state.epoch() != item.epoch) return conversations_.CommitLost(item);
  const absl::StatusOr<delivery::v1::ReadCommitResponse> winner = ReadCommit(*group);
  if (identity::ReasonOf(winner.status()) == "commit_expired") return inbox_.FallBehind(item.group_id);
  if (absl::IsNotFound(winner.status())) return conversations_.CommitLost(item);
  RETURN_IF_ERROR(winner.status());
  delivery::v1::GatedCommit own;
  if (own.ParseFromArray(item.gated_commit->data(), static_cast<int>(item.gated_commit->size())) &&
      own.sealed_commit() == winner->sealed_commit()) {
    return conversations_.CommitAccepted(item);  // it had won, and the answer was lost
  }
  RefusedChange refused;
  const absl::Status applied = ApplyFetched(*group, *winner, refused);
  if (refused.own_path_only) return inbox_.FallBehind(item.group_id, refused.author);
  if (absl::IsUnauthenticated(applied) || absl::IsInvalidArgument(applied) || absl::IsNotFound(applied)) {
    return conversations_.ChangeRefused(item, refused.author);  // the group went where this device will not follow
  }
  RETURN_IF_ERROR(applied);
  return conversations_.CommitLost(item);
}

absl::StatusOr<delivery::v1::ReadCommitResponse> Sender::ReadCommit(const OpenGroup& group) {
  const GateKeys keys = DeriveGateKeys(group.state, group.stored.handle);
  for (int attempt = 0;; ++attempt) {
    ASSIGN_OR_RETURN(Session* const session, SessionFor(1));
    delivery::v1::ReadCommitRequest request;
    request.set_session_id(session->id);
    request.set_handle(ToString(group.stored.handle));
    request.set_epoch(group.state.epoch());
    request.set_read_token(ToString(keys.read_token.view()));
    absl::StatusOr<delivery::v1::ReadCommitResponse> response = session->connection->ReadCommit(request);
    if (response.ok() || absl::IsNotFound(response.status())) return response;
    session_.reset();
    if (!SessionIsOver(response.status()) || attempt > 0) return response;
  }
}

absl::Status Sender::ApplyFetched(const OpenGroup& group, const delivery::v1::ReadCommitResponse& fetched,
                                  RefusedChange& refused) {
  const GateKeys keys = DeriveGateKeys(group.state, group.stored.handle);
  ASSIGN_OR_RETURN(const Bytes message, OpenCommit(keys.commit_key, group.stored.handle, group.state.epoch(),
                                                   AsBytes(fetched.sealed_commit())));
  return inbox_.TakeFetchedCommit(group.stored.id, message, AsBytes(fetched.next_public_key()), &refused);
}

absl::Status Sender::CatchUp(ByteView group_id) {
  for (int i = 0; i < kMaxCatchUp; ++i) {
    ASSIGN_OR_RETURN(const std::optional<OpenGroup> group, conversations_.Find(group_id));
    // A group whose first commit has no answer yet may be in use by the others already: its outbox item decides below.
    const bool usable = group.has_value() && (group->stored.status == GroupStatus::kActive ||
                                              group->stored.status == GroupStatus::kCreating);
    if (!usable) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::optional<OutboxItem> pending, stores_.outbox.PendingCommit(group_id));
    if (pending.has_value()) {
      RETURN_IF_ERROR(SendItem(*pending));  // decides whether ours is the one
      continue;
    }
    const absl::StatusOr<delivery::v1::ReadCommitResponse> fetched = ReadCommit(*group);
    if (identity::ReasonOf(fetched.status()) == "commit_expired") return inbox_.FallBehind(group_id);
    if (absl::IsNotFound(fetched.status())) return absl::OkStatus();
    RETURN_IF_ERROR(fetched.status());
    RefusedChange refused;
    const absl::Status applied = ApplyFetched(*group, *fetched, refused);
    if (refused.own_path_only) return inbox_.FallBehind(group_id, refused.author);
    if (absl::IsUnauthenticated(applied) || absl::IsInvalidArgument(applied)) return absl::OkStatus();  // stays; the caller says so
    RETURN_IF_ERROR(applied);
  }
  return absl::OkStatus();
}

}  // namespace plumbline::client
