#include "keyserver/store/sqlcipher_ledger.h"

#include "absl/strings/str_cat.h"
#include "common/identity/grant.h"
#include "common/identity/reason.h"
#include "keyserver/store/account_rows.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

// How long used codes are remembered after their end, so that their owner is told why they fail.
constexpr int64_t kCodeMemorySeconds = 7 * 86400;
// How long a new device can still fetch what was decided about it.
constexpr int64_t kJoinMemorySeconds = 86400;
// An intent is accepted a little after its end (clock skew), so its nonce must be remembered longer than
// that.
constexpr int64_t kIntentMemorySeconds = 600;

// Adds `count` to the device's day. RESOURCE_EXHAUSTED quota_spent above `limit`.
absl::Status CountDraw(db::Database& database, const identity::DeviceId& device, absl::string_view what,
                       uint32_t count, uint32_t day, uint32_t limit) {
  ASSIGN_OR_RETURN(
      db::Statement seed,
      database.Prepare("INSERT OR IGNORE INTO draw (device, what, day, count) VALUES (?, ?, ?, 0)"));
  RETURN_IF_ERROR(seed.Bind(1, ByteView(device)).Bind(2, what).Bind(3, int64_t{day}).Run());
  ASSIGN_OR_RETURN(
      db::Statement add,
      database.Prepare("UPDATE draw SET count = count + ?1 WHERE device = ?2 AND what = ?3 AND day = ?4 "
                       "AND count + ?1 <= ?5"));
  RETURN_IF_ERROR(add.Bind(1, int64_t{count})
                      .Bind(2, ByteView(device))
                      .Bind(3, what)
                      .Bind(4, int64_t{day})
                      .Bind(5, int64_t{limit})
                      .Run());
  if (database.changes() == 1) return absl::OkStatus();
  return Refuse(absl::StatusCode::kResourceExhausted, "quota_spent",
                absl::StrCat("this device has drawn its ", limit, " of today; more from midnight UTC"));
}

}  // namespace

absl::Status SqlcipherLedger::SpendToken(const tokens::Redeemed& token) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  ASSIGN_OR_RETURN(db::Statement find, database.Prepare("SELECT 1 FROM token_key WHERE id = ? AND void <> 0"));
  ASSIGN_OR_RETURN(const bool is_void, find.Bind(1, ByteView(token.token_key_id)).Step());
  if (is_void) {
    return Refuse(absl::StatusCode::kUnauthenticated, "token_void",
                  "all tokens of this time were made void by an administrator; draw new ones");
  }
  ASSIGN_OR_RETURN(db::Statement insert, database.Prepare("INSERT INTO nullifier (nonce, forget_unix) VALUES (?, ?)"));
  const absl::Status inserted = insert.Bind(1, ByteView(token.nullifier)).Bind(2, absl::ToUnixSeconds(token.ends)).Run();
  if (absl::IsAlreadyExists(inserted)) {
    return Refuse(absl::StatusCode::kUnauthenticated, "token_spent", "the token was used before; use a fresh one");
  }
  RETURN_IF_ERROR(inserted);
  return transaction.Commit();
}

absl::Status SqlcipherLedger::DrawTokens(const identity::DeviceId& device, absl::string_view purpose, uint32_t count,
                                         uint32_t day, uint32_t limit, const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(CheckActive(database, device));
  RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
  RETURN_IF_ERROR(CountDraw(database, device, purpose, count, day, limit));
  return transaction.Commit();
}

absl::Status SqlcipherLedger::DrawGrants(const identity::DeviceId& device,
                                         const std::vector<Bytes>& sealed_serials, uint32_t expires_day,
                                         uint32_t day, uint32_t limit, const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(CheckActive(database, device));
  RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
  RETURN_IF_ERROR(
      CountDraw(database, device, "grants", static_cast<uint32_t>(sealed_serials.size()), day, limit));
  for (const Bytes& sealed : sealed_serials) {
    ASSIGN_OR_RETURN(
        db::Statement insert,
        database.Prepare("INSERT INTO drawn_grant (device, sealed, expires_day) VALUES (?, ?, ?)"));
    RETURN_IF_ERROR(
        insert.Bind(1, ByteView(device)).Bind(2, ByteView(sealed)).Bind(3, int64_t{expires_day}).Run());
  }
  return transaction.Commit();
}

absl::Status SqlcipherLedger::Sweep(absl::Time now) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  const int64_t seconds = absl::ToUnixSeconds(now);
  const int64_t day = identity::DayOf(now);
  const std::pair<const char*, int64_t> sweeps[] = {
      {"DELETE FROM nullifier WHERE forget_unix <= ?", seconds},
      {"DELETE FROM enrolment_code WHERE expires_unix <= ?", seconds - kCodeMemorySeconds},
      {"DELETE FROM first_code WHERE expires_unix <= ?", seconds - kCodeMemorySeconds},
      {"DELETE FROM key_package WHERE expires_unix <= ?", seconds},
      {"DELETE FROM intent WHERE keep = 0 AND expires_unix <= ?", seconds - kIntentMemorySeconds},
      {"DELETE FROM draw WHERE day < ?", day - 1},
      {"DELETE FROM drawn_grant WHERE expires_day < ?", day},
      {"DELETE FROM revocation WHERE keep_until_day < ?", day},
      {"DELETE FROM device_invitation WHERE expires_unix <= ?", seconds - kCodeMemorySeconds},
      {"DELETE FROM join_request WHERE expires_unix <= ?", seconds - kJoinMemorySeconds},
  };
  for (const auto& [sql, bound] : sweeps) {
    ASSIGN_OR_RETURN(db::Statement remove, database.Prepare(sql));
    RETURN_IF_ERROR(remove.Bind(1, bound).Run());
  }
  return transaction.Commit();
}

absl::Status SqlcipherAuditTrail::Append(const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  return connection_.audit().Append(entry).status();
}

absl::StatusOr<audit::Page> SqlcipherAuditTrail::ReadPage(uint64_t after, size_t limit) {
  MutexLock lock(connection_.mutex());
  return connection_.audit().reader().ReadPage(after, limit);
}

}  // namespace plumbline::keyserver
