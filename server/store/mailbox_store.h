// Mailboxes: who may read one, who may put something in, until when. A mailbox names no person.
#pragma once

#include <span>
#include <vector>

#include "absl/time/time.h"
#include "common/identity/fixed.h"
#include "common/identity/grant.h"
#include "common/identity/mailbox_place.h"
#include "common/status.h"

namespace plumbline::server {

// Whole days since 1970-01-01 UTC. No row tells a finer time.
enum class Day : int64_t {};
inline Day DayOf(absl::Time time) { return Day{identity::DayOf(time)}; }
inline Day operator+(Day day, int64_t days) { return Day{static_cast<int64_t>(day) + days}; }
inline Day operator-(Day day, int64_t days) { return day + -days; }

inline constexpr size_t kMaxCapabilities = identity::kMaxDepositCapabilities;

struct NewMailbox {
  identity::MailboxId id;
  identity::PublicKey owner_key;            // Ed25519
  identity::GrantSerial grant_serial;
  Day expires;                              // the last day on which it works
  identity::MailboxPlace begin;             // where its first envelope goes
  std::vector<identity::Hash> capabilities;  // SHA-256 of each deposit capability; at most kMaxCapabilities
};

struct Mailbox {
  identity::PublicKey owner_key;
  Day expires;
};

// Thread-safe. Each method is one transaction and what it changed is on disk when it returns OK. Besides the codes named:
// RESOURCE_EXHAUSTED (disk full), UNAVAILABLE, DATA_LOSS; then nothing has changed.
class MailboxStore {
 public:
  virtual ~MailboxStore() = default;

  // OK without a change if the mailbox is there with the same grant and owner. ALREADY_EXISTS grant_used if the grant opened
  // another mailbox, mailbox_exists if the id belongs to another grant or owner.
  virtual absl::Status Open(const NewMailbox& mailbox) = 0;

  // Replaces all capabilities. `counter` must be above the last one: ABORTED stale_counter. NOT_FOUND mailbox_unknown, also
  // for one that expired before `today`.
  virtual absl::Status SetCapabilities(const identity::MailboxId& id, uint64_t counter,
                                       std::span<const identity::Hash> capabilities, Day today) = 0;

  // NOT_FOUND mailbox_unknown, also for one that expired before `today`.
  virtual absl::StatusOr<Mailbox> Find(const identity::MailboxId& id, Day today) = 0;
};

}  // namespace plumbline::server
