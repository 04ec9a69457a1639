#include "doctor/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace plumbline::doctor {
namespace {

std::string Printable(absl::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return !absl::ascii_isprint(c); }, '?');
  return out;
}

size_t Count(const std::vector<Finding>& findings, Verdict verdict) {
  return static_cast<size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [&](const Finding& each) { return each.verdict == verdict; }));
}

}  // namespace

absl::string_view Word(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kWarning:
      return "warning";
    case Verdict::kFailed:
      return "failed";
    case Verdict::kNotChecked:
      return "not checked";
  }
  return "";
}

void Report::Ok(absl::string_view check, absl::string_view subject, absl::string_view found) {
  Add(check, subject, Verdict::kOk, found, "");
}
void Report::Warning(absl::string_view check, absl::string_view subject, absl::string_view found,
                     absl::string_view remedy) {
  Add(check, subject, Verdict::kWarning, found, remedy);
}
void Report::Failed(absl::string_view check, absl::string_view subject, absl::string_view found,
                    absl::string_view remedy) {
  Add(check, subject, Verdict::kFailed, found, remedy);
}
void Report::NotChecked(absl::string_view check, absl::string_view subject, absl::string_view found,
                        absl::string_view remedy) {
  Add(check, subject, Verdict::kNotChecked, found, remedy);
}

void Report::Add(absl::string_view check, absl::string_view subject, Verdict verdict,
                 absl::string_view found, absl::string_view remedy) {
  findings_.push_back(
      {std::string(check), std::string(subject), verdict, std::string(found), std::string(remedy)});
}

Verdict Report::verdict() const {
  if (Count(findings_, Verdict::kFailed) > 0) return Verdict::kFailed;
  if (Count(findings_, Verdict::kWarning) > 0) return Verdict::kWarning;
  return Verdict::kOk;
}

int Report::ExitCode() const {
  switch (verdict()) {
    case Verdict::kFailed:
      return kExitFailed;
    case Verdict::kWarning:
      return kExitWarning;
    default:
      return kExitOk;
  }
}

std::string Report::Text() const {
  std::string out;
  for (const Finding& each : findings_) {
    const std::string subject = each.subject.empty() ? "" : absl::StrCat(each.subject, ": ");
    absl::StrAppendFormat(&out, "%-11s  %-22s  %s\n", std::string(Word(each.verdict)), each.check,
                          Printable(absl::StrCat(subject, each.found)));
    if (!each.remedy.empty()) {
      absl::StrAppendFormat(&out, "%15s%s\n", "", Printable(each.remedy));
    }
  }
  absl::StrAppend(&out, "\n", Word(verdict()), ": ", Count(findings_, Verdict::kOk), " ok, ",
                  Count(findings_, Verdict::kWarning), " with a warning, ",
                  Count(findings_, Verdict::kFailed), " failed, ",
                  Count(findings_, Verdict::kNotChecked), " not checked\n");
  return out;
}

nlohmann::ordered_json Report::Json() const {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const Finding& each : findings_) {
    checks.push_back({{"id", each.check},
                      {"of", each.subject},
                      {"verdict", std::string(Word(each.verdict))},
                      {"found", each.found},
                      {"remedy", each.remedy}});
  }
  return {{"verdict", std::string(Word(verdict()))}, {"checks", std::move(checks)}};
}

}  // namespace plumbline::doctor
