// Lines of measurements: numbers first, then ratios to their floors.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/load/load.h"

namespace plumbline::bench {

struct ReportLine {
  std::string part, what;
  double value = 0;
  std::string unit;
  std::string floor;      // what `floor_value` is; empty: none
  double floor_value = 0;
  std::string target;     // "at most 2", as stated beforehand; empty: none
};

class Report final {
 public:
  // Keeps the line and, to show that it goes on, prints it to standard error.
  void Add(ReportLine line);
  std::string Text() const;
  std::string Json() const;

 private:
  std::vector<ReportLine> lines_;
};

// The `hundredths`-th part of them, in microseconds; 0 of none.
double Percentile(std::vector<absl::Duration> durations, int hundredths);

}  // namespace plumbline::bench
