// What somebody gains who takes a service over: each of the four, as the process that it is, is made to ask the kernel.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/injected_call.h"
#include "tests/e2e/service_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline::testing {
namespace {

namespace fs = std::filesystem;
using assess::Service;
using ::testing::HasSubstr;

class Sandbox : public ::testing::Test {
 protected:
  pid_t Pid(Service service) { return services_.organisation.pid(service); }
  InjectedResult Make(Service service, const InjectedCall& call) { return ValueOf(Inject(Pid(service), call)); }
  InjectedResult Open(Service service, const std::string& path) {
    return Make(service, {SYS_openat, {AT_FDCWD, 0, O_CREAT | O_WRONLY | O_CLOEXEC, 0600}, 1, path});
  }
  std::string OutsideFile() const { return outside_ / "file"; }

  ServiceFixture services_{PLUMBLINE_BIN};
  const ScratchDir outside_;
};

TEST_F(Sandbox, WhatNoServiceNeedsIsRefusedAndTheServiceGoesOn) {
  EnsureOk(assess::WriteFile(OutsideFile(), "as it was"));
  for (const Service service : assess::kServices) {
    SCOPED_TRACE(static_cast<int>(service));
    ASSERT_EQ(Make(service, {SYS_getpid}).value, Pid(service));  // the call is really made there
    const std::string inside = services_.organisation.FolderOf(service) + "/data/injected";
    EXPECT_GE(Open(service, inside).value, 0);
    EXPECT_TRUE(fs::exists(inside));
    EXPECT_EQ(Make(service, {SYS_unlinkat, {AT_FDCWD, 0, 0}, 1, inside}).value, 0);

    EXPECT_EQ(Open(service, outside_ / "new").value, -EACCES);
    EXPECT_EQ(Open(service, OutsideFile()).value, -EACCES);
    EXPECT_EQ(Make(service, {SYS_unlinkat, {AT_FDCWD, 0, 0}, 1, OutsideFile()}).value, -EACCES);
    EXPECT_EQ(Make(service, {SYS_mkdirat, {AT_FDCWD, 0, 0700}, 1, outside_ / "folder"}).value, -EACCES);
    EXPECT_EQ(Open(service, "/proc/self/oom_score_adj").value, -EACCES);
    EXPECT_EQ(Make(service, {SYS_symlinkat, {0, AT_FDCWD, 0}, 0, OutsideFile()}).value, -EPERM);
    EXPECT_EQ(Make(service, {SYS_chmod, {0, 0666}, 0, OutsideFile()}).value, -EPERM);

    const long page = ValueOf(StackPageOf(Pid(service)));
    EXPECT_EQ(Make(service, {SYS_mprotect, {page, 4096, PROT_READ | PROT_WRITE}}).value, 0);
    EXPECT_EQ(Make(service, {SYS_mprotect, {page, 4096, PROT_READ | PROT_EXEC}}).value, -EPERM);
    EXPECT_EQ(Make(service, {SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}}).value, -EPERM);
    EXPECT_EQ(Make(service, {SYS_socket, {AF_NETLINK, SOCK_RAW, 0}}).value, -EPERM);
    EXPECT_EQ(Make(service, {SYS_socket, {AF_PACKET, SOCK_RAW, 0}}).value, -EPERM);
    EXPECT_EQ(Make(service, {SYS_prctl, {PR_SET_DUMPABLE, 1}}).value, -EPERM);
    EXPECT_EQ(Make(service, {SYS_kill, {1, 0}}).value, -EPERM);
    EXPECT_EQ(Make(service, {SYS_clone3, {0, 0}}).value, -ENOSYS);
  }
  EXPECT_EQ(*assess::ReadFile(OutsideFile()), "as it was");
  services_.Enrolled("alice");  // all four still serve
}

