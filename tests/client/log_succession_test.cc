// The directory's log ends and another one follows it: who followed people goes on without a look-up, and what entered is what was known.
#include "tests/client/split_view.h"

#include "common/directory/log_succession.h"
#include "tests/client/killed.h"

namespace plumbline::client {
namespace {

using plumbline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Code = absl::StatusCode;
using NextLog = TestDirectory::NextLog;
using Records = std::vector<keys::v1::SignedRecord>;

class LogSuccession : public SplitView {  // of two who follow each other
 protected:
  LogSuccession() {
    for (Reader* each : {&alice_, &bob_}) {
      CHECK(each->LookUp(two_.alice.user()).ok());
      CHECK(each->LookUp(two_.bob.user()).ok());
    }
  }
  KnownLog Known(Reader& reader) { return **reader.device.stores->log.Get(); }
  void Succeed(const NextLog& choice = {}) {
    honest_.Succeed(two_.organisation, choice);
    log_keys_.push_back(honest_.log_key());
  }
  bool Follows(Device& device, const std::string& user) { return Held(device, user)->followed; }
  static identity::DirectoryRecord Parsed(const keys::v1::SignedRecord& record) { return *identity::ParseDirectoryRecord(AsBytes(record.record())); }
  // The same record with another name, signed by the directory all the same.
  keys::v1::SignedRecord Renamed(const keys::v1::SignedRecord& record) {
    keys::v1::SignedRecord out = record;
    identity::DirectoryRecord changed = Parsed(record);
    changed.display_name = "Somebody else";
    out.set_record(ToString(identity::Encode(changed)));
    out.set_signature(ToString(two_.directory_key.Sign(identity::kDirectoryRecordLabel, AsBytes(out.record()))));
    return out;
  }
  Device bobs_ghost_{two_.organisation, "bob", two_.clock, &two_.directory_key};
  int64_t RecordsAgainst(Device& device) { return *device.stores->contacts.EvidenceCount(); }
};

TEST_F(LogSuccession, WhoFollowsGoesOnWithoutALookUp) {
  const KnownLog before = Known(alice_);
  Succeed();
  Append(honest_, two_.bob.user(), {&two_.bob, &bobs_ghost_});
  const int asked = honest_.look_ups;
  ASSERT_OK(alice_.Sync());
  EXPECT_EQ(Known(alice_).number, 2u);
  EXPECT_EQ(Known(alice_).seen.size, honest_.size());
  EXPECT_NE(Known(alice_).seen.root, before.seen.root);
  EXPECT_EQ(*alice_.log.PolicyNumber(), 2u);
  EXPECT_EQ(Held(two_.alice, two_.bob.user())->parsed.version, 2u) << "what changed since is seen";
  for (const std::string& user : {two_.alice.user(), two_.bob.user()}) EXPECT_TRUE(Follows(two_.alice, user));
  EXPECT_EQ(honest_.look_ups, asked) << "and nobody was named";
  const int reads = honest_.reads;
  Append(honest_, two_.bob.user(), {&two_.bob});
  ASSERT_OK(alice_.Sync());
  EXPECT_EQ(honest_.reads, reads + 1) << "not read anew";
  EXPECT_EQ(Held(two_.alice, two_.bob.user())->parsed.version, 3u);
  EXPECT_OK(alice_.LookUp(two_.bob.user()));
  EXPECT_THAT(alice_.Evidence(), IsEmpty());
  EXPECT_THAT(two_.alice.Texts(EntryKind::kNotice), IsEmpty());
}

TEST_F(LogSuccession, WhoWasAwayOverTwoGoesThroughBoth) {
  for (const uint32_t page : {10'000, 2}) {
    SCOPED_TRACE(page);
    honest_.page = page;
    Append(honest_, two_.alice.user(), {&two_.alice});
    Succeed();
    Append(honest_, two_.alice.user(), {&two_.alice});
    for (int i = 0; i < 7; ++i) Grow(honest_, absl::StrCat("somebody", page, "-", i));
    Succeed();
    Append(honest_, two_.alice.user(), {&two_.alice, &ghost_});
    const int asked = honest_.look_ups;
    ASSERT_OK(bob_.Sync());
    EXPECT_EQ(Known(bob_).number, honest_.number());
    EXPECT_EQ(Held(two_.bob, two_.alice.user())->parsed.devices.size(), 2u);
    EXPECT_EQ(honest_.look_ups, asked);
  }
  EXPECT_EQ(honest_.number(), 5u);
  EXPECT_THAT(bob_.Evidence(), IsEmpty());
}

// A device that came and went between this device's last reading and the end is told of, from the former log.
TEST_F(LogSuccession, TheFormerLogIsReadToItsEnd) {
  Append(honest_, two_.alice.user(), {&two_.alice, &ghost_});
  Append(honest_, two_.alice.user(), {&two_.alice});
  Succeed();
  ASSERT_OK(alice_.Sync());
  EXPECT_THAT(two_.alice.Texts(EntryKind::kNotice), ElementsAre("own_device_added", "own_device_removed"));
  EXPECT_EQ(Held(two_.alice, two_.alice.user())->parsed.version, 3u);
}

TEST_F(LogSuccession, WhoComesAfterwardsReadsTheNewestAlone) {
  Succeed();
  Succeed();
  Device carol(two_.organisation, "carol", two_.clock, &two_.directory_key);
  Reader reader(carol, honest_, two_.clock);
  const int reads = honest_.reads;
  ASSERT_OK(reader.Sync());
  EXPECT_EQ(honest_.reads, reads + 1);
  EXPECT_EQ(Known(reader).number, 3u);
  EXPECT_OK(reader.LookUp(two_.bob.user()));
}

TEST_F(LogSuccession, ItHappensBetweenTwoCalls) {
  Device carol(two_.organisation, "carol", two_.clock, &two_.directory_key);
  Reader reader(carol, honest_, two_.clock);
  ASSERT_OK(reader.Sync());
  bool done = false;
  reader.change_answer = [&](keys::v1::LookUpResponse& response) {
    if (done) return;
    done = true;
    Succeed();
    response = honest_.LookUp(two_.bob.user());
  };
  EXPECT_OK(reader.LookUp(two_.bob.user()));
  EXPECT_EQ(Known(reader).number, 2u);
}

// Broken off between the two logs, and as the next one is taken.
TEST_F(LogSuccession, BrokenOffItGoesOnLater) {
  Append(honest_, two_.bob.user(), {&two_.bob, &bobs_ghost_});
  Succeed();
  const keys::v1::SignedRecord held = honest_.LookUp(two_.bob.user()).record();
  for (int calls = 0; calls < 6; ++calls) {
    SCOPED_TRACE(calls);
    int left = calls;
    absl::Status status;
    {
      RecordBook book(*two_.alice.stores, *two_.alice.self, two_.clock);
      Transparency log(
          *two_.alice.stores, *two_.alice.self,
          [&](const keys::v1::ReadLogRequest& request) -> absl::StatusOr<keys::v1::ReadLogResponse> {
            if (left-- <= 0) return absl::UnavailableError("the line is gone");
            return honest_.ReadLog(request);
          },
          two_.clock);
      status = SyncLog(log, book);
    }
    two_.alice.Reopen();
    const KnownLog known = **two_.alice.stores->log.Get();
    EXPECT_TRUE(known.number == 1 || known.number == 2);
    if (status.ok()) {
      EXPECT_EQ(known.seen.size, honest_.size());
      EXPECT_EQ(ToString(Held(two_.alice, two_.bob.user())->record), held.record());
      EXPECT_TRUE(Follows(two_.alice, two_.bob.user()));
      EXPECT_GT(calls, 0);
      return;
    }
    EXPECT_THAT(status, StatusIs(Code::kUnavailable));
  }
  FAIL() << "it never went over";
}

// At each write point of the way over two logs: whoever starts the client again is there, as if nothing had happened.
TEST_F(LogSuccession, KilledAtAnyPointItGoesOnLater) {
  for (int n = 0;; ++n) {
    SCOPED_TRACE(n);
    Device carol(two_.organisation, absl::StrCat("carol", n), two_.clock, &two_.directory_key);
    ASSERT_OK(Reader(carol, honest_, two_.clock).LookUp(two_.bob.user()));
    for (int i = 0; i < 2; ++i) {
      Append(honest_, two_.bob.user(), {&two_.bob});
      Succeed();
    }
    const bool finished = RunKilledAt(carol, n, [&] { CHECK(Reader(carol, honest_, two_.clock).Sync().ok()); });
    carol.Reopen();
    Reader again(carol, honest_, two_.clock);
    const int asked = honest_.look_ups;
    ASSERT_OK(again.Sync());
    EXPECT_EQ(Known(again).number, honest_.number());
    EXPECT_EQ(Known(again).seen.size, honest_.size());
    EXPECT_TRUE(Follows(carol, two_.bob.user()));
    EXPECT_EQ(ToString(Held(carol, two_.bob.user())->record), honest_.LookUp(two_.bob.user()).record().record());
    EXPECT_EQ(honest_.look_ups, asked + 1);  // the line above
    EXPECT_THAT(again.Evidence(), IsEmpty());
    if (!finished) continue;
    EXPECT_GE(n, 6);  // over one log, over the other, and the newest: three commits, two points each
    break;
  }
}

TEST_F(LogSuccession, AfterATheftNothingIsHandedOver) {
  Succeed({.hand_over = false});
  ASSERT_OK(alice_.Sync());
  EXPECT_EQ(Known(alice_).number, 2u);
  for (const std::string& user : {two_.alice.user(), two_.bob.user()}) EXPECT_FALSE(Follows(two_.alice, user));
  const int asked = honest_.look_ups;
  EXPECT_OK(alice_.LookUp(two_.alice.user()));
  EXPECT_OK(alice_.LookUp(two_.bob.user()));
  EXPECT_EQ(honest_.look_ups, asked + 2);
  EXPECT_TRUE(Follows(two_.alice, two_.bob.user()));
  Append(honest_, two_.alice.user(), {&two_.alice, &ghost_});
  ASSERT_OK(alice_.Sync());
  EXPECT_THAT(two_.alice.Texts(EntryKind::kNotice), ElementsAre("own_device_added"));
}

TEST_F(LogSuccession, AnotherRecordThatEntersIsEvidence) {
  const auto replace = [&](const std::string& user, uint64_t version) {
    return [this, user, version](Records& records) {
      for (keys::v1::SignedRecord& each : records) {
        if (Parsed(each).user == user && Parsed(each).version == version) each = Renamed(each);
      }
    };
  };
  Append(honest_, two_.alice.user(), {&two_.alice});
  ASSERT_OK(alice_.Sync());
  ASSERT_OK(bob_.Sync());
  Succeed({.change_records = replace(two_.alice.user(), 2)});
  for (Reader* each : {&alice_, &bob_}) {
    EXPECT_THAT(each->Sync(), StatusIs(Code::kUnauthenticated, HasSubstr("directory_contradicts: ")));
    EXPECT_EQ(RecordsAgainst(each->device), 1);
    EXPECT_EQ(Known(*each).seen.size, 0u) << "nothing of it is taken";
  }
}

// The own record is compared in each version.
TEST_F(LogSuccession, AnEarlierVersionOfTheOwnRecordIsComparedToo) {
  Append(honest_, two_.alice.user(), {&two_.alice});
  ASSERT_OK(alice_.Sync());
  Succeed({.change_records = [this](Records& records) {
    for (keys::v1::SignedRecord& each : records) {
      if (Parsed(each).user == two_.alice.user() && Parsed(each).version == 1) each = Renamed(each);
    }
  }});
  EXPECT_THAT(alice_.Sync(), StatusIs(Code::kUnauthenticated, HasSubstr("directory_contradicts: version 2")));
  EXPECT_EQ(RecordsAgainst(two_.alice), 1);
}

TEST_F(LogSuccession, WhoIsMissingOrOlderIsNoticed) {
  Append(honest_, two_.bob.user(), {&two_.bob, &bobs_ghost_});
  ASSERT_OK(alice_.Sync());
  TestDirectory older(honest_), without(honest_);
  older.Succeed(two_.organisation, {.change_records = [this](Records& records) {
    std::erase_if(records, [&](const auto& each) { return Parsed(each).user == two_.bob.user() && Parsed(each).version == 2; });
  }});
  without.Succeed(two_.organisation, {.change_records = [this](Records& records) {
    std::erase_if(records, [&](const auto& each) { return Parsed(each).user == two_.bob.user(); });
  }});
  alice_.directory = &without;
  EXPECT_THAT(alice_.Sync(), StatusIs(Code::kUnauthenticated, HasSubstr("log_invalid: ")));
  EXPECT_THAT(alice_.Sync(), StatusIs(Code::kUnauthenticated, HasSubstr("missing from the log that follows")));
  EXPECT_EQ(Held(two_.alice, two_.bob.user())->parsed.version, 2u);
  // Bob has not seen his second version, and reads it in the former log.
  bob_.directory = &older;
  EXPECT_THAT(bob_.Sync(), StatusIs(Code::kUnauthenticated, HasSubstr("log_invalid: ")));
}

TEST_F(LogSuccession, AnOlderVersionOfSomebodyIsARollBack) {
  Append(honest_, two_.bob.user(), {&two_.bob, &bobs_ghost_});
  Succeed({.change_records = [this](Records& records) {
    std::erase_if(records, [&](const auto& each) { return Parsed(each).user == two_.bob.user() && Parsed(each).version == 2; });
  }});
  EXPECT_THAT(alice_.Sync(), StatusIs(Code::kUnauthenticated, HasSubstr("directory_rolled_back: ")));
  EXPECT_EQ(RecordsAgainst(two_.alice), 1);
}

// Tokens are drawn under the key that was in use, and no other of its epoch.
TEST_F(LogSuccession, KeysForTokensGoOn) {
  const auto key = [](uint64_t epoch, uint8_t id) {
    tlog::TokenKeyLeaf out{"directory", "member", epoch, epoch * 3600, epoch * 3600 + 3600, epoch * 3600 + 4200, {}};
    out.token_key_id.fill(id);
    return out;
  };
  for (const uint64_t epoch : {1, 2, 3}) honest_.AddTokenKey(key(epoch, static_cast<uint8_t>(epoch)));
  Device carol(two_.organisation, "carol", two_.clock, &two_.directory_key), dave(two_.organisation, "dave", two_.clock, &two_.directory_key);
  Reader known(carol, honest_, two_.clock);
  for (Reader* each : {&alice_, &bob_, &known}) ASSERT_OK(each->Sync());
  TestDirectory other(honest_), without(honest_), earlier(honest_);
  other.Succeed(two_.organisation, {.change_token_keys = [&](auto& keys) { keys[0] = key(3, 9); }});
  without.Succeed(two_.organisation, {.change_token_keys = [](auto& keys) { keys.clear(); }});
  earlier.Succeed(two_.organisation, {.change_token_keys = [&](auto& keys) { keys.insert(keys.begin(), key(2, 2)); }});
  alice_.directory = &other;
  ExpectInvalid(alice_.Sync(), "another key for tokens");
  bob_.directory = &without;
  ExpectInvalid(bob_.Sync(), "keys for tokens are missing");
  known.directory = &earlier;
  Reader anew(dave, earlier, two_.clock);
  for (Reader* each : {&known, &anew}) {
    ASSERT_OK(each->Sync());
    EXPECT_EQ(each->device.stores->log.TokenKeys()->at({"directory", "member"}), key(3, 3));
  }
}

TEST_F(LogSuccession, SomebodyElsesPlaceIsRefused) {
  Succeed({.change_place = [](std::string& user) { user = "mimi://example.org/u/decoy"; }});
  ExpectInvalid(alice_.Sync(), "");
  EXPECT_EQ(Known(alice_).number, 1u);
}

TEST_F(LogSuccession, OnlyTheRootsWordEndsALog) {
  ASSERT_OK(alice_.Sync());
  TestDirectory next(honest_);
  next.Succeed(two_.organisation);
  alice_.directory = &next;
  const testing::TestOrganisation other(two_.clock.Now());
  const auto say = [&](const directory::SignedLogSuccession& said) {
    alice_.change = [said](keys::v1::ReadLogResponse& response) { response.set_succession(ToString(directory::Encode(said))); };
  };
  const auto with = [&](const std::function<void(directory::LogSuccession&)>& change) {
    keys::v1::ReadLogRequest request;
    request.set_log(1);
    request.set_limit(1);
    const keys::v1::ReadLogResponse shown = *next.ReadLog(request);
    const auto said = *directory::ParseSignedLogSuccession(AsBytes(shown.succession()));
    directory::LogSuccession out = *directory::ParseLogSuccession(said.statement);
    change(out);
    return out;
  };
  const auto as_it_is = [](directory::LogSuccession&) {};
  say(next.SignSuccession(other, with(as_it_is)));
  ExpectInvalid(alice_.Sync(), "certificate");
  say(next.SignSuccession(two_.organisation, with(as_it_is), identity::Role::kPolicy));
  ExpectInvalid(alice_.Sync(), "not for a word about the next log");
  directory::SignedLogSuccession changed = next.SignSuccession(two_.organisation, with(as_it_is));
  changed.statement.back() ^= 1;
  say(changed);
  ExpectInvalid(alice_.Sync(), "signature");
  say(next.SignSuccession(two_.organisation, with([](auto& each) { each.number = 3; })));
  ExpectInvalid(alice_.Sync(), "not the next");
  say(next.SignSuccession(two_.organisation, with([](auto& each) { each.domain = "example.com"; })));
  ExpectInvalid(alice_.Sync(), "another organisation");
  EXPECT_EQ(Known(alice_).number, 1u);
  // Without any, whoever signs for another log is not the one that is known.
  alice_.directory = &honest_;
  alice_.change = [&](keys::v1::ReadLogResponse& response) {
    const directory::SignedWitnessPolicy policy = next.SignPolicy(two_.organisation, 2);
    response.mutable_witness_policy()->set_certificate(ToString(policy.certificate));
    response.mutable_witness_policy()->set_policy(ToString(policy.policy));
    response.mutable_witness_policy()->set_signature(ToString(policy.signature));
  };
  ExpectInvalid(alice_.Sync(), "no word of the organisation's root");
}

TEST_F(LogSuccession, TheNextLogBeginsAsTheRootSaid) {
  const auto other = crypto::VrfKeyPair::Generate();
  Succeed({.hand_over = false, .change_statement = [&](directory::LogSuccession& each) { each.vrf_key = other.public_key(); }});
  ExpectInvalid(alice_.Sync(), "does not begin as the organisation's root said");
}

// The root's word is about another history than this device has seen: the log said both.
TEST_F(LogSuccession, AnotherHistoryThatEndedIsProved) {
  for (const int more : {-1, 0, 3}) {  // than was seen
    SCOPED_TRACE(more);
    Device carol(two_.organisation, absl::StrCat("carol", more), two_.clock, &two_.directory_key);
    Reader reader(carol, honest_, two_.clock);
    TestDirectory other(honest_);
    Grow(honest_, absl::StrCat("ours", more));
    if (more < 0) Grow(honest_, "and-one");
    ASSERT_OK(reader.Sync());
    Grow(other, absl::StrCat("theirs", more));
    for (int i = 0; i < more; ++i) Grow(other, absl::StrCat("more", more, i));
    other.Succeed(two_.organisation);
    reader.directory = &other;
    ExpectSplit(reader);
    EXPECT_EQ(Known(reader).number, 1u);
  }
}

// What somebody else has seen of the former log is compared before its tree is forgotten.
TEST_F(LogSuccession, WhatOthersSawOfTheFormerLogIsCompared) {
  ASSERT_OK(bob_.Sync());
  Change change = *two_.bob.stores->store.Begin();
  EXPECT_EQ(*CompareSeen(*two_.bob.stores, *two_.bob.self, change, Heard(Known(bob_).seen.size + 2, tlog::Hash{1})), false);
  ASSERT_OK(change.Commit());
  Grow(honest_, "carol");
  Succeed();
  ExpectSplit(bob_);
}

TEST_F(LogSuccession, GossipOfTheFormerLogIsPassedOver) {
  const HeardCheckpoint larger = Heard(1000, tlog::Hash{1});
  tlog::Hash root = Known(bob_).seen.root;
  root[0] ^= 1;
  const HeardCheckpoint forked = Heard(Known(bob_).seen.size, root, 2);
  Succeed();
  ASSERT_OK(bob_.Sync());
  Change change = *two_.bob.stores->store.Begin();
  for (const HeardCheckpoint& each : {larger, forked}) EXPECT_EQ(*CompareSeen(*two_.bob.stores, *two_.bob.self, change, each), false);
  ASSERT_OK(change.Commit());
  EXPECT_THAT(*two_.bob.stores->log.Heard(), IsEmpty());
  EXPECT_OK(bob_.Sync());
}

// The root says that all of it was published, and this device has seen more: no backup was restored by its word.
TEST_F(LogSuccession, ALogThatEndsEarlierThanItWasSeenIsBehind) {
  TestDirectory restored(honest_);
  Grow(honest_, "carol");
  ASSERT_OK(alice_.Sync());
  restored.Succeed(two_.organisation);
  alice_.directory = &restored;
  EXPECT_THAT(alice_.Sync(), StatusIs(Code::kUnavailable, HasSubstr("directory_behind: ")));
  EXPECT_EQ(Known(alice_).number, 1u);
}

// A directory that was restored from a copy which lacks Bob's and Alice's last versions: in it Bob's second device is still there.
class RestoredLog : public LogSuccession {
 protected:
  RestoredLog() {
    Append(honest_, two_.bob.user(), {&two_.bob, &bobs_ghost_});
    copy_ = std::make_unique<TestDirectory>(honest_);
    Append(honest_, two_.bob.user(), {&two_.bob});
    Append(honest_, two_.alice.user(), {&two_.alice});
    Grow(honest_, "carol");
    CHECK(alice_.Sync().ok());
  }
  void Restore(NextLog choice = {}) {
    auto further = choice.change_statement;
    choice.change_statement = [further](directory::LogSuccession& each) {
      each.reason = directory::SuccessionReason::kRestored;
      if (further) further(each);
    };
    copy_->Succeed(two_.organisation, choice);
    alice_.directory = copy_.get();
    bob_.directory = copy_.get();
  }
  std::string Notice(Device& device) {
    const std::vector<Entry> all = *device.stores->history.InConversation("", 1000);
    for (const Entry& each : all) {
      if (each.detail == "directory_restored") return ToString(each.body);
    }
    return "";
  }
  std::unique_ptr<TestDirectory> copy_;
};

TEST_F(RestoredLog, WhatWasLostIsToldOnceAndCountsOn) {
  Restore();
  ASSERT_OK(alice_.Sync());
  EXPECT_EQ(Known(alice_).number, 2u);
  EXPECT_THAT(two_.alice.Texts(EntryKind::kNotice), ElementsAre("directory_restored"));
  EXPECT_THAT(Notice(two_.alice), HasSubstr("your own account, version 2; mimi://example.org/u/bob, version 3"));
  const Contact bob = *Held(two_.alice, two_.bob.user());
  EXPECT_EQ(bob.parsed.version, 3u);
  EXPECT_EQ(bob.parsed.devices.size(), 1u) << "the device that was removed stays so here";
  EXPECT_TRUE(bob.followed);
  ASSERT_OK(alice_.Sync());
  ASSERT_OK_AND_ASSIGN(const Contact asked, alice_.LookUp(two_.bob.user()));
  EXPECT_EQ(asked.parsed.devices.size(), 1u);
  EXPECT_THAT(two_.alice.Texts(EntryKind::kNotice), ElementsAre("directory_restored"));
  EXPECT_THAT(alice_.Evidence(), IsEmpty());
  EXPECT_EQ(RecordsAgainst(two_.alice), 0);
}

TEST_F(RestoredLog, KilledAtAnyPointItIsToldOnce) {
  for (int n = 0;; ++n) {
    SCOPED_TRACE(n);
    Device carol(two_.organisation, absl::StrCat("carol", n), two_.clock, &two_.directory_key);
    ASSERT_OK(Reader(carol, honest_, two_.clock).LookUp(two_.bob.user()));
    TestDirectory older(honest_);
    Append(honest_, two_.bob.user(), {&two_.bob});
    ASSERT_OK(Reader(carol, honest_, two_.clock).Sync());
    older.Succeed(two_.organisation, {.change_statement = [](auto& each) { each.reason = directory::SuccessionReason::kRestored; }});
    const bool finished = RunKilledAt(carol, n, [&] { CHECK(Reader(carol, older, two_.clock).Sync().ok()); });
    carol.Reopen();
    ASSERT_OK(Reader(carol, older, two_.clock).Sync());
    EXPECT_THAT(carol.Texts(EntryKind::kNotice), ElementsAre("directory_restored"));
    EXPECT_TRUE(Held(carol, two_.bob.user())->base);
    if (finished) break;
  }
}

TEST_F(RestoredLog, WhatIsSaidAfterwardsCounts) {
  Restore();
  ASSERT_OK(alice_.Sync());
  Append(*copy_, two_.bob.user(), {&two_.bob});
  Append(*copy_, two_.alice.user(), {&two_.alice, &ghost_});
  ASSERT_OK(alice_.Sync());
  const Contact bob = *Held(two_.alice, two_.bob.user());
  EXPECT_EQ(bob.parsed.version, 3u);
  EXPECT_EQ(ToString(bob.record), copy_->LookUp(two_.bob.user()).record().record());
  EXPECT_FALSE(bob.base);
  EXPECT_EQ(Held(two_.alice, two_.alice.user())->parsed.devices.size(), 2u);
  EXPECT_THAT(two_.alice.Texts(EntryKind::kNotice), ElementsAre("directory_restored", "own_device_added"));
  EXPECT_EQ(RecordsAgainst(two_.alice), 0);
}

// Also if the first that is read of it has more than the copy had.
TEST_F(RestoredLog, WhatWasSaidBeforeItWasReadCountsToo) {
  Restore();
  for (int i = 0; i < 3; ++i) Append(*copy_, two_.bob.user(), {&two_.bob});
  Append(*copy_, two_.alice.user(), {&two_.alice});
  ASSERT_OK(alice_.Sync());
  EXPECT_EQ(Held(two_.alice, two_.bob.user())->parsed.version, 5u);
  EXPECT_EQ(Held(two_.alice, two_.alice.user())->parsed.version, 2u);
  EXPECT_FALSE(Held(two_.alice, two_.alice.user())->base);
}

TEST_F(RestoredLog, WhoHasSeenNoMoreIsToldNothing) {
  Restore();
  ASSERT_OK(bob_.Sync());
  EXPECT_EQ(Known(bob_).number, 2u);
  EXPECT_EQ(Notice(two_.bob), "");
  EXPECT_FALSE(Held(two_.bob, two_.bob.user())->base);
  EXPECT_EQ(Held(two_.bob, two_.bob.user())->parsed.devices.size(), 2u);
}

TEST_F(RestoredLog, AnotherHistoryIsNoCopy) {
  Append(*copy_, two_.bob.user(), {&two_.bob, &bobs_ghost_});
  ASSERT_LT(copy_->size(), honest_.size());
  Restore();
  ExpectSplit(alice_);
}

TEST_F(RestoredLog, WhatEntersIsWhatTheCopyHad) {
  Restore({.change_records = [this](Records& records) {
    for (keys::v1::SignedRecord& each : records) {
      if (Parsed(each).user == two_.bob.user() && Parsed(each).version == 2) each = Renamed(each);
    }
  }});
  EXPECT_THAT(alice_.Sync(), StatusIs(Code::kUnauthenticated, HasSubstr("directory_contradicts: ")));
  EXPECT_EQ(RecordsAgainst(two_.alice), 1);
}

TEST_F(RestoredLog, LessThanTheCopyHadIsARollBack) {
  Restore({.change_records = [this](Records& records) {
    std::erase_if(records, [&](const auto& each) { return Parsed(each).user == two_.bob.user() && Parsed(each).version == 2; });
  }});
  EXPECT_THAT(alice_.Sync(), StatusIs(Code::kUnauthenticated, HasSubstr("directory_rolled_back: ")));
  EXPECT_EQ(RecordsAgainst(two_.alice), 1);
}

// What comes after the copy's version has to follow that one.
TEST_F(RestoredLog, WhatIsSaidAfterwardsFollowsTheCopy) {
  const keys::v1::SignedRecord lost = honest_.LookUp(two_.bob.user()).record();
  Restore();
  ASSERT_OK(alice_.Sync());
  identity::DirectoryRecord record = Parsed(lost);
  record.previous_hash[0] ^= 1;
  keys::v1::SignedRecord other = lost;
  other.set_record(ToString(identity::Encode(record)));
  other.set_signature(ToString(two_.directory_key.Sign(identity::kDirectoryRecordLabel, AsBytes(other.record()))));
  copy_->Append(other);
  EXPECT_THAT(alice_.Sync(), StatusIs(Code::kUnauthenticated, HasSubstr("directory_contradicts: ")));
}

TEST_F(RestoredLog, WhoIsNotFollowedAnyMoreIsLookedUpAnew) {
  Restore({.hand_over = false});
  ASSERT_OK(alice_.Sync());
  EXPECT_FALSE(Follows(two_.alice, two_.bob.user()));
  ASSERT_OK_AND_ASSIGN(const Contact bob, alice_.LookUp(two_.bob.user()));
  EXPECT_EQ(bob.parsed.devices.size(), 1u) << "the device that was removed stays so here";
  EXPECT_TRUE(Follows(two_.alice, two_.bob.user()));
  EXPECT_EQ(RecordsAgainst(two_.alice), 0);
}

// Of somebody who was not followed nobody can say what the copy has; the directory does, when it is asked.
TEST_F(RestoredLog, WhoWasNotFollowedIsHeldToo) {
  Change change = *two_.alice.stores->store.Begin();
  ASSERT_OK(two_.alice.stores->contacts.SetPlace(change, two_.bob.user(), std::nullopt));
  ASSERT_OK(change.Commit());
  Restore();
  ASSERT_OK(alice_.Sync());
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const Contact bob, alice_.LookUp(two_.bob.user()));
    EXPECT_EQ(bob.parsed.version, 3u);
    EXPECT_EQ(bob.parsed.devices.size(), 1u) << "the device that was removed stays so here";
  }
  Append(*copy_, two_.bob.user(), {&two_.bob, &bobs_ghost_});
  ASSERT_OK(alice_.Sync());
  EXPECT_EQ(Held(two_.alice, two_.bob.user())->parsed.devices.size(), 2u) << "a newer version says so";
  EXPECT_EQ(RecordsAgainst(two_.alice), 0);
}

// The copy does not know which numbers of policies were used since.
TEST_F(RestoredLog, ItsPolicyHoldsOverThoseOfTheFormerLog) {
  for (int i = 0; i < 2; ++i) honest_.Rotate(two_.organisation, /*both=*/false);
  ASSERT_OK(alice_.Sync());
  EXPECT_EQ(*alice_.log.PolicyNumber(), 3u);
  Restore();
  ASSERT_OK(alice_.Sync());
  EXPECT_EQ(*alice_.log.PolicyNumber(), 2u);
  EXPECT_EQ(Known(alice_).number, 2u);
}

// A person who is in the copy not at all.
TEST_F(RestoredLog, WhoIsLostAltogetherIsUnknown) {
  Device dave(two_.organisation, "dave", two_.clock, &two_.directory_key);
  Append(honest_, dave.user(), {&dave});
  ASSERT_OK(alice_.LookUp(dave.user()));
  Restore();
  ASSERT_OK(alice_.Sync());
  EXPECT_THAT(Notice(two_.alice), HasSubstr("mimi://example.org/u/dave, version 1"));
  EXPECT_THAT(alice_.LookUp(dave.user()), StatusIs(Code::kNotFound, HasSubstr("unknown_user")));
  Append(*copy_, dave.user(), {&dave});
  EXPECT_OK(alice_.LookUp(dave.user()));
}

}  // namespace
}  // namespace plumbline::client
