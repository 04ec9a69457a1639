// Hybrid Public Key Encryption (RFC 9180): the DHKEMs of KemId, HKDF over HashId and the AEADs of AeadId, in all four
// modes. Usable without the rest of MLS.
#pragma once

#include <cstdint>

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"
#include "mls/crypto/hash.h"
#include "mls/crypto/kem.h"
#include "mls/crypto/keys.h"
#include "mls/crypto/primitives.h"

namespace plumbline::mls {

// A ciphersuite of RFC 9180 §7. An AEAD alone stands for the one with X25519 and SHA-256.
struct HpkeSuite {
  constexpr HpkeSuite(AeadId a) : aead(a) {}
  constexpr HpkeSuite(KemId k, HashId h, AeadId a) : kem(k), kdf(h), aead(a) {}
  KemId kem = KemId::kX25519;
  HashId kdf = HashId::kSha256;
  AeadId aead;
};

// The key pair of RFC 9180 §7.1.3. INVALID_ARGUMENT if `ikm` is shorter than a private key and than the KEM's hash
// (RFC 9420 derives P-521 keys, of 66 bytes, from 64).
absl::StatusOr<HpkeKeyPair> DeriveKemKeyPair(KemId kem, ByteView ikm);
inline absl::StatusOr<HpkeKeyPair> DeriveX25519KeyPair(ByteView ikm) { return DeriveKemKeyPair(KemId::kX25519, ikm); }

// What both sides know besides the keys. The mode follows from what is present (RFC 9180 §5.1):
// base, psk (psk and psk_id), auth (a sender key), auth_psk (both). Everything is borrowed for the call.
struct HpkePsk {
  ByteView psk;  // at least 32 bytes of entropy, or empty
  ByteView id;   // empty if and only if `psk` is
};

// One direction of an HPKE session. Messages are numbered from 0 on both sides and must arrive in order.
// Move-only; a moved-from context must not be used. Not thread-safe.
class HpkeContext final {
 public:
  HpkeContext(HpkeContext&&) noexcept = default;
  HpkeContext& operator=(HpkeContext&&) noexcept = default;

  // FAILED_PRECONDITION for kExportOnly; RESOURCE_EXHAUSTED after 2^64 - 1 messages.
  absl::StatusOr<Bytes> Seal(ByteView aad, ByteView plaintext);
  // Also INVALID_ARGUMENT if it does not authenticate; the sequence number is not consumed then.
  absl::StatusOr<Secret> Open(ByteView aad, ByteView ciphertext);
  // §5.3. INVALID_ARGUMENT if `size` is over MaxHkdfSize of the suite's hash.
  absl::StatusOr<Secret> Export(ByteView context, size_t size) const;

 private:
  friend class HpkeSchedule;
  HpkeContext(HpkeSuite suite, Secret key, Secret base_nonce, Secret exporter_secret)
      : suite_(suite), key_(std::move(key)), base_nonce_(std::move(base_nonce)),
        exporter_secret_(std::move(exporter_secret)) {}
  absl::StatusOr<Secret> Nonce() const;

  HpkeSuite suite_;
  Secret key_;
  Secret base_nonce_;
  Secret exporter_secret_;
  uint64_t sequence_ = 0;
};

struct HpkeSender {
  Bytes kem_output;  // KemPublicKeySize bytes, sent beside the first ciphertext
  HpkeContext context;
};

// Makes a session to the owner of `recipient`. `sender` is the sender's own key for the auth modes, else null.
// INVALID_ARGUMENT for a key that is none of the KEM or of small order, or a psk without its id (and vice versa).
absl::StatusOr<HpkeSender> SetupHpkeSender(HpkeSuite suite, ByteView recipient, ByteView info, const HpkePsk& psk = {},
                                           const HpkePrivateKey* sender = nullptr);
// The same with a chosen ephemeral key, for published vectors only: a key used twice breaks confidentiality.
absl::StatusOr<HpkeSender> SetupHpkeSenderWithEphemeral(const HpkeKeyPair& ephemeral, HpkeSuite suite, ByteView recipient,
                                                        ByteView info, const HpkePsk& psk = {},
                                                        const HpkePrivateKey* sender = nullptr);

// The other end. `public_key` belongs to `recipient`; `sender` is the sender's public key for the auth modes, else
// empty. INVALID_ARGUMENT as above.
absl::StatusOr<HpkeContext> SetupHpkeRecipient(HpkeSuite suite, const HpkePrivateKey& recipient, ByteView public_key,
                                               ByteView kem_output, ByteView info, const HpkePsk& psk = {},
                                               ByteView sender = {});

}  // namespace plumbline::mls
