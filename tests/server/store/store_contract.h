// What every storage engine of the delivery server must do. An engine instantiates the suite with how it is opened.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "server/store/envelope_store.h"
#include "server/store/mailbox_store.h"
#include "server/store/nullifier_store.h"
#include "server/store/upkeep_store.h"
#include "tests/server/temporary_directory.h"
#include "tests/status_matchers.h"

namespace plumbline::server {

using ::testing::HasSubstr;
using testing::StatusIs;

struct Quota {
  int64_t envelopes = 10'000;
  int64_t bytes = 256 << 20;
  int64_t store_bytes = 0;  // 0: no limit
};

struct Stores {
  std::shared_ptr<void> owner;
  MailboxStore* mailboxes;
  EnvelopeStore* envelopes;
  NullifierStore* nullifiers;
  UpkeepStore* upkeep;
};

// Opens or creates the store in a directory.
using Engine = std::function<Stores(const std::string& directory, const Quota& quota)>;

inline constexpr Day kToday{20'000};
inline absl::Time Noon(Day day) { return absl::UnixEpoch() + absl::Hours(24 * static_cast<int64_t>(day) + 12); }

inline identity::Hash Capability(uint8_t n) { return Sha256(Bytes{n}); }

inline NewMailbox SomeMailbox(uint8_t n, Day expires = kToday + 30) {
  NewMailbox mailbox;
  mailbox.id.fill(n);
  mailbox.owner_key = identity::RandomFixed<32>();
  mailbox.grant_serial.fill(n);
  mailbox.expires = expires;
  mailbox.begin = *identity::MailboxPlace::Parse(Bytes(32, n));
  mailbox.capabilities = {Capability(n)};
  return mailbox;
}

inline Deposit SomeDeposit(uint8_t mailbox, ByteView sealed) {
  Deposit deposit;
  deposit.envelope_id = identity::RandomFixed<16>();
  deposit.mailbox_id.fill(mailbox);
  deposit.capability_hash = Capability(mailbox);
  deposit.sealed = sealed;
  return deposit;
}

inline VerifiedMove SomeMove(uint8_t handle, uint64_t epoch, ByteView sealed_commit) {
  VerifiedMove move;
  move.handle.fill(handle);
  move.epoch = epoch;
  move.key.fill(static_cast<uint8_t>(epoch));
  move.founds = true;
  move.next_key.fill(static_cast<uint8_t>(epoch + 1));
  move.read_token_hash.fill(7);
  move.record_hash = identity::RandomFixed<32>();
  move.sealed_commit = sealed_commit;
  return move;
}

class StoreContract : public ::testing::TestWithParam<Engine> {
 protected:
  Stores Open(const Quota& quota = Quota()) { return GetParam()(directory_.path(), quota); }
  static std::vector<StoredEnvelope> All(const Stores& store, uint8_t mailbox) {
    const auto batch = store.envelopes->ReadBehind(SomeMailbox(mailbox).id, SomeMailbox(mailbox).begin, {100'000, size_t{1} << 30}, kToday);
    EXPECT_OK(batch);
    return batch.ok() ? batch->envelopes : std::vector<StoredEnvelope>();
  }
  TemporaryDirectory directory_;
  const Bytes sealed_ = RandomBytes(1024);
};

TEST_P(StoreContract, OpensOneMailboxForAGrant) {
  const Stores store = Open();
  const NewMailbox first = SomeMailbox(1);
  ASSERT_OK(store.mailboxes->Open(first));
  EXPECT_OK(store.mailboxes->Open(first));
  NewMailbox same_grant = SomeMailbox(2);
  same_grant.grant_serial = first.grant_serial;
  EXPECT_THAT(store.mailboxes->Open(same_grant), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("grant_used")));
  NewMailbox same_id = SomeMailbox(3);
  same_id.id = first.id;
  EXPECT_THAT(store.mailboxes->Open(same_id), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("mailbox_exists")));
  NewMailbox other_owner = first;
  other_owner.owner_key = identity::RandomFixed<32>();
  EXPECT_THAT(store.mailboxes->Open(other_owner), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("mailbox_exists")));
  ASSERT_OK_AND_ASSIGN(const Mailbox found, store.mailboxes->Find(first.id, kToday));
  EXPECT_EQ(found.owner_key, first.owner_key);
}

TEST_P(StoreContract, MailboxEndsAfterItsLastDay) {
  const Stores store = Open();
  const NewMailbox mailbox = SomeMailbox(1, kToday);
  ASSERT_OK(store.mailboxes->Open(mailbox));
  EXPECT_OK(store.mailboxes->Find(mailbox.id, kToday));
  EXPECT_THAT(store.mailboxes->Find(mailbox.id, kToday + 1), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store.mailboxes->SetCapabilities(mailbox.id, 1, {}, kToday + 1), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store.envelopes->ReadBehind(mailbox.id, mailbox.begin, {1, 1}, kToday + 1), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store.envelopes->CountBehind(mailbox.id, mailbox.begin, kToday + 1), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK_AND_ASSIGN(const SubmitResult late, store.envelopes->Submit({{SomeDeposit(1, sealed_)}, {}}, kToday + 1));
  EXPECT_EQ(late.outcomes, std::vector{DepositOutcome::kRefused});
}

TEST_P(StoreContract, ReplacesCapabilitiesOnlyWithAGrowingCounter) {
  const Stores store = Open();
  const NewMailbox mailbox = SomeMailbox(1);
  ASSERT_OK(store.mailboxes->Open(mailbox));
  const std::vector<identity::Hash> other = {Capability(9)};
  ASSERT_OK(store.mailboxes->SetCapabilities(mailbox.id, 5, other, kToday));
  EXPECT_THAT(store.mailboxes->SetCapabilities(mailbox.id, 5, mailbox.capabilities, kToday), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(store.mailboxes->SetCapabilities(mailbox.id, 4, mailbox.capabilities, kToday), StatusIs(absl::StatusCode::kAborted));
  Deposit with_new = SomeDeposit(1, sealed_);
  with_new.capability_hash = Capability(9);
  ASSERT_OK_AND_ASSIGN(const SubmitResult result,
                       store.envelopes->Submit({{SomeDeposit(1, sealed_), with_new}, {}}, kToday));
  EXPECT_EQ(result.outcomes, (std::vector{DepositOutcome::kRefused, DepositOutcome::kStored}));
}

TEST_P(StoreContract, NeedsACapabilityOfThatMailbox) {
  const Stores store = Open();
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(2)));
  Deposit wrong = SomeDeposit(1, sealed_);
  wrong.capability_hash = Capability(2);
  ASSERT_OK_AND_ASSIGN(const SubmitResult result, store.envelopes->Submit(
      {{wrong, SomeDeposit(3, sealed_), SomeDeposit(2, sealed_)}, {}}, kToday));
  EXPECT_EQ(result.outcomes, (std::vector{DepositOutcome::kRefused, DepositOutcome::kRefused, DepositOutcome::kStored}));
  EXPECT_TRUE(All(store, 1).empty());
  EXPECT_EQ(All(store, 2).size(), 1u);
}

TEST_P(StoreContract, DeliversInTheOrderOfArrivalWithinLimits) {
  const Stores store = Open();
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(2)));
  std::vector<identity::EnvelopeId> sent;
  for (int i = 0; i < 10; ++i) {
    // Two to one mailbox in one submission keep their order, however the rows are shuffled.
    const std::vector<Deposit> deposits = {SomeDeposit(1, sealed_), SomeDeposit(2, sealed_), SomeDeposit(1, sealed_)};
    ASSERT_OK(store.envelopes->Submit({deposits, {}}, kToday));
    sent.push_back(deposits[0].envelope_id);
    sent.push_back(deposits[2].envelope_id);
  }
  std::vector<identity::EnvelopeId> read;
  identity::MailboxPlace place = SomeMailbox(1).begin;
  ASSERT_OK_AND_ASSIGN(uint64_t behind, store.envelopes->CountBehind(SomeMailbox(1).id, place, kToday));
  EXPECT_EQ(behind, 20u);
  for (bool more = true; more;) {
    ASSERT_OK_AND_ASSIGN(const Batch batch, store.envelopes->ReadBehind(SomeMailbox(1).id, place, {6, 3 * 1024}, kToday));
    EXPECT_LE(batch.envelopes.size(), 3u);
    EXPECT_EQ(batch.steps, batch.envelopes.size());
    for (size_t i = 0; i < batch.envelopes.size(); ++i) {
      EXPECT_EQ(batch.envelopes[i].step, i + 1);
      read.push_back(batch.envelopes[i].envelope_id);
    }
    EXPECT_EQ(batch.envelopes.back().after, batch.reached);
    place = batch.reached;
    behind -= batch.steps;
    ASSERT_OK_AND_ASSIGN(const uint64_t left, store.envelopes->CountBehind(SomeMailbox(1).id, place, kToday));
    EXPECT_EQ(left, behind);
    more = batch.more;
  }
  EXPECT_EQ(read, sent);
  EXPECT_EQ(behind, 0u);
}

