// `plumbline doctor`: looks at a running installation from outside and says what is not as it
// should be. It changes nothing, opens nothing that is sealed, and needs no secret.
#pragma once

#include "common/clock.h"
#include "common/status.h"
#include "doctor/installation.h"
#include "doctor/machine.h"
#include "doctor/report.h"

namespace plumbline::doctor {

struct Request {
  Configurations configurations;
  std::string backups;  // a folder; empty: not given
};

// Every check, in the order in which the report names them. INVALID_ARGUMENT if no configuration
// and no folder is given; codes of rpc::PinTls13, which it calls.
absl::StatusOr<Report> Examine(const Request& request, const Machine& machine, const Clock& clock);

}  // namespace plumbline::doctor
