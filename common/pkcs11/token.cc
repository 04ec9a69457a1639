#include "common/pkcs11/token.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"
#include "common/pkcs11/cryptoki.h"

namespace plumbline::pkcs11 {
namespace {

using identity::Refuse;

static_assert(std::is_same_v<Ulong, CK_ULONG>);

constexpr CK_ULONG kMaxSlots = 1024;
constexpr size_t kMaxMechanisms = 4096;
constexpr int kAttempts = 3;  // a handle may be stale because the login is lost

// Fixed fields are padded with blanks.
std::string Trimmed(const CK_UTF8CHAR* text, size_t size) {
  const absl::string_view all(reinterpret_cast<const char*>(text), size);
  const size_t end = all.find_last_not_of(' ');
  return std::string(all.substr(0, end == absl::string_view::npos ? 0 : end + 1));
}

absl::Status CheckPinState(CK_FLAGS flags) {
  if ((flags & CKF_USER_PIN_INITIALIZED) == 0) return Failed(CKR_USER_PIN_NOT_INITIALIZED, "");
  if ((flags & CKF_USER_PIN_LOCKED) != 0) return Failed(CKR_PIN_LOCKED, "");
  if ((flags & CKF_USER_PIN_FINAL_TRY) != 0) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "pkcs11_pin_last_try",
                  "one more wrong PIN locks the token, so it is not tried from here; log in once with the token's own tool and the right PIN, "
                  "then start again");
  }
  return absl::OkStatus();
}

CK_OBJECT_CLASS ClassOf(KeyClass key_class) {
  return key_class == KeyClass::kPublic ? CKO_PUBLIC_KEY : key_class == KeyClass::kPrivate ? CKO_PRIVATE_KEY : CKO_SECRET_KEY;
}

// At most two of them: more need not be told apart.
CK_RV FindObjects(const CK_FUNCTION_LIST& calls, CK_SESSION_HANDLE session, const KeyName& name, KeyClass key_class,
                  CK_OBJECT_HANDLE (&found)[2], CK_ULONG& count) {
  CK_OBJECT_CLASS object_class = ClassOf(key_class);
  CK_BBOOL yes = CK_TRUE;
  CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &object_class, sizeof object_class},
                           {CKA_TOKEN, &yes, sizeof yes},
                           {CKA_LABEL, const_cast<char*>(name.label.data()), name.label.size()},
                           {CKA_ID, const_cast<uint8_t*>(name.id.data()), name.id.size()}};
  CK_RV result = calls.C_FindObjectsInit(session, wanted, std::size(wanted));
  if (result != CKR_OK) return result;
  count = 0;
  result = calls.C_FindObjects(session, found, std::size(found), &count);
  const CK_RV ended = calls.C_FindObjectsFinal(session);
  return result != CKR_OK ? result : ended;
}

bool IsLoggedIn(const CK_FUNCTION_LIST& calls, CK_SESSION_HANDLE session) {
  CK_SESSION_INFO info = {};
  return calls.C_GetSessionInfo(session, &info) == CKR_OK &&
         (info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS);
}

}  // namespace

absl::StatusOr<std::shared_ptr<Token>> Token::Open(std::unique_ptr<Module> module, std::string label, Secret pin) {
  RETURN_IF_ERROR(module->Initialise());
  const std::shared_ptr<Token> out(new Token(std::move(module), std::move(label), std::move(pin)));
  MutexLock lock(out->mutex_);
  RETURN_IF_ERROR(out->LogIn());
  return out;
}

Token::~Token() {
  MutexLock lock(mutex_);
  for (const Ulong session : idle_) (void)calls().C_CloseSession(session);
  if (logged_in_) (void)calls().C_CloseSession(anchor_);
}

absl::Status Token::FindSlot() {
  CK_SLOT_ID slots[kMaxSlots];
  CK_ULONG count = std::size(slots);
  if (const CK_RV result = calls().C_GetSlotList(CK_TRUE, slots, &count); result != CKR_OK) return Failed(result, "be looked for");
  int found = 0;
  CK_FLAGS flags = 0;
  for (CK_ULONG i = 0; i < count; ++i) {
    CK_TOKEN_INFO info = {};
    if (calls().C_GetTokenInfo(slots[i], &info) != CKR_OK || (info.flags & CKF_TOKEN_INITIALIZED) == 0) continue;
    if (Trimmed(info.label, sizeof info.label) != label_) continue;
    ++found;
    slot_ = slots[i];
    flags = info.flags;
  }
  if (found == 0) {
    return Refuse(absl::StatusCode::kUnavailable, "pkcs11_token_missing",
                  absl::StrCat("no token has the label ", label_, "; connect it, or correct token_label and the library's own configuration; where the keys "
                               "are to be in no token, leave the section pkcs11 out"));
  }
  if (found > 1) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "pkcs11_token_ambiguous",
                  absl::StrCat(found, " tokens have the label ", label_, "; leave one connected, or give each its own"));
  }
  return CheckPinState(flags);
}

absl::Status Token::LogIn() {
  if (logged_in_) return absl::OkStatus();
  RETURN_IF_ERROR(pin_refused_);
  RETURN_IF_ERROR(FindSlot());
  CK_SESSION_HANDLE session = 0;
  if (const CK_RV result = calls().C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session); result != CKR_OK)
    return Failed(result, "open a session");
  const ByteView pin = pin_.view();
  const CK_RV result = calls().C_Login(session, CKU_USER, const_cast<CK_UTF8CHAR*>(pin.data()), pin.size());
  if (result == CKR_OK || result == CKR_USER_ALREADY_LOGGED_IN) {
    anchor_ = session;
    logged_in_ = true;
    return absl::OkStatus();
  }
  (void)calls().C_CloseSession(session);
  const absl::Status failed = Failed(result, "log in");
  if (!absl::IsUnavailable(failed)) pin_refused_ = failed;
  return failed;
}

