#include "mls/crypto/curve448.h"

#include <sodium.h>

#include <algorithm>

#include "common/check.h"
#include "mls/crypto/openssl_handles.h"

namespace plumbline::mls {
namespace {

KeyPtr PrivateKey(int type, ByteView key) {
  return KeyPtr(EVP_PKEY_new_raw_private_key(type, nullptr, key.data(), key.size()));
}

KeyPtr PublicKey(int type, ByteView key) {
  return KeyPtr(EVP_PKEY_new_raw_public_key(type, nullptr, key.data(), key.size()));
}

absl::StatusOr<Bytes> PublicHalf(int type, ByteView private_key, size_t size) {
  const ErrorQueueScope errors;
  if (private_key.size() != size) return absl::InvalidArgumentError("Curve448 key has the wrong size");
  const KeyPtr key = PrivateKey(type, private_key);
  Bytes out(size);
  size_t written = size;
  CHECK(key != nullptr && EVP_PKEY_get_raw_public_key(key.get(), out.data(), &written) == 1 && written == size);
  return out;
}

}  // namespace

absl::StatusOr<Secret> X448(ByteView scalar, ByteView point) {
  const ErrorQueueScope errors;
  if (scalar.size() != kX448Size || point.size() != kX448Size) {
    return absl::InvalidArgumentError("X448 key is not 56 bytes long");
  }
  const KeyPtr own = PrivateKey(EVP_PKEY_X448, scalar);
  const KeyPtr peer = PublicKey(EVP_PKEY_X448, point);
  CHECK(own != nullptr && peer != nullptr);
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), nullptr));
  CHECK(context != nullptr && EVP_PKEY_derive_init(context.get()) == 1);
  Secret shared(kX448Size);
  size_t size = shared.size();
  if (EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
      EVP_PKEY_derive(context.get(), shared.span().data(), &size) != 1 || size != shared.size() ||
      sodium_is_zero(shared.view().data(), shared.size()) != 0) {
    return absl::InvalidArgumentError("X448 point has a small order");
  }
  return shared;
}

// 0, 1, p - 1, p and p + 1, little-endian, with p = 2^448 - 2^224 - 1: every byte but the first and the middle one
// (28) is 0x00 below p - 1, or 0xff; p + 1 has a lower half of zeros.
bool IsX448SmallOrder(ByteView point) {
  CHECK(point.size() == kX448Size);
  const auto all = [&](size_t from, size_t to, uint8_t byte) {
    return std::all_of(point.begin() + static_cast<ptrdiff_t>(from), point.begin() + static_cast<ptrdiff_t>(to),
                       [byte](uint8_t b) { return b == byte; });
  };
  const bool near_zero = point[0] <= 1 && all(1, 56, 0x00);
  const bool near_p = point[0] >= 0xfe && all(1, 28, 0xff) && point[28] == 0xfe && all(29, 56, 0xff);
  const bool beyond_p = all(0, 28, 0x00) && all(28, 56, 0xff);
  return near_zero || near_p || beyond_p;
}

absl::StatusOr<Bytes> X448PublicKey(ByteView scalar) { return PublicHalf(EVP_PKEY_X448, scalar, kX448Size); }

absl::StatusOr<Bytes> Ed448PublicKey(ByteView private_key) {
  return PublicHalf(EVP_PKEY_ED448, private_key, kEd448KeySize);
}

absl::StatusOr<Bytes> Ed448Sign(ByteView private_key, ByteView message) {
  const ErrorQueueScope errors;
  if (private_key.size() != kEd448KeySize) return absl::InvalidArgumentError("Ed448 key is not 57 bytes long");
  const KeyPtr key = PrivateKey(EVP_PKEY_ED448, private_key);
  const DigestContextPtr context(EVP_MD_CTX_new());
  CHECK(key != nullptr && context != nullptr);
  CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  Bytes signature(kEd448SignatureSize);
  size_t size = signature.size();
  CHECK(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1);
  CHECK(size == signature.size());
  return signature;
}

absl::Status Ed448Verify(ByteView public_key, ByteView message, ByteView signature) {
  const ErrorQueueScope errors;
  if (public_key.size() != kEd448KeySize || signature.size() != kEd448SignatureSize) {
    return absl::InvalidArgumentError("Ed448 key or signature has the wrong size");
  }
  const KeyPtr key = PublicKey(EVP_PKEY_ED448, public_key);
  const DigestContextPtr context(EVP_MD_CTX_new());
  CHECK(context != nullptr);
  if (key == nullptr || EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) != 1) {
    return absl::InvalidArgumentError("signature does not verify");
  }
  return absl::OkStatus();
}

}  // namespace plumbline::mls
