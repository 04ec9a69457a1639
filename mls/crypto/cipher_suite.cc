#include "mls/crypto/cipher_suite.h"

#include "common/check.h"
#include "common/codec.h"

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
  Writer out(label.size() + content.size() + 32);  // "MLS 1.0 " and two lengths
  WriteLabel(out, label);
  out.Vector(content);
  return out;
}

}  // namespace

// In the order of their numbers, from 1.
const std::array<CipherSuite, 7>& CipherSuite::Table() {
  using enum SuiteId;
  using enum SignatureScheme;
  static const std::array<CipherSuite, 7> kTable = {{
      {kX25519Aes128GcmSha256Ed25519, {KemId::kX25519, HashId::kSha256, AeadId::kAes128Gcm}, kEd25519},
      {kP256Aes128GcmSha256P256, {KemId::kP256, HashId::kSha256, AeadId::kAes128Gcm}, kEcdsaP256},
      {kX25519ChaCha20Poly1305Sha256Ed25519, {KemId::kX25519, HashId::kSha256, AeadId::kChaCha20Poly1305}, kEd25519},
      {kX448Aes256GcmSha512Ed448, {KemId::kX448, HashId::kSha512, AeadId::kAes256Gcm}, kEd448},
      {kP521Aes256GcmSha512P521, {KemId::kP521, HashId::kSha512, AeadId::kAes256Gcm}, kEcdsaP521},
      {kX448ChaCha20Poly1305Sha512Ed448, {KemId::kX448, HashId::kSha512, AeadId::kChaCha20Poly1305}, kEd448},
      {kP384Aes256GcmSha384P384, {KemId::kP384, HashId::kSha384, AeadId::kAes256Gcm}, kEcdsaP384},
  }};
  return kTable;
}

absl::StatusOr<const CipherSuite*> CipherSuite::Get(uint16_t id) {
  const size_t row = size_t{id} - 1;  // 0 becomes a row far beyond the last
  if (row >= Table().size()) return absl::UnimplementedError("this build does not know the cipher suite");
  return &Table()[row];
}

std::vector<SuiteId> CipherSuite::Supported() {
  using enum SuiteId;
  return {kX25519Aes128GcmSha256Ed25519, kX25519ChaCha20Poly1305Sha256Ed25519, kP256Aes128GcmSha256P256,
          kP384Aes256GcmSha384P384,      kP521Aes256GcmSha512P521,             kX448Aes256GcmSha512Ed448,
          kX448ChaCha20Poly1305Sha512Ed448};
}

Bytes CipherSuite::Mac(ByteView key, ByteView data) const { return ToBytes(Hmac(hpke_.kdf, key, {data}).view()); }

bool CipherSuite::MacVerify(ByteView key, ByteView data, ByteView tag) const {
  return ConstantTimeEqual(Hmac(hpke_.kdf, key, {data}).view(), tag);
}

absl::StatusOr<HpkeCiphertext> CipherSuite::HpkeSeal(ByteView public_key, ByteView info, ByteView aad,
                                                     ByteView plaintext) const {
  ASSIGN_OR_RETURN(HpkeSender sender, SetupHpkeSender(hpke_, public_key, info));
  ASSIGN_OR_RETURN(Bytes ciphertext, sender.context.Seal(aad, plaintext));
  return HpkeCiphertext{std::move(sender.kem_output), std::move(ciphertext)};
}

absl::StatusOr<Secret> CipherSuite::HpkeOpen(const HpkePrivateKey& private_key, ByteView public_key, ByteView info,
                                             ByteView aad, const HpkeCiphertext& ciphertext) const {
  ASSIGN_OR_RETURN(HpkeContext context,
                   SetupHpkeRecipient(hpke_, private_key, public_key, ciphertext.kem_output, info));
  return context.Open(aad, ciphertext.ciphertext);
}

absl::StatusOr<HpkeExported> CipherSuite::HpkeSendExport(ByteView public_key, ByteView info, ByteView exporter_context,
                                                         size_t size) const {
  ASSIGN_OR_RETURN(HpkeSender sender, SetupHpkeSender(hpke_, public_key, info));
  ASSIGN_OR_RETURN(Secret secret, sender.context.Export(exporter_context, size));
  return HpkeExported{std::move(sender.kem_output), std::move(secret)};
}

absl::StatusOr<Secret> CipherSuite::HpkeReceiveExport(const HpkePrivateKey& private_key, ByteView public_key,
                                                      ByteView kem_output, ByteView info, ByteView exporter_context,
                                                      size_t size) const {
  ASSIGN_OR_RETURN(const HpkeContext context, SetupHpkeRecipient(hpke_, private_key, public_key, kem_output, info));
  return context.Export(exporter_context, size);
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
