// What becomes of the unlock keys in a backup when it is restored (docs/protocols/backup.md, "Unlock keys"). A key that was
// destroyed after the backup must not come back, and the backup cannot know of it: a later copy of the audit record does, or the
// operator answers for it.
#pragma once

#include <string>

#include "common/backup/manifest.h"
#include "common/clock.h"
#include "common/db/database.h"
#include "common/status.h"
#include "keyserver/key_ring.h"

namespace plumbline::keyserver {

// One of them.
struct UnlockKeyChoice {
  std::string later_audit;  // file: an export of the audit record that is later than the backup
  bool keep = false;        // as they were; what was destroyed since has to be destroyed again
  bool abandon = false;     // all devices are enrolled anew
  bool made() const { return !later_audit.empty() || keep || abandon; }
};

struct RestoredUnlockKeys {
  int kept = 0;       // devices whose key is in force
  int destroyed = 0;  // which the later record says of them
  bool abandoned = false;
};

// Devices with a key in force.
absl::StatusOr<int> CountUnlockKeys(db::Database& database);

// In `folder`, which has the database and, where the backup has it, shred.key; `audit` is how far the record in it is. Whatever is
// kept is under another shred key on return. FAILED_PRECONDITION unlock_keys_undecided if there are keys and no choice,
// shred_key_missing if the backup lacks it; INVALID_ARGUMENT audit_file_malformed; DATA_LOSS audit_broken, audit_rewritten,
// audit_rolled_back if the file is not a later state of this record; NOT_FOUND.
absl::StatusOr<RestoredUnlockKeys> RestoreUnlockKeys(const std::string& folder, const KeyRing& ring, const backup::LogState& audit,
                                                     const UnlockKeyChoice& choice, const Clock& clock);

}  // namespace plumbline::keyserver
