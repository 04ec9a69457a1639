#include "common/directory/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/common/directory/world.h"
#include "tests/status_matchers.h"

namespace plumbline::directory {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

class AnswerTest : public ::testing::Test {
 protected:
  AnswerTest() {
    for (const char* name : {"alice", "bob", "carol", "alice", "dave", "alice"}) world_.Change(name);
  }
  void ExpectRefused(const std::function<void(Answer&)>& change, const std::string& step, const std::string& name = "alice") {
    Answer answer = world_.About(name);
    change(answer);
    EXPECT_THAT(Verify(answer, World::User(name), world_.terms()).status(), StatusIs(Code::kUnauthenticated, HasSubstr(step)));
  }
  World world_;
};

TEST_F(AnswerTest, ARecordAndAnAbsenceAreProved) {
  ASSERT_OK_AND_ASSIGN(const Verified alice, Verify(world_.About("alice"), World::User("alice"), world_.terms()));
  EXPECT_EQ(alice.record->version, 3u);
  EXPECT_EQ(alice.entry->version, 3u);
  EXPECT_EQ(alice.checkpoint.checkpoint.size, world_.size);
  EXPECT_EQ(alice.checkpoint.time, absl::FromUnixSeconds(1'790'000'000));
  ASSERT_OK_AND_ASSIGN(const Verified nobody, Verify(world_.About("nobody"), World::User("nobody"), world_.terms()));
  EXPECT_EQ(nobody.record, std::nullopt);
  EXPECT_EQ(nobody.entry, std::nullopt);
}

TEST_F(AnswerTest, EveryStepIsNeeded) {
  World other_log(9), other_vrf(1, 9);
  for (const char* name : {"alice", "bob", "carol", "alice", "dave", "alice"}) other_vrf.Change(name);
  ExpectRefused([&](Answer& a) { a.checkpoint = world_.Checkpoint(); }, "the quorum w is not reached");
  ExpectRefused([&](Answer& a) { a.checkpoint = other_log.Cosigned(other_log.Checkpoint()); }, "known");
  ExpectRefused([&](Answer& a) { a.checkpoint = other_vrf.Cosigned(other_vrf.Checkpoint()); }, "the log's first leaf");
  ExpectRefused([](Answer& a) { a.genesis.origin = "example.org/other"; }, "of another log");
  ExpectRefused([](Answer& a) { a.genesis.authority[0] ^= 1; }, "of another organisation");
  ExpectRefused([&](Answer& a) { a.genesis.vrf_key = other_vrf.vrf.public_key(); }, "the log's first leaf");
  ExpectRefused([](Answer& a) { a.genesis_inclusion.pop_back(); }, "the log's first leaf");
  ExpectRefused([&](Answer& a) { a.index_proof = world_.About("bob").index_proof; }, "the place in the map");
  ExpectRefused([](Answer& a) { a.index_proof[40] ^= 1; }, "the place in the map");
  ExpectRefused([](Answer& a) { a.map.root.root[0] ^= 1; }, "the map");
  ExpectRefused([](Answer& a) { a.map.inclusion[0][0] ^= 1; }, "the map");
  ExpectRefused([&](Answer& a) { a.map.proof = world_.About("bob").map.proof; }, "the map");
  ExpectRefused([](Answer& a) { a.found.reset(); }, "the record is withheld");
  ExpectRefused([&](Answer& a) { a.found = world_.people.at("bob"); }, "the map has nobody", "nobody");
  ExpectRefused([&](Answer& a) { a.found = world_.people.at("bob"); }, "the entry is not the one in the map");
  ExpectRefused([](Answer& a) { a.found->entry.cause[0] ^= 1; }, "the entry is not the one in the map");
  ExpectRefused([](Answer& a) { a.found->nonce.bytes[0] ^= 1; }, "not the one that the log committed to");
  ExpectRefused([](Answer& a) { a.found->record.back() ^= 1; }, "not the one that the log committed to");
}

TEST_F(AnswerTest, AnOlderMapRootThatIsStillInTheLogSaysNothing) {
  Answer old = world_.About("alice");
  world_.Change("alice");
  Answer now = world_.About("alice");
  now.map = old.map;
  now.found = old.found;
  EXPECT_THAT(Verify(now, World::User("alice"), world_.terms()).status(), StatusIs(Code::kUnauthenticated, HasSubstr("the map")));
  EXPECT_OK(Verify(old, World::User("alice"), world_.terms()));  // freshness is the checkpoint's time, not a proof's
}

TEST_F(AnswerTest, ALogThatCommitsToNonsenseIsFound) {
  const auto commit_to = [&](const std::function<void(identity::DirectoryRecord&)>& change) {
    World world;
    identity::DirectoryRecord record = world.RecordOf("alice");
    change(record);
    world.Change("alice");
    FoundRecord& found = world.people["alice"];
    found.record = identity::Encode(record);
    found.entry.commitment = identity::CommitToRecord(found.record, found.nonce);
    // As if the log had that entry: a batch of its own that puts it into the map again.
    world.map_root = *tlog::UpdateMap(world.map, world.map_root, {{found.entry.index, tlog::LeafHashOf(found.entry)}});
    const FoundRecord kept = found;
    world.Change("bob");
    world.people["alice"] = kept;
    return Verify(world.About("alice"), World::User("alice"), world.terms()).status();
  };
  EXPECT_OK(commit_to([](identity::DirectoryRecord&) {}));
  EXPECT_THAT(commit_to([](identity::DirectoryRecord& r) { r.user = World::User("bob").ToString(); }),
              StatusIs(Code::kUnauthenticated, HasSubstr("about somebody else")));
  EXPECT_THAT(commit_to([](identity::DirectoryRecord& r) {
                r.version = 2;
                r.previous_hash.fill(1);
              }),
              StatusIs(Code::kUnauthenticated, HasSubstr("version is not its entry's")));
}

TEST_F(AnswerTest, TheEncodingIsReadInOneWay) {
  for (const std::string name : {"alice", "nobody"}) {
    const Bytes wire = Encode(world_.About(name));
    ASSERT_OK_AND_ASSIGN(const Answer back, ParseAnswer(wire));
    EXPECT_EQ(Encode(back), wire);
    EXPECT_OK(Verify(back, World::User(name), world_.terms()));
    for (size_t i = 0; i < wire.size(); ++i) {
      EXPECT_THAT(ParseAnswer(ByteView(wire).first(i)), StatusIs(Code::kInvalidArgument)) << i;
      Bytes changed = wire;
      changed[i] ^= 1;
      const absl::StatusOr<Answer> parsed = ParseAnswer(changed);
      if (parsed.ok()) {
        EXPECT_EQ(Encode(*parsed), changed);
        EXPECT_FALSE(Verify(*parsed, World::User(name), world_.terms()).ok()) << i;
      }
    }
    Bytes longer = wire;
    longer.push_back(0);
    EXPECT_FALSE(ParseAnswer(longer).ok());
  }
  EXPECT_FALSE(ParseAnswer(Bytes(kMaxAnswer + 1)).ok());
}

}  // namespace
}  // namespace plumbline::directory
