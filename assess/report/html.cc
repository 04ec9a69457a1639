#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "assess/report/assessment.h"
#include "assess/report/catalogue.h"
#include "assess/report/style.h"

namespace plumbline::assess {
namespace {

// The length of the UTF-8 sequence at `at`, or 0 if there is none (RFC 3629, without looking at overlong forms: the
// parser of HTML replaces those itself).
size_t SequenceLength(absl::string_view text, size_t at) {
  const uint8_t lead = static_cast<uint8_t>(text[at]);
  const size_t size = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
  if (size == 0 || at + size > text.size()) return 0;
  for (size_t i = 1; i < size; ++i) {
    if (static_cast<uint8_t>(text[at + i]) >> 6 != 2) return 0;
  }
  return size;
}

// Text as text: markup escaped, control characters and broken UTF-8 replaced.
std::string Escape(absl::string_view text) {
  std::string clean;
  for (size_t i = 0; i < text.size();) {
    const size_t size = SequenceLength(text, i);
    const char c = text[i];
    const bool control = size == 1 && static_cast<uint8_t>(c) < 0x20 && c != '\n' && c != '\t';
    if (size == 0 || control || c == 0x7f) {
      clean += "\xEF\xBF\xBD";
      ++i;
      continue;
    }
    absl::StrAppend(&clean, text.substr(i, size));
    i += size;
  }
  return absl::StrReplaceAll(clean, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

// An element's id, from a check's or a statement's.
std::string Anchor(absl::string_view id) { return absl::StrReplaceAll(id, {{".", "-"}}); }

struct Badge {
  const char* css;
  const char* sign;
};

Badge BadgeOf(Rating rating) {
  switch (rating) {
    case Rating::kMet: return {"met", "●"};
    case Rating::kPartly: return {"partly", "◐"};
    case Rating::kNotMet: return {"not-met", "✕"};
    case Rating::kNotApplicable: return {"open", "–"};
    case Rating::kNotDemonstrated: return {"open", "○"};
  }
  return {"open", ""};
}

std::string RatingBadge(const char* css, const char* sign, absl::string_view word) {
  return absl::StrCat("<span class=\"rating ", css, "\"><span aria-hidden=\"true\">", sign, "</span> ", word, "</span>");
}

std::string Show(Rating rating) {
  const Badge badge = BadgeOf(rating);
  return RatingBadge(badge.css, badge.sign, Name(rating));
}

std::string Show(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed: return RatingBadge("met", "✓", Name(outcome));
    case Outcome::kFailed: return RatingBadge("not-met", "✕", Name(outcome));
    case Outcome::kNotDemonstrated: return RatingBadge("open", "○", Name(outcome));
  }
  return "";
}

std::string VerdictBox(const Assessment& assessment) {
  size_t passed = 0, failed = 0, open = 0;
  for (const Check& check : assessment.checks()) {
    passed += check.outcome == Outcome::kPassed;
    failed += check.outcome == Outcome::kFailed;
    open += check.outcome == Outcome::kNotDemonstrated;
  }
  const Outcome verdict = assessment.Verdict();
  const char* css = verdict == Outcome::kPassed ? "passed" : verdict == Outcome::kFailed ? "failed" : "undemonstrated";
  const char* words = verdict == Outcome::kPassed   ? "✓ Every check passed"
                      : verdict == Outcome::kFailed ? "✕ Something is not as it should be"
                                                    : "○ NOT ALL OF IT COULD BE DEMONSTRATED HERE";
  return absl::StrCat("<div class=\"verdict ", css, "\"><p><strong>", words, "</strong></p><p class=\"meta\">", passed,
                      " passed, ", failed, " failed, ", open, " not demonstrated</p></div>\n");
}

std::string QuestionList(const Assessment& assessment) {
  std::string html;
  for (const Principle& principle : Principles()) {
    absl::StrAppend(&html, "<h3>", principle.number, ". ", Escape(principle.title), "</h3>\n<ul class=\"questions\">\n");
    const std::string prefix = absl::StrCat("P", principle.number, ".");
    for (const Question& question : Questions()) {
      if (question.id.substr(0, prefix.size()) != prefix) continue;
      absl::StrAppend(&html, "<li><a class=\"id\" href=\"#", Anchor(question.id), "\">", question.id, "</a><span>",
                      Escape(question.text), "</span>", Show(assessment.OfQuestion(question.id)), "</li>\n");
    }
    absl::StrAppend(&html, "</ul>\n");
  }
  return html;
}

std::string ViewColumn(const Assessment& assessment, bool service) {
  std::string html;
  for (const View& view : assessment.views()) {
    if (view.service != service) continue;
    absl::StrAppend(&html, "<div class=\"view\"><h4>", Escape(view.name), "</h4><p class=\"caption\">",
                    Escape(view.caption), "</p><pre tabindex=\"0\" role=\"group\" aria-label=\"", Escape(view.name), "\">",
                    Escape(absl::StrJoin(view.lines, "\n")), "</pre></div>\n");
  }
  return html;
}

std::string CheckItem(const Check& check) {
  std::string html = absl::StrCat("<li class=\"check\" id=\"", Anchor(check.id), "\"><h3><span>", Escape(check.title),
                                  "</span>", Show(check.outcome), "</h3>");
  if (!check.detail.empty()) absl::StrAppend(&html, "<p>", Escape(check.detail), "</p>");
  std::vector<std::string> statements;
  for (const Bearing& bearing : check.bears_on) {
    statements.push_back(absl::StrCat("<a href=\"#", Anchor(bearing.statement), "\">", bearing.statement, "</a>",
                                      bearing.weight == Weight::kPart ? " (in part)" : ""));
  }
  absl::StrAppend(&html, "<p class=\"meta\">", Escape(check.id));
  if (!statements.empty()) absl::StrAppend(&html, " · bears on ", absl::StrJoin(statements, ", "));
  absl::StrAppend(&html, "</p>");
  for (const Evidence& evidence : check.evidence) {
    if (evidence.excerpt.empty()) {
      absl::StrAppend(&html, "<p class=\"meta\">Evidence: <a href=\"", Escape(evidence.file), "\">",
                      Escape(evidence.file), "</a></p>");
      continue;
    }
    absl::StrAppend(&html, "<details><summary>Evidence: ", Escape(evidence.file), "</summary><div><pre tabindex=\"0\" role=\"group\" aria-label=\"Excerpt of ",
                    Escape(evidence.file), "\">", Escape(evidence.excerpt), "</pre><p><a href=\"", Escape(evidence.file),
                    "\">The whole file ", Escape(evidence.file), "</a></p></div></details>");
  }
  return absl::StrCat(html, "</li>\n");
}

std::string StatementItem(const Assessment& assessment, const Statement& statement) {
  std::vector<std::string> shown;
  for (const Check* check : assessment.BearingOn(statement.id)) {
    shown.push_back(absl::StrCat("<a href=\"#", Anchor(check->id), "\">", Escape(check->title), "</a> (",
                                 Name(check->outcome), ")"));
  }
  const auto reason = assessment.not_applicable().find(std::string(statement.id));
  const std::string by = reason != assessment.not_applicable().end() ? Escape(reason->second)
                         : shown.empty()                              ? "No check shows this yet."
                                         : absl::StrCat("Shown by ", absl::StrJoin(shown, "; "));
  return absl::StrCat("<li id=\"", Anchor(statement.id), "\"><span class=\"id\">", statement.id, "</span><span>",
                      Escape(statement.text), "</span>", Show(assessment.OfStatement(statement.id)),
                      "<span class=\"shown\">", by, "</span></li>\n");
}

std::string QuestionDetails(const Assessment& assessment) {
  std::string html;
  for (const Question& question : Questions()) {
    absl::StrAppend(&html, "<details open id=\"", Anchor(question.id), "\"><summary><span class=\"id\">", question.id,
                    "</span><span>", Escape(question.text), "</span>", Show(assessment.OfQuestion(question.id)),
                    "</summary>\n<ul class=\"statements\">\n");
    for (const Statement& statement : Statements()) {
      if (QuestionOf(statement.id) == question.id) absl::StrAppend(&html, StatementItem(assessment, statement));
    }
    absl::StrAppend(&html, "</ul></details>\n");
  }
  return html;
}

std::string Head(const Assessment& assessment) {
  return absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\"><meta name=\"referrer\" content=\"no-referrer\"><meta http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>",
      Escape(assessment.title), "</title><style>", kStyle,
      "</style></head><body>\n<a class=\"skip\" href=\"#content\">Skip to the content</a>\n<header><h1>",
      Escape(assessment.title), "</h1>\n<p>", Escape(assessment.subject), "</p>\n<p class=\"meta\">",
      absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", assessment.started, absl::UTCTimeZone()), " · ",
      absl::FormatDuration(absl::Trunc(assessment.took, absl::Milliseconds(100))), "</p>\n", VerdictBox(assessment),
      "<nav aria-label=\"Contents\"><ul><li><a href=\"#ratings\">Ratings</a></li><li><a href=\"#views\">Who sees what</a></li>"
      "<li><a href=\"#checks\">Checks</a></li><li><a href=\"#statements\">Statements</a></li></ul></nav>\n</header>\n");
}

}  // namespace

std::string ToHtml(const Assessment& assessment) {
  std::string html = Head(assessment);
  absl::StrAppend(&html, "<main id=\"content\">\n<section aria-labelledby=\"ratings\"><h2 id=\"ratings\">The fifteen questions</h2>\n",
                  "<p>A rating follows from checks that were run, and from nothing else. What no check shows says <em>not "
                  "demonstrated</em>, whatever the design promises.</p>\n",
                  QuestionList(assessment), "</section>\n");
  if (!assessment.views().empty()) {
    absl::StrAppend(&html, "<section aria-labelledby=\"views\"><h2 id=\"views\">What each person sees beside what each service stores</h2>\n",
                    "<div class=\"sides\"><div><h3>People</h3>\n", ViewColumn(assessment, false),
                    "</div><div><h3>Services</h3>\n", ViewColumn(assessment, true), "</div></div></section>\n");
  }
  absl::StrAppend(&html, "<section aria-labelledby=\"checks\"><h2 id=\"checks\">Checks</h2>\n<ul class=\"checks\">\n");
  for (const Check& check : assessment.checks()) absl::StrAppend(&html, CheckItem(check));
  absl::StrAppend(&html, "</ul></section>\n<section aria-labelledby=\"statements\"><h2 id=\"statements\">Statements</h2>\n",
                  QuestionDetails(assessment),
                  "</section>\n</main>\n<footer><p>Measured against the questions of the NCSC Secure Communications Principles, in "
                  "words of our own. Not endorsed by the NCSC. This page needs no network and contains no script.</p></footer>\n"
                  "</body></html>\n");
  return html;
}

}  // namespace plumbline::assess
