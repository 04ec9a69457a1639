#include "mls/crypto/primitives.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <climits>
#include <memory>

#include "common/check.h"

namespace plumbline::mls {
namespace {

struct CipherCtxFree {
  void operator()(EVP_CIPHER_CTX* ctx) const { EVP_CIPHER_CTX_free(ctx); }
};
using CipherCtx = std::unique_ptr<EVP_CIPHER_CTX, CipherCtxFree>;

const EVP_CIPHER* GcmCipher(AeadId aead) {
  static const EVP_CIPHER* const kAes128 = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  static const EVP_CIPHER* const kAes256 = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  const EVP_CIPHER* const cipher = aead == AeadId::kAes128Gcm ? kAes128 : kAes256;
  CHECK(cipher != nullptr);
  return cipher;
}

// OpenSSL counts in int.
int IntSize(ByteView view) {
  CHECK(view.size() <= INT_MAX);
  return static_cast<int>(view.size());
}

void GcmSeal(AeadId aead, ByteView key, ByteView nonce, ByteView aad, ByteView plaintext, std::span<uint8_t> out) {
  const CipherCtx ctx(EVP_CIPHER_CTX_new());
  int size = 0;
  CHECK(ctx != nullptr);
  CHECK(EVP_EncryptInit_ex2(ctx.get(), GcmCipher(aead), key.data(), nonce.data(), nullptr) == 1);
  if (!aad.empty()) CHECK(EVP_EncryptUpdate(ctx.get(), nullptr, &size, aad.data(), IntSize(aad)) == 1);
  if (!plaintext.empty()) {
    CHECK(EVP_EncryptUpdate(ctx.get(), out.data(), &size, plaintext.data(), IntSize(plaintext)) == 1);
  }
  uint8_t* const tag = out.data() + plaintext.size();
  CHECK(EVP_EncryptFinal_ex(ctx.get(), tag, &size) == 1 && size == 0);
  CHECK(EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_GET_TAG, kAeadTagSize, tag) == 1);
}

bool GcmOpen(AeadId aead, ByteView key, ByteView nonce, ByteView aad, ByteView body, ByteView tag,
             std::span<uint8_t> out) {
  const CipherCtx ctx(EVP_CIPHER_CTX_new());
  int size = 0;
  std::array<uint8_t, kAeadTagSize> expected;
  std::copy(tag.begin(), tag.end(), expected.begin());
  CHECK(ctx != nullptr);
  CHECK(EVP_DecryptInit_ex2(ctx.get(), GcmCipher(aead), key.data(), nonce.data(), nullptr) == 1);
  if (!aad.empty()) CHECK(EVP_DecryptUpdate(ctx.get(), nullptr, &size, aad.data(), IntSize(aad)) == 1);
  if (!body.empty()) CHECK(EVP_DecryptUpdate(ctx.get(), out.data(), &size, body.data(), IntSize(body)) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_SET_TAG, kAeadTagSize, expected.data()) == 1);
  uint8_t none = 0;
  return EVP_DecryptFinal_ex(ctx.get(), &none, &size) == 1;
}

}  // namespace

size_t AeadKeySize(AeadId aead) {
  switch (aead) {
    case AeadId::kAes128Gcm: return 16;
    case AeadId::kAes256Gcm: return 32;
    case AeadId::kChaCha20Poly1305: return 32;
    case AeadId::kExportOnly: return 0;
  }
  CHECK(false);
  return 0;
}

Bytes AeadSeal(AeadId aead, ByteView key, ByteView nonce, ByteView aad, ByteView plaintext) {
  CHECK(aead != AeadId::kExportOnly);
  CHECK(key.size() == AeadKeySize(aead) && nonce.size() == kAeadNonceSize);
  Bytes out(plaintext.size() + kAeadTagSize);
  if (aead == AeadId::kChaCha20Poly1305) {
    CHECK(crypto_aead_chacha20poly1305_ietf_encrypt(out.data(), nullptr, plaintext.data(), plaintext.size(), aad.data(),
                                                    aad.size(), nullptr, nonce.data(), key.data()) == 0);
    return out;
  }
  GcmSeal(aead, key, nonce, aad, plaintext, out);
  return out;
}

