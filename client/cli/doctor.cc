#include "client/cli/doctor.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "client/cli/output.h"
#include "common/clock.h"
#include "common/process.h"

namespace plumbline::client {

int DoctorCommand(const doctor::Request& request, bool json) {
  absl::Status status = HardenProcess();
  const absl::StatusOr<doctor::Report> report =
      status.ok() ? doctor::Examine(request, doctor::Machine(), SystemClock()) : status;
  if (!report.ok()) {
    Output(json).Failure(report.status());
    return doctor::kExitNotRun;
  }
  const std::string text = json ? report->Json().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"
                                : report->Text();
  std::fputs(text.c_str(), stdout);
  return report->ExitCode();
}

}  // namespace plumbline::client
