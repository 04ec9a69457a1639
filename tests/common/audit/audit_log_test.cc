#include "common/audit/audit_log.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "plumbline/audit/v1/audit.pb.h"
#include "tests/common/audit/logs.h"
#include "tests/status_matchers.h"

namespace plumbline::audit {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kBroken = absl::StatusCode::kDataLoss;

TEST(AuditLog, ReadsBackWhatWasAppendedInOrder) {
  FiveRecords t;
  ASSERT_OK_AND_ASSIGN(const std::vector<Record> records, t.reader().ReadAfter(2, 2));
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].sequence, 3u);
  EXPECT_EQ(records[1].subject, "4");
  EXPECT_EQ(records[1].details.at("n"), "4");
  EXPECT_EQ(records[0].name, "account.created");
  ASSERT_OK_AND_ASSIGN(const tlog::Checkpoint checkpoint, t.reader().Verify());
  EXPECT_EQ(checkpoint.size, 5u);
  EXPECT_EQ(checkpoint.origin, "example.org/audit/test");
}

// The checkpoint is of the transaction that wrote the record: there is no moment without one.
TEST(AuditLog, EachRecordComesWithItsCheckpoint) {
  FiveRecords t;
  for (uint64_t n = 6; n < 12; ++n) {
    ASSERT_OK(t.log->Append(Numbered(n)));
    ASSERT_OK_AND_ASSIGN(const std::string note, t.reader().Checkpoint());
    ASSERT_OK_AND_ASSIGN(const tlog::Checkpoint checkpoint, tlog::OpenCheckpoint(note, t.log_key.verifier()));
    EXPECT_EQ(checkpoint.size, n);
  }
}

TEST(AuditLog, NamesTheRecordThatIsMissing) {
  FiveRecords t;
  ASSERT_OK(t.database->Execute("DELETE FROM audit_record WHERE sequence = 3"));
  EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("record 3 is missing")));
}

// Also where everything behind is moved up and the tree made anew.
TEST(AuditLog, NamesTheRecordThatIsMissingUnderARebuiltTree) {
  FiveRecords t;
  ASSERT_OK(t.database->Execute("DELETE FROM audit_record WHERE sequence = 3"));
  ASSERT_OK(t.database->Execute("UPDATE audit_record SET sequence = 3 WHERE sequence = 4"));
  ASSERT_OK(t.database->Execute("UPDATE audit_record SET sequence = 4 WHERE sequence = 5"));
  RebuildTree(*t.database);
  EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("record 3 is missing")));
}

TEST(AuditLog, NamesTheRecordThatWasChanged) {
  for (uint64_t n = 1; n <= 5; ++n) {
    FiveRecords t;
    ChangeRecord(*t.database, n);
    EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("record " + std::to_string(n) + " was changed")));
    RebuildTree(*t.database);
    EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("record " + std::to_string(n) + " was changed")));
  }
}

TEST(AuditLog, NamesAChangedByteWhereverItIs) {
  FiveRecords t;
  ASSERT_OK_AND_ASSIGN(const std::vector<Record> records, t.reader().ReadAfter(1, 1));
  const Bytes good = EncodeRecord(records[0]);
  for (size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 1;
    {
      ASSERT_OK_AND_ASSIGN(db::Statement update, t.database->Prepare("UPDATE audit_record SET encoded = ? WHERE sequence = 2"));
      ASSERT_OK(update.Bind(1, ByteView(bad)).Run());
    }
    EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("record 2 "))) << i;
  }
}

TEST(AuditLog, NamesRecordsThatChangedPlaces) {
  FiveRecords t;
  SwapRecords(*t.database, 2, 4);
  EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("record 2 is missing or out of order: record 4 is in its place")));
}

// In order still, and each as it was signed; but readers ask for rows by number.
TEST(AuditLog, FindsRecordsThatAreStoredUnderOtherNumbers) {
  for (const char* move : {"UPDATE audit_record SET sequence = 9 WHERE sequence = 5", "UPDATE audit_record SET sequence = -sequence WHERE sequence = 1",
                           "UPDATE audit_record SET sequence = sequence + 100"}) {
    FiveRecords t;
    ASSERT_TRUE(t.database->Execute(move).ok());
    EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("under its number"))) << move;
  }
}

TEST(AuditLog, DoesNotGoOnWhereANodeStandsInTheWay) {
  FiveRecords t;
  ASSERT_OK(t.database->Execute("INSERT INTO audit_node (level, position, hash) SELECT 0, 5, hash FROM audit_node LIMIT 1"));
  EXPECT_THAT(t.log->Append(Numbered(6)), StatusIs(kBroken, HasSubstr("where the next record's belongs")));
}

