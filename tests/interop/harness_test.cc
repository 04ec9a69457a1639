// What plumbline-mls-interop promises about its numbers, beyond what scenarios show.
#include "interop/harness.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/status_matchers.h"

namespace plumbline::interop {
namespace {

using plumbline::testing::StatusIs;

// One harness plays everybody: it keeps no link between its states.
class HarnessTest : public ::testing::Test {
 protected:
  template <typename Out, typename In>
  Out Must(const In& in) {
    Out out;
    EXPECT_OK(harness_.Do(in, out));
    return out;
  }
  template <typename Out, typename In>
  absl::Status Try(const In& in) {
    Out out;
    return harness_.Do(in, out);
  }
  uint32_t Create(const std::string& identity) {
    pb::CreateGroupRequest in;
    in.set_group_id("a group");
    in.set_cipher_suite(1);
    in.set_encrypt_handshake(true);
    in.set_identity(identity);
    return Must<pb::CreateGroupResponse>(in).state_id();
  }
  pb::CreateKeyPackageResponse KeyPackage(const std::string& identity) {
    pb::CreateKeyPackageRequest in;
    in.set_cipher_suite(1);
    in.set_identity(identity);
    return Must<pb::CreateKeyPackageResponse>(in);
  }
  static pb::CommitRequest CommitOf(uint32_t state) {
    pb::CommitRequest in;
    in.set_state_id(state);
    return in;
  }
  uint32_t Next(uint32_t state) {
    pb::HandlePendingCommitRequest in;
    in.set_state_id(state);
    return Must<pb::HandleCommitResponse>(in).state_id();
  }
  uint32_t Handle(uint32_t state, const std::string& commit) {
    pb::HandleCommitRequest in;
    in.set_state_id(state);
    in.set_commit(commit);
    return Must<pb::HandleCommitResponse>(in).state_id();
  }
  uint32_t Join(uint32_t transaction, const std::string& welcome) {
    pb::JoinGroupRequest in;
    in.set_transaction_id(transaction);
    in.set_welcome(welcome);
    in.set_encrypt_handshake(true);
    return Must<pb::JoinGroupResponse>(in).state_id();
  }
  std::string Authenticator(uint32_t state) {
    pb::StateAuthRequest in;
    in.set_state_id(state);
    return Must<pb::StateAuthResponse>(in).state_auth_secret();
  }
  std::string Protect(uint32_t state, const std::string& text) {
    pb::ProtectRequest in;
    in.set_state_id(state);
    in.set_plaintext(text);
    return Must<pb::ProtectResponse>(in).ciphertext();
  }
  static pb::UnprotectRequest Read(uint32_t state, const std::string& message) {
    pb::UnprotectRequest in;
    in.set_state_id(state);
    in.set_ciphertext(message);
    return in;
  }
  // Ann in a new group with ben.
  std::pair<uint32_t, uint32_t> Pair() {
    const uint32_t ann = Create("ann");
    const pb::CreateKeyPackageResponse ben = KeyPackage("ben");
    pb::CommitRequest commit = CommitOf(ann);
    pb::ProposalDescription* const add = commit.add_by_value();
    add->set_proposal_type("add");
    add->set_key_package(ben.key_package());
    const auto made = Must<pb::CommitResponse>(commit);
    return {Next(ann), Join(ben.transaction_id(), made.welcome())};
  }

