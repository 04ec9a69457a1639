#include "common/tlog/log_audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/file.h"
#include "common/tlog/evidence.h"
#include "tests/common/scratch.h"
#include "tests/common/tlog/directory_publisher.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;
using Leaves = std::vector<DirectoryLeaf>;

class LogAuditTest : public ::testing::Test {
 protected:
  LogAudit Open(EntryCheck check = nullptr) {
    absl::StatusOr<LogAudit> audit = LogAudit::Open(path(), kDirectoryOrigin, std::move(check));
    EXPECT_OK(audit);
    return *std::move(audit);
  }
  std::string path() const { return scratch_ / "audit"; }
  void ExpectProved(const std::string& evidence) {
    ASSERT_OK(WriteFileAtomically(scratch_ / "evidence", AsBytes(evidence), 0600));
    EXPECT_OK(CheckEvidenceFile(scratch_ / "evidence", {LogSigner(kDirectoryOrigin).verifier().ToText()}));
  }

  // More leaves than a bundle has.
  static const DirectoryLog& TheLog() {
    static const DirectoryLog* const log = new DirectoryLog(DirectoryLog::Random(3, 300));
    return *log;
  }
  testing::ScratchDir scratch_;
  const DirectoryLog& log_ = TheLog();
};

TEST_F(LogAuditTest, GoesOnWhereItWasWhoeverHoldsIt) {
  ASSERT_GT(log_.leaves.size(), 700u);
  uint64_t known = 0;
  for (const size_t batches : {1, 2, 50, 51, 299, 301}) {
    PublishedLog files = Published(Begin(log_, batches));
    LogAudit audit = Open();  // as after a restart
    EXPECT_EQ(audit.last() ? audit.last()->size : 0, known);
    ASSERT_OK_AND_ASSIGN(const AuditResult result, audit.Follow(files, files.note));
    EXPECT_OK(result.verdict);
    EXPECT_EQ(result.known, known);
    EXPECT_EQ(result.checkpoint, log_.checkpoints[batches - 1]);
    known = result.checkpoint.size;
    const int fetched = files.fetched;
    EXPECT_OK(audit.Follow(files, files.note)->verdict);
    EXPECT_EQ(files.fetched, fetched) << "nothing is new";
  }
  EXPECT_EQ(Open().people(), log_.content.size());
}

TEST_F(LogAuditTest, ReadsOnlyWhatIsNew) {
  PublishedLog first = Published(Begin(log_, 300)), all = Published(log_.leaves, first);
  LogAudit audit = Open();
  ASSERT_OK(audit.Follow(first, first.note)->verdict);
  for (const char* path : {"tile/entries/000", "tile/0/000"}) ASSERT_EQ(all.files.erase(path), 1u);
  EXPECT_OK(audit.Follow(all, all.note)->verdict);
}

// Each rule broken once, by a log that signs for it: named with its leaf, never kept, and found again.
TEST_F(LogAuditTest, NamesTheRuleThatASignedLogBreaks) {
  DirectoryLog log;
  log.Add(NumberedIndex(1), "a1");
  log.Add(NumberedIndex(2), "b1");
  log.End();
  log.Add(NumberedIndex(1), "a2");
  log.End();
  struct Lie {
    ReplayFinding finding;
    std::function<void(Leaves&)> tell;
  };
  using R = ReplayRule;
  const std::vector<Lie> lies = {
      {{R::kGenesis, 0}, [](Leaves& l) { l.erase(l.begin()); }},
      {{R::kGenesis, 3}, [](Leaves& l) { l[3] = l[0]; }},
      {{R::kVersion, 5}, [](Leaves& l) { std::get<EntryLeaf>(l[5]).version = 3; }},
      {{R::kVersion, 3}, [](Leaves& l) { l[3] = l[2]; }},
      {{R::kVersion, 2}, [](Leaves& l) { std::swap(l[2], l[5]); }},
      {{R::kPrevious, 5}, [](Leaves& l) { std::get<EntryLeaf>(l[5]).previous[0] ^= 1; }},
      {{R::kMapVersion, 4}, [](Leaves& l) { std::get<MapRootLeaf>(l[4]).version = 7; }},
      {{R::kMapRange, 3}, [](Leaves& l) { l.erase(l.begin() + 3); }},
      {{R::kMapRoot, 4}, [](Leaves& l) { std::get<MapRootLeaf>(l[4]).root[0] ^= 1; }},
      {{R::kMapRoot, 4}, [](Leaves& l) { std::get<EntryLeaf>(l[2]).commitment[0] ^= 1; }},
      {{R::kOpenBatch, 6}, [](Leaves& l) { l.pop_back(); }},
  };
  PublishedLog begin = Published(Begin(log, 1)), honest = Published(log.leaves, begin);
  for (const bool known : {false, true}) {
    for (const Lie& lie : lies) {
      std::filesystem::remove(path());
      LogAudit audit = Open();
      if (known) {
        ASSERT_OK(audit.Follow(begin, begin.note)->verdict);
      }
      Leaves leaves = log.leaves;
      lie.tell(leaves);
      PublishedLog files = Published(leaves);
      for (int i = 0; i < 2; ++i) {
        ASSERT_OK_AND_ASSIGN(const AuditResult result, audit.Follow(files, files.note));
        EXPECT_THAT(result.verdict, StatusIs(Code::kInvalidArgument));
        if (known && lie.finding.leaf < 2) {  // what was followed before has changed
          ExpectProved(result.evidence);
          continue;
        }
        EXPECT_EQ(result.finding, lie.finding) << result.verdict;
        EXPECT_EQ(result.evidence, "");
        EXPECT_EQ(audit.last().has_value(), known);
      }
      EXPECT_OK(audit.Follow(honest, honest.note)->verdict);  // it kept nothing of the lie
    }
  }
}

