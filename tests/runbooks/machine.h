// A machine as the runbooks have it, in a scratch folder: three services of one organisation, and a shell for what is typed. What is
// not the commands themselves is stood in for: `systemctl` starts and stops the real programs, `runuser` runs its command as this
// user, and `install` leaves out owners.
#pragma once

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/e2e/backup_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline::testing {

inline constexpr char kExpects[] = "# -> ";
inline constexpr assess::Service kOnMachine[] = {assess::Service::kKeyserver, assess::Service::kDelivery, assess::Service::kAdmin};

struct Line {
  std::string command;
  std::string expected;  // in what it prints; empty: anything
};

// The lines of all blocks ```sh, whether or not they are in a list.
inline std::vector<Line> Commands(const std::string& runbook) {
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

inline void WriteProgram(const std::string& path, const std::string& text) {
  ASSERT_OK(assess::WriteFile(path, "#!/bin/bash\nset -u\n" + text));
  ASSERT_EQ(chmod(path.c_str(), 0700), 0);
}

class Machine final {
 public:
  // Takes the services of `organisation`, which run, to the machine; they are stopped.
  explicit Machine(assess::Organisation& organisation) : root(organisation.folder() + "/machine") {
    namespace fs = std::filesystem;
    for (const char* folder : {"/etc/plumbline", "/var/lib", "/var/backups", "/mnt/safe", "/run", "/bin"}) fs::create_directories(root + folder);
    for (const assess::Service service : kOnMachine) {
      EXPECT_EQ(organisation.Stop(service), 0);
      fs::remove(organisation.LogOf(service));  // `start` waits for what it says
      const std::string unit = ProgramOf(service), name = absl::StrReplaceAll(unit, {{"plumbline-", ""}});
      const std::string data = absl::StrCat(root, "/var/lib/", unit), old = organisation.FolderOf(service) + "/data";
      const std::string pem = organisation.FolderOf(service) + "/certificate.pem", its_pem = absl::StrCat(root, "/etc/plumbline/", name, ".pem");
      fs::rename(old, data);
      if (fs::exists(pem)) fs::copy(pem, its_pem);
      const std::string config = absl::StrReplaceAll(ValueOf(assess::ReadFile(organisation.ConfigOf(service))),
                                                     {{"data_dir: " + old, "data_dir: " + data}, {pem, its_pem}});
      EXPECT_OK(assess::WriteFile(absl::StrCat(root, "/etc/plumbline/", name, ".yaml"), config));
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
  enable) now=$(date +%s)  # each timer of a template: what its service would start, once; backups have the second as their name
         while [ $(date +%s) = $now ]; do sleep 0.1; done
         for timer in "${@:3}"; do
           template=UNITS/${timer%@*}@ instance=${timer#*@}; instance=${instance%.timer}
           grep -q '^OnCalendar=' $template.timer || exit 1
           $(sed -n 's/^ExecStart=//p' $template.service | sed "s|%i|$instance|g; s|/usr/bin|BIN|; s|/etc/|ROOT/etc/|g; s|/var/|ROOT/var/|g") || exit 1
         done ;;
esac
)", {{"ROOT", root}, {"BIN", PLUMBLINE_BIN}, {"UNITS", PLUMBLINE_SOURCE_DIR "/deploy/systemd"}}));
  }
  ~Machine() {
    for (const assess::Service service : kOnMachine) {
      const std::string pid = assess::ReadFile(absl::StrCat(root, "/run/", ProgramOf(service), ".pid")).value_or("");
      if (!pid.empty()) kill(static_cast<pid_t>(std::atoi(pid.c_str())), SIGKILL);
    }
  }

  // Starts the services and types every command of docs/runbooks/`name`, of which there are `at_least`, in one shell, as a reader has.
  // Each has to end with 0 and print what stands behind it.
  void Type(const std::string& name, size_t at_least) {
    const std::vector<Line> lines = Commands(ValueOf(assess::ReadFile(absl::StrCat(PLUMBLINE_SOURCE_DIR "/docs/runbooks/", name))));
    ASSERT_GE(lines.size(), at_least);
    std::string script = absl::StrCat("cd ", root, "\nexport PATH=", root, "/bin:" PLUMBLINE_BIN ":$PATH\n",
                                      "trap 'for pid in run/*.pid; do kill -9 $(cat $pid); done 2>/dev/null' TERM\n");
    for (const assess::Service service : kOnMachine) absl::StrAppend(&script, "systemctl start ", ProgramOf(service), "\n");
    for (size_t i = 0; i < lines.size(); ++i) {
      std::string command = absl::StrReplaceAll(lines[i].command, {{"/etc/plumbline", root + "/etc/plumbline"},
                                                                   {"/var/lib/", root + "/var/lib/"},
                                                                   {"/var/backups/", root + "/var/backups/"},
                                                                   {"/mnt/safe", root + "/mnt/safe"}});
      for (const assess::Service service : kOnMachine) {
        command = absl::StrReplaceAll(command, {{absl::StrCat(" -o ", ProgramOf(service), " -g ", ProgramOf(service)), ""}});
      }
      absl::StrAppend(&script, "{ ", command, "; } >", i, ".out 2>&1 </dev/null; echo $? >", i, ".code\n");
    }
    WriteProgram(root + "/runbook.sh", script);
    const assess::CommandResult all = ValueOf(
        assess::RunCommand({.program = root + "/runbook.sh", .arguments = {}, .environment = {}, .stdin_text = ""}, absl::Minutes(4)));
    EXPECT_EQ(all.exit_code, 0) << all.out << all.err;
    for (size_t i = 0; i < lines.size(); ++i) {
      SCOPED_TRACE(lines[i].command);
      const std::string printed = assess::ReadFile(absl::StrCat(root, "/", i, ".out")).value_or("");
      EXPECT_EQ(assess::ReadFile(absl::StrCat(root, "/", i, ".code")).value_or(""), "0\n") << printed;
      EXPECT_THAT(printed, ::testing::HasSubstr(lines[i].expected));
    }
  }

  // The line that a new log needs, as `rotate vrf` printed it, in the configuration of the witness, which is on another machine.
  void TellWitness(assess::Organisation& organisation) {
    std::string next;
    for (const auto& each : std::filesystem::directory_iterator(root)) {
      const std::string printed = each.path().extension() == ".out" ? ValueOf(assess::ReadFile(each.path().string())) : "";
      if (!absl::StrContains(printed, "The key is replaced: vrf")) continue;
      const size_t begin = printed.find("/directory/2+");
      const size_t line = printed.rfind(' ', begin) + 1;
      next = printed.substr(line, printed.find('\n', begin) - line);
    }
    ASSERT_FALSE(next.empty());
    const std::string config = organisation.ConfigOf(assess::Service::kWitness);
    EXPECT_EQ(organisation.Stop(assess::Service::kWitness), 0);
    EXPECT_OK(assess::WriteFile(config, absl::StrReplaceAll(ValueOf(assess::ReadFile(config)), {{organisation.directory_log_key(), next}})));
    EXPECT_OK(organisation.Start(assess::Service::kWitness));
    const auto back = [&] {
      return absl::StrContains(assess::ReadFile(organisation.LogOf(assess::Service::kKeyserver)).value_or(""), "directory.witnesses_back");
    };
    EXPECT_TRUE(assess::PollUntil(back, absl::Seconds(60)));
  }
  // Where it rests between ceremonies.
  void PutRootAway() const {
    std::filesystem::rename(root + "/var/lib/plumbline-keyserver/root.sealed", root + "/mnt/safe/root.sealed");
  }

  const std::string root;
};

}  // namespace plumbline::testing
