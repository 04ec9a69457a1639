// A directory that cheats, and what its people notice: each lie is found by the reader it is told to, or by the first message
// between two who were told different things; what proves it, anybody can check. In one file: every lie is told to the same two people.
#include "client/transparency.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "client/directory.h"
#include "common/identity/labels.h"
#include "common/tlog/equivocation.h"
#include "common/tlog/fork.h"
#include "tests/client/split_view.h"

namespace plumbline::client {
namespace {

using plumbline::testing::StatusIs;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Code = absl::StatusCode;

TEST_F(SplitView, AnHonestDirectoryIsFollowedWithoutBeingAskedAgain) {
  ASSERT_OK(bob_.LookUp(two_.alice.user()));
  Append(honest_, two_.alice.user(), {&two_.alice, &ghost_});
  for (int i = 0; i < 5; ++i) Grow(honest_, "somebody" + std::to_string(i));
  const int asked = honest_.look_ups;
  ASSERT_OK(bob_.Sync());
  ASSERT_OK_AND_ASSIGN(const std::optional<Contact> alice, two_.bob.stores->contacts.Find(two_.alice.user()));
  EXPECT_EQ(alice->parsed.devices.size(), 2u);
  EXPECT_TRUE(alice->proved);
  EXPECT_EQ(honest_.look_ups, asked);
}

TEST_F(SplitView, PagesAndOneReadGiveTheSame) {
  for (int i = 0; i < 20; ++i) Grow(honest_, "somebody" + std::to_string(i));
  honest_.page = 3;
  ASSERT_OK(alice_.Sync());
  honest_.page = 10'000;
  ASSERT_OK(bob_.Sync());
  EXPECT_EQ(two_.alice.stores->log.Get()->value().seen, two_.bob.stores->log.Get()->value().seen);
}

TEST_F(SplitView, AGhostDeviceOfOnesOwnIsAnAlarmAtOnce) {
  ASSERT_OK(alice_.LookUp(two_.alice.user()));
  Append(honest_, two_.alice.user(), {&two_.alice, &ghost_});
  ASSERT_OK(alice_.Sync());
  EXPECT_THAT(two_.alice.Texts(EntryKind::kNotice), ElementsAre("own_device_added"));
}

// Added, used, removed again: the newest record alone would not show it.
TEST_F(SplitView, AGhostDeviceThatCameAndWentIsAnAlarmToo) {
  ASSERT_OK(alice_.LookUp(two_.alice.user()));
  Append(honest_, two_.alice.user(), {&two_.alice, &ghost_});
  Append(honest_, two_.alice.user(), {&two_.alice});
  ASSERT_OK(alice_.Sync());
  EXPECT_THAT(two_.alice.Texts(EntryKind::kNotice), ElementsAre("own_device_added", "own_device_removed"));
}

// The owner's own decision, which the key server answered before the witnesses had seen it, hides nothing that came before it.
TEST_F(SplitView, AGhostDeviceThatHidBehindOnesOwnDecisionIsAnAlarmToo) {
  ASSERT_OK(alice_.LookUp(two_.alice.user()));
  Append(honest_, two_.alice.user(), {&two_.alice, &ghost_});
  Append(honest_, two_.alice.user(), {&two_.alice});
  Device telephone{two_.organisation, "alice", two_.clock, &two_.directory_key};
  const keys::v1::SignedRecord approved = Next(honest_, two_.alice.user(), {&two_.alice, &telephone});
  ASSERT_OK(alice_.book.Accept(approved, two_.alice.user(), std::nullopt, telephone.self->device()));
  EXPECT_THAT(two_.alice.Texts(EntryKind::kNotice), IsEmpty());
  honest_.Append(approved);
  ASSERT_OK(alice_.Sync());
  EXPECT_THAT(two_.alice.Texts(EntryKind::kNotice), ElementsAre("own_device_added", "own_device_removed"));
  Append(honest_, two_.alice.user(), {&two_.alice});
  ASSERT_OK(alice_.Sync());
  EXPECT_THAT(two_.alice.Texts(EntryKind::kNotice), ElementsAre("own_device_added", "own_device_removed", "own_device_removed"));
}

// Between enrolment and the first reading nothing was followed: that there was something is said.
TEST_F(SplitView, WhatWasBeforeTheFirstReadingIsNotPassedOver) {
  const keys::v1::LookUpResponse enrolled = honest_.LookUp(two_.alice.user());
  ASSERT_OK(alice_.book.Accept(enrolled.record(), two_.alice.user(), std::nullopt));
  Append(honest_, two_.alice.user(), {&two_.alice, &ghost_});
  Append(honest_, two_.alice.user(), {&two_.alice});
  ASSERT_OK(alice_.LookUp(two_.alice.user()));
  EXPECT_THAT(two_.alice.Texts(EntryKind::kNotice), ElementsAre("own_history_unseen"));
  ASSERT_OK(alice_.LookUp(two_.alice.user()));
  EXPECT_THAT(two_.alice.Texts(EntryKind::kNotice), ElementsAre("own_history_unseen"));
}

TEST_F(SplitView, AVersionOfOnesOwnThatIsKeptBackStopsTheSync) {
  ASSERT_OK(alice_.LookUp(two_.alice.user()));
  Append(honest_, two_.alice.user(), {&two_.alice, &ghost_});
  Append(honest_, two_.alice.user(), {&two_.alice});
  alice_.change = [](keys::v1::ReadLogResponse& r) {
    ASSERT_EQ(r.leaves_size(), 4);
    r.mutable_leaves(0)->clear_sealed();
  };
  ExpectInvalid(alice_.Sync(), "of your own record is kept back");
}

// Her certificate ended: what she is shown of herself is not to be used, but what comes is still watched.
TEST_F(SplitView, OnesOwnRecordIsFollowedWhateverBecameOfItsCertificates) {
  ASSERT_OK(alice_.LookUp(two_.alice.user()));
  keys::v1::SignedRecord broken = Next(honest_, two_.alice.user(), {&two_.alice, &ghost_});
  broken.set_credentials(0, "");
  honest_.Append(broken);
  ASSERT_OK(alice_.Sync());
  EXPECT_THAT(two_.alice.Texts(EntryKind::kNotice), ElementsAre("own_device_added"));
  EXPECT_TRUE(Held(two_.alice, two_.alice.user())->followed);
  Append(honest_, two_.alice.user(), {&two_.alice});
  ASSERT_OK(alice_.Sync());
  EXPECT_THAT(two_.alice.Texts(EntryKind::kNotice), ElementsAre("own_device_added", "own_device_removed"));
}

// The record that Bob is shown has another key for Alice. In the one log it would be seen by her; beside the log nothing proves it.
TEST_F(SplitView, ASwappedKeyIsNotProved) {
  bob_.change_answer = [&](keys::v1::LookUpResponse& response) {
    *response.mutable_record() = Next(honest_, two_.alice.user(), {&ghost_});
  };
  EXPECT_THAT(bob_.LookUp(two_.alice.user()).status(), StatusIs(Code::kUnauthenticated, HasSubstr("not the one that was proved")));
  bob_.change_answer = [&](keys::v1::LookUpResponse& response) { response = honest_.LookUp(two_.bob.user()); };
  EXPECT_THAT(bob_.LookUp(two_.alice.user()).status(), StatusIs(Code::kUnauthenticated, HasSubstr("log_invalid: ")));
  for (const size_t size : {0, 31, 33}) {
    bob_.change_answer = [&](keys::v1::LookUpResponse& response) { response.set_follow_key(std::string(size, 'x')); };
    EXPECT_THAT(bob_.LookUp(two_.alice.user()).status(), StatusIs(Code::kUnauthenticated, HasSubstr("record_invalid: ")));
  }
  bob_.change_answer = [&](keys::v1::LookUpResponse& response) { response.clear_answer(); };
  EXPECT_THAT(bob_.LookUp(two_.alice.user()).status(), StatusIs(Code::kUnauthenticated, HasSubstr("log_invalid: ")));
  EXPECT_EQ(*two_.bob.stores->contacts.Find(two_.alice.user()), std::nullopt);
  bob_.change_answer = nullptr;
  EXPECT_OK(bob_.LookUp(two_.alice.user()));
}

TEST_F(SplitView, NobodyIsProvedToBeNobody) {
  EXPECT_THAT(bob_.LookUp("mimi://example.org/u/nobody").status(), StatusIs(Code::kNotFound, HasSubstr("unknown_user: ")));
  Grow(honest_, "invited");
  EXPECT_THAT(bob_.LookUp("mimi://example.org/u/invited").status(), StatusIs(Code::kNotFound, HasSubstr("unknown_user: ")));
  // Alice is hidden from Bob: that she is nobody cannot be proved.
  bob_.change_answer = [&](keys::v1::LookUpResponse& response) { response = honest_.LookUp("mimi://example.org/u/nobody"); };
  EXPECT_THAT(bob_.LookUp(two_.alice.user()).status(), StatusIs(Code::kUnauthenticated, HasSubstr("log_invalid: ")));
}

// Two logs from one beginning, and two people in each other's sight.
TEST_F(SplitView, WhoWasToldSomethingElseIsFoundOutByTheNextMessage) {
  ASSERT_OK(alice_.Sync());
  ASSERT_OK(bob_.Sync());
  TestDirectory other(honest_);
  Append(other, two_.alice.user(), {&ghost_});  // for Bob, Alice has other keys
  Grow(honest_, "carol");
  bob_.directory = &other;
  ASSERT_OK(alice_.Sync());
  ASSERT_OK(bob_.LookUp(two_.alice.user()));  // he believes it: it is proved, and in a log that was witnessed
  const absl::Time start = absl::Now();
  GiveTo(two_.bob, two_.Say(two_.alice, two_.bob.user(), "hello"));
  const absl::Duration took = absl::Now() - start;
  EXPECT_THAT(two_.bob.Texts(EntryKind::kNotice), Contains("directory_split"));
  EXPECT_THAT(two_.bob.Texts(), ElementsAre("hello"));
  ExpectSplit(bob_);
  std::printf("two views of one directory: found by 1 message, %lld ms from writing it\n",
              static_cast<long long>(absl::ToInt64Milliseconds(took)));
  // For good, and over a restart.
  two_.bob.Reopen();
  EXPECT_EQ(two_.bob.stores->log.Evidence()->size(), 1u);
}

// Whoever is behind finds out as soon as the directory shows them as much as it showed the other.
TEST_F(SplitView, AReaderThatIsBehindFindsOutWithTheNextSync) {
  ASSERT_OK(bob_.Sync());
  TestDirectory other(honest_);
  for (int i = 0; i < 3; ++i) Grow(other, "somebody" + std::to_string(i));
  alice_.directory = &other;
  ASSERT_OK(alice_.Sync());
  GiveTo(two_.bob, two_.Say(two_.alice, two_.bob.user(), "hello"));
  EXPECT_THAT(two_.bob.Texts(EntryKind::kNotice), Not(Contains("directory_split")));
  EXPECT_OK(bob_.Sync());  // nothing new yet
  for (int i = 0; i < 4; ++i) Grow(honest_, "person" + std::to_string(i));
  ExpectSplit(bob_);
}

TEST_F(SplitView, WhatIsKeptBackIsSaid) {
  TestDirectory before(honest_);
  bob_.directory = &before;
  Grow(honest_, "carol");
  ASSERT_OK(alice_.Sync());
  ASSERT_OK(bob_.Sync());
  GiveTo(two_.bob, two_.Say(two_.alice, two_.bob.user(), "hello"));
  EXPECT_OK(bob_.Sync());
  two_.clock.Advance(kWithheldPatience + absl::Seconds(1));
  before.Publish();
  EXPECT_THAT(bob_.Sync(), StatusIs(Code::kUnavailable, HasSubstr("directory_behind: ")));
  bob_.directory = &honest_;
  honest_.Publish();
  EXPECT_OK(bob_.Sync());
  EXPECT_THAT(bob_.Evidence(), IsEmpty());
}

TEST_F(SplitView, AClaimThatTheLogDidNotSignSaysNothing) {
  ASSERT_OK(bob_.Sync());
  Change change = *two_.bob.stores->store.Begin();
  HeardCheckpoint heard{two_.alice.self->device(), two_.alice.user(), bob_.device.stores->log.Get()->value().seen, two_.clock.Now()};
  EXPECT_EQ(*CompareSeen(*two_.bob.stores, *two_.bob.self, change, heard), false);
  heard.seen.root[0] ^= 1;
  EXPECT_EQ(*CompareSeen(*two_.bob.stores, *two_.bob.self, change, heard), false);
  heard.seen.size = 0;
  EXPECT_EQ(*CompareSeen(*two_.bob.stores, *two_.bob.self, change, heard), false);
  heard.seen.size = UINT64_MAX;
  EXPECT_EQ(*CompareSeen(*two_.bob.stores, *two_.bob.self, change, heard), false);
  EXPECT_THAT(bob_.Evidence(), IsEmpty());
  EXPECT_THAT(*two_.bob.stores->log.Heard(), IsEmpty());
}

// Not even where the log signs nonsense: no such tree is compared, waited for or held against it.
TEST_F(SplitView, ATreeThatCannotBeSaysNothing) {
  ASSERT_OK(bob_.Sync());
  tlog::Hash root{};
  Change change = *two_.bob.stores->store.Begin();
  for (const uint64_t size : {uint64_t{0}, tlog::kMaxSize + 1, uint64_t{1} << 63, UINT64_MAX}) {
    SCOPED_TRACE(size);
    const absl::StatusOr<bool> split = CompareSeen(*two_.bob.stores, *two_.bob.self, change, Heard(size, root));
    ASSERT_OK(split);
    EXPECT_FALSE(*split);
  }
  ASSERT_OK(change.Commit());
  EXPECT_THAT(bob_.Evidence(), IsEmpty());
  ASSERT_OK(two_.bob.stores->log.Heard());
  EXPECT_THAT(*two_.bob.stores->log.Heard(), IsEmpty());
}

TEST_F(SplitView, OfWhatADeviceSaysTheLargestIsKept) {
  LogStore& log = two_.bob.stores->log;
  tlog::Hash root{};
  Change change = *two_.bob.stores->store.Begin();
  for (const uint64_t size : {100, 300, 200}) ASSERT_OK(log.AddHeard(change, Heard(size, root)));
  ASSERT_OK(log.AddHeard(change, Heard(50, root, /*device=*/2)));
  const auto heard = log.Heard();
  ASSERT_OK(heard);
  std::vector<uint64_t> sizes;
  for (const HeardCheckpoint& each : *heard) sizes.push_back(each.seen.size);
  EXPECT_THAT(sizes, ElementsAre(50, 300));
  HeardCheckpoint device;
  device.device.fill(1);
  ASSERT_OK(log.RemoveHeard(change, device.device));
  ASSERT_EQ(log.Heard()->size(), 1u);
  EXPECT_EQ(log.Heard()->at(0).seen.size, 50u);
}

// What was compared is done with: it is not asked about again, and its time does not run out.
TEST_F(SplitView, WhatWasComparedIsForgotten) {
  ASSERT_OK(bob_.Sync());
  Grow(honest_, "carol");
  ASSERT_OK(alice_.Sync());
  GiveTo(two_.bob, two_.Say(two_.alice, two_.bob.user(), "hello"));
  EXPECT_EQ(two_.bob.stores->log.Heard()->size(), 1u);
  EXPECT_OK(bob_.Sync());
  EXPECT_THAT(*two_.bob.stores->log.Heard(), IsEmpty());
}

// One liar among those that are heard is enough, whatever the others say.
TEST_F(SplitView, OneDeviceThatSawAnotherLogIsEnough) {
  ASSERT_OK(bob_.Sync());
  const uint64_t size = two_.bob.stores->log.Get()->value().seen.size;
  Grow(honest_, "carol");
  const tlog::Checkpoint now = *tlog::OpenCheckpoint(honest_.note(), honest_.log_key());
  tlog::Hash other = now.root;
  other[0] ^= 1;
  Change change = *two_.bob.stores->store.Begin();
  EXPECT_EQ(*CompareSeen(*two_.bob.stores, *two_.bob.self, change, Heard(size + 1, other, 1)), false);
  EXPECT_EQ(*CompareSeen(*two_.bob.stores, *two_.bob.self, change, Heard(now.size, now.root, 2)), false);
  ASSERT_OK(change.Commit());
  ExpectSplit(bob_);
}

TEST_F(SplitView, AForkIsFoundByTheReaderItIsShownTo) {
  TestDirectory other(honest_);
  Grow(honest_, "carol");
  ASSERT_OK(alice_.Sync());
  for (int i = 0; i < 3; ++i) Grow(other, "somebody" + std::to_string(i));
  alice_.directory = &other;
  ExpectSplit(alice_);
}

// What does not fit is read anew, and by then the server shows another tree of just the size that this device has.
TEST_F(SplitView, TwoRootsOfOneSizeAreFoundInTheSecondReading) {
  TestDirectory other(honest_);
  Grow(honest_, "carol");
  Grow(other, "dave");
  TestDirectory larger(other);
  Grow(larger, "erin");
  ASSERT_OK(alice_.Sync());
  alice_.directory = &larger;
  alice_.change = [&](keys::v1::ReadLogResponse&) { alice_.directory = &other; };
  ExpectSplit(alice_);
}

TEST_F(SplitView, TwoRootsOfOneSizeAreFound) {
  TestDirectory other(honest_);
  Grow(honest_, "carol");
  Grow(other, "dave");
  ASSERT_OK(alice_.Sync());
  alice_.directory = &other;
  ExpectSplit(alice_);
}

TEST_F(SplitView, AForkThatIsShorterIsFoundToo) {
  TestDirectory other(honest_);
  Grow(other, "dave");
  for (int i = 0; i < 3; ++i) Grow(honest_, "somebody" + std::to_string(i));
  ASSERT_OK(alice_.Sync());
  alice_.directory = &other;
  ExpectSplit(alice_);
}

TEST_F(SplitView, ALogThatIsRolledBackIsNotRead) {
  TestDirectory before(honest_);
  Append(honest_, two_.alice.user(), {});  // a revocation
  ASSERT_OK(bob_.LookUp(two_.alice.user()));
  bob_.directory = &before;
  EXPECT_THAT(bob_.Sync(), StatusIs(Code::kUnavailable, HasSubstr("directory_behind: ")));
  EXPECT_THAT(bob_.LookUp(two_.alice.user()).status(), StatusIs(Code::kUnavailable, HasSubstr("directory_behind: ")));
  bob_.directory = &honest_;
  before.Publish();
  bob_.change_answer = [&](keys::v1::LookUpResponse& response) { response = before.LookUp(two_.alice.user()); };
  EXPECT_THAT(bob_.LookUp(two_.alice.user()).status(), StatusIs(Code::kUnavailable, HasSubstr("directory_behind: ")));
  EXPECT_THAT(bob_.Evidence(), IsEmpty());
}

TEST_F(SplitView, AnAnswerOfAnotherLogIsASplit) {
  TestDirectory other(honest_);
  Append(other, two_.alice.user(), {&ghost_});
  Append(honest_, two_.alice.user(), {&two_.alice});
  bob_.change_answer = [&](keys::v1::LookUpResponse& response) { response = other.LookUp(two_.alice.user()); };
  EXPECT_THAT(bob_.LookUp(two_.alice.user()).status(), StatusIs(Code::kFailedPrecondition, HasSubstr("directory_split: ")));
  ExpectSplit(bob_);
}

// The same tree, and what its witnesses said of it two days ago.
TEST_F(SplitView, AnAnswerGetsOldToo) {
  const keys::v1::LookUpResponse old = honest_.LookUp(two_.alice.user());
  two_.clock.Advance(2 * kOldestCheckpoint);
  honest_.Publish();
  bob_.change_answer = [&](keys::v1::LookUpResponse& response) { response = old; };
  EXPECT_OK(bob_.Sync());
  EXPECT_THAT(bob_.LookUp(two_.alice.user()).status(), StatusIs(Code::kUnavailable, HasSubstr("directory_stale: ")));
  bob_.change_answer = nullptr;
  EXPECT_OK(bob_.LookUp(two_.alice.user()));
}

TEST_F(SplitView, NoAnswerIsCheckedBeforeTheLogWasRead) {
  EXPECT_THAT(bob_.log.Check(AsBytes(honest_.LookUp(two_.alice.user()).answer()), two_.alice.user()).status(), StatusIs(Code::kAborted));
  EXPECT_EQ(*bob_.log.Age(), std::nullopt);
}

TEST_F(SplitView, ACheckpointThatItsWitnessesDoNotVouchForIsOld) {
  ASSERT_OK(bob_.Sync());
  KnownLog log = **two_.bob.stores->log.Get();
  log.checkpoint.resize(log.checkpoint.rfind("\xe2\x80\x94"));
  Change change = *two_.bob.stores->store.Begin();
  ASSERT_OK(two_.bob.stores->log.Set(change, log));
  ASSERT_OK(change.Commit());
  EXPECT_EQ(**bob_.log.Age(), absl::InfiniteDuration());
}

TEST_F(SplitView, ACheckpointGetsOld) {
  ASSERT_OK(bob_.Sync());
  EXPECT_EQ(**bob_.log.Age(), absl::ZeroDuration());
  two_.clock.Advance(kOldestCheckpoint);
  EXPECT_OK(bob_.Sync());  // it says so, and goes on
  EXPECT_EQ(**bob_.log.Age(), kOldestCheckpoint);
  two_.clock.Advance(absl::Seconds(1));
  EXPECT_THAT(bob_.Sync(), StatusIs(Code::kUnavailable, HasSubstr("directory_stale: ")));
  EXPECT_THAT(bob_.LookUp(two_.alice.user()).status(), StatusIs(Code::kUnavailable, HasSubstr("directory_stale: ")));
  honest_.Publish();
  EXPECT_OK(bob_.Sync());
}

TEST_F(SplitView, WhatIsNotTheLogIsRefused) {
  Grow(honest_, "carol");
  const auto with = [&](const std::function<void(keys::v1::ReadLogResponse&)>& change) {
    alice_.change = change;
    return alice_.Sync();
  };
  ExpectInvalid(with([](auto& r) { r.clear_leaves(); }), "kept back");
  ExpectInvalid(with([](auto& r) { r.mutable_leaves()->RemoveLast(); if (r.leaves().empty()) r.clear_leaves(); }), "");
  ExpectInvalid(with([](auto& r) { *r.add_leaves() = r.leaves(0); }), "more leaves");
  ExpectInvalid(with([](auto& r) { r.mutable_leaves()->SwapElements(1, 2); }), "not those that it signed");
  ExpectInvalid(with([](auto& r) { (*r.mutable_leaves(2)->mutable_leaf())[9] ^= 1; }), "");
  ExpectInvalid(with([](auto& r) { r.mutable_leaves()->SwapElements(0, 1); }), "another organisation's");
  ExpectInvalid(with([](auto& r) { r.clear_checkpoint(); }), "");
  ExpectInvalid(with([](auto& r) { r.clear_witness_policy(); }), "no word of the organisation's root");
  ExpectInvalid(with([](auto& r) { (*r.mutable_witness_policy()->mutable_signature())[3] ^= 1; }), "signature does not verify");
  // The log's own signature without its witness's.
  ExpectInvalid(with([](auto& r) {
                  const std::string note = r.checkpoint();
                  r.set_checkpoint(note.substr(0, note.rfind("\xe2\x80\x94")));
                }),
                "did not cosign");
  EXPECT_EQ(*two_.alice.stores->log.Get(), std::nullopt);
  EXPECT_OK(with(nullptr));
}

// Under the log's own key and its witness, but begun by somebody else.
TEST_F(SplitView, ALogOfAnotherBeginningIsRefused) {
  const auto with = [&](const std::function<void(tlog::GenesisLeaf&)>& change) {
    std::vector<Bytes> leaves = Leaves();
    tlog::GenesisLeaf genesis = std::get<tlog::GenesisLeaf>(*tlog::ParseDirectoryLeaf(leaves[0]));
    change(genesis);
    leaves[0] = tlog::Encode(genesis);
    Show(alice_, leaves);
    return alice_.Sync();
  };
  ExpectInvalid(with([](auto& g) { g.origin = "example.org/other"; }), "another organisation's");
  ExpectInvalid(with([](auto& g) { g.authority[0] ^= 1; }), "another organisation's");
  std::vector<Bytes> headless = Leaves();
  headless.erase(headless.begin());
  Show(alice_, headless);
  ExpectInvalid(alice_.Sync(), "another organisation's");
  EXPECT_OK(with([](auto&) {}));
}

// One key for each purpose and epoch, for everybody: a second one, or many small epochs, would tell people apart.
TEST_F(SplitView, KeysForTokensAreTakenOneAfterTheOtherAndNoOther) {
  ASSERT_OK(alice_.Sync());
  const auto key = [](const std::string& purpose, uint64_t epoch, uint64_t opens, uint8_t id = 1) {
    return tlog::Encode(tlog::TokenKeyLeaf{purpose, "member", epoch, opens, opens + 3600, opens + 4200, tlog::Hash{id}});
  };
  const auto shown = [&](const std::vector<Bytes>& more) {
    std::vector<Bytes> leaves = Leaves();
    leaves.insert(leaves.end(), more.begin(), more.end());
    Show(alice_, leaves);
    return alice_.Sync();
  };
  constexpr char kWhy[] = "a token key does not follow the one before it";
  const Bytes first = key("delivery", 1, 1000), other = key("directory", 1, 1000);
  ExpectInvalid(shown({key("delivery", 2, 1000)}), kWhy);
  ExpectInvalid(shown({first, key("delivery", 1, 1000, 2)}), kWhy);
  EXPECT_TRUE(two_.alice.stores->log.TokenKeys()->empty());
  ASSERT_OK(shown({first, other}));
  // From what is stored on, it is the same.
  ExpectInvalid(shown({first, other, key("delivery", 1, 9000, 2)}), kWhy);
  ExpectInvalid(shown({first, other, key("delivery", 2, 1059)}), kWhy);
  ExpectInvalid(shown({first, other, key("delivery", 3, 9000)}), kWhy);
  ASSERT_OK(shown({first, other, key("delivery", 2, 1060)}));
  const tlog::TokenKeys known = *two_.alice.stores->log.TokenKeys();
  ASSERT_EQ(known.size(), 2u);
  EXPECT_EQ(known.at({"delivery", "member"}).epoch, 2u);
  EXPECT_EQ(known.at({"directory", "member"}).epoch, 1u);
}

// What does not fit is no proof by itself: the log, read again from its beginning, has to hold another tree.
TEST_F(SplitView, WhatIsOnlyShownWronglyIsNoSplit) {
  ASSERT_OK(alice_.Sync());
  Grow(honest_, "carol");
  Grow(honest_, "dave");
  const auto spoil = [](keys::v1::ReadLogResponse& r) { r.mutable_leaves()->rbegin()->mutable_leaf()->back() ^= 1; };
  constexpr char kWhy[] = "not those that it signed";
  int reads = 0;
  alice_.change = spoil;
  ExpectInvalid(alice_.Sync(), kWhy);
  alice_.change = [&](keys::v1::ReadLogResponse& r) {
    if (reads++ == 0) spoil(r);
  };
  ExpectInvalid(alice_.Sync(), kWhy);
  EXPECT_EQ(reads, 2);
  // The second time it is smaller than what is known.
  reads = 0;
  const std::vector<Bytes> leaves = Leaves();
  const std::vector<Bytes> fewer(leaves.begin(), leaves.begin() + 4);
  alice_.change = [&](keys::v1::ReadLogResponse& r) {
    if (reads++ == 0) return spoil(r);
    r.clear_leaves();
    for (const Bytes& leaf : fewer) r.add_leaves()->set_leaf(ToString(leaf));
    r.set_checkpoint(NoteOver(fewer));
  };
  ExpectInvalid(alice_.Sync(), kWhy);
  EXPECT_EQ(reads, 2);
  alice_.change = nullptr;
  EXPECT_OK(alice_.Sync());
  // Whoever knows nothing yet has nothing to hold against it.
  reads = 0;
  bob_.change = [&](keys::v1::ReadLogResponse& r) {
    if (reads++ == 0) spoil(r);
  };
  ExpectInvalid(bob_.Sync(), kWhy);
  EXPECT_THAT(bob_.Evidence(), IsEmpty());
  EXPECT_OK(bob_.Sync());
}

TEST_F(SplitView, ALeafThatCannotBeReadIsRefused) {
  ASSERT_OK(bob_.LookUp(two_.alice.user()));
  std::vector<Bytes> leaves = Leaves();
  leaves.push_back({1, 2, 3});
  Show(bob_, leaves);
  ExpectInvalid(bob_.Sync(), "");
  bob_.change = nullptr;
  EXPECT_OK(bob_.Sync());
}

// What an older version named may have ended long ago: only the newest is read, and what was shown of it stays with its person.
TEST_F(SplitView, OfOnePersonOnlyTheNewestIsRead) {
  ASSERT_OK(bob_.LookUp(two_.alice.user()));
  keys::v1::SignedRecord passed = Next(honest_, two_.alice.user(), {&two_.alice, &ghost_});
  passed.set_credentials(0, "");  // as of a device whose certificate was not kept
  honest_.Append(passed);
  Append(honest_, two_.alice.user(), {&two_.alice});
  ASSERT_OK(bob_.Sync());
  const std::optional<Contact> alice = Held(two_.bob, two_.alice.user());
  EXPECT_EQ(alice->parsed.version, 3u);
  EXPECT_TRUE(alice->proved);
  EXPECT_TRUE(alice->followed);
}

// Nothing is read of an erased person: whoever needs them asks.
TEST_F(SplitView, WhoWasErasedIsFollowedNoMore) {
  ASSERT_OK(bob_.LookUp(two_.alice.user()));
  EXPECT_TRUE(Held(two_.bob, two_.alice.user())->followed);
  Append(honest_, two_.alice.user(), {});
  honest_.Erase(two_.alice.user());
  ASSERT_OK(bob_.Sync());
  EXPECT_FALSE(Held(two_.bob, two_.alice.user())->followed);
  EXPECT_EQ(Held(two_.bob, two_.alice.user())->parsed.version, 1u);
}

// Sealed to those who follow her, and not what the log committed to.
TEST_F(SplitView, ARecordBesideItsCommitmentIsRefused) {
  ASSERT_OK(bob_.LookUp(two_.alice.user()));
  const keys::v1::SignedRecord swapped = Next(honest_, two_.alice.user(), {&ghost_});
  Append(honest_, two_.alice.user(), {&two_.alice, &ghost_});
  const Secret key = Secret::CopyOf(AsBytes(honest_.LookUp(two_.alice.user()).follow_key()));
  bob_.change = [&](keys::v1::ReadLogResponse& r) {
    for (auto& leaf : *r.mutable_leaves()) {
      absl::StatusOr<directory::Followed> opened = directory::OpenFollowed(AsBytes(leaf.sealed()), key, AsBytes(leaf.leaf()));
      if (!opened.ok()) continue;
      opened->record = ToBytes(AsBytes(swapped.record()));
      opened->signature = ToBytes(AsBytes(swapped.signature()));
      opened->credentials = {ToBytes(AsBytes(swapped.credentials(0)))};
      leaf.set_sealed(ToString(directory::Seal(*opened, key, AsBytes(leaf.leaf()))));
    }
  };
  ExpectInvalid(bob_.Sync(), "");
  EXPECT_THAT(bob_.Sync(), StatusIs(Code::kUnauthenticated, HasSubstr("committed to")));
  EXPECT_EQ(Held(two_.bob, two_.alice.user())->parsed.version, 1u);
}

TEST_F(SplitView, AFollowedRecordThatIsNotTheLogsStopsTheSync) {
  ASSERT_OK(bob_.LookUp(two_.alice.user()));
  Append(honest_, two_.alice.user(), {&two_.alice, &ghost_});
  bob_.change = [](keys::v1::ReadLogResponse& r) {
    for (auto& leaf : *r.mutable_leaves()) {
      if (!leaf.sealed().empty()) leaf.mutable_sealed()->back() ^= 1;
    }
  };
  EXPECT_THAT(bob_.Sync(), StatusIs(Code::kUnauthenticated, HasSubstr("does not open")));
  bob_.change = nullptr;
  EXPECT_OK(bob_.Sync());
  ASSERT_OK_AND_ASSIGN(const std::optional<Contact> alice, two_.bob.stores->contacts.Find(two_.alice.user()));
  EXPECT_EQ(alice->parsed.version, 2u);
}

// The key server appends to the one log what contradicts what this device holds: both are kept.
TEST_F(SplitView, ARecordThatDoesNotFollowIsEvidence) {
  ASSERT_OK(bob_.LookUp(two_.alice.user()));
  keys::v1::SignedRecord record = Next(honest_, two_.alice.user(), {&two_.alice});
  identity::DirectoryRecord changed = *identity::ParseDirectoryRecord(AsBytes(record.record()));
  changed.previous_hash.fill(9);
  record.set_record(ToString(identity::Encode(changed)));
  record.set_signature(ToString(two_.directory_key.Sign(identity::kDirectoryRecordLabel, AsBytes(record.record()))));
  honest_.Append(record);
  EXPECT_THAT(bob_.Sync(), StatusIs(Code::kUnauthenticated, HasSubstr("directory_contradicts: ")));
  EXPECT_EQ(*two_.bob.stores->contacts.EvidenceCount(), 1);
}

// An enrolled device has its record from the key server before the witnesses have seen it.
TEST_F(SplitView, WhatWitnessesHaveNotSeenYetIsWaitedFor) {
  const keys::v1::SignedRecord next = Next(honest_, two_.alice.user(), {&two_.alice, &ghost_});
  ASSERT_OK(alice_.book.Accept(next, two_.alice.user(), std::nullopt));
  EXPECT_THAT(alice_.LookUp(two_.alice.user()).status(), StatusIs(Code::kUnavailable, HasSubstr("directory_unwitnessed: ")));
  EXPECT_EQ(*two_.alice.stores->contacts.EvidenceCount(), 0);
  honest_.Append(next);
  ASSERT_OK_AND_ASSIGN(const Contact own, alice_.LookUp(two_.alice.user()));
  EXPECT_TRUE(own.proved);
}

TEST_F(SplitView, OnlyANewerPolicyOfTheSameLogIsTakenOver) {
  ASSERT_OK(alice_.Sync());
  const auto offer = [&](const directory::SignedWitnessPolicy& policy) {
    alice_.change = [policy](keys::v1::ReadLogResponse& r) {
      r.mutable_witness_policy()->set_certificate(ToString(policy.certificate));
      r.mutable_witness_policy()->set_policy(ToString(policy.policy));
      r.mutable_witness_policy()->set_signature(ToString(policy.signature));
    };
    return alice_.Sync();
  };
  ExpectInvalid(offer(honest_.SignPolicy(two_.organisation, 1)), "replaced before");
  EXPECT_OK(offer(honest_.SignPolicy(two_.organisation, 2)));
  ExpectInvalid(offer(honest_.SignPolicy(two_.organisation, 2)), "replaced before");
  const TestDirectory another(two_.organisation, two_.clock);
  ExpectInvalid(offer(another.SignPolicy(two_.organisation, 3)), "known key");
  ExpectInvalid(offer(honest_.SignPolicy(two_.organisation, 3, "other.example/directory")), "is not for one log alone, of the directory of example.org");
  const testing::TestOrganisation stranger(two_.clock.Now());
  ExpectInvalid(offer(honest_.SignPolicy(stranger, 4)), "certificate");
}

}  // namespace
}  // namespace plumbline::client
