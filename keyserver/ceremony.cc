#include "keyserver/ceremony.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/crypto/known_keys.h"
#include "common/http/client.h"
#include "common/identity/codes.h"
#include "common/identity/intent.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/identity/trust.h"
#include "keyserver/issuer.h"
#include "keyserver/key_ring.h"
#include "keyserver/organisation.h"
#include "keyserver/role_certificate.h"
#include "keyserver/store/log_files.h"
#include "keyserver/store/sqlcipher_administrator_store.h"
#include "keyserver/store/sqlcipher_ledger.h"
#include "keyserver/store/sqlcipher_unlock_store.h"
#include "plumbline/config/v1/keyserver.pb.h"

namespace plumbline::keyserver {
namespace {

using config::v1::KeyserverConfig;
using identity::Refuse;

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

absl::Status MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return Refuse(absl::StatusCode::kUnavailable, "data_dir_unusable",
                absl::StrCat("cannot make ", path, ": ", std::strerror(errno)));
}

// Nothing is there yet; or all is, or some of it.
absl::Status CheckFresh(const std::string& data_dir) {
  if (Exists(KeysPath(data_dir))) {
    return Refuse(
        absl::StatusCode::kFailedPrecondition, "already_initialised",
        absl::StrCat(data_dir, " holds an organisation's keys; a second ceremony would orphan everybody"));
  }
  for (const std::string& path : {RootPath(data_dir), DatabasePath(data_dir)}) {
    if (!Exists(path)) continue;
    return Refuse(absl::StatusCode::kFailedPrecondition, "ceremony_interrupted",
                  absl::StrCat("an earlier ceremony left ", path, " but no keys; remove the contents of ",
                               data_dir, " and run init again"));
  }
  return absl::OkStatus();
}

std::vector<std::string> DnsNames(const KeyserverConfig& config) {
  return {config.dns_names().begin(), config.dns_names().end()};
}
std::vector<std::string> IpAddresses(const KeyserverConfig& config) {
  return {config.ip_addresses().begin(), config.ip_addresses().end()};
}

absl::Duration ServiceLife(const KeyserverConfig& config) {
  return absl::Seconds(config.limits().service_certificate_life().seconds());
}

absl::StatusOr<KeyRing> MakeKeys(const KeyserverConfig& config, const std::shared_ptr<pkcs11::Token>& token,
                                 const crypto::P256PrivateKey& root_key, absl::Time now) {
  const std::string& domain = config.organisation_domain();
  ASSIGN_OR_RETURN(
      crypto::Certificate root,
      crypto::MakeRoot(root_key, absl::StrCat(config.display_name(), " root"), ValidFrom(now, kRootLife)));
  ASSIGN_OR_RETURN(AuthorityKey issuing_key, AuthorityKey::Generate(token, "plumbline issuing"));
  ASSIGN_OR_RETURN(crypto::Certificate issuing, CertifyAuthority(issuing_key, config.display_name(), root, root_key, now));
  const auto make_role = [&](absl::string_view label, identity::Role role) -> absl::StatusOr<RoleKey> {
    ASSIGN_OR_RETURN(SigningKey key, SigningKey::Generate(token, label));
    return CertifyRole(std::move(key), domain, role, root, root_key, now);
  };
  ASSIGN_OR_RETURN(RoleKey directory, make_role("plumbline directory", identity::Role::kDirectory));
  ASSIGN_OR_RETURN(RoleKey grants, make_role("plumbline grants", identity::Role::kGrants));
  ASSIGN_OR_RETURN(RoleKey tokens, make_role("plumbline tokens", identity::Role::kTokens));
  ASSIGN_OR_RETURN(RoleKey audit, make_role("plumbline audit", identity::Role::kAudit));
  ASSIGN_OR_RETURN(SigningKey log_key, SigningKey::Generate(token, "plumbline log"));
  std::shared_ptr<const pkcs11::DerivationKey> bound_to;
  if (token != nullptr) {
    ASSIGN_OR_RETURN(bound_to, pkcs11::DerivationKey::Generate(token, "plumbline key ring"));
  }
  crypto::P256PrivateKey service_key = crypto::P256PrivateKey::Generate();
  const Issuer issuer(domain, issuing, issuing_key);
  ASSIGN_OR_RETURN(crypto::Certificate service,
                   issuer.ServiceTls(service_key.spki(), identity::Service::kKeyserver, DnsNames(config),
                                     IpAddresses(config), now, ServiceLife(config)));
  return KeyRing{domain,
                 std::move(root),
                 std::move(issuing),
                 std::move(issuing_key),
                 std::move(directory),
                 std::move(grants),
                 std::move(tokens),
                 std::move(service_key),
                 std::move(service),
                 crypto::SealedBoxKeyPair::Generate(),
                 std::move(audit),
                 TransparencyKeys::Generate(std::move(log_key)),
                 std::nullopt,
                 Secret::Random(crypto::kWrappingKeySize),
                 db::Key::Random(),
                 std::move(bound_to)};
}

// Stores a new code for the first administrator.
absl::StatusOr<CeremonyResult> OpenCode(const KeyserverConfig& config, SqlcipherConnection& connection,
                                        const KeyRing& keys, const Clock& clock) {
  const std::string code = identity::GenerateCode();
  const absl::Duration life = absl::Seconds(config.limits().administrator_code_life().seconds());
  const absl::Time expires = clock.Now() + life;
  audit::Entry entry;
  entry.event = audit::Event::kCodeIssued;
  entry.actor = "ceremony";
  entry.details["for"] = "first administrator";
  SqlcipherAdministratorStore administrators(connection, clock);
  RETURN_IF_ERROR(administrators.SetFirstCode(identity::FirstAdministratorMacKey(code),
                                              static_cast<uint64_t>(absl::ToUnixSeconds(expires)),
                                              config.limits().code_attempts(), entry));
  ASSIGN_OR_RETURN(const audit::LogKey log_key, keys.AuditKey());
  ASSIGN_OR_RETURN(const DirectoryLogKeys directory, keys.LogKeys());
  return CeremonyResult{keys.root.fingerprint(), code, expires, log_key.verifier().ToText(),
                        directory.signer.verifier().ToText()};
}

absl::StatusOr<Bytes> RequestDer(const Bytes& csr) {
  std::string text = ToString(csr);
  if (!absl::StartsWith(text, "-----BEGIN CERTIFICATE REQUEST-----")) return csr;
  absl::StrReplaceAll(
      {{"-----BEGIN CERTIFICATE REQUEST-----", ""}, {"-----END CERTIFICATE REQUEST-----", ""}}, &text);
  std::string der;
  if (!absl::Base64Unescape(text, &der)) return absl::InvalidArgumentError("the request is not whole PEM");
  return ToBytes(AsBytes(der));
}

}  // namespace

