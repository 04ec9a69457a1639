// plumbline-mls-interop as a gRPC server, for the loopback interface only.
#pragma once

#include <string>

#include "common/status.h"
#include "interop/harness.h"

namespace plumbline::interop {

// OK for a literal address of the loopback interface with a port: 127.0.0.0/8 or [::1].
// INVALID_ARGUMENT otherwise.
absl::Status CheckLoopback(const std::string& address);

struct ServeOptions {
  std::string listen = "127.0.0.1:50051";  // port 0: any free one
  HarnessLimits limits;
};

// Prints "port N" once it listens; returns at SIGTERM or SIGINT. UNAVAILABLE if the address cannot
// be had.
absl::Status Serve(const ServeOptions& options);

}  // namespace plumbline::interop
