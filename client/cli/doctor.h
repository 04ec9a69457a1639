// `plumbline doctor`: for whoever runs the services, without a home and a passphrase.
#pragma once

#include "doctor/doctor.h"

namespace plumbline::client {

// Prints the report, as text or as one JSON object, and returns the program's exit code (doctor/report.h).
int DoctorCommand(const doctor::Request& request, bool json);

}  // namespace plumbline::client
