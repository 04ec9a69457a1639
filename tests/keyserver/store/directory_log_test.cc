#include "keyserver/store/directory_log.h"
#include "keyserver/store/former_logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/tlog/directory_replay.h"
#include "common/tlog/sql_nodes.h"
#include "keyserver/store/log_tables.h"
#include "tests/common/scratch.h"
#include "tests/keyserver/store/directory_keys.h"
#include "tests/status_matchers.h"

namespace plumbline::keyserver {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

constexpr char kOrigin[] = "example.org/directory";
identity::UserUri User(const std::string& name) { return *identity::ParseUserUri("mimi://example.org/u/" + name); }

class DirectoryLogTest : public ::testing::Test {
 protected:
  DirectoryLogTest() {
    absl::StatusOr<std::unique_ptr<db::Database>> opened = db::Database::Open(scratch_ / "log.db", key_);
    EXPECT_OK(opened);
    database_ = *std::move(opened);
    const db::Migration tables[] = {DirectoryLog::Tables(), DirectoryLog::TokenKeyTables(), FormerLogs::Tables()};
    EXPECT_OK(database_->Migrate(tables));
    log_ = std::make_unique<DirectoryLog>(*database_, keys_);
    EXPECT_OK(Do([&](db::Transaction& t) { return log_->Begin(t); }));
    EXPECT_OK(PublishNewest());
  }
  // The witnesses of these tests' policy are none.
  absl::Status PublishNewest() {
    return Do([&](db::Transaction& t) -> absl::Status {
      ASSIGN_OR_RETURN(const DirectoryLog::Head head, log_->Newest());
      return log_->Publish(t, head.note);
    });
  }
  std::string Newest() { return log_->Newest()->note; }
  absl::Status Do(const std::function<absl::Status(db::Transaction&)>& work, bool commit = true) {
    ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(*database_));
    RETURN_IF_ERROR(work(transaction));
    return commit ? transaction.Commit() : absl::OkStatus();
  }
  RecordChange Next(const std::string& name) const {
    const auto held = records_.find(name);
    identity::DirectoryRecord record;
    record.user = User(name).ToString();
    record.display_name = name;
    if (held != records_.end()) {
      record.version = identity::ParseDirectoryRecord(held->second)->version;
      record.previous_hash = Sha256(held->second);
    }
    ++record.version;
    return {User(name), record.version, identity::Encode(record), ToBytes(AsBytes("why " + name))};
  }
  absl::Status Append(const std::vector<std::string>& names, bool publish = true) {
    std::vector<RecordChange> changes;
    for (const std::string& name : names) changes.push_back(Next(name));
    RETURN_IF_ERROR(Do([&](db::Transaction& t) { return log_->Append(t, changes); }));
    for (size_t i = 0; i < names.size(); ++i) records_[names[i]] = changes[i].record;
    return publish ? PublishNewest() : absl::OkStatus();
  }
  absl::StatusOr<directory::Verified> Ask(const std::string& name) {
    const auto held = records_.find(name);
    ASSIGN_OR_RETURN(const directory::Answer answer,
                     log_->AnswerFor(User(name), held == records_.end() ? ByteView() : ByteView(held->second)));
    ASSIGN_OR_RETURN(const directory::Answer read, directory::ParseAnswer(directory::Encode(answer)));
    return directory::Verify(read, User(name), {policy_, keys_.authority});
  }
  // An auditor who has nothing but the leaves and the checkpoint.
  absl::Status Replay() {
    tlog::MemoryMap map;
    tlog::DirectoryReplay replay(kOrigin, map);
    while (true) {
      ASSIGN_OR_RETURN(const std::vector<Bytes> leaves, log_->ReadLeaves(replay.size(), tlog::kMaxSize, 7));
      for (const Bytes& leaf : leaves) RETURN_IF_ERROR(replay.Take(leaf));
      if (leaves.empty()) break;
    }
    ASSIGN_OR_RETURN(const DirectoryLog::Head head, log_->Newest());
    ASSIGN_OR_RETURN(const tlog::Checkpoint checkpoint, tlog::OpenCheckpoint(head.note, keys_.signer.verifier()));
    EXPECT_EQ(checkpoint.size, replay.size());
    return replay.Check(checkpoint);
  }

