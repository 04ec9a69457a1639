// The report in a real browser (tests/web/report.mjs): every kind of section and rating, narrow and
// wide, light and dark. Needs node, Debian's chromium and the packages of
// tests/web/package-lock.json (`./dev test` installs them).
#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "assess/report/assessment.h"
#include "assess/report/catalogue.h"
#include "tests/common/process.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline::assess {
namespace {

constexpr char kNode[] = "/usr/bin/node", kBrowser[] = "/usr/bin/chromium";
constexpr char kFolder[] = PLUMBLINE_SOURCE_DIR "/tests/web";

// Long words, long lines, every outcome, every rating, evidence with and without an excerpt.
Assessment Everything() {
  Assessment assessment;
  assessment.title = "Plumbline: assessment of a service that has every rating";
  assessment.subject = "Made for the test of this page.";
  assessment.started = absl::FromUnixSeconds(1'790'000'000);
  assessment.took = absl::Seconds(41.2);
  const std::vector<Outcome> outcomes = {Outcome::kPassed, Outcome::kFailed,
                                         Outcome::kNotDemonstrated};
  size_t n = 0;
  for (const Statement& statement : Statements()) {
    if (++n % 7 == 0) continue;  // no check bears on these
    if (n % 11 == 0) {
      EXPECT_OK(assessment.NotApplicable(std::string(statement.id),
                                         "This installation has nothing of the kind."));
      continue;
    }
    Check check = {
        .id = absl::StrCat("page.check.", n),
        .title = n % 2 == 0 ? "A short title"
                            : "What must be so, in a sentence of the length that real checks have",
        .bears_on = {{std::string(statement.id), n % 3 == 0 ? Weight::kPart : Weight::kWhole}},
        .outcome = n % 5 == 0 ? outcomes[n / 5 % 3] : Outcome::kPassed,
        .detail = "What was seen: 3 of 3 copies refused, each with its reason."};
    if (n % 4 == 0)
      check.evidence.push_back(
          {absl::StrCat("evidence/", n, ".txt"), std::string(300, 'x') + "\nand a second line"});
    if (n % 4 == 1) check.evidence.push_back({absl::StrCat("evidence/", n, ".txt"), ""});
    EXPECT_OK(assessment.Add(std::move(check)));
  }
  for (const bool service : {false, true}) {
    for (const char* name : {"One", "Another"}) {
      assessment.AddView({.name = absl::StrCat(service ? "Service " : "Person ", name),
                          .service = service,
                          .caption = "What it has.",
                          .lines = {"12:00  bob: hello", std::string(200, 'f'),
                                    "mimi://example.org/u/somebody.with.a.long.name"}});
    }
  }
  return assessment;
}

TEST(ReportPage, HasNoFaultThatABrowserFinds) {
  const std::vector<std::string> needed = {
      kNode, kBrowser, absl::StrCat(kFolder, "/node_modules/axe-core/axe.min.js"),
      absl::StrCat(kFolder, "/node_modules/playwright-core/index.mjs")};
  for (const std::string& path : needed) {
    if (access(path.c_str(), R_OK) != 0)
      GTEST_SKIP() << "NO BROWSER TO OPEN THE REPORT WITH: " << path << " IS NOT THERE";
  }
  const testing::ScratchDir scratch;
  const std::string report = scratch / "report.html";
  ASSERT_OK(WriteFile(report, ToHtml(Everything())));
  const testing::Finished seen =
      testing::RunToEnd({kNode, absl::StrCat(kFolder, "/report.mjs"), report, kBrowser});
  EXPECT_EQ(seen.code, 0) << seen.output;
}

// The finder finds: a page with one fault of each kind is not let through.
TEST(ReportPage, FaultsOfEachKindAreFound) {
  if (access(kBrowser, X_OK) != 0 ||
      access(absl::StrCat(kFolder, "/node_modules").c_str(), R_OK) != 0) {
    GTEST_SKIP() << "NO BROWSER TO OPEN THE REPORT WITH";
  }
  const testing::ScratchDir scratch;
  const std::string report = scratch / "report.html";
  std::string html = ToHtml(Everything());
  html.replace(html.find("default-src 'none'"), 18, "default-src * 'unsafe-inline'");
  html.insert(
      html.find("</main>"),
      "<img src=\"http://127.0.0.1:1/pixel.png\"><p style=\"color:#ddd;background:#fff\">pale</p>"
      "<div style=\"width:3000px\">wide</div><a href=\"#nowhere\">dead</a>"
      "<script>console.error('boom')</script>");
  ASSERT_OK(WriteFile(report, html));
  const testing::Finished seen =
      testing::RunToEnd({kNode, absl::StrCat(kFolder, "/report.mjs"), report, kBrowser, "narrow"});
  EXPECT_EQ(seen.code, 1);
  for (const char* kind :
       {"axe image-alt", "axe color-contrast", "wider than the window",
        "links to nowhere: #nowhere", "console: boom", "request: http://127.0.0.1:1/pixel.png"}) {
    EXPECT_NE(seen.output.find(kind), std::string::npos) << kind << "\n" << seen.output;
  }
}

}  // namespace
}  // namespace plumbline::assess