TEST_F(LogAuditTest, ProvesASecondHistoryAtEverySize) {
  PublishedLog seen = Published(Begin(log_, 100));
  DirectoryLog other = DirectoryLog::Random(4, 300);
  for (const size_t batches : {2, 50, 99, 101, 150, 300}) {
    SCOPED_TRACE(batches);
    std::filesystem::remove(path());
    LogAudit audit = Open();
    ASSERT_OK(audit.Follow(seen, seen.note)->verdict);
    PublishedLog fork = Published(Begin(other, batches));
    PublishedLog both = seen;  // an older checkpoint is judged by the files of the one that was seen
    both.files.insert(fork.files.begin(), fork.files.end());
    PublishedLog& source = fork.checkpoint.size > seen.checkpoint.size ? fork : both;
    ASSERT_OK_AND_ASSIGN(const AuditResult result, audit.Follow(source, fork.note));
    EXPECT_THAT(result.verdict, StatusIs(Code::kInvalidArgument, HasSubstr("two histories")));
    ExpectProved(result.evidence);
    EXPECT_EQ(audit.last(), seen.checkpoint);
  }
  // And of one size.
  Leaves leaves = Begin(log_, 100);
  std::get<MapRootLeaf>(leaves.back()).root[0] ^= 1;
  PublishedLog same = Published(leaves);
  LogAudit audit = Open();
  ASSERT_OK_AND_ASSIGN(const AuditResult result, audit.Follow(same, same.note));
  ExpectProved(result.evidence);
}

TEST_F(LogAuditTest, AnOlderCheckpointOfTheSameHistoryIsNoLie) {
  PublishedLog all = Published(log_.leaves), older = Published(Begin(log_, 40)),
               open = Published(Leaves(log_.leaves.begin(), log_.leaves.begin() + 1));
  LogAudit audit = Open();
  ASSERT_OK(audit.Follow(all, all.note)->verdict);
  ASSERT_OK_AND_ASSIGN(const AuditResult result, audit.Follow(all, older.note));
  EXPECT_OK(result.verdict);
  EXPECT_TRUE(result.older);
  EXPECT_EQ(audit.last(), all.checkpoint);
  ASSERT_OK_AND_ASSIGN(const AuditResult inside, audit.Follow(all, open.note));
  EXPECT_EQ(inside.finding, (ReplayFinding{ReplayRule::kOpenBatch, 1}));
  EXPECT_THAT(audit.Follow(older, older.note), StatusIs(Code::kNotFound, HasSubstr("was seen before")));
}

