#include "client/supplies.h"

#include <sodium.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/authentication.h"
#include "client/conversations.h"
#include "client/organisation_keys.h"
#include "client/sealing.h"
#include "common/crypto/x509.h"
#include "common/file.h"
#include "common/identity/credential_renewal.h"
#include "common/identity/grant.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/tokens/issuance.h"
#include "common/tokens/token_key.h"
#include "mls/key_package.h"

namespace plumbline::client {
namespace {

constexpr absl::Duration kClockSkew = absl::Hours(1);
constexpr char kUnsignedKey[] = "token_key_unsigned";
constexpr uint32_t kRedrawMilliseconds = 1500;
constexpr uint32_t kMailboxRenewalDays = 5;  // a mailbox with fewer days left is replaced

absl::Status Unusable(absl::string_view what) {
  return identity::Refuse(absl::StatusCode::kInternal, "key_server_answer",
                          absl::StrCat("the key server sent ", what, "; tell its operator"));
}

// "60 minutes", "8 hours", "8 days"; rounded down.
std::string Roughly(absl::Duration span) {
  if (span >= absl::Hours(48)) return absl::StrCat(absl::ToInt64Hours(span) / 24, " days");
  if (span >= absl::Hours(3)) return absl::StrCat(absl::ToInt64Hours(span), " hours");
  return absl::StrCat(absl::ToInt64Minutes(span), " minutes");
}

// The newest key for tokens closed `ago` by this device's clock; the key server makes another one before that.
absl::Status ClockAhead(absl::Duration ago) {
  return identity::Refuse(absl::StatusCode::kFailedPrecondition, "clock_ahead",
                          absl::StrCat("this device's clock is ", Roughly(ago), " or more ahead of the key server's; correct it and "
                                       "try again, or tell the key server's operator if it is right"));
}

absl::Status UnsignedKey() {
  return identity::Refuse(absl::StatusCode::kInternal, kUnsignedKey,
                          "the key server sent a key for tokens that is not this organisation's; tell its operator");
}

absl::Status OtherKey() {
  return identity::Refuse(absl::StatusCode::kUnauthenticated, "token_key_other",
                          "the key server offers another key for anonymous tokens than the one that the directory's log shows to "
                          "everybody, and could tell this device by it. No token is drawn. Tell your organisation's security officer");
}

absl::StatusOr<identity::MailboxAddress> AddressIn(const StoredKeyPackage& stored) {
  ASSIGN_OR_RETURN(const mls::KeyPackageBundle bundle, mls::KeyPackageBundle::Parse(stored.bundle.view()));
  const Bytes* data = mls::FindExtension(bundle.key_package.leaf_node.extensions, identity::kMailboxAddressExtension);
  if (data == nullptr) return absl::DataLossError("a stored key package names no mailbox");
  return identity::ParseMailboxAddress(*data);
}

}  // namespace

absl::Status Supplies::Prepare() {
  ASSIGN_OR_RETURN(const Mailbox intake, EnsureMailbox({}));
  RETURN_IF_ERROR(RetireFormer());
  std::vector<StoredKeyPackage> over;
  size_t good = 0;
  size_t unpublished = 0;
  bool last_resort = false;
  for (const bool published : {true, false}) {
    ASSIGN_OR_RETURN(std::vector<StoredKeyPackage> list, stores_.supply.KeyPackages(published));
    for (StoredKeyPackage& key_package : list) {
      ASSIGN_OR_RETURN(const bool former, IsFormer(key_package));
      if (key_package.not_after < clock_.Now()) {
        over.push_back(std::move(key_package));
      } else if (!former && key_package.not_after > clock_.Now() + absl::Hours(24 * kMailboxRenewalDays)) {
        last_resort = last_resort || key_package.last_resort;
        good += !key_package.last_resort;
        unpublished += !key_package.last_resort && !published;
      }
    }
  }
  if (!over.empty()) RETURN_IF_ERROR(RemoveAll(over));
  if (available_.has_value()) good = std::min<size_t>(good, *available_ + unpublished);
  if (good < kKeyPackagesLow || !last_resort) {
    RETURN_IF_ERROR(MakeKeyPackages(intake, kKeyPackages - std::min(good, kKeyPackages), !last_resort));
  }
  return Publish();
}

absl::StatusOr<bool> Supplies::IsFormer(const StoredKeyPackage& key_package) const {
  ASSIGN_OR_RETURN(const mls::KeyPackageBundle bundle, mls::KeyPackageBundle::Parse(key_package.bundle.view()));
  return bundle.key_package.leaf_node.credential != self_.credential();
}

absl::Status Supplies::RetireFormer() {
  ASSIGN_OR_RETURN(const std::vector<StoredKeyPackage> unpublished, stores_.supply.KeyPackages(/*published=*/false));
  if (unpublished.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  for (const StoredKeyPackage& each : unpublished) {
    ASSIGN_OR_RETURN(const bool former, IsFormer(each));
    // It may have been published nevertheless, and claimed: the answer was lost.
    if (former) RETURN_IF_ERROR(stores_.supply.MarkPublished(change, each.ref));
  }
  return change.Commit();
}

absl::Status Supplies::RemoveAll(const std::vector<StoredKeyPackage>& key_packages) {
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  for (const StoredKeyPackage& key_package : key_packages) {
    RETURN_IF_ERROR(stores_.supply.RemoveKeyPackage(change, key_package.ref));
  }
  return change.Commit();
}

absl::Status Supplies::MakeKeyPackages(const Mailbox& intake, size_t count, bool with_last_resort) {
  mls::KeyPackageParams params;
  params.credential = self_.credential();
  // No longer than the mailbox that is named in it, and the credential.
  ASSIGN_OR_RETURN(const crypto::Certificate credential, LeafOf(params.credential));
  const absl::Time end = std::min(absl::UnixEpoch() + absl::Hours(24) * intake.expires_day, credential.not_after() - kClockSkew);
  if (end < clock_.Now() + absl::Hours(24 * kMailboxRenewalDays)) return absl::OkStatus();  // after the next renewal
  params.lifetime = mls::Lifetime::From(clock_.Now() - kClockSkew, end - clock_.Now() + kClockSkew);
  params.capabilities = OwnCapabilities();
  params.leaf_extensions = LeafExtensions(AddressOf(intake, self_.account().delivery_address));
  const mls::SignatureKeyPair signer = self_.mls_keys();
  ASSIGN_OR_RETURN(const mls::CipherSuite* suite, mls::CipherSuite::Get(static_cast<uint16_t>(params.suite)));
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  for (size_t i = 0; i < count + (with_last_resort ? 1 : 0); ++i) {
    params.last_resort = i == count;
    ASSIGN_OR_RETURN(const mls::KeyPackageBundle bundle, mls::GenerateKeyPackage(params, signer));
    StoredKeyPackage stored;
    stored.ref = mls::KeyPackageRef(*suite, bundle.key_package);
    stored.bundle = bundle.Serialize();
    stored.last_resort = params.last_resort;
    stored.not_after = end;
    RETURN_IF_ERROR(stores_.supply.AddKeyPackage(change, stored));
  }
  return change.Commit();
}

absl::Status Supplies::Publish() {
  ASSIGN_OR_RETURN(const std::vector<StoredKeyPackage> unpublished, stores_.supply.KeyPackages(/*published=*/false));
  if (unpublished.empty()) return absl::OkStatus();
  keys::v1::PublishKeyPackagesRequest request;
  for (const StoredKeyPackage& stored : unpublished) {
    ASSIGN_OR_RETURN(const mls::KeyPackageBundle bundle, mls::KeyPackageBundle::Parse(stored.bundle.view()));
    const std::string message = ToString(mls::EncodeKeyPackageMessage(bundle.key_package));
    if (stored.last_resort) {
      request.set_last_resort_key_package(message);
    } else {
      request.add_key_packages(message);
    }
  }
  const absl::StatusOr<keys::v1::PublishKeyPackagesResponse> response = network_.PublishKeyPackages(request);
  const std::string reason = identity::ReasonOf(response.status());
  if (reason == "key_package_invalid" || reason == "too_many_key_packages") {
    RETURN_IF_ERROR(RemoveAll(unpublished));  // these will never be taken; the next call makes others
  }
  // A batch is taken as a whole: known means that it was, and that the answer was lost.
  if (reason != "key_package_known") RETURN_IF_ERROR(response.status());
  if (response.ok()) available_ = response->available();
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  for (const StoredKeyPackage& stored : unpublished) {
    RETURN_IF_ERROR(stores_.supply.MarkPublished(change, stored.ref));
  }
  return change.Commit();
}

absl::StatusOr<StoredToken> Supplies::TakeToken(absl::string_view purpose) {
  for (int attempt = 0;; ++attempt) {
    {
      ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
      ASSIGN_OR_RETURN(std::optional<StoredToken> token, stores_.supply.TakeToken(change, purpose, clock_.Now()));
      RETURN_IF_ERROR(change.Commit());
      if (token.has_value()) return *std::move(token);
    }
    if (attempt > 0) return Unusable("no token that is good for a minute");
    RETURN_IF_ERROR(DrawTokens(purpose));
  }
}

absl::StatusOr<std::optional<tlog::TokenKeyLeaf>> Supplies::NewestKey(absl::string_view purpose) {
  ASSIGN_OR_RETURN(const tlog::TokenKeys keys, stores_.log.TokenKeys());
  const auto key = keys.find({std::string(purpose), tokens::kClassMember});
  return key == keys.end() ? std::optional<tlog::TokenKeyLeaf>() : key->second;
}

absl::Status Supplies::DrawTokens(absl::string_view purpose) {
  for (int attempt = 0;; ++attempt) {
    ASSIGN_OR_RETURN(std::optional<tlog::TokenKeyLeaf> key, NewestKey(purpose));
    const auto is_over = [&] { return absl::FromUnixSeconds(static_cast<int64_t>(key->closes)) <= clock_.Now(); };
    if (sync_ && (sync_first_ || !key || is_over())) {
      RETURN_IF_ERROR(sync_());
      sync_first_ = false;
      ASSIGN_OR_RETURN(key, NewestKey(purpose));
    }
    if (!key) {
      return identity::Refuse(absl::StatusCode::kFailedPrecondition, "token_keys_missing",
                              "the directory's log shows no key for anonymous tokens; try again in a minute, and if it stays so tell "
                              "the key server's operator");
    }
    if (is_over()) return ClockAhead(clock_.Now() - absl::FromUnixSeconds(static_cast<int64_t>(key->closes)));
    const absl::Status drawn = DrawUnder(*key);
    // The key server has keys that this device has not read of: for tokens, or of its own.
    const std::string reason = identity::ReasonOf(drawn);
    if ((reason != "token_key_unknown" && reason != kUnsignedKey) || attempt > 0 || !sync_) return drawn;
    sync_first_ = true;
  }
}

absl::Status Supplies::DrawUnder(const tlog::TokenKeyLeaf& leaf) {
  ASSIGN_OR_RETURN(const identity::TrustedKeys trusted, TrustedKeysOf(stores_, self_));
  const identity::RoleKeys role = trusted.Of(identity::Role::kTokens, clock_.Now());
  ASSIGN_OR_RETURN(const keys::v1::GetTokenKeysResponse offered, network_.GetTokenKeys());
  Bytes statement;
  std::optional<tokens::TokenKey> key;
  bool other = false;
  for (const std::string& each : offered.token_keys()) {
    absl::StatusOr<tokens::TokenKey> opened = tokens::OpenTokenKey(AsBytes(each), role, self_.domain());
    if (!opened.ok()) return UnsignedKey();
    if (opened->leaf == leaf) {
      statement = ToBytes(AsBytes(each));
      key = *std::move(opened);
    } else if (opened->leaf.purpose == leaf.purpose && opened->leaf.token_class == leaf.token_class &&
               opened->leaf.epoch == leaf.epoch) {
      other = true;
    }
  }
  if (other) return OtherKey();
  if (!key) {
    return identity::Refuse(absl::StatusCode::kNotFound, "token_key_unknown",
                            "the key server does not offer the newest key for tokens that the directory's log shows; try again in a "
                            "minute, and if it stays so tell its operator");
  }
  const tokens::TokenChallenge challenge = tokens::ChallengeFor(self_.domain(), leaf.purpose);
  keys::v1::DrawTokensRequest request;
  request.set_purpose(leaf.purpose);
  std::vector<tokens::PendingToken> pending;
  for (uint32_t i = 0; i < kTokenBatch; ++i) {
    absl::StatusOr<tokens::PendingToken> next = tokens::PendingToken::Begin(challenge, key->key);
    if (!next.ok()) return Unusable("a key for tokens that no honest issuer has");
    request.add_token_requests(ToString(tokens::Encode(next->request())));
    pending.push_back(*std::move(next));
  }
  ASSIGN_OR_RETURN(const keys::v1::DrawTokensResponse response, network_.DrawTokens(request));
  if (static_cast<size_t>(response.token_responses_size()) != pending.size()) return Unusable("another number of tokens than was asked for");
  ASSIGN_OR_RETURN(Change drawn, stores_.store.Begin());
  for (size_t i = 0; i < pending.size(); ++i) {
    const absl::StatusOr<tokens::TokenResponse> answer =
        tokens::ParseTokenResponse(AsBytes(response.token_responses(static_cast<int>(i))));
    const absl::StatusOr<tokens::Token> token = answer.ok() ? pending[i].Finish(*answer) : answer.status();
    if (!token.ok()) return Unusable("a token that its key has not signed");
    RETURN_IF_ERROR(stores_.supply.AddToken(drawn, {tokens::Encode(*token), statement}, leaf.purpose, key->ends()));
  }
  return drawn.Commit();
}

bool Supplies::IsTokenRefusal(const absl::Status& status) {
  return absl::IsUnauthenticated(status) && absl::StartsWith(identity::ReasonOf(status), "token_");
}

absl::Status Supplies::DropTokens(absl::string_view purpose, const absl::Status& why) {
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.supply.RemoveTokens(change, purpose));
  RETURN_IF_ERROR(change.Commit());
  sync_first_ = true;
  // Everybody's were made void at one moment: not everybody asks for new ones at one moment.
  if (identity::ReasonOf(why) == "token_void") absl::SleepFor(absl::Milliseconds(randombytes_uniform(kRedrawMilliseconds)));
  return absl::OkStatus();
}

absl::Status Supplies::DrawGrants() {
  keys::v1::DrawGrantsRequest request;
  request.set_count(kGrantBatch);
  ASSIGN_OR_RETURN(const keys::v1::DrawGrantsResponse response, network_.DrawGrants(request));
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  for (const std::string& bytes : response.grants()) {
    const absl::StatusOr<identity::MailboxGrant> grant = identity::ParseMailboxGrant(AsBytes(bytes));
    if (!grant.ok()) return Unusable("a malformed mailbox grant");
    RETURN_IF_ERROR(stores_.supply.AddGrant(change, AsBytes(bytes), grant->expires_day));
  }
  return change.Commit();
}

absl::StatusOr<SupplyStore::Grant> Supplies::TakeGrant(Change& change) {
  const uint32_t needed = identity::DayOf(clock_.Now()) + kMailboxRenewalDays;
  ASSIGN_OR_RETURN(std::optional<SupplyStore::Grant> grant, stores_.supply.TakeGrant(change, needed));
  if (grant.has_value()) return *std::move(grant);
  return absl::NotFoundError("no grant");
}

absl::StatusOr<Mailbox> Supplies::EnsureMailbox(ByteView group_id) {
  absl::StatusOr<Mailbox> mailbox = TryMailbox(group_id);
  const std::string reason = identity::ReasonOf(mailbox.status());
  if (reason != "grant_revoked" && reason != "grant_invalid") return mailbox;
  // All that this device drew was revoked at one time: an account that was suspended has been taken back since. Or the key that signed
  // it has ended.
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.supply.RemoveGrants(change));
  RETURN_IF_ERROR(change.Commit());
  return TryMailbox(group_id);
}

