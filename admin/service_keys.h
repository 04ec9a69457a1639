// The admin service's own keys: they authorise it to speak to the key server and open its audit record,
// nothing more.
#pragma once

#include <optional>
#include <string>

#include "common/audit/log_key.h"
#include "common/clock.h"
#include "common/crypto/p256.h"
#include "common/crypto/live_issuers.h"
#include "common/crypto/x509.h"
#include "common/db/database.h"
#include "common/rpc/credentials.h"
#include "common/rpc/service_certificate.h"
#include "common/secret.h"
#include "common/status.h"
#include "plumbline/config/v1/admin.pb.h"

namespace plumbline::admin {

// struct { opaque database_key[32]; opaque tls_key<V>; opaque audit_seed[32]; } ServiceKeys;   the second as PKCS#8
// DER; the third is absent in a file of an earlier version; sealed in admin.keys
struct ServiceKeys {
  db::Key database_key;
  crypto::P256PrivateKey tls_key;
  std::optional<crypto::Ed25519KeyPair> audit;

  // The key of the record of the admin service of `domain`. FAILED_PRECONDITION audit_key_missing, with the remedy.
  absl::StatusOr<audit::LogKey> AuditKey(absl::string_view domain) const;
};

std::string SealedPath(const config::v1::AdminConfig& config);    // <data_dir>/admin.keys
std::string DatabasePath(const config::v1::AdminConfig& config);  // <data_dir>/admin.db
std::string RequestPath(const config::v1::AdminConfig& config);   // <data_dir>/admin.csr, DER

// Makes the certificate request, the sealed keys and the audit record with its first entry. The folder is
// made with mode 0700 if it is not there. ALREADY_EXISTS already_initialised if there are keys: they are
// never replaced.
absl::Status Initialise(const config::v1::AdminConfig& config, const Secret& passphrase, const Clock& clock);

// FAILED_PRECONDITION not_initialised; PERMISSION_DENIED passphrase_wrong; DATA_LOSS.
absl::StatusOr<ServiceKeys> OpenServiceKeys(const config::v1::AdminConfig& config, const Secret& passphrase);

// Adds the audit key to a file that has none. Codes as OpenServiceKeys.
absl::Status AddAuditKey(const config::v1::AdminConfig& config, const Secret& passphrase);

struct ServiceIdentity {
  rpc::TlsIdentity tls;
  std::string root_pem;
  absl::Time not_after;  // of the leaf
};

// The certificate that the service uses: the file's, or a renewed one that is kept beside the keys (common/rpc/service_certificate.h).
// As LoadIdentity where there is neither. `live` outlives it.
absl::StatusOr<std::unique_ptr<rpc::ServiceCertificate>> OpenCertificate(const config::v1::AdminConfig& config, const ServiceKeys& keys,
                                                                         rpc::LiveIdentity& live, absl::Time now);

// The certificate file, checked against everything a mistake could break: it is for this key, names this
// service, is under the root of `root_fingerprint`, and is valid at `now`. FAILED_PRECONDITION
// certificate_missing, certificate_wrong, certificate_expired, certificate_not_yet_valid, with the remedy.
absl::StatusOr<ServiceIdentity> LoadIdentity(const config::v1::AdminConfig& config, const ServiceKeys& keys,
                                             absl::Time now);

// What the configuration's trust file says of replaced issuing authorities; null where there is none. FAILED_PRECONDITION trust_invalid.
absl::StatusOr<rpc::Issuers> LoadIssuers(const config::v1::AdminConfig& config, const crypto::Certificate& root, absl::Time now);

}  // namespace plumbline::admin
