#include "tests/bench/table.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace plumbline::bench {
namespace {

absl::Time Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::TimeFromTimespec(now);
}

std::string Short(absl::Duration duration) {
  const double us = absl::ToDoubleMicroseconds(duration);
  if (us < 1000) return absl::StrFormat("%.1f us", us);
  return us < 1e6 ? absl::StrFormat("%.2f ms", us / 1e3) : absl::StrFormat("%.2f s", us / 1e6);
}

std::string Rate(double per_second) { return per_second == 0 ? "" : absl::StrFormat("%.0f", per_second); }

}  // namespace

void Stopwatch::Start() { started_ = Now(); }
void Stopwatch::Stop() { elapsed_ = Now() - started_; }

Sample SampleOf(std::vector<absl::Duration> durations, absl::Duration wall) {
  Sample sample;
  sample.runs = durations.size();
  if (durations.empty()) return sample;
  std::sort(durations.begin(), durations.end());
  sample.p50 = durations[durations.size() / 2];
  sample.p99 = durations[std::min(durations.size() - 1, durations.size() * 99 / 100)];
  if (wall > absl::ZeroDuration()) sample.per_second = static_cast<double>(durations.size()) / absl::ToDoubleSeconds(wall);
  return sample;
}

Sample Measure(absl::Duration budget, const std::function<void(Stopwatch&)>& body) {
  Stopwatch watch;
  body(watch);
  std::vector<absl::Duration> durations;
  for (const absl::Time end = Now() + budget; durations.size() < 5 || Now() < end;) {
    body(watch);
    durations.push_back(watch.elapsed());
  }
  return SampleOf(std::move(durations));
}

Sample MeasureAll(absl::Duration budget, const std::function<void()>& body) {
  return Measure(budget, [&](Stopwatch& watch) {
    watch.Start();
    body();
    watch.Stop();
  });
}

std::optional<double> Row::ratio() const {
  if (floor.empty()) return std::nullopt;
  if (by_rate) return floor_sample.per_second / sample.per_second;
  return absl::FDivDuration(sample.p50, floor_sample.p50);
}

void Table::Add(Row row) {
  std::fprintf(stderr, "  measured: %s\n", absl::StrCat(row.group, ", ", row.what, row.members == 0 ? "" : absl::StrCat(", N = ", row.members)).c_str());
  rows_.push_back(std::move(row));
}

void Table::Note(std::string line) { notes_.push_back(std::move(line)); }

std::string Table::Text() const {
  std::string text = absl::StrFormat("%-12s %-48s %5s %10s %10s %8s %7s  %s\n", "", "what", "N", "p50", "p99", "per s", "ratio", "floor");
  for (const Row& row : rows_) {
    const std::optional<double> ratio = row.ratio();
    const std::string floor =
        row.floor.empty() ? "" : absl::StrCat(row.floor, " (", row.by_rate ? Rate(row.floor_sample.per_second) + "/s" : Short(row.floor_sample.p50), ")");
    absl::StrAppendFormat(&text, "%-12s %-48s %5s %10s %10s %8s %7s  %s\n", row.group, row.what,
                          row.members == 0 ? "" : absl::StrCat(row.members), Short(row.sample.p50), Short(row.sample.p99),
                          Rate(row.sample.per_second), ratio.has_value() ? absl::StrFormat("%.2f", *ratio) : "", floor);
  }
  for (const std::string& note : notes_) absl::StrAppend(&text, note, "\n");
  return text;
}

std::string Table::Json() const {
  const auto sample_of = [](const Sample& sample) {
    nlohmann::ordered_json json = {{"runs", sample.runs},
                                   {"p50_us", absl::ToDoubleMicroseconds(sample.p50)},
                                   {"p99_us", absl::ToDoubleMicroseconds(sample.p99)}};
    if (sample.per_second > 0) json["per_second"] = sample.per_second;
    return json;
  };
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const Row& row : rows_) {
    nlohmann::ordered_json json = {{"group", row.group}, {"what", row.what}};
    if (row.members > 0) json["members"] = row.members;
    json["measured"] = sample_of(row.sample);
    if (const std::optional<double> ratio = row.ratio(); ratio.has_value()) {
      json["floor"] = {{"what", row.floor}, {"measured", sample_of(row.floor_sample)}};
      json["ratio"] = *ratio;
      json["ratio_of"] = row.by_rate ? "rates" : "medians";
    }
    rows.push_back(json);
  }
  return nlohmann::ordered_json{{"format", "plumbline-bench-1"}, {"rows", rows}, {"notes", notes_}}.dump(2) + "\n";
}

}  // namespace plumbline::bench
