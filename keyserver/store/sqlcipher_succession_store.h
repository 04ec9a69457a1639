// SuccessionStore on SQLCipher.
#pragma once

#include "keyserver/store/sqlcipher_connection.h"
#include "keyserver/store/succession_store.h"

namespace plumbline::keyserver {

class SqlcipherSuccessionStore final : public SuccessionStore {
 public:
  explicit SqlcipherSuccessionStore(SqlcipherConnection& connection) : connection_(connection) {}
  absl::StatusOr<crypto::Certificate> Succeed(const crypto::Certificate& present, const crypto::Certificate& successor,
                                              const audit::Entry& entry) override;
  absl::Status ForgetEnded(absl::Time now) override;

 private:
  SqlcipherConnection& connection_;
};

}  // namespace plumbline::keyserver
