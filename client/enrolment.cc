#include "client/enrolment.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/directory.h"
#include "common/crypto/p256.h"
#include "common/crypto/x509.h"
#include "common/file.h"
#include "common/identity/codes.h"
#include "common/identity/device_decision.h"
#include "common/identity/enrolment_proof.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/identity/trust.h"
#include "common/identity/uri.h"

namespace plumbline::client {
namespace {

using crypto::Certificate;
using identity::Refuse;

constexpr size_t kMaxPem = 64 * 1024;  // bytes
constexpr absl::Duration kPollPause = absl::Milliseconds(500);

struct OwnKeys {
  crypto::Ed25519KeyPair working;
  crypto::Ed25519KeyPair mls;
  crypto::P256PrivateKey tls;
};

absl::Status Invalid(absl::string_view why) {
  return Refuse(absl::StatusCode::kUnauthenticated, "answer_invalid",
                absl::StrCat("the key server's answer does not hold (", why,
                             "); this device was not enrolled. Ask the administrator who invited you"));
}

// The keys of an unfinished enrolment with the same invitation, or new ones, in the store and in tls.key on return.
absl::StatusOr<OwnKeys> PrepareKeys(const Home& home, Stores& stores, const std::string& invitation) {
  ASSIGN_OR_RETURN(std::optional<PendingEnrolment> pending, stores.account.Pending());
  if (!pending.has_value() || pending->invitation != invitation) {
    // All three are new: with an earlier invitation the key server may know the old ones.
    const Secret tls_pem = crypto::P256PrivateKey::Generate().ToPem();
    RETURN_IF_ERROR(WriteFileAtomically(home.tls_key_path(), tls_pem.view(), 0600));
    pending = PendingEnrolment{invitation, Secret::Random(crypto::kEd25519SeedSize), Secret::Random(crypto::kEd25519SeedSize)};
    ASSIGN_OR_RETURN(Change change, stores.store.Begin());
    RETURN_IF_ERROR(stores.account.SetPending(change, *pending));
    RETURN_IF_ERROR(change.Commit());
  }
  ASSIGN_OR_RETURN(const Secret tls_pem, ReadSecretFile(home.tls_key_path(), kMaxPem));
  ASSIGN_OR_RETURN(crypto::P256PrivateKey tls, crypto::P256PrivateKey::FromPem(tls_pem));
  ASSIGN_OR_RETURN(crypto::Ed25519KeyPair working, crypto::Ed25519KeyPair::FromSeed(std::move(pending->working_seed)));
  ASSIGN_OR_RETURN(crypto::Ed25519KeyPair mls, crypto::Ed25519KeyPair::FromSeed(std::move(pending->mls_seed)));
  return OwnKeys{std::move(working), std::move(mls), std::move(tls)};
}

absl::StatusOr<keys::v1::EnrolRequest> MakeRequest(const identity::Invitation& invitation, const OwnKeys& keys,
                                                   absl::string_view device_label) {
  const Bytes csr = crypto::CertificateRequest::Create(keys.tls);
  identity::EnrolmentProof proof;
  proof.user = invitation.user;
  const crypto::Ed25519KeyPair code = identity::EnrolmentCodeKey(invitation.user, invitation.code);
  ASSIGN_OR_RETURN(proof.code_key, identity::ToFixed<32>(code.public_key().view()));
  proof.tls_csr_hash = Sha256(csr);
  ASSIGN_OR_RETURN(proof.working_public_key, identity::ToFixed<32>(keys.working.public_key().view()));
  ASSIGN_OR_RETURN(proof.mls_signature_public_key, identity::ToFixed<32>(keys.mls.public_key().view()));
  const Bytes statement = identity::Encode(proof);
  keys::v1::EnrolRequest request;
  request.set_user(invitation.user);
  request.set_code_public_key(ToString(proof.code_key));
  request.set_code_proof(ToString(code.Sign(identity::kEnrolmentProofLabel, statement)));
  request.set_tls_csr(ToString(csr));
  request.set_working_public_key(ToString(proof.working_public_key));
  request.set_mls_signature_public_key(ToString(proof.mls_signature_public_key));
  request.set_working_proof(ToString(keys.working.Sign(identity::kEnrolmentProofLabel, statement)));
  request.set_mls_proof(ToString(keys.mls.Sign(identity::kEnrolmentProofLabel, statement)));
  request.set_device_label(std::string(device_label));
  return request;
}

absl::StatusOr<std::vector<Certificate>> ParseAll(const google::protobuf::RepeatedPtrField<std::string>& encoded,
                                                  int expected) {
  if (expected > 0 && encoded.size() != expected) return Invalid("a certificate chain has the wrong length");
  std::vector<Certificate> certificates;
  for (const std::string& der : encoded) {
    absl::StatusOr<Certificate> certificate = Certificate::Parse(AsBytes(der));
    if (!certificate.ok()) return Invalid("a certificate is malformed");
    certificates.push_back(*std::move(certificate));
  }
  return certificates;
}

// Both chains of the device: for our own keys, under the root, naming the same new device.
absl::Status CheckOwnCertificates(const std::vector<Certificate>& tls, const std::vector<Certificate>& mls,
                                  const OwnKeys& keys, const CredentialNames& expected, const Certificate& root,
                                  absl::Time now) {
  // An answer that is given again may be of two authorities, one of which was replaced meanwhile.
  RETURN_IF_ERROR(crypto::VerifyChain(tls[0], {tls[1]}, root, now, crypto::Purpose::kTlsClient));
  RETURN_IF_ERROR(crypto::VerifyChain(mls[0], {mls[1]}, root, now, crypto::Purpose::kMlsCredential));
  if (tls[0].spki() != keys.tls.spki()) return Invalid("the TLS certificate is for another key");
  if (mls[0].ed25519_key() != keys.mls.public_key()) return Invalid("the credential is for another key");
  const absl::StatusOr<CredentialNames> names = NamesOf(mls[0]);
  if (!names.ok() || !(*names == expected)) return Invalid("the credential names another person or device");
  ASSIGN_OR_RETURN(const identity::UserUri user, identity::ParseUserUri(expected.user));
  const std::string device = identity::DeviceUri{user.domain, expected.device}.ToString();
  if (tls[0].uris() != std::vector<std::string>{device}) return Invalid("the TLS certificate names another device");
  return absl::OkStatus();
}

absl::Status CheckOwnRecord(const identity::DirectoryRecord& record, const OwnKeys& keys, const CredentialNames& own) {
  const identity::RecordDevice* device = identity::FindDevice(record, own.device);
  if (device == nullptr || !Equal(device->mls_signature_public_key, keys.mls.public_key().view())) {
    return Invalid("the directory record does not contain this device");
  }
  return absl::OkStatus();
}

struct Answer {
  Account account;
  std::vector<Certificate> tls_chain;
  identity::DirectoryRecord record;
  Bytes organisation_keys;  // empty: none was ever replaced
};

absl::StatusOr<Answer> Verify(const keys::v1::EnrolResponse& response, const identity::Invitation& invitation,
                              const OwnKeys& keys, const Certificate& root, absl::Time now) {
  const keys::v1::GetOrganisationResponse& organisation = response.organisation();
  if (organisation.domain() != invitation.domain) return Invalid("it is another organisation's");
  for (const std::string* address : {&organisation.device_address(), &organisation.delivery_address()}) {
    if (!identity::CheckAddress(*address).ok()) return Invalid("an address is malformed");
  }
  ASSIGN_OR_RETURN(const std::vector<Certificate> roles, ParseAll(organisation.role_certificates(), 0));
  const ByteView keys_said = AsBytes(organisation.organisation_keys());
  ASSIGN_OR_RETURN(const identity::OrganisationTrust trust,
                   identity::VerifyTrust(root, roles, keys_said, invitation.domain, now));
  ASSIGN_OR_RETURN(std::vector<Certificate> tls, ParseAll(response.tls_certificates(), 2));
  ASSIGN_OR_RETURN(const std::vector<Certificate> mls, ParseAll(response.mls_certificates(), 2));
  CredentialNames own;
  own.user = invitation.user;
  ASSIGN_OR_RETURN(own.device, identity::ToFixed<16>(AsBytes(response.device_id())));
  RETURN_IF_ERROR(CheckOwnCertificates(tls, mls, keys, own, root, now));

  Answer answer;
  Account& account = answer.account;
  account.user = invitation.user;
  account.device_id = own.device;
  account.organisation = organisation.display_name();
  account.keyserver_address = invitation.keyserver_address;
  account.device_address = organisation.device_address();
  account.delivery_address = organisation.delivery_address();
  account.root = root.der();
  account.issuing = mls[1].der();
  ASSIGN_OR_RETURN(account.directory_key, identity::ToFixed<32>(trust.directory_key.view()));
  ASSIGN_OR_RETURN(account.grants_key, identity::ToFixed<32>(trust.grants_key.view()));
  ASSIGN_OR_RETURN(account.tokens_key, identity::ToFixed<32>(trust.tokens_key.view()));
  account.working_seed = Secret::CopyOf(keys.working.seed());
  account.mls_seed = Secret::CopyOf(keys.mls.seed());
  account.mls_certificate = mls[0].der();
  const identity::TrustedKeys trusted = trust.Keys();
  const std::vector<Certificate> authorities = trusted.authorities().empty() ? std::vector<Certificate>{mls[1]} : trusted.authorities();
  ASSIGN_OR_RETURN(answer.record, VerifyRecord(response.record(), invitation.user,
                                               RecordRules{trusted.Of(identity::Role::kDirectory, now), root, authorities, now}));
  RETURN_IF_ERROR(CheckOwnRecord(answer.record, keys, own));
  answer.tls_chain = std::move(tls);
  answer.organisation_keys = ToBytes(keys_said);
  return answer;
}

// Asks to join, shows the code, and waits until another device of the person has decided.
absl::StatusOr<keys::v1::EnrolResponse> AskAndWait(const identity::Invitation& invitation, const std::string& root_pem,
                                                   const OwnKeys& keys, const keys::v1::EnrolRequest& request,
                                                   const EnrolmentPaths& paths, const Clock& clock) {
  identity::JoinRequest join;
  join.user = invitation.user;
  join.tls_key_hash = Sha256(keys.tls.spki());
  ASSIGN_OR_RETURN(join.working_public_key, identity::ToFixed<32>(keys.working.public_key().view()));
  ASSIGN_OR_RETURN(join.mls_signature_public_key, identity::ToFixed<32>(keys.mls.public_key().view()));
  ASSIGN_OR_RETURN(const std::unique_ptr<JoinNetwork> network, paths.connect_joining(invitation, root_pem));
  ASSIGN_OR_RETURN(const keys::v1::AskResponse asked, network->Ask(request));
  paths.show_code(identity::ApprovalCode(join), absl::FromUnixSeconds(asked.expires_unix()));
  keys::v1::CollectRequest collect;
  collect.set_request_hash(ToString(identity::HashOf(join)));
  const absl::Time end = clock.Now() + paths.patience;
  while (true) {
    absl::StatusOr<keys::v1::CollectResponse> answer = network->Collect(collect);
    if (answer.ok() && answer->has_enrolled()) return std::move(*answer->mutable_enrolled());
    const bool transient = answer.ok() || absl::IsUnavailable(answer.status()) || absl::IsDeadlineExceeded(answer.status());
    if (!transient) return answer.status();
    if (clock.Now() + kPollPause > end) {
      return Refuse(absl::StatusCode::kUnavailable, "join_waiting",
                    "nobody has approved this device yet; approve it on the other one, then give the same command again");
    }
    absl::SleepFor(kPollPause);
  }
}

}  // namespace

absl::Status Enrol(const Home& home, Stores& stores, absl::string_view invitation_text, absl::string_view device_label,
                   const EnrolmentPaths& paths, const Clock& clock) {
  ASSIGN_OR_RETURN(const std::optional<Account> existing, stores.account.Get());
  if (existing.has_value()) {
    return Refuse(absl::StatusCode::kAlreadyExists, "already_enrolled",
                  absl::StrCat("this folder is already a device of ", existing->user,
                               "; give another folder with --home to enrol another"));
  }
  const absl::StatusOr<identity::Invitation> invitation = identity::ParseInvitation(invitation_text);
  if (!invitation.ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "invitation_malformed",
                  "this is not an invitation, or part of it is missing; copy the whole text, from `plumbline-invitation:1:` on");
  }
  const std::string text(absl::StripAsciiWhitespace(invitation_text));
  ASSIGN_OR_RETURN(const std::optional<PendingEnrolment> begun, stores.account.Pending());
  // A device that has asked may wait for its approval longer than the invitation lives.
  const bool may_have_asked = invitation->by_device && begun.has_value() && begun->invitation == text;
  if (!may_have_asked && static_cast<uint64_t>(absl::ToUnixSeconds(clock.Now())) >= invitation->expires_unix) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "invitation_expired",
                  absl::StrCat("the invitation ended on ",
                               absl::FormatTime(absl::RFC3339_sec,
                                                absl::FromUnixSeconds(static_cast<int64_t>(invitation->expires_unix)),
                                                absl::UTCTimeZone()),
                               " and this device's clock says it is later; ask for a new one, or set the clock"));
  }
  ASSIGN_OR_RETURN(const std::string root_pem, paths.fetch_root(*invitation));
  ASSIGN_OR_RETURN(const Certificate root, Certificate::ParsePem(root_pem));
  if (!Equal(root.fingerprint().view(), invitation->root_fingerprint)) {
    return Refuse(absl::StatusCode::kPermissionDenied, "root_mismatch",
                  "the server's root certificate is not the one the invitation names; do not go on, ask who invited you");
  }
  if (paths.agree) RETURN_IF_ERROR(paths.agree(*invitation, root));
  ASSIGN_OR_RETURN(const OwnKeys keys, PrepareKeys(home, stores, text));
  ASSIGN_OR_RETURN(const keys::v1::EnrolRequest request, MakeRequest(*invitation, keys, device_label));
  keys::v1::EnrolResponse response;
  if (invitation->by_device) {
    ASSIGN_OR_RETURN(response, AskAndWait(*invitation, root_pem, keys, request, paths, clock));
  } else {
    ASSIGN_OR_RETURN(const std::unique_ptr<Network> network, paths.connect(*invitation, root_pem));
    ASSIGN_OR_RETURN(response, network->Enrol(request));
  }
  ASSIGN_OR_RETURN(const Answer answer, Verify(response, *invitation, keys, root, clock.Now()));

  RETURN_IF_ERROR(
      WriteFileAtomically(home.tls_certificate_path(), AsBytes(crypto::ToPemChain(answer.tls_chain)), 0600));
  ASSIGN_OR_RETURN(Change change, stores.store.Begin());
  RETURN_IF_ERROR(stores.account.Create(change, answer.account));
  if (!answer.organisation_keys.empty()) RETURN_IF_ERROR(stores.log.SetOrganisationKeys(change, answer.organisation_keys));
  RETURN_IF_ERROR(stores.contacts.SetRecord(change, answer.record, AsBytes(response.record().record()),
                                            AsBytes(response.record().signature()), /*proved=*/false));
  RETURN_IF_ERROR(stores.contacts.SetOwnRecord(change, AsBytes(response.record().record())));
  RETURN_IF_ERROR(stores.contacts.SetShown(change, answer.account.user, DevicesHash(answer.record)));
  return change.Commit();
}

}  // namespace plumbline::client
