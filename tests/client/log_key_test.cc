// The log's key is replaced: the next policy names the new one, the tree goes on, and the former key is believed no more.
#include "tests/client/split_view.h"

namespace plumbline::client {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Code = absl::StatusCode;

class LogKey : public SplitView {
 protected:
  KnownLog Known(Reader& reader) { return **reader.device.stores->log.Get(); }
  void Rotate(bool both) {
    honest_.Rotate(two_.organisation, both);
    log_keys_.push_back(honest_.log_key());
  }
  // `note`, signed by `log` and, as a thief may have got it, with the witness's cosignature.
  std::string Witnessed(const std::string& note) { return note + honest_.witness().Cosign(note); }
};

TEST_F(LogKey, WhoFollowsGoesOnWithTheSameTree) {
  for (const bool both : {true, false}) {
    ASSERT_OK(alice_.Sync());
    const KnownLog before = Known(alice_);
    const tlog::VerifierKey former = honest_.log_key();
    Rotate(both);
    ASSERT_OK(alice_.Sync());
    EXPECT_EQ(Known(alice_).seen.root, before.seen.root);
    EXPECT_EQ(*alice_.log.PolicyNumber(), both ? 2u : 3u);
    EXPECT_OK(honest_.log_key().Verify(tlog::FormatCheckpoint({former.name(), before.seen.size, before.seen.root}), Known(alice_).seen.signature))
        << "what it tells others is signed by the new key";
    EXPECT_LT(**alice_.log.Age(), absl::Hours(1)) << "what the witnesses said before counts";
    const int reads = honest_.reads;
    Grow(honest_, both ? "carol" : "dave");
    ASSERT_OK(alice_.Sync());
    EXPECT_GT(Known(alice_).seen.size, before.seen.size);
    EXPECT_EQ(honest_.reads, reads + 1) << "not read anew";
    EXPECT_OK(alice_.LookUp(two_.bob.user()));
  }
  EXPECT_THAT(alice_.Evidence(), IsEmpty());
}

// One change, and another, while a device was away.
TEST_F(LogKey, WhoWasAwayOverItAllGoesOn) {
  ASSERT_OK(bob_.Sync());
  Rotate(/*both=*/true);
  Grow(honest_, "carol");
  honest_.EndFormer();
  Rotate(/*both=*/true);
  Grow(honest_, "dave");
  honest_.EndFormer();
  ASSERT_OK(bob_.Sync());
  EXPECT_EQ(Known(bob_).seen.size, honest_.size());
  EXPECT_OK(bob_.LookUp(two_.alice.user()));
}

// Between reading the log and looking somebody up.
TEST_F(LogKey, ItIsReplacedBetweenTwoCalls) {
  ASSERT_OK(alice_.Sync());
  bool replaced = false;
  alice_.change_answer = [&](keys::v1::LookUpResponse& response) {
    if (replaced) return;
    replaced = true;
    Rotate(/*both=*/false);
    response = honest_.LookUp(two_.bob.user());
  };
  EXPECT_OK(alice_.LookUp(two_.bob.user()));
  EXPECT_TRUE(replaced);
}

TEST_F(LogKey, WithTheNewPolicyTheFormerKeyIsBelievedNoMore) {
  const tlog::NoteSigner former = honest_.keys().signer;
  Rotate(/*both=*/false);
  ASSERT_OK(alice_.Sync());
  // A true tree, the former key's signature and enough witnesses.
  const tlog::Checkpoint now = *tlog::OpenCheckpoint(honest_.note(), honest_.log_key());
  const std::string stolen = Witnessed(*tlog::SignCheckpoint(now.size, now.root, former));
  alice_.change = [&](keys::v1::ReadLogResponse& response) { response.set_checkpoint(stolen); };
  ExpectInvalid(alice_.Sync(), "known key");
  alice_.change = nullptr;
  ASSERT_OK(alice_.Sync());
  alice_.change_answer = [&](keys::v1::LookUpResponse& response) {
    directory::Answer answer = *directory::ParseAnswer(AsBytes(response.answer()));
    answer.checkpoint = stolen;
    response.set_answer(ToString(directory::Encode(answer)));
  };
  ExpectInvalid(alice_.LookUp(two_.bob.user()).status(), "known key");
}

// A key server that was restored from before the change, and says with the next number what its clients have heard otherwise.
TEST_F(LogKey, AfterARestoreFromBeforeItTakesTwoChanges) {
  TestDirectory restored(honest_);
  Rotate(/*both=*/false);
  ASSERT_OK(alice_.Sync());
  alice_.directory = &restored;
  ExpectInvalid(alice_.Sync(), "known key");
  restored.Rotate(two_.organisation, /*both=*/false);
  ExpectInvalid(alice_.Sync(), "known key");
  restored.Rotate(two_.organisation, /*both=*/false);
  EXPECT_OK(alice_.Sync());
}

TEST_F(LogKey, WhatTheFormerKeySignedIsNoGossip) {
  ASSERT_OK(bob_.Sync());
  const uint64_t size = Known(bob_).seen.size;
  const HeardCheckpoint larger = Heard(size + 5, tlog::Hash{1});
  tlog::Hash other = Known(bob_).seen.root;
  other[0] ^= 1;
  const HeardCheckpoint forked = Heard(size, other, 2);
  // Heard before the key was replaced: kept, since it may be true.
  Change change = *two_.bob.stores->store.Begin();
  EXPECT_EQ(*CompareSeen(*two_.bob.stores, *two_.bob.self, change, larger), false);
  ASSERT_OK(change.Commit());
  EXPECT_EQ(two_.bob.stores->log.Heard()->size(), 1u);
  Rotate(/*both=*/true);
  two_.clock.Advance(kWithheldPatience + absl::Minutes(1));
  honest_.Publish();
  EXPECT_OK(bob_.Sync()) << "nobody can say now that the log is that large";
  EXPECT_THAT(*two_.bob.stores->log.Heard(), IsEmpty());
  // Heard afterwards: not even a tree of this size with another root.
  Change after = *two_.bob.stores->store.Begin();
  for (const HeardCheckpoint& each : {larger, forked}) {
    EXPECT_EQ(*CompareSeen(*two_.bob.stores, *two_.bob.self, after, each), false);
  }
  ASSERT_OK(after.Commit());
  EXPECT_THAT(*two_.bob.stores->log.Heard(), IsEmpty());
  EXPECT_OK(bob_.Sync());
}

// The second history is signed with the new key: the proof holds what each key signed, and whoever has both keys checks it.
TEST_F(LogKey, AForkOverTheChangeIsProvedWithBothKeys) {
  for (const int more : {0, 1, 3}) {
    SCOPED_TRACE(more);
    Device carol(two_.organisation, absl::StrCat("carol", more), two_.clock, &two_.directory_key);
    Reader reader(carol, honest_, two_.clock);
    TestDirectory other(honest_);
    Grow(honest_, absl::StrCat("ours", more));
    if (more == 0) Grow(honest_, "one-more");
    ASSERT_OK(reader.Sync());
    Grow(other, absl::StrCat("theirs", more));
    for (int i = 1; i < more; ++i) Grow(other, absl::StrCat("somebody", more, i));
    other.Rotate(two_.organisation, /*both=*/false);
    reader.directory = &other;
    const tlog::VerifierKey former = honest_.log_key();
    log_keys_ = {former, other.log_key()};
    ExpectSplit(reader);
    for (const tlog::VerifierKey& alone : log_keys_) {
      log_keys_ = {alone};
      const std::string file = reader.Evidence()[0].file;
      const absl::StatusOr<tlog::Fork> fork = tlog::ParseFork(file);
      EXPECT_THAT(fork.ok() ? tlog::VerifyFork(*fork, log_keys_).status() : tlog::VerifyEquivocation(*tlog::ParseEquivocation(file), log_keys_).status(),
                  StatusIs(Code::kUnauthenticated));
      log_keys_ = {former, other.log_key()};
    }
  }
}

}  // namespace
}  // namespace plumbline::client
