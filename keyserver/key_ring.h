// The organisation's keys as the key server holds them, and the two files they rest in: keys.sealed, which
// the service opens at every start, and root.sealed, which only ceremonies open.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/audit/log_key.h"
#include "common/crypto/ed25519.h"
#include "common/crypto/key_wrap.h"
#include "common/crypto/p256.h"
#include "common/crypto/sealed_box.h"
#include "common/crypto/sealed_file.h"
#include "common/crypto/vrf.h"
#include "common/crypto/x509.h"
#include "common/db/database.h"
#include "common/directory/witness_policy.h"
#include "common/identity/organisation_keys.h"
#include "common/identity/uri.h"
#include "common/secret.h"
#include "common/status.h"
#include "keyserver/former_log_key.h"
#include "keyserver/signing_key.h"
#include "keyserver/store/directory_log.h"
#include "keyserver/token_binding.h"

namespace plumbline::config::v1 {
class KeyserverConfig;
}

namespace plumbline::keyserver {

// A role's signing key and its certificate, signed by the root.
struct RoleKey {
  SigningKey key;
  crypto::Certificate certificate;
};

// What the directory's log is signed and its indices are made with (docs/transparency.md).
struct TransparencyKeys {
  SigningKey log;
  crypto::VrfKeyPair vrf;
  Secret follow;  // 32 bytes: from it come the keys by which people follow each other in the change feed
  static TransparencyKeys Generate(SigningKey log = crypto::Ed25519KeyPair::Generate());
};

// Everything keys.sealed holds. Move-only. One for each process; signing is thread-safe.
struct KeyRing {
  std::string domain;
  crypto::Certificate root;
  crypto::Certificate issuing;
  AuthorityKey issuing_key;
  RoleKey directory;
  RoleKey grants;
  RoleKey tokens;
  crypto::P256PrivateKey service_key;  // the key server's own TLS key, with which it begins (own_certificate.h)
  crypto::Certificate service_certificate;
  crypto::SealedBoxKeyPair grant_escrow;  // serials of drawn grants are recorded sealed to it
  std::optional<RoleKey> audit;           // signs the audit record; none in a ring of version 1
  std::optional<TransparencyKeys> transparency;  // none in a ring of version 1 or 2
  std::optional<directory::SignedWitnessPolicy> witnesses;  // none until they are named
  Secret wrapping;  // 32 bytes: what secret keys in the database are wrapped under derives from it; empty in a ring below version 4
  db::Key database_key;
  std::shared_ptr<const pkcs11::DerivationKey> bound_to = nullptr;  // what keys.sealed is bound to; null: it opens with the passphrase alone
  Bytes organisation_keys = {};  // encoded identity::SignedOrganisationKeys; empty in a ring below version 5: none was ever replaced
  std::optional<FormerLogKey> former_log = std::nullopt;  // beside keys.sealed, not in it: signs the directory's log too, until it ends

  // Number 0 where there is no statement. DATA_LOSS.
  absl::StatusOr<identity::OrganisationKeys> Statement() const;
  // What counts of the role keys, this ring's own and the ones they replaced.
  absl::StatusOr<identity::TrustedKeys> Trusted() const;

  // The issuing authorities there are and were, the current one first. DATA_LOSS.
  absl::StatusOr<std::vector<crypto::Certificate>> Authorities() const;

  // FAILED_PRECONDITION audit_key_missing, with the remedy.
  absl::StatusOr<audit::LogKey> AuditKey() const;
  // Which log of the directory this is, as directory::LogNumber: the one that the witness policy is for; 1 before there is one. DATA_LOSS.
  absl::StatusOr<uint64_t> LogNumber() const;
  // FAILED_PRECONDITION directory_log_key_missing, witnesses_missing, with the remedy.
  absl::StatusOr<DirectoryLogKeys> LogKeys() const;
  absl::StatusOr<directory::VerifiedPolicy> Witnesses(absl::Time now) const;
  // For one kind of secret keys, by its label, and under a second secret where `salt` is one. FAILED_PRECONDITION
  // wrapping_key_missing, with the remedy.
  absl::StatusOr<crypto::KeyWrap> WrapFor(absl::string_view label, ByteView salt = {}) const;

  Secret Serialize() const;
  // DATA_LOSS unless `stored` came from Serialize; codes of SigningKey::Parse for keys in a token.
  static absl::StatusOr<KeyRing> Parse(ByteView stored, const std::shared_ptr<pkcs11::Token>& token = nullptr);

  std::string RootPem() const { return root.ToPem(); }
};

// Where the parts of a key server are within its data directory.
std::string KeysPath(const std::string& data_dir);      // keys.sealed
std::string NextKeysPath(const std::string& data_dir);  // keys.next: the ring that replaces it, while that is going on
std::string NextLogPath(const std::string& data_dir);   // log.next: the same, where the directory's next log begins
std::string RootPath(const std::string& data_dir);      // root.sealed
std::string DatabasePath(const std::string& data_dir);  // keyserver.db

// A bound ring is bound anew: UNAVAILABLE without its token; FAILED_PRECONDITION keys_not_in_token if a key that signs is outside of it.
absl::Status SealKeyRing(const std::string& data_dir, const Secret& passphrase, const KeyRing& keys,
                         const crypto::SealCost& cost = crypto::SealCost());
absl::Status SealNextKeyRing(const std::string& data_dir, const Secret& passphrase, const KeyRing& keys, const crypto::SealCost& cost);
absl::Status SealNextLogRing(const std::string& data_dir, const Secret& passphrase, const KeyRing& keys, const crypto::SealCost& cost);
// FAILED_PRECONDITION not_initialised if there is none; PERMISSION_DENIED passphrase_wrong; DATA_LOSS.
// A ring that is bound to a token, or has keys in it, needs `token`: FAILED_PRECONDITION pkcs11_not_configured where it is null,
// keys_not_in_token where there is one and the ring does not need it; codes of Unbind.
absl::StatusOr<KeyRing> UnsealKeyRing(const std::string& data_dir, const Secret& passphrase,
                                      const std::shared_ptr<pkcs11::Token>& token = nullptr);
// Where and how the configuration says. Codes of OpenToken too.
absl::StatusOr<KeyRing> UnsealKeyRing(const config::v1::KeyserverConfig& config, const Secret& passphrase);
// NOT_FOUND if there is none; DATA_LOSS if it is not whole.
absl::StatusOr<KeyRing> UnsealNextKeyRing(const config::v1::KeyserverConfig& config, const Secret& passphrase);
absl::StatusOr<KeyRing> UnsealNextLogRing(const config::v1::KeyserverConfig& config, const Secret& passphrase);

// The root's private key alone.
absl::Status SealRootKey(const std::string& data_dir, const Secret& passphrase,
                         const crypto::P256PrivateKey& key,
                         const crypto::SealCost& cost = crypto::SealCost());
// FAILED_PRECONDITION root_key_missing; else codes as UnsealKeyRing without a token.
absl::StatusOr<crypto::P256PrivateKey> UnsealRootKey(const std::string& data_dir, const Secret& passphrase);

}  // namespace plumbline::keyserver
