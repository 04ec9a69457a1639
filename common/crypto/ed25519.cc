#include "common/crypto/ed25519.h"

#include <sodium.h>

#include <algorithm>

#include "common/check.h"
#include "common/codec.h"

namespace plumbline::crypto {
namespace {

Bytes SignedContent(absl::string_view label, ByteView message) {
  return Writer().Vector(AsBytes(label)).Vector(message).TakeBytes();
}

}  // namespace

absl::StatusOr<Ed25519PublicKey> Ed25519PublicKey::Parse(ByteView bytes) {
  if (bytes.size() != kEd25519KeySize) {
    return absl::InvalidArgumentError("an Ed25519 public key is 32 bytes long");
  }
  if (crypto_core_ed25519_is_valid_point(bytes.data()) != 1) {
    return absl::InvalidArgumentError("not a valid Ed25519 public key");
  }
  Ed25519PublicKey out;
  std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
  return out;
}

absl::Status Ed25519PublicKey::Verify(absl::string_view label, ByteView message,
                                      ByteView signature) const {
  if (signature.size() != kEd25519SignatureSize) {
    return absl::InvalidArgumentError("an Ed25519 signature is 64 bytes long");
  }
  const Bytes content = SignedContent(label, message);
  if (crypto_sign_verify_detached(signature.data(), content.data(), content.size(), bytes_.data()) !=
      0) {
    return absl::UnauthenticatedError("the signature does not verify");
  }
  return absl::OkStatus();
}

Ed25519KeyPair::Ed25519KeyPair(Secret&& seed)
    : seed_(std::move(seed)), expanded_(crypto_sign_SECRETKEYBYTES) {
  CHECK(crypto_sign_seed_keypair(public_key_.bytes_.data(), expanded_.span().data(),
                                 seed_.view().data()) == 0);
}

Ed25519KeyPair Ed25519KeyPair::Generate() {
  return Ed25519KeyPair(Secret::Random(kEd25519SeedSize));
}

absl::StatusOr<Ed25519KeyPair> Ed25519KeyPair::FromSeed(Secret&& seed) {
  if (seed.size() != kEd25519SeedSize) {
    return absl::InvalidArgumentError("an Ed25519 seed is 32 bytes long");
  }
  return Ed25519KeyPair(std::move(seed));
}

Bytes Ed25519KeyPair::Sign(absl::string_view label, ByteView message) const {
  return *SignBare(SignedContent(label, message));
}

absl::StatusOr<Bytes> Ed25519KeyPair::SignBare(ByteView message) const {
  Bytes signature(kEd25519SignatureSize);
  CHECK(crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), expanded_.view().data()) == 0);
  return signature;
}

absl::StatusOr<Bytes> SignUnder(const Ed25519Signer& signer, absl::string_view label, ByteView message) {
  return signer.SignBare(SignedContent(label, message));
}

}  // namespace plumbline::crypto
