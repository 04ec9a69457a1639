#include "keyserver/role_rotation.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "keyserver/role_certificate.h"
#include "keyserver/rotation.h"
#include "keyserver/store/sqlcipher_token_store.h"
#include "plumbline/config/v1/keyserver.pb.h"

namespace plumbline::keyserver {
namespace {

using config::v1::KeyserverConfig;
using identity::Refuse;
using identity::Role;

struct Counted {
  uint64_t number = 0;
  Bytes former;  // where the key that it replaced is in a token; empty: it was in keys.sealed
};

absl::StatusOr<Counted> ReadCounted(db::Database& database) {
  ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT number, former FROM role_rotation WHERE id = 1"));
  ASSIGN_OR_RETURN(const bool found, select.Step());
  return found ? Counted{static_cast<uint64_t>(select.Int64(0)), ToBytes(select.Blob(1))} : Counted();
}

absl::Status WriteCounted(db::Database& database, const Counted& counted) {
  ASSIGN_OR_RETURN(db::Statement replace, database.Prepare("INSERT OR REPLACE INTO role_rotation (id, number, former) VALUES (1, ?, ?)"));
  return replace.Bind(1, static_cast<int64_t>(counted.number)).Bind(2, ByteView(counted.former)).Run();
}

// A ring that can be rotated has all four.
const RoleKey& RoleOf(const KeyRing& keys, Role role) {
  return role == Role::kDirectory ? keys.directory : role == Role::kGrants ? keys.grants : role == Role::kTokens ? keys.tokens : *keys.audit;
}

// All versions of all records, whose bytes stay what they are: what the log commits to has no signature in it.
absl::Status SignRecordsAnew(db::Database& database, const crypto::Ed25519Signer& key) {
  struct Row {
    std::string user;
    int64_t version;
    Bytes signature;
  };
  std::vector<Row> rows;
  {
    ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT user, version, record FROM directory_record"));
    while (true) {
      ASSIGN_OR_RETURN(const bool more, select.Step());
      if (!more) break;
      ASSIGN_OR_RETURN(Bytes signature, crypto::SignUnder(key, identity::kDirectoryRecordLabel, select.Blob(2)));
      rows.push_back({std::string(select.Text(0)), select.Int64(1), std::move(signature)});
    }
  }
  ASSIGN_OR_RETURN(db::Statement update, database.Prepare("UPDATE directory_record SET signature = ? WHERE user = ? AND version = ?"));
  for (const Row& row : rows) {
    update.Reset();
    RETURN_IF_ERROR(update.Bind(1, ByteView(row.signature)).Bind(2, absl::string_view(row.user)).Bind(3, row.version).Run());
  }
  return absl::OkStatus();
}

uint64_t Seconds(absl::Time time) { return static_cast<uint64_t>(absl::ToUnixSeconds(time)); }

// What is current in `next`, and of what was replaced what still counts, with the key of `role` replaced now, if there is one.
identity::OrganisationKeys NextStatement(const identity::OrganisationKeys& before, const KeyRing& keys, const KeyRing& next,
                                         std::optional<Role> role, absl::Time now, RoleRotated& result) {
  identity::OrganisationKeys out{before.domain, before.number + 1, {}, before.authorities};
  if (out.authorities.empty()) out.authorities.push_back({keys.issuing, 0});
  for (const Role each : identity::kListedRoles) {
    const auto certificate_of = [each](const KeyRing& ring) -> const crypto::Certificate& { return RoleOf(ring, each).certificate; };
    out.keys.push_back({certificate_of(next), 0});
    // A former key follows the current one.
    const auto current = std::find_if(before.keys.begin(), before.keys.end(), [&](const identity::ListedKey& listed) {
      return listed.ends_unix == 0 && listed.certificate == certificate_of(keys);
    });
    const bool has_former = current != before.keys.end() && std::next(current) != before.keys.end() && std::next(current)->ends_unix > Seconds(now);
    if (each == role) {
      out.keys.push_back({certificate_of(keys), Seconds(result.former_ends)});
      result.ended_earlier = has_former;
    } else if (has_former) {
      out.keys.push_back(*std::next(current));
    }
  }
  return out;
}

absl::StatusOr<Bytes> SignStatement(const identity::OrganisationKeys& statement, const KeyRing& keys,
                                    const crypto::P256PrivateKey& root_key, absl::Time now) {
  // Its key signs this one statement and is forgotten.
  ASSIGN_OR_RETURN(const RoleKey once, MakeRole(keys.domain, Role::kKeys, keys.root, root_key, now));
  identity::SignedOrganisationKeys out{once.certificate.der(), identity::Encode(statement), {}};
  ASSIGN_OR_RETURN(const Bytes signature, crypto::SignUnder(once.key, identity::kOrganisationKeysLabel, out.statement));
  ASSIGN_OR_RETURN(out.signature, identity::ToFixed<64>(signature));
  Bytes wire = identity::Encode(out);
  // As everybody else will judge it.
  RETURN_IF_ERROR(identity::VerifyOrganisationKeys(wire, keys.root, keys.domain, now).status());
  return wire;
}

// Records the replacement and what counts now, and with it what `sign_anew` does with the database.
absl::Status Record(absl::string_view key, const RoleRotated& result, Bytes former_in_token, SqlcipherConnection& connection,
                    const std::function<absl::Status(db::Transaction&)>& sign_anew) {
  audit::Entry entry;
  entry.event = audit::Event::kKeyRotated;
  entry.actor = "ceremony";
  entry.subject = std::string(key);
  entry.details = {{"number", absl::StrCat(result.number)},
                   {"former", result.former},
                   {"next", result.next},
                   {"former_ends", absl::FormatTime(absl::RFC3339_sec, result.former_ends, absl::UTCTimeZone())}};
  MutexLock lock(connection.mutex());
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(connection.database()));
  RETURN_IF_ERROR(connection.audit().AppendIn(transaction, entry).status());
  RETURN_IF_ERROR(sign_anew(transaction));
  RETURN_IF_ERROR(WriteCounted(connection.database(), {result.number, std::move(former_in_token)}));
  return transaction.Commit();
}

// The one key in which they differ.
absl::Status DestroyOther(const KeyRing& gone, const KeyRing& stays) {
  if (gone.issuing_key.spki() != stays.issuing_key.spki()) RETURN_IF_ERROR(gone.issuing_key.DestroyInToken());
  for (const Role role : identity::kListedRoles) {
    const SigningKey& lost = RoleOf(gone, role).key;
    if (lost.public_key() != RoleOf(stays, role).key.public_key()) RETURN_IF_ERROR(lost.DestroyInToken());
  }
  return absl::OkStatus();
}

// A replacement that has begun: nobody else has the database.
struct Rotating {
  KeyRing keys, next;
  std::unique_ptr<SqlcipherConnection> connection;
  crypto::P256PrivateKey root_key;
  identity::OrganisationKeys before;
  std::shared_ptr<pkcs11::Token> token() const { return keys.bound_to ? keys.bound_to->token() : nullptr; }
};

absl::StatusOr<Rotating> Begin(const KeyserverConfig& config, const Secret& passphrase, absl::Duration former_life, const Clock& clock,
                               const crypto::SealCost& cost) {
  if (former_life < absl::ZeroDuration() || former_life > kMaxFormerLife) {
    return Refuse(absl::StatusCode::kInvalidArgument, "former_ends_malformed", "a replaced key counts for 0 seconds to 365 days more");
  }
  ASSIGN_OR_RETURN(KeyRing keys, UnsealKeyRing(config, passphrase));
  RETURN_IF_ERROR(FinishRotation(config, passphrase, keys, cost));
  RETURN_IF_ERROR(keys.WrapFor(identity::kUnlockKeysAtRestLabel).status());  // an older ring has no room for a statement
  ASSIGN_OR_RETURN(std::unique_ptr<SqlcipherConnection> connection, OpenForRotation(config, keys, clock));
  RETURN_IF_ERROR(CheckWrapping(*connection, keys));
  RETURN_IF_ERROR(CheckRoleKeys(*connection, keys));
  ASSIGN_OR_RETURN(crypto::P256PrivateKey root_key, UnsealRootKey(config.data_dir(), passphrase));
  ASSIGN_OR_RETURN(identity::OrganisationKeys before, keys.Statement());
  ASSIGN_OR_RETURN(KeyRing next, UnsealKeyRing(config, passphrase));
  return Rotating{std::move(keys), std::move(next), std::move(connection), std::move(root_key), std::move(before)};
}

// The steps in their order; `record` is the one that counts.
absl::Status Finish(const KeyserverConfig& config, const Secret& passphrase, const crypto::SealCost& cost, const Rotating& rotating,
                    const std::function<absl::Status()>& record) {
  RETURN_IF_ERROR(SealNextKeyRing(config.data_dir(), passphrase, rotating.next, cost));
  RETURN_IF_ERROR(record());
  RETURN_IF_ERROR(SealKeyRing(config.data_dir(), passphrase, rotating.next, cost));
  RETURN_IF_ERROR(DestroyOther(rotating.keys, rotating.next));
  return ShredFile(NextKeysPath(config.data_dir()));
}

absl::Time EndAfter(absl::Duration life, const crypto::Certificate& former, absl::Time now) {
  return absl::FromUnixSeconds(absl::ToUnixSeconds(std::min(now + life, former.not_after())));
}

}  // namespace

