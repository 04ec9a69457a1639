#include "assess/tools/memory.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "assess/tools/child.h"

namespace plumbline::assess {
namespace {

constexpr uint64_t kChunk = 4 << 20;

struct Mapping {
  uint64_t start = 0;
  uint64_t end = 0;
  std::string name;
};

// One line of /proc/PID/maps: "start-end perms offset device inode path".
bool ParseMapping(const std::string& line, Mapping& mapping) {
  std::istringstream words(line);
  std::string range, permissions, offset, device, inode;
  words >> range >> permissions >> offset >> device >> inode;
  std::getline(words >> std::ws, mapping.name);
  const size_t dash = range.find('-');
  if (dash == std::string::npos || permissions.size() < 4) return false;
  mapping.start = std::strtoull(range.c_str(), nullptr, 16);
  mapping.end = std::strtoull(range.c_str() + dash + 1, nullptr, 16);
  if (permissions[0] != 'r' || absl::StartsWith(mapping.name, "[v")) return false;
  const bool of_file = absl::StartsWith(mapping.name, "/");
  if (mapping.name.empty()) mapping.name = "anonymous";
  return !of_file || permissions[1] == 'w';
}

char ProcessState(pid_t pid) {
  const absl::StatusOr<std::string> stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  if (!stat.ok()) return 0;
  const size_t close = stat->rfind(')');
  return close == std::string::npos || close + 2 >= stat->size() ? 0 : (*stat)[close + 2];
}

void SearchMapping(int fd, const Mapping& mapping, const PatternSet& patterns, MemorySearch& result) {
  Bytes buffer;
  const uint64_t overlap = patterns.longest();
  for (uint64_t at = mapping.start; at < mapping.end;) {
    const uint64_t size = std::min(kChunk, mapping.end - at);
    buffer.resize(size);
    const ssize_t n = pread(fd, buffer.data(), size, static_cast<off_t>(at));
    if (n <= 0) return;  // a guard page or a device
    result.bytes_read += static_cast<uint64_t>(n);
    const bool last = at + static_cast<uint64_t>(n) >= mapping.end;
    const uint64_t step = last || static_cast<uint64_t>(n) <= overlap ? static_cast<uint64_t>(n)
                                                                     : static_cast<uint64_t>(n) - overlap;
    patterns.Search(ByteView(buffer.data(), static_cast<size_t>(n)), [&](const Hit& hit) {
      if (hit.offset >= step) return;  // the next chunk begins there and finds it again
      Hit placed = hit;
      placed.place = mapping.name;
      placed.offset += at;
      result.hits.push_back(std::move(placed));
    });
    at += step;
  }
  ++result.mappings;
}

}  // namespace

Pause::Pause(pid_t pid) : pid_(pid) {
  kill(pid, SIGSTOP);
  PollUntil([pid] { return ProcessState(pid) != 'R' && ProcessState(pid) != 'S' && ProcessState(pid) != 'D'; }, absl::Seconds(5));
}

Pause::~Pause() { kill(pid_, SIGCONT); }

absl::StatusOr<MemorySearch> SearchMemory(pid_t pid, const PatternSet& patterns) {
  if (kill(pid, 0) != 0 && errno == ESRCH) return absl::NotFoundError(absl::StrCat("process ", pid, " is gone"));
  const int fd = open(absl::StrCat("/proc/", pid, "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  std::ifstream maps(absl::StrCat("/proc/", pid, "/maps"));
  std::string line;
  std::vector<Mapping> mappings;
  const Pause pause(pid);
  while (fd >= 0 && std::getline(maps, line)) {
    Mapping mapping;
    if (ParseMapping(line, mapping)) mappings.push_back(std::move(mapping));
  }
  MemorySearch result;
  for (const Mapping& mapping : mappings) SearchMapping(fd, mapping, patterns, result);
  if (fd >= 0) close(fd);
  if (result.bytes_read == 0) {
    return absl::PermissionDeniedError("the memory of the process cannot be read: this needs root or CAP_SYS_PTRACE");
  }
  return result;
}

}  // namespace plumbline::assess
