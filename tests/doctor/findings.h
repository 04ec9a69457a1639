// Finding a finding.
#pragma once

#include <gmock/gmock.h>

#include <string>

#include "doctor/report.h"

namespace plumbline::doctor {

// The only one of a check, or the only one about `subject`; a test fails where there is none or another.
inline Finding Of(const Report& report, const std::string& check, const std::string& subject = "") {
  std::vector<Finding> found;
  for (const Finding& each : report.findings()) {
    if (each.check == check && (subject.empty() || each.subject == subject)) found.push_back(each);
  }
  EXPECT_EQ(found.size(), 1u) << check << " " << subject << "\n" << report.Text();
  return found.empty() ? Finding{} : found.front();
}

MATCHER(IsOk, "") { return arg.verdict == Verdict::kOk && arg.remedy.empty() && !arg.found.empty(); }
MATCHER(IsWarning, "") { return arg.verdict == Verdict::kWarning && !arg.remedy.empty(); }
MATCHER(IsFailed, "") { return arg.verdict == Verdict::kFailed && !arg.remedy.empty(); }
MATCHER(IsNotChecked, "") { return arg.verdict == Verdict::kNotChecked && !arg.remedy.empty(); }

inline void PrintTo(const Finding& finding, std::ostream* out) {
  *out << finding.check << " " << Word(finding.verdict) << ": " << finding.found << " / " << finding.remedy;
}

}  // namespace plumbline::doctor
