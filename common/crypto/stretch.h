// Argon2id (RFC 9106, version 1.3, one lane): what makes each guess at a passphrase cost memory and time.
#pragma once

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::crypto {

inline constexpr size_t kStretchSaltSize = 16;
inline constexpr size_t kStretchedSize = 32;

// What one guess costs. The default takes about 0.6 s and 256 MiB (libsodium's "moderate").
struct SealCost {
  uint32_t passes = 3;
  uint32_t memory_kib = 256 * 1024;
  bool operator==(const SealCost&) const = default;
};

// 1 to 16 passes and 8 MiB to 1 GiB: what is below is no cost, what is above would be an attack on this machine.
bool InBounds(const SealCost& cost);

// 32 bytes. `salt` has 16. INVALID_ARGUMENT for another salt or a cost out of bounds; RESOURCE_EXHAUSTED without the memory.
absl::StatusOr<Secret> Stretch(const Secret& passphrase, ByteView salt, const SealCost& cost);

}  // namespace plumbline::crypto
