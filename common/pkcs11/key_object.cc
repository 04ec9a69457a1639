#include "common/pkcs11/key_object.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"

namespace plumbline::pkcs11 {
namespace {

using identity::Refuse;

constexpr size_t kIdSize = 16;
constexpr size_t kMaxAttribute = 1024;

CK_BBOOL kYes = CK_TRUE, kNo = CK_FALSE;  // PKCS#11 takes no pointers to const

CK_ATTRIBUTE Flag(CK_ATTRIBUTE_TYPE type, bool on) { return {type, on ? &kYes : &kNo, sizeof(CK_BBOOL)}; }

// `name` outlives the result.
std::vector<CK_ATTRIBUTE> Named(const KeyName& name) {
  return {Flag(CKA_TOKEN, true),
          {CKA_LABEL, const_cast<char*>(name.label.data()), name.label.size()},
          {CKA_ID, const_cast<uint8_t*>(name.id.data()), name.id.size()}};
}

// What makes a key stay in its token. It signs, and does nothing else.
std::vector<CK_ATTRIBUTE> Kept(const KeyName& name) {
  std::vector<CK_ATTRIBUTE> out = Named(name);
  for (const CK_ATTRIBUTE_TYPE on : {CKA_PRIVATE, CKA_SENSITIVE, CKA_SIGN}) out.push_back(Flag(on, true));
  for (const CK_ATTRIBUTE_TYPE off : {CKA_EXTRACTABLE, CKA_DECRYPT, CKA_UNWRAP}) out.push_back(Flag(off, false));
  return out;
}

absl::StatusOr<Bytes> ReadAttribute(Token& token, const KeyName& name, CK_ATTRIBUTE_TYPE type) {
  Bytes out(kMaxAttribute);
  CK_ATTRIBUTE wanted = {type, out.data(), out.size()};
  RETURN_IF_ERROR(token.RunWith(name, KeyClass::kPublic, "show a public key", [&](CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
    wanted.ulValueLen = out.size();
    return token.calls().C_GetAttributeValue(session, key, &wanted, 1);
  }));
  if (wanted.ulValueLen > out.size()) return WrongKey(token, name, "its public half has no such value");
  out.resize(wanted.ulValueLen);
  return out;
}

}  // namespace

absl::Status WrongKey(const Token& token, const KeyName& name, absl::string_view why) {
  return Refuse(absl::StatusCode::kFailedPrecondition, "pkcs11_key_wrong",
                absl::StrCat("the key ", name.label, " in the token ", token.label(), " is not the one that the ceremony made: ", why));
}

absl::StatusOr<KeyName> NewName(absl::string_view label) {
  if (label.empty() || label.size() > kMaxKeyLabel || std::any_of(label.begin(), label.end(), [](char c) { return c < 0x20 || c > 0x7e; }))
    return absl::InvalidArgumentError("a key's label is 1 to 64 printable ASCII characters");
  return KeyName{std::string(label), RandomBytes(kIdSize)};
}

absl::Status GeneratePair(Token& token, CK_MECHANISM_TYPE mechanism, const KeyName& name, std::span<const CK_ATTRIBUTE> type) {
  RETURN_IF_ERROR(token.Require(mechanism, CKF_GENERATE_KEY_PAIR));
  std::vector<CK_ATTRIBUTE> public_half = Named(name), private_half = Kept(name);
  public_half.push_back(Flag(CKA_VERIFY, true));
  public_half.insert(public_half.end(), type.begin(), type.end());
  return token.RunWriting("make a key", [&](CK_SESSION_HANDLE session) {
    CK_MECHANISM how = {mechanism, nullptr, 0};
    CK_OBJECT_HANDLE public_key = 0, private_key = 0;
    return token.calls().C_GenerateKeyPair(session, &how, public_half.data(), public_half.size(), private_half.data(), private_half.size(),
                                           &public_key, &private_key);
  });
}

absl::Status GenerateSecret(Token& token, CK_MECHANISM_TYPE mechanism, const KeyName& name, std::span<const CK_ATTRIBUTE> type) {
  RETURN_IF_ERROR(token.Require(mechanism, CKF_GENERATE));
  std::vector<CK_ATTRIBUTE> whole = Kept(name);
  whole.insert(whole.end(), type.begin(), type.end());
  return token.RunWriting("make a key", [&](CK_SESSION_HANDLE session) {
    CK_MECHANISM how = {mechanism, nullptr, 0};
    CK_OBJECT_HANDLE key = 0;
    return token.calls().C_GenerateKey(session, &how, whole.data(), whole.size(), &key);
  });
}

absl::Status CheckKept(Token& token, const KeyName& name, KeyClass key_class) {
  CK_BBOOL sensitive = CK_FALSE, extractable = CK_TRUE, always_sensitive = CK_FALSE, never_extractable = CK_FALSE;
  RETURN_IF_ERROR(token.RunWith(name, key_class, "say how it keeps a key", [&](CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
    CK_ATTRIBUTE wanted[] = {{CKA_SENSITIVE, &sensitive, sizeof sensitive},
                             {CKA_EXTRACTABLE, &extractable, sizeof extractable},
                             {CKA_ALWAYS_SENSITIVE, &always_sensitive, sizeof always_sensitive},
                             {CKA_NEVER_EXTRACTABLE, &never_extractable, sizeof never_extractable}};
    return token.calls().C_GetAttributeValue(session, key, wanted, std::size(wanted));
  }));
  if (sensitive == CK_TRUE && extractable == CK_FALSE && always_sensitive == CK_TRUE && never_extractable == CK_TRUE) return absl::OkStatus();
  return Refuse(absl::StatusCode::kFailedPrecondition, "pkcs11_key_extractable",
                absl::StrCat("the key ", name.label, " in the token ", token.label(), " can be read out of it, or was once outside of it; let the "
                             "ceremony make the keys"));
}

absl::StatusOr<Bytes> ReadPoint(Token& token, const KeyName& name, size_t size) {
  ASSIGN_OR_RETURN(Bytes out, ReadAttribute(token, name, CKA_EC_POINT));
  if (out.size() == size + 2 && out[0] == 0x04 && out[1] == size) out.erase(out.begin(), out.begin() + 2);
  if (out.size() != size) return WrongKey(token, name, "its public half is of another kind");
  return out;
}

absl::StatusOr<Bytes> ReadNumber(Token& token, const KeyName& name, CK_ATTRIBUTE_TYPE attribute) {
  ASSIGN_OR_RETURN(Bytes out, ReadAttribute(token, name, attribute));
  out.erase(out.begin(), std::find_if(out.begin(), out.end(), [](uint8_t byte) { return byte != 0; }));
  return out;
}

absl::Status SignInto(Token& token, const KeyName& name, KeyClass key_class, CK_MECHANISM_TYPE mechanism, ByteView message, std::span<uint8_t> out) {
  CK_ULONG size = 0;
  const absl::Status done = token.RunWith(name, key_class, "sign", [&](CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
    CK_MECHANISM how = {mechanism, nullptr, 0};
    if (const CK_RV result = token.calls().C_SignInit(session, &how, key); result != CKR_OK) return result;
    size = out.size();
    return token.calls().C_Sign(session, const_cast<CK_BYTE*>(message.data()), message.size(), out.data(), &size);
  });
  // To whoever waits for the signature, every cause is one: not now.
  if (!done.ok()) return absl::UnavailableError(done.message());
  return size == out.size() ? absl::OkStatus() : Failed(CKR_SIGNATURE_LEN_RANGE, "sign");
}

absl::StatusOr<std::set<KeyName>> NamesOf(Token& token, absl::string_view label) {
  std::set<KeyName> out;
  bool too_many = false;
  RETURN_IF_ERROR(token.Run("list its keys", [&](CK_SESSION_HANDLE session) -> CK_RV {
    out.clear();
    const CK_FUNCTION_LIST& calls = token.calls();
    CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &private_key, sizeof private_key},
                             Flag(CKA_TOKEN, true),
                             {CKA_LABEL, const_cast<char*>(label.data()), label.size()}};
    if (const CK_RV result = calls.C_FindObjectsInit(session, wanted, std::size(wanted)); result != CKR_OK) return result;
    std::vector<CK_OBJECT_HANDLE> found(kMaxListed);
    CK_ULONG count = 0;
    const CK_RV looked = calls.C_FindObjects(session, found.data(), found.size(), &count);
    const CK_RV ended = calls.C_FindObjectsFinal(session);
    if (looked != CKR_OK || ended != CKR_OK) return looked != CKR_OK ? looked : ended;
    too_many = count == kMaxListed;
    for (CK_ULONG i = 0; i < count; ++i) {
      uint8_t id[64];
      CK_ATTRIBUTE attribute = {CKA_ID, id, sizeof id};
      if (const CK_RV result = calls.C_GetAttributeValue(session, found[i], &attribute, 1); result != CKR_OK) return result;
      out.insert({std::string(label), Bytes(id, id + std::min<size_t>(attribute.ulValueLen, sizeof id))});
    }
    return CKR_OK;
  }));
  if (too_many) return absl::ResourceExhaustedError("the token has too many keys of one label");
  return out;
}

absl::Status Destroy(Token& token, const KeyName& name) {
  return token.RunWriting("destroy a key", [&](CK_SESSION_HANDLE session) -> CK_RV {
    std::vector<CK_ATTRIBUTE> wanted = Named(name);
    const CK_FUNCTION_LIST& calls = token.calls();
    if (const CK_RV result = calls.C_FindObjectsInit(session, wanted.data(), wanted.size()); result != CKR_OK) return result;
    CK_OBJECT_HANDLE found[4];
    CK_ULONG count = 0;
    const CK_RV looked = calls.C_FindObjects(session, found, std::size(found), &count);
    const CK_RV ended = calls.C_FindObjectsFinal(session);
    if (looked != CKR_OK || ended != CKR_OK) return looked != CKR_OK ? looked : ended;
    for (CK_ULONG i = 0; i < count; ++i) {
      if (const CK_RV result = calls.C_DestroyObject(session, found[i]); result != CKR_OK) return result;
    }
    return CKR_OK;
  });
}

}  // namespace plumbline::pkcs11
