// The key server as the relay sees it.
#pragma once

#include "common/status.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::admin {

// Thread-safe. Statuses of the key server are passed on as they are; if it cannot be asked, UNAVAILABLE
// keyserver_unreachable, or DEADLINE_EXCEEDED keyserver_silent where it may or may not have acted.
class Gateway {
 public:
  virtual ~Gateway() = default;
  virtual absl::Status Execute(const keys::v1::SignedIntent& intent, keys::v1::IntentResult& result) = 0;
  virtual absl::Status RegisterFirstAdministrator(const keys::v1::RegisterFirstAdministratorRequest& request,
                                                  keys::v1::RegisterFirstAdministratorResponse& response) = 0;
};

}  // namespace plumbline::admin
