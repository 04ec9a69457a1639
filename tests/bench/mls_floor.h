// What MLS operations cannot do without, straight from libsodium and libcrypto with everything prepared: signatures, X25519, the AEAD, and
// the HMACs of each derivation that RFC 9420 and RFC 9180 demand. No framing, no parsing, no tree, no copies.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <map>
#include <memory>

#include "mls/crypto/cipher_suite.h"

namespace plumbline::bench {

class MlsFloor final {
 public:
  explicit MlsFloor(mls::SuiteId suite);

  void Sign(size_t bytes);    // Ed25519, from an expanded key
  void Verify(size_t bytes);
  void Seal(size_t bytes);    // the suite's AEAD
  void Open(size_t bytes);
  void Expand(int times);     // HKDF-Expand or -Extract of one block: one HMAC
  void KeyPair();             // X25519
  void HpkeSeal();            // of a path secret: RFC 9180 §4.1, §5.1
  void HpkeOpen();
  void PathNode();            // §7.4: path secret, node secret, DeriveKeyPair
  void SenderData(bool seal); // §6.3.2: key, nonce, AEAD
  void Ratchet();             // §9: key, nonce, next secret
  void KeySchedule();         // §8: from one epoch to the next, with the confirmation tag

 private:
  struct MdFree { void operator()(EVP_MD_CTX* ctx) const { EVP_MD_CTX_free(ctx); } };
  struct CipherFree { void operator()(EVP_CIPHER_CTX* ctx) const { EVP_CIPHER_CTX_free(ctx); } };

  const bool aes_;
  std::unique_ptr<EVP_MD_CTX, MdFree> md_;
  std::unique_ptr<EVP_CIPHER_CTX, CipherFree> cipher_;
  std::array<uint8_t, 64> signing_key_, signature_;
  std::map<size_t, std::array<uint8_t, 64>> signatures_;  // to verify and to open, by size
  std::map<size_t, Bytes> ciphertexts_;
  std::array<uint8_t, 32> verifying_key_, scalar_, point_, shared_, digest_, key_ = {};
  std::array<uint8_t, 12> nonce_ = {};
  Bytes buffer_, sealed_, opened_;
};

}  // namespace plumbline::bench
