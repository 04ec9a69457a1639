// What is measured: the seven principles of the NCSC guidance as fifteen questions, each taken apart into statements that can be
// shown or refuted. The wording is ours; ids are stable and never used again for another meaning.
#pragma once

#include <span>

#include "absl/strings/string_view.h"

namespace plumbline::assess {

struct Principle {
  int number;                // 1 to 7
  absl::string_view title;
};

struct Question {
  absl::string_view id;      // "P4.Q3"
  absl::string_view text;
};

struct Statement {
  absl::string_view id;      // "P4.Q3.S2": the question's id, then a number
  absl::string_view text;
};

std::span<const Principle> Principles();
std::span<const Question> Questions();    // in order
std::span<const Statement> Statements();  // in order, grouped by question

// "P4.Q3" of "P4.Q3.S2".
absl::string_view QuestionOf(absl::string_view statement_id);
bool IsStatement(absl::string_view id);

}  // namespace plumbline::assess
