// What a service tells its operator about itself, for Prometheus to fetch: GET /metrics over HTTP, at an address of this machine alone.
// Totals and sizes: there is no place for an id, a peer or a text, and names and labels are constants of the program.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/metrics/histogram.h"
#include "common/status.h"

namespace plumbline::metrics {

struct Counter {
  int64_t value;
};
struct Gauge {
  double value;
};

struct Measure {
  const char* name;  // with its unit, as Prometheus wants it: plumbline_delivery_commit_seconds
  const char* help;
  std::variant<Counter, Gauge, Histogram::Snapshot> value;
};

using Collect = std::function<std::vector<Measure>()>;

// The exposition format, version 0.0.4.
std::string ToText(const std::vector<Measure>& measures);

// One thread that accepts, and two that answer.
class Listener final {
 public:
  // `address` is host:port; port 0 takes a free one. `collect` is called from those threads and outlives this.
  //   INVALID_ARGUMENT metrics_not_local: not a loopback address. Nothing protects this listener but that only this machine reaches it
  //   FAILED_PRECONDITION address_in_use
  static absl::StatusOr<std::unique_ptr<Listener>> Start(const std::string& address, Collect collect);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  int port() const;

 private:
  class Server;
  explicit Listener(std::unique_ptr<Server> server);
  const std::unique_ptr<Server> server_;
};

}  // namespace plumbline::metrics
