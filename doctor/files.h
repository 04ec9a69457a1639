// Files and disks of a service. Looks at owners, modes, sizes and the first bytes that tell a
// format; never at what a key or passphrase file holds.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "doctor/installation.h"
#include "doctor/report.h"

namespace plumbline::doctor {

// "files.folder", "files.keys", "files.passphrase", "files.root_key", "files.databases".
void CheckFiles(const Service& service, Report& report);

// Free space of the data folder's disk.
inline constexpr double kDiskWarning = 0.20;  // of the whole
inline constexpr double kDiskFailed = 0.05;
struct Space {
  uint64_t free_bytes = 0, all_bytes = 0;
};
// "disk.space".
void JudgeSpace(const Service& service, const Space& space, Report& report);
void CheckSpace(const Service& service, Report& report);

inline constexpr absl::Duration kBackupWarning = absl::Hours(26);
inline constexpr absl::Duration kBackupFailed = absl::Hours(7 * 24);
// "backups.age": of the newest regular file in `folder` whose name ends in .plbk.
void CheckBackups(const std::string& folder, absl::Time now, Report& report);

}  // namespace plumbline::doctor
