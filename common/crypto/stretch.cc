#include "common/crypto/stretch.h"

#include <sodium.h>

#include "absl/strings/str_cat.h"

namespace plumbline::crypto {

static_assert(kStretchSaltSize == crypto_pwhash_argon2id_SALTBYTES);

bool InBounds(const SealCost& cost) {
  return cost.passes >= 1 && cost.passes <= 16 && cost.memory_kib >= 8 * 1024 && cost.memory_kib <= 1024 * 1024;
}

absl::StatusOr<Secret> Stretch(const Secret& passphrase, ByteView salt, const SealCost& cost) {
  if (salt.size() != kStretchSaltSize) return absl::InvalidArgumentError("a salt has 16 bytes");
  if (!InBounds(cost)) return absl::InvalidArgumentError("the cost of the passphrase is out of bounds");
  Secret out(kStretchedSize);
  const auto text = reinterpret_cast<const char*>(passphrase.view().data());
  if (crypto_pwhash(out.span().data(), out.size(), text, passphrase.size(), salt.data(), cost.passes,
                    size_t{cost.memory_kib} * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("not enough memory to stretch the passphrase; it takes ", cost.memory_kib / 1024, " MiB"));
  }
  return out;
}

}  // namespace plumbline::crypto