  struct Cell {
    const char *table, *column;
  };
  absl::StatusOr<int64_t> CountRows(const std::string& table) {
    ASSIGN_OR_RETURN(db::Statement count, database_->Prepare(absl::StrCat("SELECT COUNT(*) FROM ", table)));
    RETURN_IF_ERROR(count.Step().status());
    return count.Int64(0);
  }
  absl::StatusOr<Bytes> ReadCell(const Cell& cell, int64_t row) {
    ASSIGN_OR_RETURN(db::Statement read, database_->Prepare(absl::StrCat("SELECT CAST(", cell.column, " AS BLOB) FROM ", cell.table,
                                                                         " LIMIT 1 OFFSET ", row)));
    RETURN_IF_ERROR(read.Step().status());
    return ToBytes(read.Blob(0));
  }
  absl::Status Run(const std::string& sql) {
    ASSIGN_OR_RETURN(db::Statement statement, database_->Prepare(sql));
    return statement.Run();
  }
  // In the table's own type. Does nothing where the value is gone.
  absl::Status ReplaceCell(const Cell& cell, const Bytes& from, const Bytes& to) {
    const bool text = std::string(cell.column) == "checkpoint" || std::string(cell.column) == "published";
    ASSIGN_OR_RETURN(db::Statement write,
                     database_->Prepare(absl::StrCat("UPDATE ", cell.table, " SET ", cell.column, " = ",
                                                     text ? "CAST(? AS TEXT)" : "?", " WHERE CAST(", cell.column, " AS BLOB) = ?")));
    return write.Bind(1, ByteView(to)).Bind(2, ByteView(from)).Run();
  }

  testing::ScratchDir scratch_;
  const db::Key key_ = db::Key::Random();
  const DirectoryLogKeys keys_ = TestDirectoryKeys();
  const tlog::Policy policy_ =
      *tlog::Policy::Parse(absl::StrCat("log ", keys_.signer.verifier().ToText(), "\nquorum none\n"));
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<DirectoryLog> log_;
  std::map<std::string, Bytes> records_;  // the newest of each person
};

TEST_F(DirectoryLogTest, ANewLogSaysThatNobodyIsThere) {
  ASSERT_OK_AND_ASSIGN(const directory::Verified nobody, Ask("alice"));
  EXPECT_EQ(nobody.record, std::nullopt);
  EXPECT_EQ(nobody.checkpoint.checkpoint.size, 2u);
  EXPECT_OK(Replay());
}

// Random batches: after each, everybody's answer verifies, and so does a replay.
TEST_F(DirectoryLogTest, WhateverHappensEverybodyCanCheckIt) {
  std::mt19937 random(11);
  for (int batch = 0; batch < 40; ++batch) {
    std::set<std::string> names;
    for (unsigned i = 0; i <= random() % 5; ++i) names.insert(absl::StrCat("person", random() % 30));
    ASSERT_OK(Append({names.begin(), names.end()}));
    if (batch % 8 != 7) continue;
    for (int i = 0; i < 30; ++i) {
      const std::string name = absl::StrCat("person", i);
      ASSERT_OK_AND_ASSIGN(const directory::Verified verified, Ask(name));
      EXPECT_EQ(verified.record.has_value(), records_.count(name) == 1) << name;
      if (verified.record) {
        EXPECT_EQ(identity::Encode(*verified.record), records_.at(name));
      }
    }
    ASSERT_OK(Replay());
  }
}

TEST_F(DirectoryLogTest, ABatchThatDoesNotFollowChangesNothing) {
  ASSERT_OK(Append({"alice", "bob"}));
  const std::string before = Newest();
  const auto expect_refused = [&](std::vector<RecordChange> changes) {
    EXPECT_THAT(Do([&](db::Transaction& t) { return log_->Append(t, changes); }), StatusIs(Code::kInvalidArgument));
    EXPECT_EQ(Newest(), before);
    EXPECT_OK(Ask("alice"));
    EXPECT_OK(Replay());
  };
  RecordChange skips = Next("alice"), repeats = Next("alice"), late = Next("carol");
  ++skips.version;
  --repeats.version;
  ++late.version;
  expect_refused({});
  EXPECT_THAT(Do([&](db::Transaction& t) { return log_->Append(t, std::vector<RecordChange>(tlog::kMaxBatch + 1, Next("carol"))); }),
              StatusIs(Code::kInvalidArgument, HasSubstr("a batch has")));
  expect_refused({Next("bob"), skips});
  expect_refused({repeats});
  expect_refused({late});
  RecordChange twice = Next("alice");
  ++twice.version;
  expect_refused({Next("alice"), twice});  // two versions of one person in one batch
}

