// A service's own record of security events: a table in its database, chained by hashes so that a changed, removed or
// reordered record is found. (Cutting off the end is found by whoever kept a later head: see Head().)
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "common/audit/catalogue.h"
#include "common/clock.h"
#include "common/db/database.h"
#include "common/status.h"

namespace plumbline::audit {

namespace v1 {
class Event;
}

inline constexpr size_t kMaxText = 512;     // bytes of actor, subject, reason, a detail's name or value
inline constexpr size_t kMaxDetails = 16;   // details in a record
inline constexpr size_t kMaxPage = 1000;    // records in one read

enum class Outcome { kSuccess, kRefused };

// What happened. `details` never holds a secret, a code or message content.
struct Entry {
  Event event;
  std::string actor;    // who did it: a URI, an administrator's key id in hex, a service; empty where nobody is known
  std::string subject;  // to whom or what
  Outcome outcome = Outcome::kSuccess;
  std::string reason;   // the reason id of a refusal
  std::map<std::string, std::string> details;
};

using Hash = std::array<uint8_t, 32>;

struct Record {
  uint64_t sequence;  // from 1, no gaps
  absl::Time time;    // whole seconds
  std::string name;   // from the catalogue; a later version's names are kept as they are
  std::string actor, subject, reason;
  Outcome outcome;
  std::map<std::string, std::string> details;
  Hash previous;
  Hash hash;          // SHA-256(previous || canonical record), docs/protocols/audit.md
};

// The end of the chain: how many records and the last one's hash (zeros for none).
struct Head {
  uint64_t sequence = 0;
  Hash hash{};
};

// Over one connection, and as little thread-safe as that. Several over several connections to one database are fine: the
// chain is extended under the write lock.
class AuditLog final {
 public:
  // Makes its table if it is not there. INVALID_ARGUMENT never; codes as Database.
  static absl::StatusOr<AuditLog> Open(db::Database& database, const Clock& clock);

  // A privileged action is recorded first. Append: durable on return, in a transaction of its own; INTERNAL if one is open on
  // this connection. AppendIn: part of the caller's transaction, so record and effect are durable together or not at all.
  // INVALID_ARGUMENT if a text or the details are above the limits. Returns the record's sequence.
  absl::StatusOr<uint64_t> Append(const Entry& entry);
  absl::StatusOr<uint64_t> AppendIn(db::Transaction& transaction, const Entry& entry);

  // Up to `limit` (at most kMaxPage) records with sequence > `after`, oldest first. DATA_LOSS if one does not decode.
  absl::StatusOr<std::vector<Record>> ReadAfter(uint64_t after, size_t limit);
  // Walks the whole chain. DATA_LOSS "record N ..." names the first that is changed, missing or out of order, or says that the
  // chain is shorter than `at_least`, a head seen earlier. Returns the present head.
  absl::StatusOr<Head> Verify(const Head& at_least = Head());
  absl::StatusOr<Head> CurrentHead();

 private:
  AuditLog(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}
  db::Database& database_;
  const Clock& clock_;
};

// For answers over the wire.
void ToProto(const Record& record, v1::Event& out);

}  // namespace plumbline::audit
