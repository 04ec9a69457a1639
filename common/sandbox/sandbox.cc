#include "common/sandbox/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"

namespace plumbline {
namespace {

// All that gRPC, SQLCipher, OpenSSL, cpp-httplib and the C library ask for while a service serves.
constexpr int kAllowed[] = {
    // files
    SCMP_SYS(access), SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(fadvise64), SCMP_SYS(fallocate),
    SCMP_SYS(fchmod), SCMP_SYS(fchown), SCMP_SYS(fcntl), SCMP_SYS(fdatasync), SCMP_SYS(flock), SCMP_SYS(fstat), SCMP_SYS(fstatfs),
    SCMP_SYS(fsync), SCMP_SYS(ftruncate), SCMP_SYS(getcwd), SCMP_SYS(getdents64), SCMP_SYS(ioctl), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(lseek), SCMP_SYS(lstat),
    SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(newfstatat), SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(pipe2), SCMP_SYS(pread64),
    SCMP_SYS(preadv), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(read), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(readv),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(rmdir), SCMP_SYS(stat), SCMP_SYS(statfs), SCMP_SYS(statx),
    SCMP_SYS(umask), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(utimensat), SCMP_SYS(write), SCMP_SYS(writev),
    // sockets and waiting for them
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(bind), SCMP_SYS(connect), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_wait), SCMP_SYS(eventfd2), SCMP_SYS(getpeername), SCMP_SYS(getsockname), SCMP_SYS(getsockopt),
    SCMP_SYS(listen), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(pselect6), SCMP_SYS(recvfrom), SCMP_SYS(recvmmsg), SCMP_SYS(recvmsg),
    SCMP_SYS(select), SCMP_SYS(sendmmsg), SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
    // memory and threads
    SCMP_SYS(brk), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex), SCMP_SYS(getcpu), SCMP_SYS(get_robust_list), SCMP_SYS(gettid),
    SCMP_SYS(madvise), SCMP_SYS(membarrier), SCMP_SYS(mlock), SCMP_SYS(mlock2), SCMP_SYS(mremap), SCMP_SYS(munlock), SCMP_SYS(munmap),
    SCMP_SYS(rseq), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler), SCMP_SYS(sched_yield),
    SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address),
    // signals, time, what the process is
    SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(getegid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
    SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(getrandom), SCMP_SYS(getrusage), SCMP_SYS(gettimeofday), SCMP_SYS(getuid),
    SCMP_SYS(nanosleep), SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait), SCMP_SYS(sigaltstack), SCMP_SYS(sysinfo), SCMP_SYS(tgkill), SCMP_SYS(time), SCMP_SYS(uname)};

// What only somebody asks for who is not the service.
constexpr int kFatal[] = {
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root),
    SCMP_SYS(chroot), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup), SCMP_SYS(keyctl),
    SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(memfd_create), SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(capset),
    SCMP_SYS(personality), SCMP_SYS(iopl), SCMP_SYS(ioperm)};

absl::Status Refused(absl::string_view what, int error) {
  return absl::InternalError(absl::StrCat("the kernel refuses to confine this process (", what, ": ", std::strerror(error),
                                          "); it does not serve like that"));
}

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

absl::Status FilterCalls(Sockets sockets) {
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release);
  if (!filter) return Refused("seccomp", ENOMEM);
  int failed = 0;
  const auto rule = [&](uint32_t action, int call, auto... arguments) {
    const int result = seccomp_rule_add(filter.get(), action, call, sizeof...(arguments), arguments...);
    if (result != 0 && failed == 0) failed = -result;
  };
  for (const int call : kAllowed) rule(SCMP_ACT_ALLOW, call);
  for (const int call : kFatal) rule(SCMP_ACT_KILL_PROCESS, call);
  // A thread, not a process. The C library asks with clone3 first, whose flags no filter can see.
  rule(SCMP_ACT_ALLOW, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  rule(SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
  rule(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) rule(SCMP_ACT_ALLOW, call, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  for (const int family : {AF_UNIX, AF_INET, AF_INET6}) {
    if (family != AF_UNIX && sockets == Sockets::kLocal) continue;
    rule(SCMP_ACT_ALLOW, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(family)));
  }
  rule(SCMP_ACT_ALLOW, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
  // To look at a limit, not to change one.
  rule(SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0));
  if (failed != 0) return Refused("seccomp", failed);
  if (const int result = seccomp_load(filter.get()); result != 0) return Refused("seccomp", -result);
  return absl::OkStatus();
}

// Rights that linux/landlock.h of Debian 12 does not name yet.
constexpr uint64_t kTruncate = 1ull << 14;

constexpr uint64_t kWriting = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                              LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                              LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                              LANDLOCK_ACCESS_FS_MAKE_SYM;

class Fd final {
 public:
  explicit Fd(long fd) : fd_(static_cast<int>(fd)) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  const int fd_;
};

// False if the kernel has no Landlock.
absl::StatusOr<bool> ConfineFiles(const std::vector<std::string>& folders) {
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return false;
  uint64_t writing = kWriting;
  if (version >= 2) writing |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) writing |= kTruncate;
  landlock_ruleset_attr attributes = {};
  attributes.handled_access_fs = writing | LANDLOCK_ACCESS_FS_EXECUTE;
  const Fd rules(syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0));
  if (rules.get() < 0) return Refused("Landlock", errno);
  for (const std::string& folder : folders) {
    const Fd fd(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) continue;
    landlock_path_beneath_attr below = {};
    below.allowed_access = writing;
    below.parent_fd = fd.get();
    if (syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &below, 0) != 0) return Refused("Landlock", errno);
  }
  if (syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0) return Refused("Landlock", errno);
  return true;
}

}  // namespace

absl::Status EnterSandbox(const std::vector<std::string>& folders, Logger& logger, Sockets sockets) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Refused("no_new_privs", errno);
  if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
    logger.Warning("sandbox.memory_not_locked",
                   {{LogKey::kReason, FixedText("secrets may be swapped out; raise the limit (LimitMEMLOCK=infinity)")}});
  }
  ASSIGN_OR_RETURN(const bool confined, ConfineFiles(folders));
  if (!confined) {
    logger.Warning("sandbox.files_not_confined",
                   {{LogKey::kReason, FixedText("this kernel has no Landlock; the unit file alone says where may be written")}});
  }
  return FilterCalls(sockets);
}

std::string FolderOfFile(const std::string& path) {
  if (path.empty()) return "";
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace plumbline