absl::Duration DefaultFormerLife(Role role) {
  // Records are shown again in what was sent about them, which waits as long as a message does; a grant lives 35 days.
  if (role == Role::kAudit) return absl::ZeroDuration();  // all that it signed is signed anew
  return role == Role::kTokens ? absl::Hours(24) : absl::Hours(24 * 35);
}

absl::StatusOr<RoleRotated> RotateRole(const KeyserverConfig& config, const Secret& passphrase, Role role, absl::Duration former_life,
                                       const Clock& clock, const crypto::SealCost& cost) {
  if (std::find(std::begin(identity::kListedRoles), std::end(identity::kListedRoles), role) == std::end(identity::kListedRoles))
    return Refuse(absl::StatusCode::kInvalidArgument, "former_ends_malformed", "there is no key of this role that is replaced");
  ASSIGN_OR_RETURN(Rotating one, Begin(config, passphrase, former_life, clock, cost));
  const absl::Time now = clock.Now();
  KeyRing& next = one.next;
  RoleKey& replaced = role == Role::kDirectory ? next.directory : role == Role::kGrants ? next.grants : role == Role::kTokens ? next.tokens : *next.audit;
  RoleRotated result;
  result.number = one.before.number + 1;
  result.former = ToHex(replaced.key.public_key().view());
  result.former_ends = EndAfter(former_life, replaced.certificate, now);
  ASSIGN_OR_RETURN(SigningKey key, SigningKey::Generate(one.token(), absl::StrCat("plumbline ", identity::RoleName(role))));
  result.next = ToHex(key.public_key().view());
  ASSIGN_OR_RETURN(replaced, CertifyRole(std::move(key), next.domain, role, next.root, one.root_key, now));
  const identity::OrganisationKeys statement = NextStatement(one.before, one.keys, next, role, now, result);
  ASSIGN_OR_RETURN(next.organisation_keys, SignStatement(statement, next, one.root_key, now));
  if (role == Role::kAudit) {
    ASSIGN_OR_RETURN(const audit::LogKey log, next.AuditKey());
    result.audit_key = log.verifier().ToText();
  }
  const SigningKey& former = RoleOf(one.keys, role).key;
  const auto sign_anew = [&](db::Transaction& transaction) -> absl::Status {
    if (role == Role::kDirectory) return SignRecordsAnew(transaction.database(), next.directory.key);
    if (role == Role::kTokens) return SqlcipherTokenStore::SignAnew(transaction.database(), next.domain, former.public_key(), next.tokens.key);
    if (role != Role::kAudit) return absl::OkStatus();
    ASSIGN_OR_RETURN(const audit::LogKey log_before, one.keys.AuditKey());
    ASSIGN_OR_RETURN(const audit::LogKey log_after, next.AuditKey());
    return audit::SignAnew(transaction, log_before, log_after);  // with the record of it
  };
  RETURN_IF_ERROR(Finish(config, passphrase, cost, one, [&] {
    return Record(identity::RoleName(role), result, former.in_token() ? ToBytes(former.Serialize().view()) : Bytes(), *one.connection, sign_anew);
  }));
  return result;
}