absl::Status Supplies::Forget(const identity::MailboxId& id) {
  ASSIGN_OR_RETURN(const std::optional<Mailbox> mailbox, stores_.mailboxes.Find(id));
  if (!mailbox.has_value()) return absl::OkStatus();
  if (mailbox->group_id.empty()) {
    for (const bool published : {true, false}) {
      ASSIGN_OR_RETURN(std::vector<StoredKeyPackage> list, stores_.supply.KeyPackages(published));
      std::vector<StoredKeyPackage> naming_it;  // those that name its successor are still given out
      for (StoredKeyPackage& key_package : list) {
        ASSIGN_OR_RETURN(const identity::MailboxAddress address, AddressIn(key_package));
        if (address.mailbox_id == id) naming_it.push_back(std::move(key_package));
      }
      RETURN_IF_ERROR(RemoveAll(naming_it));
    }
  }
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.mailboxes.Remove(change, id));
  return change.Commit();
}

absl::StatusOr<Mailbox> Supplies::TryMailbox(ByteView group_id) {
  const uint32_t today = identity::DayOf(clock_.Now());
  ASSIGN_OR_RETURN(std::optional<Mailbox> mailbox, stores_.mailboxes.FindFor(group_id));
  if (!mailbox.has_value() || mailbox->expires_day < today + kMailboxRenewalDays) {
    for (int attempt = 0;; ++attempt) {
      {
        ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
        absl::StatusOr<SupplyStore::Grant> grant = TakeGrant(change);
        if (grant.ok()) {
          ASSIGN_OR_RETURN(mailbox, NewMailbox(group_id, grant->bytes, grant->expires_day));
          RETURN_IF_ERROR(stores_.mailboxes.Add(change, *mailbox));
          RETURN_IF_ERROR(change.Commit());
          break;
        }
        if (!absl::IsNotFound(grant.status())) return grant.status();
      }
      if (attempt > 0) return Unusable("mailbox grants that end within days");
      RETURN_IF_ERROR(DrawGrants());
    }
  }
  if (mailbox->open) return *std::move(mailbox);
  const absl::Status opened = Open(*mailbox);
  const bool spent = absl::IsAlreadyExists(opened) || absl::IsUnauthenticated(opened);
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  if (spent) {  // this grant will never open it: forget both, the next call starts with another
    RETURN_IF_ERROR(stores_.mailboxes.Remove(change, mailbox->id));
    RETURN_IF_ERROR(change.Commit());
    return opened;
  }
  RETURN_IF_ERROR(opened);
  RETURN_IF_ERROR(stores_.mailboxes.MarkOpen(change, mailbox->id));
  RETURN_IF_ERROR(change.Commit());
  mailbox->open = true;
  return *std::move(mailbox);
}

