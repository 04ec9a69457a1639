#include "common/pkcs11/cryptoki.h"

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"

namespace plumbline::pkcs11 {

using identity::Refuse;

absl::Status Failed(CK_RV result, absl::string_view doing) {
  switch (result) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
      return Refuse(absl::StatusCode::kPermissionDenied, "pkcs11_pin_wrong",
                    "the token refuses the PIN, and is not asked again, because it locks itself after a few wrong ones; correct the PIN "
                    "file, then start again");
    case CKR_PIN_LOCKED:
      return Refuse(absl::StatusCode::kFailedPrecondition, "pkcs11_pin_locked",
                    "too many wrong PINs have locked the token; its security officer sets a new PIN");
    case CKR_USER_PIN_NOT_INITIALIZED:
      return Refuse(absl::StatusCode::kFailedPrecondition, "pkcs11_pin_unset", "the token has no user PIN yet; its security officer sets one");
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_DEVICE_REMOVED:
    case CKR_SLOT_ID_INVALID:
      return Refuse(absl::StatusCode::kUnavailable, "pkcs11_token_missing", "the token was removed, or its machine is out of reach");
    default:
      return Refuse(absl::StatusCode::kUnavailable, "pkcs11_failed",
                    absl::StrCat("the token cannot ", doing, " (PKCS#11 result 0x", absl::Hex(result), ")"));
  }
}

bool IsLost(CK_RV result) {
  switch (result) {
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_USER_NOT_LOGGED_IN:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_DEVICE_REMOVED:
    case CKR_DEVICE_ERROR:
      return true;
    default:
      return false;
  }
}

bool IsStale(CK_RV result) { return result == CKR_OBJECT_HANDLE_INVALID || result == CKR_KEY_HANDLE_INVALID; }

std::string NameOf(CK_MECHANISM_TYPE mechanism) {
  switch (mechanism) {
    case CKM_EC_EDWARDS_KEY_PAIR_GEN: return "CKM_EC_EDWARDS_KEY_PAIR_GEN";
    case CKM_EDDSA: return "CKM_EDDSA";
    case CKM_EC_KEY_PAIR_GEN: return "CKM_EC_KEY_PAIR_GEN";
    case CKM_ECDSA: return "CKM_ECDSA";
    case CKM_GENERIC_SECRET_KEY_GEN: return "CKM_GENERIC_SECRET_KEY_GEN";
    case CKM_SHA256_HMAC: return "CKM_SHA256_HMAC";
    case CKM_RSA_PKCS_KEY_PAIR_GEN: return "CKM_RSA_PKCS_KEY_PAIR_GEN";
    case CKM_RSA_X_509: return "CKM_RSA_X_509";
    default: return absl::StrCat("mechanism 0x", absl::Hex(mechanism));
  }
}

}  // namespace plumbline::pkcs11
