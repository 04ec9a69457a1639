// What every program of the project does first.
#pragma once

#include "common/status.h"

namespace plumbline {

// Starts libsodium, forbids core dumps and reading by other processes of the same user (PR_SET_DUMPABLE 0),
// overwrites freed heap (M_PERTURB), ignores SIGPIPE. INTERNAL if any of it is refused: do not go on.
absl::Status HardenProcess();

}  // namespace plumbline