absl::StatusOr<CeremonyResult> RunCeremony(const KeyserverConfig& config, const Secret& passphrase,
                                           const Clock& clock, const crypto::SealCost& cost) {
  const std::string& data_dir = config.data_dir();
  RETURN_IF_ERROR(MakeDirectory(data_dir));
  RETURN_IF_ERROR(CheckFresh(data_dir));
  RETURN_IF_ERROR(identity::CheckDomain(config.organisation_domain()));
  const crypto::P256PrivateKey root_key = crypto::P256PrivateKey::Generate();
  ASSIGN_OR_RETURN(const std::shared_ptr<pkcs11::Token> token, OpenToken(config));
  if (token != nullptr) RETURN_IF_ERROR(pkcs11::ProbeMaking(token));
  ASSIGN_OR_RETURN(const KeyRing keys, MakeKeys(config, token, root_key, clock.Now()));
  ASSIGN_OR_RETURN(audit::LogKey log_key, keys.AuditKey());
  ASSIGN_OR_RETURN(DirectoryLogKeys directory_keys, keys.LogKeys());
  ASSIGN_OR_RETURN(const std::unique_ptr<SqlcipherConnection> connection,
                   SqlcipherConnection::Open(DatabasePath(data_dir), keys.database_key, std::move(log_key),
                                             std::move(directory_keys), clock, db::OpenOptions()));
  audit::Entry entry;
  entry.event = audit::Event::kServiceInitialised;
  entry.actor = "ceremony";
  entry.subject = config.organisation_domain();
  entry.details["root"] = ToHex(keys.root.fingerprint().view());
  RETURN_IF_ERROR(SqlcipherAuditTrail(*connection).Append(entry));
  ASSIGN_OR_RETURN(CeremonyResult result, OpenCode(config, *connection, keys, clock));
  RETURN_IF_ERROR(SealRootKey(data_dir, passphrase, root_key, cost));
  // Last: an organisation exists once its keys do.
  RETURN_IF_ERROR(SealKeyRing(data_dir, passphrase, keys, cost));
  return result;
}

