// The delivery server's attachments as the engine sees them: one anonymous connection for one session. Errors as in
// client/network.h. Not thread-safe.
#pragma once

#include "common/status.h"
#include "plumbline/delivery/v1/attachments.pb.h"
#include "plumbline/delivery/v1/delivery.pb.h"

namespace plumbline::client {

class FileConnection {
 public:
  virtual ~FileConnection() = default;
  virtual absl::StatusOr<delivery::v1::OpenSessionResponse> OpenSession(
      const delivery::v1::OpenSessionRequest& request) = 0;
  virtual absl::StatusOr<delivery::v1::BeginResponse> Begin(const delivery::v1::BeginRequest& request) = 0;
  virtual absl::StatusOr<delivery::v1::PutResponse> Put(const delivery::v1::PutRequest& request) = 0;
  virtual absl::StatusOr<delivery::v1::GetResponse> Get(const delivery::v1::GetRequest& request) = 0;
  virtual absl::Status Delete(const delivery::v1::DeleteRequest& request) = 0;
};

}  // namespace plumbline::client