TEST_P(StoreContract, ReadsOneEnvelopeThatIsAboveTheLimit) {
  const Stores store = Open();
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
  ASSERT_OK(store.envelopes->Submit({{SomeDeposit(1, sealed_)}, {}}, kToday));
  ASSERT_OK_AND_ASSIGN(const Batch batch, store.envelopes->ReadBehind(SomeMailbox(1).id, SomeMailbox(1).begin, {10, 10}, kToday));
  EXPECT_EQ(batch.envelopes.size(), 1u);
}

TEST_P(StoreContract, RepeatsGetTheFirstAnswerAndAreStoredOnce) {
  const Stores store = Open({.envelopes = 1});
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
  const Submission submission{{SomeDeposit(1, sealed_), SomeDeposit(1, sealed_), SomeDeposit(2, sealed_)}, {}};
  ASSERT_OK_AND_ASSIGN(const SubmitResult first, store.envelopes->Submit(submission, kToday));
  EXPECT_EQ(first.outcomes, (std::vector{DepositOutcome::kStored, DepositOutcome::kFull, DepositOutcome::kRefused}));
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(2)));
  ASSERT_OK_AND_ASSIGN(const SubmitResult again, store.envelopes->Submit(submission, kToday));
  EXPECT_EQ(again.outcomes, first.outcomes);
  EXPECT_EQ(All(store, 1).size(), 1u);
  EXPECT_TRUE(All(store, 2).empty());
  // Also after it was fetched and deleted.
  ASSERT_OK(store.envelopes->Ack(SomeMailbox(1).id, std::vector{All(store, 1)[0].row}));
  ASSERT_OK_AND_ASSIGN(const SubmitResult later, store.envelopes->Submit(submission, kToday));
  EXPECT_EQ(later.outcomes, first.outcomes);
  EXPECT_TRUE(All(store, 1).empty());
}

