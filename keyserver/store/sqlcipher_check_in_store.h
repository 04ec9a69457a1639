// CheckInStore on SQLCipher.
#pragma once

#include "keyserver/store/check_in_store.h"
#include "keyserver/store/sqlcipher_connection.h"

namespace plumbline::keyserver {

class SqlcipherCheckInStore final : public CheckInStore {
 public:
  explicit SqlcipherCheckInStore(SqlcipherConnection& connection) : connection_(connection) {}

  absl::Status Take(const identity::DeviceId& device, const CheckIn& check_in, const audit::Entry& entry) override;
  absl::Status ForgetRemoved() override;

 private:
  SqlcipherConnection& connection_;
};

}  // namespace plumbline::keyserver