absl::Status Supplies::Open(const Mailbox& mailbox) {
  ASSIGN_OR_RETURN(const crypto::Ed25519KeyPair owner,
                   crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(mailbox.owner_seed.view())));
  identity::MailboxOpening opening;
  opening.grant_hash = Sha256(mailbox.grant);
  opening.mailbox_id = mailbox.id;
  ASSIGN_OR_RETURN(opening.owner_public_key, identity::ToFixed<32>(owner.public_key().view()));
  opening.capability_hashes = {Sha256(mailbox.capability)};
  delivery::v1::OpenMailboxRequest request;
  request.set_grant(ToString(mailbox.grant));
  request.set_mailbox_id(ToString(mailbox.id));
  request.set_begin_place(ToString(mailbox.begin.view()));
  request.set_owner_public_key(ToString(opening.owner_public_key));
  request.add_deposit_capability_hashes(ToString(opening.capability_hashes.front()));
  request.set_signature(ToString(owner.Sign(identity::kMailboxOpeningLabel, identity::Encode(opening))));
  return network_.OpenMailbox(request);
}

absl::StatusOr<std::optional<Supplies::Credential>> Supplies::RenewCredential() {
  ASSIGN_OR_RETURN(const crypto::Certificate present, crypto::Certificate::Parse(self_.account().mls_certificate));
  ASSIGN_OR_RETURN(const absl::Time issuer_ends, self_.IssuerEnds());
  if (!identity::CredentialIsDue(present, clock_.Now(), issuer_ends)) return std::nullopt;
  identity::CredentialRenewal renewal;
  renewal.user = self_.user();
  renewal.device_id = self_.device();
  ASSIGN_OR_RETURN(renewal.mls_signature_public_key, identity::ToFixed<32>(self_.mls_public_key()));
  renewal.former_credential_hash = Sha256(present.der());
  renewal.time_unix = static_cast<uint64_t>(absl::ToUnixSeconds(clock_.Now()));
  const Bytes encoded = identity::Encode(renewal);
  keys::v1::RenewCredentialRequest request;
  request.set_renewal(ToString(encoded));
  request.set_signature(ToString(self_.working_key().Sign(identity::kCredentialRenewalLabel, encoded)));
  ASSIGN_OR_RETURN(const keys::v1::RenewCredentialResponse response, network_.RenewCredential(request));
  ASSIGN_OR_RETURN(Credential renewed, CheckCredential(response, present, identity::CredentialEnd(present, issuer_ends)));
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.account.SetCredential(change, renewed.certificate, renewed.issuing));
  RETURN_IF_ERROR(change.Commit());
  return std::optional<Credential>(std::move(renewed));
}

absl::StatusOr<Supplies::Credential> Supplies::CheckCredential(const keys::v1::RenewCredentialResponse& response,
                                                               const crypto::Certificate& present, absl::Time ends) const {
  std::vector<crypto::Certificate> chain;
  for (const std::string& der : response.mls_certificates()) {
    absl::StatusOr<crypto::Certificate> certificate = crypto::Certificate::Parse(AsBytes(der));
    if (!certificate.ok()) return Unusable("a malformed credential");
    chain.push_back(*std::move(certificate));
  }
  const bool fits = chain.size() == 2 && chain[0].ed25519_key() == present.ed25519_key() && chain[0].uris() == present.uris() &&
                    chain[0].not_after() > ends &&
                    crypto::VerifyChain(chain[0], {chain[1]}, self_.root(), clock_.Now(), crypto::Purpose::kMlsCredential,
                                        self_.issuers()->replaced())
                        .ok();
  if (!fits) return Unusable("a renewed credential that is not for this device and its key, or ends no later");
  return Credential{chain[0].der(), chain[1].der()};
}

}  // namespace plumbline::client
