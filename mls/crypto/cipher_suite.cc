#include "mls/crypto/cipher_suite.h"

#include "common/check.h"
#include "common/codec.h"
#include "mls/crypto/x25519_suite.h"

namespace plumbline::mls {
namespace {

// RFC 9420 §5.1: every label is prefixed with the protocol's name.
void WriteLabel(Writer& out, absl::string_view label) {
  constexpr absl::string_view kPrefix = "MLS 1.0 ";
  CHECK(kPrefix.size() + label.size() <= kMaxVarint);
  out.Varint(static_cast<uint32_t>(kPrefix.size() + label.size())).Fixed(AsBytes(kPrefix)).Fixed(AsBytes(label));
}

// SignContent and EncryptContext are alike: opaque label<V>, then opaque content<V>.
Writer Labelled(absl::string_view label, ByteView content) {
  Writer out;
  WriteLabel(out, label);
  out.Vector(content);
  return out;
}

}  // namespace

absl::StatusOr<const CipherSuite*> CipherSuite::Get(uint16_t id) {
  static const X25519Suite kAes(SuiteId::kX25519Aes128GcmSha256Ed25519, AeadId::kAes128Gcm);
  static const X25519Suite kChaCha(SuiteId::kX25519ChaCha20Poly1305Sha256Ed25519, AeadId::kChaCha20Poly1305);
  for (const X25519Suite* suite : {&kAes, &kChaCha}) {
    if (static_cast<uint16_t>(suite->id()) == id) return suite;
  }
  return absl::UnimplementedError("this build does not know the cipher suite");
}

std::vector<SuiteId> CipherSuite::Supported() {
  return {SuiteId::kX25519Aes128GcmSha256Ed25519, SuiteId::kX25519ChaCha20Poly1305Sha256Ed25519};
}

bool CipherSuite::MacVerify(ByteView key, ByteView data, ByteView tag) const {
  return ConstantTimeEqual(Mac(key, data), tag);
}

HpkeKeyPair CipherSuite::GenerateHpkeKeyPair() const {
  const Secret ikm = Secret::Random(hash_size());
  absl::StatusOr<HpkeKeyPair> pair = DeriveHpkeKeyPair(ikm.view());
  CHECK(pair.ok());
  return *std::move(pair);
}

// struct { opaque label<V>; opaque value<V>; } RefHashInput; the label comes in full.
Bytes CipherSuite::RefHash(absl::string_view label, ByteView value) const {
  Writer input;
  input.Vector(AsBytes(label)).Vector(value);
  return Hash(input.view());
}

absl::StatusOr<Bytes> CipherSuite::SignWithLabel(const SignaturePrivateKey& key, absl::string_view label,
                                                 ByteView content) const {
  return Sign(key, Labelled(label, content).view());
}

absl::Status CipherSuite::VerifyWithLabel(ByteView public_key, absl::string_view label, ByteView content,
                                          ByteView signature) const {
  return Verify(public_key, Labelled(label, content).view(), signature);
}

absl::StatusOr<HpkeCiphertext> CipherSuite::EncryptWithLabel(ByteView public_key, absl::string_view label,
                                                             ByteView context, ByteView plaintext) const {
  return HpkeSeal(public_key, Labelled(label, context).view(), {}, plaintext);
}

absl::StatusOr<Secret> CipherSuite::DecryptWithLabel(const HpkePrivateKey& private_key, ByteView public_key,
                                                     absl::string_view label, ByteView context,
                                                     const HpkeCiphertext& ciphertext) const {
  return HpkeOpen(private_key, public_key, Labelled(label, context).view(), {}, ciphertext);
}

// struct { uint16 length; opaque label<V>; opaque context<V>; } KDFLabel;
Secret CipherSuite::ExpandWithLabel(ByteView secret, absl::string_view label, ByteView context, size_t size) const {
  CHECK(size <= UINT16_MAX);
  Writer info;
  info.U16(static_cast<uint16_t>(size));
  WriteLabel(info, label);
  info.Vector(context);
  return KdfExpand(secret, info.view(), size);
}

Secret CipherSuite::DeriveSecret(ByteView secret, absl::string_view label) const {
  return ExpandWithLabel(secret, label, {}, hash_size());
}

Secret CipherSuite::DeriveTreeSecret(ByteView secret, absl::string_view label, uint32_t generation, size_t size) const {
  Writer context;
  context.U32(generation);
  return ExpandWithLabel(secret, label, context.view(), size);
}

}  // namespace plumbline::mls