TEST_F(DirectoryLogTest, WhatIsNotCommittedWasNeverThere) {
  ASSERT_OK(Append({"alice"}));
  const std::string before = Newest();
  EXPECT_OK(Do([&](db::Transaction& t) { return log_->Append(t, {Next("alice")}); }, /*commit=*/false));
  EXPECT_EQ(Newest(), before);
  EXPECT_OK(Ask("alice"));
  EXPECT_OK(Append({"alice"}));
  EXPECT_OK(Replay());
}

TEST_F(DirectoryLogTest, ItIsOfItsKeysAlone) {
  ASSERT_OK(Append({"alice"}));
  EXPECT_OK(Do([&](db::Transaction& t) { return log_->Begin(t); }));  // again: nothing to do
  for (const DirectoryLogKeys& other : {TestDirectoryKeys(1, 9, 3), TestDirectoryKeys(1, 2, 9)}) {
    DirectoryLog log(*database_, other);
    EXPECT_THAT(Do([&](db::Transaction& t) { return log.Begin(t); }), StatusIs(Code::kFailedPrecondition));
  }
  const DirectoryLogKeys signer = TestDirectoryKeys(9, 2, 3);
  DirectoryLog log(*database_, signer);
  EXPECT_THAT(Do([&](db::Transaction& t) { return log.Begin(t); }), StatusIs(Code::kFailedPrecondition, HasSubstr("log_key_mismatch: ")));
}

TEST_F(DirectoryLogTest, ItAnswersForNoOtherRecordThanItsOwn) {
  ASSERT_OK(Append({"alice", "bob"}));
  EXPECT_THAT(log_->AnswerFor(User("alice"), records_.at("bob")).status(), StatusIs(Code::kDataLoss));
  EXPECT_THAT(log_->AnswerFor(User("alice"), {}).status(), StatusIs(Code::kDataLoss));
  EXPECT_THAT(log_->AnswerFor(User("carol"), records_.at("bob")).status(), StatusIs(Code::kDataLoss));
}

// Until the witnesses have seen a change nobody is told of it, and everything that was said stays provable meanwhile.
TEST_F(DirectoryLogTest, ItAnswersWithWhatIsPublished) {
  std::mt19937 random(5);
  std::map<std::string, Bytes> published;
  for (int batch = 0; batch < 60; ++batch) {
    std::set<std::string> names;
    for (unsigned i = 0; i <= random() % 4; ++i) names.insert(absl::StrCat("person", random() % 20));
    const bool publish = random() % 4 == 0;
    ASSERT_OK(Append({names.begin(), names.end()}, publish));
    if (publish) published = records_;
    for (int i = 0; i < 20; ++i) {
      const std::string name = absl::StrCat("person", i);
      const auto held = published.find(name);
      ASSERT_OK_AND_ASSIGN(const std::optional<uint64_t> version, log_->PublishedVersion(User(name)));
      ASSERT_EQ(version.has_value(), held != published.end());
      ASSERT_OK_AND_ASSIGN(const directory::Answer answer, log_->AnswerFor(User(name), version ? ByteView(held->second) : ByteView()));
      ASSERT_OK_AND_ASSIGN(const directory::Verified verified, directory::Verify(answer, User(name), {policy_, keys_.authority}));
      if (version) {
        EXPECT_EQ(verified.record->version, *version);
      }
    }
  }
  ASSERT_OK(PublishNewest());
  for (int i = 0; i < 20; ++i) ASSERT_OK(Append({absl::StrCat("person", i)}));
  ASSERT_OK_AND_ASSIGN(const int64_t nodes, CountRows("map_node"));
  ASSERT_OK_AND_ASSIGN(const int64_t places, CountRows("(SELECT DISTINCT depth, prefix FROM map_node)"));
  EXPECT_LE(nodes, 2 * places + 1);  // old versions do not stay
}

