#include "admin/service_keys.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/audit/audit_log.h"
#include "common/codec.h"
#include "common/crypto/hkdf.h"
#include "common/crypto/key_wrap.h"
#include "common/crypto/sealed_file.h"
#include "common/file.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/identity/trust.h"
#include "common/identity/uri.h"

namespace plumbline::admin {
namespace {

constexpr size_t kMaxTlsKey = 1024;               // bytes of PKCS#8
constexpr size_t kMaxCertificateFile = 64 << 10;  // bytes of PEM
constexpr size_t kMaxTrust = 256 << 10;           // bytes of text

absl::Status Broken(absl::string_view reason, absl::string_view text) {
  return identity::Refuse(absl::StatusCode::kFailedPrecondition, reason, text);
}

absl::Status MakeFolder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return Broken("folder_unusable", absl::StrCat("cannot make the folder ", path, ": ", std::strerror(errno),
                                                "; make the folder above it, writable for this user"));
}

bool Exists(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0;
}

// A fresh, empty audit record whose first entry says that the service was made.
absl::Status MakeAuditRecord(const config::v1::AdminConfig& config, const ServiceKeys& keys, const Clock& clock) {
  ASSIGN_OR_RETURN(const audit::LogKey log_key, keys.AuditKey(config.organisation_domain()));
  ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database,
                   db::Database::Open(DatabasePath(config), keys.database_key));
  ASSIGN_OR_RETURN(audit::AuditLog log, audit::AuditLog::Open(*database, clock, log_key));
  return log.Append({.event = audit::Event::kServiceInitialised, .actor = "admin"}).status();
}

absl::Status Seal(const config::v1::AdminConfig& config, const Secret& passphrase, const ServiceKeys& keys) {
  Writer out;
  out.Fixed(keys.database_key.view()).Vector(keys.tls_key.der()).Fixed(keys.audit->seed());
  return crypto::SealToFile(SealedPath(config), passphrase, out.view());
}

absl::StatusOr<ServiceKeys> ParseKeys(ByteView content) {
  Reader in(content);
  ASSIGN_OR_RETURN(const ByteView database_key, in.Fixed(db::Key::kSize));
  ASSIGN_OR_RETURN(const ByteView tls_key, in.Vector(kMaxTlsKey));
  std::optional<crypto::Ed25519KeyPair> audit;
  if (!in.AtEnd()) {
    ASSIGN_OR_RETURN(const ByteView seed, in.Fixed(crypto::kEd25519SeedSize));
    ASSIGN_OR_RETURN(audit, crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(seed)));
  }
  RETURN_IF_ERROR(in.Done());
  ASSIGN_OR_RETURN(db::Key key, db::Key::FromSecret(Secret::CopyOf(database_key)));
  ASSIGN_OR_RETURN(crypto::P256PrivateKey private_key, crypto::P256PrivateKey::FromDer(tls_key));
  return ServiceKeys{std::move(key), std::move(private_key), std::move(audit)};
}

absl::Status CheckLeaf(const config::v1::AdminConfig& config, const ServiceKeys& keys,
                       const crypto::Certificate& leaf) {
  if (leaf.spki() != keys.tls_key.spki()) {
    return Broken("certificate_wrong",
                  absl::StrCat(config.certificate_file(),
                               " is not for this service's key; have the key server's operator "
                               "issue one from ",
                               RequestPath(config)));
  }
  const std::string uri =
      identity::ServiceUri{config.organisation_domain(), identity::Service::kAdmin}.ToString();
  if (leaf.uris() != std::vector<std::string>{uri}) {
    return Broken("certificate_wrong",
                  absl::StrCat(config.certificate_file(), " does not name ", uri,
                               "; have one signed for the "
                               "service \"admin\", or correct the domain in the configuration"));
  }
  return absl::OkStatus();
}