TEST_P(StoreContract, AnEnvelopeIdWithOtherContentStoresNothingOfTheRequest) {
  const Stores store = Open();
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(2)));
  const Deposit known = SomeDeposit(1, sealed_);
  ASSERT_OK(store.envelopes->Submit({{known}, {}}, kToday));
  const Bytes other = RandomBytes(1024);
  Deposit other_content = known;
  other_content.sealed = other;
  Deposit other_mailbox = SomeDeposit(2, sealed_);
  other_mailbox.envelope_id = known.envelope_id;
  for (const Deposit& reused : {other_content, other_mailbox}) {
    Submission submission{{SomeDeposit(2, sealed_), reused}, SomeMove(1, 0, sealed_)};
    EXPECT_THAT(store.envelopes->Submit(submission, kToday),
                StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("envelope_id_reused")));
    EXPECT_TRUE(All(store, 2).empty());
    ASSERT_OK_AND_ASSIGN(const auto gate, store.envelopes->FindGate(submission.move->handle));
    EXPECT_FALSE(gate.has_value());
  }
}

TEST_P(StoreContract, QuotaHoldsAndAcknowledgementsFreeIt) {
  const Stores store = Open({.envelopes = 3, .bytes = 2 * 1024});
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
  const Submission three{{SomeDeposit(1, sealed_), SomeDeposit(1, sealed_), SomeDeposit(1, sealed_)}, {}};
  ASSERT_OK_AND_ASSIGN(const SubmitResult full, store.envelopes->Submit(three, kToday));
  EXPECT_EQ(full.outcomes, (std::vector{DepositOutcome::kStored, DepositOutcome::kStored, DepositOutcome::kFull}));
  ASSERT_OK_AND_ASSIGN(const SubmitResult still, store.envelopes->Submit({{SomeDeposit(1, sealed_)}, {}}, kToday));
  EXPECT_EQ(still.outcomes, std::vector{DepositOutcome::kFull});
  ASSERT_OK(store.envelopes->Ack(SomeMailbox(1).id, std::vector{All(store, 1)[0].row}));
  ASSERT_OK_AND_ASSIGN(const SubmitResult room, store.envelopes->Submit({{SomeDeposit(1, sealed_)}, {}}, kToday));
  EXPECT_EQ(room.outcomes, std::vector{DepositOutcome::kStored});
}