absl::StatusOr<CeremonyResult> ReissueAdministratorCode(const KeyserverConfig& config,
                                                        const Secret& passphrase, const Clock& clock) {
  RETURN_IF_ERROR(UnsealRootKey(config.data_dir(), passphrase).status());
  ASSIGN_OR_RETURN(const KeyRing keys, UnsealKeyRing(config, passphrase));
  ASSIGN_OR_RETURN(audit::LogKey log_key, keys.AuditKey());
  ASSIGN_OR_RETURN(DirectoryLogKeys directory_keys, keys.LogKeys());
  db::OpenOptions options;
  options.create = false;
  ASSIGN_OR_RETURN(const std::unique_ptr<SqlcipherConnection> connection,
                   SqlcipherConnection::Open(DatabasePath(config.data_dir()), keys.database_key,
                                             std::move(log_key), std::move(directory_keys), clock, options));
  return OpenCode(config, *connection, keys, clock);
}

absl::Status AbandonUnlockKeys(const KeyserverConfig& config, const Secret& passphrase, const Clock& clock) {
  ASSIGN_OR_RETURN(const KeyRing keys, UnsealKeyRing(config, passphrase));
  ASSIGN_OR_RETURN(audit::LogKey log_key, keys.AuditKey());
  ASSIGN_OR_RETURN(DirectoryLogKeys directory_keys, keys.LogKeys());
  db::OpenOptions options;
  options.create = false;
  ASSIGN_OR_RETURN(const std::unique_ptr<SqlcipherConnection> connection,
                   SqlcipherConnection::Open(DatabasePath(config.data_dir()), keys.database_key, std::move(log_key),
                                             std::move(directory_keys), clock, options));
  return SqlcipherUnlockStore::Abandon(*connection, config.data_dir());
}

absl::StatusOr<std::string> SignService(const KeyserverConfig& config, const Secret& passphrase,
                                        const ServiceRequest& request, const Clock& clock) {
  if (request.service == identity::Service::kKeyserver) {
    return absl::InvalidArgumentError("the key server signs for delivery and admin; its own comes from init");
  }
  ASSIGN_OR_RETURN(const Bytes der, RequestDer(request.csr));
  ASSIGN_OR_RETURN(const crypto::CertificateRequest csr, crypto::CertificateRequest::Parse(der));
  if (crypto::IsKnownP256Key(csr.spki())) {
    return Refuse(absl::StatusCode::kInvalidArgument, "key_known",
                  "the private half of the key in this request is public knowledge; make the service's keys anew");
  }
  ASSIGN_OR_RETURN(const KeyRing keys, UnsealKeyRing(config, passphrase));
  const Issuer issuer(keys.domain, keys.issuing, keys.issuing_key);
  ASSIGN_OR_RETURN(
      const crypto::Certificate leaf,
      issuer.ServiceTls(csr.spki(), request.service, request.dns_names, request.ip_addresses, clock.Now(), ServiceLife(config)));
  return crypto::ToPemChain({leaf, keys.issuing, keys.root});
}

absl::StatusOr<std::string> ExportTrust(const KeyserverConfig& config, const Secret& passphrase) {
  ASSIGN_OR_RETURN(const KeyRing keys, UnsealKeyRing(config, passphrase));
  return identity::ToText({{keys.root, keys.directory.certificate, keys.grants.certificate, keys.tokens.certificate},
                           keys.organisation_keys});
}

