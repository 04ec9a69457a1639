#include "keyserver/log_succession.h"

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/file.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "keyserver/ceremony.h"
#include "keyserver/role_certificate.h"
#include "keyserver/role_rotation.h"
#include "keyserver/rotation.h"
#include "keyserver/store/former_logs.h"
#include "plumbline/config/v1/keyserver.pb.h"

namespace plumbline::keyserver {
namespace {

using config::v1::KeyserverConfig;
using identity::Refuse;

// The end of the log that is there, with the note that is kept of it.
absl::StatusOr<DirectoryLog::Head> EndOf(DirectoryLog& log, bool restored) {
  ASSIGN_OR_RETURN(DirectoryLog::Head newest, log.Newest());
  if (restored) return newest;
  ASSIGN_OR_RETURN(DirectoryLog::Head published, log.Published());
  if (published.size == newest.size) return published;
  return Refuse(absl::StatusCode::kFailedPrecondition, "log_unpublished",
                absl::StrCat("the witnesses have confirmed ", published.size, " of ", newest.size, " leaves of the directory's log: start the service "
                             "and wait until they have confirmed all (plumbline doctor tells). If this is a restored copy that they cannot "
                             "confirm, say --restored"));
}

absl::StatusOr<directory::SignedLogSuccession> Sign(const directory::LogSuccession& succession, const KeyRing& keys,
                                                    const crypto::P256PrivateKey& root_key, absl::Time now) {
  // Its key signs this one statement and is forgotten.
  ASSIGN_OR_RETURN(const RoleKey once, MakeRole(keys.domain, identity::Role::kSuccession, keys.root, root_key, now));
  directory::SignedLogSuccession out{once.certificate.der(), directory::Encode(succession), {}};
  ASSIGN_OR_RETURN(out.signature, crypto::SignUnder(once.key, identity::kLogSuccessionLabel, out.statement));
  // As everybody else will judge it.
  RETURN_IF_ERROR(directory::VerifyLogSuccession(out, keys.root, keys.domain, now).status());
  return out;
}

audit::Entry Rotated(const LogSucceeded& result, const LogSuccessionChoice& choice) {
  audit::Entry entry;
  entry.event = audit::Event::kKeyRotated;
  entry.actor = "ceremony";
  entry.subject = "vrf";
  entry.details = {{"key", result.log_key},
                   {"former", result.former_key},
                   {"former_size", absl::StrCat(result.former_size)},
                   {"cause", choice.restored ? "restored" : choice.stolen ? "stolen" : "planned"}};
  return entry;
}

// Whether the database's log is that of these keys.
absl::StatusOr<bool> Begun(db::Database& database, const KeyRing& keys) {
  ASSIGN_OR_RETURN(const DirectoryLogKeys own, keys.LogKeys());
  ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT leaf FROM log_leaf WHERE place = 0"));
  ASSIGN_OR_RETURN(const bool found, select.Step());
  return found && Equal(select.Blob(0), tlog::Encode(tlog::GenesisLeaf{own.signer.verifier().name(), own.authority, own.vrf.public_key()}));
}

// The former key of the log, where it is in a token.
absl::Status DestroyFormerIn(db::Database& database, const KeyRing& keys) {
  if (!keys.bound_to) return absl::OkStatus();
  ASSIGN_OR_RETURN(const uint64_t number, keys.LogNumber());
  ASSIGN_OR_RETURN(const std::optional<FormerLog> former, FormerLogs(database).Find(number - 1));
  return former && !former->log_key.empty() ? DestroyStored(former->log_key, keys.bound_to->token()) : absl::OkStatus();
}

}  // namespace

std::string LogFolder(const std::string& configured, uint64_t number) {
  return configured.empty() || number == 1 ? configured : absl::StrCat(configured, "/", number);
}

absl::StatusOr<LogSucceeded> SucceedLog(const KeyserverConfig& config, const Secret& passphrase, const LogSuccessionChoice& choice,
                                        const Clock& clock, const crypto::SealCost& cost) {
  ASSIGN_OR_RETURN(KeyRing keys, UnsealKeyRing(config, passphrase));
  RETURN_IF_ERROR(FinishRotation(config, passphrase, keys, cost));
  ASSIGN_OR_RETURN(const crypto::P256PrivateKey root_key, UnsealRootKey(config.data_dir(), passphrase));
  const absl::Time now = clock.Now();
  // With it nobody else has the database.
  ASSIGN_OR_RETURN(const std::unique_ptr<SqlcipherConnection> connection, OpenForRotation(config, keys, clock));
  RETURN_IF_ERROR(CheckWrapping(*connection, keys));
  RETURN_IF_ERROR(CheckRoleKeys(*connection, keys));
  ASSIGN_OR_RETURN(const directory::VerifiedPolicy policy, keys.Witnesses(now));
  if (keys.former_log) {  // an earlier key of the log that ends
    keys.former_log->ends = now;
    RETURN_IF_ERROR(FormerLogKeyEnd(std::move(keys.former_log), config.data_dir(), *connection).EndIfDue(now));
    keys.former_log.reset();
  }
  MutexLock lock(connection->mutex());
  ASSIGN_OR_RETURN(DirectoryLog::Head end, EndOf(connection->directory(), choice.restored));
  ASSIGN_OR_RETURN(const tlog::Checkpoint last, connection->directory().OpenOwn(end.note));
  LogSucceeded out;
  out.number = policy.log + 1;
  out.former_size = last.size;
  out.former_key = connection->directory().keys().signer.verifier().ToText();
  ASSIGN_OR_RETURN(KeyRing next, UnsealKeyRing(config, passphrase));
  next.former_log.reset();
  ASSIGN_OR_RETURN(SigningKey log_key, SigningKey::Generate(keys.bound_to ? keys.bound_to->token() : nullptr, "plumbline log"));
  absl::Cleanup unused = [&log_key] { log_key.DestroyInToken().IgnoreError(); };
  next.transparency = TransparencyKeys::Generate(log_key);
  ASSIGN_OR_RETURN(const tlog::VerifierKey verifier,
                   tlog::VerifierKey::Create(directory::LogOrigin(keys.domain, out.number), next.transparency->log.public_key()));
  out.log_key = verifier.ToText();
  out.policy_text = absl::StrReplaceAll(policy.statement.text, {{out.former_key, out.log_key}});
  ASSIGN_OR_RETURN(out.policy, SignNextPolicy(next, out.policy_text, root_key, now));
  ASSIGN_OR_RETURN(const directory::SignedLogSuccession said,
                   Sign({keys.domain, out.number, choice.restored ? directory::SuccessionReason::kRestored : directory::SuccessionReason::kPlanned,
                         last.size, last.root, next.transparency->vrf.public_key()},
                        keys, root_key, now));
  std::move(unused).Cancel();  // an error may come after the file is there
  RETURN_IF_ERROR(SealNextLogRing(config.data_dir(), passphrase, next, cost));
  {
    ASSIGN_OR_RETURN(const DirectoryLogKeys next_keys, next.LogKeys());
    const SigningKey& former = keys.transparency->log;
    FormerLog row{policy.log, last.size, end.note, directory::Encode(said), Secret::CopyOf(keys.transparency->follow.view()),
                        former.in_token() ? ToBytes(former.Serialize().view()) : Bytes()};
    ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(connection->database()));
    RETURN_IF_ERROR(BeginNextLog(transaction, connection->directory(), {std::move(row), next_keys, next.transparency->follow, !choice.stolen, choice.restored}, now));
    RETURN_IF_ERROR(connection->audit().AppendIn(transaction, Rotated(out, choice)).status());
    RETURN_IF_ERROR(transaction.Commit());
  }
  RETURN_IF_ERROR(SealKeyRing(config.data_dir(), passphrase, next, cost));
  RETURN_IF_ERROR(DestroyFormerIn(connection->database(), next));
  RETURN_IF_ERROR(ShredFile(NextLogPath(config.data_dir())));
  return out;
}