TEST(AuditLog, NamesTheFirstOfSeveral) {
  FiveRecords t;
  ChangeRecord(*t.database, 2);
  ASSERT_OK(t.database->Execute("DELETE FROM audit_record WHERE sequence = 4"));
  EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("record 2 was changed")));
}

TEST(AuditLog, NamesTheEndThatWasCutOff) {
  FiveRecords t;
  CutOff(*t.database, 3);
  EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("record 4 is missing: the end was cut off")));
  ASSERT_OK(t.database->Execute("DELETE FROM audit_checkpoint"));
  EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("there is no checkpoint")));
}

// Everything recomputed, as far as that goes without the log's key.
TEST(AuditLog, NamesTheFirstRecordOfARewrittenEnd) {
  for (uint64_t from = 1; from <= 5; ++from) {
    FiveRecords t;
    RewriteEnd(*t.database, from, TestLogKey(2));
    EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("record " + std::to_string(from) + " was changed")));
  }
}

TEST(AuditLog, NamesARecordThatWasAddedWithoutTheKey) {
  FiveRecords t;
  ASSERT_OK_AND_ASSIGN(const std::vector<Record> records, t.reader().ReadAfter(4, 1));
  Record added = records[0];
  added.sequence = 6;
  ASSERT_OK(InsertRecord(*t.database, 6, EncodeRecord(added), added.signature));
  EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("record 6 was changed, or replaced by one that the log's key has not")));
}

TEST(AuditLog, NamesARecordWhoseSignatureOrNodeWasChanged) {
  FiveRecords t;
  ASSERT_OK(t.database->Execute("UPDATE audit_record SET signature = (SELECT signature FROM audit_record WHERE sequence = 1) "
                                "WHERE sequence = 4"));
  EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("record 4 was changed")));
  FiveRecords u;
  ASSERT_OK(u.database->Execute("UPDATE audit_node SET hash = zeroblob(32) WHERE level = 0 AND position = 2"));
  EXPECT_THAT(u.Verify(), StatusIs(kBroken, HasSubstr("record 3 is not what the stored tree has")));
  FiveRecords v;
  ASSERT_OK(v.database->Execute("INSERT INTO audit_node (level, position, hash) VALUES (0, 5, zeroblob(32))"));
  EXPECT_THAT(v.Verify(), StatusIs(kBroken, HasSubstr("nodes of records that are not there")));
}

// A checkpoint that the log's key did sign, but not of this end.
TEST(AuditLog, NamesWhatIsBehindItsCheckpointOrNotOfIt) {
  FiveRecords t;
  ASSERT_OK_AND_ASSIGN(const tlog::Checkpoint good, t.reader().Verify());
  ASSERT_OK(WriteCheckpoint(*t.database, *t.log_key.SignCheckpoint(3, good.root)));
  EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("record 4 was added after the last signed checkpoint")));
  ASSERT_OK(WriteCheckpoint(*t.database, *t.log_key.SignCheckpoint(5, tlog::LeafHash({}))));
  EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("the signed checkpoint is not of these records")));
}

TEST(AuditLog, NamesANodeThatIsNoHash) {
  for (const char* touch : {"UPDATE audit_node SET hash = zeroblob(4000) WHERE level = 0 AND position = 2",
                            "UPDATE audit_node SET hash = x'' WHERE level = 0 AND position = 2",
                            "DELETE FROM audit_node WHERE level = 0 AND position = 2"}) {
    FiveRecords t;
    ASSERT_OK(t.database->Execute(touch));
    EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("record 3 is not what the stored tree has"))) << touch;
  }
}

// A log never signs what contradicts what it signed before.
TEST(AuditLog, AppendsNothingToABrokenEnd) {
  FiveRecords cut;
  CutOff(*cut.database, 3);
  EXPECT_THAT(cut.log->Append(Numbered(4)), StatusIs(kBroken, HasSubstr("record 4 is missing")));
  FiveRecords rewritten;
  RewriteEnd(*rewritten.database, 4, TestLogKey(2));
  EXPECT_THAT(rewritten.log->Append(Numbered(6)), StatusIs(kBroken, HasSubstr("record 4 was changed")));
  FiveRecords node;
  ASSERT_OK(node.database->Execute("UPDATE audit_node SET hash = zeroblob(32) WHERE level = 2 AND position = 0"));
  EXPECT_THAT(node.log->Append(Numbered(6)), StatusIs(kBroken, HasSubstr("stored tree")));
  ASSERT_OK_AND_ASSIGN(const auto records, node.reader().ReadAfter(0, 10));
  EXPECT_EQ(records.size(), 5u);
}

// What was recorded stays provable: the tree has the hash of what was there.
TEST(AuditLog, AppendsAfterAChangedRecordAndStillNamesIt) {
  FiveRecords t;
  ChangeRecord(*t.database, 2);
  ASSERT_OK(t.log->Append(Numbered(6)));
  EXPECT_THAT(t.Verify(), StatusIs(kBroken, HasSubstr("record 2 was changed")));
}