TEST_F(DirectoryLogTest, OnlyItsOwnCheckpointsArePublishedAndNoneTakenBack) {
  ASSERT_OK(Append({"alice"}));
  const std::string old = Newest();
  ASSERT_OK(Append({"alice"}));
  const auto publish = [&](const std::string& note) { return Do([&](db::Transaction& t) { return log_->Publish(t, note); }); };
  EXPECT_THAT(publish(old), StatusIs(Code::kInvalidArgument, HasSubstr("later checkpoint")));
  tlog::Hash root{};
  EXPECT_THAT(publish(*tlog::SignCheckpoint(6, root, keys_.signer)), StatusIs(Code::kInvalidArgument, HasSubstr("another root")));
  EXPECT_THAT(publish(*tlog::SignCheckpoint(7, root, keys_.signer)), StatusIs(Code::kInvalidArgument, HasSubstr("has not signed")));
  EXPECT_THAT(publish(*tlog::SignCheckpoint(6, root, TestDirectoryKeys(9).signer)), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(publish("nothing"), StatusIs(Code::kInvalidArgument));
  EXPECT_OK(publish(Newest()));
  EXPECT_OK(Ask("alice"));
}

TEST_F(DirectoryLogTest, AnErasedPersonLeavesAPseudonymAndEveryProof) {
  ASSERT_OK(Append({"alice", "bob"}));
  ASSERT_OK(Append({"alice"}));
  ASSERT_OK(Do([&](db::Transaction& t) { return log_->Erase(t, User("alice")); }));
  EXPECT_THAT(Ask("alice").status(), StatusIs(Code::kNotFound));
  EXPECT_THAT(log_->PublishedVersion(User("alice")).status(), StatusIs(Code::kNotFound));
  EXPECT_FALSE(log_->OwnerOf(2)->has_value());
  EXPECT_TRUE(log_->OwnerOf(3)->has_value());
  EXPECT_OK(Ask("bob"));
  EXPECT_OK(Append({"bob"}));
  EXPECT_OK(Replay());
  ASSERT_OK_AND_ASSIGN(db::Statement kept, database_->Prepare("SELECT COUNT(*) FROM opening WHERE user LIKE '%alice' AND "
                                                              "(nonce NOT NULL OR cause_nonce NOT NULL OR cause NOT NULL)"));
  ASSERT_OK(kept.Step());
  EXPECT_EQ(kept.Int64(0), 0);
}

TEST_F(DirectoryLogTest, WhatNoWitnessHasSeenIsNotSaid) {
  ASSERT_OK(Append({"alice"}));
  ASSERT_OK(Run("UPDATE log_state SET published = '', published_map_version = 0"));
  const auto unwitnessed = StatusIs(Code::kUnavailable, HasSubstr("directory_unwitnessed: "));
  EXPECT_THAT(Ask("alice").status(), unwitnessed);
  EXPECT_THAT(log_->PublishedVersion(User("alice")).status(), unwitnessed);
  EXPECT_THAT(log_->RequirePublished().status(), unwitnessed);
  ASSERT_OK_AND_ASSIGN(const DirectoryLog::Head none, log_->Published());
  EXPECT_EQ(none.size, 0u);
  ASSERT_OK(PublishNewest());
  EXPECT_OK(Ask("alice"));
}

// A checkpoint is published where a batch ends; the log signs no other.
TEST_F(DirectoryLogTest, NothingAndHalfABatchAreNotPublished) {
  ASSERT_OK(Append({"alice", "bob"}));
  tlog::SqlNodes nodes(*database_);
  const auto publish = [&](uint64_t size) {
    const std::string note = *tlog::SignCheckpoint(size, *tlog::Root(nodes, size), keys_.signer);
    return Do([&](db::Transaction& t) { return log_->Publish(t, note); });
  };
  EXPECT_THAT(publish(0), StatusIs(Code::kInvalidArgument, HasSubstr("has not signed")));
  EXPECT_THAT(publish(3), StatusIs(Code::kDataLoss, HasSubstr("does not end with a map root")));
  EXPECT_OK(Ask("alice"));
}

TEST_F(DirectoryLogTest, WhatContradictsItselfIsNotServed) {
  ASSERT_OK(Append({"alice", "bob"}));
  ASSERT_OK(Append({"alice"}));
  const std::string note = *tlog::SignCheckpoint(log_->Newest()->size, tlog::Hash{}, keys_.signer);
  const auto expect_broken = [&](const std::string& sql, const std::string& why, bool append = false) {
    SCOPED_TRACE(sql);
    ASSERT_OK_AND_ASSIGN(db::Transaction transaction, db::Transaction::Begin(*database_));
    ASSERT_OK(Run(sql));
    EXPECT_THAT(append ? log_->Append(transaction, {Next("alice")}) : Ask("alice").status(), StatusIs(Code::kDataLoss, HasSubstr(why)));
  };
  // Of leaves 0 to 6: genesis, map root, alice, bob, map root, alice, map root.
  expect_broken(absl::StrCat("UPDATE log_state SET published = '", note, "'"), "not of its tree");
  expect_broken("UPDATE log_state SET published_map_version = 1", "another version of the map");
  expect_broken("DELETE FROM log_leaf WHERE place = 6", "its end is missing");
  expect_broken("UPDATE opening SET place = 4 WHERE place = 5", "an entry is none");
  expect_broken("DELETE FROM log_leaf WHERE place = 5", "a leaf is missing");
  for (const bool append : {false, true})
    expect_broken("UPDATE log_leaf SET leaf = (SELECT leaf FROM log_leaf WHERE place = 2) WHERE place = 5", "not the one in its tree", append);
  EXPECT_OK(Ask("alice"));
}

// Each after the one before it, in the log as a reader will see it, whatever stands in the tables beside it.
TEST_F(DirectoryLogTest, TokenKeysFollowOneAnother) {
  ASSERT_OK(Append({"alice"}));
  const auto key = [](const std::string& purpose, uint64_t epoch, uint64_t opens) {
    return tlog::TokenKeyLeaf{purpose, "member", epoch, opens, opens + 3600, opens + 4200, tlog::Hash{static_cast<uint8_t>(epoch)}};
  };
  const auto add = [&](const std::vector<tlog::TokenKeyLeaf>& keys) {
    return Do([&](db::Transaction& t) { return log_->AppendTokenKeys(t, keys); });
  };
  EXPECT_THAT(add({}), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(add({key("delivery", 2, 1000)}), StatusIs(Code::kInvalidArgument));
  ASSERT_OK(add({key("delivery", 1, 1000), key("directory", 1, 1000)}));
  EXPECT_THAT(add({key("delivery", 1, 9000)}), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(add({key("delivery", 3, 9000)}), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(add({key("delivery", 2, 1000 + tlog::kMinTokenEpoch - 1)}), StatusIs(Code::kInvalidArgument));
  ASSERT_OK(add({key("delivery", 2, 1000 + tlog::kMinTokenEpoch)}));
  ASSERT_OK(Append({"alice", "bob"}));
  EXPECT_EQ(*log_->NewestTokenKey("delivery", "member"), key("delivery", 2, 1000 + tlog::kMinTokenEpoch));
  EXPECT_EQ(*log_->NewestTokenKey("directory", "member"), key("directory", 1, 1000));
  EXPECT_EQ(*log_->NewestTokenKey("directory", "guest"), std::nullopt);
  EXPECT_OK(Replay());
  EXPECT_OK(Ask("bob"));
  // Of leaves: genesis, root, alice, root, delivery 1, directory 1, root, delivery 2, ...
  for (const char* damage : {"UPDATE log_token_key SET place = 2 WHERE purpose = 'delivery'", "UPDATE log_token_key SET place = 5 WHERE purpose = 'delivery'",
                             "UPDATE log_token_key SET place = 99 WHERE purpose = 'delivery'",
                             "UPDATE log_leaf SET leaf = (SELECT leaf FROM log_leaf WHERE place = 4) WHERE place = 7"}) {
    SCOPED_TRACE(damage);
    ASSERT_OK_AND_ASSIGN(db::Transaction transaction, db::Transaction::Begin(*database_));
    ASSERT_OK(Run(damage));
    EXPECT_THAT(log_->NewestTokenKey("delivery", "member").status(), StatusIs(Code::kDataLoss));
    EXPECT_THAT(log_->AppendTokenKeys(transaction, {key("delivery", 3, 9000)}), StatusIs(Code::kDataLoss));
  }
  EXPECT_OK(add({key("delivery", 3, 9000)}));
}

TEST_F(DirectoryLogTest, AnEntryOfSomebodyElseIsNotGoneOnFrom) {
  ASSERT_OK(Append({"alice", "bob"}));
  ASSERT_OK(Append({"alice"}));
  const auto expect_broken = [&](int64_t place) {
    SCOPED_TRACE(place);
    ASSERT_OK_AND_ASSIGN(db::Transaction transaction, db::Transaction::Begin(*database_));
    ASSERT_OK(Run(absl::StrCat("DELETE FROM opening WHERE place = ", place)));
    ASSERT_OK(Run(absl::StrCat("UPDATE opening SET place = ", place, ", version = 2 WHERE place = 5")));
    EXPECT_THAT(log_->Append(transaction, {Next("alice")}), StatusIs(Code::kDataLoss, HasSubstr("somebody else's")));
  };
  ASSERT_OK(Append({"bob"}));
  expect_broken(7);  // bob's second
  expect_broken(2);  // her own first
  EXPECT_OK(Append({"alice"}));
  EXPECT_OK(Replay());
}

TEST_F(DirectoryLogTest, AnEmptyPlaceOfTheMapIsNotWritten) {
  EXPECT_THAT(SqlMap(*database_, 1, 0).Write({}, tlog::MapNode()), StatusIs(Code::kInternal));
}

TEST_F(DirectoryLogTest, AMissingLeafIsNotReadOver) {
  ASSERT_OK(Append({"alice", "bob"}));
  ASSERT_OK(Append({"carol"}));
  ASSERT_OK_AND_ASSIGN(const std::vector<Bytes> all, log_->ReadLeaves(0, tlog::kMaxSize, 100));
  EXPECT_EQ(all.size(), 7u);
  EXPECT_EQ(log_->ReadLeaves(2, 5, 100)->size(), 3u);
  EXPECT_EQ(log_->ReadLeaves(2, 5, 2)->size(), 2u);
  EXPECT_EQ(log_->ReadLeaves(5, 5, 100)->size(), 0u);
  EXPECT_EQ(log_->ReadLeaves(6, UINT64_MAX, 100)->size(), 1u);
  EXPECT_EQ(log_->ReadLeaves(UINT64_MAX - 1, UINT64_MAX, 100)->size(), 0u);
  ASSERT_OK(Run("DELETE FROM log_leaf WHERE place = 3"));
  EXPECT_THAT(log_->ReadLeaves(0, tlog::kMaxSize, 100).status(), StatusIs(Code::kDataLoss, HasSubstr("a leaf is missing")));
}

// Any byte of any row changed: it is found, or changes nothing that anybody would believe; and nothing is signed on it that
// another reader would not follow.
TEST_F(DirectoryLogTest, OverDamageNothingIsClaimed) {
  ASSERT_OK(Append({"alice", "bob", "carol", "dave"}));
  ASSERT_OK(Append({"alice", "erin"}));
  const Cell kCells[] = {{"log_state", "map_root"}, {"log_state", "checkpoint"}, {"log_state", "published"}, {"log_leaf", "leaf"}, {"log_node", "hash"},
                {"map_node", "first"},     {"map_node", "second"},      {"opening", "nonce"}};
  int found = 0, unneeded = 0, signed_beside = 0;
  for (const auto& cell : kCells) {
    ASSERT_OK_AND_ASSIGN(const int64_t rows, CountRows(cell.table));
    for (int64_t row = 0; row < rows; ++row) {
      SCOPED_TRACE(absl::StrCat(cell.table, " ", cell.column, " ", row));
      ASSERT_OK_AND_ASSIGN(db::Transaction transaction, db::Transaction::Begin(*database_));
      ASSERT_OK_AND_ASSIGN(const Bytes whole, ReadCell(cell, row));
      Bytes changed = whole;
      changed[changed.size() / 2] ^= 1;
      ASSERT_OK(ReplaceCell(cell, whole, changed));
      bool believed = Replay().ok();
      for (const auto& [name, record] : records_) {
        const absl::StatusOr<directory::Verified> verified = Ask(name);
        believed &= verified.ok();
        if (verified.ok()) {
          EXPECT_EQ(identity::Encode(*verified->record), record);
        }
      }
      ++(believed ? unneeded : found);
      if (log_->Append(transaction, {Next("alice"), Next("frank")}).ok()) {
        ++signed_beside;
        if (database_->changes() > 0 && ReplaceCell(cell, changed, whole).ok()) {
          EXPECT_OK(Replay());  // what was signed rests on nothing that was damaged
        }
      }
      // Dropped: all of it is taken back.
    }
  }
  EXPECT_OK(Replay());
  EXPECT_GT(found, 30);
  std::printf("%d of %d damaged cells found by answers or a replay; %d batches signed beside one\n", found, found + unneeded,
              signed_beside);
}

}  // namespace
}  // namespace plumbline::keyserver
