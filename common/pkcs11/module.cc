#include "common/pkcs11/module.h"

#include <dlfcn.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"
#include "common/mutex.h"
#include "common/pkcs11/cryptoki.h"

namespace plumbline::pkcs11 {
namespace {

// A library has one state in a process, whoever uses it: hence the one variable of this program that is not owned by main. It is never
// unloaded, since threads and handlers of its own may outlive the last use.
struct Library {
  CK_FUNCTION_LIST* calls = nullptr;
  int users = 0;  // who have initialised it
};
struct Libraries {
  Mutex mutex;
  std::map<std::string, Library> by_path ABSL_GUARDED_BY(mutex);
};
Libraries& All() {
  static auto* const all = new Libraries;
  return *all;
}

absl::Status Unusable(absl::string_view path, absl::string_view why) {
  return identity::Refuse(absl::StatusCode::kFailedPrecondition, "pkcs11_module_unusable",
                          absl::StrCat("the PKCS#11 library ", path, " cannot be used (", why, "); name the token maker's library for this machine"));
}

absl::StatusOr<CK_FUNCTION_LIST*> Open(const std::string& path) {
  // A name without a slash would be looked for in places that the configuration does not say.
  if (path.empty() || path[0] != '/') return Unusable(path, "its path must be absolute");
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const why = dlerror();
    return Unusable(path, why == nullptr ? "it does not load" : why);
  }
  const auto get = reinterpret_cast<CK_C_GetFunctionList>(dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST* calls = nullptr;
  if (get == nullptr || get(&calls) != CKR_OK || calls == nullptr) return Unusable(path, "it has no list of functions");
  if (calls->version.major != 2) return Unusable(path, absl::StrCat("it speaks version ", int{calls->version.major}, ", not 2"));
  return calls;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> Module::Load(const std::string& path) {
  Libraries& all = All();
  MutexLock lock(all.mutex);
  Library& library = all.by_path[path];
  if (library.calls == nullptr) {
    ASSIGN_OR_RETURN(library.calls, Open(path));
  }
  return std::unique_ptr<Module>(new Module(path, *library.calls));
}

absl::Status Module::Initialise() {
  Libraries& all = All();
  MutexLock lock(all.mutex);
  if (initialised_) return absl::OkStatus();
  Library& library = all.by_path[path_];
  if (library.users == 0) {
    CK_C_INITIALIZE_ARGS arguments = {};
    arguments.flags = CKF_OS_LOCKING_OK;
    const CK_RV result = library.calls->C_Initialize(&arguments);
    if (result != CKR_OK) return Unusable(path_, absl::StrCat("it does not start: PKCS#11 result 0x", absl::Hex(result)));
  }
  ++library.users;
  initialised_ = true;
  return absl::OkStatus();
}

Module::~Module() {
  Libraries& all = All();
  MutexLock lock(all.mutex);
  if (!initialised_) return;
  Library& library = all.by_path[path_];
  if (--library.users == 0) (void)library.calls->C_Finalize(nullptr);
}

}  // namespace plumbline::pkcs11
