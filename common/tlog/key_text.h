// How signed notes name keys (C2SP signed-note, "Verifier keys"): by a name, a key id over name, signature type and key, and the
// key itself.
#pragma once

#include <string>

#include "common/crypto/ed25519.h"
#include "common/status.h"

namespace plumbline::tlog {

inline constexpr size_t kMaxKeyName = 512;  // bytes

// OK if `name` has 1 to kMaxKeyName bytes of UTF-8 without spaces of any kind, control characters and '+'.
absl::Status CheckKeyName(absl::string_view name);

enum class KeyType : uint8_t { kNote = 0x01, kCosignature = 0x04 };  // both Ed25519

// The first four bytes of SHA-256(name || 0x0A || type || key).
uint32_t KeyId(absl::string_view name, KeyType type, const crypto::Ed25519PublicKey& key);

// <name>+<key id, 8 lower-case hexadecimal digits>+<base 64 of type and key>.
std::string FormatKey(absl::string_view name, KeyType type, const crypto::Ed25519PublicKey& key);

struct NamedKey {
  std::string name;
  crypto::Ed25519PublicKey key;
};
// INVALID_ARGUMENT for any text that FormatKey does not make for `type`, also where the id is not that of name and key.
absl::StatusOr<NamedKey> ParseKey(absl::string_view text, KeyType type);

}  // namespace plumbline::tlog
