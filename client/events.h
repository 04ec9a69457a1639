// What happens to a running client, in one queue: envelopes from its mailbox streams, lines a person typed.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>

#include "absl/time/time.h"
#include "common/bytes.h"
#include "common/identity/fixed.h"
#include "common/identity/mailbox_place.h"
#include "common/mutex.h"
#include "common/status.h"

namespace plumbline::client {

struct EnvelopeArrived {
  uint64_t tag = 0;  // for the acknowledgement, on the stream it came from
  identity::EnvelopeId envelope_id{};
  Bytes sealed;
  identity::MailboxPlace after;  // where the next stream goes on once its effects are on disk,
  identity::Fixed<16> store{};   // with the same store of the server's
};
struct CaughtUp {};
struct StreamEnded {
  absl::Status why;
};
struct LineTyped {
  std::string text;
};
struct InputEnded {};

struct Event {
  identity::MailboxId mailbox{};  // of the stream it came from
  uint64_t stream = 0;            // number of that stream, so that a late event of an older one is told apart
  std::variant<EnvelopeArrived, CaughtUp, StreamEnded, LineTyped, InputEnded> what;
};

// Bounded, so that a flood waits at the server and not in memory. Thread-safe.
class EventQueue final {
 public:
  static constexpr size_t kCapacity = 64;
  // Waits while the queue is full. False, and nothing is queued, once it is closed or `stop` is true.
  bool Push(Event event, const std::atomic<bool>& stop);
  // Waits up to `timeout` for the next event.
  std::optional<Event> Pop(absl::Duration timeout);
  bool empty();
  // Wakes everybody; Push fails from now on.
  void Close();

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<Event> events_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace plumbline::client