absl::Status CheckValidity(const crypto::Certificate& leaf, absl::Time now) {
  const std::string clock = absl::FormatTime("%Y-%m-%d %H:%M UTC", now, absl::UTCTimeZone());
  if (now >= leaf.not_after()) {
    return Broken("certificate_expired",
                  absl::StrCat("the service's certificate has expired and the clock says ", clock,
                               "; renew it, or correct the clock"));
  }
  if (now < leaf.not_before()) {
    return Broken("certificate_not_yet_valid",
                  absl::StrCat("the service's certificate is not valid yet and the clock says ", clock,
                               "; correct the clock"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string SealedPath(const config::v1::AdminConfig& config) {
  return absl::StrCat(config.data_dir(), "/admin.keys");
}
std::string DatabasePath(const config::v1::AdminConfig& config) {
  return absl::StrCat(config.data_dir(), "/admin.db");
}
std::string RequestPath(const config::v1::AdminConfig& config) {
  return absl::StrCat(config.data_dir(), "/admin.csr");
}

absl::Status Initialise(const config::v1::AdminConfig& config, const Secret& passphrase, const Clock& clock) {
  RETURN_IF_ERROR(identity::CheckDomain(config.organisation_domain()));
  RETURN_IF_ERROR(MakeFolder(config.data_dir()));
  if (Exists(SealedPath(config))) {
    return identity::Refuse(absl::StatusCode::kAlreadyExists, "already_initialised",
                            absl::StrCat(config.data_dir(),
                                         " already holds the keys of an admin service; choose another "
                                         "folder, or keep these"));
  }
  if (Exists(DatabasePath(config))) {
    return Broken("folder_unusable",
                  absl::StrCat(DatabasePath(config), " is there without its keys; move it away first"));
  }
  const ServiceKeys keys{db::Key::Random(), crypto::P256PrivateKey::Generate(), crypto::Ed25519KeyPair::Generate()};
  RETURN_IF_ERROR(
      WriteFileAtomically(RequestPath(config), crypto::CertificateRequest::Create(keys.tls_key), 0644));
  RETURN_IF_ERROR(Seal(config, passphrase, keys));
  return MakeAuditRecord(config, keys, clock);
}

absl::Status AddAuditKey(const config::v1::AdminConfig& config, const Secret& passphrase) {
  ASSIGN_OR_RETURN(ServiceKeys keys, OpenServiceKeys(config, passphrase));
  if (keys.audit) return absl::OkStatus();
  keys.audit = crypto::Ed25519KeyPair::Generate();
  return Seal(config, passphrase, keys);
}

absl::StatusOr<audit::LogKey> ServiceKeys::AuditKey(absl::string_view domain) const {
  if (!audit) {
    return Broken("audit_key_missing",
                  "these keys were made before audit records were signed; run plumbline-admin record make-key once");
  }
  ASSIGN_OR_RETURN(crypto::Ed25519KeyPair key, crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(audit->seed())));
  return audit::LogKey::Create(audit::Origin(domain, "admin"), std::move(key));
}

absl::StatusOr<ServiceKeys> OpenServiceKeys(const config::v1::AdminConfig& config, const Secret& passphrase) {
  absl::StatusOr<Secret> content = crypto::OpenSealedFile(SealedPath(config), passphrase);
  if (absl::IsNotFound(content.status())) {
    return Broken("not_initialised",
                  absl::StrCat("there is no ", SealedPath(config), "; run plumbline-admin init first"));
  }
  if (absl::IsPermissionDenied(content.status())) {
    return identity::Refuse(absl::StatusCode::kPermissionDenied, "passphrase_wrong",
                            absl::StrCat("the passphrase does not open ", SealedPath(config)));
  }
  RETURN_IF_ERROR(content.status());
  absl::StatusOr<ServiceKeys> keys = ParseKeys(content->view());
  if (!keys.ok()) {
    return identity::Refuse(absl::StatusCode::kDataLoss, "sealed_file_damaged",
                            absl::StrCat(SealedPath(config), " opens, but does not hold the service's keys; restore it from a backup"));
  }
  return keys;
}

// The organisation's root from the certificate file, whatever else is wrong with that.
absl::StatusOr<std::vector<crypto::Certificate>> ReadChain(const config::v1::AdminConfig& config) {
  const absl::StatusOr<std::string> pem = ReadTextFile(config.certificate_file(), kMaxCertificateFile);
  if (!pem.ok()) {
    return Broken("certificate_missing", absl::StrCat("cannot read ", config.certificate_file(),
                                                      "; have the key server's operator issue it from ",
                                                      RequestPath(config), " and put it there"));
  }
  const absl::StatusOr<std::vector<crypto::Certificate>> chain = crypto::ParsePemChain(*pem);
  if (!chain.ok() || chain->size() != 3) {
    return Broken("certificate_wrong", absl::StrCat(config.certificate_file(),
                                                    " does not hold three certificates: leaf, "
                                                    "issuing, root"));
  }
  ASSIGN_OR_RETURN(const crypto::Fingerprint fingerprint,
                   crypto::Fingerprint::FromText(config.root_fingerprint()));
  if ((*chain)[2].fingerprint() != fingerprint) {
    return Broken("certificate_wrong", absl::StrCat("the root in ", config.certificate_file(),
                                                    " is not the organisation's: "
                                                    "its fingerprint is ",
                                                    (*chain)[2].fingerprint().ToText()));
  }
  return *chain;
}

absl::StatusOr<std::unique_ptr<rpc::ServiceCertificate>> OpenCertificate(const config::v1::AdminConfig& config, const ServiceKeys& keys,
                                                                         rpc::LiveIdentity& live, absl::Time now) {
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain, ReadChain(config));
  absl::StatusOr<ServiceIdentity> brought = LoadIdentity(config, keys, now);
  Secret wrapping = crypto::HkdfSha256(keys.database_key.view(), {}, AsBytes(identity::kServiceKeysAtRestLabel), crypto::kWrappingKeySize);
  return rpc::ServiceCertificate::Open(
      {absl::StrCat(config.data_dir(), "/", rpc::kKeptCertificateFile), std::move(wrapping), chain[2],
       identity::ServiceUri{config.organisation_domain(), identity::Service::kAdmin}.ToString()},
      brought.ok() ? absl::StatusOr<rpc::TlsIdentity>(std::move(brought->tls)) : brought.status(), live, now);
}

absl::StatusOr<ServiceIdentity> LoadIdentity(const config::v1::AdminConfig& config, const ServiceKeys& keys,
                                             absl::Time now) {
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain, ReadChain(config));
  RETURN_IF_ERROR(CheckLeaf(config, keys, chain[0]));
  RETURN_IF_ERROR(CheckValidity(chain[0], now));
  const absl::Status verified =
      crypto::VerifyChain(chain[0], {chain[1]}, chain[2], now, crypto::Purpose::kTlsPeer);
  if (!verified.ok()) {
    return Broken("certificate_wrong", absl::StrCat(config.certificate_file(), " cannot be used: ", identity::TextOf(verified),
                                                    "; have the key server's operator issue it again from ",
                                                    RequestPath(config)));
  }
  return ServiceIdentity{.tls = {.chain_pem = crypto::ToPemChain(chain), .key_pem = keys.tls_key.ToPem()},
                         .root_pem = chain[2].ToPem(),
                         .not_after = chain[0].not_after()};
}

absl::StatusOr<rpc::Issuers> LoadIssuers(const config::v1::AdminConfig& config, const crypto::Certificate& root, absl::Time now) {
  if (config.trust_file().empty()) return rpc::Issuers();
  const absl::StatusOr<std::string> text = ReadTextFile(config.trust_file(), kMaxTrust);
  const auto trust = text.ok() ? identity::ParseTrustBundle(*text, config.organisation_domain(), now)
                               : absl::StatusOr<identity::OrganisationTrust>(text.status());
  if (trust.ok() && trust->root == root) return rpc::Issuers(std::make_shared<const crypto::LiveIssuers>(trust->Keys().replaced()));
  return Broken("trust_invalid", absl::StrCat(config.trust_file(), " cannot be used: ",
                                              trust.ok() ? "it is another organisation's" : identity::TextOf(trust.status()),
                                              "; check the clock, then export it again from the key server"));
}

}  // namespace plumbline::admin