absl::Status FinishLogSuccession(const KeyserverConfig& config, const Secret& passphrase, KeyRing& keys, const crypto::SealCost& cost) {
  absl::StatusOr<KeyRing> next = UnsealNextLogRing(config, passphrase);
  if (absl::IsNotFound(next.status())) return absl::OkStatus();
  const std::string path = NextLogPath(config.data_dir());
  if (absl::IsDataLoss(next.status())) return ShredFile(path);  // zeros: it was being overwritten, which is the last step
  // It was destroyed in the token, as undoing does, and the file is what is left.
  if (identity::ReasonOf(next.status()) == "pkcs11_key_missing") return ShredFile(path);
  RETURN_IF_ERROR(next.status());
  ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database,
                   db::Database::Open(DatabasePath(config.data_dir()), keys.database_key, {.create = false}));
  ASSIGN_OR_RETURN(const bool begun, Begun(*database, *next));
  if (!begun) {  // it did not happen
    RETURN_IF_ERROR(next->transparency->log.DestroyInToken());
    return ShredFile(path);
  }
  if (keys.transparency->log.public_key() != next->transparency->log.public_key()) {
    RETURN_IF_ERROR(SealKeyRing(config.data_dir(), passphrase, *next, cost));
    keys = *std::move(next);
  }
  RETURN_IF_ERROR(DestroyFormerIn(*database, keys));
  return ShredFile(path);
}

}  // namespace plumbline::keyserver
