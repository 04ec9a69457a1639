#include "server/store/mailbox_quota.h"

#include <algorithm>

namespace plumbline::server {

MailboxQuota::Days& MailboxQuota::Change(const identity::MailboxId& mailbox) {
  Days& days = held_[mailbox];
  former_.emplace_back(mailbox, days);
  return days;
}

bool MailboxQuota::Add(const identity::MailboxId& mailbox, Day today, int64_t bytes) {
  Days& days = Change(mailbox);
  days.erase(days.begin(), days.lower_bound(today - limits_.days));
  Held held;
  for (const auto& [day, each] : days) {
    held.envelopes += each.envelopes;
    held.bytes += each.bytes;
  }
  if (held.envelopes + 1 > limits_.envelopes || held.bytes + bytes > limits_.bytes) {
    UndoTo(former_.size() - 1);
    return false;
  }
  days[today].envelopes += 1;
  days[today].bytes += bytes;
  return true;
}

void MailboxQuota::Remove(const identity::MailboxId& mailbox, Day stored, int64_t bytes) {
  const auto found = held_.find(mailbox);
  if (found == held_.end()) return;
  const auto day = found->second.find(stored);
  if (day == found->second.end()) return;  // from before the start
  Days& days = Change(mailbox);
  Held& held = days[stored];
  held.envelopes -= 1;
  held.bytes = std::max<int64_t>(0, held.bytes - bytes);
  if (held.envelopes <= 0) days.erase(stored);
  if (days.empty()) held_.erase(mailbox);
}

void MailboxQuota::Forget(const identity::MailboxId& mailbox) {
  if (held_.count(mailbox) == 0) return;
  Change(mailbox);
  held_.erase(mailbox);
}

void MailboxQuota::UndoTo(size_t mark) {
  for (; former_.size() > mark; former_.pop_back()) {
    auto& [mailbox, days] = former_.back();
    if (days.empty()) {
      held_.erase(mailbox);
    } else {
      held_[mailbox] = std::move(days);
    }
  }
}

}  // namespace plumbline::server