TEST_F(Sandbox, WhatOnlyAnIntruderAsksForEndsTheService) {
  const InjectedCall calls[] = {
      {SYS_execve, {0, 0, 0}, 0, "/bin/true"},
      {SYS_clone, {SIGCHLD, 0, 0, 0, 0}},  // fork
      {SYS_ptrace, {PTRACE_TRACEME, 0, 0, 0}},
      {SYS_process_vm_readv, {1, 0, 0, 0, 0, 0}},
      {SYS_unshare, {CLONE_NEWUSER}},
      {SYS_setuid, {0}},
  };
  for (const Service service : assess::kServices) {
    for (const InjectedCall& call : calls) {
      SCOPED_TRACE(absl::StrCat("service ", static_cast<int>(service), ", call ", call.number));
      EXPECT_EQ(Make(service, call).killed_by, SIGSYS);
      services_.organisation.Kill(service);
      ASSERT_OK(services_.organisation.Start(service));
    }
  }
}

TEST_F(Sandbox, EveryThreadIsInItAndNothingOfItIsDumpedOrSwapped) {
  for (const Service service : assess::kServices) {
    const std::string proc = absl::StrCat("/proc/", Pid(service));
    int threads = 0;
    for (const fs::directory_entry& each : fs::directory_iterator(proc + "/task")) {
      const std::string status = *assess::ReadFile(each.path() / "status");
      EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1\n"));
      EXPECT_THAT(status, HasSubstr("Seccomp:\t2\n"));
      ++threads;
    }
    EXPECT_GT(threads, 1);
    EXPECT_THAT(*assess::ReadFile(proc + "/limits"), HasSubstr("Max core file size        0                    0"));
    EXPECT_THAT(*assess::ReadFile(proc + "/status"), ::testing::Not(HasSubstr("VmLck:\t       0 kB")));
    EXPECT_THAT(*assess::ReadFile(services_.organisation.LogOf(service)), ::testing::Not(HasSubstr("sandbox.")));
  }
}

TEST_F(Sandbox, AnotherUserTracesAndReadsNoService) {
  if (getuid() != 0) GTEST_SKIP() << "takes root";
  for (const Service service : assess::kServices) {
    const pid_t child = fork();
    if (child == 0) {
      if (setgid(65534) != 0 || setuid(65534) != 0) _exit(1);
      prctl(PR_SET_DUMPABLE, 1);  // as a program that this user starts
      const pid_t own = fork();
      if (own == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
      }
      const auto outcome = [&] {
        if (ptrace(PTRACE_ATTACH, own, nullptr, nullptr) != 0) return 2;  // its own it may
        if (ptrace(PTRACE_ATTACH, Pid(service), nullptr, nullptr) == 0 || errno != EPERM) return 3;
        for (const char* what : {"/mem", "/environ", "/maps", "/fd/0"}) {
          if (open(absl::StrCat("/proc/", Pid(service), what).c_str(), O_RDONLY) >= 0) return 4;
        }
        return 0;
      }();
      kill(own, SIGKILL);
      waitpid(own, nullptr, 0);
      _exit(outcome);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
}

// The units that are shipped, by systemd's own measure; one without their settings does not pass.
TEST(Units, AreAsTightAsSystemdMeasures) {
  const auto exposed = [](const std::string& unit) {
    const auto result = assess::RunCommand({.program = "/usr/bin/systemd-analyze", .arguments = {"security", "--offline=true", "--threshold=20", unit}});
    return ValueOf(result).exit_code != 0;
  };
  if (!fs::exists("/usr/bin/systemd-analyze")) {
    ASSERT_EQ(std::getenv("CI"), nullptr) << "systemd-analyze is missing";
    GTEST_SKIP() << "systemd-analyze is missing";
  }
  int units = 0;
  for (const fs::directory_entry& each : fs::directory_iterator(PLUMBLINE_SOURCE_DIR "/deploy/systemd")) {
    if (each.path().extension() != ".service") continue;
    EXPECT_FALSE(exposed(each.path())) << each.path();
    ++units;
  }
  EXPECT_EQ(units, 5);
  const ScratchDir dir;
  EnsureOk(assess::WriteFile(dir / "loose.service", "[Service]\nExecStart=/usr/bin/plumbline-server serve\n"));
  EXPECT_TRUE(exposed(dir / "loose.service"));
}

}  // namespace
}  // namespace plumbline::testing
