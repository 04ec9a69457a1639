// Looking people up and claiming their key packages, for anybody with a pass. Knows no gRPC. Thread-safe;
// references outlive it. What was looked up is recorded nowhere.
#pragma once

#include "common/clock.h"
#include "common/status.h"
#include "keyserver/organisation.h"
#include "keyserver/refusal_log.h"
#include "keyserver/store/account_store.h"
#include "keyserver/store/key_package_store.h"
#include "keyserver/store/ledger.h"

namespace plumbline::keys::v1 {
class ClaimKeyPackagesRequest;
class ClaimKeyPackagesResponse;
class LookUpRequest;
class LookUpResponse;
}  // namespace plumbline::keys::v1

namespace plumbline::keyserver {

class DirectoryDesk final {
 public:
  DirectoryDesk(const Organisation& organisation, const Clock& clock, AccountStore& accounts,
                KeyPackageStore& key_packages, Ledger& ledger, RefusalLog& refusals);

  absl::Status LookUp(const keys::v1::LookUpRequest& request, keys::v1::LookUpResponse& response);
  absl::Status ClaimKeyPackages(const keys::v1::ClaimKeyPackagesRequest& request,
                                keys::v1::ClaimKeyPackagesResponse& response);

 private:
  // Spends the pass, durably, before anything is told. Refusals are recorded.
  absl::Status Spend(ByteView pass);
  absl::StatusOr<Account> FindEnrolled(absl::string_view user);
  absl::Status Refused(const absl::Status& status);

  const Organisation& organisation_;
  const identity::Hash challenge_digest_;
  const Clock& clock_;
  AccountStore& accounts_;
  KeyPackageStore& key_packages_;
  Ledger& ledger_;
  RefusalLog& refusals_;
};

}  // namespace plumbline::keyserver
