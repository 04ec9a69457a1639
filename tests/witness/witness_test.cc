#include "witness/witness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"
#include "tests/witness/log.h"

namespace plumbline::witness {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

class FixedClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::FromUnixSeconds(1'790'000'000); }
};

tlog::Cosigner TheCosigner() {
  return *tlog::Cosigner::Create("w.example/w", *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, 9))));
}

class WitnessTest : public ::testing::Test {
 protected:
  WitnessTest() {
    EXPECT_OK(WitnessState::Create(path()));
    Begin();
  }
  std::string path() const { return scratch_.path() + "/witness.state"; }
  // As after a restart.
  void Begin() {
    witness_.reset();
    absl::StatusOr<WitnessState> state = WitnessState::Open(path());
    ASSERT_OK(state);
    witness_ = std::make_unique<Witness>(TheCosigner(), std::vector{log_.verifier(), other_.verifier()}, *std::move(state), clock_,
                                         [this](const tlog::Equivocation& found) { evidence_.push_back(found); });
  }
  Answer Add(const std::string& body) { return witness_->AddCheckpoint(body); }
  // The answer is a cosignature of exactly this checkpoint.
  void ExpectCosigned(const Answer& answer, const std::string& checkpoint) {
    ASSERT_EQ(answer.status, 200) << answer.body;
    const absl::StatusOr<tlog::Note> note = tlog::ParseNote(checkpoint + answer.body);
    ASSERT_OK(note);
    const absl::StatusOr<absl::Time> time = TheCosigner().verifier().Find(*note);
    ASSERT_OK(time);
    EXPECT_EQ(*time, clock_.Now());
  }
  static void ExpectConflict(const Answer& answer, uint64_t size) {
    EXPECT_EQ(answer.status, 409);
    EXPECT_EQ(answer.body, absl::StrCat(size, "\n"));
    EXPECT_EQ(answer.content_type, "text/x.tlog.size");
  }

  testing::ScratchDir scratch_;
  const FixedClock clock_;
  TestLog log_, other_{"example.org/other", 2}, liar_{"example.org/log", 1, 1};
  std::vector<tlog::Equivocation> evidence_;
  std::unique_ptr<Witness> witness_;
};

TEST_F(WitnessTest, CosignsALogThatGrows) {
  uint64_t last = 0;
  for (const uint64_t size : {0, 1, 2, 3, 7, 8, 64, 100, 100, 257}) {
    ExpectCosigned(Add(log_.Request(last, size)), log_.Checkpoint(size));
    last = size;
  }
  ExpectCosigned(Add(other_.Request(0, 5)), other_.Checkpoint(5));  // each log by itself
  ExpectCosigned(Add(log_.Request(257, 300)), log_.Checkpoint(300));
}

TEST_F(WitnessTest, AnotherOldSizeIsAConflictThatTellsTheRightOne) {
  ExpectConflict(Add(log_.Request(3, 5)), 0);
  ExpectCosigned(Add(log_.Request(0, 5)), log_.Checkpoint(5));
  for (const uint64_t old : {0, 4, 6}) ExpectConflict(Add(log_.Request(old, 8)), 5);
  ExpectConflict(Add(log_.Request(3, 3)), 5);  // back
  ExpectCosigned(Add(log_.Request(5, 8)), log_.Checkpoint(8));
}

TEST_F(WitnessTest, OneSizeWithTwoRootsIsAConflictAndEvidence) {
  ExpectCosigned(Add(log_.Request(0, 5)), log_.Checkpoint(5));
  ExpectConflict(Add(liar_.Request(5, 5)), 5);
  ExpectConflict(Add(liar_.Request(0, 5)), 5);
  ASSERT_EQ(evidence_.size(), 2u);
  EXPECT_OK(tlog::VerifyEquivocation(evidence_[0], {&log_.verifier(), 1}));
  ExpectCosigned(Add(log_.Request(5, 6)), log_.Checkpoint(6));
}

