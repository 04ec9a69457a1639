// Who may ask, and whether it counts. What each action then does is in admin_actions.cc.
#include "keyserver/admin_desk.h"

#include <set>

#include "common/crypto/known_keys.h"
#include "common/crypto/hkdf.h"
#include "common/identity/enrolment_proof.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/identity/text.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

constexpr size_t kMaxAdministratorName = 64;

absl::Status Malformed(absl::string_view text) {
  return Refuse(absl::StatusCode::kInvalidArgument, "intent_malformed", text);
}

absl::Status Denied(absl::string_view reason, absl::string_view text) {
  return Refuse(absl::StatusCode::kPermissionDenied, reason, text);
}

}  // namespace

absl::Status AdminDesk::RegisterFirst(const keys::v1::RegisterFirstAdministratorRequest& request,
                                      keys::v1::RegisterFirstAdministratorResponse& response) {
  const absl::Status status = TryRegister(request, response);
  if (status.ok()) return status;
  return refusals_.Refused(audit::Event::kAdministratorRefused, "", "", status);
}

absl::StatusOr<Administrator> AdminDesk::ReadRegistration(
    const keys::v1::RegisterFirstAdministratorRequest& request, Bytes& message) const {
  const auto malformed = [](absl::string_view text) {
    return Refuse(absl::StatusCode::kInvalidArgument, "registration_malformed", text);
  };
  if (request.name().empty() || !identity::CheckText(request.name(), kMaxAdministratorName).ok()) {
    return malformed("an administrator's name has 1 to 64 bytes and no control characters");
  }
  const auto key = crypto::Ed25519PublicKey::Parse(AsBytes(request.public_key()));
  if (!key.ok()) return malformed("the public key is not an Ed25519 key");
  if (crypto::IsKnownKey(*key)) {
    return Refuse(absl::StatusCode::kInvalidArgument, "key_known", "the private half of this key is public knowledge; make a new key");
  }
  if (request.code_mac().size() != crypto::kSha256Size) return malformed("the code's proof has 32 bytes");
  Administrator out;
  out.name = request.name();
  out.public_key = *identity::ToFixed<32>(key->view());
  out.key_id = Sha256(key->view());
  message = Encode(identity::AdministratorProof{organisation_.domain(), out.name, out.public_key});
  if (!key->Verify(identity::kAdministratorLabel, message, AsBytes(request.proof())).ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "proof_invalid", "the key's proof does not verify");
  }
  return out;
}

absl::Status AdminDesk::TryRegister(const keys::v1::RegisterFirstAdministratorRequest& request,
                                    keys::v1::RegisterFirstAdministratorResponse& response) {
  Bytes message;
  ASSIGN_OR_RETURN(const Administrator administrator, ReadRegistration(request, message));
  ASSIGN_OR_RETURN(const Secret mac_key, stores_.administrators.TakeAttempt(clock_.Now()));
  if (!ConstantTimeEqual(crypto::HmacSha256(mac_key.view(), message), AsBytes(request.code_mac()))) {
    return Refuse(absl::StatusCode::kUnauthenticated, "code_wrong",
                  "the code does not match; check it, a few wrong ones make it void");
  }
  audit::Entry entry;
  entry.event = audit::Event::kAdministratorRegistered;
  entry.subject = ToHex(administrator.key_id);
  RETURN_IF_ERROR(stores_.administrators.RegisterFirst(administrator, entry));
  response.set_key_id(ToString(administrator.key_id));
  return absl::OkStatus();
}

absl::Status AdminDesk::Execute(const keys::v1::SignedIntent& request, keys::v1::IntentResult& result) {
  const absl::StatusOr<Verified> verified = Verify(request);
  if (!verified.ok()) return refusals_.Refused(audit::Event::kIntentRefused, "", "", verified.status());
  const absl::Status status = Act(*verified, result);
  if (status.ok()) return status;
  result.Clear();
  // Nothing can be recorded, so nothing was done, and the refusal cannot be recorded either. DATA_LOSS would keep
  // its text from an administrator who has proved to be one.
  if (identity::ReasonOf(status) == "audit_broken") {
    return absl::FailedPreconditionError(status.message());
  }
  return refusals_.Refused(audit::Event::kIntentRefused, verified->signer, verified->intent.target, status);
}

