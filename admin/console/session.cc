#include "admin/console/session.h"

#include "absl/strings/str_cat.h"
#include "common/crypto/hkdf.h"
#include "common/crypto/x509.h"
#include "common/identity/codes.h"
#include "common/identity/enrolment_proof.h"
#include "common/identity/labels.h"
#include "common/identity/organisation_keys.h"
#include "common/identity/reason.h"
#include "common/identity/text.h"
#include "common/identity/uri.h"

namespace plumbline::admin {
namespace {

using identity::Action;
using identity::Refuse;

absl::Status Malformed(absl::string_view what) {
  return Refuse(absl::StatusCode::kDataLoss, "answer_malformed",
                absl::StrCat("the answer is not what was asked for (", what,
                             "); the admin service may have changed it"));
}

constexpr size_t kMaxAdministratorName = 64;  // bytes

}  // namespace

template <typename M>
absl::StatusOr<M> ParseResult(const std::string& result) {
  M message;
  if (!message.ParseFromString(result)) return Malformed("it does not parse");
  return message;
}
template absl::StatusOr<keys::v1::AccountView> ParseResult(const std::string&);
template absl::StatusOr<keys::v1::TokenEpochEnded> ParseResult(const std::string&);

absl::StatusOr<PreparedIntent> Session::Prepare(Action action, absl::string_view target, Bytes parameters,
                                                absl::string_view justification,
                                                absl::string_view state_hash) {
  const auto now = static_cast<uint64_t>(absl::ToUnixSeconds(clock_.Now()));
  identity::Intent intent{.action = action,
                          .target = std::string(target),
                          .parameters = std::move(parameters),
                          .justification = std::string(justification),
                          .nonce = identity::RandomFixed<16>(),
                          .issued_unix = now,
                          .expires_unix = now + static_cast<uint64_t>(absl::ToInt64Seconds(kIntentLife))};
  if (identity::NeedsStateHash(action)) {
    const absl::StatusOr<identity::Hash> hash = identity::ToFixed<32>(AsBytes(state_hash));
    if (!hash.ok()) return Malformed("the account's state hash is not 32 bytes long");
    intent.state_hash = *hash;
  }
  Bytes bytes = identity::Encode(intent);
  if (const absl::Status parsed = identity::ParseIntent(bytes).status(); !parsed.ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "intent_invalid", identity::TextOf(parsed));
  }
  return PreparedIntent{std::move(bytes), action, std::string(target)};
}

absl::StatusOr<std::string> Session::Submit(const PreparedIntent& intent) {
  keys::v1::SignedIntent request;
  request.set_intent(ToString(intent.bytes));
  keys::v1::IntentSignature* signature = request.add_signatures();
  signature->set_key_id(ToString(Sha256(key_.public_key().view())));
  signature->set_signature(ToString(key_.Sign(identity::kIntentLabel, intent.bytes)));
  keys::v1::IntentResult answer;
  RETURN_IF_ERROR(api_.Submit(request, answer));
  return std::move(*answer.mutable_result());
}

absl::StatusOr<keys::v1::AccountView> Session::GetAccount(absl::string_view user) {
  ASSIGN_OR_RETURN(const PreparedIntent intent, Prepare(Action::kGetAccount, user, {}, "", ""));
  ASSIGN_OR_RETURN(const std::string result, Submit(intent));
  ASSIGN_OR_RETURN(keys::v1::AccountView view, ParseResult<keys::v1::AccountView>(result));
  if (view.user() != user) return Malformed("it is about another account");
  return view;
}

absl::StatusOr<keys::v1::AccountList> Session::ListAccounts() {
  ASSIGN_OR_RETURN(const PreparedIntent intent, Prepare(Action::kListAccounts, "", {}, "", ""));
  ASSIGN_OR_RETURN(const std::string result, Submit(intent));
  return ParseResult<keys::v1::AccountList>(result);
}

