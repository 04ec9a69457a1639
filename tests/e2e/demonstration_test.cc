// The demonstration, from the outside: it runs to its end, in time, and its report says what its exit code says.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "assess/tools/child.h"
#include "tests/status_matchers.h"

namespace plumbline::assess {
namespace {

struct Ran {
  CommandResult result;
  nlohmann::json report;
  std::string html;
};

// One run for all tests below: it takes most of a minute.
const Ran& Demonstration() {
  static const Ran ran = [] {
    const std::string out = absl::StrCat(::testing::TempDir(), "/demonstration", getpid());
    const auto result = RunCommand({.program = std::string(PLUMBLINE_BIN) + "/plumbline-assess",
                                    .arguments = {"demo", "--bin", PLUMBLINE_BIN, "--out", out}},
                                   absl::Seconds(200));
    Ran all;
    if (result.ok()) all.result = *result;
    if (!result.ok()) all.result = {.exit_code = -1, .out = std::string(result.status().message())};
    all.report = nlohmann::json::parse(ReadFile(out + "/report.json").value_or(""), nullptr, false);
    all.html = ReadFile(out + "/report.html").value_or("");
    std::filesystem::remove_all(out);
    return all;
  }();
  return ran;
}

TEST(Demonstration, EndsWithEverythingAsItShouldBe) {
  const Ran& ran = Demonstration();
  if (ran.result.exit_code == 3) GTEST_SKIP() << "NOT DEMONSTRATED:\n" << ran.result.out;
  EXPECT_EQ(ran.result.exit_code, 0) << ran.result.out << ran.result.err;
}

TEST(Demonstration, RunsEveryStep) {
  const Ran& ran = Demonstration();
  ASSERT_TRUE(ran.report.is_object()) << ran.result.out;
  for (const char* id : {"demo.a.ceremony", "demo.a.code-wrong", "demo.a.code-reused", "demo.a.code-expired", "demo.a.fingerprint",
                         "demo.b.online", "demo.b.offline", "demo.b.code", "demo.c.crash", "demo.d.disk", "demo.d.memory",
                         "demo.d.network", "demo.d.names", "demo.e.record", "demo.e.chain", "demo.e.verify", "demo.e.tamper",
                         "demo.f.file", "demo.f.tamper", "demo.g.device", "demo.g.leaver", "demo.g.lost-device", "demo.h.overload",
                         "demo.i.group", "demo.i.later", "demo.i.removed", "demo.j.file", "demo.j.later", "demo.j.leaver", "demo.k.replay", "demo.k.authority", "demo.k.names", "demo.k.rollback", "demo.l.manifest", "demo.l.installation", "demo.l.terms", "demo.p.peers"}) {
    bool there = false;
    for (const auto& check : ran.report["checks"]) there = there || check["id"] == id;
    EXPECT_TRUE(there) << id;
  }
}

TEST(Demonstration, ReportsForPeopleAndForMachines) {
  const Ran& ran = Demonstration();
  ASSERT_TRUE(ran.report.is_object());
  EXPECT_EQ(ran.report["questions"].size(), 15u);
  EXPECT_TRUE(absl::StrContains(ran.html, "What each person sees beside what each service stores"));
  EXPECT_TRUE(absl::StrContains(ran.result.out, "Alice sees"));
  EXPECT_EQ(ran.report["verdict"] == "passed", ran.result.exit_code == 0);
}

}  // namespace
}  // namespace plumbline::assess
