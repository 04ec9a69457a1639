#include "tests/interop/node_peer.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace plumbline::interop {
namespace {

constexpr char kNode[] = "/usr/bin/node";
constexpr char kFolders[] = PLUMBLINE_SOURCE_DIR "/tests/interop/";
constexpr int kPatienceMs = 60'000;

}  // namespace

std::string WhyNoPeer(const std::string& folder, const std::string& package) {
  for (const std::string& path :
       {std::string(kNode),
        absl::StrCat(kFolders, folder, "/node_modules/", package, "/package.json")}) {
    if (access(path.c_str(), R_OK) != 0)
      return absl::StrCat("NO ", absl::AsciiStrToUpper(folder), " TO TALK TO: ", path,
                          " IS NOT THERE");
  }
  return "";
}

Bytes FromHex(const std::string& text) {
  CHECK(text.size() % 2 == 0);
  return ToBytes(AsBytes(absl::HexStringToBytes(text)));
}

NodePeer::NodePeer(const std::string& folder) : folder_(folder) {
  int to[2], from[2];
  CHECK(pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0);
  const std::string script = absl::StrCat(kFolders, folder, "/peer.mjs");
  pid_ = fork();
  CHECK(pid_ >= 0);
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(to[0], 0) < 0 || dup2(from[1], 1) < 0) _exit(127);
    execl(kNode, kNode, script.c_str(), nullptr);
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  in_ = to[1];
  out_ = from[0];
  signal(SIGPIPE, SIG_IGN);
}

NodePeer::~NodePeer() {
  close(in_);
  close(out_);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

absl::StatusOr<nlohmann::json> NodePeer::Ask(const std::string& op, nlohmann::json more) {
  more["op"] = op;
  const std::string line = more.dump() + "\n";
  for (size_t done = 0; done < line.size();) {
    const ssize_t n = write(in_, line.data() + done, line.size() - done);
    if (n <= 0) return absl::UnavailableError(absl::StrCat(folder_, " has ended"));
    done += static_cast<size_t>(n);
  }
  size_t end;
  while ((end = unread_.find('\n')) == std::string::npos) {
    pollfd ready{out_, POLLIN, 0};
    if (poll(&ready, 1, kPatienceMs) <= 0)
      return absl::UnavailableError(absl::StrCat(folder_, " does not answer ", op));
    char buffer[65536];
    const ssize_t n = read(out_, buffer, sizeof buffer);
    if (n <= 0) return absl::UnavailableError(absl::StrCat(folder_, " has ended"));
    unread_.append(buffer, static_cast<size_t>(n));
  }
  const nlohmann::json answer = nlohmann::json::parse(unread_.substr(0, end), nullptr, false);
  unread_.erase(0, end + 1);
  if (answer.contains("ok")) return answer["ok"];
  return absl::InvalidArgumentError(
      absl::StrCat(folder_, ", ", op, ": ", answer.value("error", "no JSON")));
}

}  // namespace plumbline::interop
