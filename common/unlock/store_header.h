// What stands before a locked store: everything but the passphrase and the key server's part (docs/protocols/unlock.md).
//
//   struct {
//     opaque salt[16];
//     uint32 passes; uint32 memory_kib;   /* Argon2id, within the bounds of common/crypto/stretch.h */
//     uint32 key_version;                 /* of the unlock key; not 0 */
//     opaque public_key[32];              /* of k: an evaluation by another key is refused */
//     opaque wrapped[72];                 /* WrappedKey of the data key, under the store key; the fields above are its context */
//   } Slot;
//   struct {
//     opaque magic[8] = "PLUNLK01";
//     opaque device_id[16];
//     opaque device_secret[32];
//     opaque device_address<V>;           /* host:port of the key server's listener for devices */
//     opaque root<V>;                     /* the organisation's root certificate, DER */
//     uint8 count;                        /* of slots: 1, or 2 while the passphrase is being changed */
//     Slot slots[count];                  /* versions strictly ascending */
//   } StoreHeader;
#pragma once

#include <string>
#include <vector>

#include "common/crypto/stretch.h"
#include "common/crypto/voprf.h"
#include "common/identity/fixed.h"
#include "common/secret.h"
#include "common/status.h"
#include "common/unlock/derivation.h"

namespace plumbline::unlock {

inline constexpr size_t kDataKeySize = 32;
inline constexpr size_t kWrappedDataKeySize = 72;
inline constexpr size_t kMaxStoreHeader = 64 * 1024;  // bytes

struct Slot {
  identity::Fixed<crypto::kStretchSaltSize> salt{};
  crypto::SealCost cost;
  uint32_t key_version = 0;
  crypto::VoprfPublicKey public_key;
  identity::Fixed<kWrappedDataKeySize> wrapped{};
};

// A slot for `data_key` (32 bytes) under `store_key`, with fields as in `slot`; its own `wrapped` is not read.
absl::StatusOr<Slot> Lock(const Secret& data_key, const Secret& store_key, Slot slot);
// The data key. UNAUTHENTICATED if the store key is another one (so: the passphrase) or the slot was changed.
absl::StatusOr<Secret> Open(const Slot& slot, const Secret& store_key);

struct StoreHeader {
  identity::DeviceId device_id{};
  Secret device_secret;  // 32 bytes
  std::string device_address;
  Bytes root;
  std::vector<Slot> slots;

  // Null if there is none for that version.
  const Slot* Find(uint32_t key_version) const;
};
Secret Encode(const StoreHeader& header);
// INVALID_ARGUMENT for any other input than Encode's.
absl::StatusOr<StoreHeader> ParseStoreHeader(ByteView wire);

}  // namespace plumbline::unlock
