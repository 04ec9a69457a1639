// What the operating system knows about the services: units, processes, the clock.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "doctor/installation.h"
#include "doctor/report.h"

namespace plumbline::doctor {

struct ProgramResult {
  int exit_code = -1;
  std::string out;  // standard output
};
// Runs `line` (an absolute path and its arguments) to its end, with an empty standard input and no
// environment but PATH. NOT_FOUND if there is no such program; UNAVAILABLE if it takes over 20 s.
absl::StatusOr<ProgramResult> RunProgram(const std::vector<std::string>& line);

struct Machine {
  std::string proc = "/proc";
  std::string systemd = "/run/systemd/system";  // is there where systemd runs
  std::function<absl::StatusOr<ProgramResult>(const std::vector<std::string>&)> run = RunProgram;
};

// "clock.synchronised".
void CheckSynchronised(const Machine& machine, Report& report);

// Of systemd-analyze security, 0 to 10; the shipped units stay below.
inline constexpr double kMostExposed = 2.0;
// "units.running", "units.enabled", "units.confined".
void CheckUnits(const Installation& installation, const Machine& machine, Report& report);

// Who listens at a port of this machine. NOT_FOUND: nobody whose process can be seen.
absl::StatusOr<int> ListeningProcess(const Machine& machine, int port);
// "process.core_dumps", "process.sandbox", of whoever listens at the service's first listener.
void CheckProcess(const Service& service, const Machine& machine, Report& report);

}  // namespace plumbline::doctor
