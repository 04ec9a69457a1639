#include "common/crypto/sealed_box.h"

#include <sodium.h>

#include <algorithm>

#include "common/check.h"

namespace plumbline::crypto {

absl::StatusOr<SealedBoxPublicKey> SealedBoxPublicKey::Parse(ByteView bytes) {
  SealedBoxPublicKey out;
  if (bytes.size() != out.bytes_.size()) {
    return absl::InvalidArgumentError("an X25519 public key is 32 bytes long");
  }
  // A multiplication by any clamped scalar gives zero exactly for the points of small order.
  uint8_t scalar[crypto_scalarmult_SCALARBYTES] = {8};
  uint8_t product[crypto_scalarmult_BYTES];
  if (crypto_scalarmult(product, scalar, bytes.data()) != 0) {
    return absl::InvalidArgumentError("not a usable X25519 public key");
  }
  std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
  return out;
}

absl::StatusOr<Bytes> SealedBoxPublicKey::Seal(ByteView plaintext) const {
  if (plaintext.size() > kMaxSealedBox - kSealedBoxOverhead) {
    return absl::InvalidArgumentError("too long for a sealed box");
  }
  Bytes box(plaintext.size() + kSealedBoxOverhead);
  if (crypto_box_seal(box.data(), plaintext.data(), plaintext.size(), bytes_.data()) != 0) {
    return absl::InvalidArgumentError("not a usable X25519 public key");
  }
  return box;
}

SealedBoxKeyPair SealedBoxKeyPair::Generate() {
  auto pair = FromPrivateKey(Secret::Random(kSealedBoxKeySize));
  CHECK(pair.ok());
  return *std::move(pair);
}

absl::StatusOr<SealedBoxKeyPair> SealedBoxKeyPair::FromPrivateKey(Secret&& private_key) {
  if (private_key.size() != kSealedBoxKeySize) {
    return absl::InvalidArgumentError("an X25519 private key is 32 bytes long");
  }
  SealedBoxKeyPair out;
  out.private_key_ = std::move(private_key);
  CHECK(crypto_scalarmult_base(out.public_key_.bytes_.data(), out.private_key_.view().data()) == 0);
  return out;
}

absl::StatusOr<Secret> SealedBoxKeyPair::Open(ByteView box) const {
  if (box.size() < kSealedBoxOverhead || box.size() > kMaxSealedBox) {
    return absl::InvalidArgumentError("not a sealed box: wrong length");
  }
  Secret out(box.size() - kSealedBoxOverhead);
  if (crypto_box_seal_open(out.span().data(), box.data(), box.size(), public_key_.view().data(),
                           private_key_.view().data()) != 0) {
    return absl::UnauthenticatedError("the box was not sealed to this key, or was changed");
  }
  return out;
}

}  // namespace plumbline::crypto
