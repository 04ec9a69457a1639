// Another key for the directory's log, which stays the log that it was: its name, its first leaf and its tree (ADR 19).
#pragma once

#include <string>

#include "absl/time/time.h"
#include "common/clock.h"
#include "common/crypto/sealed_file.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::config::v1 {
class KeyserverConfig;
}

namespace plumbline::keyserver {

inline constexpr absl::Duration kFormerLogKeyLasts = absl::Hours(24 * 7);
inline constexpr absl::Duration kLongestFormerLogKey = absl::Hours(24 * 30);

struct LogKeyRotated {
  std::string log_key, former_key;  // verifier keys
  uint64_t policy = 0;              // its number
  std::string policy_text;
  absl::Time former_ends;
};

// A new key, and the next witness policy, which names it; recorded as key.rotated. The former key signs too for `former_lasts`, then it
// is destroyed; with zero at once. With the service stopped, and with root.sealed there, which the ceremony's passphrase opens.
// After a crash at any point the log has the old key or the new one, and the next start finishes or undoes it. INVALID_ARGUMENT for a
// time above kLongestFormerLogKey; FAILED_PRECONDITION if the service runs, log_key_changing while an earlier former key signs (but not
// with zero, which ends that too), directory_log_key_missing, witnesses_missing, root_key_missing.
absl::StatusOr<LogKeyRotated> RotateLogKey(const config::v1::KeyserverConfig& config, const Secret& passphrase, absl::Duration former_lasts,
                                           const Clock& clock, const crypto::SealCost& cost = crypto::SealCost());

}  // namespace plumbline::keyserver
