// The secrets of the server: the database key, the TLS key and the key that signs its audit record, in one file sealed under the operator's passphrase.
//
//   struct { uint8 version = 2; opaque database_key[32]; opaque tls_key<V>; /* PKCS#8 */ opaque audit_seed[32]; } ServerKeys;
//   Version 1 has no audit_seed.
#pragma once

#include <optional>
#include <string>

#include "common/audit/log_key.h"
#include "common/crypto/p256.h"
#include "common/crypto/sealed_file.h"
#include "common/db/database.h"
#include "common/status.h"

namespace plumbline::server {

struct ServerKeys {
  db::Key database;
  crypto::P256PrivateKey tls;
  std::optional<crypto::Ed25519KeyPair> audit;  // none in a file of version 1

  // The key of the record of the delivery server of `domain`. FAILED_PRECONDITION audit_key_missing, with the remedy.
  absl::StatusOr<audit::LogKey> AuditKey(absl::string_view domain) const;
};

inline constexpr char kKeysFile[] = "server.keys";  // in the data directory
inline constexpr char kRequestFile[] = "server.csr";
inline constexpr char kDatabaseFile[] = "server.db";
inline constexpr char kAttachmentsFile[] = "attachments.db";

// Makes the data directory (0700), new keys and a certificate request for them. Never replaces keys: FAILED_PRECONDITION
// already_initialised. UNAVAILABLE if the disk refuses.
absl::Status InitialiseKeys(const std::string& data_dir, const Secret& passphrase,
                            const crypto::SealCost& cost = crypto::SealCost());

// FAILED_PRECONDITION not_initialised; PERMISSION_DENIED for a wrong passphrase; DATA_LOSS.
absl::StatusOr<ServerKeys> OpenKeys(const std::string& data_dir, const Secret& passphrase);

// The key of the attachments' database, from that of the server's (common/identity/attachment.h).
db::Key AttachmentsKey(const db::Key& database);

// What the keys of renewed certificates are wrapped under (common/rpc/service_certificate.h).
Secret CertificateWrapping(const db::Key& database);

// Adds the audit key to a file that has none.
absl::Status AddAuditKey(const std::string& data_dir, const Secret& passphrase,
                         const crypto::SealCost& cost = crypto::SealCost());

}  // namespace plumbline::server
