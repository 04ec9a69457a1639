#include "common/unlock/derivation.h"

#include "common/crypto/hkdf.h"
#include "common/identity/labels.h"

namespace plumbline::unlock {

absl::StatusOr<crypto::VoprfBlinding> Blind(const Secret& passphrase, ByteView salt, const crypto::SealCost& cost) {
  ASSIGN_OR_RETURN(Secret input, crypto::Stretch(passphrase, salt, cost));
  return crypto::VoprfBlinding::Create(std::move(input));
}

absl::StatusOr<Keys> DeriveKeys(const Secret& output, const Secret& device_secret) {
  if (output.size() != crypto::kVoprfOutputSize || device_secret.size() != kDeviceSecretSize) {
    return absl::InvalidArgumentError("a store key comes from 64 bytes of output and a device secret of 32");
  }
  const auto derive = [&](absl::string_view label, size_t size) {
    return crypto::HkdfSha256(output.view(), device_secret.view(), AsBytes(label), size);
  };
  ASSIGN_OR_RETURN(crypto::Ed25519KeyPair proof,
                   crypto::Ed25519KeyPair::FromSeed(derive(identity::kUnlockProofKeyLabel, crypto::kEd25519SeedSize)));
  return Keys{derive(identity::kUnlockStoreKeyLabel, kStoreKeySize), std::move(proof)};
}

}  // namespace plumbline::unlock
