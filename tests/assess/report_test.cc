#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "assess/report/assessment.h"
#include "assess/report/catalogue.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/status_matchers.h"

namespace plumbline::assess {
namespace {

using ::plumbline::testing::StatusIs;

Check ACheck(const std::string& id, Outcome outcome, std::vector<Bearing> bears_on) {
  return {.id = id, .title = "a title", .bears_on = std::move(bears_on), .outcome = outcome};
}

TEST(Catalogue, HasFifteenQuestionsOfThreeToEightStatementsEach) {
  EXPECT_EQ(Questions().size(), 15u);
  for (const Question& question : Questions()) {
    const auto count = std::count_if(Statements().begin(), Statements().end(),
                                     [&](const Statement& s) { return QuestionOf(s.id) == question.id; });
    EXPECT_GE(count, 3) << question.id;
    EXPECT_LE(count, 8) << question.id;
  }
}

TEST(Catalogue, NumbersStatementsWithoutGapsOrRepeats) {
  std::set<absl::string_view> questions;
  for (const Question& question : Questions()) EXPECT_TRUE(questions.insert(question.id).second) << question.id;
  absl::string_view current;
  int number = 0;
  for (const Statement& statement : Statements()) {
    number = QuestionOf(statement.id) == current ? number + 1 : 1;
    current = QuestionOf(statement.id);
    EXPECT_TRUE(questions.contains(current)) << statement.id;
    EXPECT_EQ(statement.id, absl::StrCat(current, ".S", number));
    EXPECT_FALSE(statement.text.empty());
  }
}

TEST(Assessment, SaysNotDemonstratedWhereNoCheckBears) {
  const Assessment assessment;
  for (const Statement& statement : Statements()) {
    EXPECT_EQ(assessment.OfStatement(statement.id), Rating::kNotDemonstrated);
  }
  EXPECT_EQ(assessment.OfQuestion("P1.Q1"), Rating::kNotDemonstrated);
  EXPECT_EQ(assessment.Verdict(), Outcome::kNotDemonstrated);
}

TEST(Assessment, RatesByThePassedChecks) {
  Assessment assessment;
  ASSERT_OK(assessment.Add(ACheck("a", Outcome::kPassed, {{"P1.Q1.S1", Weight::kWhole}, {"P1.Q1.S2", Weight::kPart}})));
  EXPECT_EQ(assessment.OfStatement("P1.Q1.S1"), Rating::kMet);
  EXPECT_EQ(assessment.OfStatement("P1.Q1.S2"), Rating::kPartly);
  EXPECT_EQ(assessment.OfQuestion("P1.Q1"), Rating::kPartly);
  EXPECT_EQ(assessment.Verdict(), Outcome::kPassed);
}

TEST(Assessment, OneFailedCheckIsEnoughForNotMet) {
  Assessment assessment;
  ASSERT_OK(assessment.Add(ACheck("a", Outcome::kPassed, {{"P1.Q1.S1"}})));
  ASSERT_OK(assessment.Add(ACheck("b", Outcome::kFailed, {{"P1.Q1.S1"}})));
  EXPECT_EQ(assessment.OfStatement("P1.Q1.S1"), Rating::kNotMet);
  EXPECT_EQ(assessment.OfQuestion("P1.Q1"), Rating::kNotMet);
  EXPECT_EQ(assessment.Verdict(), Outcome::kFailed);
}

TEST(Assessment, ACheckThatCouldNotRunNeverCountsAsPassed) {
  Assessment assessment;
  ASSERT_OK(assessment.Add(ACheck("a", Outcome::kPassed, {{"P2.Q1.S2"}})));
  ASSERT_OK(assessment.Add(ACheck("b", Outcome::kNotDemonstrated, {{"P2.Q1.S2"}})));
  EXPECT_EQ(assessment.OfStatement("P2.Q1.S2"), Rating::kPartly);
  EXPECT_EQ(assessment.Verdict(), Outcome::kNotDemonstrated);
}

TEST(Assessment, NotApplicableNeedsAReason) {
  Assessment assessment;
  EXPECT_THAT(assessment.NotApplicable("P4.Q2.S1", ""), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK(assessment.NotApplicable("P4.Q2.S1", "no content audit here"));
  EXPECT_EQ(assessment.OfStatement("P4.Q2.S1"), Rating::kNotApplicable);
}

TEST(Assessment, RefusesUnknownStatementsAndRepeatedIds) {
  Assessment assessment;
  EXPECT_THAT(assessment.Add(ACheck("a", Outcome::kPassed, {{"P9.Q1.S1"}})),
              StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK(assessment.Add(ACheck("a", Outcome::kPassed, {})));
  EXPECT_THAT(assessment.Add(ACheck("a", Outcome::kPassed, {})), StatusIs(absl::StatusCode::kInvalidArgument));
}

Assessment WithHostileText() {
  Assessment assessment;
  assessment.title = "<b>title</b>";
  Check check = ACheck("a.b", Outcome::kPassed, {{"P1.Q1.S1"}});
  check.detail = "\"quoted\" & <script>alert(1)</script> \x01 \xff";
  check.evidence = {{"evidence/a.txt", "line\n<img src=x>"}};
  EXPECT_OK(assessment.Add(check));
  assessment.AddView({.name = "Alice", .lines = {"hello"}});
  return assessment;
}

TEST(Html, NeedsNothingElseAndEscapesEverything) {
  const std::string html = ToHtml(WithHostileText());
  EXPECT_FALSE(absl::StrContains(html, "<script"));
  EXPECT_FALSE(absl::StrContains(html, "<img"));
  EXPECT_FALSE(absl::StrContains(html, "<b>"));
  EXPECT_FALSE(absl::StrContains(html, "http://"));
  EXPECT_FALSE(absl::StrContains(html, "https://"));
  EXPECT_FALSE(absl::StrContains(html, "url("));
  EXPECT_FALSE(absl::StrContains(html, "\xff"));
  for (const Statement& statement : Statements()) EXPECT_TRUE(absl::StrContains(html, statement.id));
}

TEST(Html, GivesEveryLinkATarget) {
  const std::string html = ToHtml(WithHostileText());
  for (size_t at = 0; (at = html.find("href=\"#", at)) != std::string::npos; at += 7) {
    const std::string target = html.substr(at + 7, html.find('"', at + 7) - at - 7);
    EXPECT_TRUE(absl::StrContains(html, absl::StrCat("id=\"", target, "\""))) << target;
  }
}

TEST(Json, CarriesRatingsAndEvidenceForMachines) {
  const auto document = nlohmann::json::parse(ToJson(WithHostileText()));
  EXPECT_EQ(document["verdict"], "passed");
  EXPECT_EQ(document["questions"].size(), 15u);
  EXPECT_EQ(document["questions"][0]["statements"][0]["rating"], "met");
  EXPECT_EQ(document["questions"][0]["statements"][0]["checks"][0], "a.b");
  EXPECT_EQ(document["checks"][0]["evidence"][0]["file"], "evidence/a.txt");
}

}  // namespace
}  // namespace plumbline::assess
