#include "doctor/machine.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/rpc/handshake.h"

namespace plumbline::doctor {
namespace {

namespace fs = std::filesystem;

constexpr char kSystemctl[] = "/usr/bin/systemctl";
constexpr char kAnalyze[] = "/usr/bin/systemd-analyze";
constexpr char kTimedatectl[] = "/usr/bin/timedatectl";
constexpr char kNoSystemd[] = "systemd does not run here.";
constexpr char kListening[] = "0A";  // a state in /proc/net/tcp

bool SystemdRuns(const Machine& machine) {
  std::error_code unknown;
  return fs::is_directory(machine.systemd, unknown);
}

std::vector<std::string> Lines(const std::string& path) {
  std::vector<std::string> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

// "Key=value" lines.
std::map<std::string, std::string> Properties(const std::string& text) {
  std::map<std::string, std::string> out;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    out[std::string(parts.first)] = std::string(parts.second);
  }
  return out;
}

void CheckUnit(const std::string& unit, const Machine& machine, Report& report) {
  const absl::StatusOr<ProgramResult> shown = machine.run(
      {kSystemctl, "show", "--property=LoadState,ActiveState,UnitFileState", "--", unit});
  if (!shown.ok() || shown->exit_code != 0) {
    report.NotChecked(
        "units.running", unit,
        shown.ok() ? "systemctl shows nothing of it." : absl::StrCat(shown.status().message(), "."),
        "Look at it with systemctl status.");
    return;
  }
  std::map<std::string, std::string> state = Properties(shown->out);
  if (state["LoadState"] != "loaded") {
    report.Warning("units.running", unit,
                   absl::StrCat("it is not installed (", state["LoadState"], ")."),
                   "Install the shipped unit (deploy/systemd): without it nothing starts the "
                   "service after a boot, and one layer of confinement is missing.");
    return;
  }
  if (state["ActiveState"] == "active") {
    report.Ok("units.running", unit, "it is active.");
  } else {
    report.Failed("units.running", unit, absl::StrCat("it is ", state["ActiveState"], "."),
                  absl::StrCat("Look why: systemctl status ", unit));
  }
  if (state["UnitFileState"] == "enabled") {
    report.Ok("units.enabled", unit, "it starts at boot.");
  } else {
    report.Warning("units.enabled", unit, "it does not start at boot.",
                   absl::StrCat("Run: systemctl enable ", unit));
  }
  const absl::StatusOr<ProgramResult> exposed = machine.run(
      {kAnalyze, "security", "--no-pager", absl::StrCat("--threshold=", kMostExposed * 10), unit});
  if (!exposed.ok()) {
    report.NotChecked("units.confined", unit, absl::StrCat(exposed.status().message(), "."),
                      "Install systemd-analyze.");
  } else if (exposed->exit_code == 0) {
    report.Ok("units.confined", unit,
              absl::StrCat("systemd-analyze security says ", kMostExposed, " or less."));
  } else {
    report.Failed("units.confined", unit,
                  absl::StrCat("systemd-analyze security says more than ", kMostExposed,
                               ": it is weaker than the shipped unit."),
                  absl::StrCat("Compare it with deploy/systemd/", unit, ": systemctl cat ", unit));
  }
}

// Of sockets that listen at `port`, from /proc/net/tcp and tcp6.
std::set<std::string> ListeningInodes(const Machine& machine, int port) {
  std::set<std::string> out;
  for (const char* table : {"/net/tcp", "/net/tcp6"}) {
    for (const std::string& line : Lines(machine.proc + table)) {
      const std::vector<std::string> fields =
          absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
      if (fields.size() < 10 || fields[3] != kListening) continue;
      const std::vector<std::string> local = absl::StrSplit(fields[1], ':');
      uint32_t number = 0;
      if (local.size() == 2 && absl::SimpleHexAtoi(local[1], &number) &&
          number == static_cast<uint32_t>(port)) {
        out.insert(absl::StrCat("socket:[", fields[9], "]"));
      }
    }
  }
  return out;
}

bool Holds(const fs::path& process, const std::set<std::string>& sockets) {
  std::error_code error;
  for (fs::directory_iterator each(process / "fd", error), end; !error && each != end;
       each.increment(error)) {
    std::error_code gone;
    if (sockets.count(fs::read_symlink(each->path(), gone).string()) > 0) return true;
  }
  return false;
}

// The value of "Name:\tvalue" in /proc/PID/status; empty if there is none.
std::string StatusOf(const std::vector<std::string>& lines, absl::string_view name) {
  for (const std::string& line : lines) {
    absl::string_view rest = line;
    if (absl::ConsumePrefix(&rest, name) && absl::ConsumePrefix(&rest, ":")) {
      return std::string(absl::StripAsciiWhitespace(rest));
    }
  }
  return "";
}

void CheckCoreDumps(const Service& service, const std::string& process, Report& report) {
  constexpr char kCheck[] = "process.core_dumps";
  for (const std::string& line : Lines(process + "/limits")) {
    absl::string_view rest = line;
    if (!absl::ConsumePrefix(&rest, "Max core file size")) continue;
    const std::vector<std::string> limits = absl::StrSplit(rest, ' ', absl::SkipEmpty());
    if (limits.size() >= 2 && limits[0] == "0" && limits[1] == "0") {
      report.Ok(kCheck, service.title, "its memory is never written to a core file.");
    } else {
      report.Failed(kCheck, service.title,
                    "a crash writes its memory, keys included, to a core file.",
                    "This is not the service as it is shipped: find out which program runs, and "
                    "restart the unit.");
    }
    return;
  }
  report.NotChecked(kCheck, service.title, absl::StrCat(process, "/limits cannot be read."),
                    "Run this as root.");
}

void CheckSandbox(const Service& service, const std::string& process, Report& report) {
  constexpr char kCheck[] = "process.sandbox";
  const std::vector<std::string> status = Lines(process + "/status");
  const std::string filtered = StatusOf(status, "Seccomp"), bound = StatusOf(status, "NoNewPrivs");
  if (filtered.empty() || bound.empty()) {
    report.NotChecked(kCheck, service.title, absl::StrCat(process, "/status cannot be read."),
                      "Run this as root.");
  } else if (filtered == "2" && bound == "1") {
    report.Ok(kCheck, service.title, "system calls are filtered, and it can gain no rights.");
  } else {
    report.Failed(
        kCheck, service.title,
        absl::StrCat("it is not confined (Seccomp ", filtered, ", NoNewPrivs ", bound, ")."),
        "This is not the service as it is shipped: find out which program runs, and "
        "restart the unit.");
  }
}

}  // namespace

void CheckSynchronised(const Machine& machine, Report& report) {
  constexpr char kCheck[] = "clock.synchronised";
  const absl::StatusOr<ProgramResult> shown =
      SystemdRuns(machine)
          ? machine.run({kTimedatectl, "show", "--property=NTPSynchronized", "--value"})
          : absl::StatusOr<ProgramResult>(absl::NotFoundError("systemd does not run here"));
  if (!shown.ok() || shown->exit_code != 0) {
    report.NotChecked(
        kCheck, "",
        shown.ok() ? "timedatectl says nothing." : absl::StrCat(shown.status().message(), "."),
        "See that the clock is kept by NTP.");
  } else if (absl::StripAsciiWhitespace(shown->out) == "yes") {
    report.Ok(kCheck, "", "the clock is kept by NTP.");
  } else {
    report.Warning(kCheck, "", "the clock is not synchronised.",
                   "Switch time synchronisation on: timedatectl set-ntp true");
  }
}

void CheckUnits(const Installation& installation, const Machine& machine, Report& report) {
  if (!SystemdRuns(machine)) {
    report.NotChecked("units.running", "", kNoSystemd,
                      "See that something starts the services after a boot and confines them.");
    return;
  }
  std::set<std::string> units;
  for (const Service& service : installation.services) units.insert(service.unit);
  for (const std::string& unit : units) CheckUnit(unit, machine, report);
}

absl::StatusOr<int> ListeningProcess(const Machine& machine, int port) {
  const std::set<std::string> sockets = ListeningInodes(machine, port);
  std::error_code error;
  if (!sockets.empty()) {
    for (fs::directory_iterator each(machine.proc, error), end; !error && each != end;
         each.increment(error)) {
      int pid = 0;
      if (absl::SimpleAtoi(each->path().filename().string(), &pid) &&
          Holds(each->path(), sockets)) {
        return pid;
      }
    }
  }
  return absl::NotFoundError(absl::StrCat("no process can be seen that listens at port ", port));
}

void CheckProcess(const Service& service, const Machine& machine, Report& report) {
  const absl::StatusOr<rpc::HostPort> at = rpc::SplitHostPort(service.listeners.front().address);
  int port = 0;
  if (!at.ok() || !absl::SimpleAtoi(at->port, &port)) return;
  const absl::StatusOr<int> pid = ListeningProcess(machine, port);
  if (!pid.ok()) {
    for (const char* check : {"process.core_dumps", "process.sandbox"}) {
      report.NotChecked(check, service.title, absl::StrCat(pid.status().message(), "."),
                        "Start it, and run this as root.");
    }
    return;
  }
  const std::string process = absl::StrCat(machine.proc, "/", *pid);
  CheckCoreDumps(service, process, report);
  CheckSandbox(service, process, report);
}

}  // namespace plumbline::doctor