absl::StatusOr<Secret> AeadOpen(AeadId aead, ByteView key, ByteView nonce, ByteView aad, ByteView ciphertext) {
  CHECK(aead != AeadId::kExportOnly);
  CHECK(key.size() == AeadKeySize(aead) && nonce.size() == kAeadNonceSize);
  if (ciphertext.size() < kAeadTagSize) return absl::InvalidArgumentError("ciphertext is shorter than its tag");
  const ByteView body = ciphertext.first(ciphertext.size() - kAeadTagSize);
  const ByteView tag = ciphertext.last(kAeadTagSize);
  Secret out(body.size());
  const bool authentic =
      aead == AeadId::kChaCha20Poly1305
          ? crypto_aead_chacha20poly1305_ietf_decrypt_detached(out.span().data(), nullptr, body.data(), body.size(),
                                                               tag.data(), aad.data(), aad.size(), nonce.data(),
                                                               key.data()) == 0
          : GcmOpen(aead, key, nonce, aad, body, tag, out.span());
  if (!authentic) return absl::InvalidArgumentError("ciphertext does not authenticate");
  return out;
}

absl::StatusOr<Secret> X25519(ByteView scalar, ByteView point) {
  if (scalar.size() != kX25519Size || point.size() != kX25519Size) {
    return absl::InvalidArgumentError("X25519 key is not 32 bytes long");
  }
  Secret shared(kX25519Size);
  if (crypto_scalarmult(shared.span().data(), scalar.data(), point.data()) != 0 ||
      sodium_is_zero(shared.view().data(), shared.size()) != 0) {
    return absl::InvalidArgumentError("X25519 point has a small order");
  }
  return shared;
}

bool IsX25519SmallOrder(ByteView point) {
  CHECK(point.size() == kX25519Size);
  using Point = std::array<uint8_t, kX25519Size>;
  // Order 8, twice; 0, 1, p - 1, p and p + 1 follow by their shape. The top bit is ignored by RFC 7748.
  static constexpr Point kOrder8a = {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
                                     0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
                                     0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00};
  static constexpr Point kOrder8b = {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
                                     0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
                                     0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57};
  Point masked;
  std::copy(point.begin(), point.end(), masked.begin());
  masked[31] &= 0x7f;
  const ByteView middle = ByteView(masked).subspan(1, 30);
  const auto all = [&](uint8_t byte) {
    return std::all_of(middle.begin(), middle.end(), [byte](uint8_t b) { return b == byte; });
  };
  const bool near_zero = masked[0] <= 1 && all(0x00) && masked[31] == 0x00;
  const bool near_p = masked[0] >= 0xec && masked[0] <= 0xee && all(0xff) && masked[31] == 0x7f;
  return near_zero || near_p || masked == kOrder8a || masked == kOrder8b;
}

absl::StatusOr<Bytes> X25519PublicKey(ByteView scalar) {
  if (scalar.size() != kX25519Size) return absl::InvalidArgumentError("X25519 key is not 32 bytes long");
  Bytes out(kX25519Size);
  CHECK(crypto_scalarmult_base(out.data(), scalar.data()) == 0);
  return out;
}

absl::StatusOr<Bytes> Ed25519PublicKey(ByteView seed) {
  if (seed.size() != kEd25519SeedSize) return absl::InvalidArgumentError("Ed25519 seed is not 32 bytes long");
  Bytes public_key(kEd25519PublicKeySize);
  Secret expanded(crypto_sign_SECRETKEYBYTES);
  CHECK(crypto_sign_seed_keypair(public_key.data(), expanded.span().data(), seed.data()) == 0);
  return public_key;
}

absl::StatusOr<Secret> Ed25519Expand(ByteView seed) {
  if (seed.size() != kEd25519SeedSize) return absl::InvalidArgumentError("Ed25519 seed is not 32 bytes long");
  Bytes public_key(kEd25519PublicKeySize);
  Secret expanded(crypto_sign_SECRETKEYBYTES);
  CHECK(crypto_sign_seed_keypair(public_key.data(), expanded.span().data(), seed.data()) == 0);
  return expanded;
}

absl::StatusOr<Bytes> Ed25519Sign(ByteView seed, ByteView message) {
  ASSIGN_OR_RETURN(const Secret expanded, Ed25519Expand(seed));
  return Ed25519SignExpanded(expanded.view(), message);
}

Bytes Ed25519SignExpanded(ByteView expanded, ByteView message) {
  CHECK(expanded.size() == crypto_sign_SECRETKEYBYTES);
  Bytes signature(kEd25519SignatureSize);
  CHECK(crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), expanded.data()) == 0);
  return signature;
}

absl::Status Ed25519Verify(ByteView public_key, ByteView message, ByteView signature) {
  if (public_key.size() != kEd25519PublicKeySize || signature.size() != kEd25519SignatureSize) {
    return absl::InvalidArgumentError("Ed25519 key or signature has the wrong size");
  }
  if (crypto_sign_verify_detached(signature.data(), message.data(), message.size(), public_key.data()) != 0) {
    return absl::InvalidArgumentError("signature does not verify");
  }
  return absl::OkStatus();
}

}  // namespace plumbline::mls
