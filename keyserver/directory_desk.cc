#include "keyserver/directory_desk.h"

#include "common/identity/pass.h"
#include "common/identity/reason.h"
#include "keyserver/key_package_check.h"
#include "keyserver/views.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::keyserver {

using identity::Refuse;

DirectoryDesk::DirectoryDesk(const Organisation& organisation, const Clock& clock, AccountStore& accounts,
                             KeyPackageStore& key_packages, Ledger& ledger, RefusalLog& refusals)
    : organisation_(organisation),
      challenge_digest_(identity::ChallengeDigest(organisation.domain(), identity::kPurposeDirectory)),
      clock_(clock),
      accounts_(accounts),
      key_packages_(key_packages),
      ledger_(ledger),
      refusals_(refusals) {}

absl::Status DirectoryDesk::LookUp(const keys::v1::LookUpRequest& request,
                                   keys::v1::LookUpResponse& response) {
  if (!identity::ParseUserUri(request.user()).ok()) {
    return Refused(
        Refuse(absl::StatusCode::kInvalidArgument, "request_malformed", "not the name of a person"));
  }
  RETURN_IF_ERROR(Spend(AsBytes(request.token())));
  const absl::StatusOr<Account> account = FindEnrolled(request.user());
  if (!account.ok()) return Refused(account.status());
  Fill(*account, *response.mutable_record());
  return absl::OkStatus();
}

absl::Status DirectoryDesk::ClaimKeyPackages(const keys::v1::ClaimKeyPackagesRequest& request,
                                             keys::v1::ClaimKeyPackagesResponse& response) {
  if (!identity::ParseUserUri(request.user()).ok() || !IsKnownCipherSuite(request.cipher_suite())) {
    return Refused(Refuse(absl::StatusCode::kInvalidArgument, "request_malformed",
                          "not the name of a person, or not cipher suite 1 or 3"));
  }
  RETURN_IF_ERROR(Spend(AsBytes(request.token())));
  const absl::StatusOr<Account> account = FindEnrolled(request.user());
  if (!account.ok()) return Refused(account.status());
  if (account->removed) {
    return Refused(Refuse(absl::StatusCode::kFailedPrecondition, "account_removed", "this person has left"));
  }
  if (account->suspended) {
    return Refused(
        Refuse(absl::StatusCode::kFailedPrecondition, "account_suspended", "the account is suspended"));
  }
  ASSIGN_OR_RETURN(
      const std::vector<ClaimedKeyPackage> claimed,
      key_packages_.Claim(request.user(), static_cast<uint16_t>(request.cipher_suite()), clock_.Now()));
  for (const ClaimedKeyPackage& package : claimed) {
    keys::v1::ClaimedKeyPackage& out = *response.add_key_packages();
    out.set_device_id(ToString(package.device));
    out.set_key_package(ToString(package.message));
    out.set_last_resort(package.last_resort);
  }
  return absl::OkStatus();
}

absl::Status DirectoryDesk::Spend(ByteView pass) {
  const auto& key = organisation_.keys().passes.key.public_key();
  const absl::StatusOr<identity::Pass> checked =
      identity::CheckPass(pass, key, challenge_digest_, clock_.Now());
  if (!checked.ok()) return refusals_.Refused(audit::Event::kPassesRefused, "", "", checked.status());
  const uint64_t forget =
      checked->expires_unix + static_cast<uint64_t>(absl::ToInt64Seconds(identity::kNullifierGrace));
  const absl::Status spent = ledger_.SpendPass(checked->nonce, forget);
  if (!spent.ok()) return refusals_.Refused(audit::Event::kPassesRefused, "", "", spent);
  return absl::OkStatus();
}

absl::StatusOr<Account> DirectoryDesk::FindEnrolled(absl::string_view user) {
  absl::StatusOr<Account> account = accounts_.Find(user);
  if (absl::IsNotFound(account.status()) || (account.ok() && !account->has_enrolled)) {
    return Refuse(absl::StatusCode::kNotFound, "unknown_user", "nobody of that name has enrolled");
  }
  return account;
}

absl::Status DirectoryDesk::Refused(const absl::Status& status) {
  return refusals_.Refused(audit::Event::kDirectoryRefused, "", "", status);
}

}  // namespace plumbline::keyserver