TEST_F(WitnessTest, WhatDoesNotFollowIsNotCosigned) {
  ExpectCosigned(Add(log_.Request(0, 5)), log_.Checkpoint(5));
  EXPECT_EQ(Add(liar_.Request(5, 8)).status, 422);
  std::vector<tlog::Hash> proof = log_.Proof(5, 8);
  proof.push_back(proof.front());
  EXPECT_EQ(Add(tlog::FormatWitnessRequest(5, proof, log_.Checkpoint(8))).status, 422);
  EXPECT_EQ(Add(tlog::FormatWitnessRequest(5, {}, log_.Checkpoint(8))).status, 422);
  EXPECT_EQ(Add(tlog::FormatWitnessRequest(5, log_.Proof(3, 5), log_.Checkpoint(5))).status, 422);  // the same tree: no proof
  EXPECT_EQ(Add(tlog::FormatWitnessRequest(0, log_.Proof(3, 5), other_.Checkpoint(5))).status, 422);  // the first: no proof
  ExpectCosigned(Add(log_.Request(5, 8)), log_.Checkpoint(8));
}

TEST_F(WitnessTest, TellsStrangersForgersAndNonsenseApart) {
  TestLog stranger("example.org/stranger", 1), forger("example.org/log", 3);
  EXPECT_EQ(Add(stranger.Request(0, 5)).status, 404);
  EXPECT_EQ(Add(forger.Request(0, 5)).status, 403);
  EXPECT_EQ(Add("nonsense").status, 400);
  EXPECT_EQ(Add(tlog::FormatWitnessRequest(6, {}, log_.Checkpoint(5))).status, 400);
  ExpectCosigned(Add(log_.Request(0, 5)), log_.Checkpoint(5));
  // A signature of a stranger beside the log's is ignored; one under the log's name and id that is wrong is not.
  const std::string twice = log_.Checkpoint(6) + forger.Checkpoint(6).substr(forger.Checkpoint(6).find("\xE2\x80\x94"));
  EXPECT_EQ(Add(tlog::FormatWitnessRequest(5, log_.Proof(5, 6), twice)).status, 200);
}

// The same log with another key, while both sign and afterwards: whichever key the witness has, the state is the log's.
TEST_F(WitnessTest, ALogGoesOnUnderAnotherKey) {
  TestLog renewed("example.org/log", 5), renewed_liar("example.org/log", 5, 1);
  const auto both = [&](uint64_t size) {
    return log_.Checkpoint(size) + renewed.Checkpoint(size).substr(renewed.Checkpoint(size).find("\xE2\x80\x94"));
  };
  std::vector<std::string> unsigned_of;
  const auto begin = [&](std::vector<tlog::VerifierKey> keys) {
    witness_.reset();
    witness_ = std::make_unique<Witness>(TheCosigner(), std::move(keys), *WitnessState::Open(path()), clock_,
                                         [this](const tlog::Equivocation& found) { evidence_.push_back(found); }, std::map<std::string, Audit>(),
                                         [&](const std::string& origin) { unsigned_of.push_back(origin); });
  };
  begin({log_.verifier()});
  ExpectCosigned(Add(log_.Request(0, 5)), log_.Checkpoint(5));
  ExpectCosigned(Add(tlog::FormatWitnessRequest(5, log_.Proof(5, 6), both(6))), both(6));
  EXPECT_EQ(Add(renewed.Request(6, 7)).status, 403) << "with the new key alone it is nobody it knows";
  EXPECT_THAT(unsigned_of, ::testing::ElementsAre("example.org/log"));
  begin({log_.verifier(), renewed.verifier()});
  ExpectCosigned(Add(tlog::FormatWitnessRequest(6, log_.Proof(6, 7), both(7))), both(7));
  ExpectCosigned(Add(renewed.Request(7, 8)), renewed.Checkpoint(8));
  ExpectConflict(Add(renewed_liar.Request(8, 8)), 8);
  ASSERT_EQ(evidence_.size(), 1u);
  begin({renewed.verifier()});
  ExpectCosigned(Add(renewed.Request(8, 9)), renewed.Checkpoint(9));
  EXPECT_EQ(Add(log_.Request(9, 10)).status, 403) << "the former one is nobody any more";
  EXPECT_THAT(unsigned_of, ::testing::ElementsAre("example.org/log", "example.org/log"));
  ExpectConflict(Add(renewed_liar.Request(9, 9)), 9);
}

