// The load itself, on one thread: senders and receivers, each on a TLS connection of its own, and what their traffic cost.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/bench/load/target.h"

namespace plumbline::bench {

struct Traffic {
  int in_flight = 16;  // submissions on their way at a time, of all senders together; at most one for each sender
  int fan_out = 1;     // envelopes in each submission, to as many receivers
  absl::Duration warm_up = absl::Seconds(1);
  absl::Duration duration = absl::Seconds(5);
  absl::Duration pause;   // after each submission; not zero: one at a time, each when everything before it is done
};

struct Cost {
  int64_t envelopes = 0;  // delivered, or stored where the receivers are offline
  absl::Duration wall, server_cpu, load_cpu;
  std::vector<absl::Duration> acknowledged;  // from Submit to its answer
  std::vector<absl::Duration> arrived;       // from Submit to the receiver
  void Add(Cost&& more);
  double per_second() const { return static_cast<double>(envelopes) / absl::ToDoubleSeconds(wall); }
  double server_us() const { return absl::ToDoubleMicroseconds(server_cpu) / static_cast<double>(envelopes); }  // for each envelope
};

// Thread-compatible. CHECKs that every message arrives once and is acknowledged.
class Load final {
 public:
  // Opens `receivers` mailboxes; nobody is online yet. There is a sender for each, and they share `connections` (0: one each).
  Load(const Target& target, int receivers, size_t connections = 0);
  ~Load();

  // Every receiver opens its stream; returns when all have caught up, with what they received and what it cost.
  Cost GoOnline();
  void GoOffline();
  // Sealed messages of 1 KiB, sender i to receiver i and the fan_out - 1 after it. If the receivers are online, to their
  // arrival; otherwise to their acknowledgement.
  Cost Send(const Traffic& traffic);

 private:
  class Engine;
  const std::unique_ptr<Engine> engine_;
};

}  // namespace plumbline::bench