// What a source has not, or has otherwise, is not the log's word: nothing is said, nothing kept.
TEST_F(LogAuditTest, SaysNothingAboutALogWhoseLeavesItCannotRead) {
  PublishedLog all = Published(log_.leaves);
  LogAudit audit = Open();
  PublishedLog missing = all, changed = all;
  missing.files.erase("tile/entries/001");
  std::vector<Bytes> entries = *ParseBundle(changed.files["tile/entries/001"], 256);
  std::swap(entries[3], entries[4]);
  changed.files["tile/entries/001"] = MakeBundle(entries);
  EXPECT_THAT(audit.Follow(missing, all.note), StatusIs(Code::kNotFound, HasSubstr("tile/entries/001")));
  EXPECT_THAT(audit.Follow(changed, all.note),
              StatusIs(Code::kDataLoss, HasSubstr("leaf 259 is not the one under the signed root")));
  EXPECT_THAT(audit.Follow(all, "nonsense"), StatusIs(Code::kInvalidArgument));
  PublishedLog other;
  other.Publish(Encoded(log_.leaves), LogSigner("example.org/other"));
  EXPECT_THAT(audit.Follow(other, other.note), StatusIs(Code::kInvalidArgument, HasSubstr("another log's")));
  EXPECT_EQ(audit.last(), std::nullopt);
  EXPECT_OK(audit.Follow(all, all.note)->verdict);
}

TEST_F(LogAuditTest, WhatCannotBeKeptIsNotSaid) {
  PublishedLog first = Published(Begin(log_, 5)), all = Published(log_.leaves, first);
  LogAudit audit = Open();
  ASSERT_OK(audit.Follow(first, first.note)->verdict);
  std::filesystem::rename(scratch_.path(), scratch_.path() + ".away");
  EXPECT_FALSE(audit.Follow(all, all.note).ok());
  std::filesystem::rename(scratch_.path() + ".away", scratch_.path());
  EXPECT_OK(audit.Follow(all, all.note)->verdict);
  EXPECT_EQ(Open().last(), all.checkpoint);
}

TEST_F(LogAuditTest, AnEmptyLogIsFollowedFromTheFirst) {
  PublishedLog empty = Published({}), all = Published(log_.leaves);
  ASSERT_OK(Open().Follow(empty, empty.note)->verdict);
  LogAudit audit = Open();
  EXPECT_EQ(audit.last(), empty.checkpoint);
  EXPECT_OK(audit.Follow(all, all.note)->verdict);
}

TEST_F(LogAuditTest, AsksForTheAuthorityOfNewEntriesOnly) {
  PublishedLog first = Published(Begin(log_, 5)), all = Published(log_.leaves, first);
  uint64_t least = log_.leaves.size(), bad = 500;
  while (!std::holds_alternative<EntryLeaf>(log_.leaves[bad])) ++bad;
  ASSERT_OK(Open().Follow(first, first.note)->verdict);
  LogAudit audit = Open([&](uint64_t place, const EntryLeaf&) {
    least = std::min(least, place);
    return place == bad ? absl::InvalidArgumentError("no approval") : absl::OkStatus();
  });
  EXPECT_EQ(audit.Follow(all, all.note)->finding, (ReplayFinding{ReplayRule::kAuthority, bad}));
  EXPECT_GE(least, first.checkpoint.size);
}

TEST_F(LogAuditTest, ADamagedStateIsNotGoneOnFrom) {
  PublishedLog log = Published(Begin(log_, 5));
  ASSERT_OK(Open().Follow(log, log.note)->verdict);
  const std::string file = *ReadTextFile(path(), kMaxAuditState);
  const auto open = [&](const std::string& text, const std::string& origin = kDirectoryOrigin) {
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << text;
    return LogAudit::Open(path(), origin).status();
  };
  for (size_t i = 0; i < file.size(); ++i) {
    std::string changed = file;
    changed[i] ^= 1;
    EXPECT_THAT(open(changed), StatusIs(Code::kDataLoss, HasSubstr("audit_damaged"))) << i;
  }
  for (size_t i = 0; i < file.size(); ++i) EXPECT_THAT(open(file.substr(0, i)), StatusIs(Code::kDataLoss)) << i;
  EXPECT_THAT(open(file + "x"), StatusIs(Code::kDataLoss));
  EXPECT_THAT(open(file, "example.org/other"), StatusIs(Code::kDataLoss, HasSubstr("of the log example.org/directory")));
  // Whole, but its parts are of two states.
  AuditState state = *ParseAuditState(AsBytes(file));
  state.note = Published(Begin(log_, 6)).note;
  EXPECT_THAT(open(ToString(Encode(state))), StatusIs(Code::kDataLoss, HasSubstr("other leaves")));
  EXPECT_OK(open(file));
}

}  // namespace
}  // namespace plumbline::tlog
