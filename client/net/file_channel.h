// Attachments over gRPC, on an anonymous connection of its own.
#pragma once

#include <memory>

#include "client/files/file_connection.h"
#include "common/clock.h"
#include "common/rpc/credentials.h"

namespace plumbline::client {

absl::StatusOr<std::unique_ptr<FileConnection>> NewFileConnection(rpc::Endpoint endpoint, const Clock& clock);

}  // namespace plumbline::client
