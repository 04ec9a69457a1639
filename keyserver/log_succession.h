// Another log for the directory, which follows the one that is there: another VRF key, so every person has another index, another key
// that signs checkpoints, another name (ADR 22, docs/transparency.md, "Another log"). With the service stopped. All records enter the
// new log as they are; the former one is kept for those who knew it.
//
// The order: log.next holds the next ring, sealed; one transaction of the database lays the former log aside, begins the next one and
// records key.rotated; keys.sealed becomes the next ring; the former log's key is destroyed in its token; log.next is overwritten.
#pragma once

#include <string>

#include "common/clock.h"
#include "common/crypto/sealed_file.h"
#include "common/secret.h"
#include "common/status.h"
#include "keyserver/key_ring.h"

namespace plumbline::keyserver {

struct LogSuccessionChoice {
  bool stolen = false;    // nothing is handed over: a thief of the former keys could read it. Who follows people looks them up anew
  bool restored = false;  // this database is behind what witnesses and clients have seen
};

struct LogSucceeded {
  std::string log_key, former_key;  // verifier keys; each with the name of its log
  uint64_t former_size = 0;         // leaves of the former log
  uint64_t number = 0;              // of the log, as directory::LogNumber
  uint64_t policy = 0;              // number of the witness policy
  std::string policy_text;
};

// Opens root.sealed, so it takes the ceremony's passphrase. After a crash at any point the directory has the former log or the next one,
// and the next start finishes or undoes it. FAILED_PRECONDITION if the service runs, log_unpublished if the witnesses have not confirmed
// all of the log and nothing was restored, directory_log_key_missing, witnesses_missing, root_key_missing, wrapping_mismatch,
// role_keys_mismatch; else codes of UnsealKeyRing.
absl::StatusOr<LogSucceeded> SucceedLog(const config::v1::KeyserverConfig& config, const Secret& passphrase, const LogSuccessionChoice& choice,
                                        const Clock& clock, const crypto::SealCost& cost = crypto::SealCost());

// What was broken off: `keys`, which was just unsealed, is what counts afterwards. No database is open.
absl::Status FinishLogSuccession(const config::v1::KeyserverConfig& config, const Secret& passphrase, KeyRing& keys, const crypto::SealCost& cost);

// Where a log is written as files: in the configured folder the first one, in folders in it named by their numbers those that followed.
std::string LogFolder(const std::string& configured, uint64_t number);

}  // namespace plumbline::keyserver
