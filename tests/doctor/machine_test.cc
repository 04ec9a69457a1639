#include "doctor/machine.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "assess/tools/child.h"
#include "common/check.h"
#include "tests/common/scratch.h"
#include "tests/doctor/findings.h"
#include "tests/status_matchers.h"

namespace plumbline::doctor {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

constexpr char kSocket[] = "socket:[4711]";

class MachineTest : public ::testing::Test {
 protected:
  MachineTest() {
    service_.title = "key server";
    service_.unit = "plumbline-keyserver.service";
    service_.listeners = {{.field = "anonymous_listen", .address = "0.0.0.0:7441"}};
    machine_.proc = folder_ / "proc";
    machine_.systemd = folder_ / "systemd";
    std::filesystem::create_directories(machine_.systemd);
    std::filesystem::create_directories(machine_.proc + "/net");
    std::filesystem::create_directories(machine_.proc + "/123/fd");
    std::filesystem::create_directories(machine_.proc + "/77/fd");
    machine_.run = [this](const std::vector<std::string>& line) -> absl::StatusOr<ProgramResult> {
      const auto answer = answers_.find(line[0]);
      if (answer == answers_.end()) return absl::NotFoundError(absl::StrCat("there is no ", line[0]));
      asked_.push_back(absl::StrJoin(line, " "));
      return answer->second;
    };
    answers_["/usr/bin/systemctl"] = {0, "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"};
    answers_["/usr/bin/systemd-analyze"] = {0, ""};
    answers_["/usr/bin/timedatectl"] = {0, "yes\n"};
    // 7441 is 1D11. The first line is of a connection, the second listens.
    Write("net/tcp",
          "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
          "   0: 0100007F:1D11 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n"
          "   1: 00000000:1D11 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n");
    CHECK(symlink("socket:[4712]", (machine_.proc + "/77/fd/3").c_str()) == 0);
    CHECK(symlink(kSocket, (machine_.proc + "/123/fd/5").c_str()) == 0);
    Status("2", "1");
    Limits("0", "0");
  }
  void Write(const std::string& path, const std::string& text) {
    CHECK(assess::WriteFile(absl::StrCat(machine_.proc, "/", path), text).ok());
  }
  void Status(const std::string& seccomp, const std::string& bound) {
    Write("123/status", absl::StrCat("Name:\tx\nNoNewPrivs:\t", bound, "\nSeccomp:\t", seccomp, "\nSeccomp_filters:\t1\n"));
  }
  void Limits(const std::string& soft, const std::string& hard) {
    Write("123/limits", absl::StrCat("Limit                     Soft Limit           Hard Limit           Units     \n"
                                     "Max core file size        ", soft, "                    ", hard, "            bytes     \n"));
  }
  Report Units() {
    Report report;
    CheckUnits({{service_}}, machine_, report);
    return report;
  }
  Report Process() {
    Report report;
    CheckProcess(service_, machine_, report);
    return report;
  }

  const testing::ScratchDir folder_;
  Service service_{};
  Machine machine_;
  std::map<std::string, ProgramResult> answers_;
  std::vector<std::string> asked_;
};

TEST_F(MachineTest, AllIsWell) {
  const Report units = Units();
  EXPECT_EQ(units.ExitCode(), kExitOk) << units.Text();
  EXPECT_EQ(units.findings().size(), 3u);
  EXPECT_THAT(asked_, ::testing::Contains("/usr/bin/systemd-analyze security --no-pager --threshold=20 plumbline-keyserver.service"));
  const Report process = Process();
  EXPECT_EQ(process.ExitCode(), kExitOk) << process.Text();
  EXPECT_EQ(process.findings().size(), 2u);
}

TEST_F(MachineTest, UnitsThatAreNotAsShipped) {
  answers_["/usr/bin/systemctl"].out = "LoadState=loaded\nActiveState=failed\nUnitFileState=disabled\n";
  answers_["/usr/bin/systemd-analyze"].exit_code = 1;
  EXPECT_THAT(Of(Units(), "units.running"), IsFailed());
  EXPECT_THAT(Of(Units(), "units.enabled"), IsWarning());
  EXPECT_THAT(Of(Units(), "units.confined"), IsFailed());
  answers_["/usr/bin/systemctl"].out = "LoadState=not-found\nActiveState=inactive\nUnitFileState=\n";
  EXPECT_THAT(Of(Units(), "units.running"), IsWarning());
  answers_.erase("/usr/bin/systemctl");
  EXPECT_THAT(Of(Units(), "units.running"), IsNotChecked());
}

TEST_F(MachineTest, AClockThatNobodyKeeps) {
  const auto judge = [&] {
    Report report;
    CheckSynchronised(machine_, report);
    return Of(report, "clock.synchronised");
  };
  EXPECT_THAT(judge(), IsOk());
  answers_["/usr/bin/timedatectl"].out = "no\n";
  EXPECT_THAT(judge(), IsWarning());
  answers_["/usr/bin/timedatectl"].exit_code = 1;
  EXPECT_THAT(judge(), IsNotChecked());
}

TEST_F(MachineTest, WithoutSystemdNothingIsAsked) {
  std::filesystem::remove_all(machine_.systemd);
  EXPECT_THAT(Of(Units(), "units.running"), IsNotChecked());
  Report report;
  CheckSynchronised(machine_, report);
  EXPECT_THAT(Of(report, "clock.synchronised"), IsNotChecked());
  EXPECT_TRUE(asked_.empty());
}

TEST_F(MachineTest, AProcessThatIsNotConfined) {
  Status("0", "1");
  EXPECT_THAT(Of(Process(), "process.sandbox"), IsFailed());
  Status("2", "0");
  EXPECT_THAT(Of(Process(), "process.sandbox"), IsFailed());
  Limits("0", "unlimited");
  EXPECT_THAT(Of(Process(), "process.core_dumps"), IsFailed());
  std::filesystem::remove(machine_.proc + "/123/limits");
  EXPECT_THAT(Of(Process(), "process.core_dumps"), IsNotChecked());
}

TEST_F(MachineTest, AProcessThatCannotBeSeen) {
  std::filesystem::remove(machine_.proc + "/123/fd/5");
  EXPECT_THAT(Of(Process(), "process.sandbox"), IsNotChecked());
  EXPECT_THAT(Of(Process(), "process.core_dumps"), IsNotChecked());
}

TEST(RunProgram, GivesItsOutputAndExitCode) {
  const absl::StatusOr<ProgramResult> result = RunProgram({"/bin/sh", "-c", "echo out; echo err >&2; exit 3"});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->out, "out\n");
  EXPECT_EQ(result->exit_code, 3);
  EXPECT_THAT(RunProgram({"/nowhere/program"}), StatusIs(absl::StatusCode::kNotFound));
}

// With the kernel's own tables.
TEST(ListeningProcess, IsFoundByItsPort) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at = {};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  CHECK(bind(fd, reinterpret_cast<sockaddr*>(&at), size) == 0 && listen(fd, 1) == 0);
  CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0);
  const absl::StatusOr<int> found = ListeningProcess(Machine(), ntohs(at.sin_port));
  close(fd);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(*found, getpid());
  EXPECT_THAT(ListeningProcess(Machine(), 1), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace plumbline::doctor
