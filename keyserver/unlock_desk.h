// The key server's part in unlocking a device's store (docs/protocols/unlock.md). Knows no gRPC. Thread-safe; references outlive
// it. Every refusal is recorded.
#pragma once

#include "common/clock.h"
#include "common/status.h"
#include "keyserver/device_desk.h"
#include "keyserver/organisation.h"
#include "keyserver/refusal_log.h"
#include "keyserver/store/check_in_store.h"
#include "keyserver/store/unlock_store.h"

namespace plumbline::keys::v1 {
class BeginUnlockKeyResponse;
class CheckInResponse;
class ConfirmUnlockKeyResponse;
class EvaluateRequest;
class EvaluateResponse;
class GetLockStateResponse;
class ProveUnlockedRequest;
class ProveUnlockedResponse;
class RenewUnlockCertificateResponse;
}  // namespace plumbline::keys::v1

namespace plumbline::keyserver {

class UnlockDesk final {
 public:
  struct Stores {
    UnlockStore& unlock;
    CheckInStore& check_ins;
  };
  UnlockDesk(const Organisation& organisation, const Clock& clock, Stores stores, DeviceDesk& devices, RefusalLog& refusals)
      : organisation_(organisation), clock_(clock), stores_(stores), devices_(devices), refusals_(refusals) {}

  // By the certificate alone, which may be the one for unlocking; `caller` as DeviceDesk. Codes: unlock.proto, docs/protocols/errors.md.
  absl::Status GetLockState(const crypto::Certificate* caller, keys::v1::GetLockStateResponse& response);
  absl::Status Evaluate(const crypto::Certificate* caller, const keys::v1::EvaluateRequest& request,
                        keys::v1::EvaluateResponse& response);
  absl::Status ProveUnlocked(const crypto::Certificate* caller, const keys::v1::ProveUnlockedRequest& request,
                             keys::v1::ProveUnlockedResponse& response);

  // By the working key.
  absl::Status BeginUnlockKey(const crypto::Certificate* caller, const keys::v1::SignedRequest& request,
                              keys::v1::BeginUnlockKeyResponse& response);
  absl::Status ConfirmUnlockKey(const crypto::Certificate* caller, const keys::v1::SignedRequest& request,
                                keys::v1::ConfirmUnlockKeyResponse& response);
  absl::Status CheckIn(const crypto::Certificate* caller, const keys::v1::SignedRequest& request, keys::v1::CheckInResponse& response);
  absl::Status RenewUnlockCertificate(const crypto::Certificate* caller, const keys::v1::SignedRequest& request,
                                      keys::v1::RenewUnlockCertificateResponse& response);

 private:
  absl::Status TryEvaluate(const Device& device, const keys::v1::EvaluateRequest& request, keys::v1::EvaluateResponse& response);
  absl::Status TryProve(const Device& device, const keys::v1::ProveUnlockedRequest& request);
  absl::Status TryConfirm(const Device& device, uint32_t version, ByteView proof_key, ByteView proof);
  audit::Entry EntryOf(const Device& device, audit::Event event) const;
  absl::Status Refused(const Device& device, audit::Event event, const absl::Status& status);
  std::string UriOf(const Device& device) const;

  const Organisation& organisation_;
  const Clock& clock_;
  const Stores stores_;
  DeviceDesk& devices_;
  RefusalLog& refusals_;
};

}  // namespace plumbline::keyserver
