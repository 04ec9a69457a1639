// A PKCS#11 library for tests: SoftHSM, whose tokens say of their PIN what the variable PLUMBLINE_PIN_FLAGS has (a number, CKF_USER_PIN_*),
// which SoftHSM itself never says; and then they take no PIN: who tries one ends the process.
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>

#include <cstdlib>

namespace {

const CK_FUNCTION_LIST* softhsm = nullptr;
CK_FUNCTION_LIST calls;

CK_FLAGS Flags() {
  const char* const text = std::getenv("PLUMBLINE_PIN_FLAGS");
  return text == nullptr ? 0 : std::strtoul(text, nullptr, 10);
}

CK_RV GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
  const CK_RV result = softhsm->C_GetTokenInfo(slot, info);
  if (result == CKR_OK) info->flags |= Flags();
  return result;
}

CK_RV Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR* pin, CK_ULONG size) {
  if (Flags() != 0) std::abort();
  return softhsm->C_Login(session, user, pin, size);
}

}  // namespace

extern "C" CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  void* const library = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return CKR_GENERAL_ERROR;
  CK_FUNCTION_LIST* own = nullptr;
  if (reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"))(&own) != CKR_OK) return CKR_GENERAL_ERROR;
  softhsm = own;
  calls = *own;
  calls.C_GetTokenInfo = GetTokenInfo;
  calls.C_Login = Login;
  *list = &calls;
  return CKR_OK;
}
