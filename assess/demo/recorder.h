// Keeps the checks of one run: adds them to the assessment, prints them, writes their evidence.
#pragma once

#include <string>
#include <vector>

#include "assess/demo/narrator.h"
#include "assess/report/assessment.h"
#include "common/status.h"

namespace plumbline::assess {

// Not thread-safe.
class Recorder final {
 public:
  // Evidence goes to `out`/evidence, which is made (0700).
  static absl::StatusOr<Recorder> Create(const std::string& out, Narrator& narrator);

  // Writes evidence; the first lines of it are the excerpt.
  Evidence Keep(const std::string& file, const std::string& content);

  // Ends a check: passed if `as_it_should_be`. Returns that.
  bool Judge(Check check, bool as_it_should_be, const std::string& detail);
  // A status is what should be: its message is the detail of a failure.
  bool JudgeStatus(Check check, const absl::Status& status, const std::string& detail_if_ok = "");
  void NotDemonstrated(Check check, const std::string& why);

  void AddView(const View& view) { assessment_.AddView(view); }
  Assessment& assessment() { return assessment_; }
  Narrator& narrator() { return narrator_; }

  // report.html and report.json in `out`. UNAVAILABLE if the disk refuses.
  absl::Status WriteReports();
  std::string html_path() const { return out_ + "/report.html"; }

 private:
  Recorder(std::string out, Narrator& narrator) : out_(std::move(out)), narrator_(narrator) {}
  void Finish(Check check, Outcome outcome, const std::string& detail);
  const std::string out_;
  Narrator& narrator_;
  Assessment assessment_;
};

}  // namespace plumbline::assess
