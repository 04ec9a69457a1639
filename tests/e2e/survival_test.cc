// PLUMBLINE_SURVIVAL_SECONDS of torment (default 15), drawn by PLUMBLINE_SEED, which is printed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "tests/e2e/service_fixture.h"
#include "tests/e2e/survival.h"
#include "tests/status_matchers.h"

namespace plumbline::testing {
namespace {

unsigned FromEnvironment(const char* name, unsigned otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(given, nullptr, 10));
}

TEST(Survival, WhatIsReportedSentArrivesOnceAndInOrderWhateverIsKilled) {
  const unsigned seed = FromEnvironment("PLUMBLINE_SEED", std::random_device()());
  const unsigned seconds = FromEnvironment("PLUMBLINE_SURVIVAL_SECONDS", 15);
  SCOPED_TRACE(seed);
  ServiceFixture services(PLUMBLINE_BIN);
  std::vector<assess::Person> people;
  for (const char* name : {"alice", "bob", "carol"}) people.push_back(services.Enrolled(name));
  Survival survival(services.organisation, people, seed);
  ASSERT_OK(survival.Begin());
  ASSERT_OK(survival.Torment(absl::Seconds(seconds), absl::Milliseconds(700)));
  ASSERT_OK_AND_ASSIGN(const SurvivalCounts counts, survival.Settle());
  std::printf("survival, seed %u, %u s: %s\n", seed, seconds, counts.ToString().c_str());
  EXPECT_TRUE(counts.clean()) << counts.ToString();
  EXPECT_GT(counts.kills_delivery + counts.kills_keyserver + counts.kills_clients, 2);
  EXPECT_GT(counts.sent, 20);
}

}  // namespace
}  // namespace plumbline::testing
