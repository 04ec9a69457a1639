// docs/runbooks/backup-restore.md, every command in its order, against real services with people who write to each other. What is
// not the commands themselves is stood in for: the roots of paths lie in a scratch folder, `systemctl` starts and stops the real
// programs there, `runuser` runs its command as this user, and `install` leaves out owners.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/e2e/backup_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline::testing {
namespace {

namespace fs = std::filesystem;
using assess::CommandResult;
using assess::Person;
using assess::Service;

constexpr char kExpects[] = "# -> ";
constexpr Service kRestored[] = {Service::kKeyserver, Service::kDelivery, Service::kAdmin};

struct Line {
  std::string command;
  std::string expected;  // in what it prints; empty: anything
};

// The lines of all blocks ```sh, whether or not they are in a list.
std::vector<Line> Commands(const std::string& runbook) {
  std::vector<Line> lines;
  bool in_block = false;
  for (absl::string_view text : absl::StrSplit(runbook, '\n')) {
    text = absl::StripAsciiWhitespace(text);
    if (absl::StartsWith(text, "```")) {
      in_block = text == "```sh";
    } else if (in_block && !text.empty()) {
      const size_t comment = text.find(kExpects);
      Line line{.command = std::string(absl::StripTrailingAsciiWhitespace(text.substr(0, comment))), .expected = ""};
      if (comment != absl::string_view::npos) line.expected = std::string(text.substr(comment + sizeof(kExpects) - 1));
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

void WriteProgram(const std::string& path, const std::string& text) {
  ASSERT_OK(assess::WriteFile(path, "#!/bin/bash\nset -u\n" + text));
  ASSERT_EQ(chmod(path.c_str(), 0700), 0);
}

std::string UnitOf(Service service) { return ProgramOf(service); }

TEST(BackupRunbook, DoesWhatItSays) {
  ServiceFixture services(PLUMBLINE_BIN);
  assess::Organisation& organisation = services.organisation;
  const Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob");
  ASSERT_EQ(services.Run(alice, {"send", "bob", "before the night"}).exit_code, 0);

  // The machine of the runbook: its folders, and services that run from them.
  const std::string root = organisation.folder() + "/machine";
  for (const char* folder : {"/etc/plumbline", "/var/lib", "/var/backups", "/mnt/safe", "/run", "/bin"}) fs::create_directories(root + folder);
  for (const Service service : kRestored) {
    ASSERT_EQ(organisation.Stop(service), 0);
    const std::string data = absl::StrCat(root, "/var/lib/", UnitOf(service)), old = organisation.FolderOf(service) + "/data";
    fs::rename(old, data);
    const std::string config = absl::StrReplaceAll(ValueOf(assess::ReadFile(organisation.ConfigOf(service))), {{"data_dir: " + old, "data_dir: " + data}});
    const std::string name = absl::StrReplaceAll(UnitOf(service), {{"plumbline-", ""}});
    ASSERT_OK(assess::WriteFile(absl::StrCat(root, "/etc/plumbline/", name, ".yaml"), config));
  }
  WriteProgram(root + "/bin/runuser", "shift 3\nexec \"$@\"\n");
  WriteProgram(root + "/bin/systemctl", absl::StrReplaceAll(R"(
unit=$2 pid=ROOT/run/$2.pid log=ROOT/run/$2.log
case $1 in
  start) BIN/$unit serve --config ROOT/etc/plumbline/${unit#plumbline-}.yaml >"$log" 2>&1 </dev/null & echo $! >"$pid"
         for i in $(seq 600); do kill -0 $(cat "$pid") || exit 1; grep -q listener.started $(sed -n 's/^log_file: //p' ROOT/etc/plumbline/${unit#plumbline-}.yaml) && exit 0; sleep 0.1; done; exit 1 ;;
  stop) kill $(cat "$pid") && while kill -0 $(cat "$pid") 2>/dev/null; do sleep 0.1; done
        rm -f $(sed -n 's/^log_file: //p' ROOT/etc/plumbline/${unit#plumbline-}.yaml) ;;
  is-active) sleep 0.5; if kill -0 $(cat "$pid"); then echo active; else echo failed; exit 3; fi ;;
esac
)", {{"ROOT", root}, {"BIN", PLUMBLINE_BIN}}));

  const std::vector<Line> lines = Commands(ValueOf(assess::ReadFile(PLUMBLINE_SOURCE_DIR "/docs/runbooks/backup-restore.md")));
  ASSERT_GE(lines.size(), 35u);
  // One shell for all of it, as a reader has; what each command prints goes to a file of its own.
  std::string script = absl::StrCat("cd ", root, "\nexport PATH=", root, "/bin:" PLUMBLINE_BIN ":$PATH\n",
                                    "trap 'for pid in run/*.pid; do kill -9 $(cat $pid); done 2>/dev/null' TERM\n");
  for (const Service service : kRestored) absl::StrAppend(&script, "systemctl start ", UnitOf(service), "\n");
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string command = absl::StrReplaceAll(lines[i].command, {{"/etc/plumbline", root + "/etc/plumbline"},
                                                                 {"/var/lib/", root + "/var/lib/"},
                                                                 {"/var/backups/", root + "/var/backups/"},
                                                                 {"/mnt/safe", root + "/mnt/safe"}});
    for (const Service service : kRestored) command = absl::StrReplaceAll(command, {{absl::StrCat(" -o ", UnitOf(service), " -g ", UnitOf(service)), ""}});
    absl::StrAppend(&script, "{ ", command, "; } >", i, ".out 2>&1 </dev/null; echo $? >", i, ".code\n");
  }
  WriteProgram(root + "/runbook.sh", script);
  const CommandResult all = ValueOf(assess::RunCommand({.program = root + "/runbook.sh", .arguments = {}, .environment = {}, .stdin_text = ""}, absl::Minutes(4)));
  EXPECT_EQ(all.exit_code, 0) << all.out << all.err;
  for (size_t i = 0; i < lines.size(); ++i) {
    SCOPED_TRACE(lines[i].command);
    const std::string printed = assess::ReadFile(absl::StrCat(root, "/", i, ".out")).value_or("");
    EXPECT_EQ(assess::ReadFile(absl::StrCat(root, "/", i, ".code")).value_or(""), "0\n") << printed;
    EXPECT_THAT(printed, ::testing::HasSubstr(lines[i].expected));
  }

  // It is morning: what waited is there, people go on, and the witness followed.
  EXPECT_THAT(Texts(services.Run(bob, {"read"})), ::testing::Contains("before the night"));
  const Person carol = services.Enrolled("carol");
  EXPECT_EQ(services.Run(alice, {"send", "carol", "good morning"}).exit_code, 0);
  EXPECT_THAT(Texts(services.Run(carol, {"read"})), ::testing::Contains("good morning"));
  EXPECT_THAT(ValueOf(assess::ReadFile(organisation.LogOf(Service::kKeyserver))), ::testing::Not(::testing::HasSubstr("witness_saw_another_log")));
  int restored = 0;
  for (const Service service : kRestored) {
    const fs::path data = absl::StrCat(root, "/var/lib/", UnitOf(service));
    EXPECT_TRUE(fs::exists(data / KeysFileOf(service)));
    restored += fs::exists(data.string() + ".lost");
    kill(static_cast<pid_t>(std::atoi(ValueOf(assess::ReadFile(absl::StrCat(root, "/run/", UnitOf(service), ".pid"))).c_str())), SIGKILL);
  }
  EXPECT_EQ(restored, 3);
}

}  // namespace
}  // namespace plumbline::testing
