// The least a passphrase must be.
#pragma once

#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::crypto {

inline constexpr size_t kMinPassphraseSize = 12;    // bytes
inline constexpr size_t kMaxPassphraseSize = 1024;  // bytes

// INVALID_ARGUMENT with the remedy if `passphrase` is shorter or longer than the limits, or one repeated byte.
absl::Status CheckPassphrase(ByteView passphrase);

}  // namespace plumbline::crypto
