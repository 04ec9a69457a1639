// What waits in each mailbox, counted. In memory alone: on the disk it would tell which mailboxes were written to together. So it counts from
// the start of the process on.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "common/identity/fixed.h"
#include "server/store/mailbox_store.h"

namespace plumbline::server {

// For the writing thread only. Mailboxes in which nothing was counted take no memory.
class MailboxQuota final {
 public:
  struct Limits {
    int64_t envelopes;
    int64_t bytes;
    int days;  // after which what waits is no longer there
  };
  explicit MailboxQuota(const Limits& limits) : limits_(limits) {}

  // Counts one envelope; false, and nothing is counted, if the mailbox is full.
  bool Add(const identity::MailboxId& mailbox, Day today, int64_t bytes);
  void Remove(const identity::MailboxId& mailbox, Day stored, int64_t bytes);
  void Forget(const identity::MailboxId& mailbox);

  // What was done since a mark can be undone, until Keep().
  size_t Mark() const { return former_.size(); }
  void UndoTo(size_t mark);
  void Keep() { former_.clear(); }

 private:
  struct Held {
    int64_t envelopes = 0;
    int64_t bytes = 0;
  };
  using Days = std::map<Day, Held>;
  Days& Change(const identity::MailboxId& mailbox);

  const Limits limits_;
  std::map<identity::MailboxId, Days> held_;  // no empty ones but while one is changed
  std::vector<std::pair<identity::MailboxId, Days>> former_;
};

}  // namespace plumbline::server
