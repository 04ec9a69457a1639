#include "doctor/report.h"

#include <nlohmann/json.hpp>

#include "tests/doctor/findings.h"

namespace plumbline::doctor {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Report, TheWorstVerdictIsTheExitCode) {
  Report report;
  EXPECT_EQ(report.ExitCode(), kExitOk);
  report.Ok("a.b", "x", "it is.");
  report.NotChecked("a.c", "x", "nobody knows.", "Look.");
  EXPECT_EQ(report.ExitCode(), kExitOk);
  report.Warning("a.d", "x", "soon.", "Do it.");
  EXPECT_EQ(report.ExitCode(), kExitWarning);
  report.Failed("a.e", "x", "it is not.", "Do it now.");
  report.Warning("a.d", "y", "soon.", "Do it.");
  EXPECT_EQ(report.ExitCode(), kExitFailed);
}

TEST(Report, SaysAWordALineWithTheRemedyBelow) {
  Report report;
  report.Failed("files.keys", "key server", "it is open.", "Run: chmod 600 k");
  EXPECT_THAT(report.Text(), HasSubstr("failed       files.keys              key server: it is open.\n"
                                       "               Run: chmod 600 k\n"));
  EXPECT_THAT(report.Text(), HasSubstr("\nfailed: 0 ok, 0 with a warning, 1 failed, 0 not checked\n"));
}

TEST(Report, ATerminalIsToldNothingByNames) {
  Report report;
  report.Ok("config.loads", "witness \x1b[2J", "\xc3\xa9 is fine\n.");
  EXPECT_THAT(report.Text(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(report.Text(), HasSubstr("witness ?[2J: ?? is fine?."));
}

TEST(Report, IsOneJsonObject) {
  Report report;
  report.Warning("disk.space", "key server", "little.", "Make room.");
  EXPECT_EQ(report.Json().dump(),
            R"({"verdict":"warning","checks":[{"id":"disk.space","of":"key server","verdict":"warning",)"
            R"("found":"little.","remedy":"Make room."}]})");
}

}  // namespace
}  // namespace plumbline::doctor
