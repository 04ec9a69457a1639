// The keys of a locked store (docs/protocols/unlock.md): from the passphrase, the key server's answer and a secret that is on
// this device alone. Whoever lacks one of the three learns nothing by having the other two.
#pragma once

#include "common/crypto/ed25519.h"
#include "common/crypto/stretch.h"
#include "common/crypto/voprf.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::unlock {

inline constexpr size_t kDeviceSecretSize = 32;
inline constexpr size_t kStoreKeySize = 32;

// The question to the key server: the stretched passphrase under a random blind. Takes as long as `cost` says. Codes of
// crypto::Stretch.
absl::StatusOr<crypto::VoprfBlinding> Blind(const Secret& passphrase, ByteView salt, const crypto::SealCost& cost);

struct Keys {
  Secret store_key;              // wraps the store's data key
  crypto::Ed25519KeyPair proof;  // U: shows the key server that the passphrase was right
};
// `output` is what VoprfBlinding::Finalize gave: 64 bytes that were proved to be the expected key's. INVALID_ARGUMENT for other
// sizes.
absl::StatusOr<Keys> DeriveKeys(const Secret& output, const Secret& device_secret);

}  // namespace plumbline::unlock
