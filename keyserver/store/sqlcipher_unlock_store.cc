#include "keyserver/store/sqlcipher_unlock_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/identity/grant.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/identity/uri.h"
#include "common/retry.h"
#include "keyserver/store/account_rows.h"

namespace plumbline::keyserver {
namespace {

using identity::DeviceId;
using identity::Refuse;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;

// Before the 4th attempt, the 5th, and so on; the first three come at once.
constexpr absl::Duration kDelays[] = {absl::Seconds(30), absl::Minutes(1),  absl::Minutes(5), absl::Minutes(15),
                                      absl::Minutes(60), absl::Minutes(60), absl::Minutes(60)};
constexpr uint32_t kAtOnce = kUnlockAttempts - std::size(kDelays);

absl::Status NotSet() { return Refuse(kPrecondition, "unlock_not_set", "this device has no unlock key yet"); }

absl::Status Destroyed() {
  return Refuse(kPrecondition, "unlock_destroyed",
                "this device's unlock key was destroyed, and its store never opens again; enrol the device as a new one");
}

absl::Status KeyUnknown() {
  return Refuse(kPrecondition, "unlock_key_unknown", "the key server does not have this version of the unlock key (any more)");
}

struct Row {
  uint32_t attempts_left = 0;
  int64_t last_attempt = 0;
  Bytes nonce;
  std::string destroyed_by;
  uint32_t last_version = 0;
  uint32_t changed_day = 0, changes = 0;
};

absl::StatusOr<std::optional<Row>> Find(db::Database& database, const DeviceId& device) {
  ASSIGN_OR_RETURN(db::Statement select,
                   database.Prepare("SELECT attempts_left, last_attempt_unix, nonce, destroyed, last_version, changed_day, changes "
                                    "FROM unlock WHERE device = ?"));
  ASSIGN_OR_RETURN(const bool found, select.Bind(1, ByteView(device)).Step());
  if (!found) return std::optional<Row>();
  return std::optional<Row>(Row{static_cast<uint32_t>(select.Int64(0)), select.Int64(1), ToBytes(select.Blob(2)),
                                std::string(select.Text(3)), static_cast<uint32_t>(select.Int64(4)),
                                static_cast<uint32_t>(select.Int64(5)), static_cast<uint32_t>(select.Int64(6))});
}

// The row of a device whose key may be used. FAILED_PRECONDITION.
absl::StatusOr<Row> Require(db::Database& database, const DeviceId& device) {
  ASSIGN_OR_RETURN(std::optional<Row> row, Find(database, device));
  if (!row) return NotSet();
  if (!row->destroyed_by.empty()) return Destroyed();
  return *std::move(row);
}

struct StoredKey {
  UnlockKeyInfo info;
  Bytes wrapped;
  Bytes proof_key;  // empty: pending
};

absl::StatusOr<std::vector<StoredKey>> ReadKeys(db::Database& database, const DeviceId& device) {
  ASSIGN_OR_RETURN(db::Statement select,
                   database.Prepare("SELECT version, public_key, wrapped, proof_key FROM unlock_key WHERE device = ? ORDER BY version"));
  select.Bind(1, ByteView(device));
  std::vector<StoredKey> out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return out;
    const auto public_key = identity::ToFixed<crypto::kVoprfElementSize>(select.Blob(1));
    if (!public_key.ok()) return absl::DataLossError("a stored unlock key is damaged");
    out.push_back({{static_cast<uint32_t>(select.Int64(0)), *public_key}, ToBytes(select.Blob(2)), ToBytes(select.Blob(3))});
  }
}

absl::StatusOr<std::optional<StoredKey>> ReadKey(db::Database& database, const DeviceId& device, uint32_t version) {
  ASSIGN_OR_RETURN(const std::vector<StoredKey> keys, ReadKeys(database, device));
  for (const StoredKey& key : keys) {
    if (key.info.version == version) return std::optional<StoredKey>(key);
  }
  return std::optional<StoredKey>();
}

// What a wrapped key is bound to.
Bytes ContextOf(const DeviceId& device, uint32_t version) {
  return Writer().Vector(AsBytes(identity::kUnlockKeysAtRestLabel)).Fixed(device).U32(version).TakeBytes();
}

absl::Duration WaitOf(const Row& row, absl::Time now) {
  const absl::Time next = absl::FromUnixSeconds(row.last_attempt) + UnlockDelay(kUnlockAttempts - row.attempts_left);
  return std::max(next - now, absl::ZeroDuration());
}

bool Spent(const Row& row, absl::Time now) {
  return row.destroyed_by.empty() && row.attempts_left == 0 && now >= absl::FromUnixSeconds(row.last_attempt) + kProofGrace;
}

absl::Status RunFor(db::Database& database, absl::string_view sql, const DeviceId& device) {
  ASSIGN_OR_RETURN(db::Statement statement, database.Prepare(sql));
  return statement.Bind(1, ByteView(device)).Run();
}

absl::StatusOr<uint64_t> ReadGeneration(db::Database& database) {
  ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT generation FROM shred WHERE id = 1"));
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return absl::DataLossError("the generation of the shred key is missing");
  return static_cast<uint64_t>(select.Int64(0));
}

absl::Status WriteGeneration(db::Database& database, uint64_t generation) {
  ASSIGN_OR_RETURN(db::Statement update, database.Prepare("UPDATE shred SET generation = ? WHERE id = 1"));
  return update.Bind(1, static_cast<int64_t>(generation)).Run();
}

// Of one device, or of all: those that are gone, and those whose attempts are spent.
absl::Status AppendDue(db::Database& database, absl::Time now, const std::optional<DeviceId>& device, std::vector<DueDevice>& out) {
  ASSIGN_OR_RETURN(db::Statement select,
                   database.Prepare(absl::StrCat("SELECT u.device, d.id IS NOT NULL FROM unlock u LEFT JOIN device d ON d.id = u.device "
                                                 "WHERE (d.id IS NULL OR (u.destroyed = '' AND u.attempts_left = 0 AND "
                                                 "u.last_attempt_unix <= ?))",
                                                 device ? " AND u.device = ?" : "")));
  select.Bind(1, absl::ToUnixSeconds(now - kProofGrace));
  if (device) select.Bind(2, ByteView(*device));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return absl::OkStatus();
    ASSIGN_OR_RETURN(const DeviceId id, identity::ToFixed<16>(select.Blob(0)));
    out.push_back({id, select.Int64(1) != 0});
  }
}

}  // namespace