// On the disk nothing says how much is in which mailbox.
TEST_P(StoreContract, QuotaCountsFromTheStartOfTheProcess) {
  {
    const Stores store = Open({.envelopes = 2});
    ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
    ASSERT_OK(store.envelopes->Submit({{SomeDeposit(1, sealed_)}, {}}, kToday));
  }
  const Stores store = Open({.envelopes = 2});
  ASSERT_OK(store.envelopes->Ack(SomeMailbox(1).id, std::vector{All(store, 1)[0].row}));  // counted by nobody
  ASSERT_OK_AND_ASSIGN(const SubmitResult result, store.envelopes->Submit(
      {{SomeDeposit(1, sealed_), SomeDeposit(1, sealed_), SomeDeposit(1, sealed_)}, {}}, kToday));
  EXPECT_EQ(result.outcomes, (std::vector{DepositOutcome::kStored, DepositOutcome::kStored, DepositOutcome::kFull}));
}

TEST_P(StoreContract, WhatASubmissionCountedThatFailedIsNotCounted) {
  const Stores store = Open({.envelopes = 2});
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
  Deposit twice = SomeDeposit(1, sealed_);
  Deposit same_row = twice;
  same_row.envelope_id[15] ^= 1;  // the first eight bytes say where its answer stands
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(store.envelopes->Submit({{twice, same_row}, {}}, kToday), StatusIs(absl::StatusCode::kAlreadyExists));
  }
  ASSERT_OK_AND_ASSIGN(const SubmitResult result, store.envelopes->Submit({{SomeDeposit(1, sealed_), SomeDeposit(1, sealed_)}, {}}, kToday));
  EXPECT_EQ(result.outcomes, (std::vector{DepositOutcome::kStored, DepositOutcome::kStored}));
}

TEST_P(StoreContract, AcknowledgingWhatIsNotThereDoesNothing) {
  const Stores store = Open();
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
  ASSERT_OK(store.envelopes->Submit({{SomeDeposit(1, sealed_)}, {}}, kToday));
  ASSERT_OK(store.envelopes->Ack(SomeMailbox(1).id, std::vector{Row{999}}));
  ASSERT_OK(store.envelopes->Ack(SomeMailbox(7).id, std::vector{Row{999}}));
  EXPECT_EQ(All(store, 1).size(), 1u);
}

