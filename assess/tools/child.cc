#include "assess/tools/child.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"

namespace plumbline::assess {
namespace {

absl::Status Errno(const std::string& what) { return absl::InternalError(absl::StrCat(what, ": ", std::strerror(errno))); }

std::vector<std::string> Environment(const Command& command) {
  std::map<std::string, std::string> all = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}, {"LANG", "C.UTF-8"}};
  for (const char* name : {"HOME", "TMPDIR", "XDG_RUNTIME_DIR"}) {
    if (const char* value = std::getenv(name)) all[name] = value;
  }
  for (const auto& [name, value] : command.environment) all[name] = value;
  std::vector<std::string> lines;
  for (const auto& [name, value] : all) lines.push_back(absl::StrCat(name, "=", value));
  return lines;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Everything after fork() in the child: only async-signal-safe calls.
[[noreturn]] void BecomeProgram(const char* program, char* const* arguments, char* const* environment, int in, int out,
                                int err, bool detached) {
  setsid();  // no terminal to ask at
  if (!detached) prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  close_range(3, ~0U, 0);
  execve(program, arguments, environment);
  _exit(127);
}

absl::StatusOr<pid_t> Spawn(const Command& command, int in, int out, int err, bool detached) {
  if (access(command.program.c_str(), X_OK) != 0) {
    return absl::NotFoundError(absl::StrCat(command.program, " is not there or not executable"));
  }
  std::vector<std::string> arguments = {command.program};
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> environment = Environment(command);
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(environment);
  const pid_t pid = fork();
  if (pid < 0) return Errno("fork");
  if (pid == 0) BecomeProgram(command.program.c_str(), argv.data(), envp.data(), in, out, err, detached);
  return pid;
}

int ExitCode(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

}  // namespace

absl::StatusOr<Child> Child::Start(const Command& command, const Options& options) {
  const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
  const int out = open(options.log_path.c_str(), flags, 0600);
  if (out < 0) return Errno(options.log_path);
  const int err = options.err_path.empty() ? dup(out) : open(options.err_path.c_str(), flags, 0600);
  int input[2] = {-1, -1};
  if (options.keep_stdin) {
    if (pipe2(input, O_CLOEXEC) != 0) return Errno("pipe");
  } else {
    input[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  absl::StatusOr<pid_t> pid = Spawn(command, input[0], out, err, options.detached);
  close(out);
  close(err);
  close(input[0]);
  if (!pid.ok()) {
    if (input[1] >= 0) close(input[1]);
    return pid.status();
  }
  Child child;
  child.pid_ = *pid;
  child.stdin_ = input[1];
  child.detached_ = options.detached;
  return child;
}

Child::Child(Child&& other) noexcept { *this = std::move(other); }

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(stdin_, other.stdin_);
  std::swap(detached_, other.detached_);
  std::swap(ended_, other.ended_);
  std::swap(exit_code_, other.exit_code_);
  return *this;
}

Child::~Child() {
  CloseStdin();
  if (pid_ > 0 && !ended_ && !detached_) Stop(absl::Seconds(1));
}

bool Child::Running() {
  if (pid_ <= 0 || ended_) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  ended_ = true;
  exit_code_ = ExitCode(status);
  return false;
}

absl::Status Child::WriteLine(const std::string& line) {
  const std::string text = line + "\n";
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = write(stdin_, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Errno("the program does not read its input");
    done += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

void Child::CloseStdin() {
  if (stdin_ >= 0) close(stdin_);
  stdin_ = -1;
}

void Child::Signal(int number) {
  if (pid_ > 0 && !ended_) kill(pid_, number);
}

absl::StatusOr<int> Child::Wait(absl::Duration timeout) {
  if (pid_ <= 0) return absl::FailedPreconditionError("no process was started");
  if (!Running()) return exit_code_;
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (handle < 0) return Errno("pidfd_open");
  pollfd watch = {handle, POLLIN, 0};
  const int ready = poll(&watch, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
  close(handle);
  if (ready > 0 && !Running()) return exit_code_;
  return absl::DeadlineExceededError(absl::StrCat("still running after ", absl::FormatDuration(timeout)));
}

int Child::Stop(absl::Duration grace) {
  if (pid_ <= 0) return 0;
  CloseStdin();
  Signal(SIGTERM);
  if (!Wait(grace).ok()) {
    Signal(SIGKILL);
    Wait(absl::Seconds(10)).IgnoreError();
  }
  return exit_code_;
}

namespace {

// Feeds `text` into the pipe and drains both outputs until the program has closed them.
class Exchange {
 public:
  Exchange(int in, int out, int err, const std::string& text) : in_(in), out_(out), err_(err), text_(text) {}

  // False at the deadline.
  bool Drain(absl::Time deadline, CommandResult& result) {
    if (text_.empty()) Close(in_);
    while (out_ >= 0 || err_ >= 0) {
      const absl::Duration left = deadline - absl::Now();
      if (left <= absl::ZeroDuration()) return false;
      pollfd watches[3] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}, {in_, POLLOUT, 0}};
      poll(watches, 3, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
      if (watches[0].revents != 0) Take(out_, result.out);
      if (watches[1].revents != 0) Take(err_, result.err);
      if (watches[2].revents != 0) Give();
    }
    return true;
  }

  ~Exchange() {
    Close(in_);
    Close(out_);
    Close(err_);
  }

 private:
  static void Close(int& fd) {
    if (fd >= 0) close(fd);
    fd = -1;
  }
  static void Take(int& fd, std::string& into) {
    char buffer[16384];
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n > 0) {
      into.append(buffer, static_cast<size_t>(n));
    } else if (n == 0 || errno != EINTR) {
      Close(fd);
    }
  }
  void Give() {
    const ssize_t n = write(in_, text_.data() + given_, text_.size() - given_);
    if (n > 0) given_ += static_cast<size_t>(n);
    if (n < 0 || given_ == text_.size()) Close(in_);
  }

  int in_, out_, err_;
  const std::string& text_;
  size_t given_ = 0;
};

}  // namespace

absl::StatusOr<CommandResult> RunCommand(const Command& command, absl::Duration timeout) {
  signal(SIGPIPE, SIG_IGN);
  int in[2], out[2], err[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) return Errno("pipe");
  const absl::Time start = absl::Now();
  absl::StatusOr<pid_t> pid = Spawn(command, in[0], out[1], err[1], false);
  close(in[0]);
  close(out[1]);
  close(err[1]);
  Exchange exchange(in[1], out[0], err[0], command.stdin_text);
  RETURN_IF_ERROR(pid.status());
  CommandResult result;
  const bool in_time = exchange.Drain(start + timeout, result);
  if (!in_time) kill(*pid, SIGKILL);
  int status = 0;
  while (waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time) {
    return absl::DeadlineExceededError(
        absl::StrCat(command.program, " did not end within ", absl::FormatDuration(timeout), ". It wrote: ", result.out,
                     result.err));
  }
  result.exit_code = ExitCode(status);
  result.took = absl::Now() - start;
  return result;
}

bool PollUntil(const std::function<bool()>& condition, absl::Duration cap) {
  const absl::Time deadline = absl::Now() + cap;
  while (!condition()) {
    if (absl::Now() >= deadline) return false;
    poll(nullptr, 0, 20);
  }
  return true;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat(path, " cannot be read"));
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

absl::Status WriteFile(const std::string& path, const std::string& content) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return Errno(path);
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t n = write(fd, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  close(fd);
  if (done < content.size()) return Errno(path);
  return absl::OkStatus();
}

namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// The port bound, or 0.
int TryBind(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(port);
  socklen_t size = sizeof address;
  int bound = 0;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    bound = ntohs(address.sin_port);
  }
  close(fd);
  return bound;
}

// Ports that no process is given for an outgoing connection (those start at 32768), in blocks that one process has at a time.
constexpr int kFirstPort = 10'000, kPortsInBlock = 100, kPortBlocks = 220;

// A name in the abstract namespace is its owner's until the process ends, however it does.
bool TakePortBlock(int block) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string name = absl::StrCat("plumbline-ports-", block);
  std::copy(name.begin(), name.end(), address.sun_path + 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0) return true;  // and stays open
  close(fd);
  return false;
}

}  // namespace

bool PortAnswers(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  const bool answers = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return answers;
}

absl::StatusOr<int> FreePort(int preferred) {
  if (preferred != 0 && !PortAnswers(preferred) && TryBind(preferred) != 0) return preferred;
  static absl::Mutex mutex;
  static int block = -1, given = 0;
  absl::MutexLock lock(&mutex);
  for (int i = 0; block < 0 && i < kPortBlocks; ++i) {
    const int candidate = static_cast<int>((static_cast<unsigned>(getpid()) + static_cast<unsigned>(i)) % kPortBlocks);
    if (TakePortBlock(candidate)) block = candidate;
  }
  for (int i = 0; block >= 0 && i < kPortsInBlock; ++i) {
    const int port = kFirstPort + block * kPortsInBlock + given++ % kPortsInBlock;
    if (!PortAnswers(port) && TryBind(port) != 0) return port;
  }
  return absl::ResourceExhaustedError("no free TCP port on 127.0.0.1");
}

}  // namespace plumbline::assess
