// KeyPackageStore on SQLCipher.
#pragma once

#include "keyserver/store/key_package_store.h"
#include "keyserver/store/sqlcipher_connection.h"

namespace plumbline::keyserver {

class SqlcipherKeyPackageStore final : public KeyPackageStore {
 public:
  explicit SqlcipherKeyPackageStore(SqlcipherConnection& connection) : connection_(connection) {}

  absl::StatusOr<uint32_t> Publish(const identity::DeviceId& device,
                                   const std::vector<PublishedKeyPackage>& packages,
                                   const std::optional<PublishedKeyPackage>& last_resort,
                                   absl::Time now) override;
  absl::StatusOr<std::vector<ClaimedKeyPackage>> Claim(absl::string_view user, uint16_t cipher_suite,
                                                       absl::Time now, bool spare_single_use) override;
  absl::StatusOr<uint32_t> CountAvailable(const identity::DeviceId& device, absl::Time now) override;

 private:
  SqlcipherConnection& connection_;
};

}  // namespace plumbline::keyserver
