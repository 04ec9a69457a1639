// Accounts, their one-time codes, their devices and directory records. Each method is one transaction,
// durable on return; with any status but OK nothing has changed (TryCode says where it differs). Thread-safe.
// Codes of the engine: DATA_LOSS, UNAVAILABLE, RESOURCE_EXHAUSTED, ABORTED as db::Database.
#pragma once

#include <optional>

#include "absl/time/time.h"
#include "common/status.h"
#include "keyserver/store/types.h"

namespace plumbline::keyserver {

struct EnrolmentCode {
  identity::PublicKey key{};  // of identity::EnrolmentCodeKey
  uint64_t expires_unix = 0;
  uint32_t attempts = 0;
  bool attended = false;  // lets a device ask; a registrar activates it (JoinStore)
};

enum class CodeVerdict {
  kGood,
  kWrong,  // or no such account, or no code was issued: not told apart
  kExpired,
  kUsed,
  kExhausted,  // too many wrong ones
  kWithdrawn,  // with the account's suspension or removal
};

// A device and whether its account is suspended. Of one that was removed only id and person are known.
struct DeviceState {
  Device device;
  bool suspended = false;
  bool revoked = false;
};

class AccountStore {
 public:
  virtual ~AccountStore() = default;

  // ALREADY_EXISTS account_exists; PERMISSION_DENIED intent_replayed (so do all methods with a trace).
  virtual absl::Status Create(const Account& account, const IntentTrace& trace) = 0;
  // NOT_FOUND.
  virtual absl::StatusOr<Account> Find(absl::string_view user) = 0;
  // All, by user.
  virtual absl::StatusOr<std::vector<Account>> List() = 0;
  // Takes a suspended account back (DepartureStore suspends). ABORTED state_changed unless it is at `revision`.
  virtual absl::Status Reactivate(absl::string_view user, uint64_t revision, const SignedBytes& record,
                                  const IntentTrace& trace) = 0;
  // Makes any former code of an administrator's void; an attended one replaces a device's invitation too. ABORTED state_changed.
  virtual absl::Status IssueCode(absl::string_view user, uint64_t revision, const EnrolmentCode& code,
                                 const IntentTrace& trace) = 0;
  // Compares in constant time; a wrong one costs an attempt, which is durable on return. A good one is not
  // used up.
  virtual absl::StatusOr<CodeVerdict> TryCode(absl::string_view user, const identity::PublicKey& key,
                                              absl::Time now) = 0;
  // Uses up the code and adds the device; `cause` without what issued the code, which is kept with it. ABORTED state_changed; UNAUTHENTICATED code_used if the code was
  // used, replaced or has expired meanwhile; ALREADY_EXISTS key_in_use if another device has one of its keys.
  virtual absl::Status AddDevice(const Device& device, uint64_t revision, const SignedBytes& record,
                                 const identity::PublicKey& code_key, absl::Time now, const directory::Enrolment& cause,
                                 const audit::Entry& entry) = 0;
  // Puts `device.credential` in the place of the one whose hash is `former`, which is kept: older records name it. The device's key
  // packages stay until others are published. ABORTED state_changed; PERMISSION_DENIED as CheckActive.
  virtual absl::Status RenewCredential(const Device& device, const identity::Hash& former, uint64_t revision,
                                       const SignedBytes& record, const directory::Renewed& cause, const audit::Entry& entry) = 0;
  // Of a device that has none yet: for good.
  virtual absl::Status KeepTlsKey(const identity::DeviceId& id, const identity::Hash& tls_key_hash) = 0;
  // None if there is no such device.
  virtual absl::StatusOr<std::optional<DeviceState>> FindDevice(const identity::DeviceId& id) = 0;
};

}  // namespace plumbline::keyserver