absl::StatusOr<RoleRotated> RotateIssuing(const KeyserverConfig& config, const Secret& passphrase, absl::Duration former_life,
                                          const Clock& clock, const crypto::SealCost& cost) {
  ASSIGN_OR_RETURN(Rotating one, Begin(config, passphrase, former_life, clock, cost));
  const absl::Time now = clock.Now();
  KeyRing& next = one.next;
  RoleRotated result;
  result.number = one.before.number + 1;
  result.former = ToHex(Sha256(one.keys.issuing.spki()));
  result.former_ends = EndAfter(former_life, one.keys.issuing, now);
  ASSIGN_OR_RETURN(next.issuing_key, AuthorityKey::Generate(one.token(), "plumbline issuing"));
  result.next = ToHex(Sha256(next.issuing_key.spki()));
  ASSIGN_OR_RETURN(next.issuing, CertifyAuthority(next.issuing_key, config.display_name(), next.root, one.root_key, now));
  RETURN_IF_ERROR(MakeServiceKey(config, next, now));
  identity::OrganisationKeys statement = NextStatement(one.before, one.keys, next, std::nullopt, now, result);
  statement.authorities.front().ends_unix = Seconds(result.former_ends);
  statement.authorities.insert(statement.authorities.begin(), {next.issuing, 0});
  if (statement.authorities.size() > identity::kMaxAuthorities) statement.authorities.pop_back();  // of decades ago
  ASSIGN_OR_RETURN(next.organisation_keys, SignStatement(statement, next, one.root_key, now));
  const AuthorityKey& former = one.keys.issuing_key;
  RETURN_IF_ERROR(Finish(config, passphrase, cost, one, [&] {
    return Record("issuing", result, former.in_token() ? ToBytes(former.Serialize().view()) : Bytes(), *one.connection,
                  [](db::Transaction&) { return absl::OkStatus(); });
  }));
  return result;
}