TEST_F(WitnessTest, ARestartForgetsNothing) {
  ExpectCosigned(Add(log_.Request(0, 5)), log_.Checkpoint(5));
  ExpectCosigned(Add(other_.Request(0, 3)), other_.Checkpoint(3));
  Begin();
  ExpectConflict(Add(log_.Request(0, 5)), 5);
  ExpectConflict(Add(liar_.Request(0, 5)), 5);
  EXPECT_EQ(evidence_.size(), 1u);
  ExpectCosigned(Add(other_.Request(3, 4)), other_.Checkpoint(4));
}

TEST_F(WitnessTest, WhatCannotBeStoredIsNotCosigned) {
  ExpectCosigned(Add(log_.Request(0, 5)), log_.Checkpoint(5));
  std::filesystem::rename(scratch_.path(), scratch_.path() + ".away");
  EXPECT_EQ(Add(log_.Request(5, 8)).status, 503);
  std::filesystem::rename(scratch_.path() + ".away", scratch_.path());
  ExpectConflict(Add(log_.Request(8, 9)), 5);
  ExpectCosigned(Add(log_.Request(5, 8)), log_.Checkpoint(8));
}

// Two histories at once from many threads: what was cosigned is one history, whatever the order.
TEST_F(WitnessTest, ConcurrentRequestsGetOneHistory) {
  Mutex mutex;
  std::set<std::string> cosigned;
  std::vector<std::vector<std::string>> bodies(8), notes(8);
  for (size_t t = 0; t < bodies.size(); ++t) {
    TestLog& log = t % 2 == 0 ? log_ : liar_;
    std::mt19937 random(static_cast<unsigned>(t));
    for (int i = 0; i < 150; ++i) {
      const uint64_t from = random() % 12, size = from + random() % 3;
      bodies[t].push_back(log.Request(from, size));
      notes[t].push_back(log.Checkpoint(size));
    }
  }
  std::vector<std::thread> threads;
  for (size_t t = 0; t < bodies.size(); ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < bodies[t].size(); ++i) {
        if (witness_->AddCheckpoint(bodies[t][i]).status != 200) continue;
        MutexLock lock(mutex);
        cosigned.insert(tlog::ParseNote(notes[t][i])->text);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(cosigned.size(), 1u);
  std::map<uint64_t, tlog::Hash> roots;
  bool honest = false, lying = false;
  for (const std::string& text : cosigned) {
    const tlog::Checkpoint checkpoint = *tlog::ParseCheckpoint(text);
    EXPECT_TRUE(roots.emplace(checkpoint.size, checkpoint.root).second) << "two roots at " << checkpoint.size;
    if (checkpoint.size == 0) continue;
    honest |= tlog::ParseNote(log_.Checkpoint(checkpoint.size))->text == text;
    lying |= tlog::ParseNote(liar_.Checkpoint(checkpoint.size))->text == text;
  }
  EXPECT_NE(honest, lying);
}

TEST_F(WitnessTest, AStateIsMadeOnceReadWholeAndHeldAlone) {
  EXPECT_THAT(WitnessState::Create(path()), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("already_initialised")));
  EXPECT_THAT(WitnessState::Open(path()), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("in_use")));
  ExpectCosigned(Add(log_.Request(0, 5)), log_.Checkpoint(5));
  ExpectCosigned(Add(other_.Request(0, 5)), other_.Checkpoint(5));
  const std::string file = *ReadTextFile(path(), kMaxState);
  ASSERT_OK(WitnessState::Parse(file));
  for (size_t i = 0; i < file.size(); ++i) {
    std::string changed = file;
    changed[i] ^= 1;
    EXPECT_THAT(WitnessState::Parse(changed), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("state_damaged"))) << i;
    EXPECT_THAT(WitnessState::Parse(file.substr(0, i)), StatusIs(absl::StatusCode::kDataLoss)) << i;
  }
  EXPECT_THAT(WitnessState::Parse(file + "\n"), StatusIs(absl::StatusCode::kDataLoss));
  witness_.reset();
  std::filesystem::remove(path());
  EXPECT_THAT(WitnessState::Open(path()), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not_initialised")));
}

}  // namespace
}  // namespace plumbline::witness
