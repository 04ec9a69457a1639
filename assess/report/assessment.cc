#include "assess/report/assessment.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "assess/report/catalogue.h"

namespace plumbline::assess {

absl::string_view Name(Rating rating) {
  switch (rating) {
    case Rating::kMet: return "met";
    case Rating::kPartly: return "partly";
    case Rating::kNotMet: return "not met";
    case Rating::kNotApplicable: return "not applicable";
    case Rating::kNotDemonstrated: return "not demonstrated";
  }
  return "";
}

absl::string_view Name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed: return "passed";
    case Outcome::kFailed: return "failed";
    case Outcome::kNotDemonstrated: return "not demonstrated";
  }
  return "";
}

absl::Status Assessment::Add(Check check) {
  for (const Check& other : checks_) {
    if (other.id == check.id) return absl::InvalidArgumentError(absl::StrCat("two checks are called ", check.id));
  }
  for (const Bearing& bearing : check.bears_on) {
    if (!IsStatement(bearing.statement)) {
      return absl::InvalidArgumentError(absl::StrCat(check.id, " bears on ", bearing.statement, ", which does not exist"));
    }
  }
  checks_.push_back(std::move(check));
  return absl::OkStatus();
}

absl::Status Assessment::NotApplicable(const std::string& statement, const std::string& reason) {
  if (!IsStatement(statement)) return absl::InvalidArgumentError(absl::StrCat(statement, " does not exist"));
  if (reason.empty()) return absl::InvalidArgumentError(absl::StrCat(statement, ": not applicable needs a reason"));
  not_applicable_[statement] = reason;
  return absl::OkStatus();
}

std::vector<const Check*> Assessment::BearingOn(absl::string_view statement) const {
  std::vector<const Check*> found;
  for (const Check& check : checks_) {
    for (const Bearing& bearing : check.bears_on) {
      if (bearing.statement == statement) found.push_back(&check);
    }
  }
  return found;
}

// One failed check is enough for "not met". "Met" needs a passed check that shows the whole statement and no check
// that could not be run; anything else that passed is "partly".
Rating Assessment::OfStatement(absl::string_view id) const {
  if (not_applicable_.contains(std::string(id))) return Rating::kNotApplicable;
  bool whole = false, some = false, gap = false;
  for (const Check* check : BearingOn(id)) {
    if (check->outcome == Outcome::kFailed) return Rating::kNotMet;
    if (check->outcome == Outcome::kNotDemonstrated) gap = true;
    if (check->outcome != Outcome::kPassed) continue;
    some = true;
    for (const Bearing& bearing : check->bears_on) {
      whole = whole || (bearing.statement == id && bearing.weight == Weight::kWhole);
    }
  }
  if (!some) return Rating::kNotDemonstrated;
  return whole && !gap ? Rating::kMet : Rating::kPartly;
}

Rating Assessment::OfQuestion(absl::string_view id) const {
  size_t met = 0, partly = 0, open = 0;
  for (const Statement& statement : Statements()) {
    if (QuestionOf(statement.id) != id) continue;
    switch (OfStatement(statement.id)) {
      case Rating::kMet: ++met; break;
      case Rating::kPartly: ++partly; break;
      case Rating::kNotMet: return Rating::kNotMet;
      case Rating::kNotDemonstrated: ++open; break;
      case Rating::kNotApplicable: break;
    }
  }
  if (met + partly == 0) return open == 0 ? Rating::kNotApplicable : Rating::kNotDemonstrated;
  return partly == 0 && open == 0 ? Rating::kMet : Rating::kPartly;
}

Outcome Assessment::Verdict() const {
  Outcome verdict = checks_.empty() ? Outcome::kNotDemonstrated : Outcome::kPassed;
  for (const Check& check : checks_) {
    if (check.outcome == Outcome::kFailed) return Outcome::kFailed;
    if (check.outcome == Outcome::kNotDemonstrated) verdict = Outcome::kNotDemonstrated;
  }
  return verdict;
}

}  // namespace plumbline::assess
