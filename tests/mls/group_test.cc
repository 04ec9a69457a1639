#include "mls/group.h"

#include <gtest/gtest.h>

#include "tests/mls/clients.h"

namespace plumbline::mls {
namespace {

using testing::StatusIs;
using Code = absl::StatusCode;

// Every member decrypts what every other one sends, and all agree on the epoch.
void ExpectInAgreement(std::vector<Group>& groups) {
  for (size_t sender = 0; sender < groups.size(); ++sender) {
    ASSERT_OK_AND_ASSIGN(const Bytes message, groups[sender].Protect(AsBytes("hello"), AsBytes("aad")));
    for (size_t receiver = 0; receiver < groups.size(); ++receiver) {
      SCOPED_TRACE(::testing::Message() << sender << " to " << receiver);
      EXPECT_EQ(groups[receiver].EpochAuthenticator(), groups[sender].EpochAuthenticator());
      if (sender == receiver) {
        EXPECT_OK(ProcessAs<OwnMessage>(groups[receiver], message));
        continue;
      }
      ASSERT_OK_AND_ASSIGN(const ApplicationMessage got, ProcessAs<ApplicationMessage>(groups[receiver], message));
      EXPECT_EQ(TextOf(got), "hello");
      EXPECT_EQ(got.sender, groups[sender].own_leaf());
      EXPECT_EQ(got.authenticated_data, ToBytes(AsBytes("aad")));
    }
  }
}

class EverySuite : public ::testing::TestWithParam<SuiteId> {};
INSTANTIATE_TEST_SUITE_P(Suites, EverySuite, ::testing::ValuesIn(CipherSuite::Supported()));

TEST_P(EverySuite, TwoMembersTalkAndCommitInBothDirections) {
  const Client alice("alice", GetParam());
  const Client bob("bob", GetParam());
  std::vector<Group> groups = MakeGroup(alice, {&bob});
  ExpectInAgreement(groups);
  for (const HandshakeFraming framing : {HandshakeFraming::kPrivateMessage, HandshakeFraming::kPublicMessage}) {
    for (size_t committer : {1, 0}) {
      CommitParams params;
      params.framing = framing;
      ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(groups[committer], std::move(params)));
      ASSERT_OK(ProcessAndAdvance(groups[1 - committer], staged.message));
      ExpectInAgreement(groups);
    }
  }
  EXPECT_EQ(groups[0].epoch(), 5u);
}

}  // namespace
}  // namespace plumbline::mls
