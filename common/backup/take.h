// Taking a backup, beside the service or while it is stopped.
#pragma once

#include <string>

#include "common/backup/subject.h"
#include "common/clock.h"
#include "common/crypto/sealed_box.h"

namespace plumbline::backup {

// Writes a backup of `subject` to `out`, 0600, for `recipient`. It is recorded in the service's audit record first; then each
// database is copied as it was at one moment, in the order that the subject gives; the copies' logs are verified; and the file gets
// its name when all of it is on disk. Until then everything is in `<folder of out>/plumbline-<service>.partial`, encrypted as it is
// in the service, and needs room for the databases twice.
//   ALREADY_EXISTS backup_exists; FAILED_PRECONDITION store_missing (never started), backup_running, audit_key_missing; DATA_LOSS
//   store_damaged, audit_broken: what is damaged is not backed up as if it were whole; codes of Subject::OpenKeys, of the engine
//   and of the disk.
absl::StatusOr<Manifest> Take(const Subject& subject, const crypto::SealedBoxPublicKey& recipient, const std::string& out,
                              const Clock& clock);

// Takes one into `folder`, with the time as its name ("20261126T030000Z.plbk"), and then removes of the files named like that all but
// the `keep` newest (at least 1); nothing else is looked at. What cannot be removed is told after the backup is there: codes of the
// disk. Codes of Take.
struct TakenInto {
  std::string path;
  Manifest manifest;
};
absl::StatusOr<TakenInto> TakeInto(const Subject& subject, const crypto::SealedBoxPublicKey& recipient, const std::string& folder,
                                   size_t keep, const Clock& clock);

// The audit record of `main` and its other logs, verified to their ends. Codes of audit::AuditReader::Verify and OpenedKeys.
absl::StatusOr<std::vector<LogState>> VerifyLogs(const OpenedKeys& keys, db::Database& main);

}  // namespace plumbline::backup
