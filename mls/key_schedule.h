// From one epoch's secrets to the next (RFC 9420 §8). Every secret is its own type, hash_size() bytes long, and
// move-only: a function that takes one by value consumes it, as the RFC's deletion schedule (§9.2) asks.
#pragma once

#include <vector>

#include "absl/strings/string_view.h"
#include "common/bytes.h"
#include "common/codec.h"
#include "common/secret.h"
#include "common/status.h"
#include "mls/crypto/cipher_suite.h"
#include "mls/psk.h"

namespace plumbline::mls {

struct InitSecret { Secret bytes; };
struct CommitSecret { Secret bytes; };  // the path's; all zero for a commit without path
struct PskSecret { Secret bytes; };     // all zero without PSKs
struct JoinerSecret { Secret bytes; };
struct EpochSecret { Secret bytes; };
struct SenderDataSecret { Secret bytes; };
struct EncryptionSecret { Secret bytes; };
struct ExporterSecret { Secret bytes; };
struct ExternalSecret { Secret bytes; };
struct ConfirmationKey { Secret bytes; };
struct MembershipKey { Secret bytes; };
struct ResumptionPsk { Secret bytes; };
struct EpochAuthenticator { Secret bytes; };

// Table 4 of §8, but for the welcome secret. Held for as long as the epoch is; `encryption` goes to its SecretTree.
struct EpochSecrets {
  SenderDataSecret sender_data;
  EncryptionSecret encryption;
  ExporterSecret exporter;
  ExternalSecret external;
  ConfirmationKey confirmation;
  MembershipKey membership;
  ResumptionPsk resumption;
  EpochAuthenticator authenticator;
  InitSecret init;  // of the next epoch
};

CommitSecret ZeroCommitSecret(const CipherSuite& suite);
PskSecret ZeroPskSecret(const CipherSuite& suite);

// `group_context` is the encoded GroupContext of the epoch that begins.
JoinerSecret DeriveJoinerSecret(const CipherSuite& suite, InitSecret init, CommitSecret commit, ByteView group_context);

// The AEAD key and nonce of a Welcome's GroupInfo (§12.4.3.1).
struct WelcomeKey {
  Secret key;    // aead_key_size() bytes
  Secret nonce;  // aead_nonce_size() bytes
};
WelcomeKey DeriveWelcomeKey(const CipherSuite& suite, const JoinerSecret& joiner, const PskSecret& psk);
// The secret they come from.
Secret DeriveWelcomeSecret(const CipherSuite& suite, const JoinerSecret& joiner, const PskSecret& psk);

EpochSecret DeriveEpochSecret(const CipherSuite& suite, JoinerSecret joiner, PskSecret psk, ByteView group_context);
// A group's first epoch starts from a random EpochSecret (§11).
EpochSecrets DeriveEpochSecrets(const CipherSuite& suite, EpochSecret epoch);

// The group's key pair for external commits (§8.3): its public half goes into the external_pub extension.
HpkeKeyPair DeriveExternalKeyPair(const CipherSuite& suite, const ExternalSecret& external);

// §8.3: the init secret of an external commit, at the joiner and at the members. INVALID_ARGUMENT for an unusable key.
struct ExternalInit {
  Bytes kem_output;  // for the ExternalInit proposal
  InitSecret init;
};
absl::StatusOr<ExternalInit> MakeExternalInit(const CipherSuite& suite, ByteView external_public_key);
absl::StatusOr<InitSecret> OpenExternalInit(const CipherSuite& suite, const ExternalSecret& external,
                                            ByteView kem_output);

// §8.4: all PSKs of one commit, in the order of its proposals. INVALID_ARGUMENT for more than 65535.
struct Psk {
  PreSharedKeyId id;
  Secret secret;
};
absl::StatusOr<PskSecret> DerivePskSecret(const CipherSuite& suite, const std::vector<Psk>& psks);

// §8.5, MLS-Exporter: `size` bytes that only the members of the epoch know, `size` <= 255 * hash_size().
Secret Export(const CipherSuite& suite, const ExporterSecret& exporter, absl::string_view label, ByteView context,
              size_t size);

// The whole of EpochSecrets, for storage. Reading: INVALID_ARGUMENT unless every secret has hash_size() bytes, or is
// empty because it was consumed before it was written.
void WriteEpochSecrets(Writer& out, const EpochSecrets& secrets);
absl::StatusOr<EpochSecrets> ReadEpochSecrets(const CipherSuite& suite, Reader& in);
EpochSecrets CopyOf(const EpochSecrets& secrets);

}  // namespace plumbline::mls
