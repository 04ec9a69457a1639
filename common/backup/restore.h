// Reading a backup, and putting it where a service starts from.
#pragma once

#include <memory>
#include <string>

#include "common/backup/subject.h"
#include "common/backup/work_folder.h"
#include "common/clock.h"
#include "common/crypto/sealed_box.h"

namespace plumbline::backup {

// A backup that was read to its end and found whole, in a folder of its own that goes with it. Move-only.
class Unpacked final {
 public:
  const Manifest& manifest() const { return manifest_; }
  const OpenedKeys& keys() const { return *keys_; }
  // What is in it may be changed before it is installed; what Subject::other_files names may be taken away.
  const std::string& folder() const { return folder_.path(); }
  // The first database. Codes of db::Database::Open.
  absl::StatusOr<std::unique_ptr<db::Database>> OpenMain() const;

 private:
  friend absl::StatusOr<Unpacked> Unpack(const Subject&, const std::string&, const crypto::SealedBoxKeyPair&, WorkFolder);
  friend absl::Status Install(const Subject&, Unpacked, const Clock&);
  Unpacked(const Subject& subject, WorkFolder folder) : subject_(&subject), folder_(std::move(folder)) {}
  absl::Status ReadFrom(const std::string& from, const crypto::SealedBoxKeyPair& key);
  absl::Status CheckNames() const;
  absl::Status Check();

  const Subject* subject_;
  WorkFolder folder_;
  Manifest manifest_;
  std::unique_ptr<OpenedKeys> keys_;
};

// Reads all of `from` into `folder`: every byte authenticated, every database's pages and every log of it verified, and held
// against what the backup says of itself. `subject` outlives the result.
//   codes of ArchiveReader; FAILED_PRECONDITION backup_wrong_service, backup_wrong_organisation; UNAUTHENTICATED
//   backup_not_of_these_keys; UNIMPLEMENTED backup_too_new; DATA_LOSS backup_damaged, store_damaged, audit_broken; codes of
//   Subject::OpenKeys, of the engine and of the disk.
absl::StatusOr<Unpacked> Unpack(const Subject& subject, const std::string& from, const crypto::SealedBoxKeyPair& key,
                                WorkFolder folder);

// Where Unpack works before an Install: within the service's data folder, which is made (0700) if it is not there. Takes away what
// a restore left that was interrupted. FAILED_PRECONDITION already_initialised if there are keys, data_dir_in_use if there is a
// database without; codes of WorkFolder::Make.
absl::StatusOr<WorkFolder> PrepareDataFolder(const Subject& subject);
// Where it works if nothing is to be installed: beside the system's temporary files ($TMPDIR).
absl::StatusOr<WorkFolder> PrepareScratch();

// Puts what was unpacked by PrepareDataFolder's folder in its place: records it in the service's audit record, then databases, then
// the keys. A crash leaves no keys, so no service, or all of it. Codes of the engine and of the disk.
absl::Status Install(const Subject& subject, Unpacked unpacked, const Clock& clock);

}  // namespace plumbline::backup
