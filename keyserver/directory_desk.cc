#include "keyserver/directory_desk.h"

#include "common/directory/follow.h"
#include "common/identity/reason.h"
#include "keyserver/key_package_check.h"
#include "keyserver/views.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::keyserver {

using identity::Refuse;

namespace {

constexpr uint32_t kMaxLeaves = 10'000;
constexpr size_t kFeedBytes = 1 << 20;

// `follow`: what the keys come from that the log's feed is sealed under.
absl::Status FillLeaves(const std::vector<FeedLeaf>& leaves, const Secret& follow, keys::v1::ReadLogResponse& response) {
  for (const FeedLeaf& leaf : leaves) {
    keys::v1::LogLeaf& out = *response.add_leaves();
    out.set_leaf(ToString(leaf.leaf));
    if (!leaf.opened) continue;
    const absl::StatusOr<tlog::DirectoryLeaf> entry = tlog::ParseDirectoryLeaf(leaf.leaf);
    if (!entry.ok() || !std::holds_alternative<tlog::EntryLeaf>(*entry)) return absl::DataLossError("an entry of the log is none");
    const directory::Followed followed{leaf.opened->nonce, leaf.opened->record.bytes, leaf.opened->record.signature,
                                       leaf.opened->credentials};
    const Secret key = directory::FollowKey(follow, std::get<tlog::EntryLeaf>(*entry).index);
    out.set_sealed(ToString(directory::Seal(followed, key, leaf.leaf)));
  }
  return absl::OkStatus();
}

}  // namespace

DirectoryDesk::DirectoryDesk(const Organisation& organisation, const Clock& clock, const Stores& stores, const TokenIssuer& tokens,
                             RefusalLog& refusals)
    : organisation_(organisation),
      redeemer_(organisation.domain(), tokens::kPurposeDirectory),
      clock_(clock),
      stores_(stores),
      tokens_(tokens),
      refusals_(refusals),
      claim_limit_(organisation.limits().single_use_claims_per_hour) {}

absl::Status DirectoryDesk::LookUp(const keys::v1::LookUpRequest& request,
                                   keys::v1::LookUpResponse& response) {
  const absl::StatusOr<identity::UserUri> user = identity::ParseUserUri(request.user());
  if (!user.ok()) {
    return Refused(
        Refuse(absl::StatusCode::kInvalidArgument, "request_malformed", "not the name of a person"));
  }
  RETURN_IF_ERROR(Spend(AsBytes(request.token()), AsBytes(request.token_key())));
  const absl::StatusOr<DirectoryEntry> entry = stores_.directory.Find(*user);
  if (absl::IsNotFound(entry.status())) {
    return Refused(Refuse(absl::StatusCode::kNotFound, "unknown_user", "this person was erased from the directory"));
  }
  RETURN_IF_ERROR(entry.status());
  response.set_answer(ToString(directory::Encode(entry->answer)));
  if (!entry->answer.found) return absl::OkStatus();
  Fill(*entry, *response.mutable_record());
  response.set_follow_key(ToString(organisation_.FollowKey(entry->answer.found->entry.index).view()));
  return absl::OkStatus();
}

absl::Status DirectoryDesk::ReadLog(const keys::v1::ReadLogRequest& request, keys::v1::ReadLogResponse& response) {
  if (request.limit() < 1 || request.limit() > kMaxLeaves)
    return Refuse(absl::StatusCode::kInvalidArgument, "request_malformed", "1 to 10,000 leaves of the log");
  if (request.log() != 0 && request.log() != organisation_.log_number()) return ReadFormerLog(request, response);
  ASSIGN_OR_RETURN(const FeedPage page,
                   stores_.directory.ReadLog(request.from(), request.limit(), kFeedBytes, request.followed()));
  response.set_checkpoint(page.checkpoint);
  RETURN_IF_ERROR(FillLeaves(page.leaves, organisation_.keys().transparency->follow, response));
  organisation_.FillNewer(request.policy_number(), request.keys_number(), response);
  return absl::OkStatus();
}

