// The key server's service Unlock as the client sees it: what a locked device may call, and what takes its open store. The one
// implementation is client/net/grpc_unlock.h. Failures as client/network.h.
#pragma once

#include "common/status.h"
#include "plumbline/keys/v1/unlock.pb.h"

namespace plumbline::client {

// By the TLS key alone.
class LockNetwork {
 public:
  virtual ~LockNetwork() = default;
  virtual absl::StatusOr<keys::v1::GetLockStateResponse> GetLockState() = 0;
  // Costs an attempt, also where its answer is lost: never repeated by itself.
  virtual absl::StatusOr<keys::v1::EvaluateResponse> Evaluate(const keys::v1::EvaluateRequest& request) = 0;
  virtual absl::StatusOr<keys::v1::ProveUnlockedResponse> ProveUnlocked(const keys::v1::ProveUnlockedRequest& request) = 0;
};

// By the working key.
class UnlockKeyNetwork {
 public:
  virtual ~UnlockKeyNetwork() = default;
  virtual absl::StatusOr<keys::v1::BeginUnlockKeyResponse> BeginUnlockKey() = 0;
  virtual absl::StatusOr<keys::v1::ConfirmUnlockKeyResponse> ConfirmUnlockKey(const keys::v1::ConfirmUnlockKeyRequest& request) = 0;
  virtual absl::StatusOr<keys::v1::CheckInResponse> CheckIn(const keys::v1::CheckInRequest& request) = 0;
  virtual absl::StatusOr<keys::v1::RenewUnlockCertificateResponse> RenewUnlockCertificate() = 0;
};

}  // namespace plumbline::client
