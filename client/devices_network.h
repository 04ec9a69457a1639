// The key server's rpcs about a person's devices, as the engine sees them: of a device that asks to
// join, and of one that is enrolled. The one implementation is client/net/grpc_devices.h. Failures
// as client/network.h.
#pragma once

#include "common/status.h"
#include "plumbline/keys/v1/devices.pb.h"

namespace plumbline::client {

// Anonymous: each call on a connection of its own.
class JoinNetwork {
 public:
  virtual ~JoinNetwork() = default;
  virtual absl::StatusOr<keys::v1::AskResponse> Ask(const keys::v1::EnrolRequest& request) = 0;
  virtual absl::StatusOr<keys::v1::CollectResponse> Collect(
      const keys::v1::CollectRequest& request) = 0;
};

// As this device, but for ReadLog, which is anonymous.
class DevicesNetwork {
 public:
  virtual ~DevicesNetwork() = default;
  virtual absl::StatusOr<keys::v1::ReadLogResponse> ReadLog(const keys::v1::ReadLogRequest& request) = 0;
  virtual absl::StatusOr<keys::v1::GetOwnAccountResponse> GetOwnAccount() = 0;
  virtual absl::StatusOr<keys::v1::InviteDeviceResponse> InviteDevice(
      const keys::v1::InviteDeviceRequest& request) = 0;
  virtual absl::StatusOr<keys::v1::ListJoinRequestsResponse> ListJoinRequests() = 0;
  virtual absl::StatusOr<keys::v1::DecideDeviceResponse> DecideDevice(
      const keys::v1::DecideDeviceRequest& request) = 0;
};

}  // namespace plumbline::client
