// The library through which tokens are reached (PKCS#11 v2.40), which their maker provides and which is loaded at run time. Its code
// runs in this process: it is trusted like this program, and what it may write has to be named (deploy/keyserver.yaml, state_folders).
#pragma once

#include <memory>
#include <string>

#include "common/status.h"

struct _CK_FUNCTION_LIST;  // PKCS#11's CK_FUNCTION_LIST

namespace plumbline::pkcs11 {

// One use of the library. The library's own state is the process's, and ends with the last use. Thread-safe.
class Module final {
 public:
  // Loads the library and calls nothing in it. In a service: before EnterSandbox, after which no code can be loaded any more; what was
  // loaded once is there for every later Load. FAILED_PRECONDITION pkcs11_module_unusable.
  static absl::StatusOr<std::unique_ptr<Module>> Load(const std::string& path);
  // C_Initialize, with locks of the operating system. In a service: after EnterSandbox, so that threads it makes are confined too.
  // FAILED_PRECONDITION pkcs11_module_unusable.
  absl::Status Initialise();
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // After Initialise.
  const _CK_FUNCTION_LIST& calls() const { return *calls_; }

 private:
  Module(std::string path, const _CK_FUNCTION_LIST& calls) : path_(std::move(path)), calls_(&calls) {}
  const std::string path_;
  const _CK_FUNCTION_LIST* const calls_;
  bool initialised_ = false;
};

}  // namespace plumbline::pkcs11
