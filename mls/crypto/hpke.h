// Hybrid Public Key Encryption (RFC 9180) with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and the AEADs of AeadId;
// all four modes. Usable without the rest of MLS.
#pragma once

#include <cstdint>

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"
#include "mls/crypto/keys.h"
#include "mls/crypto/primitives.h"

namespace plumbline::mls {

// The key pair of RFC 9180 §7.1.3. INVALID_ARGUMENT if `ikm` is shorter than 32 bytes.
absl::StatusOr<HpkeKeyPair> DeriveX25519KeyPair(ByteView ikm);

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
  // §5.3. INVALID_ARGUMENT if `size` is over 255 * 32 bytes.
  absl::StatusOr<Secret> Export(ByteView context, size_t size) const;

 private:
  friend class HpkeSchedule;
  HpkeContext(AeadId aead, Secret key, Secret base_nonce, Secret exporter_secret)
      : aead_(aead), key_(std::move(key)), base_nonce_(std::move(base_nonce)),
        exporter_secret_(std::move(exporter_secret)) {}
  absl::StatusOr<Secret> Nonce() const;

  AeadId aead_;
  Secret key_;
  Secret base_nonce_;
  Secret exporter_secret_;
  uint64_t sequence_ = 0;
};

struct HpkeSender {
  Bytes kem_output;  // 32 bytes, sent beside the first ciphertext
  HpkeContext context;
};

// Makes a session to the owner of `recipient`. `sender` is the sender's own key for the auth modes, else null.
// INVALID_ARGUMENT for a key of the wrong size, a point of small order, or a psk without its id (and vice versa).
absl::StatusOr<HpkeSender> SetupHpkeSender(AeadId aead, ByteView recipient, ByteView info, const HpkePsk& psk = {},
                                           const HpkePrivateKey* sender = nullptr);
// The same with a chosen ephemeral key, for published vectors only: a key used twice breaks confidentiality.
absl::StatusOr<HpkeSender> SetupHpkeSenderWithEphemeral(const HpkeKeyPair& ephemeral, AeadId aead, ByteView recipient,
                                                        ByteView info, const HpkePsk& psk = {},
                                                        const HpkePrivateKey* sender = nullptr);

// The other end. `public_key` belongs to `recipient`; `sender` is the sender's public key for the auth modes, else
// empty. INVALID_ARGUMENT as above.
absl::StatusOr<HpkeContext> SetupHpkeRecipient(AeadId aead, const HpkePrivateKey& recipient, ByteView public_key,
                                               ByteView kem_output, ByteView info, const HpkePsk& psk = {},
                                               ByteView sender = {});

}  // namespace plumbline::mls
