#include "tests/bench/mls_floor.h"

#include <sodium.h>

#include "common/check.h"

namespace plumbline::bench {
namespace {

constexpr size_t kLargest = 1 << 20;
constexpr size_t kTag = 16;
constexpr size_t kPathSecret = 32;
constexpr size_t kSenderData = 12;

const EVP_MD* Sha256Md() {
  static const EVP_MD* const kMd = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kMd;
}
const EVP_CIPHER* Aes128Gcm() {
  static const EVP_CIPHER* const kCipher = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  return kCipher;
}

}  // namespace

MlsFloor::MlsFloor(mls::SuiteId suite)
    : aes_(suite == mls::SuiteId::kX25519Aes128GcmSha256Ed25519),
      md_(EVP_MD_CTX_new()),
      cipher_(EVP_CIPHER_CTX_new()),
      buffer_(kLargest, 1),
      sealed_(kLargest + kTag),
      opened_(kLargest) {
  CHECK(crypto_sign_keypair(verifying_key_.data(), signing_key_.data()) == 0);
  randombytes_buf(scalar_.data(), scalar_.size());
  CHECK(crypto_scalarmult_base(point_.data(), scalar_.data()) == 0);
}

void MlsFloor::Sign(size_t bytes) {
  CHECK(crypto_sign_detached(signature_.data(), nullptr, buffer_.data(), bytes, signing_key_.data()) == 0);
}

void MlsFloor::Verify(size_t bytes) {
  auto known = signatures_.find(bytes);
  if (known == signatures_.end()) {
    Sign(bytes);
    known = signatures_.emplace(bytes, signature_).first;
  }
  CHECK(crypto_sign_verify_detached(known->second.data(), buffer_.data(), bytes, verifying_key_.data()) == 0);
}

void MlsFloor::Seal(size_t bytes) {
  int size = 0;
  if (!aes_) {
    unsigned long long sealed = 0;
    CHECK(crypto_aead_chacha20poly1305_ietf_encrypt(sealed_.data(), &sealed, buffer_.data(), bytes, nullptr, 0, nullptr, nonce_.data(),
                                                    key_.data()) == 0);
    return;
  }
  CHECK(EVP_EncryptInit_ex2(cipher_.get(), Aes128Gcm(), key_.data(), nonce_.data(), nullptr) == 1);
  CHECK(EVP_EncryptUpdate(cipher_.get(), sealed_.data(), &size, buffer_.data(), static_cast<int>(bytes)) == 1);
  CHECK(EVP_EncryptFinal_ex(cipher_.get(), sealed_.data() + bytes, &size) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(cipher_.get(), EVP_CTRL_AEAD_GET_TAG, kTag, sealed_.data() + bytes) == 1);
}

void MlsFloor::Open(size_t bytes) {
  auto known = ciphertexts_.find(bytes);
  if (known == ciphertexts_.end()) {
    Seal(bytes);
    known = ciphertexts_.emplace(bytes, Bytes(sealed_.data(), sealed_.data() + bytes + kTag)).first;
  }
  Bytes& sealed = known->second;
  int size = 0;
  if (!aes_) {
    unsigned long long plain = 0;
    CHECK(crypto_aead_chacha20poly1305_ietf_decrypt(opened_.data(), &plain, nullptr, sealed.data(), bytes + kTag, nullptr, 0, nonce_.data(),
                                                    key_.data()) == 0);
    return;
  }
  CHECK(EVP_DecryptInit_ex2(cipher_.get(), Aes128Gcm(), key_.data(), nonce_.data(), nullptr) == 1);
  CHECK(EVP_DecryptUpdate(cipher_.get(), opened_.data(), &size, sealed.data(), static_cast<int>(bytes)) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(cipher_.get(), EVP_CTRL_AEAD_SET_TAG, kTag, sealed.data() + bytes) == 1);
  CHECK(EVP_DecryptFinal_ex(cipher_.get(), opened_.data(), &size) == 1);
}

// HMAC-SHA-256 of a short message is two hashes of two blocks each.
void MlsFloor::Expand(int times) {
  for (int i = 0; i < 2 * times; ++i) {
    CHECK(EVP_DigestInit_ex(md_.get(), Sha256Md(), nullptr) == 1);
    CHECK(EVP_DigestUpdate(md_.get(), buffer_.data(), 64 + 32) == 1);
    CHECK(EVP_DigestFinal_ex(md_.get(), digest_.data(), nullptr) == 1);
  }
}

void MlsFloor::KeyPair() { CHECK(crypto_scalarmult_base(shared_.data(), scalar_.data()) == 0); }

void MlsFloor::HpkeSeal() {
  KeyPair();  // ephemeral
  CHECK(crypto_scalarmult(shared_.data(), scalar_.data(), point_.data()) == 0);
  Expand(7);  // eae_prk, shared_secret, psk_id_hash, info_hash, secret, key, base_nonce
  Seal(kPathSecret);
}

void MlsFloor::HpkeOpen() {
  CHECK(crypto_scalarmult(shared_.data(), scalar_.data(), point_.data()) == 0);
  Expand(7);
  Open(kPathSecret);
}

void MlsFloor::PathNode() {
  Expand(2);  // the node's secret, the next path secret
  Expand(2);  // dkp_prk, sk
  KeyPair();
}

void MlsFloor::SenderData(bool seal) {
  Expand(2);
  seal ? Seal(kSenderData) : Open(kSenderData);
}

void MlsFloor::Ratchet() { Expand(3); }

// Two extractions, joiner, epoch, the nine secrets of an epoch, confirmation tag.
void MlsFloor::KeySchedule() { Expand(14); }

}  // namespace plumbline::bench
