// Builds the server from its configuration, serves until SIGTERM or SIGINT, stops in reverse order.
#pragma once

#include <string>

#include "common/status.h"

namespace plumbline::server {

// `passphrase_file` overrides the configuration's where it is not empty. Every failure names its cause and remedy.
absl::Status Initialise(const std::string& config_file, const std::string& passphrase_file);
absl::Status Serve(const std::string& config_file);

}  // namespace plumbline::server