absl::StatusOr<plumbline::audit::v1::AuditPage> Session::ListAuditEvents(uint64_t after, uint32_t limit) {
  ASSIGN_OR_RETURN(
      const PreparedIntent intent,
      Prepare(Action::kListAuditEvents, "",
              identity::Encode(identity::ListAuditEventsParameters{.after_sequence = after, .limit = limit}),
              "", ""));
  ASSIGN_OR_RETURN(const std::string result, Submit(intent));
  ASSIGN_OR_RETURN(plumbline::audit::v1::AuditPage page,
                   ParseResult<plumbline::audit::v1::AuditPage>(result));
  if (!page.intact())
    return page;  // shown as it is, with the warning: hiding it would help whoever broke it
  uint64_t expected = after;
  for (const plumbline::audit::v1::Event& event : page.events()) {
    if (event.sequence() != ++expected) return Malformed("a record is missing or out of order");
  }
  return page;
}

namespace {

absl::Status WrongLogKey(absl::string_view why) {
  return Refuse(absl::StatusCode::kPermissionDenied, "audit_key_wrong",
                absl::StrCat("the key server does not show a key for its audit record that the organisation's root "
                             "vouches for: ",
                             why));
}

// The audit keys that the root's statement lists: the current one, then the one that it replaced. Empty: there is no statement.
absl::StatusOr<std::vector<crypto::Certificate>> ListedLogKeys(const plumbline::audit::v1::AuditPage& page, const crypto::Certificate& root,
                                                               const std::string& domain, absl::Time now) {
  std::vector<crypto::Certificate> out;
  if (page.organisation_keys().empty()) return out;
  const absl::StatusOr<identity::OrganisationKeys> keys =
      identity::VerifyOrganisationKeys(AsBytes(page.organisation_keys()), root, domain, now);
  if (!keys.ok()) return WrongLogKey(keys.status().message());
  const std::string uri = identity::RoleUri{domain, identity::Role::kAudit}.ToString();
  for (const identity::ListedKey& key : keys->keys) {
    if (key.certificate.uris().front() == uri) out.push_back(key.certificate);
  }
  return out;
}

}  // namespace

absl::StatusOr<std::optional<tlog::VerifierKey>> Session::FormerLogKeyOf(const plumbline::audit::v1::AuditPage& page) const {
  ASSIGN_OR_RETURN(const crypto::Certificate root, crypto::Certificate::ParsePem(profile_.root_pem));
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> listed, ListedLogKeys(page, root, profile_.domain, clock_.Now()));
  if (listed.size() < 2) return std::optional<tlog::VerifierKey>();
  ASSIGN_OR_RETURN(tlog::VerifierKey former,
                   tlog::VerifierKey::Create(audit::Origin(profile_.domain, "keyserver"), *listed.back().ed25519_key()));
  return std::optional<tlog::VerifierKey>(std::move(former));
}

absl::StatusOr<tlog::VerifierKey> Session::LogKeyOf(const plumbline::audit::v1::AuditPage& page) const {
  const auto wrong = WrongLogKey;
  const absl::StatusOr<crypto::Certificate> certificate =
      crypto::Certificate::Parse(AsBytes(page.log_certificate()));
  if (!certificate.ok()) return wrong("there is no certificate");
  ASSIGN_OR_RETURN(const crypto::Certificate root, crypto::Certificate::ParsePem(profile_.root_pem));
  const absl::Status chain =
      crypto::VerifyChain(*certificate, {}, root, clock_.Now(), crypto::Purpose::kRoleSignature);
  if (!chain.ok()) return wrong(chain.message());
  const std::string uri = identity::RoleUri{profile_.domain, identity::Role::kAudit}.ToString();
  if (certificate->uris() != std::vector<std::string>{uri} || !certificate->ed25519_key()) {
    return wrong("its certificate is for another purpose");
  }
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> listed, ListedLogKeys(page, root, profile_.domain, clock_.Now()));
  if (!listed.empty() && !(listed.front() == *certificate)) return wrong("it was replaced, or never was the one that the root names");
  return tlog::VerifierKey::Create(audit::Origin(profile_.domain, "keyserver"), *certificate->ed25519_key());
}

