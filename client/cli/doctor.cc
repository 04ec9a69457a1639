#include "client/cli/doctor.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/time/clock.h"
#include "common/process.h"

namespace plumbline::client {

int DoctorCommand(const doctor::Request& request, bool json) {
  absl::Status status = HardenProcess();
  const absl::StatusOr<doctor::Report> report =
      status.ok() ? doctor::Examine(request, doctor::Machine(), absl::Now()) : status;
  if (!report.ok()) {
    std::fprintf(stderr, "%s\n", std::string(report.status().message()).c_str());
    return doctor::kExitNotRun;
  }
  const std::string text = json ? report->Json().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"
                                : report->Text();
  std::fputs(text.c_str(), stdout);
  return report->ExitCode();
}

}  // namespace plumbline::client
