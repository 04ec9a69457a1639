#include <nlohmann/json.hpp>

#include "assess/report/assessment.h"
#include "assess/report/catalogue.h"

namespace plumbline::assess {
namespace {

using Json = nlohmann::ordered_json;

std::string Text(absl::string_view text) { return std::string(text); }

Json Of(const Check& check) {
  Json bears_on = Json::array();
  for (const Bearing& bearing : check.bears_on) {
    bears_on.push_back({{"statement", bearing.statement}, {"shows", bearing.weight == Weight::kWhole ? "whole" : "part"}});
  }
  Json evidence = Json::array();
  for (const Evidence& each : check.evidence) evidence.push_back({{"file", each.file}, {"excerpt", each.excerpt}});
  return {{"id", check.id},         {"title", check.title},       {"outcome", Text(Name(check.outcome))},
          {"detail", check.detail}, {"bears_on", bears_on}, {"evidence", evidence}};
}

Json QuestionsOf(const Assessment& assessment) {
  Json questions = Json::array();
  for (const Question& question : Questions()) {
    Json statements = Json::array();
    for (const Statement& statement : Statements()) {
      if (QuestionOf(statement.id) != question.id) continue;
      Json checks = Json::array();
      for (const Check* check : assessment.BearingOn(statement.id)) checks.push_back(check->id);
      Json entry = {{"id", Text(statement.id)},
                    {"text", Text(statement.text)},
                    {"rating", Text(Name(assessment.OfStatement(statement.id)))},
                    {"checks", checks}};
      const auto reason = assessment.not_applicable().find(Text(statement.id));
      if (reason != assessment.not_applicable().end()) entry["reason"] = reason->second;
      statements.push_back(std::move(entry));
    }
    questions.push_back({{"id", Text(question.id)},
                         {"text", Text(question.text)},
                         {"rating", Text(Name(assessment.OfQuestion(question.id)))},
                         {"statements", statements}});
  }
  return questions;
}

}  // namespace

std::string ToJson(const Assessment& assessment) {
  Json checks = Json::array();
  for (const Check& check : assessment.checks()) checks.push_back(Of(check));
  Json views = Json::array();
  for (const View& view : assessment.views()) {
    views.push_back({{"name", view.name}, {"service", view.service}, {"caption", view.caption}, {"lines", view.lines}});
  }
  const Json document = {{"format", "plumbline-assessment-1"},
                         {"title", assessment.title},
                         {"subject", assessment.subject},
                         {"started", absl::FormatTime(absl::RFC3339_sec, assessment.started, absl::UTCTimeZone())},
                         {"seconds", absl::ToInt64Milliseconds(assessment.took) / 1000.0},
                         {"verdict", Text(Name(assessment.Verdict()))},
                         {"questions", QuestionsOf(assessment)},
                         {"checks", checks},
                         {"views", views}};
  // Output of programs may hold anything: bytes that are not UTF-8 are replaced, not refused.
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace plumbline::assess
