// From the chain that earlier versions kept.
#include <gtest/gtest.h>

#include "tests/common/audit/logs.h"
#include "tests/status_matchers.h"

namespace plumbline::audit {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

struct OldChain {
  OldChain() {
    database = *db::Database::Open(folder / "a.db", key);
    PutOldChain(*database, 5);
  }
  testing::ScratchDir folder;
  db::Key key = db::Key::Random();
  FixedClock clock;
  const LogKey log_key = TestLogKey();
  std::unique_ptr<db::Database> database;
};

TEST(MigrateChain, SignsTheRecordsThatAreThere) {
  OldChain t;
  ASSERT_OK(MigrateChain(*t.database, t.log_key));
  ASSERT_OK_AND_ASSIGN(AuditLog log, AuditLog::Open(*t.database, t.clock, t.log_key));
  ASSERT_OK_AND_ASSIGN(const uint64_t sequence, log.Append(Numbered(6)));
  EXPECT_EQ(sequence, 6u);
  ASSERT_OK_AND_ASSIGN(const tlog::Checkpoint checkpoint, log.reader().Verify());
  EXPECT_EQ(checkpoint.size, 6u);
  ASSERT_OK_AND_ASSIGN(const auto records, log.reader().ReadAfter(0, 10));
  EXPECT_EQ(records[2].subject, "3");
  EXPECT_OK(MigrateChain(*t.database, t.log_key));  // nothing more to do
  EXPECT_OK(log.reader().Verify());
}

// Otherwise whoever has the database could put a chain of their own in its place and have the service sign it.
TEST(MigrateChain, IsNotDoneByOpeningTheLog) {
  OldChain t;
  EXPECT_THAT(AuditLog::Open(*t.database, t.clock, t.log_key),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("audit_key_missing")));
  EXPECT_THAT(AuditReader::Open(*t.database, t.log_key.verifier()), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(MigrateChain, SignsNoBrokenChain) {
  for (const char* touch : {"UPDATE audit_record SET hash = zeroblob(32) WHERE sequence = 3",
                            "UPDATE audit_record SET previous = zeroblob(32) WHERE sequence = 3",
                            "UPDATE audit_record SET encoded = (SELECT encoded FROM audit_record WHERE sequence = 4) WHERE sequence = 3",
                            "DELETE FROM audit_record WHERE sequence = 3"}) {
    OldChain t;
    ASSERT_OK(t.database->Execute(touch));
    EXPECT_THAT(MigrateChain(*t.database, t.log_key), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 3 "))) << touch;
    ASSERT_OK_AND_ASSIGN(const Layout layout, LayoutOf(*t.database));
    EXPECT_EQ(layout, Layout::kChain);
  }
}

}  // namespace
}  // namespace plumbline::audit
