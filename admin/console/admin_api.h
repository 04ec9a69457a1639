// The admin service as an administrator's tool sees it.
#pragma once

#include <memory>

#include "admin/console/profile.h"
#include "common/clock.h"
#include "common/status.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::admin {

class AdminApi {
 public:
  virtual ~AdminApi() = default;
  virtual absl::Status Submit(const keys::v1::SignedIntent& intent, keys::v1::IntentResult& result) = 0;
  virtual absl::Status Register(const keys::v1::RegisterFirstAdministratorRequest& request,
                                keys::v1::RegisterFirstAdministratorResponse& response) = 0;
};

// Over gRPC, TLS 1.3 under the profile's root, without a client certificate. Needs rpc::PinTls13(). A service
// that cannot be reached is diagnosed: the status says why and what to do.
absl::StatusOr<std::unique_ptr<AdminApi>> Connect(const Profile& profile, const Clock& clock);

}  // namespace plumbline::admin
