// For this folder alone: making, finding and checking the objects that are keys.
#pragma once

#include <set>
#include <span>

#include "common/pkcs11/cryptoki.h"
#include "common/pkcs11/token.h"

namespace plumbline::pkcs11 {

inline constexpr size_t kMaxKeyLabel = 64;

// A random id. INVALID_ARGUMENT unless `label` is 1 to kMaxKeyLabel printable ASCII characters.
absl::StatusOr<KeyName> NewName(absl::string_view label);

// Keys that never leave the token: private, sensitive, not extractable, for signing alone. Durable on return. `type` has what only this
// type needs, of the public half and of a secret key. FAILED_PRECONDITION pkcs11_mechanism_missing.
absl::Status GeneratePair(Token& token, CK_MECHANISM_TYPE mechanism, const KeyName& name, std::span<const CK_ATTRIBUTE> type);
absl::Status GenerateSecret(Token& token, CK_MECHANISM_TYPE mechanism, const KeyName& name, std::span<const CK_ATTRIBUTE> type);

// FAILED_PRECONDITION pkcs11_key_extractable unless the token says that the key was made in it and has never been outside.
absl::Status CheckKept(Token& token, const KeyName& name, KeyClass key_class);

// CKA_EC_POINT of the public half, without its OCTET STRING where the token has one around it (PKCS#11 v2.40 wants it, some leave it
// out). FAILED_PRECONDITION pkcs11_key_wrong unless it is `size` bytes.
absl::StatusOr<Bytes> ReadPoint(Token& token, const KeyName& name, size_t size);
// A number, big-endian, without leading zeros.
absl::StatusOr<Bytes> ReadNumber(Token& token, const KeyName& name, CK_ATTRIBUTE_TYPE attribute);

// C_Sign in one part into `out`, all of which the signature fills. UNAVAILABLE for whatever reason it is not: the reason id says which.
absl::Status SignInto(Token& token, const KeyName& name, KeyClass key_class, CK_MECHANISM_TYPE mechanism, ByteView message, std::span<uint8_t> out);

// Of the private keys that have this label. RESOURCE_EXHAUSTED above kMaxListed.
inline constexpr size_t kMaxListed = 4096;
absl::StatusOr<std::set<KeyName>> NamesOf(Token& token, absl::string_view label);

// What of it there is. Not an error if nothing is.
absl::Status Destroy(Token& token, const KeyName& name);

absl::Status WrongKey(const Token& token, const KeyName& name, absl::string_view why);

}  // namespace plumbline::pkcs11