absl::Duration UnlockDelay(uint32_t unproved) {
  return unproved < kAtOnce ? absl::ZeroDuration() : kDelays[std::min<size_t>(unproved - kAtOnce, std::size(kDelays) - 1)];
}

absl::StatusOr<std::unique_ptr<SqlcipherUnlockStore>> SqlcipherUnlockStore::Open(SqlcipherConnection& connection, const KeyRing& keys,
                                                                                 const std::string& data_dir) {
  auto store = std::unique_ptr<SqlcipherUnlockStore>(new SqlcipherUnlockStore(connection, keys, data_dir));
  RETURN_IF_ERROR(store->Start());
  return store;
}

absl::StatusOr<uint64_t> SqlcipherUnlockStore::GenerationOf(db::Database& database) { return ReadGeneration(database); }

absl::Status SqlcipherUnlockStore::Start() {
  MutexLock lock(connection_.mutex());
  return Recover();
}

absl::Status SqlcipherUnlockStore::Abandon(SqlcipherConnection& connection, const std::string& data_dir, bool record) {
  MutexLock lock(connection.mutex());
  db::Database& database = connection.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  if (record) {
    audit::Entry entry;
    entry.event = audit::Event::kUnlockAbandoned;
    entry.actor = "ceremony";
    RETURN_IF_ERROR(connection.audit().AppendIn(transaction, entry).status());
  }
  RETURN_IF_ERROR(database.Execute("UPDATE unlock SET destroyed = 'operator', nonce = x'', attempts_left = 0 WHERE destroyed = ''"));
  RETURN_IF_ERROR(database.Execute("DELETE FROM unlock_key"));
  RETURN_IF_ERROR(WriteGeneration(database, 0));
  RETURN_IF_ERROR(transaction.Commit());
  return ShredKey(data_dir).RemoveAll();
}

