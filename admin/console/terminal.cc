#include "admin/console/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <array>

#include "common/config/config.h"
#include "common/crypto/passphrase.h"
#include "common/identity/reason.h"

namespace plumbline::admin {
namespace {

using identity::Refuse;

// The controlling terminal, so that input and output may be redirected.
class Terminal final {
 public:
  Terminal() : fd_(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) {}
  ~Terminal() {
    if (silent_) {
      ::tcsetattr(fd_, TCSAFLUSH, &before_);
      for (size_t i = 0; i < kEnding.size(); ++i) ::sigaction(kEnding[i], &actions_[i], nullptr);
    }
    if (fd_ >= 0) ::close(fd_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  absl::Status Check(absl::string_view remedy) const {
    if (fd_ >= 0) return absl::OkStatus();
    return Refuse(absl::StatusCode::kFailedPrecondition, "no_terminal", remedy);
  }

  // No echo until destroyed. A signal that would end the program ends the reading instead, so that the echo comes back.
  void Silence() {
    if (::tcgetattr(fd_, &before_) != 0) return;
    struct sigaction interrupt {};
    interrupt.sa_handler = [](int) {};
    for (size_t i = 0; i < kEnding.size(); ++i) ::sigaction(kEnding[i], &interrupt, &actions_[i]);
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(fd_, TCSAFLUSH, &quiet);
    silent_ = true;
  }

  void Write(absl::string_view text) const {
    while (!text.empty()) {
      const ssize_t n = ::write(fd_, text.data(), text.size());
      if (n <= 0) return;
      text.remove_prefix(static_cast<size_t>(n));
    }
  }

  // Up to the line end, which is dropped. At most kMaxLine bytes. CANCELLED interrupted.
  absl::StatusOr<Secret> ReadLine() const {
    std::array<uint8_t, kMaxLine> buffer;
    size_t size = 0;
    ssize_t n = 0;
    while (size < buffer.size()) {
      n = ::read(fd_, buffer.data() + size, 1);
      if (n <= 0 || buffer[size] == '\n') break;
      ++size;
    }
    Secret line = Secret::CopyOf(ByteView(buffer.data(), size));
    sodium_memzero(buffer.data(), buffer.size());
    if (n < 0) return Refuse(absl::StatusCode::kCancelled, "interrupted", "nothing was done");
    return line;
  }

 private:
  static constexpr size_t kMaxLine = crypto::kMaxPassphraseSize + 1;
  static constexpr std::array kEnding{SIGINT, SIGTERM, SIGHUP};
  const int fd_;
  bool silent_ = false;
  termios before_{};
  std::array<struct sigaction, kEnding.size()> actions_{};
};

constexpr char kNoTerminalForPassphrase[] =
    "there is no terminal to ask for the passphrase; give it with --passphrase-file";

absl::StatusOr<Secret> AskSilently(const std::string& prompt) {
  Terminal terminal;
  RETURN_IF_ERROR(terminal.Check(kNoTerminalForPassphrase));
  terminal.Silence();
  terminal.Write(prompt);
  absl::StatusOr<Secret> line = terminal.ReadLine();
  terminal.Write("\n");
  return line;
}

}  // namespace

absl::StatusOr<Secret> GetPassphrase(const std::string& path, const std::string& prompt, bool again) {
  if (!path.empty()) return config::ReadPassphraseFile(path);
  ASSIGN_OR_RETURN(Secret typed, AskSilently(prompt + ": "));
  RETURN_IF_ERROR(crypto::CheckPassphrase(typed.view()));
  if (!again) return typed;
  ASSIGN_OR_RETURN(const Secret repeated, AskSilently("Again: "));
  if (typed == repeated) return typed;
  return Refuse(absl::StatusCode::kInvalidArgument, "passphrases_differ",
                "the two are not the same; nothing was done");
}

absl::StatusOr<std::string> AskLine(const std::string& prompt) {
  const Terminal terminal;
  RETURN_IF_ERROR(terminal.Check("there is no terminal to ask at; give it as an option"));
  terminal.Write(prompt);
  ASSIGN_OR_RETURN(const Secret line, terminal.ReadLine());
  return ToString(line.view());
}

absl::StatusOr<bool> AskYes(const std::string& prompt) {
  const Terminal terminal;
  RETURN_IF_ERROR(terminal.Check("there is no terminal to confirm at; read what is signed and give --yes"));
  terminal.Write(prompt + " [y/N] ");
  ASSIGN_OR_RETURN(const Secret line, terminal.ReadLine());
  const std::string answer = ToString(line.view());
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace plumbline::admin
