// What was measured, beside the floor it was measured against in the same run.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace plumbline::bench {

// Durations of one operation, run many times.
struct Sample {
  size_t runs = 0;
  absl::Duration p50, p99;
  double per_second = 0;  // of all runs in the wall-clock time they took; 0 where that says nothing
};
Sample SampleOf(std::vector<absl::Duration> durations, absl::Duration wall = absl::ZeroDuration());

// Times what is between Start and Stop; the rest of the body is preparation.
class Stopwatch final {
 public:
  void Start();
  void Stop();
  absl::Duration elapsed() const { return elapsed_; }

 private:
  absl::Time started_;
  absl::Duration elapsed_;
};

// Runs `body` once to warm up, then for `budget` and at least five times. `body` starts and stops the watch once.
Sample Measure(absl::Duration budget, const std::function<void(Stopwatch&)>& body);
// The same, timing the whole body.
Sample MeasureAll(absl::Duration budget, const std::function<void()>& body);

// One line. The ratio is how many times the floor it costs: of medians, or of rates where `by_rate`.
struct Row {
  std::string group;  // "MLS", "Delivery", "Start-up", "Transparency", "Access"
  std::string what;
  int members = 0;    // N, or 0
  Sample sample;
  std::string floor;  // what the floor is; empty: this is one, or there is none
  Sample floor_sample;
  bool by_rate = false;
  std::optional<double> ratio() const;
};

// Thread-compatible.
class Table final {
 public:
  // Keeps the row and, to show that it goes on, prints its name to standard error.
  void Add(Row row);
  void Note(std::string line);  // below the table
  std::string Text() const;
  std::string Json() const;

 private:
  std::vector<Row> rows_;
  std::vector<std::string> notes_;
};

void MeasureMls(Table& table);
// The real delivery server over TLS. `self` is this program: the floors are served by a process of their own.
void MeasureDelivery(Table& table, const std::string& self);
void MeasureStartup(Table& table);
// Without a service: the libraries alone, and then the stored log and a client that follows it.
void MeasureTransparency(Table& table);
void MeasureDirectory(Table& table);
// What the key server does for people and devices, over its store.
void MeasureAccess(Table& table);

}  // namespace plumbline::bench