absl::Status SqlcipherUnlockStore::CatchUp(const std::map<DeviceId, UnlockLater>& later) {
  MutexLock lock(connection_.mutex());
  RETURN_IF_ERROR(Wrap().status());
  return Shred([&](db::Transaction& transaction) ABSL_EXCLUSIVE_LOCKS_REQUIRED(connection_.mutex()) -> absl::Status {
    for (const auto& [device, became] : later) {
      ASSIGN_OR_RETURN(const std::vector<StoredKey> keys, ReadKeys(transaction.database(), device));
      if (keys.empty()) continue;  // its first key came later, or it was destroyed before
      if (became.destroyed) {
        RETURN_IF_ERROR(Destroy(transaction, device, "record"));
      } else if (became.attempts_left) {
        ASSIGN_OR_RETURN(db::Statement spend, transaction.database().Prepare("UPDATE unlock SET attempts_left = min(attempts_left, ?) WHERE device = ?"));
        RETURN_IF_ERROR(spend.Bind(1, int64_t{*became.attempts_left}).Bind(2, ByteView(device)).Run());
      }
    }
    return absl::OkStatus();
  });
}

absl::Status SqlcipherUnlockStore::Recover() {
  wrap_.reset();
  ASSIGN_OR_RETURN(generation_, ReadGeneration(connection_.database()));
  if (generation_ == 0) return Shred([](db::Transaction&) { return absl::OkStatus(); });
  ASSIGN_OR_RETURN(const Secret key, shred_.Recover(generation_));
  ASSIGN_OR_RETURN(crypto::KeyWrap wrap, keys_->WrapFor(identity::kUnlockKeysAtRestLabel, key.view()));
  wrap_.emplace(std::move(wrap));
  return absl::OkStatus();
}

absl::StatusOr<const crypto::KeyWrap*> SqlcipherUnlockStore::Wrap() {
  if (!wrap_) RETURN_IF_ERROR(Recover());
  return &*wrap_;
}

absl::Status SqlcipherUnlockStore::Shred(const std::function<absl::Status(db::Transaction&)>& remove) {
  db::Database& database = connection_.database();
  std::optional<crypto::KeyWrap> before = std::move(wrap_);  // whatever fails below: Recover says what came of it
  wrap_.reset();
  ASSIGN_OR_RETURN(const Secret key, shred_.WriteNext(generation_));
  ASSIGN_OR_RETURN(crypto::KeyWrap after, keys_->WrapFor(identity::kUnlockKeysAtRestLabel, key.view()));
  {
    ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
    RETURN_IF_ERROR(remove(transaction));
    if (before) RETURN_IF_ERROR(WrapAnew(database, *before, after));
    RETURN_IF_ERROR(WriteGeneration(database, generation_ + 1));
    RETURN_IF_ERROR(transaction.Commit());
  }
  RETURN_IF_ERROR(shred_.Replace());
  ++generation_;
  wrap_.emplace(std::move(after));
  return absl::OkStatus();
}

absl::Status SqlcipherUnlockStore::WrapUnder(const KeyRing& next, const std::function<absl::Status(db::Transaction&)>& also) {
  MutexLock lock(connection_.mutex());
  RETURN_IF_ERROR(Wrap().status());
  keys_ = &next;
  return Shred(also);
}

absl::Status SqlcipherUnlockStore::WrapAnew(db::Database& database, const crypto::KeyWrap& before, const crypto::KeyWrap& after) {
  struct Wrapped {
    DeviceId device;
    uint32_t version;
    Bytes bytes;
  };
  std::vector<Wrapped> all;
  {
    ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT device, version, wrapped FROM unlock_key"));
    while (true) {
      ASSIGN_OR_RETURN(const bool more, select.Step());
      if (!more) break;
      ASSIGN_OR_RETURN(const DeviceId device, identity::ToFixed<16>(select.Blob(0)));
      all.push_back({device, static_cast<uint32_t>(select.Int64(1)), ToBytes(select.Blob(2))});
    }
  }
  ASSIGN_OR_RETURN(db::Statement update, database.Prepare("UPDATE unlock_key SET wrapped = ? WHERE device = ? AND version = ?"));
  for (const Wrapped& each : all) {
    const Bytes context = ContextOf(each.device, each.version);
    const absl::StatusOr<Secret> key = before.Unwrap(each.bytes, context);
    if (!key.ok()) continue;  // one that is lost already must not keep others from being destroyed
    ASSIGN_OR_RETURN(const Bytes wrapped, after.Wrap(*key, context));
    update.Reset();
    RETURN_IF_ERROR(update.Bind(1, ByteView(wrapped)).Bind(2, ByteView(each.device)).Bind(3, int64_t{each.version}).Run());
  }
  return absl::OkStatus();
}

