#include "server/sessions.h"

#include <algorithm>
#include <set>

#include "common/identity/reason.h"
#include "common/retry.h"

namespace plumbline::server {

using identity::Refuse;

absl::Status Sessions::CheckRoom() {
  MutexLock lock(mutex_);
  Forget(clock_.Now());
  if (sessions_.size() < limits_.sessions) return absl::OkStatus();
  return WithRetryAfter(Refuse(absl::StatusCode::kResourceExhausted, "too_many_sessions",
                               "the server has no room for another session; the token was not spent, try again in a minute"),
                        absl::Minutes(1));
}

size_t Sessions::size() {
  MutexLock lock(mutex_);
  return sessions_.size();
}

absl::StatusOr<Sessions::Opened> Sessions::Open(const tokens::Redeemed& token) {
  const SessionId id = identity::RandomFixed<16>();
  MutexLock lock(mutex_);
  if (void_keys_.contains(token.token_key_id)) {
    return Refuse(absl::StatusCode::kUnauthenticated, "token_void", "all tokens of this time were made void; draw new ones");
  }
  const absl::Time now = clock_.Now();
  const absl::Time end = std::min(now + limits_.life, token.ends);
  sessions_[id] = Session{limits_.envelopes, end, token.token_key_id};
  return Opened{id, end - now};
}

void Sessions::Revoke(const std::vector<identity::VoidTokenKey>& keys) {
  MutexLock lock(mutex_);
  const absl::Time now = clock_.Now();
  std::erase_if(void_keys_, [now](const auto& entry) { return entry.second <= now; });
  std::set<identity::Hash> ids;
  for (const identity::VoidTokenKey& key : keys) {
    ids.insert(key.token_key_id);
    const absl::Time end = absl::FromUnixSeconds(static_cast<int64_t>(std::min<uint64_t>(key.ends_unix, uint64_t{1} << 40)));
    if (end > now) void_keys_[key.token_key_id] = end;
  }
  for (auto& [id, session] : sessions_) {
    if (ids.contains(session.token_key_id)) session.end = std::min(session.end, now);
  }
}

absl::Status Sessions::Take(const SessionId& id, uint32_t cost) {
  MutexLock lock(mutex_);
  const auto session = sessions_.find(id);
  if (session == sessions_.end()) {
    return Refuse(absl::StatusCode::kUnauthenticated, "session_unknown", "open a session with a new token");
  }
  if (session->second.end <= clock_.Now()) {
    return Refuse(absl::StatusCode::kUnauthenticated, "session_ended", "the session's time is over; open another one");
  }
  if (session->second.left < cost) {
    return Refuse(absl::StatusCode::kResourceExhausted, "budget_spent",
                  "the session has no budget left for this; open another one");
  }
  session->second.left -= cost;
  return absl::OkStatus();
}

void Sessions::GiveBack(const SessionId& id, uint32_t cost) {
  MutexLock lock(mutex_);
  const auto session = sessions_.find(id);
  if (session == sessions_.end()) return;
  session->second.left = std::min(limits_.envelopes, session->second.left + cost);
}

void Sessions::Forget(absl::Time now) {
  if (now < next_forget_ && sessions_.size() < limits_.sessions) return;
  next_forget_ = now + absl::Minutes(1);
  for (auto session = sessions_.begin(); session != sessions_.end();) {
    session = session->second.end + limits_.life <= now ? sessions_.erase(session) : std::next(session);
  }
}

}  // namespace plumbline::server
