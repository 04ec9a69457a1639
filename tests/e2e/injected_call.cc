#include "tests/e2e/injected_call.h"

#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace plumbline::testing {
namespace {

constexpr long kBelowRedZone = 4096;

absl::Status Failed(absl::string_view what) { return absl::InternalError(absl::StrCat(what, ": ", std::strerror(errno))); }

// Stopped while it lives; let go with the registers it had.
class Traced final {
 public:
  static absl::StatusOr<Traced> Attach(int tid) {
    if (ptrace(PTRACE_ATTACH, tid, nullptr, nullptr) != 0) return Failed("attach");
    int status = 0;
    if (waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status)) return Failed("wait for the stop");
    Traced out(tid);
    if (ptrace(PTRACE_GETREGS, tid, nullptr, &out.before_) != 0) return Failed("registers");
    return out;
  }
  Traced(Traced&& other) noexcept : tid_(other.tid_), before_(other.before_) { other.tid_ = 0; }
  Traced& operator=(Traced&& other) noexcept {
    std::swap(tid_, other.tid_);
    std::swap(before_, other.before_);
    return *this;
  }
  ~Traced() {
    if (tid_ == 0) return;
    ptrace(PTRACE_SETREGS, tid_, nullptr, &before_);
    ptrace(PTRACE_DETACH, tid_, nullptr, nullptr);
  }
  const user_regs_struct& before() const { return before_; }

  absl::Status Write(long address, const std::string& text) {
    for (size_t i = 0; i <= text.size(); i += sizeof(long)) {
      long word = 0;
      std::memcpy(&word, text.data() + i, std::min(sizeof word, text.size() - i));
      if (ptrace(PTRACE_POKEDATA, tid_, address + static_cast<long>(i), word) != 0) return Failed("write");
    }
    return absl::OkStatus();
  }
  // The instruction before the one that it goes on with is `syscall`.
  bool waits_in_a_call() const { return (ptrace(PTRACE_PEEKTEXT, tid_, before_.rip - 2, nullptr) & 0xffff) == 0x050f; }
  absl::StatusOr<InjectedResult> Call(const InjectedCall& call, const std::array<long, 6>& arguments) {
    user_regs_struct regs = before_;
    regs.rip -= 2;
    regs.orig_rax = static_cast<unsigned long long>(-1);
    regs.rax = static_cast<unsigned long long>(call.number);
    unsigned long long* const places[] = {&regs.rdi, &regs.rsi, &regs.rdx, &regs.r10, &regs.r8, &regs.r9};
    for (size_t i = 0; i < arguments.size(); ++i) *places[i] = static_cast<unsigned long long>(arguments[i]);
    if (ptrace(PTRACE_SETREGS, tid_, nullptr, &regs) != 0 || ptrace(PTRACE_SINGLESTEP, tid_, nullptr, nullptr) != 0)
      return Failed("step");
    int status = 0;
    if (waitpid(tid_, &status, __WALL) != tid_) return Failed("wait for the step");
    if (WIFSIGNALED(status) || WIFEXITED(status)) {
      tid_ = 0;
      return InjectedResult{0, WIFSIGNALED(status) ? WTERMSIG(status) : 0};
    }
    if (ptrace(PTRACE_GETREGS, tid_, nullptr, &regs) != 0) return Failed("registers after the step");
    return InjectedResult{static_cast<long>(regs.rax), 0};
  }

 private:
  explicit Traced(int tid) : tid_(tid) {}
  int tid_;
  user_regs_struct before_{};
};

}  // namespace

absl::StatusOr<InjectedResult> Inject(int tid, const InjectedCall& call) {
  absl::StatusOr<Traced> traced = Traced::Attach(tid);
  // One that is still starting may be anywhere.
  for (int i = 0; i < 2000 && traced.ok() && !traced->waits_in_a_call(); ++i) {
    { const Traced let_go = *std::move(traced); }
    usleep(5000);
    traced = Traced::Attach(tid);
  }
  if (!traced.ok()) return traced.status();
  if (!traced->waits_in_a_call()) return absl::DeadlineExceededError("the thread waits in no system call");
  std::array<long, 6> arguments = call.arguments;
  if (call.text_at >= 0) {
    const long address = (static_cast<long>(traced->before().rsp) - kBelowRedZone) & ~15L;
    if (const absl::Status status = traced->Write(address, call.text); !status.ok()) return status;
    arguments[static_cast<size_t>(call.text_at)] = address;
  }
  return traced->Call(call, arguments);
}

absl::StatusOr<long> StackPageOf(int tid) {
  absl::StatusOr<Traced> traced = Traced::Attach(tid);
  if (!traced.ok()) return traced.status();
  return (static_cast<long>(traced->before().rsp) - kBelowRedZone) & ~4095L;
}

}  // namespace plumbline::testing
