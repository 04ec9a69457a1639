// What the delivery server tells its operator: totals, sizes and durations of everybody together.
#pragma once

#include <string>
#include <vector>

#include "common/metrics/listener.h"
#include "server/counters.h"
#include "server/health.h"
#include "server/sessions.h"
#include "server/streams.h"

namespace plumbline::server {

struct Measured {
  const Counters& counters;
  const Health& health;
  const metrics::Histogram& commits;
  Streams& streams;
  Sessions& sessions;
  std::string database;     // path
  std::string attachments;  // path
};

std::vector<metrics::Measure> Measures(const Measured& measured);

}  // namespace plumbline::server