absl::StatusOr<std::string> MakeAuditKey(const KeyserverConfig& config, const Secret& passphrase,
                                         const Clock& clock, const crypto::SealCost& cost) {
  ASSIGN_OR_RETURN(KeyRing keys, UnsealKeyRing(config, passphrase));
  ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database,
                   db::Database::Open(DatabasePath(config.data_dir()), keys.database_key, {.create = false}));
  if (!keys.audit) {
    ASSIGN_OR_RETURN(const crypto::P256PrivateKey root_key, UnsealRootKey(config.data_dir(), passphrase));
    ASSIGN_OR_RETURN(keys.audit, MakeRole(keys.domain, identity::Role::kAudit, keys.root, root_key, clock.Now()));
    RETURN_IF_ERROR(SealKeyRing(config.data_dir(), passphrase, keys, cost));
  }
  ASSIGN_OR_RETURN(const audit::LogKey log_key, keys.AuditKey());
  RETURN_IF_ERROR(audit::MigrateChain(*database, log_key));
  return log_key.verifier().ToText();
}

absl::StatusOr<std::string> MakeLogKey(const KeyserverConfig& config, const Secret& passphrase, const crypto::SealCost& cost) {
  ASSIGN_OR_RETURN(KeyRing keys, UnsealKeyRing(config, passphrase));
  if (!keys.audit) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "audit_key_missing",
                  "these keys are older still; run plumbline-keyserver make-audit-key first");
  }
  if (!keys.transparency || keys.wrapping.empty()) {
    if (!keys.transparency) keys.transparency = TransparencyKeys::Generate();
    if (keys.wrapping.empty()) keys.wrapping = Secret::Random(crypto::kWrappingKeySize);
    RETURN_IF_ERROR(SealKeyRing(config.data_dir(), passphrase, keys, cost));
  }
  ASSIGN_OR_RETURN(const DirectoryLogKeys log, keys.LogKeys());
  return log.signer.verifier().ToText();
}

absl::StatusOr<WitnessesSet> SetWitnesses(const KeyserverConfig& config, const Secret& passphrase, const std::string& policy,
                                          const Clock& clock, const crypto::SealCost& cost) {
  ASSIGN_OR_RETURN(KeyRing keys, UnsealKeyRing(config, passphrase));
  ASSIGN_OR_RETURN(const DirectoryLogKeys log, keys.LogKeys());
  const std::string log_key = log.signer.verifier().ToText();
  directory::WitnessPolicy statement{keys.domain, 1, policy};
  // The operator need not know the log's key.
  if (!absl::StrContains(absl::StrCat("\n", policy), "\nlog ")) statement.text = absl::StrCat("log ", log_key, "\n", policy);
  const absl::StatusOr<tlog::Policy> parsed = directory::ReadPolicyText(statement.text, keys.domain);
  if (!parsed.ok()) return Refuse(absl::StatusCode::kInvalidArgument, "policy_malformed", parsed.status().message());
  if (parsed->logs()[0].key != log.signer.verifier()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "policy_malformed",
                  absl::StrCat("the policy names another key for this log than ", log_key));
  }
  for (const tlog::PolicyWitness& witness : parsed->witnesses()) {
    if (witness.url.empty()) continue;
    const absl::Status usable = http::Client::Create(witness.url, absl::Seconds(1)).status();
    if (!usable.ok()) return Refuse(absl::StatusCode::kInvalidArgument, "policy_malformed", usable.message());
  }
  ASSIGN_OR_RETURN(const crypto::P256PrivateKey root_key, UnsealRootKey(config.data_dir(), passphrase));
  ASSIGN_OR_RETURN(statement.number, SignNextPolicy(keys, statement.text, root_key, clock.Now()));
  RETURN_IF_ERROR(SealKeyRing(config.data_dir(), passphrase, keys, cost));
  return WitnessesSet{statement.number, statement.text, log_key};
}

absl::StatusOr<uint64_t> SignNextPolicy(KeyRing& keys, const std::string& text, const crypto::P256PrivateKey& root_key, absl::Time now) {
  directory::WitnessPolicy statement{keys.domain, 1, text};
  if (keys.witnesses) {
    ASSIGN_OR_RETURN(const directory::WitnessPolicy former, directory::ParseWitnessPolicy(keys.witnesses->policy));
    statement.number = former.number + 1;
  }
  // Its key signs this one statement and is forgotten.
  ASSIGN_OR_RETURN(const RoleKey role, MakeRole(keys.domain, identity::Role::kPolicy, keys.root, root_key, now));
  const Bytes encoded = directory::Encode(statement);
  ASSIGN_OR_RETURN(const Bytes signature, crypto::SignUnder(role.key, identity::kWitnessPolicyLabel, encoded));
  keys.witnesses = {role.certificate.der(), encoded, signature};
  RETURN_IF_ERROR(keys.Witnesses(now).status());
  return statement.number;
}

