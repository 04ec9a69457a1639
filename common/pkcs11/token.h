// A token that holds keys: found by its label, opened with its user's PIN. Signing keys are in signing_keys.h, and what other secrets
// are bound to a token with in derivation_key.h.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/mutex.h"
#include "common/pkcs11/module.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::pkcs11 {

// CK_SESSION_HANDLE, CK_OBJECT_HANDLE, CK_RV and the like, all of which are CK_ULONG.
using Ulong = unsigned long;

// Which key of a token: CKA_LABEL and CKA_ID, together. Another program may put keys of its own beside ours.
struct KeyName {
  std::string label;  // printable ASCII
  Bytes id;           // 16 random bytes
  auto operator<=>(const KeyName&) const = default;
};

enum class KeyClass { kPublic, kPrivate, kSecret };

// Thread-safe: as many sessions as threads that sign at one moment. What the token has lost (a session, the login, itself for a moment)
// is opened again, twice for each call. A PIN that the token has refused is never shown to it again.
class Token final {
 public:
  // Logged in, so that a wrong PIN is known at the start (unless this process is logged in to the token already). FAILED_PRECONDITION
  //   pkcs11_module_unusable                                         Module
  //   pkcs11_token_ambiguous                                         two tokens have this label
  //   pkcs11_pin_unset, pkcs11_pin_locked                            as the token says
  //   pkcs11_pin_last_try                                            the next wrong PIN locks it: not tried
  // PERMISSION_DENIED pkcs11_pin_wrong; UNAVAILABLE pkcs11_token_missing, pkcs11_failed.
  static absl::StatusOr<std::shared_ptr<Token>> Open(std::unique_ptr<Module> module, std::string label, Secret pin);
  ~Token();
  Token(const Token&) = delete;
  Token& operator=(const Token&) = delete;

  const std::string& label() const { return label_; }

  // FAILED_PRECONDITION pkcs11_mechanism_missing unless the token has this mechanism (CK_MECHANISM_TYPE) with all of `flags` (CKF_SIGN).
  absl::Status Require(Ulong mechanism, Ulong flags);

  // For the keys of this folder. `work` gets a session and returns a CK_RV; it is called again, with another session, if it returns
  // that the session or an object is lost: three times at most. `doing` completes "the token cannot ...".
  using Work = std::function<Ulong(Ulong session)>;
  absl::Status Run(absl::string_view doing, const Work& work);
  absl::Status RunWriting(absl::string_view doing, const Work& work);
  // The same for one of the token's keys. FAILED_PRECONDITION pkcs11_key_missing, pkcs11_key_ambiguous.
  using KeyWork = std::function<Ulong(Ulong session, Ulong key)>;
  absl::Status RunWith(const KeyName& name, KeyClass key_class, absl::string_view doing, const KeyWork& work);

  const _CK_FUNCTION_LIST& calls() const { return module_->calls(); }

 private:
  struct Lease {
    Ulong session = 0;
    uint64_t generation = 0;
    bool writing = false;
  };
  Token(std::unique_ptr<Module> module, std::string label, Secret pin)
      : module_(std::move(module)), label_(std::move(label)), pin_(std::move(pin)) {}
  absl::Status RunOn(bool writing, absl::string_view doing, const Work& work) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<Lease> Borrow(bool writing) ABSL_LOCKS_EXCLUDED(mutex_);
  void GiveBack(const Lease& lease, bool usable) ABSL_LOCKS_EXCLUDED(mutex_);
  // Of a session that was lost: all of its generation are.
  void Forget(uint64_t generation) ABSL_LOCKS_EXCLUDED(mutex_);
  void ForgetHandles() ABSL_LOCKS_EXCLUDED(mutex_);
  void ForgetAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status LogIn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status FindSlot() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::unique_ptr<Module> module_;
  const std::string label_;
  const Secret pin_;
  Mutex mutex_;
  bool logged_in_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status pin_refused_ ABSL_GUARDED_BY(mutex_);
  Ulong slot_ ABSL_GUARDED_BY(mutex_) = 0;
  Ulong anchor_ ABSL_GUARDED_BY(mutex_) = 0;  // a session that is open as long as the login is to last
  std::vector<Ulong> idle_ ABSL_GUARDED_BY(mutex_);
  uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<std::pair<KeyName, KeyClass>, Ulong> handles_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbline::pkcs11
