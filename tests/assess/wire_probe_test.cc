// The preloaded helpers and the probe, against nothing but themselves; the demonstration uses them on the services.
#include "assess/tools/wire_probe.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "assess/tools/child.h"
#include "tests/status_matchers.h"

namespace plumbline::assess {
namespace {

using ::plumbline::testing::StatusIs;

TEST(OfferTls, SaysThatNothingAnswers) {
  ASSERT_OK_AND_ASSIGN(const int port, FreePort());
  EXPECT_THAT(OfferTls(port, TLS1_3_VERSION), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(ClockPreload, ShiftsTheTimeOfDayOnly) {
  const std::string library = std::string(PLUMBLINE_BIN) + "/plumbline-clock.so";
  ASSERT_OK_AND_ASSIGN(const CommandResult result,
                       RunCommand({.program = "/bin/date", .arguments = {"+%s"},
                                   .environment = {{"LD_PRELOAD", library}, {"ASSESS_CLOCK_OFFSET", "7200"}}}));
  EXPECT_NEAR(static_cast<double>(std::atoll(result.out.c_str())), static_cast<double>(time(nullptr)) + 7200, 60);
}

}  // namespace
}  // namespace plumbline::assess
