// Open send sessions: what one token pays for. In memory only, so a restart ends them and nothing about them is ever stored.
#pragma once

#include <map>

#include "absl/time/time.h"
#include "common/clock.h"
#include "common/identity/revocation.h"
#include "common/mutex.h"
#include "common/tokens/redeemer.h"
#include "common/status.h"

namespace plumbline::server {

using SessionId = identity::Fixed<16>;

struct SessionLimits {
  uint32_t envelopes = 2000;
  absl::Duration life = absl::Minutes(10);
  size_t sessions = 100'000;
};

// Thread-safe.
class Sessions final {
 public:
  Sessions(const Clock& clock, const SessionLimits& limits) : clock_(clock), limits_(limits) {}

  // RESOURCE_EXHAUSTED too_many_sessions: ask before a token is spent.
  absl::Status CheckRoom() ABSL_LOCKS_EXCLUDED(mutex_);
  struct Opened {
    SessionId id{};
    absl::Duration life;
  };
  // A new session with a random id and the whole budget, paid for with that token; it ends with the token's key at the latest.
  // UNAUTHENTICATED token_void if the key was made void while the token was being spent.
  absl::StatusOr<Opened> Open(const tokens::Redeemed& token) ABSL_LOCKS_EXCLUDED(mutex_);
  // Ends the sessions that were opened with tokens under these keys, at once; none opens with them from now on.
  void Revoke(const std::vector<identity::VoidTokenKey>& keys) ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes `cost` from the budget. UNAUTHENTICATED session_unknown, session_ended; RESOURCE_EXHAUSTED budget_spent, and then
  // nothing is taken.
  absl::Status Take(const SessionId& id, uint32_t cost) ABSL_LOCKS_EXCLUDED(mutex_);
  // Gives back what was taken for something that could not be done.
  void GiveBack(const SessionId& id, uint32_t cost) ABSL_LOCKS_EXCLUDED(mutex_);

  size_t size() ABSL_LOCKS_EXCLUDED(mutex_);
  const SessionLimits& limits() const { return limits_; }

 private:
  struct Session {
    uint32_t left;
    absl::Time end;
    identity::Hash token_key_id;
  };
  // An ended session is kept as long again, so that its owner hears "ended" and not "unknown".
  void Forget(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  const SessionLimits limits_;
  Mutex mutex_;
  std::map<SessionId, Session> sessions_ ABSL_GUARDED_BY(mutex_);
  std::map<identity::Hash, absl::Time> void_keys_ ABSL_GUARDED_BY(mutex_);  // with their ends: after them no token is taken anyway
  absl::Time next_forget_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace plumbline::server
