#include "keyserver/restored_unlock_keys.h"

#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/audit/export.h"
#include "common/file.h"
#include "common/identity/reason.h"
#include "keyserver/store/sqlcipher_unlock_store.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

absl::Status Undecided(int count) {
  return Refuse(absl::StatusCode::kFailedPrecondition, "unlock_keys_undecided",
                absl::StrCat("the backup has what unlocks ", count, count == 1 ? " device" : " devices",
                             ", and does not know what was destroyed after it was taken. Give --later-audit FILE, an export of the audit "
                             "record from later on: what it says was destroyed stays so. Without one give --keep-unlock-keys, and wipe "
                             "again what was wiped since; or --abandon-unlock-keys, after which every device is enrolled anew"));
}

// By device: what the record says that came after the backup.
std::map<identity::DeviceId, UnlockLater> Read(const std::vector<audit::Record>& records, uint64_t from) {
  std::map<identity::DeviceId, UnlockLater> out;
  for (const audit::Record& record : records) {
    if (record.sequence <= from || record.outcome != audit::Outcome::kSuccess) continue;
    const auto device = identity::ParseDeviceUri(record.subject);
    if (!device.ok()) continue;
    const auto is = [&](audit::Event event) { return record.name == audit::Name(event); };
    uint32_t left = 0;
    const auto found = record.details.find("left");
    const bool counted = found != record.details.end() && absl::SimpleAtoi(found->second, &left);
    if (is(audit::Event::kUnlockDestroyed) || is(audit::Event::kUnlockKeyChanged)) out[device->id].destroyed = true;
    if (is(audit::Event::kUnlockAttempted) && counted) out[device->id].attempts_left = left;
    if (is(audit::Event::kUnlockProved)) out[device->id].attempts_left.reset();
  }
  return out;
}

absl::StatusOr<std::map<identity::DeviceId, UnlockLater>> ReadLater(const std::string& file, const KeyRing& ring,
                                                                     const backup::LogState& audit) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(file, audit::kMaxExport));
  ASSIGN_OR_RETURN(const audit::LogKey key, ring.AuditKey());
  std::vector<audit::Record> records;
  const tlog::Checkpoint seen{audit.origin, audit.size, audit.root};
  RETURN_IF_ERROR(audit::VerifyExport(text, key.verifier(), [&](const audit::Record& record) { records.push_back(record); }, seen).status());
  return Read(records, audit.size);
}

}  // namespace

absl::StatusOr<int> CountUnlockKeys(db::Database& database) {
  ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT count(DISTINCT device) FROM unlock_key WHERE length(proof_key) > 0"));
  RETURN_IF_ERROR(select.Step().status());
  return static_cast<int>(select.Int64(0));
}

absl::StatusOr<RestoredUnlockKeys> RestoreUnlockKeys(const std::string& folder, const KeyRing& ring, const backup::LogState& audit,
                                                     const UnlockKeyChoice& choice, const Clock& clock) {
  ASSIGN_OR_RETURN(audit::LogKey log_key, ring.AuditKey());
  ASSIGN_OR_RETURN(DirectoryLogKeys directory_keys, ring.LogKeys());
  ASSIGN_OR_RETURN(const std::unique_ptr<SqlcipherConnection> connection,
                   SqlcipherConnection::Open(DatabasePath(folder), ring.database_key, std::move(log_key), std::move(directory_keys), clock,
                                             {.create = false}));
  const auto count = [&]() -> absl::StatusOr<int> {
    MutexLock lock(connection->mutex());
    return CountUnlockKeys(connection->database());
  };
  const auto settle = [&]() -> absl::Status {
    MutexLock lock(connection->mutex());
    return connection->database().Checkpoint();
  };
  ASSIGN_OR_RETURN(const int before, count());
  if (before > 0 && !choice.made()) return Undecided(before);
  RestoredUnlockKeys out;
  if (before == 0 || choice.abandon) {
    // An empty one as well: the next key is the first under a shred key of this host alone.
    RETURN_IF_ERROR(SqlcipherUnlockStore::Abandon(*connection, folder, /*record=*/before > 0));
    out.abandoned = before > 0;
    RETURN_IF_ERROR(settle());
    return out;
  }
  std::map<identity::DeviceId, UnlockLater> later;
  if (!choice.later_audit.empty()) {
    ASSIGN_OR_RETURN(later, ReadLater(choice.later_audit, ring, audit));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<SqlcipherUnlockStore> store, SqlcipherUnlockStore::Open(*connection, ring, folder));
  RETURN_IF_ERROR(store->CatchUp(later));
  ASSIGN_OR_RETURN(out.kept, count());
  out.destroyed = before - out.kept;
  RETURN_IF_ERROR(settle());
  return out;
}

}  // namespace plumbline::keyserver
