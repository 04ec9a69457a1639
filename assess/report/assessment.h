// Checks and what follows from them. A check bears on statements; a statement's rating follows from the checks that bear
// on it and from nothing else; a question's rating follows from its statements. What no check shows is "not demonstrated".
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/status.h"

namespace plumbline::assess {

enum class Rating { kMet, kPartly, kNotMet, kNotApplicable, kNotDemonstrated };
absl::string_view Name(Rating rating);  // "met", "partly", "not met", ...

enum class Outcome { kPassed, kFailed, kNotDemonstrated };
absl::string_view Name(Outcome outcome);

// How far a passed check carries a statement.
enum class Weight { kWhole, kPart };

struct Bearing {
  std::string statement;  // id
  Weight weight = Weight::kWhole;
};

// A file of the evidence folder and the few lines of it that the report shows.
struct Evidence {
  std::string file;     // relative to the report
  std::string excerpt;  // may be empty
};

struct Check {
  std::string id;       // "demo.b.offline", stable
  std::string title;    // what must be so
  std::vector<Bearing> bears_on;
  Outcome outcome = Outcome::kNotDemonstrated;
  std::string detail;   // what was seen, for people
  std::vector<Evidence> evidence;
};

// One person or service and what it has before it: the two sides of the report's comparison.
struct View {
  std::string name;     // "Alice", "Delivery server"
  bool service = false;
  std::string caption;
  std::vector<std::string> lines;
};

class Assessment {
 public:
  // INVALID_ARGUMENT if the id is taken or a statement does not exist.
  absl::Status Add(Check check);
  void AddView(View view) { views_.push_back(std::move(view)); }
  // A statement that has no meaning in this installation, with the reason.
  absl::Status NotApplicable(const std::string& statement, const std::string& reason);

  Rating OfStatement(absl::string_view id) const;
  Rating OfQuestion(absl::string_view id) const;
  // Failed if any check failed; else not demonstrated if any was not demonstrated; else passed.
  Outcome Verdict() const;
  std::vector<const Check*> BearingOn(absl::string_view statement) const;

  const std::vector<Check>& checks() const { return checks_; }
  const std::vector<View>& views() const { return views_; }
  const std::map<std::string, std::string>& not_applicable() const { return not_applicable_; }

  std::string title;
  std::string subject;  // what was assessed
  absl::Time started;
  absl::Duration took;

 private:
  std::vector<Check> checks_;
  std::vector<View> views_;
  std::map<std::string, std::string> not_applicable_;
};

// Both are whole documents. The HTML one needs nothing else: no script, no font, no picture from anywhere.
std::string ToJson(const Assessment& assessment);
std::string ToHtml(const Assessment& assessment);

}  // namespace plumbline::assess