namespace {

// The database beside a service that may be running, and the log's public key.
struct OpenedRecord {
  std::unique_ptr<db::Database> database;
  tlog::VerifierKey log;
};

absl::StatusOr<OpenedRecord> OpenRecord(const KeyserverConfig& config, const Secret& passphrase) {
  ASSIGN_OR_RETURN(const KeyRing keys, UnsealKeyRing(config, passphrase));
  ASSIGN_OR_RETURN(const audit::LogKey log_key, keys.AuditKey());
  ASSIGN_OR_RETURN(std::unique_ptr<db::Database> database,
                   db::Database::Open(DatabasePath(config.data_dir()), keys.database_key,
                                      {.create = false, .exclusive = false}));
  return OpenedRecord{std::move(database), log_key.verifier()};
}

}  // namespace

absl::StatusOr<AuditState> VerifyAudit(const KeyserverConfig& config, const Secret& passphrase) {
  ASSIGN_OR_RETURN(const OpenedRecord opened, OpenRecord(config, passphrase));
  ASSIGN_OR_RETURN(audit::AuditReader reader, audit::AuditReader::Open(*opened.database, opened.log));
  ASSIGN_OR_RETURN(tlog::Checkpoint checkpoint, reader.Verify());
  return AuditState{std::move(checkpoint), opened.log.ToText()};
}

absl::StatusOr<AuditExport> ExportAudit(const KeyserverConfig& config, const Secret& passphrase) {
  ASSIGN_OR_RETURN(const OpenedRecord opened, OpenRecord(config, passphrase));
  ASSIGN_OR_RETURN(audit::AuditReader reader, audit::AuditReader::Open(*opened.database, opened.log));
  ASSIGN_OR_RETURN(std::string lines, audit::ExportAll(reader));
  return AuditExport{std::move(lines), opened.log.ToText()};
}

namespace {

struct OpenedLog {
  std::unique_ptr<db::Database> database;
  DirectoryLogKeys keys;
  KeyRing ring;
};

absl::StatusOr<OpenedLog> OpenLog(const KeyserverConfig& config, const Secret& passphrase) {
  ASSIGN_OR_RETURN(KeyRing keys, UnsealKeyRing(config, passphrase));
  ASSIGN_OR_RETURN(DirectoryLogKeys log, keys.LogKeys());
  ASSIGN_OR_RETURN(std::unique_ptr<db::Database> database,
                   db::Database::Open(DatabasePath(config.data_dir()), keys.database_key, {.create = false, .exclusive = false}));
  return OpenedLog{std::move(database), std::move(log), std::move(keys)};
}

}  // namespace

absl::Status ExportLog(const KeyserverConfig& config, const Secret& passphrase, const std::string& folder) {
  ASSIGN_OR_RETURN(const OpenedLog opened, OpenLog(config, passphrase));
  DirectoryLog log(*opened.database, opened.keys);
  return WriteLogFiles(*opened.database, log, folder);
}

absl::StatusOr<OpeningsExport> ExportOpenings(const KeyserverConfig& config, const Secret& passphrase) {
  ASSIGN_OR_RETURN(const OpenedLog opened, OpenLog(config, passphrase));
  DirectoryLog log(*opened.database, opened.keys);
  OpeningsExport out;
  ASSIGN_OR_RETURN(out.openings, AllOpenings(*opened.database, log, opened.keys.vrf));
  ASSIGN_OR_RETURN(std::vector<crypto::Certificate> trust, opened.ring.Authorities());
  trust.insert(trust.begin(), opened.ring.root);
  out.trust = crypto::ToPemChain(trust);
  ASSIGN_OR_RETURN(db::Statement select, opened.database->Prepare("SELECT public_key FROM administrator ORDER BY registered_unix, key_id"));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return out;
    out.administrators.push_back(ToHex(select.Blob(0)));
  }
}

}  // namespace plumbline::keyserver
