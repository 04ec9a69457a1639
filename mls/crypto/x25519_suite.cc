#include "mls/crypto/x25519_suite.h"

#include <algorithm>

#include "common/check.h"
#include "mls/crypto/hpke.h"

namespace plumbline::mls {

Bytes X25519Suite::Hash(ByteView data) const {
  const std::array<uint8_t, kSha256Size> digest = Sha256(data);
  return Bytes(digest.begin(), digest.end());
}

Bytes X25519Suite::Mac(ByteView key, ByteView data) const { return ToBytes(HmacSha256(key, {data}).view()); }

Secret X25519Suite::KdfExtract(ByteView salt, ByteView ikm) const { return HkdfSha256Extract(salt, {ikm}); }

Secret X25519Suite::KdfExpand(ByteView prk, ByteView info, size_t size) const {
  return HkdfSha256Expand(prk, info, size);
}

Bytes X25519Suite::Seal(ByteView key, ByteView nonce, ByteView aad, ByteView plaintext) const {
  return AeadSeal(aead_, key, nonce, aad, plaintext);
}

absl::StatusOr<Secret> X25519Suite::Open(ByteView key, ByteView nonce, ByteView aad, ByteView ciphertext) const {
  return AeadOpen(aead_, key, nonce, aad, ciphertext);
}

absl::StatusOr<HpkeKeyPair> X25519Suite::DeriveHpkeKeyPair(ByteView ikm) const { return DeriveX25519KeyPair(ikm); }

absl::Status X25519Suite::CheckHpkePublicKey(ByteView public_key) const {
  if (public_key.size() != kX25519Size) return absl::InvalidArgumentError("X25519 key is not 32 bytes long");
  if (IsX25519SmallOrder(public_key)) return absl::InvalidArgumentError("X25519 point has a small order");
  return absl::OkStatus();
}

absl::StatusOr<Bytes> X25519Suite::HpkePublicKey(const HpkePrivateKey& private_key) const {
  return X25519PublicKey(private_key.bytes.view());
}

absl::StatusOr<HpkeCiphertext> X25519Suite::HpkeSeal(ByteView public_key, ByteView info, ByteView aad,
                                                     ByteView plaintext) const {
  ASSIGN_OR_RETURN(HpkeSender sender, SetupHpkeSender(aead_, public_key, info));
  ASSIGN_OR_RETURN(Bytes ciphertext, sender.context.Seal(aad, plaintext));
  return HpkeCiphertext{std::move(sender.kem_output), std::move(ciphertext)};
}

absl::StatusOr<Secret> X25519Suite::HpkeOpen(const HpkePrivateKey& private_key, ByteView public_key, ByteView info,
                                             ByteView aad, const HpkeCiphertext& ciphertext) const {
  ASSIGN_OR_RETURN(HpkeContext context,
                   SetupHpkeRecipient(aead_, private_key, public_key, ciphertext.kem_output, info));
  return context.Open(aad, ciphertext.ciphertext);
}

absl::StatusOr<HpkeExported> X25519Suite::HpkeSendExport(ByteView public_key, ByteView info, ByteView exporter_context,
                                                         size_t size) const {
  ASSIGN_OR_RETURN(HpkeSender sender, SetupHpkeSender(aead_, public_key, info));
  ASSIGN_OR_RETURN(Secret secret, sender.context.Export(exporter_context, size));
  return HpkeExported{std::move(sender.kem_output), std::move(secret)};
}

absl::StatusOr<Secret> X25519Suite::HpkeReceiveExport(const HpkePrivateKey& private_key, ByteView public_key,
                                                      ByteView kem_output, ByteView info, ByteView exporter_context,
                                                      size_t size) const {
  ASSIGN_OR_RETURN(const HpkeContext context, SetupHpkeRecipient(aead_, private_key, public_key, kem_output, info));
  return context.Export(exporter_context, size);
}

SignatureKeyPair X25519Suite::GenerateSignatureKeyPair() const {
  SignatureKeyPair pair;
  pair.private_key.bytes = Secret::Random(kEd25519SeedSize);
  absl::StatusOr<Bytes> public_key = Ed25519PublicKey(pair.private_key.bytes.view());
  CHECK(public_key.ok());
  pair.public_key = *std::move(public_key);
  return pair;
}

absl::Status X25519Suite::CheckSignaturePublicKey(ByteView public_key) const {
  if (public_key.size() != kEd25519PublicKeySize) {
    return absl::InvalidArgumentError("Ed25519 public key is not 32 bytes long");
  }
  return absl::OkStatus();
}

absl::StatusOr<Bytes> X25519Suite::Sign(const SignaturePrivateKey& key, ByteView message) const {
  return Ed25519Sign(key.bytes.view(), message);
}

absl::Status X25519Suite::Verify(ByteView public_key, ByteView message, ByteView signature) const {
  return Ed25519Verify(public_key, message, signature);
}

}  // namespace plumbline::mls