// Whatever of a mailbox is deleted, and whatever comes, before a start or after it: from any place that a reader has had, it misses nothing.
TEST_P(StoreContract, FromEachPlaceEverythingBehindItIsFound) {
  std::vector<std::pair<identity::MailboxPlace, std::vector<identity::EnvelopeId>>> places;  // and what came behind each, in order
  std::set<identity::EnvelopeId> gone;
  places.emplace_back(SomeMailbox(1).begin, std::vector<identity::EnvelopeId>());
  for (int start = 0; start < 3; ++start) {
    const Stores store = Open();
    if (start == 0) {
      ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
    }
    for (int i = 0; i < 7; ++i) {
      const Deposit deposit = SomeDeposit(1, sealed_);
      ASSERT_OK_AND_ASSIGN(const SubmitResult result, store.envelopes->Submit({{deposit}, {}}, kToday));
      ASSERT_TRUE(result.stored[0].has_value());
      EXPECT_EQ(result.stored[0]->before, places.back().first);
      for (auto& [place, behind] : places) behind.push_back(deposit.envelope_id);
      places.emplace_back(result.stored[0]->after, std::vector<identity::EnvelopeId>());
      if (i % 3 == 1) {
        gone.insert(deposit.envelope_id);
        ASSERT_OK(store.envelopes->Ack(SomeMailbox(1).id, {result.stored[0]->row}));
      }
    }
    for (const auto& [place, behind] : places) {
      std::vector<identity::EnvelopeId> expected, found;
      std::copy_if(behind.begin(), behind.end(), std::back_inserter(expected), [&](const auto& id) { return gone.count(id) == 0; });
      ASSERT_OK_AND_ASSIGN(const Batch batch, store.envelopes->ReadBehind(SomeMailbox(1).id, place, {100, 1 << 20}, kToday));
      for (const StoredEnvelope& envelope : batch.envelopes) found.push_back(envelope.envelope_id);
      EXPECT_EQ(found, expected);
      EXPECT_EQ(batch.steps, behind.size());
      EXPECT_EQ(batch.reached, places.back().first);
    }
  }
}

TEST_P(StoreContract, APlaceThatTheMailboxNeverHadIsNone) {
  const Stores store = Open();
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(2)));
  ASSERT_OK(store.envelopes->Submit({{SomeDeposit(1, sealed_)}, {}}, kToday));
  EXPECT_OK(store.envelopes->CountBehind(SomeMailbox(1).id, SomeMailbox(1).begin, kToday));
  EXPECT_THAT(store.envelopes->CountBehind(SomeMailbox(1).id, SomeMailbox(2).begin, kToday),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("place_unknown")));
}

