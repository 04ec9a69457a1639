#include "common/unlock/messages.h"

#include "common/codec.h"

namespace plumbline::unlock {

Bytes Encode(const UnlockProof& proof) {
  return Writer().Fixed(proof.device_id).U32(proof.key_version).Fixed(proof.nonce).TakeBytes();
}

Bytes Encode(const UnlockKey& key) {
  return Writer().Fixed(key.device_id).U32(key.key_version).Fixed(key.public_key).Fixed(key.proof_key).TakeBytes();
}

}  // namespace plumbline::unlock