TEST(AuditLog, FindsAnOlderCopyAndASecondHistoryAgainstACheckpointSeenEarlier) {
  FiveRecords t;
  ASSERT_OK_AND_ASSIGN(const tlog::Checkpoint seen, t.reader().Verify());
  const auto verify = [&](AuditReader reader) -> absl::Status {
    RecordVerifier verifier(t.log_key.verifier(), seen);
    RETURN_IF_ERROR(reader.ForEach([&](ByteView encoded, ByteView signature) { return verifier.Add(encoded, signature); }));
    ASSIGN_OR_RETURN(const std::string note, reader.Checkpoint());
    return verifier.Finish(note).status();
  };
  ASSERT_OK(t.log->Append(Numbered(6)));
  EXPECT_OK(verify(t.reader()));
  // The same key, another history: what a restored copy and an owner of the key can do.
  FiveRecords older;
  CutOff(*older.database, 0);
  ASSERT_OK(WriteCheckpoint(*older.database, *older.log_key.SignCheckpoint(0, tlog::EmptyRoot())));
  for (uint64_t n = 1; n <= 4; ++n) ASSERT_OK(older.log->Append(Numbered(n)));
  EXPECT_THAT(verify(older.reader()), StatusIs(kBroken, HasSubstr("audit_rolled_back: record 5 to 5")));
  ASSERT_OK(older.log->Append(Numbered(7)));
  EXPECT_OK(older.Verify());
  EXPECT_THAT(verify(older.reader()), StatusIs(kBroken, HasSubstr("audit_rewritten: the first 5 records")));
}

// A record and the change it describes are durable together or not at all.
TEST(AuditLog, AppendInIsUndoneWithItsTransaction) {
  FiveRecords t;
  {
    ASSERT_OK_AND_ASSIGN(db::Transaction transaction, db::Transaction::Begin(*t.database));
    ASSERT_OK(t.log->AppendIn(transaction, {.event = Event::kAuditRead}));
    ASSERT_OK(t.log->AppendIn(transaction, {.event = Event::kAuditRead}));
  }
  ASSERT_OK_AND_ASSIGN(const tlog::Checkpoint checkpoint, t.reader().Verify());
  EXPECT_EQ(checkpoint.size, 5u);
}

