// The key server's backups (common/backup): its sealed keys but the root's, and its database with the audit record and the
// directory's log.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/backup/subject.h"
#include "common/backup/verbs.h"
#include "common/clock.h"
#include "keyserver/publisher.h"
#include "keyserver/restored_unlock_keys.h"

namespace plumbline::config::v1 {
class KeyserverConfig;
}

namespace plumbline::keyserver {

// Both references outlive the result. The root's key is in no backup: it rests elsewhere.
std::unique_ptr<backup::Subject> NewBackupSubject(const config::v1::KeyserverConfig& config, const Secret& passphrase);

// What a witness says of the directory's log in a backup.
struct WitnessWord {
  std::string name;              // in the policy
  std::optional<uint64_t> size;  // leaves that it has cosigned; none: it could not be asked, or does not know the log
  bool another = false;          // it has cosigned what this log cannot continue: more, or something else
};

struct RestoreResult {
  backup::Manifest manifest;
  uint64_t directory_size = 0;  // leaves of the directory's log in the backup
  std::vector<WitnessWord> witnesses;
  int unlock_keys = 0;  // devices with one in force in the backup
  RestoredUnlockKeys restored_unlock_keys;
};
// Into the data folder of the configuration, which has no keys, or nowhere (options.check). The witnesses of the policy in the backup
// are asked first how far they are: FAILED_PRECONDITION backup_behind if one has seen another log than the backup's continues to,
// unless `accept_behind`: what is restored then can publish nothing. Else codes of RestoreUnlockKeys and of backup::RestoreFor.
absl::StatusOr<RestoreResult> RestoreBackup(const config::v1::KeyserverConfig& config, const Secret& passphrase,
                                            const backup::Options& options, bool accept_behind, const UnlockKeyChoice& unlock_keys,
                                            WitnessSender& sender, const Clock& clock);

}  // namespace plumbline::keyserver