  Harness harness_{{.states = 64}};
};

TEST_F(HarnessTest, AStateStaysAsItWasWhenItsSuccessorIsMade) {
  const auto [ann, ben] = Pair();
  const std::string before = Authenticator(ben);
  const auto commit = Must<pb::CommitResponse>(CommitOf(ann));
  const uint32_t next = Handle(ben, commit.commit());
  EXPECT_NE(next, ben);
  EXPECT_EQ(Authenticator(ben), before);
  EXPECT_NE(Authenticator(next), before);
  EXPECT_EQ(Authenticator(Handle(ben, commit.commit())),
            Authenticator(next));  // a second time, from the same state
  const std::string late = Protect(ann, "late");
  EXPECT_EQ(Must<pb::UnprotectResponse>(Read(ben, late)).plaintext(), "late");
}

TEST_F(HarnessTest, AMessageOfThePastEpochIsReadThroughTheNextState) {
  const auto [ann, ben] = Pair();
  const std::string late = Protect(ann, "late");
  const uint32_t next = Handle(ben, Must<pb::CommitResponse>(CommitOf(ann)).commit());
  EXPECT_EQ(Must<pb::UnprotectResponse>(Read(next, late)).plaintext(), "late");
  EXPECT_THAT(Try<pb::UnprotectResponse>(Read(next, late)),
              ::testing::Not(StatusIs(absl::StatusCode::kOk)));  // once
}

TEST_F(HarnessTest, TheStateUnusedLongestIsForgottenFirst) {
  const uint32_t first = Create("first"), second = Create("second");
  for (int i = 0; i < 62; ++i) Create(absl::StrCat("filler ", i));
  Authenticator(first);
  Create("one more");
  pb::StateAuthRequest in;
  in.set_state_id(second);
  const absl::Status gone = Try<pb::StateAuthResponse>(in);
  EXPECT_THAT(gone, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_NE(std::string(gone.message()).find("pushed out"), std::string::npos) << gone;
  Authenticator(first);
}

TEST_F(HarnessTest, FreeForgetsOneState) {
  const auto [ann, ben] = Pair();
  pb::FreeRequest in;
  in.set_state_id(ann);
  Must<pb::FreeResponse>(in);
  EXPECT_THAT(Try<pb::FreeResponse>(in), StatusIs(absl::StatusCode::kInvalidArgument));
  Authenticator(ben);
}

TEST_F(HarnessTest, WhatIsRefusedChangesNothing) {
  const auto [ann, ben] = Pair();
  pb::CommitRequest commit = CommitOf(ann);
  commit.add_by_value()->set_proposal_type("remove");
  commit.mutable_by_value(0)->set_removed_id("nobody");
  EXPECT_THAT(Try<pb::CommitResponse>(commit), StatusIs(absl::StatusCode::kInvalidArgument));
  commit.mutable_by_value(0)->set_proposal_type("dance");
  EXPECT_THAT(Try<pb::CommitResponse>(commit), StatusIs(absl::StatusCode::kInvalidArgument));
  commit.clear_by_value();
  commit.add_by_reference(std::string("\0\1\0\2no message", 14));
  EXPECT_THAT(Try<pb::CommitResponse>(commit), StatusIs(absl::StatusCode::kInvalidArgument));
  pb::HandlePendingCommitRequest pending;
  pending.set_state_id(ann);
  // The commit of Pair() was made on an earlier state; on this one there is none.
  EXPECT_THAT(Try<pb::HandleCommitResponse>(pending),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  const auto made = Must<pb::CommitResponse>(CommitOf(ann));
  EXPECT_EQ(Authenticator(Next(ann)), Authenticator(Handle(ben, made.commit())));
}

TEST_F(HarnessTest, AnAddProposalStaysOutOfTheGroupUntilItIsCommitted) {
  const auto [ann, ben] = Pair();
  pb::AddProposalRequest in;
  in.set_state_id(ben);
  in.set_key_package(KeyPackage("cleo").key_package());
  const std::string proposal = Must<pb::ProposalResponse>(in).proposal();
  EXPECT_EQ(Must<pb::CommitResponse>(CommitOf(ann)).welcome(), "");
  pb::CommitRequest with = CommitOf(ann);
  with.add_by_reference(proposal);
  const auto made = Must<pb::CommitResponse>(with);
  EXPECT_NE(made.welcome(), "");
  pb::HandleCommitRequest handle;
  handle.set_state_id(ben);
  handle.add_proposal(proposal);
  handle.set_commit(made.commit());
  EXPECT_EQ(Must<pb::HandleCommitResponse>(handle).epoch_authenticator(), Authenticator(Next(ann)));
}

TEST_F(HarnessTest, NamesWhatItDoesNotHave) {
  pb::CreateGroupRequest in;
  in.set_group_id("x");
  in.set_cipher_suite(0xF0F0);
  EXPECT_THAT(Try<pb::CreateGroupResponse>(in), StatusIs(absl::StatusCode::kUnimplemented));
  in.set_cipher_suite(70000);
  EXPECT_THAT(Try<pb::CreateGroupResponse>(in), StatusIs(absl::StatusCode::kInvalidArgument));
  pb::ExportRequest out;
  out.set_state_id(Create("ann"));
  for (const uint32_t size : {0u, 255u * 32 + 1}) {
    out.set_key_length(size);
    EXPECT_THAT(Try<pb::ExportResponse>(out), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  out.set_key_length(255 * 32);
  EXPECT_EQ(Must<pb::ExportResponse>(out).exported_secret().size(), 255u * 32);
}

}  // namespace
}  // namespace plumbline::interop
