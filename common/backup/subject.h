// What backing up and restoring has to know of a service. Each service has one of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/audit/log_key.h"
#include "common/backup/manifest.h"
#include "common/db/database.h"

namespace plumbline::backup {

// The keys of a service, opened. Not thread-safe.
class OpenedKeys {
 public:
  virtual ~OpenedKeys() = default;
  // Of Subject::databases(), in their order.
  virtual std::vector<db::Key> DatabaseKeys() const = 0;
  virtual absl::StatusOr<audit::LogKey> AuditKey() const = 0;
  // The logs in `main`, the first database, besides the audit record: read from the first leaf and held against what they signed.
  // DATA_LOSS, naming what does not follow.
  virtual absl::StatusOr<std::vector<LogState>> CheckLogs(db::Database& main) const = 0;
  // Takes out of a restored `main` what it must not have in common with what it was copied from.
  virtual absl::Status PrepareRestored(db::Database&) const { return absl::OkStatus(); }
};

class Subject {
 public:
  virtual ~Subject() = default;
  virtual identity::Service service() const = 0;
  virtual std::string domain() const = 0;
  virtual std::string data_dir() const = 0;

  // Names within the data folder. The sealed keys, without which there is no service; files that come along where they are there;
  // the databases in the order in which they are copied, the one with the audit record first.
  virtual std::string keys_file() const = 0;
  virtual std::vector<std::string> other_files() const = 0;
  virtual std::vector<std::string> databases() const = 0;

  // From the sealed keys in `folder`. FAILED_PRECONDITION not_initialised; PERMISSION_DENIED passphrase_wrong; DATA_LOSS.
  virtual absl::StatusOr<std::unique_ptr<OpenedKeys>> OpenKeys(const std::string& folder) const = 0;

  // That the files and `main`, copied one after the other into `folder` while the service runs, are of one moment. ABORTED if not: they
  // are copied again.
  virtual absl::Status CheckMoment(const std::string& folder, db::Database& main) const;
};

inline absl::Status Subject::CheckMoment(const std::string&, db::Database&) const { return absl::OkStatus(); }

}  // namespace plumbline::backup