TEST(AuditLog, RefusesTextAndDetailsAboveTheLimits) {
  FiveRecords t;
  EXPECT_THAT(t.log->Append({.event = Event::kAuditRead, .actor = std::string(kMaxText + 1, 'x')}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  Entry entry{.event = Event::kAuditRead};
  for (size_t i = 0; i <= kMaxDetails; ++i) entry.details[std::to_string(i)] = "x";
  EXPECT_THAT(t.log->Append(entry), StatusIs(absl::StatusCode::kInvalidArgument));
}

// The child appends and reports each record only after Append returned; it is killed in the middle, many times over.
TEST(AuditLog, IsWholeAfterEveryKill) {
  const testing::ScratchDir folder;
  const db::Key key = db::Key::Random();
  const LogKey log_key = TestLogKey();
  const FixedClock clock;
  {
    const auto database = *db::Database::Open(folder / "a.db", key);
    ASSERT_OK(AuditLog::Open(*database, clock, log_key));
  }
  uint64_t acknowledged = 0;
  for (int round = 0; round < 12; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto database = *db::Database::Open(folder / "a.db", key);
      AuditLog log = *AuditLog::Open(*database, clock, log_key);
      for (uint64_t n = 0;; ++n) {
        if (!log.Append(Numbered(n)).ok() || write(ends[1], "x", 1) != 1) _exit(1);
      }
    }
    close(ends[1]);
    char byte;
    const int rounds = 5 + round * 3;
    for (int i = 0; i < rounds; ++i) ASSERT_EQ(read(ends[0], &byte, 1), 1);
    ASSERT_EQ(kill(child, SIGKILL), 0);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    acknowledged += static_cast<uint64_t>(rounds);
    while (read(ends[0], &byte, 1) == 1) ++acknowledged;
    close(ends[0]);
    const auto database = *db::Database::Open(folder / "a.db", key);
    ASSERT_OK_AND_ASSIGN(AuditReader reader, AuditReader::Open(*database, log_key.verifier()));
    ASSERT_OK_AND_ASSIGN(const tlog::Checkpoint checkpoint, reader.Verify());
    EXPECT_GE(checkpoint.size, acknowledged);
    EXPECT_LE(checkpoint.size, acknowledged + 1);  // at most one was on disk and not yet reported
    acknowledged = checkpoint.size;
  }
}

TEST(AuditLog, APageSaysWhetherTheWholeRecordIsIntact) {
  FiveRecords t;
  AuditReader reader = t.reader();
  ASSERT_OK_AND_ASSIGN(const Page page, reader.ReadPage(3, 10));
  EXPECT_EQ(page.records.size(), 2u);
  EXPECT_TRUE(page.intact);
  ChangeRecord(*t.database, 1);
  ASSERT_OK_AND_ASSIGN(const Page broken, reader.ReadPage(3, 10));
  EXPECT_EQ(broken.records.size(), 2u);
  EXPECT_FALSE(broken.intact);
  ASSERT_OK_AND_ASSIGN(const auto none, reader.ReadAfter(UINT64_MAX, 10));
  EXPECT_TRUE(none.empty());
  ASSERT_OK(t.database->Execute("UPDATE audit_record SET encoded = x'00' WHERE sequence = 4"));
  EXPECT_THAT(reader.ReadAfter(3, 10), StatusIs(kBroken, HasSubstr("record 4 was changed")));
}

TEST(AuditLog, APageHasAThousandRecordsAtMost) {
  FiveRecords t;
  {
    ASSERT_OK_AND_ASSIGN(db::Transaction transaction, db::Transaction::Begin(*t.database));
    for (uint64_t n = 6; n <= kMaxPage + 1; ++n) ASSERT_OK(InsertRecord(*t.database, n, EncodeRecord({}), Bytes(64)));
    ASSERT_OK(transaction.Commit());
  }
  ASSERT_OK_AND_ASSIGN(const auto records, t.reader().ReadAfter(0, 100'000));
  EXPECT_EQ(records.size(), kMaxPage);
}

Record SampleRecord() {
  return {.sequence = 7, .time = absl::FromUnixSeconds(1), .name = "account.created", .actor = "a", .subject = "s",
          .reason = "r", .outcome = Outcome::kSuccess, .details = {{"a", "1"}, {"b", "2"}}, .signature = {}};
}

TEST(AuditRecord, HasOneFormAndIsBounded) {
  const Bytes wire = EncodeRecord(SampleRecord());
  for (size_t i = 0; i < wire.size(); ++i) {
    for (const uint8_t flip : {0x01, 0x03, 0x40, 0x80, 0xff}) {
      Bytes changed = wire;
      changed[i] ^= flip;
      const auto parsed = DecodeRecord(changed);
      if (!parsed.ok()) continue;
      EXPECT_EQ(EncodeRecord(*parsed), changed) << i;
    }
  }
  const auto refused = [](const std::function<void(Record&)>& change) {
    Record record = SampleRecord();
    change(record);
    v1::Event event;
    ToProto(record, event);
    return !DecodeRecord(EncodeRecord(record)).ok() && !FromProto(event).ok();
  };
  const std::string longest(kMaxText, 'x'), longer(kMaxText + 1, 'x');
  for (const auto field : {&Record::name, &Record::actor, &Record::subject, &Record::reason}) {
    EXPECT_FALSE(refused([&](Record& r) { r.*field = longest; }));
    EXPECT_TRUE(refused([&](Record& r) { r.*field = longer; }));
  }
  EXPECT_TRUE(refused([&](Record& r) { r.details["c"] = longer; }));
  EXPECT_TRUE(refused([&](Record& r) { r.details[longer] = "3"; }));
  const auto filled = [](size_t count) {
    return [count](Record& r) {
      r.details.clear();
      for (size_t i = 0; i < count; ++i) r.details[std::string(1, static_cast<char>('a' + i))] = "x";
    };
  };
  EXPECT_FALSE(refused(filled(kMaxDetails)));
  EXPECT_TRUE(refused(filled(kMaxDetails + 1)));
  EXPECT_TRUE(refused([](Record& r) { r.time = absl::FromUnixSeconds(int64_t{1} << 41); }));
}

TEST(AuditRecord, OverTheWireItHasOneOfTwoOutcomes) {
  v1::Event event;
  for (const Outcome outcome : {Outcome::kSuccess, Outcome::kRefused}) {
    Record record = SampleRecord();
    record.outcome = outcome;
    ToProto(record, event);
    ASSERT_OK_AND_ASSIGN(const Record back, FromProto(event));
    EXPECT_EQ(EncodeRecord(back), EncodeRecord(record));
  }
  for (const char* outcome : {"", "Success", "failed"}) {
    event.set_outcome(outcome);
    EXPECT_THAT(FromProto(event), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(AuditRecord, RefusesEveryTruncationAndTrailingBytes) {
  Record record{};
  record.sequence = 7;
  record.time = absl::FromUnixSeconds(1);
  record.name = "account.created";
  record.outcome = Outcome::kSuccess;
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
