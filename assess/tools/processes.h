// What a running process has open, from /proc: takes root where the process is not dumpable.
#pragma once

#include <sys/types.h>

#include <set>
#include <string>

#include "common/status.h"

namespace plumbline::assess {

// Targets of its descriptors but the three standard streams, which are whoever's started it: paths, "socket:[4026]", "/memfd:...". PERMISSION_DENIED; NOT_FOUND if there is no such process.
absl::StatusOr<std::set<std::string>> OpenFiles(pid_t pid);

// TCP ports on which it listens, IPv4 and IPv6. Codes of OpenFiles.
absl::StatusOr<std::set<int>> ListeningPorts(pid_t pid);

}  // namespace plumbline::assess
