#include "admin/relay.h"

#include "absl/strings/str_cat.h"
#include "common/identity/intent.h"
#include "common/identity/reason.h"
#include "common/retry.h"
#include "common/identity/text.h"

namespace plumbline::admin {
namespace {

using audit::Entry;
using audit::Event;
using audit::Outcome;

absl::Status Malformed(absl::string_view why) {
  return identity::Refuse(absl::StatusCode::kInvalidArgument, "request_malformed", why);
}

// The shape of the signatures; whose they are only the key server knows.
absl::Status CheckSignatures(const keys::v1::SignedIntent& request) {
  if (request.signatures().empty()) return Malformed("the intent carries no signature");
  if (static_cast<size_t>(request.signatures().size()) > kMaxSignatures) {
    return Malformed(absl::StrCat("the intent carries more than ", kMaxSignatures, " signatures"));
  }
  for (const keys::v1::IntentSignature& signature : request.signatures()) {
    if (signature.key_id().size() != 32) return Malformed("a key id is not 32 bytes long");
    if (signature.signature().size() != 64) return Malformed("a signature is not 64 bytes long");
  }
  return absl::OkStatus();
}

absl::Status CheckRegistration(const keys::v1::RegisterFirstAdministratorRequest& request) {
  if (request.name().empty()) return Malformed("the administrator has no name");
  if (!identity::CheckText(request.name(), kMaxAdministratorName).ok()) {
    return Malformed(absl::StrCat("the administrator's name is not printable text of at most ",
                                  kMaxAdministratorName, " bytes"));
  }
  if (request.public_key().size() != 32) return Malformed("the public key is not 32 bytes long");
  if (request.proof().size() != 64) return Malformed("the proof is not 64 bytes long");
  if (request.code_mac().size() != 32) return Malformed("the code's authenticator is not 32 bytes long");
  return absl::OkStatus();
}

// The reason id of a refusal, or its code's name in lower case where it has none.
std::string ReasonFor(const absl::Status& status) {
  if (status.ok()) return "";
  const std::string reason = identity::ReasonOf(status);
  return reason.empty() ? absl::StrCat("code_", static_cast<int>(status.code())) : reason;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Relay>> Relay::Create(db::Database& database, const audit::LogKey& log_key,
                                                     Gateway& gateway,
                                                     const Clock& clock, Logger& logger,
                                                     uint32_t requests_per_minute) {
  ASSIGN_OR_RETURN(audit::AuditLog log, audit::AuditLog::Open(database, clock, log_key));
  return std::unique_ptr<Relay>(new Relay(std::move(log), gateway, clock, logger, requests_per_minute));
}

absl::Status Relay::Submit(const keys::v1::SignedIntent& request, keys::v1::IntentResult& result) {
  RETURN_IF_ERROR(CheckLimit());
  if (const absl::Status form = CheckSignatures(request); !form.ok()) return RefuseMalformed(form);
  const absl::StatusOr<identity::Intent> intent = identity::ParseIntent(AsBytes(request.intent()));
  if (!intent.ok()) {
    return RefuseMalformed(
        identity::Refuse(absl::StatusCode::kInvalidArgument, "intent_malformed",
                         absl::StrCat("this is not an intent: ", identity::TextOf(intent.status()))));
  }
  Entry received{.event = Event::kIntentReceived,
                 .actor = ToHex(AsBytes(request.signatures(0).key_id())),
                 .subject = intent->target,
                 .details = {{"action", std::string(identity::ActionName(intent->action))},
                             {"intent", ToHex(Sha256(AsBytes(request.intent())))},
                             {"signatures", absl::StrCat(request.signatures().size())}}};
  RETURN_IF_ERROR(Record(received));
  const absl::Status answer = gateway_.Execute(request, result);
  RecordAnswer(std::move(received), answer);
  return answer;
}

absl::Status Relay::Register(const keys::v1::RegisterFirstAdministratorRequest& request,
                             keys::v1::RegisterFirstAdministratorResponse& response) {
  RETURN_IF_ERROR(CheckLimit());
  if (const absl::Status form = CheckRegistration(request); !form.ok()) return RefuseMalformed(form);
  Entry received{.event = Event::kIntentReceived,
                 .actor = ToHex(Sha256(AsBytes(request.public_key()))),
                 .subject = request.name(),
                 .details = {{"action", "register_first_administrator"}}};
  RETURN_IF_ERROR(Record(received));
  const absl::Status answer = gateway_.RegisterFirstAdministrator(request, response);
  RecordAnswer(std::move(received), answer);
  return answer;
}

absl::Status Relay::Record(const Entry& entry) {
  const MutexLock lock(mutex_);
  const absl::StatusOr<uint64_t> sequence = audit_.Append(entry);
  if (sequence.ok()) return absl::OkStatus();
  logger_.Error("audit.append_failed", {{LogKey::kStatus, sequence.status().code()}});
  return identity::Refuse(
      absl::StatusCode::kUnavailable, "audit_unavailable",
      "the admin service cannot write its audit record, so it does nothing; its operator must look "
      "at the disk and the log");
}

absl::Status Relay::CheckLimit() {
  const RateLimit::Answer answer = limit_.Ask();
  if (answer == RateLimit::Answer::kTake) return absl::OkStatus();
  if (answer == RateLimit::Answer::kRefuseAndReport) {
    logger_.Warning("requests.limited");
    Record(Entry{.event = Event::kLimitReached, .outcome = Outcome::kRefused, .reason = "too_many_requests"})
        .IgnoreError();
  }
  return WithRetryAfter(
      identity::Refuse(absl::StatusCode::kResourceExhausted, "too_many_requests",
                       "the admin service is asked more often than its operator allows; wait a minute"),
      absl::Minutes(1));
}

absl::Status Relay::RefuseMalformed(const absl::Status& cause) {
  Record(Entry{.event = Event::kSignInRefused, .outcome = Outcome::kRefused, .reason = ReasonFor(cause)})
      .IgnoreError();
  return cause;
}

// The key server has acted or refused by now: a record that cannot be written is loud in the log, but the
// answer stands.
void Relay::RecordAnswer(Entry received, const absl::Status& answer) {
  received.event = Event::kIntentRelayed;
  received.outcome = answer.ok() ? Outcome::kSuccess : Outcome::kRefused;
  received.reason = ReasonFor(answer);
  Record(received).IgnoreError();
}

}  // namespace plumbline::admin