absl::Status SqlcipherUnlockStore::Destroy(db::Transaction& transaction, const DeviceId& device, absl::string_view by) {
  db::Database& database = transaction.database();
  audit::Entry entry;
  entry.event = audit::Event::kUnlockDestroyed;
  entry.actor = "keyserver";
  entry.subject = identity::DeviceUri{keys_->domain, device}.ToString();
  entry.details["by"] = std::string(by);
  RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
  ASSIGN_OR_RETURN(db::Statement mark, database.Prepare("UPDATE unlock SET destroyed = ?, nonce = x'', attempts_left = 0 WHERE device = ?"));
  RETURN_IF_ERROR(mark.Bind(1, by).Bind(2, ByteView(device)).Run());
  return RunFor(database, "DELETE FROM unlock_key WHERE device = ?", device);
}

absl::Status SqlcipherUnlockStore::DestroyDueOf(absl::Span<const DeviceId> devices, absl::Time now) {
  RETURN_IF_ERROR(Wrap().status());
  std::vector<DueDevice> due;
  for (const DeviceId& device : devices) RETURN_IF_ERROR(AppendDue(connection_.database(), now, device, due));
  return DestroyThese(due);
}

absl::Status SqlcipherUnlockStore::DestroyThese(const std::vector<DueDevice>& due) {
  if (due.empty()) return absl::OkStatus();
  return Shred([&](db::Transaction& transaction) ABSL_EXCLUSIVE_LOCKS_REQUIRED(connection_.mutex()) -> absl::Status {
    for (const DueDevice& each : due) {
      RETURN_IF_ERROR(Destroy(transaction, each.device, each.enrolled ? "guesses" : "removal"));
      if (!each.enrolled) RETURN_IF_ERROR(RunFor(transaction.database(), "DELETE FROM unlock WHERE device = ?", each.device));
    }
    return absl::OkStatus();
  });
}

absl::Status SqlcipherUnlockStore::DestroyDue(absl::Time now) {
  MutexLock lock(connection_.mutex());
  RETURN_IF_ERROR(Wrap().status());
  std::vector<DueDevice> due;
  RETURN_IF_ERROR(AppendDue(connection_.database(), now, std::nullopt, due));
  return DestroyThese(due);
}

absl::Status SqlcipherUnlockStore::DestroyDue(absl::Span<const DeviceId> devices, absl::Time now) {
  MutexLock lock(connection_.mutex());
  return DestroyDueOf(devices, now);
}

absl::StatusOr<LockStatus> SqlcipherUnlockStore::Look(const DeviceId& device, absl::Time now) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(const std::optional<Row> row, Find(database, device));
  LockStatus out;
  if (!row) return out;
  out.destroyed_by = Spent(*row, now) ? "guesses" : row->destroyed_by;
  if (!out.destroyed_by.empty()) return out;
  out.attempts_left = row->attempts_left;
  out.wait = row->attempts_left == 0 ? absl::ZeroDuration() : WaitOf(*row, now);
  ASSIGN_OR_RETURN(const std::vector<StoredKey> keys, ReadKeys(database, device));
  for (const StoredKey& key : keys) (key.proof_key.empty() ? out.pending : out.current) = key.info;
  return out;
}

absl::StatusOr<TakenAttempt> SqlcipherUnlockStore::TakeAttempt(const DeviceId& device, uint32_t version, const identity::Nonce& nonce,
                                                               absl::Time now, const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(const std::optional<Row> own, Find(connection_.database(), device));
  if (own && Spent(*own, now)) RETURN_IF_ERROR(DestroyDueOf({device}, now));
  ASSIGN_OR_RETURN(const crypto::KeyWrap* const wrap, Wrap());
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(connection_.database()));
  db::Database& database = transaction.database();
  RETURN_IF_ERROR(CheckActive(database, device));
  ASSIGN_OR_RETURN(const Row row, Require(database, device));
  if (row.attempts_left == 0) return Destroyed();  // as soon as the last one's proof is no longer waited for
  if (const absl::Duration wait = WaitOf(row, now); wait > absl::ZeroDuration()) {
    return WithRetryAfter(Refuse(absl::StatusCode::kResourceExhausted, "unlock_delayed",
                                 absl::StrCat("after wrong passphrases the next attempt is possible in ", absl::FormatDuration(wait))),
                          wait);
  }
  ASSIGN_OR_RETURN(const std::optional<StoredKey> key, ReadKey(database, device, version));
  if (!key) return KeyUnknown();
  absl::StatusOr<Secret> scalar = wrap->Unwrap(key->wrapped, ContextOf(device, version));
  if (!scalar.ok()) return absl::DataLossError("a stored unlock key cannot be unwrapped");
  ASSIGN_OR_RETURN(crypto::VoprfSecretKey secret, crypto::VoprfSecretKey::Parse(*std::move(scalar)));
  const uint32_t left = row.attempts_left - 1;
  audit::Entry record = entry;
  record.details["left"] = absl::StrCat(left);
  RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, record).status());
  ASSIGN_OR_RETURN(db::Statement burn,
                   database.Prepare("UPDATE unlock SET attempts_left = ?, last_attempt_unix = ?, nonce = ? WHERE device = ?"));
  RETURN_IF_ERROR(burn.Bind(1, int64_t{left})
                      .Bind(2, absl::ToUnixSeconds(now))
                      .Bind(3, ByteView(nonce))
                      .Bind(4, ByteView(device))
                      .Run());
  RETURN_IF_ERROR(transaction.Commit());
  return TakenAttempt{std::move(secret), left};
}

