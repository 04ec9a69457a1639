// The delivery server's stores in one SQLCipher file.
//
// No row of an envelope says to which mailbox it belongs (mailbox_chain.h), and no table that tells something of a mailbox or a group is in the
// order of arrival.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/db/database.h"
#include "common/db/salvage.h"
#include "common/mutex.h"
#include "server/store/envelope_store.h"
#include "server/store/group_commit.h"
#include "server/store/mailbox_chain.h"
#include "server/store/mailbox_quota.h"
#include "server/store/mailbox_store.h"
#include "server/store/nullifier_store.h"
#include "server/store/revocation_store.h"
#include "server/store/upkeep_store.h"

namespace plumbline::server {

struct StoreOptions {
  std::string path;
  int readers = 8;                          // connections for reading
  int64_t mailbox_envelopes = 10'000;       // quota of one mailbox
  int64_t mailbox_bytes = int64_t{256} << 20;
  int64_t max_pages = 0;                    // of 4096 bytes; above it the store says RESOURCE_EXHAUSTED. 0: the disk decides
  int envelope_days = 30;                   // undelivered envelopes and accepted commits
  int answer_days = 14;                     // answers to submissions
  int gate_days = 400;                      // a gate that has not moved
};

// What a restored copy of this database must not have in common with what it was copied from.
absl::Status ForgetStoreId(db::Database& database);

class SqlcipherStore final : public MailboxStore,
                             public EnvelopeStore,
                             public NullifierStore,
                             public RevocationStore,
                             public UpkeepStore {
 public:
  // Opens or creates; codes as db::Database::Open and audit::AuditLog::Open. Reads all of it first: what is damaged is replaced
  // by what can still be read (common/db/salvage.h), the damaged file is kept beside it, and salvage() says what was lost.
  // DATA_LOSS store_damaged if the audit record is concerned. `log_key` and `clock` are for the audit record and outlive it.
  static absl::StatusOr<std::unique_ptr<SqlcipherStore>> Create(const StoreOptions& options, const db::Key& key,
                                                                const audit::LogKey& log_key, const Clock& clock);
  ~SqlcipherStore() override;
  // Of this start; no tables if everything was whole.
  const db::SalvageReport& salvage() const { return salvage_; }

  absl::Status Open(const NewMailbox& mailbox) override;
  absl::Status SetCapabilities(const identity::MailboxId& id, uint64_t counter,
                               std::span<const identity::Hash> capabilities, Day today) override;
  absl::StatusOr<Mailbox> Find(const identity::MailboxId& id, Day today) override;

  void StartSubmit(const Submission& submission, Day today, Submitted done) override;
  const identity::Fixed<16>& id() const override { return id_; }
  absl::StatusOr<uint64_t> CountBehind(const identity::MailboxId& mailbox, const identity::MailboxPlace& place, Day today) override;
  absl::StatusOr<Batch> ReadBehind(const identity::MailboxId& mailbox, const identity::MailboxPlace& place, const ReadLimit& limit,
                                   Day today) override;
  void StartAck(const identity::MailboxId& mailbox, std::vector<Row> rows, Told done) override;
  void Drain() override;
  absl::StatusOr<std::optional<Gate>> FindGate(const identity::Fixed<32>& handle) override;
  absl::StatusOr<StoredCommit> ReadCommit(const identity::Fixed<32>& handle, uint64_t epoch) override;

  absl::StatusOr<Spent> Spend(const tokens::Redeemed& token) override;
  absl::StatusOr<RevocationResult> Revoke(const identity::Revocation& revocation, const audit::Entry& entry) override;
  absl::StatusOr<Bytes> OrganisationKeys() override;
  absl::Status SetOrganisationKeys(ByteView wire, const audit::Entry& entry) override;

  absl::StatusOr<std::vector<identity::MailboxId>> Sweep(absl::Time now) override;
  absl::Status Erase() override;
  absl::Status Probe() override;
  const metrics::Histogram& commit_durations() const { return writer_->durations(); }
  absl::Status Record(const audit::Entry& entry) override;

 private:
  struct Plan;  // of one submission, sqlcipher_submit.cc
  class Reader;

  SqlcipherStore(const StoreOptions& options, const audit::LogKey& log_key, const Clock& clock)
      : options_(options), log_key_(log_key), clock_(clock),
        quota_({options.mailbox_envelopes, options.mailbox_bytes, options.envelope_days}) {}
  absl::Status Start(const db::Key& key);
  // Sets id_; a new one if there is none, as after a restore.
  absl::Status LoadId(db::Database& database);
  // Sets salvage_.
  absl::Status SalvageIfDamaged(const db::Key& key);
  // Tokens that may have been spent in rows that are gone are void: those whose keys opened before the stored moment.
  absl::Status LoadTokenFloor(db::Database& database);
  std::unique_ptr<db::Database> BorrowReader();
  void ReturnReader(std::unique_ptr<db::Database> reader);

  // On the writing thread, in a transaction. sqlcipher_submit.cc
  absl::StatusOr<SubmitResult> SubmitIn(db::Database& database, const Submission& submission, Day today);
  absl::Status DecideMove(db::Database& database, const VerifiedMove& move, Plan& plan);
  absl::Status RecallAnswers(db::Database& database, const Submission& submission, Plan& plan);
  absl::Status DecideDeposits(db::Database& database, const Submission& submission, Day today, Plan& plan);
  absl::Status WriteEnvelopes(db::Database& database, const Submission& submission, Day today, Plan& plan);
  absl::Status WriteAnswers(db::Database& database, const Submission& submission, Day today, const Plan& plan);
  absl::Status WriteMove(db::Database& database, const VerifiedMove& move, Day today, const Plan& plan);
  absl::Status AckIn(db::Database& database, const identity::MailboxId& mailbox, std::span<const Row> rows);

  absl::Status DeleteMailboxIn(db::Database& database, const identity::MailboxId& mailbox);

  // Not on the writing thread. Repeats a statement that deletes at most a thousand rows until there are no more.
  absl::Status DeleteAll(const char* sql, int64_t limit);
  // Reads a whole table, row and day with `find` from a row on, and deletes with `remove` what is from before `day`.
  absl::Status DeleteBefore(const char* find, const char* remove, int64_t day);
  absl::Status DeleteRows(const char* sql, std::span<const int64_t> rows);
  absl::StatusOr<std::vector<identity::MailboxId>> ExpiredMailboxes(Day today);
  absl::Status DeleteMailbox(const identity::MailboxId& mailbox);

  const StoreOptions options_;
  const audit::LogKey& log_key_;
  const Clock& clock_;
  std::unique_ptr<GroupCommit> writer_;
  db::SalvageReport salvage_;
  identity::Fixed<16> id_{};
  absl::Time token_floor_ = absl::InfinitePast();
  std::atomic<bool> written_{false};  // something since the last Erase()
  std::optional<int64_t> swept_;      // the day on which everything was read for what has expired; Sweep() alone

  MailboxQuota quota_;  // touched only by the writing thread

  Mutex mutex_;
  CondVar returned_;
  std::vector<std::unique_ptr<db::Database>> readers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbline::server
