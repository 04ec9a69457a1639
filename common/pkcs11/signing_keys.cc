#include "common/pkcs11/signing_keys.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/crypto/rsabssa.h"
#include "common/identity/reason.h"
#include "common/pkcs11/derivation_key.h"
#include "common/pkcs11/key_object.h"

namespace plumbline::pkcs11 {
namespace {

// A key that was just made and cannot be used is not left behind.
template <typename Key>
absl::StatusOr<std::shared_ptr<const Key>> OrDestroy(absl::StatusOr<std::shared_ptr<const Key>> opened, Token& token, const KeyName& name) {
  if (!opened.ok()) Destroy(token, name).IgnoreError();
  return opened;
}

// What a key signs to show that it does: framed as no message of ours is, and never the same twice.
Bytes Probe() { return Writer().Vector(AsBytes("plumbline probe of a token v1")).Vector(RandomBytes(32)).TakeBytes(); }

// Ecdsa-Sig-Value (RFC 3279 §2.2.3) of r || s.
void AppendInteger(Bytes& out, ByteView number) {
  const auto first = std::find_if(number.begin(), number.end(), [](uint8_t byte) { return byte != 0; });
  Bytes digits(first, number.end());
  if (digits.empty() || (digits[0] & 0x80) != 0) digits.insert(digits.begin(), 0);
  out.push_back(0x02);
  out.push_back(static_cast<uint8_t>(digits.size()));
  out.insert(out.end(), digits.begin(), digits.end());
}
Bytes EcdsaDer(ByteView raw) {
  Bytes numbers;
  AppendInteger(numbers, raw.first(32));
  AppendInteger(numbers, raw.subspan(32));
  Bytes out = {0x30, static_cast<uint8_t>(numbers.size())};
  out.insert(out.end(), numbers.begin(), numbers.end());
  return out;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Ed25519Key>> Ed25519Key::Generate(std::shared_ptr<Token> token, absl::string_view label) {
  RETURN_IF_ERROR(token->Require(CKM_EDDSA, CKF_SIGN));
  ASSIGN_OR_RETURN(const KeyName name, NewName(label));
  uint8_t curve[] = {0x06, 0x03, 0x2b, 0x65, 0x70};  // id-Ed25519 (RFC 8410)
  const CK_ATTRIBUTE type[] = {{CKA_EC_PARAMS, curve, sizeof curve}};
  RETURN_IF_ERROR(GeneratePair(*token, CKM_EC_EDWARDS_KEY_PAIR_GEN, name, type));
  const auto open = [&]() -> absl::StatusOr<std::shared_ptr<const Ed25519Key>> {
    ASSIGN_OR_RETURN(const Bytes point, ReadPoint(*token, name, crypto::kEd25519KeySize));
    ASSIGN_OR_RETURN(const crypto::Ed25519PublicKey key, crypto::Ed25519PublicKey::Parse(point));
    return Open(token, name, key);
  };
  return OrDestroy(open(), *token, name);
}

absl::StatusOr<std::shared_ptr<const Ed25519Key>> Ed25519Key::Open(std::shared_ptr<Token> token, KeyName name, const crypto::Ed25519PublicKey& key) {
  RETURN_IF_ERROR(token->Require(CKM_EDDSA, CKF_SIGN));
  RETURN_IF_ERROR(CheckKept(*token, name, KeyClass::kPrivate));
  ASSIGN_OR_RETURN(const Bytes point, ReadPoint(*token, name, crypto::kEd25519KeySize));
  if (!Equal(point, key.view())) return WrongKey(*token, name, "its public half differs");
  const std::shared_ptr<const Ed25519Key> out(new Ed25519Key(token, std::move(name), key));
  RETURN_IF_ERROR(out->SignBare(Probe()).status());
  return out;
}

absl::Status Ed25519Key::Destroy() const { return pkcs11::Destroy(*token_, name_); }

absl::StatusOr<Bytes> Ed25519Key::SignBare(ByteView message) const {
  Bytes out(crypto::kEd25519SignatureSize);
  RETURN_IF_ERROR(SignInto(*token_, name_, KeyClass::kPrivate, CKM_EDDSA, message, out));
  if (crypto_sign_verify_detached(out.data(), message.data(), message.size(), public_key_.view().data()) != 0)
    return WrongKey(*token_, name_, "its signature does not verify");
  return out;
}

absl::StatusOr<std::shared_ptr<const P256Key>> P256Key::Generate(std::shared_ptr<Token> token, absl::string_view label) {
  RETURN_IF_ERROR(token->Require(CKM_ECDSA, CKF_SIGN));
  ASSIGN_OR_RETURN(const KeyName name, NewName(label));
  uint8_t curve[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};  // prime256v1 (RFC 5480)
  const CK_ATTRIBUTE type[] = {{CKA_EC_PARAMS, curve, sizeof curve}};
  RETURN_IF_ERROR(GeneratePair(*token, CKM_EC_KEY_PAIR_GEN, name, type));
  const auto open = [&]() -> absl::StatusOr<std::shared_ptr<const P256Key>> {
    ASSIGN_OR_RETURN(const Bytes point, ReadPoint(*token, name, 65));
    ASSIGN_OR_RETURN(const Bytes spki, crypto::P256Spki(point));
    return Open(token, name, spki);
  };
  return OrDestroy(open(), *token, name);
}

absl::StatusOr<std::shared_ptr<const P256Key>> P256Key::Open(std::shared_ptr<Token> token, KeyName name, ByteView spki) {
  RETURN_IF_ERROR(token->Require(CKM_ECDSA, CKF_SIGN));
  RETURN_IF_ERROR(CheckKept(*token, name, KeyClass::kPrivate));
  ASSIGN_OR_RETURN(const Bytes point, ReadPoint(*token, name, 65));
  const absl::StatusOr<Bytes> own = crypto::P256Spki(point);
  if (!own.ok() || !Equal(*own, spki)) return WrongKey(*token, name, "its public half differs");
  const std::shared_ptr<const P256Key> out(new P256Key(token, std::move(name), spki));
  RETURN_IF_ERROR(out->Sign(Probe()).status());
  return out;
}

absl::Status P256Key::Destroy() const { return pkcs11::Destroy(*token_, name_); }

absl::StatusOr<Bytes> P256Key::Sign(ByteView message) const {
  const auto digest = Sha256(message);
  std::array<uint8_t, 64> raw;
  RETURN_IF_ERROR(SignInto(*token_, name_, KeyClass::kPrivate, CKM_ECDSA, digest, raw));
  Bytes out = EcdsaDer(raw);
  if (!crypto::VerifyP256(spki_, message, out).ok()) return WrongKey(*token_, name_, "its signature does not verify");
  return out;
}

absl::StatusOr<std::shared_ptr<const BlindRsaKey>> BlindRsaKey::Generate(std::shared_ptr<Token> token, absl::string_view label) {
  RETURN_IF_ERROR(token->Require(CKM_RSA_X_509, CKF_SIGN));
  ASSIGN_OR_RETURN(const KeyName name, NewName(label));
  CK_ULONG bits = 8 * crypto::kBlindRsaSize;
  uint8_t exponent[] = {0x01, 0x00, 0x01};
  const CK_ATTRIBUTE type[] = {{CKA_MODULUS_BITS, &bits, sizeof bits}, {CKA_PUBLIC_EXPONENT, exponent, sizeof exponent}};
  RETURN_IF_ERROR(GeneratePair(*token, CKM_RSA_PKCS_KEY_PAIR_GEN, name, type));
  const auto open = [&]() -> absl::StatusOr<std::shared_ptr<const BlindRsaKey>> {
    ASSIGN_OR_RETURN(const Bytes modulus, ReadNumber(*token, name, CKA_MODULUS));
    ASSIGN_OR_RETURN(const crypto::BlindRsaPublicKey key, crypto::BlindRsaPublicKey::FromModulus(modulus));
    return Open(token, name, key);
  };
  return OrDestroy(open(), *token, name);
}

absl::StatusOr<std::shared_ptr<const BlindRsaKey>> BlindRsaKey::Open(std::shared_ptr<Token> token, KeyName name,
                                                                     const crypto::BlindRsaPublicKey& key) {
  RETURN_IF_ERROR(token->Require(CKM_RSA_X_509, CKF_SIGN));
  RETURN_IF_ERROR(CheckKept(*token, name, KeyClass::kPrivate));
  ASSIGN_OR_RETURN(const Bytes modulus, ReadNumber(*token, name, CKA_MODULUS));
  if (!Equal(modulus, key.modulus())) return WrongKey(*token, name, "its public half differs");
  const std::shared_ptr<const BlindRsaKey> out(new BlindRsaKey(token, std::move(name), key));
  Bytes number = RandomBytes(crypto::kBlindRsaSize);
  number[0] &= 0x7f;  // below every modulus
  RETURN_IF_ERROR(out->BlindSign(number).status());
  return out;
}

absl::StatusOr<crypto::BlindRsaNumber> BlindRsaKey::BlindSign(ByteView blinded_message) const {
  RETURN_IF_ERROR(crypto::rsabssa::CheckBlinded(public_key_.modulus(), blinded_message));
  crypto::BlindRsaNumber out;
  RETURN_IF_ERROR(SignInto(*token_, name_, KeyClass::kPrivate, CKM_RSA_X_509, blinded_message, out));
  RETURN_IF_ERROR(crypto::rsabssa::CheckBlindSignature(public_key_.modulus(), blinded_message, out));
  return out;
}

absl::Status ProbeMaking(const std::shared_ptr<Token>& token) {
  for (const CK_MECHANISM_TYPE signing : {CKM_EDDSA, CKM_ECDSA, CKM_RSA_X_509, CKM_SHA256_HMAC}) RETURN_IF_ERROR(token->Require(signing, CKF_SIGN));
  for (const CK_MECHANISM_TYPE making : {CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EC_KEY_PAIR_GEN, CKM_RSA_PKCS_KEY_PAIR_GEN})
    RETURN_IF_ERROR(token->Require(making, CKF_GENERATE_KEY_PAIR));
  RETURN_IF_ERROR(token->Require(CKM_GENERIC_SECRET_KEY_GEN, CKF_GENERATE));
  const absl::StatusOr<std::shared_ptr<const DerivationKey>> made = DerivationKey::Generate(token, "plumbline probe");
  const absl::Status done = made.ok() ? Destroy(*token, (*made)->name()) : made.status();
  if (identity::ReasonOf(done) != "pkcs11_failed") return done;
  return identity::Refuse(absl::StatusCode::kFailedPrecondition, "pkcs11_token_unwritable",
                          absl::StrCat("no key can be made in the token ", token->label(), " (", identity::TextOf(done),
                                       "); name the folders in which its library writes in state_folders, and let this user write there"));
}

absl::Status DestroyNamed(Token& token, const KeyName& name) { return Destroy(token, name); }

absl::Status DestroyOthers(Token& token, absl::string_view label, const std::set<KeyName>& kept) {
  ASSIGN_OR_RETURN(const std::set<KeyName> all, NamesOf(token, label));
  for (const KeyName& name : all) {
    if (!kept.contains(name)) RETURN_IF_ERROR(Destroy(token, name));
  }
  return absl::OkStatus();
}

}  // namespace plumbline::pkcs11
