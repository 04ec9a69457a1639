// The order in which a wrapping secret is replaced: wrapping.next holds the new one, sealed; the database's transaction, which names
// the secret that counts; keys.sealed with it; wrapping.next is overwritten and removed.
#include "keyserver/rotation.h"

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/hkdf.h"
#include "common/file.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "keyserver/issuer.h"
#include "keyserver/log_succession.h"
#include "keyserver/organisation.h"
#include "keyserver/own_certificate.h"
#include "keyserver/role_rotation.h"
#include "keyserver/store/sqlcipher_ledger.h"
#include "keyserver/store/sqlcipher_token_store.h"
#include "keyserver/store/sqlcipher_unlock_store.h"
#include "keyserver/token_issuer.h"
#include "plumbline/config/v1/keyserver.pb.h"

namespace plumbline::keyserver {
namespace {

using config::v1::KeyserverConfig;

constexpr size_t kIdSize = 16;

std::string NextPath(const std::string& data_dir) { return absl::StrCat(data_dir, "/wrapping.next"); }

// Names a wrapping secret without telling it.
Bytes IdOf(const Secret& wrapping) {
  return ToBytes(crypto::HkdfSha256(wrapping.view(), {}, AsBytes(identity::kWrappingIdLabel), kIdSize).view());
}

// Which secret the database's keys are wrapped under; empty: the one it began with.
absl::StatusOr<Bytes> ReadWrappingId(db::Database& database) {
  ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT secret_id FROM wrapping WHERE id = 1"));
  ASSIGN_OR_RETURN(const bool found, select.Step());
  return found ? ToBytes(select.Blob(0)) : Bytes();
}

absl::Status WriteWrappingId(db::Database& database, const Bytes& id) {
  ASSIGN_OR_RETURN(db::Statement replace, database.Prepare("INSERT OR REPLACE INTO wrapping (id, secret_id) VALUES (1, ?)"));
  return replace.Bind(1, ByteView(id)).Run();
}

audit::Entry Rotated(absl::string_view key) {
  audit::Entry entry;
  entry.event = audit::Event::kKeyRotated;
  entry.actor = "ceremony";
  entry.subject = std::string(key);
  return entry;
}

// What WriteFileAtomically leaves if it is killed.
absl::Status RemoveUnfinished(const std::string& data_dir) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(data_dir, error)) {
    const std::string name = entry.path().filename().string();
    for (const char* unfinished : {"wrapping.next.new-", "log.former.new-", "keys.next.new-", "log.next.new-"}) {
      if (absl::StartsWith(name, unfinished)) RETURN_IF_ERROR(ShredFile(entry.path().string()));
    }
  }
  return error ? absl::UnavailableError(absl::StrCat("cannot read ", data_dir)) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqlcipherConnection>> OpenForRotation(const KeyserverConfig& config, const KeyRing& keys, const Clock& clock) {
  ASSIGN_OR_RETURN(audit::LogKey log_key, keys.AuditKey());
  ASSIGN_OR_RETURN(DirectoryLogKeys directory_keys, keys.LogKeys());
  db::OpenOptions options;
  options.create = false;
  return SqlcipherConnection::Open(DatabasePath(config.data_dir()), keys.database_key, std::move(log_key), std::move(directory_keys),
                                   clock, options);
}

absl::Status RotateWrapping(const KeyserverConfig& config, const Secret& passphrase, const Clock& clock, const crypto::SealCost& cost) {
  ASSIGN_OR_RETURN(KeyRing keys, UnsealKeyRing(config, passphrase));
  RETURN_IF_ERROR(FinishRotation(config, passphrase, keys, cost));
  RETURN_IF_ERROR(keys.WrapFor(identity::kUnlockKeysAtRestLabel).status());
  ASSIGN_OR_RETURN(const std::unique_ptr<SqlcipherConnection> connection, OpenForRotation(config, keys, clock));
  RETURN_IF_ERROR(CheckWrapping(*connection, keys));
  ASSIGN_OR_RETURN(const std::unique_ptr<SqlcipherUnlockStore> unlock, SqlcipherUnlockStore::Open(*connection, keys, config.data_dir()));
  ASSIGN_OR_RETURN(KeyRing next, UnsealKeyRing(config, passphrase));
  next.wrapping = Secret::Random(crypto::kWrappingKeySize);
  RETURN_IF_ERROR(crypto::SealToFile(NextPath(config.data_dir()), passphrase, next.wrapping.view(), cost));
  ASSIGN_OR_RETURN(const crypto::KeyWrap before, TokenIssuer::WrapOf(keys));
  ASSIGN_OR_RETURN(const crypto::KeyWrap after, TokenIssuer::WrapOf(next));
  // Under the connection's lock, which WrapUnder holds.
  const auto also = [&](db::Transaction& transaction) ABSL_NO_THREAD_SAFETY_ANALYSIS -> absl::Status {
    RETURN_IF_ERROR(SqlcipherTokenStore::WrapAnew(transaction.database(), before, after));
    RETURN_IF_ERROR(WriteWrappingId(transaction.database(), IdOf(next.wrapping)));
    return connection->audit().AppendIn(transaction, Rotated("wrapping")).status();
  };
  RETURN_IF_ERROR(unlock->WrapUnder(next, also));
  RETURN_IF_ERROR(SealKeyRing(config.data_dir(), passphrase, next, cost));
  return ShredFile(NextPath(config.data_dir()));
}

absl::Status MakeServiceKey(const KeyserverConfig& config, KeyRing& keys, absl::Time now) {
  const Issuer issuer(keys.domain, keys.issuing, keys.issuing_key);
  keys.service_key = crypto::P256PrivateKey::Generate();
  ASSIGN_OR_RETURN(keys.service_certificate,
                   issuer.ServiceTls(keys.service_key.spki(), identity::Service::kKeyserver,
                                     {config.dns_names().begin(), config.dns_names().end()},
                                     {config.ip_addresses().begin(), config.ip_addresses().end()}, now,
                                     absl::Seconds(config.limits().service_certificate_life().seconds())));
  return absl::OkStatus();
}

absl::Status RotateServiceKey(const KeyserverConfig& config, const Secret& passphrase, const Clock& clock, const crypto::SealCost& cost) {
  ASSIGN_OR_RETURN(KeyRing keys, UnsealKeyRing(config, passphrase));
  RETURN_IF_ERROR(FinishRotation(config, passphrase, keys, cost));
  ASSIGN_OR_RETURN(const std::unique_ptr<SqlcipherConnection> connection, OpenForRotation(config, keys, clock));
  RETURN_IF_ERROR(MakeServiceKey(config, keys, clock.Now()));
  // Recorded first: a record of a key that was not replaced after all is better than none of one that was.
  audit::Entry entry = Rotated("service");
  entry.details = {{"serial", ToHex(keys.service_certificate.serial())}};
  RETURN_IF_ERROR(SqlcipherAuditTrail(*connection).Append(entry));
  return SealKeyRing(config.data_dir(), passphrase, keys, cost);
}

absl::Status FinishRotation(const KeyserverConfig& config, const Secret& passphrase, KeyRing& keys, const crypto::SealCost& cost) {
  RETURN_IF_ERROR(RemoveUnfinished(config.data_dir()));
  // The key that is there still, or one whose destruction was broken off.
  if (!keys.former_log || (keys.transparency && keys.former_log->key.public_key() == keys.transparency->log.public_key())) {
    keys.former_log.reset();
    RETURN_IF_ERROR(ShredFile(FormerLogKeyPath(config.data_dir())));
  }
  RETURN_IF_ERROR(FinishRoleRotation(config, passphrase, keys, cost));
  RETURN_IF_ERROR(FinishLogSuccession(config, passphrase, keys, cost));
  const std::string path = NextPath(config.data_dir());
  absl::StatusOr<Secret> next = crypto::OpenSealedFile(path, passphrase);
  if (absl::IsNotFound(next.status())) return absl::OkStatus();
  if (next.ok()) {
    ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database,
                     db::Database::Open(DatabasePath(config.data_dir()), keys.database_key, {.create = false}));
    ASSIGN_OR_RETURN(const Bytes id, ReadWrappingId(*database));
    if (id == IdOf(*next) && id != IdOf(keys.wrapping)) {
      keys.wrapping = *std::move(next);
      RETURN_IF_ERROR(SealKeyRing(config.data_dir(), passphrase, keys, cost));
    }
  } else if (!absl::IsDataLoss(next.status())) {  // zeros: it was being overwritten, which is the last step
    return next.status();
  }
  return ShredFile(path);
}

absl::Status CheckWrapping(SqlcipherConnection& connection, const KeyRing& keys) {
  MutexLock lock(connection.mutex());
  ASSIGN_OR_RETURN(const Bytes id, ReadWrappingId(connection.database()));
  if (id.empty() || id == IdOf(keys.wrapping)) return absl::OkStatus();
  return identity::Refuse(absl::StatusCode::kFailedPrecondition, "wrapping_mismatch",
                          "keys.sealed is older or newer than keyserver.db: the secret keys in the database are wrapped under another "
                          "secret. Restore both from the same backup");
}

}  // namespace plumbline::keyserver