absl::Status AdminDesk::RefuseRelay(const crypto::Certificate* caller) {
  const std::string actor = caller == nullptr || caller->uris().empty() ? "" : caller->uris().back();
  return refusals_.Refused(audit::Event::kIntentRefused, actor, "",
                           Denied("not_authorised", "only the admin service may call this"));
}

absl::StatusOr<AdminDesk::Verified> AdminDesk::Verify(const keys::v1::SignedIntent& request) {
  const ByteView bytes = AsBytes(request.intent());
  absl::StatusOr<identity::Intent> intent = identity::ParseIntent(bytes);
  if (!intent.ok()) return Malformed(intent.status().message());
  // Signatures before anything else is told.
  ASSIGN_OR_RETURN(std::string signer, CheckSignatures(request));
  RETURN_IF_ERROR(CheckTime(*intent));
  if (!intent->target.empty()) {
    ASSIGN_OR_RETURN(const identity::UserUri target, identity::ParseUserUri(intent->target));
    if (target.domain != organisation_.domain()) {
      return Refuse(absl::StatusCode::kInvalidArgument, "wrong_domain",
                    "the person is of another organisation");
    }
  }
  std::string evidence;
  request.SerializeToString(&evidence);
  directory::SignedIntent cause{ToBytes(bytes), 0, {}};
  for (const keys::v1::IntentSignature& signature : request.signatures()) {
    cause.signatures.push_back({*identity::ToFixed<32>(AsBytes(signature.key_id())),
                                *identity::ToFixed<64>(AsBytes(signature.signature()))});  // sizes as verified
  }
  return Verified{*std::move(intent), Sha256(bytes), std::move(signer), ToBytes(AsBytes(evidence)), std::move(cause)};
}

// One signature is enough for today's actions; each one given must be good, and by another administrator.
absl::StatusOr<std::string> AdminDesk::CheckSignatures(const keys::v1::SignedIntent& request) {
  if (request.signatures().empty() || request.signatures_size() > kMaxIntentSignatures) {
    return Malformed("an intent carries 1 to 8 signatures");
  }
  std::set<identity::Hash> seen;
  for (const keys::v1::IntentSignature& signature : request.signatures()) {
    const absl::StatusOr<identity::Hash> key_id = identity::ToFixed<32>(AsBytes(signature.key_id()));
    if (!key_id.ok() || !seen.insert(*key_id).second)
      return Malformed("a key id is malformed or given twice");
    ASSIGN_OR_RETURN(const std::optional<Administrator> administrator, stores_.administrators.Find(*key_id));
    if (!administrator) return Denied("not_an_administrator", "no administrator has this key");
    ASSIGN_OR_RETURN(const auto key, crypto::Ed25519PublicKey::Parse(administrator->public_key));
    if (!key.Verify(identity::kIntentLabel, AsBytes(request.intent()), AsBytes(signature.signature())).ok()) {
      return Denied("signature_invalid", "the administrator's signature does not verify over this action");
    }
  }
  return ToHex(AsBytes(request.signatures(0).key_id()));
}

absl::Status AdminDesk::CheckTime(const identity::Intent& intent) const {
  const auto now = static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixSeconds(clock_.Now())));
  const auto skew = static_cast<uint64_t>(absl::ToInt64Seconds(identity::kIntentClockSkew));
  if (now > intent.expires_unix && now - intent.expires_unix >= skew) {
    return Denied("intent_expired", "the action was signed too long ago; make it anew");
  }
  if (intent.issued_unix > now && intent.issued_unix - now > skew) {
    return Denied("intent_not_yet_valid", "the action was signed in the future; check both clocks");
  }
  return absl::OkStatus();
}

IntentTrace AdminDesk::TraceOf(const Verified& verified, audit::Event event, uint64_t revision) const {
  IntentTrace out;
  out.nonce = verified.intent.nonce;
  out.expires_unix = verified.intent.expires_unix;
  out.keep = identity::NeedsJustification(verified.intent.action);
  out.evidence = verified.evidence;
  out.cause = verified.cause;
  out.cause.revision = revision;
  out.entry.event = event;
  out.entry.actor = verified.signer;
  out.entry.subject = verified.intent.target;
  out.entry.details["action"] = std::string(identity::ActionName(verified.intent.action));
  out.entry.details["intent"] = ToHex(verified.hash);
  if (!verified.intent.justification.empty())
    out.entry.details["justification"] = verified.intent.justification;
  return out;
}

}  // namespace plumbline::keyserver
