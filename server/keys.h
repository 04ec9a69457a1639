// The two secrets of the server: the database key and the TLS key, in one file sealed under the operator's passphrase.
//
//   struct { uint8 version = 1; opaque database_key[32]; opaque tls_key<V>; /* PKCS#8 */ } ServerKeys;
#pragma once

#include <string>

#include "common/crypto/p256.h"
#include "common/crypto/sealed_file.h"
#include "common/db/database.h"
#include "common/status.h"

namespace plumbline::server {

struct ServerKeys {
  db::Key database;
  crypto::P256PrivateKey tls;
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

}  // namespace plumbline::server
