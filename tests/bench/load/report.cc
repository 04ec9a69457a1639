#include "tests/bench/load/report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"

namespace plumbline::bench {
namespace {

std::string TextOf(const ReportLine& line) {
  std::string out = absl::StrFormat("%-8s %-62s %10.2f %-12s", line.part, line.what, line.value, line.unit);
  if (!line.floor.empty()) {
    absl::StrAppendFormat(&out, " %6.2f x %s (%.2f)", line.value / line.floor_value, line.floor, line.floor_value);
  }
  if (!line.target.empty()) absl::StrAppendFormat(&out, " [%s]", line.target);
  return out;
}

}  // namespace

void Report::Add(ReportLine line) {
  std::fprintf(stderr, "%s\n", TextOf(line).c_str());
  lines_.push_back(std::move(line));
}

std::string Report::Text() const {
  std::string out;
  for (const ReportLine& line : lines_) out += TextOf(line) + "\n";
  return out;
}

std::string Report::Json() const {
  nlohmann::json out = nlohmann::json::array();
  for (const ReportLine& line : lines_) {
    nlohmann::json each = {{"part", line.part}, {"what", line.what}, {"value", line.value}, {"unit", line.unit}};
    if (!line.floor.empty()) {
      each["floor"] = line.floor;
      each["floor_value"] = line.floor_value;
      each["ratio"] = line.value / line.floor_value;
    }
    if (!line.target.empty()) each["target"] = line.target;
    out.push_back(each);
  }
  return out.dump(2) + "\n";
}

double Percentile(std::vector<absl::Duration> durations, int hundredths) {
  if (durations.empty()) return 0;
  const size_t at = std::min(durations.size() - 1, durations.size() * hundredths / 100);
  std::nth_element(durations.begin(), durations.begin() + static_cast<std::ptrdiff_t>(at), durations.end());
  return absl::ToDoubleMicroseconds(durations[at]);
}

}  // namespace plumbline::bench
