// The admin service as a process: builds every object in order, serves until told to stop, ends in reverse.
#pragma once

#include "common/secret.h"
#include "common/status.h"
#include "plumbline/config/v1/admin.pb.h"

namespace plumbline::admin {

// Returns when SIGTERM or SIGINT arrives. Prints "listening on HOST:PORT" once it serves. Refuses to start,
// with cause and remedy, on a broken certificate, a damaged audit record or a store that is open elsewhere.
absl::Status Serve(const config::v1::AdminConfig& config, const Secret& passphrase);

}  // namespace plumbline::admin
