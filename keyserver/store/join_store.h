// Devices that ask to join a person's others: invitations by a device, and requests that wait for a
// decision. Each method is one transaction, durable on return; with any status but OK nothing has
// changed (TryInvitation says where it differs). Thread-safe. Codes of the engine as
// account_store.h.
#pragma once

#include <optional>

#include "absl/time/time.h"
#include "common/status.h"
#include "keyserver/store/account_store.h"
#include "keyserver/store/types.h"

namespace plumbline::keyserver {

inline constexpr int kMaxWaitingJoins = 4;  // of one person

enum class JoinState { kWaiting = 0, kApproved = 1, kRefused = 2 };

struct Join {
  identity::Hash hash{};  // identity::HashOf(JoinRequest)
  std::string user;
  identity::DeviceId device_id{};  // that it gets when it is approved
  identity::DeviceId invited_by{};
  Bytes request;  // keys.v1.EnrolRequest without the code
  int64_t asked_unix = 0;
  int64_t expires_unix = 0;  // of the wait for a decision
  JoinState state = JoinState::kWaiting;
  Bytes tls_certificate;  // DER, once approved
};

class JoinStore {
 public:
  virtual ~JoinStore() = default;

  // Replaces the person's former invitation. PERMISSION_DENIED device_revoked, account_suspended.
  virtual absl::Status Invite(absl::string_view user, const identity::DeviceId& device,
                              const EnrolmentCode& code, const audit::Entry& entry) = 0;
  // As AccountStore::TryCode; also the device that invited.
  struct Tried {
    CodeVerdict verdict = CodeVerdict::kWrong;
    identity::DeviceId invited_by{};
  };
  virtual absl::StatusOr<Tried> TryInvitation(absl::string_view user, const identity::PublicKey& key,
                                              absl::Time now) = 0;
  // Uses up the invitation. UNAUTHENTICATED code_used; RESOURCE_EXHAUSTED too_many_join_requests.
  virtual absl::Status Ask(const Join& join, const identity::PublicKey& code_key, absl::Time now,
                           const audit::Entry& entry) = 0;
  virtual absl::StatusOr<std::optional<Join>> Find(const identity::Hash& hash) = 0;
  // Those of a person that wait and have not expired, oldest first.
  virtual absl::StatusOr<std::vector<Join>> Waiting(absl::string_view user, absl::Time now) = 0;
  // The decision on record first, then the device. FAILED_PRECONDITION join_decided, join_expired;
  // ABORTED state_changed; ALREADY_EXISTS key_in_use.
  virtual absl::Status Approve(const identity::Hash& hash, const Device& device,
                               ByteView tls_certificate, uint64_t revision,
                               const SignedBytes& record, absl::Time now,
                               const DecisionTrace& trace) = 0;
  // The same for a request by a registrar's invitation, by an administrator's intent.
  virtual absl::Status Activate(const identity::Hash& hash, const Device& device, ByteView tls_certificate, uint64_t revision,
                                const SignedBytes& record, absl::Time now, const IntentTrace& trace) = 0;
  virtual absl::Status Refuse(const identity::Hash& hash, absl::Time now,
                              const DecisionTrace& trace) = 0;
};

}  // namespace plumbline::keyserver