absl::StatusOr<FetchedRecord> Session::FetchAudit() {
  FetchedRecord out;
  while (true) {
    ASSIGN_OR_RETURN(const PreparedIntent intent,
                     Prepare(Action::kListAuditEvents, "",
                             identity::Encode(identity::ListAuditEventsParameters{
                                 .after_sequence = out.records.size(), .limit = audit::kMaxPage}),
                             "", ""));
    ASSIGN_OR_RETURN(const std::string result, Submit(intent));
    ASSIGN_OR_RETURN(const plumbline::audit::v1::AuditPage page,
                     ParseResult<plumbline::audit::v1::AuditPage>(result));
    ASSIGN_OR_RETURN(out.log, LogKeyOf(page));
    ASSIGN_OR_RETURN(out.former, FormerLogKeyOf(page));
    out.organisation_keys = ToBytes(AsBytes(page.organisation_keys()));
    for (const plumbline::audit::v1::Event& event : page.events()) {
      absl::StatusOr<audit::Record> record = audit::FromProto(event);
      if (!record.ok()) return Malformed("an event is not of the catalogue's form");
      out.records.push_back(*std::move(record));
    }
    out.checkpoint = page.checkpoint();
    // Each reading is itself recorded, so the end is a page that is not full, not an empty one.
    if (static_cast<size_t>(page.events().size()) < audit::kMaxPage) return out;
  }
}

absl::StatusOr<MadeInvitation> Session::MakeInvitation(const std::string& result, absl::string_view user,
                                                       absl::string_view code) const {
  ASSIGN_OR_RETURN(const keys::v1::IssuedCode issued, ParseResult<keys::v1::IssuedCode>(result));
  identity::Invitation invitation{.domain = profile_.domain,
                                  .root_fingerprint = *identity::ToFixed<32>(profile_.organisation.view()),
                                  .keyserver_address = issued.keyserver_address(),
                                  .user = std::string(user),
                                  .code = std::string(code),
                                  .expires_unix = static_cast<uint64_t>(issued.expires_unix()),
                                  .by_device = issued.attended()};
  std::string text = identity::FormatInvitation(invitation);
  const absl::StatusOr<identity::Invitation> parsed = identity::ParseInvitation(text);
  if (!parsed.ok() || *parsed != invitation) return Malformed("it gives no address to enrol at");
  return MadeInvitation{std::move(text), std::move(invitation)};
}

absl::Status Session::RegisterFirst(absl::string_view name, absl::string_view code) {
  if (name.empty() || !identity::CheckText(name, kMaxAdministratorName).ok()) {
    return Refuse(
        absl::StatusCode::kInvalidArgument, "name_invalid",
        absl::StrCat("an administrator's name has 1 to ", kMaxAdministratorName, " bytes of printable text"));
  }
  const absl::StatusOr<std::string> normal = identity::NormaliseCode(code);
  if (!normal.ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "code_malformed",
                  "the code has 16 letters and digits, such as ABCD-EFGH-JKMN-PQRS; look at it again");
  }
  const Bytes proof = identity::Encode(
      identity::AdministratorProof{.domain = profile_.domain,
                                   .name = std::string(name),
                                   .public_key = *identity::ToFixed<32>(key_.public_key().view())});
  const Secret mac_key = identity::FirstAdministratorMacKey(*normal);
  keys::v1::RegisterFirstAdministratorRequest request;
  request.set_name(std::string(name));
  request.set_public_key(ToString(key_.public_key().view()));
  request.set_proof(ToString(key_.Sign(identity::kAdministratorLabel, proof)));
  request.set_code_mac(ToString(crypto::HmacSha256(mac_key.view(), proof)));
  keys::v1::RegisterFirstAdministratorResponse response;
  RETURN_IF_ERROR(api_.Register(request, response));
  if (response.key_id() != ToString(Sha256(key_.public_key().view())))
    return Malformed("it registers another key");
  return absl::OkStatus();
}

}  // namespace plumbline::admin
