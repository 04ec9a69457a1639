// What a serving process gives up for good, before it has a thread or a listener, so that whoever takes it over has little: it starts
// no program and no process, runs no code that it did not start with, traces nobody, and writes below the folders of its own state
// alone. Besides what the unit files say (deploy/systemd), and without them too.
#pragma once

#include <string>
#include <vector>

#include "common/log.h"
#include "common/status.h"

namespace plumbline {

// With Sockets::kLocal none but Unix sockets can be made.
enum class Sockets { kNetworkAndLocal, kLocal };

// For all threads there will be; there must be no other one yet. Cannot be taken back. From here on
//   * execve, fork, ptrace, other processes' memory, mounts, modules, namespaces, keyrings, BPF: the process ends with SIGSYS;
//   * a call that no service needs: EPERM;
//   * memory that becomes executable: EPERM;
//   * a write outside of `folders`, by whatever call: EACCES (Landlock);
//   * memory is not swapped out (mlockall).
// A folder that is not there is left out: whoever needs it says so in its own words. A kernel without Landlock, and a limit that lets no memory be locked, are warnings in
// the log: then the unit file alone stands for that.
// INTERNAL if the kernel refuses: do not serve.
absl::Status EnterSandbox(const std::vector<std::string>& folders, Logger& logger, Sockets sockets = Sockets::kNetworkAndLocal);

// The folder of a file, for EnterSandbox; empty for no file.
std::string FolderOfFile(const std::string& path);

}  // namespace plumbline
