// The order: log.former holds the former key; keys.sealed has the new one and its policy, which is the step that counts; the database's
// log is signed anew, and the replacement recorded, by whoever opens it next; when its time is over the former key is destroyed.
#include "keyserver/log_rotation.h"

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/identity/reason.h"
#include "keyserver/ceremony.h"
#include "keyserver/key_ring.h"
#include "keyserver/rotation.h"
#include "keyserver/store/sqlcipher_connection.h"
#include "plumbline/config/v1/keyserver.pb.h"

namespace plumbline::keyserver {
namespace {

absl::StatusOr<std::string> VerifierText(const KeyRing& keys) {
  ASSIGN_OR_RETURN(const uint64_t number, keys.LogNumber());
  return tlog::VerifierKey::Create(directory::LogOrigin(keys.domain, number), keys.transparency->log.public_key())->ToText();
}

}  // namespace

absl::StatusOr<LogKeyRotated> RotateLogKey(const config::v1::KeyserverConfig& config, const Secret& passphrase, absl::Duration former_lasts,
                                           const Clock& clock, const crypto::SealCost& cost) {
  if (former_lasts < absl::ZeroDuration() || former_lasts > kLongestFormerLogKey)
    return absl::InvalidArgumentError("a former key of the log signs for at most 30 days");
  ASSIGN_OR_RETURN(KeyRing keys, UnsealKeyRing(config, passphrase));
  RETURN_IF_ERROR(FinishRotation(config, passphrase, keys, cost));
  ASSIGN_OR_RETURN(const crypto::P256PrivateKey root_key, UnsealRootKey(config.data_dir(), passphrase));
  const absl::Time now = clock.Now();
  // With it nobody else has the database.
  ASSIGN_OR_RETURN(std::unique_ptr<SqlcipherConnection> connection, OpenForRotation(config, keys, clock));
  ASSIGN_OR_RETURN(const directory::VerifiedPolicy policy, keys.Witnesses(now));
  if (keys.former_log) {
    if (former_lasts > absl::ZeroDuration() && keys.former_log->ends > now) {
      return identity::Refuse(absl::StatusCode::kFailedPrecondition, "log_key_changing",
                              absl::StrCat("the key before the present one still signs, until ",
                                           absl::FormatTime(absl::RFC3339_sec, keys.former_log->ends, absl::UTCTimeZone()),
                                           "; wait until then, or say --former-ends now, which ends both"));
    }
    keys.former_log->ends = now;
    RETURN_IF_ERROR(FormerLogKeyEnd(std::move(keys.former_log), config.data_dir(), *connection).EndIfDue(now));
    keys.former_log.reset();
  }
  LogKeyRotated out;
  ASSIGN_OR_RETURN(out.former_key, VerifierText(keys));
  out.former_ends = absl::FromUnixSeconds(absl::ToUnixSeconds(now + former_lasts));
  ASSIGN_OR_RETURN(const SigningKey next, SigningKey::Generate(keys.bound_to ? keys.bound_to->token() : nullptr, "plumbline log"));
  absl::Cleanup unused = [&next] { next.DestroyInToken().IgnoreError(); };
  const FormerLogKey former{keys.transparency->log, out.former_ends};
  RETURN_IF_ERROR(SealFormerLogKey(config.data_dir(), passphrase, former, cost));
  keys.transparency->log = next;
  ASSIGN_OR_RETURN(out.log_key, VerifierText(keys));
  out.policy_text = absl::StrReplaceAll(policy.statement.text, {{out.former_key, out.log_key}});
  ASSIGN_OR_RETURN(out.policy, SignNextPolicy(keys, out.policy_text, root_key, now));
  std::move(unused).Cancel();  // an error may come after the file is there
  RETURN_IF_ERROR(SealKeyRing(config.data_dir(), passphrase, keys, cost));
  connection.reset();
  keys.former_log = former;
  ASSIGN_OR_RETURN(connection, OpenForRotation(config, keys, clock));
  RETURN_IF_ERROR(FormerLogKeyEnd(former, config.data_dir(), *connection).EndIfDue(now));
  return out;
}

}  // namespace plumbline::keyserver
