#include "common/audit/audit_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "common/audit/record.h"
#include "tests/status_matchers.h"

namespace plumbline::audit {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

class FixedClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::FromUnixSeconds(1'800'000'000); }
};

// A database with five records in a directory of its own.
struct FiveRecords {
  FiveRecords() {
    char name[] = "/tmp/plumbline-audit.XXXXXX";
    folder = mkdtemp(name);
    database = *db::Database::Open(folder + "/a.db", key);
    log.emplace(*AuditLog::Open(*database, clock));
    for (int i = 1; i <= 5; ++i) {
      Entry entry{.event = Event::kAccountCreated, .actor = "admin", .subject = std::to_string(i)};
      entry.details["n"] = std::to_string(i);
      EXPECT_EQ(*log->Append(entry), static_cast<uint64_t>(i));
    }
  }
  ~FiveRecords() {
    log.reset();
    database.reset();
    std::filesystem::remove_all(folder);
  }
  std::string folder;
  FixedClock clock;
  db::Key key = db::Key::Random();
  std::unique_ptr<db::Database> database;
  std::optional<AuditLog> log;
};

TEST(AuditLog, ReadsBackWhatWasAppendedInOrder) {
  FiveRecords t;
  ASSERT_OK_AND_ASSIGN(const std::vector<Record> records, t.log->ReadAfter(2, 2));
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].sequence, 3u);
  EXPECT_EQ(records[1].subject, "4");
  EXPECT_EQ(records[1].details.at("n"), "4");
  EXPECT_EQ(records[0].name, "account.created");
  ASSERT_OK_AND_ASSIGN(const Head head, t.log->Verify());
  EXPECT_EQ(head.sequence, 5u);
}

TEST(AuditLog, NamesTheRecordThatIsMissing) {
  FiveRecords t;
  ASSERT_OK(t.database->Execute("DELETE FROM audit_record WHERE sequence = 3"));
  EXPECT_THAT(t.log->Verify(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 3 is missing")));
}

TEST(AuditLog, NamesTheRecordThatWasChanged) {
  FiveRecords t;
  ASSERT_OK_AND_ASSIGN(std::vector<Record> records, t.log->ReadAfter(0, 10));
  records[1].subject = "somebody else";
  ASSERT_OK_AND_ASSIGN(db::Statement update,
                       t.database->Prepare("UPDATE audit_record SET encoded = ? WHERE sequence = 2"));
  ASSERT_OK(update.Bind(1, ByteView(EncodeRecord(records[1]))).Run());
  EXPECT_THAT(t.log->Verify(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 2 was changed")));
}

// A forger who recomputes one record's hash is found at the next record.
TEST(AuditLog, NamesTheRecordAfterARehashedOne) {
  FiveRecords t;
  ASSERT_OK_AND_ASSIGN(std::vector<Record> records, t.log->ReadAfter(0, 10));
  records[1].subject = "somebody else";
  const Bytes encoded = EncodeRecord(records[1]);
  ASSERT_OK_AND_ASSIGN(db::Statement update,
                       t.database->Prepare("UPDATE audit_record SET encoded = ?, hash = ? WHERE sequence = 2"));
  const Hash hash = ChainHash(records[1].previous, encoded);
  ASSERT_OK(update.Bind(1, ByteView(encoded)).Bind(2, ByteView(hash)).Run());
  EXPECT_THAT(t.log->Verify(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 3 does not follow")));
}

TEST(AuditLog, NamesRecordsThatChangedPlaces) {
  FiveRecords t;
  ASSERT_OK(t.database->Execute("UPDATE audit_record SET sequence = 99 WHERE sequence = 2"));
  ASSERT_OK(t.database->Execute("UPDATE audit_record SET sequence = 2 WHERE sequence = 3"));
  ASSERT_OK(t.database->Execute("UPDATE audit_record SET sequence = 3 WHERE sequence = 99"));
  EXPECT_THAT(t.log->Verify(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 2 was moved")));
}

TEST(AuditLog, FindsACutEndAndARewriteAgainstAHeadSeenEarlier) {
  FiveRecords t;
  ASSERT_OK_AND_ASSIGN(Head seen, t.log->CurrentHead());
  ASSERT_OK(t.database->Execute("DELETE FROM audit_record WHERE sequence > 4"));
  EXPECT_OK(t.log->Verify());
  EXPECT_THAT(t.log->Verify(seen), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 5 is missing")));
  ASSERT_OK(t.log->Append({.event = Event::kAuditRead, .actor = "forger"}));
  EXPECT_THAT(t.log->Verify(seen), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("rewritten")));
}

// A record and the change it describes are durable together or not at all.
TEST(AuditLog, AppendInIsUndoneWithItsTransaction) {
  FiveRecords t;
  {
    ASSERT_OK_AND_ASSIGN(db::Transaction transaction, db::Transaction::Begin(*t.database));
    ASSERT_OK(t.log->AppendIn(transaction, {.event = Event::kAuditRead}));
  }
  ASSERT_OK_AND_ASSIGN(const Head head, t.log->Verify());
  EXPECT_EQ(head.sequence, 5u);
}

TEST(AuditLog, RefusesTextAndDetailsAboveTheLimits) {
  FiveRecords t;
  EXPECT_THAT(t.log->Append({.event = Event::kAuditRead, .actor = std::string(kMaxText + 1, 'x')}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  Entry entry{.event = Event::kAuditRead};
  for (size_t i = 0; i <= kMaxDetails; ++i) entry.details[std::to_string(i)] = "x";
  EXPECT_THAT(t.log->Append(entry), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(AuditRecord, RefusesEveryTruncationAndTrailingBytes) {
  Record record{};
  record.sequence = 7;
  record.time = absl::FromUnixSeconds(1);
  record.name = "account.created";
  record.details = {{"a", "1"}, {"b", "2"}};
  Bytes wire = EncodeRecord(record);
  ASSERT_OK_AND_ASSIGN(const Record back, DecodeRecord(wire));
  EXPECT_EQ(EncodeRecord(back), wire);
  for (size_t n = 0; n < wire.size(); ++n) {
    EXPECT_THAT(DecodeRecord(ByteView(wire).first(n)), StatusIs(absl::StatusCode::kInvalidArgument)) << n;
  }
  wire.push_back(0);
  EXPECT_THAT(DecodeRecord(wire), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace plumbline::audit
