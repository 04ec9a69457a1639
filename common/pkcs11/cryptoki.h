// For this folder alone: the types of PKCS#11 (p11-kit's header), and what its result codes mean to us.
#pragma once

#include <p11-kit/pkcs11.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace plumbline::pkcs11 {

// Of a call that did not return CKR_OK. `doing` completes "the token cannot ...".
//   PERMISSION_DENIED pkcs11_pin_wrong; FAILED_PRECONDITION pkcs11_pin_locked, pkcs11_pin_unset; UNAVAILABLE pkcs11_token_missing;
//   else UNAVAILABLE pkcs11_failed, with the code.
absl::Status Failed(CK_RV result, absl::string_view doing);

// The session, the login or the token behind it is gone: a new session may do what this one could not.
bool IsLost(CK_RV result);
// The object behind a handle is gone, or has another handle by now.
bool IsStale(CK_RV result);

// "CKM_EDDSA"; the number of one that we do not use.
std::string NameOf(CK_MECHANISM_TYPE mechanism);

}  // namespace plumbline::pkcs11
