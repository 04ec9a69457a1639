// The commit gate of the real server, killed and started again: what former keys, repeats and founders can still do. None of it
// moves the gate or puts anything into a mailbox.
#include <gtest/gtest.h>

#include <csignal>
#include <functional>

#include "common/rpc/status.h"
#include "tests/server/server_process.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

namespace v1 = delivery::v1;

// A gate that has moved from epoch 3 to 5, and a mailbox that got the envelope of each move.
class MovedGate : public ::testing::Test {
 protected:
  MovedGate() {
    server_.Start();
    client_ = server_.Client();
    mailbox_ = server_.Mailbox(*client_);
    moves_.push_back(Move(3, gate_.Key(3), true));
    moves_.push_back(Move(4, gate_.Key(4)));
    for (const v1::SubmitRequest& move : moves_) EXPECT_EQ(OutcomeOf(move), v1::CommitOutcome::ACCEPTED);
    EXPECT_EQ(FetchAll(), 2u);
  }

  v1::SubmitRequest Move(uint64_t epoch, const crypto::Ed25519KeyPair& key, bool founds = false) {
    v1::SubmitRequest request;
    AddEnvelope(request, mailbox_, RandomBytes(1024));
    gate_.Sign(request, epoch, key, RandomBytes(1024));
    if (founds) request.mutable_commit()->set_current_public_key(ToString(key.public_key().view()));
    return request;
  }
  // In a session of its own: the client of a replay is not the one whose session it was.
  v1::CommitOutcome::Outcome OutcomeOf(v1::SubmitRequest request) {
    request.set_session_id(server_.Session(*client_));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    v1::SubmitResponse response;
    EXPECT_OK(rpc::FromGrpc(client_->Submit(&context, request, &response)));
    return response.commit().outcome();
  }
  // How many envelopes are in the mailbox; they are acknowledged.
  size_t FetchAll() {
    Receiver receiver(*client_, mailbox_);
    EXPECT_TRUE(receiver.Open());
    std::vector<uint64_t> tags;
    for (const auto& delivery : receiver.UntilCaughtUp()) tags.push_back(delivery.tag());
    if (!tags.empty()) receiver.Ack(tags);
    receiver.WritesDone();
    EXPECT_TRUE(receiver.Finish().ok());
    return tags.size();
  }
  void KillAndStart() {
    server_.Kill(SIGKILL);
    server_.Wait();
    server_.Start();
    client_ = server_.Client();
  }
  // Does `attempts` before and after the server was killed; then the gate still moves for whoever holds its present key.
  void BeforeAndAfterAKill(const std::function<void()>& attempts) {
    attempts();
    EXPECT_EQ(FetchAll(), 0u);
    KillAndStart();
    attempts();
    EXPECT_EQ(FetchAll(), 0u);
    EXPECT_EQ(OutcomeOf(Move(5, gate_.Key(5))), v1::CommitOutcome::ACCEPTED);
    EXPECT_EQ(FetchAll(), 1u);
  }

  ServerProcess server_;
  std::unique_ptr<v1::Delivery::Stub> client_;
  TestMailbox mailbox_;
  const TestGate gate_;
  std::vector<v1::SubmitRequest> moves_;
};

TEST_F(MovedGate, AFormerMembersKeyMovesNoEpoch) {
  BeforeAndAfterAKill([&] {
    for (const uint64_t key : {3, 4}) {
      for (const uint64_t epoch : {2, 3, 4, 6, 7}) EXPECT_EQ(OutcomeOf(Move(epoch, gate_.Key(key))), v1::CommitOutcome::LOST) << epoch;
      EXPECT_EQ(OutcomeOf(Move(5, gate_.Key(key))), v1::CommitOutcome::BAD_SIGNATURE);
    }
  });
}

TEST_F(MovedGate, AnAcceptedMoveAgainIsAnsweredAsBeforeAndDoesNothing) {
  BeforeAndAfterAKill([&] {
    for (const v1::SubmitRequest& move : moves_) EXPECT_EQ(OutcomeOf(move), v1::CommitOutcome::ACCEPTED);
  });
}

TEST_F(MovedGate, AnAcceptedMoveWithOtherEnvelopesOrAnotherCommitIsLost) {
  BeforeAndAfterAKill([&] {
    v1::SubmitRequest other = moves_[1];
    AddEnvelope(other, mailbox_, RandomBytes(1024));
    EXPECT_EQ(OutcomeOf(other), v1::CommitOutcome::LOST);
    other = moves_[1];
    other.mutable_commit()->set_sealed_commit(ToString(RandomBytes(1024)));
    EXPECT_EQ(OutcomeOf(other), v1::CommitOutcome::LOST);
    other = moves_[1];
    other.mutable_commit()->set_epoch(5);  // the same bytes for the present epoch
    EXPECT_EQ(OutcomeOf(other), v1::CommitOutcome::BAD_SIGNATURE);
  });
}

TEST_F(MovedGate, NobodyFoundsAKnownHandleAnew) {
  BeforeAndAfterAKill([&] {
    const crypto::Ed25519KeyPair own = crypto::Ed25519KeyPair::Generate();
    for (const uint64_t epoch : {0, 3, 4, 6}) EXPECT_EQ(OutcomeOf(Move(epoch, own, true)), v1::CommitOutcome::LOST) << epoch;
    EXPECT_EQ(OutcomeOf(Move(5, own, true)), v1::CommitOutcome::BAD_SIGNATURE);
  });
}

// The winner of an epoch is decided once: the loser of before the kill has lost after it.
TEST_F(MovedGate, WhoLostARaceHasLostItAfterAKill) {
  const v1::SubmitRequest winner = Move(5, gate_.Key(5)), loser = Move(5, gate_.Key(5));
  EXPECT_EQ(OutcomeOf(winner), v1::CommitOutcome::ACCEPTED);
  EXPECT_EQ(OutcomeOf(loser), v1::CommitOutcome::LOST);
  KillAndStart();
  EXPECT_EQ(OutcomeOf(loser), v1::CommitOutcome::LOST);
  EXPECT_EQ(OutcomeOf(winner), v1::CommitOutcome::ACCEPTED);
  EXPECT_EQ(FetchAll(), 1u);
}

}  // namespace
}  // namespace plumbline::server
