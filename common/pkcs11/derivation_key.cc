#include "common/pkcs11/derivation_key.h"

#include "common/codec.h"
#include "common/pkcs11/key_object.h"

namespace plumbline::pkcs11 {

absl::StatusOr<std::shared_ptr<const DerivationKey>> DerivationKey::Generate(std::shared_ptr<Token> token, absl::string_view label) {
  RETURN_IF_ERROR(token->Require(CKM_SHA256_HMAC, CKF_SIGN));
  ASSIGN_OR_RETURN(const KeyName name, NewName(label));
  CK_ULONG size = kDerivedSize;
  const CK_ATTRIBUTE type[] = {{CKA_VALUE_LEN, &size, sizeof size}};
  RETURN_IF_ERROR(GenerateSecret(*token, CKM_GENERIC_SECRET_KEY_GEN, name, type));
  absl::StatusOr<std::shared_ptr<const DerivationKey>> out = Open(token, name);
  if (!out.ok()) Destroy(*token, name).IgnoreError();  // it would be of no use to anybody
  return out;
}

absl::StatusOr<std::shared_ptr<const DerivationKey>> DerivationKey::Open(std::shared_ptr<Token> token, KeyName name) {
  RETURN_IF_ERROR(token->Require(CKM_SHA256_HMAC, CKF_SIGN));
  RETURN_IF_ERROR(CheckKept(*token, name, KeyClass::kSecret));
  const std::shared_ptr<const DerivationKey> out(new DerivationKey(std::move(token), std::move(name)));
  RETURN_IF_ERROR(out->Derive("plumbline probe of a token v1", {}).status());
  return out;
}

absl::StatusOr<Secret> DerivationKey::Derive(absl::string_view label, ByteView context) const {
  Secret out(kDerivedSize);
  const Bytes message = Writer().Vector(AsBytes(label)).Vector(context).TakeBytes();
  RETURN_IF_ERROR(SignInto(*token_, name_, KeyClass::kSecret, CKM_SHA256_HMAC, message, out.span()));
  return out;
}

}  // namespace plumbline::pkcs11