absl::StatusOr<identity::PublicKey> SqlcipherUnlockStore::ProofKey(const DeviceId& device, uint32_t version) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  RETURN_IF_ERROR(Require(database, device).status());
  ASSIGN_OR_RETURN(const std::optional<StoredKey> key, ReadKey(database, device, version));
  if (!key || key->proof_key.empty()) return KeyUnknown();
  return identity::ToFixed<32>(key->proof_key);
}

absl::Status SqlcipherUnlockStore::GiveBack(const DeviceId& device, const identity::Nonce& nonce, absl::Time now,
                                            const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  RETURN_IF_ERROR(DestroyDueOf({device}, now));
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(connection_.database()));
  db::Database& database = transaction.database();
  ASSIGN_OR_RETURN(const Row row, Require(database, device));
  if (row.nonce.empty() || !ConstantTimeEqual(row.nonce, nonce)) {
    return Refuse(absl::StatusCode::kPermissionDenied, "unlock_proof_invalid",
                  "the proof is not of the newest evaluation, or was given before");
  }
  RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
  ASSIGN_OR_RETURN(db::Statement update, database.Prepare("UPDATE unlock SET attempts_left = ?, nonce = x'' WHERE device = ?"));
  RETURN_IF_ERROR(update.Bind(1, int64_t{kUnlockAttempts}).Bind(2, ByteView(device)).Run());
  return transaction.Commit();
}

absl::StatusOr<UnlockKeyInfo> SqlcipherUnlockStore::Begin(const DeviceId& device, absl::Time now, const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  RETURN_IF_ERROR(DestroyDueOf({device}, now));
  ASSIGN_OR_RETURN(const crypto::KeyWrap* const wrap, Wrap());
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(connection_.database()));
  db::Database& database = transaction.database();
  RETURN_IF_ERROR(CheckActive(database, device));
  ASSIGN_OR_RETURN(std::optional<Row> row, Find(database, device));
  if (row && !row->destroyed_by.empty()) return Destroyed();
  ASSIGN_OR_RETURN(const std::vector<StoredKey> keys, ReadKeys(database, device));
  for (const StoredKey& key : keys) {
    if (key.proof_key.empty()) return key.info;
  }
  if (!row) {
    ASSIGN_OR_RETURN(db::Statement insert,
                     database.Prepare("INSERT INTO unlock (device, attempts_left, last_attempt_unix, nonce, destroyed, last_version, "
                                      "changed_day, changes) VALUES (?, ?, 0, x'', '', 0, 0, 0)"));
    RETURN_IF_ERROR(insert.Bind(1, ByteView(device)).Bind(2, int64_t{kUnlockAttempts}).Run());
    row.emplace();
  }
  if (row->changed_day == identity::DayOf(now) && row->changes >= kUnlockKeysPerDay) {
    return Refuse(absl::StatusCode::kResourceExhausted, "unlock_changes_spent",
                  "this device has changed its passphrase too often today; more from midnight UTC");
  }
  const crypto::VoprfSecretKey key = crypto::VoprfSecretKey::Generate();
  UnlockKeyInfo info;
  info.version = row->last_version + 1;
  ASSIGN_OR_RETURN(info.public_key, identity::ToFixed<crypto::kVoprfElementSize>(key.public_key().view()));
  ASSIGN_OR_RETURN(const Bytes wrapped, wrap->Wrap(Secret::CopyOf(key.scalar()), ContextOf(device, info.version)));
  RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
  ASSIGN_OR_RETURN(db::Statement store,
                   database.Prepare("INSERT INTO unlock_key (device, version, public_key, wrapped, proof_key) VALUES (?, ?, ?, ?, x'')"));
  RETURN_IF_ERROR(store.Bind(1, ByteView(device))
                      .Bind(2, int64_t{info.version})
                      .Bind(3, ByteView(info.public_key))
                      .Bind(4, ByteView(wrapped))
                      .Run());
  ASSIGN_OR_RETURN(db::Statement update, database.Prepare("UPDATE unlock SET last_version = ? WHERE device = ?"));
  RETURN_IF_ERROR(update.Bind(1, int64_t{info.version}).Bind(2, ByteView(device)).Run());
  RETURN_IF_ERROR(transaction.Commit());
  return info;
}

