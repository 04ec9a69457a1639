// What an administrator's tool keeps in its folder: where the admin service is, which root to trust, and the
// administrator's own key, sealed under a passphrase.
//   profile.yaml (config.v1.AdminProfile)    root.pem    administrator.key (sealed)
//   organisation.keys (identity::SignedOrganisationKeys), once the key server has shown one
#pragma once

#include <string>

#include "common/crypto/ed25519.h"
#include "common/crypto/fingerprint.h"
#include "common/crypto/sealed_file.h"
#include "common/crypto/x509.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::admin {

struct Profile {
  std::string server;       // host:port of the admin service
  std::string server_name;  // the name its certificate carries, if not the host of `server`
  std::string domain;
  crypto::Fingerprint organisation;
  std::string root_pem;  // its fingerprint is `organisation`
  crypto::ReplacedIssuers replaced = {};  // issuing authorities, for connections
};

// Makes the folder (mode 0700) and writes both files atomically, replacing an earlier profile. The key is not
// touched. INVALID_ARGUMENT address_wrong, domain_wrong; PERMISSION_DENIED root_mismatch if `root_pem` is
// another root.
absl::Status SaveProfile(const std::string& home, const Profile& profile);

// FAILED_PRECONDITION not_set_up, with the remedy; DATA_LOSS profile_damaged if the root is not the one the
// profile names.
absl::StatusOr<Profile> LoadProfile(const std::string& home);

// Keeps a statement of the organisation's keys that was verified, unless it is no newer than the one that is kept.
absl::Status KeepOrganisationKeys(const std::string& home, ByteView keys);

// Makes a new Ed25519 key. ALREADY_EXISTS key_exists: a key is never overwritten. INVALID_ARGUMENT for a weak
// passphrase.
absl::StatusOr<crypto::Ed25519PublicKey> CreateAdministratorKey(
    const std::string& home, const Secret& passphrase, const crypto::SealCost& cost = crypto::SealCost());

// FAILED_PRECONDITION no_key; PERMISSION_DENIED passphrase_wrong; DATA_LOSS.
absl::StatusOr<crypto::Ed25519KeyPair> OpenAdministratorKey(const std::string& home,
                                                            const Secret& passphrase);

// What the key server knows an administrator by: SHA-256 of the public key, in hex.
std::string KeyId(const crypto::Ed25519PublicKey& key);

}  // namespace plumbline::admin