TEST_P(StoreContract, AGateMovesOneEpochAtATimeUnderItsPresentKey) {
  const Stores store = Open();
  VerifiedMove unknown = SomeMove(1, 4, sealed_);
  unknown.founds = false;
  ASSERT_OK_AND_ASSIGN(SubmitResult result, store.envelopes->Submit({{}, unknown}, kToday));
  EXPECT_EQ(result.move, MoveOutcome::kUnknown);
  ASSERT_OK_AND_ASSIGN(result, store.envelopes->Submit({{}, SomeMove(1, 4, sealed_)}, kToday));
  EXPECT_EQ(result.move, MoveOutcome::kAccepted);
  EXPECT_EQ(result.current_epoch, 5u);
  VerifiedMove other_key = SomeMove(1, 5, sealed_);
  other_key.key.fill(99);
  VerifiedMove present_key_of_another_epoch = SomeMove(1, 6, sealed_), and_of_an_earlier_one = SomeMove(1, 4, sealed_);
  present_key_of_another_epoch.key = and_of_an_earlier_one.key = SomeMove(1, 5, sealed_).key;
  for (const VerifiedMove& lost : {SomeMove(1, 4, sealed_), SomeMove(1, 6, sealed_), SomeMove(1, 3, sealed_), other_key,
                                   present_key_of_another_epoch, and_of_an_earlier_one}) {
    ASSERT_OK_AND_ASSIGN(result, store.envelopes->Submit({{}, lost}, kToday));
    EXPECT_EQ(result.move, MoveOutcome::kLost);
    EXPECT_EQ(result.current_epoch, 5u);
  }
  ASSERT_OK_AND_ASSIGN(result, store.envelopes->Submit({{}, SomeMove(1, 5, sealed_)}, kToday));
  EXPECT_EQ(result.move, MoveOutcome::kAccepted);
  ASSERT_OK_AND_ASSIGN(const auto gate, store.envelopes->FindGate(SomeMove(1, 0, {}).handle));
  ASSERT_TRUE(gate.has_value());
  EXPECT_EQ(gate->epoch, 6u);
  EXPECT_EQ(gate->key, SomeMove(1, 6, {}).key);
  ASSERT_OK_AND_ASSIGN(const StoredCommit commit, store.envelopes->ReadCommit(SomeMove(1, 0, {}).handle, 4));
  EXPECT_EQ(commit.sealed_commit, sealed_);
  EXPECT_THAT(store.envelopes->ReadCommit(SomeMove(1, 0, {}).handle, 6), StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(StoreContract, ALostMoveStoresNothing) {
  const Stores store = Open();
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
  ASSERT_OK(store.envelopes->Submit({{}, SomeMove(1, 0, sealed_)}, kToday));
  const Deposit deposit = SomeDeposit(1, sealed_);
  ASSERT_OK_AND_ASSIGN(SubmitResult result, store.envelopes->Submit({{deposit}, SomeMove(1, 0, sealed_)}, kToday));
  EXPECT_EQ(result.move, MoveOutcome::kLost);
  EXPECT_TRUE(result.outcomes.empty());
  EXPECT_TRUE(All(store, 1).empty());
  // Not even the envelope's id is remembered: it may be used in the next attempt, with other content.
  const Bytes other = RandomBytes(1024);
  Deposit next = deposit;
  next.sealed = other;
  ASSERT_OK_AND_ASSIGN(result, store.envelopes->Submit({{next}, SomeMove(1, 1, sealed_)}, kToday));
  EXPECT_EQ(result.outcomes, std::vector{DepositOutcome::kStored});
}

TEST_P(StoreContract, ARepeatedMoveIsAcceptedAgainAndStoresNothing) {
  const Stores store = Open();
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
  const Submission submission{{SomeDeposit(1, sealed_)}, SomeMove(1, 0, sealed_)};
  ASSERT_OK(store.envelopes->Submit(submission, kToday));
  ASSERT_OK(store.envelopes->Submit({{}, SomeMove(1, 1, sealed_)}, kToday));
  ASSERT_OK_AND_ASSIGN(const SubmitResult again, store.envelopes->Submit(submission, kToday));
  EXPECT_EQ(again.move, MoveOutcome::kAccepted);
  EXPECT_EQ(again.outcomes, std::vector{DepositOutcome::kStored});
  EXPECT_EQ(All(store, 1).size(), 1u);
  Submission changed = submission;
  changed.deposits.push_back(SomeDeposit(1, sealed_));
  EXPECT_THAT(store.envelopes->Submit(changed, kToday), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(All(store, 1).size(), 1u);
}

TEST_P(StoreContract, OfCommitsThatRaceExactlyOneWins) {
  const Stores store = Open();
  for (uint8_t n = 1; n <= 8; ++n) ASSERT_OK(store.mailboxes->Open(SomeMailbox(n)));
  for (uint64_t epoch = 0; epoch < 5; ++epoch) {
    std::atomic<int> won{0}, lost{0};
    std::vector<std::thread> threads;
    for (uint8_t n = 1; n <= 8; ++n) {
      threads.emplace_back([&, n] {
        const auto result = store.envelopes->Submit({{SomeDeposit(n, sealed_)}, SomeMove(1, epoch, sealed_)}, kToday);
        if (!result.ok()) return;
        won += result->move == MoveOutcome::kAccepted;
        lost += result->move == MoveOutcome::kLost;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(won, 1);
    EXPECT_EQ(lost, 7);
  }
  size_t stored = 0;
  for (uint8_t n = 1; n <= 8; ++n) stored += All(store, n).size();
  EXPECT_EQ(stored, 5u);  // only with the winners
}

TEST_P(StoreContract, SimultaneousSubmissionsAreEachStoredOnce) {
  const Stores store = Open();
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
  std::vector<std::thread> threads;
  std::atomic<int> stored{0}, refused_reuse{0};
  const Deposit contested = SomeDeposit(1, sealed_);
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        const auto result = store.envelopes->Submit({{SomeDeposit(1, sealed_), contested}, {}}, kToday);
        if (result.ok()) ++stored;
        // A failing job beside others takes nothing with it.
        const Bytes other = RandomBytes(1024);
        Deposit reused = contested;
        reused.sealed = other;
        refused_reuse += absl::IsAlreadyExists(store.envelopes->Submit({{SomeDeposit(1, sealed_), reused}, {}}, kToday).status());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(stored, 160);
  EXPECT_EQ(refused_reuse, 160);
  std::map<identity::EnvelopeId, int> seen;
  for (const StoredEnvelope& envelope : All(store, 1)) ++seen[envelope.envelope_id];
  EXPECT_EQ(seen.size(), 161u);
  for (const auto& [id, times] : seen) EXPECT_EQ(times, 1);
}

TEST_P(StoreContract, ATokenIsSpentOnceAndForEver) {
  const absl::Time ends = Noon(kToday) + absl::Minutes(10);
  const tokens::Redeemed token{identity::RandomFixed<32>(), identity::Hash{1}, Noon(kToday), ends};
  {
    const Stores store = Open();
    std::atomic<int> first{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        const auto spent = store.nullifiers->Spend(token);
        first += spent.ok() && *spent == Spent::kNow;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(first, 1);
  }
  const Stores store = Open();
  ASSERT_OK_AND_ASSIGN(Spent spent, store.nullifiers->Spend(token));
  EXPECT_EQ(spent, Spent::kBefore);
  ASSERT_OK(store.upkeep->Sweep(ends + absl::Minutes(59)));
  ASSERT_OK_AND_ASSIGN(spent, store.nullifiers->Spend(token));
  EXPECT_EQ(spent, Spent::kBefore);
  ASSERT_OK(store.upkeep->Sweep(ends + absl::Hours(3)));
  ASSERT_OK_AND_ASSIGN(spent, store.nullifiers->Spend(token));
  EXPECT_EQ(spent, Spent::kNow);
}

TEST_P(StoreContract, EverythingExpires) {
  const Stores store = Open();
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(1, kToday + 100)));
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(2, kToday + 5)));
  const Submission submission{{SomeDeposit(1, sealed_), SomeDeposit(2, sealed_)}, SomeMove(1, 0, sealed_)};
  ASSERT_OK(store.envelopes->Submit(submission, kToday));
  ASSERT_OK_AND_ASSIGN(auto ended, store.upkeep->Sweep(Noon(kToday + 5)));
  EXPECT_TRUE(ended.empty());
  ASSERT_OK_AND_ASSIGN(ended, store.upkeep->Sweep(Noon(kToday + 6)));
  EXPECT_EQ(ended, std::vector{SomeMailbox(2).id});
  EXPECT_THAT(store.mailboxes->Find(SomeMailbox(2).id, kToday), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(store.mailboxes->Open(SomeMailbox(2)));  // its id and grant are free again
  EXPECT_TRUE(All(store, 2).empty());

  ASSERT_OK(store.upkeep->Sweep(Noon(kToday + 15)));  // answers are forgotten after 14 days
  EXPECT_THAT(store.envelopes->Submit(submission, kToday + 15), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(All(store, 1).size(), 1u);
  ASSERT_OK(store.upkeep->Sweep(Noon(kToday + 30)));
  EXPECT_EQ(All(store, 1).size(), 1u);
  EXPECT_OK(store.envelopes->ReadCommit(submission.move->handle, 0));
  ASSERT_OK(store.upkeep->Sweep(Noon(kToday + 31)));
  EXPECT_TRUE(All(store, 1).empty());
  // The gate is past it: a member at that epoch learns that waiting is of no use.
  EXPECT_THAT(store.envelopes->ReadCommit(submission.move->handle, 0),
              StatusIs(absl::StatusCode::kNotFound, ::testing::HasSubstr("commit_expired")));
  EXPECT_THAT(store.envelopes->ReadCommit(submission.move->handle, 1),
              StatusIs(absl::StatusCode::kNotFound, ::testing::HasSubstr("commit_unknown")));
  ASSERT_OK_AND_ASSIGN(auto gate, store.envelopes->FindGate(submission.move->handle));
  EXPECT_TRUE(gate.has_value());
  ASSERT_OK(store.upkeep->Sweep(Noon(kToday + 401)));
  ASSERT_OK_AND_ASSIGN(gate, store.envelopes->FindGate(submission.move->handle));
  EXPECT_FALSE(gate.has_value());
}

TEST_P(StoreContract, AFullStoreAcknowledgesNothingItCannotKeep) {
  const Stores store = Open({.store_bytes = 1 << 20});
  ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
  ASSERT_OK(store.envelopes->Submit({{}, SomeMove(1, 0, sealed_)}, kToday));
  std::vector<identity::EnvelopeId> kept;
  absl::Status status;
  uint64_t epoch = 1;
  const Bytes large = RandomBytes(64 * 1024);
  while (status.ok()) {
    const Submission submission{{SomeDeposit(1, large)}, SomeMove(1, epoch, large)};
    const auto result = store.envelopes->Submit(submission, kToday);
    status = result.status();
    if (!status.ok()) break;
    kept.push_back(submission.deposits[0].envelope_id);
    ++epoch;
    ASSERT_LT(kept.size(), 100u);
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted));
  ASSERT_FALSE(kept.empty());
  std::vector<identity::EnvelopeId> held;
  for (const StoredEnvelope& envelope : All(store, 1)) held.push_back(envelope.envelope_id);
  EXPECT_EQ(held, kept);
  ASSERT_OK_AND_ASSIGN(const auto gate, store.envelopes->FindGate(SomeMove(1, 0, {}).handle));
  EXPECT_EQ(gate->epoch, epoch);  // gate and envelopes moved together, or not at all
  // What makes room is still possible, and then it goes on.
  std::vector<Row> rows;
  for (const StoredEnvelope& envelope : All(store, 1)) rows.push_back(envelope.row);
  ASSERT_OK(store.envelopes->Ack(SomeMailbox(1).id, rows));
  EXPECT_OK(store.envelopes->Submit({{SomeDeposit(1, large)}, SomeMove(1, epoch, large)}, kToday));
}

TEST_P(StoreContract, EverythingIsThereAfterARestart) {
  const Submission submission{{SomeDeposit(1, sealed_)}, SomeMove(1, 0, sealed_)};
  {
    const Stores store = Open();
    ASSERT_OK(store.mailboxes->Open(SomeMailbox(1)));
    ASSERT_OK(store.envelopes->Submit(submission, kToday));
  }
  const Stores store = Open();
  ASSERT_EQ(All(store, 1).size(), 1u);
  EXPECT_EQ(All(store, 1)[0].sealed, sealed_);
  ASSERT_OK_AND_ASSIGN(const SubmitResult again, store.envelopes->Submit(submission, kToday));
  EXPECT_EQ(again.outcomes, std::vector{DepositOutcome::kStored});
  EXPECT_EQ(All(store, 1).size(), 1u);
  ASSERT_OK(store.envelopes->Submit({{SomeDeposit(1, sealed_)}, {}}, kToday));
  EXPECT_EQ(All(store, 1).size(), 2u);
}

}  // namespace plumbline::server