absl::Status SqlcipherUnlockStore::Confirm(const DeviceId& device, uint32_t version, const identity::PublicKey& proof_key, absl::Time now,
                                           const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  RETURN_IF_ERROR(DestroyDueOf({device}, now));
  db::Database& database = connection_.database();
  RETURN_IF_ERROR(CheckActive(database, device));
  ASSIGN_OR_RETURN(const Row row, Require(database, device));
  ASSIGN_OR_RETURN(const std::vector<StoredKey> keys, ReadKeys(database, device));
  const auto key = std::find_if(keys.begin(), keys.end(), [&](const StoredKey& each) { return each.info.version == version; });
  if (key == keys.end()) return KeyUnknown();
  if (!key->proof_key.empty()) return Equal(key->proof_key, proof_key) ? absl::OkStatus() : KeyUnknown();
  const uint32_t day = identity::DayOf(now);
  const uint32_t changes = (row.changed_day == day ? row.changes : 0) + 1;
  const auto put = [&](db::Transaction& transaction) ABSL_EXCLUSIVE_LOCKS_REQUIRED(connection_.mutex()) -> absl::Status {
    RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
    ASSIGN_OR_RETURN(db::Statement former, database.Prepare("DELETE FROM unlock_key WHERE device = ? AND version <> ?"));
    RETURN_IF_ERROR(former.Bind(1, ByteView(device)).Bind(2, int64_t{version}).Run());
    ASSIGN_OR_RETURN(db::Statement set, database.Prepare("UPDATE unlock_key SET proof_key = ? WHERE device = ? AND version = ?"));
    RETURN_IF_ERROR(set.Bind(1, ByteView(proof_key)).Bind(2, ByteView(device)).Bind(3, int64_t{version}).Run());
    ASSIGN_OR_RETURN(db::Statement update,
                     database.Prepare("UPDATE unlock SET attempts_left = ?, nonce = x'', changed_day = ?, changes = ? WHERE device = ?"));
    return update.Bind(1, int64_t{kUnlockAttempts}).Bind(2, int64_t{day}).Bind(3, int64_t{changes}).Bind(4, ByteView(device)).Run();
  };
  if (keys.size() > 1) return Shred(put);
  // The device's first: nothing is destroyed by it, and nobody else's key is touched.
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(put(transaction));
  return transaction.Commit();
}

absl::Status SqlcipherUnlockStore::Wipe(absl::string_view user, const DeviceId& device, const IntentTrace& trace) {
  MutexLock lock(connection_.mutex());
  RETURN_IF_ERROR(Wrap().status());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Statement find, database.Prepare("SELECT 1 FROM device WHERE id = ? AND user = ?"));
  ASSIGN_OR_RETURN(const bool found, find.Bind(1, ByteView(device)).Bind(2, user).Step());
  if (!found) return Refuse(absl::StatusCode::kNotFound, "device_unknown", "this person has no such device");
  find.Reset();
  RETURN_IF_ERROR(Require(database, device).status());
  return Shred([&](db::Transaction& transaction) ABSL_EXCLUSIVE_LOCKS_REQUIRED(connection_.mutex()) -> absl::Status {
    RETURN_IF_ERROR(connection_.Record(transaction, trace));
    return Destroy(transaction, device, "administrator");
  });
}

}  // namespace plumbline::keyserver
