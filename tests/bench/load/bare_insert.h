// The floor of the store: the rows that an envelope becomes, written and synced, and nothing else.
#pragma once

#include "absl/time/time.h"

namespace plumbline::bench {

struct Inserted {
  int64_t envelopes = 0;
  absl::Duration wall, cpu;
  absl::Duration p50;  // of a transaction, of the latest call
  void Add(const Inserted& more) {
    envelopes += more.envelopes;
    wall += more.wall;
    cpu += more.cpu;
    p50 = more.p50;
  }
  double per_second() const { return static_cast<double>(envelopes) / absl::ToDoubleSeconds(wall); }
  double us() const { return absl::ToDoubleMicroseconds(cpu) / static_cast<double>(envelopes); }
};

// One after the other for `duration`, `rows` envelopes of 1 KiB in each transaction, in an encrypted database of its own. With `acknowledge`
// each is deleted again, as many in a transaction, which is what becomes of every message in the end.
Inserted BareInserts(int rows, bool acknowledge, absl::Duration duration);

}  // namespace plumbline::bench
