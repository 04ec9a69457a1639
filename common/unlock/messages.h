// What the proof key U of a locked store signs (docs/protocols/unlock.md).
#pragma once

#include <cstdint>

#include "common/identity/fixed.h"

namespace plumbline::unlock {

// That an evaluation had the right passphrase behind it.
//   struct { opaque device_id[16]; uint32 key_version; opaque nonce[32]; } UnlockProof;   under kUnlockProofLabel
struct UnlockProof {
  identity::DeviceId device_id{};
  uint32_t key_version = 0;
  identity::Nonce nonce{};  // the key server's, of that evaluation
};
Bytes Encode(const UnlockProof& proof);

// That a new unlock key was used, and by whom.
//   struct { opaque device_id[16]; uint32 key_version; opaque public_key[32]; opaque proof_key[32]; } UnlockKey;
//   under kUnlockKeyLabel
struct UnlockKey {
  identity::DeviceId device_id{};
  uint32_t key_version = 0;
  identity::Fixed<32> public_key{};  // of k
  identity::PublicKey proof_key{};   // U
};
Bytes Encode(const UnlockKey& key);

}  // namespace plumbline::unlock
