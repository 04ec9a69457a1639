// What an administrator's tool remembers of the audit record it verified last.
#include "admin/console/seen_log.h"

#include <gtest/gtest.h>

#include "common/file.h"
#include "tests/common/audit/logs.h"
#include "tests/status_matchers.h"

namespace plumbline::admin {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

SeenLog Sample(uint8_t seed = 1) {
  const audit::LogKey key = audit::TestLogKey(seed);
  return {key.verifier(), *key.SignCheckpoint(7, tlog::LeafHash({}))};
}

TEST(SeenLog, ComesBackAsItWas) {
  const testing::ScratchDir home;
  ASSERT_OK_AND_ASSIGN(const auto none, LoadSeenLog(home.path()));
  EXPECT_FALSE(none.has_value());
  ASSERT_OK(SaveSeenLog(home.path(), Sample()));
  ASSERT_OK_AND_ASSIGN(const auto seen, LoadSeenLog(home.path()));
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->log, Sample().log);
  EXPECT_EQ(seen->checkpoint, Sample().checkpoint);
}

// A file that cannot be read is no reason to begin anew: whoever wants that removes it.
TEST(SeenLog, IsNeverTakenForNothingWhenItIsDamaged) {
  const testing::ScratchDir home;
  const std::string key = Sample().log.ToText();
  for (const std::string& text : {std::string(), key, std::string("\n") + Sample().checkpoint, key + "\n",
                                  key + "\nno note\n", Sample(2).log.ToText() + "\n" + Sample().checkpoint,
                                  std::string(100'000, 'x')}) {
    ASSERT_OK(WriteFileAtomically(SeenLogPath(home.path()), AsBytes(text), 0600));
    EXPECT_THAT(LoadSeenLog(home.path()), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("profile_damaged: ")))
        << text.substr(0, 100);
  }
}

TEST(SeenLog, OnlyAContradictionIsKeptAsEvidence) {
  const testing::ScratchDir home;
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const std::string path = home / "audit-evidence-1800000000.txt";
  const absl::Status broken = absl::DataLossError("audit_broken: record 3 was changed");
  const absl::Status rewritten = absl::DataLossError("audit_rewritten: two histories");
  EXPECT_EQ(KeepEvidence(home.path(), broken, Sample(), "new\n", now), broken);
  EXPECT_EQ(KeepEvidence(home.path(), rewritten, std::nullopt, "new\n", now), rewritten);
  EXPECT_FALSE(std::filesystem::exists(path));
  for (const absl::Status& contradiction : {rewritten, absl::DataLossError("audit_rolled_back: gone")}) {
    std::filesystem::remove(path);
    EXPECT_THAT(KeepEvidence(home.path(), contradiction, Sample(), "new\n", now),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(path)));
    ASSERT_OK_AND_ASSIGN(const std::string kept, ReadTextFile(path, 10'000));
    EXPECT_EQ(kept, Sample().log.ToText() + "\n\n" + Sample().checkpoint + "\nnew\n");
  }
}

}  // namespace
}  // namespace plumbline::admin