absl::StatusOr<Token::Lease> Token::Borrow(bool writing) {
  MutexLock lock(mutex_);
  for (bool again = false;; again = true) {
    RETURN_IF_ERROR(LogIn());
    if (!writing && !idle_.empty()) {
      const Lease lease{idle_.back(), generation_, false};
      idle_.pop_back();
      return lease;
    }
    CK_SESSION_HANDLE session = 0;
    const CK_FLAGS flags = CKF_SERIAL_SESSION | (writing ? CKF_RW_SESSION : 0);
    const CK_RV result = calls().C_OpenSession(slot_, flags, nullptr, nullptr, &session);
    if (result == CKR_OK) return Lease{session, generation_, writing};
    if (again || !IsLost(result)) return Failed(result, "open a session");
    ForgetAll();
  }
}

void Token::GiveBack(const Lease& lease, bool usable) {
  MutexLock lock(mutex_);
  // The number of a session that was lost may be another's by now.
  if (lease.generation != generation_) return;
  if (usable && !lease.writing) {
    idle_.push_back(lease.session);
  } else {
    (void)calls().C_CloseSession(lease.session);
  }
}

void Token::Forget(uint64_t generation) {
  MutexLock lock(mutex_);
  if (generation == generation_) ForgetAll();
}

void Token::ForgetHandles() {
  MutexLock lock(mutex_);
  handles_.clear();
}

void Token::ForgetAll() {
  ++generation_;
  logged_in_ = false;
  idle_.clear();
  handles_.clear();
}

absl::Status Token::RunOn(bool writing, absl::string_view doing, const Work& work) {
  for (int attempt = 1;; ++attempt) {
    ASSIGN_OR_RETURN(const Lease lease, Borrow(writing));
    const CK_RV result = work(lease.session);
    if (IsLost(result)) Forget(lease.generation);
    if (IsStale(result)) ForgetHandles();
    GiveBack(lease, result == CKR_OK);
    if (result == CKR_OK) return absl::OkStatus();
    if (attempt == kAttempts || !(IsLost(result) || IsStale(result))) return Failed(result, doing);
  }
}

absl::Status Token::Run(absl::string_view doing, const Work& work) { return RunOn(false, doing, work); }
absl::Status Token::RunWriting(absl::string_view doing, const Work& work) { return RunOn(true, doing, work); }

absl::Status Token::RunWith(const KeyName& name, KeyClass key_class, absl::string_view doing, const KeyWork& work) {
  CK_ULONG count = 1;
  const absl::Status done = Run(doing, [&](CK_SESSION_HANDLE session) -> CK_RV {
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    uint64_t generation = 0;
    {
      MutexLock lock(mutex_);
      generation = generation_;
      if (const auto known = handles_.find({name, key_class}); known != handles_.end()) key = known->second;
    }
    if (key == CK_INVALID_HANDLE) {
      CK_OBJECT_HANDLE found[2];
      if (const CK_RV result = FindObjects(calls(), session, name, key_class, found, count); result != CKR_OK) return result;
      if (count == 0 && !IsLoggedIn(calls(), session)) return CKR_USER_NOT_LOGGED_IN;  // then private objects are not shown
      if (count != 1) return CKR_OK;                                                   // told below
      key = found[0];
      MutexLock lock(mutex_);
      if (generation == generation_) handles_[{name, key_class}] = key;
    }
    return work(session, key);
  });
  RETURN_IF_ERROR(done);
  if (count == 0) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "pkcs11_key_missing",
                  absl::StrCat("the token ", label_, " has no key ", name.label, " with the id ", ToHex(name.id),
                               "; connect the token in which the ceremony made it, or a copy of it"));
  }
  if (count > 1) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "pkcs11_key_ambiguous",
                  absl::StrCat("the token ", label_, " has more than one key ", name.label, " with the id ", ToHex(name.id), "; remove the copy"));
  }
  return absl::OkStatus();
}

absl::Status Token::Require(Ulong mechanism, Ulong flags) {
  CK_SLOT_ID slot = 0;
  {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(LogIn());
    slot = slot_;
  }
  // Both are asked: what is switched off in a library's configuration may be missing in the list alone.
  std::vector<CK_MECHANISM_TYPE> offered(kMaxMechanisms);
  CK_ULONG count = offered.size();
  if (const CK_RV result = calls().C_GetMechanismList(slot, offered.data(), &count); result != CKR_OK) return Failed(result, "say what it can do");
  offered.resize(std::min<size_t>(count, offered.size()));
  CK_MECHANISM_INFO info = {};
  if (std::find(offered.begin(), offered.end(), mechanism) != offered.end() &&
      calls().C_GetMechanismInfo(slot, mechanism, &info) == CKR_OK && (info.flags & flags) == flags) {
    return absl::OkStatus();
  }
  return Refuse(absl::StatusCode::kFailedPrecondition, "pkcs11_mechanism_missing",
                absl::StrCat("the token ", label_, " does not offer ", NameOf(mechanism), ", which these keys need; use another token or its newer "
                             "firmware, or leave the section pkcs11 out of the configuration"));
}

}  // namespace plumbline::pkcs11
