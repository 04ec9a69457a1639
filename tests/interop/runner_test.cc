// Two plumbline-mls-interop processes, driven by plumbline-mls-runner through every kind of
// scenario of the working group's harness and through a long random life. PLUMBLINE_INTEROP=long:
// every casting, and longer walks.
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/common/process.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline::interop {
namespace {

const char* const kKinds[] = {"welcome_join",       "application", "commit", "external_join",
                              "external_proposals", "branch",      "reinit"};

bool Long() {
  const char* const wanted = std::getenv("PLUMBLINE_INTEROP");
  return wanted != nullptr && std::string(wanted) == "long";
}
std::string Seed() {
  const char* const seed = std::getenv("PLUMBLINE_SEED");
  return seed != nullptr ? seed : "1";
}

class Runner : public ::testing::Test {
 protected:
  // Runs it against two servers; true if it ended well.
  void Run(std::vector<std::string> more) {
    std::vector<std::string> line = {PLUMBLINE_RUNNER, "--seed", Seed()};
    for (plumbline::testing::ServiceProcess* server : {&one_, &two_}) {
      line.push_back("--client");
      line.push_back(absl::StrCat("127.0.0.1:", server->WaitForNumber("port ")));
    }
    line.insert(line.end(), more.begin(), more.end());
    const absl::StatusOr<assess::CommandResult> result = assess::RunCommand(
        plumbline::testing::CommandOf(line), Long() ? absl::Hours(2) : absl::Minutes(3));
    ASSERT_OK(result);
    EXPECT_EQ(result->exit_code, 0)
        << result->out.substr(result->out.size() - std::min<size_t>(result->out.size(), 4000))
        << result->err;
    const size_t totals = result->out.rfind("runs ");
    if (totals != std::string::npos) std::printf("%s", result->out.c_str() + totals);
  }

  plumbline::testing::ScratchDir scratch_;
  plumbline::testing::ServiceProcess one_{{PLUMBLINE_MLS_INTEROP, "--listen", "127.0.0.1:0"},
                                          scratch_ / "one"};
  plumbline::testing::ServiceProcess two_{{PLUMBLINE_MLS_INTEROP, "--listen", "127.0.0.1:0"},
                                          scratch_ / "two"};
};

TEST_F(Runner, PlaysEveryScenarioInEverySuite) {
  std::vector<std::string> more = {"--casting", Long() ? "all" : "one", "--framing",
                                   Long() ? "both" : "drawn", "--keep-going"};
  for (const char* const kind : kKinds) {
    more.push_back("--script");
    more.push_back(absl::StrCat(PLUMBLINE_SOURCE_DIR "/tests/interop/scenarios/", kind, ".json"));
  }
  Run(more);
}

TEST_F(Runner, WalksAtRandomInEverySuite) {
  Run({"--walk", Long() ? "1500" : "45", "--walk-members", Long() ? "60" : "8", "--keep-going"});
}

// A server that lies about what it read is found out: the runner compares.
TEST_F(Runner, FailsWhereAScriptExpectsWhatIsNotSo) {
  const std::string script = scratch_ / "wrong.json";
  ASSERT_OK(assess::WriteFile(
      script,
      R"({"scripts": {"forgotten proposal": [{"action": "createGroup", "actor": "ann", "members": ["ben"]},
    {"action": "updateProposal", "actor": "ben"}, {"action": "commit", "actor": "ann", "byReference": [1]},
    {"action": "handleCommit", "actor": "ben", "commit": 2}, {"action": "fullCommit", "actor": "ben", "members": ["ann"]}]}})"));
  const absl::StatusOr<assess::CommandResult> result =
      assess::RunCommand(plumbline::testing::CommandOf(
          {PLUMBLINE_RUNNER, "--client", absl::StrCat("127.0.0.1:", one_.WaitForNumber("port ")),
           "--script", script}));
  ASSERT_OK(result);
  EXPECT_EQ(result->exit_code, 1);
  EXPECT_NE(result->out.find("FAILED wrong.json forgotten proposal"), std::string::npos)
      << result->out;
}

TEST(Server, ServesTheLoopbackInterfaceOnly) {
  for (const char* const address :
       {"0.0.0.0:0", "[::]:0", "192.0.2.1:50051", "example.org:50051", "127.0.0.1"}) {
    SCOPED_TRACE(address);
    const plumbline::testing::Finished ended =
        plumbline::testing::RunToEnd({PLUMBLINE_MLS_INTEROP, "--listen", address});
    EXPECT_EQ(ended.code, 1);
    EXPECT_NE(ended.err.find("not_loopback"), std::string::npos) << ended.err;
  }
}

}  // namespace
}  // namespace plumbline::interop
