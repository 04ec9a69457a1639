// Submit: one submission is decided and written inside the transaction that makes it durable.
#include <memory>

#include "common/check.h"
#include "common/identity/reason.h"
#include "server/store/reader.h"
#include "server/store/sqlcipher_store.h"

namespace plumbline::server {
namespace {

absl::StatusOr<DepositOutcome> OutcomeOf(int64_t stored) {
  if (stored >= static_cast<int64_t>(DepositOutcome::kStored) && stored <= static_cast<int64_t>(DepositOutcome::kFull)) {
    return static_cast<DepositOutcome>(stored);
  }
  return absl::DataLossError("store_damaged: a stored answer is none");
}

using identity::Refuse;

absl::Status IdReused() {
  return Refuse(absl::StatusCode::kAlreadyExists, "envelope_id_reused",
                "an envelope id was used before with other content; nothing was stored");
}

identity::Hash ContentHash(const Deposit& deposit) {
  return Sha256(Concat({deposit.mailbox_id, deposit.sealed}));
}

// Whether one of the stored hashes is `shown`. Looks at all of them, each in constant time.
bool HasCapability(ByteView stored, const identity::Hash& shown) {
  bool found = false;
  for (size_t at = 0; at + 32 <= stored.size(); at += 32) found |= ConstantTimeEqual(stored.subspan(at, 32), shown);
  return found;
}

}  // namespace

struct SqlcipherStore::Plan {
  MoveOutcome move = MoveOutcome::kNone;
  bool repeated_move = false;
  bool new_gate = false;
  uint64_t current_epoch = 0;
  std::vector<identity::Hash> content_hashes;
  std::vector<std::optional<DepositOutcome>> outcomes;
  std::vector<bool> fresh;   // not answered before
  std::vector<int64_t> mailbox_rows;  // of those that are stored
  std::vector<std::optional<Stored>> stored;
};

void SqlcipherStore::StartSubmit(const Submission& submission, Day today, Submitted done) {
  CHECK(submission.deposits.size() <= kMaxDeposits);
  const size_t rows = 2 * submission.deposits.size() + (submission.move ? 2 : 0);
  const auto result = std::make_shared<SubmitResult>();
  writer_->Start(
      rows,
      [this, &submission, today, result](db::Transaction& transaction) -> absl::Status {
        const size_t counted = quota_.Mark();
        absl::StatusOr<SubmitResult> outcome = SubmitIn(transaction.database(), submission, today);
        if (!outcome.ok()) quota_.UndoTo(counted);
        ASSIGN_OR_RETURN(*result, std::move(outcome));
        return absl::OkStatus();
      },
      [result, done = std::move(done)](const absl::Status& status) {
        if (!status.ok()) return done(status);
        done(std::move(*result));
      });
}

void SqlcipherStore::Drain() { writer_->Drain(); }

absl::StatusOr<SubmitResult> SqlcipherStore::SubmitIn(db::Database& database, const Submission& submission, Day today) {
  Plan plan;
  if (submission.move) {
    RETURN_IF_ERROR(DecideMove(database, *submission.move, plan));
    if (plan.move != MoveOutcome::kAccepted) return SubmitResult{{}, {}, plan.move, plan.current_epoch};
  }
  RETURN_IF_ERROR(RecallAnswers(database, submission, plan));
  plan.mailbox_rows.resize(submission.deposits.size());
  plan.stored.resize(submission.deposits.size());
  if (!plan.repeated_move) {
    RETURN_IF_ERROR(DecideDeposits(database, submission, today, plan));
    RETURN_IF_ERROR(WriteEnvelopes(database, submission, today, plan));
    RETURN_IF_ERROR(WriteAnswers(database, submission, today, plan));
    if (submission.move) RETURN_IF_ERROR(WriteMove(database, *submission.move, today, plan));
  }
  SubmitResult result{{}, std::move(plan.stored), plan.move, plan.current_epoch};
  for (const std::optional<DepositOutcome>& outcome : plan.outcomes) result.outcomes.push_back(*outcome);
  written_ = true;
  return result;
}

absl::Status SqlcipherStore::DecideMove(db::Database& database, const VerifiedMove& move, Plan& plan) {
  const int64_t epoch = static_cast<int64_t>(move.epoch);
  ASSIGN_OR_RETURN(db::Statement gate, database.Prepare("SELECT epoch, public_key FROM gates WHERE handle = ?"));
  ASSIGN_OR_RETURN(const bool exists, gate.Bind(1, ByteView(move.handle)).Step());
  if (!exists) {
    plan.new_gate = move.founds;
    plan.move = move.founds ? MoveOutcome::kAccepted : MoveOutcome::kUnknown;
    plan.current_epoch = move.founds ? move.epoch + 1 : 0;
    return absl::OkStatus();
  }
  plan.current_epoch = static_cast<uint64_t>(gate.Int64(0));
  if (gate.Int64(0) == epoch && Equal(gate.Blob(1), move.key)) {
    plan.move = MoveOutcome::kAccepted;
    plan.current_epoch = move.epoch + 1;
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(db::Statement commit,
                   database.Prepare("SELECT record_hash FROM commits WHERE handle = ? AND epoch = ?"));
  ASSIGN_OR_RETURN(const bool stored, commit.Bind(1, ByteView(move.handle)).Bind(2, epoch).Step());
  plan.repeated_move = stored && Equal(commit.Blob(0), move.record_hash);
  plan.move = plan.repeated_move ? MoveOutcome::kAccepted : MoveOutcome::kLost;
  return absl::OkStatus();
}

absl::Status SqlcipherStore::RecallAnswers(db::Database& database, const Submission& submission, Plan& plan) {
  ASSIGN_OR_RETURN(db::Statement find,
                   database.Prepare("SELECT content_hash, outcome, envelope_id FROM answers WHERE row = ?"));
  for (const Deposit& deposit : submission.deposits) {
    find.Reset();
    ASSIGN_OR_RETURN(const bool known, find.Bind(1, AnswerRow(deposit.envelope_id)).Step());
    plan.content_hashes.push_back(ContentHash(deposit));
    plan.outcomes.emplace_back();
    plan.fresh.push_back(!known);
    if (known && (!Equal(find.Blob(2), deposit.envelope_id) || !Equal(find.Blob(0), plan.content_hashes.back()))) {
      return IdReused();
    }
    if (known) {
      ASSIGN_OR_RETURN(plan.outcomes.back(), OutcomeOf(find.Int64(1)));
    }
    if (!known && plan.repeated_move) {
      return Refuse(absl::StatusCode::kFailedPrecondition, "submission_forgotten",
                    "this commit was accepted so long ago that its answers are gone; fetch your mailboxes instead");
    }
  }
  return absl::OkStatus();
}

absl::Status SqlcipherStore::DecideDeposits(db::Database& database, const Submission& submission, Day today, Plan& plan) {
  ASSIGN_OR_RETURN(db::Statement find,
                   database.Prepare("SELECT capabilities, row FROM mailboxes WHERE mailbox = ? AND expires_day >= ?"));
  for (size_t i = 0; i < submission.deposits.size(); ++i) {
    if (!plan.fresh[i]) continue;
    const Deposit& deposit = submission.deposits[i];
    find.Reset();
    ASSIGN_OR_RETURN(const bool exists,
                     find.Bind(1, ByteView(deposit.mailbox_id)).Bind(2, static_cast<int64_t>(today)).Step());
    if (!exists || !HasCapability(find.Blob(0), deposit.capability_hash)) {
      plan.outcomes[i] = DepositOutcome::kRefused;
      continue;
    }
    plan.mailbox_rows[i] = find.Int64(1);
    const bool taken = quota_.Add(deposit.mailbox_id, today, static_cast<int64_t>(deposit.sealed.size()));
    plan.outcomes[i] = taken ? DepositOutcome::kStored : DepositOutcome::kFull;
  }
  return absl::OkStatus();
}

absl::Status SqlcipherStore::WriteEnvelopes(db::Database& database, const Submission& submission, Day today, Plan& plan) {
  for (size_t i = 0; i < submission.deposits.size(); ++i) {
    if (plan.outcomes[i] != DepositOutcome::kStored || !plan.fresh[i]) continue;
    const Deposit& deposit = submission.deposits[i];
    ASSIGN_OR_RETURN(identity::MailboxPlace place, ReadPlace(database, plan.mailbox_rows[i]));
    Stored stored{Row{}, place, place};
    ASSIGN_OR_RETURN(stored.row, AppendRow(database, stored.after, deposit.envelope_id, static_cast<int64_t>(today), deposit.sealed));
    RETURN_IF_ERROR(WritePlace(database, plan.mailbox_rows[i], stored.after));
    plan.stored[i] = stored;
  }
  return absl::OkStatus();
}

absl::Status SqlcipherStore::WriteAnswers(db::Database& database, const Submission& submission, Day today, const Plan& plan) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   database.Prepare("INSERT INTO answers (row, envelope_id, content_hash, outcome, day) VALUES (?, ?, ?, ?, ?)"));
  for (size_t i = 0; i < submission.deposits.size(); ++i) {
    if (!plan.fresh[i]) continue;
    const identity::EnvelopeId& id = submission.deposits[i].envelope_id;
    insert.Reset();
    const absl::Status status = insert.Bind(1, AnswerRow(id)).Bind(2, ByteView(id)).Bind(3, ByteView(plan.content_hashes[i]))
                                    .Bind(4, static_cast<int64_t>(*plan.outcomes[i])).Bind(5, static_cast<int64_t>(today)).Run();
    if (absl::IsAlreadyExists(status)) return IdReused();  // two ids of this submission with one row
    RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

absl::Status SqlcipherStore::WriteMove(db::Database& database, const VerifiedMove& move, Day today, const Plan& plan) {
  const int64_t epoch = static_cast<int64_t>(move.epoch), day = static_cast<int64_t>(today);
  ASSIGN_OR_RETURN(db::Statement gate,
                   database.Prepare(plan.new_gate
                                        ? "INSERT INTO gates (epoch, public_key, day, handle, row) VALUES (?, ?, ?, ?, ?)"
                                        : "UPDATE gates SET epoch = ?, public_key = ?, day = ? WHERE handle = ?"));
  gate.Bind(1, epoch + 1).Bind(2, ByteView(move.next_key)).Bind(3, day).Bind(4, ByteView(move.handle));
  if (plan.new_gate) gate.Bind(5, RandomRow());
  RETURN_IF_ERROR(gate.Run());
  ASSIGN_OR_RETURN(db::Statement insert,
                   database.Prepare("INSERT INTO commits (handle, epoch, sealed_commit, next_public_key, read_token_hash, "
                                    "record_hash, day, row) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
  return insert.Bind(1, ByteView(move.handle)).Bind(2, epoch).Bind(3, move.sealed_commit).Bind(4, ByteView(move.next_key))
      .Bind(5, ByteView(move.read_token_hash)).Bind(6, ByteView(move.record_hash)).Bind(7, day).Bind(8, RandomRow()).Run();
}

absl::StatusOr<std::optional<Gate>> SqlcipherStore::FindGate(const identity::Fixed<32>& handle) {
  const Reader reader(*this);
  ASSIGN_OR_RETURN(db::Statement find, reader->Prepare("SELECT epoch, public_key FROM gates WHERE handle = ?"));
  ASSIGN_OR_RETURN(const bool found, find.Bind(1, ByteView(handle)).Step());
  if (!found) return std::optional<Gate>();
  ASSIGN_OR_RETURN(const identity::PublicKey key, identity::ToFixed<32>(find.Blob(1)));
  return std::optional<Gate>(Gate{static_cast<uint64_t>(find.Int64(0)), key});
}

}  // namespace plumbline::server