absl::Status DirectoryDesk::ReadFormerLog(const keys::v1::ReadLogRequest& request, keys::v1::ReadLogResponse& response) {
  const absl::StatusOr<FormerPage> page = stores_.directory.ReadFormer(request.log(), {request.from(), request.handed_over()},
                                                                       request.limit(), kFeedBytes, request.followed());
  if (absl::IsNotFound(page.status())) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "log_unknown",
                  "this key server has no log of the directory with that number; it may have been restored from a copy");
  }
  RETURN_IF_ERROR(page.status());
  response.set_checkpoint(page->log.checkpoint);
  response.set_succession(ToString(page->log.succession));
  organisation_.FillKeys(request.keys_number(), response);
  RETURN_IF_ERROR(FillLeaves(page->leaves, page->log.follow, response));
  for (const HandedOver& each : page->handed_over) {
    keys::v1::HandedOver& out = *response.add_handed_over();
    out.set_former_index(ToString(each.former_index));
    out.set_sealed(ToString(each.sealed));
  }
  return absl::OkStatus();
}

absl::Status DirectoryDesk::ClaimKeyPackages(const keys::v1::ClaimKeyPackagesRequest& request,
                                             keys::v1::ClaimKeyPackagesResponse& response) {
  if (!identity::ParseUserUri(request.user()).ok() || !IsKnownCipherSuite(request.cipher_suite())) {
    return Refused(Refuse(absl::StatusCode::kInvalidArgument, "request_malformed",
                          "not the name of a person, or not cipher suite 1 or 3"));
  }
  RETURN_IF_ERROR(Spend(AsBytes(request.token()), AsBytes(request.token_key())));
  const absl::StatusOr<Account> account = FindEnrolled(request.user());
  if (!account.ok()) return Refused(account.status());
  if (account->removed) {
    return Refused(Refuse(absl::StatusCode::kFailedPrecondition, "account_removed", "this person has left"));
  }
  if (account->suspended) {
    return Refused(
        Refuse(absl::StatusCode::kFailedPrecondition, "account_suspended", "the account is suspended"));
  }
  const absl::Time now = clock_.Now();
  const bool spare_single_use = !claim_limit_.Take(request.user(), now);
  ASSIGN_OR_RETURN(
      const std::vector<ClaimedKeyPackage> claimed,
      stores_.key_packages.Claim(request.user(), static_cast<uint16_t>(request.cipher_suite()), now, spare_single_use));
  for (const ClaimedKeyPackage& package : claimed) {
    keys::v1::ClaimedKeyPackage& out = *response.add_key_packages();
    out.set_device_id(ToString(package.device));
    out.set_key_package(ToString(package.message));
    out.set_last_resort(package.last_resort);
  }
  return absl::OkStatus();
}

void DirectoryDesk::GetTokenKeys(keys::v1::GetTokenKeysResponse& response) {
  for (const Bytes& statement : tokens_.Statements()) response.add_token_keys(ToString(statement));
}

absl::Status DirectoryDesk::Spend(ByteView token, ByteView token_key) {
  const auto refused = [this](const absl::Status& status) { return refusals_.Refused(audit::Event::kTokensRefused, "", "", status); };
  const absl::Time now = clock_.Now();
  const absl::StatusOr<tokens::Redeemed> redeemed =
      redeemer_.Check(token, token_key, organisation_.KeysOf(identity::Role::kTokens, now), now);
  if (!redeemed.ok()) return refused(redeemed.status());
  const absl::Status spent = stores_.ledger.SpendToken(*redeemed);
  return spent.ok() ? spent : refused(spent);
}

absl::StatusOr<Account> DirectoryDesk::FindEnrolled(absl::string_view user) {
  absl::StatusOr<Account> account = stores_.accounts.Find(user);
  if (absl::IsNotFound(account.status()) || (account.ok() && !account->has_enrolled)) {
    return Refuse(absl::StatusCode::kNotFound, "unknown_user", "nobody of that name has enrolled");
  }
  return account;
}

absl::Status DirectoryDesk::Refused(const absl::Status& status) {
  return refusals_.Refused(audit::Event::kDirectoryRefused, "", "", status);
}

}  // namespace plumbline::keyserver