absl::Status FinishRoleRotation(const KeyserverConfig& config, const Secret& passphrase, KeyRing& keys, const crypto::SealCost& cost) {
  absl::StatusOr<KeyRing> next = UnsealNextKeyRing(config, passphrase);
  if (absl::IsNotFound(next.status())) return absl::OkStatus();
  const std::string path = NextKeysPath(config.data_dir());
  if (absl::IsDataLoss(next.status())) return ShredFile(path);  // zeros: it was being overwritten, which is the last step
  RETURN_IF_ERROR(next.status());
  ASSIGN_OR_RETURN(const identity::OrganisationKeys offered, next->Statement());
  ASSIGN_OR_RETURN(const identity::OrganisationKeys present, keys.Statement());
  ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database,
                   db::Database::Open(DatabasePath(config.data_dir()), keys.database_key, {.create = false}));
  ASSIGN_OR_RETURN(const Counted counted, ReadCounted(*database));
  if (counted.number < offered.number) {  // it did not happen
    RETURN_IF_ERROR(DestroyOther(*next, keys));
    return ShredFile(path);
  }
  if (present.number < offered.number) RETURN_IF_ERROR(SealKeyRing(config.data_dir(), passphrase, *next, cost));
  if (!counted.former.empty() && next->bound_to) {
    RETURN_IF_ERROR(DestroyStored(counted.former, next->bound_to->token()));
  }
  if (present.number < offered.number) {
    next->former_log = std::move(keys.former_log);  // it is in a file of its own
    keys = *std::move(next);
  }
  return ShredFile(path);
}

absl::Status CheckRoleKeys(SqlcipherConnection& connection, const KeyRing& keys) {
  ASSIGN_OR_RETURN(const identity::OrganisationKeys statement, keys.Statement());
  MutexLock lock(connection.mutex());
  ASSIGN_OR_RETURN(const Counted counted, ReadCounted(connection.database()));
  if (counted.number == statement.number) return absl::OkStatus();
  return Refuse(absl::StatusCode::kFailedPrecondition, "role_keys_mismatch",
                "keys.sealed is older or newer than keyserver.db: what is stored was signed under another set of role keys. Restore both "
                "from the same backup");
}

}  // namespace plumbline::keyserver
