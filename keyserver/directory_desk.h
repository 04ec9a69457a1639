// Looking people up and claiming their key packages, for anybody with a token; the directory's log, for anybody. Knows no gRPC. Thread-safe;
// references outlive it. What was looked up is recorded nowhere.
#pragma once

#include "common/clock.h"
#include "common/status.h"
#include "common/tokens/redeemer.h"
#include "keyserver/claim_limit.h"
#include "keyserver/organisation.h"
#include "keyserver/refusal_log.h"
#include "keyserver/store/account_store.h"
#include "keyserver/store/directory_store.h"
#include "keyserver/store/key_package_store.h"
#include "keyserver/store/ledger.h"
#include "keyserver/token_issuer.h"

namespace plumbline::keys::v1 {
class ClaimKeyPackagesRequest;
class ClaimKeyPackagesResponse;
class GetTokenKeysResponse;
class LookUpRequest;
class LookUpResponse;
class ReadLogRequest;
class ReadLogResponse;
}  // namespace plumbline::keys::v1

namespace plumbline::keyserver {

class DirectoryDesk final {
 public:
  struct Stores {
    AccountStore& accounts;
    DirectoryStore& directory;
    KeyPackageStore& key_packages;
    Ledger& ledger;
  };
  DirectoryDesk(const Organisation& organisation, const Clock& clock, const Stores& stores, const TokenIssuer& tokens,
                RefusalLog& refusals);

  absl::Status LookUp(const keys::v1::LookUpRequest& request, keys::v1::LookUpResponse& response);
  absl::Status ReadLog(const keys::v1::ReadLogRequest& request, keys::v1::ReadLogResponse& response);
  void GetTokenKeys(keys::v1::GetTokenKeysResponse& response);
  absl::Status ClaimKeyPackages(const keys::v1::ClaimKeyPackagesRequest& request,
                                keys::v1::ClaimKeyPackagesResponse& response);

 private:
  // Of a log that was succeeded. FAILED_PRECONDITION log_unknown.
  absl::Status ReadFormerLog(const keys::v1::ReadLogRequest& request, keys::v1::ReadLogResponse& response);
  // Spends the token, durably, before anything is told. Refusals are recorded.
  absl::Status Spend(ByteView token, ByteView token_key);
  absl::StatusOr<Account> FindEnrolled(absl::string_view user);
  absl::Status Refused(const absl::Status& status);

  const Organisation& organisation_;
  const tokens::Redeemer redeemer_;
  const Clock& clock_;
  const Stores stores_;
  const TokenIssuer& tokens_;
  RefusalLog& refusals_;
  ClaimLimit claim_limit_;
};

}  // namespace plumbline::keyserver
