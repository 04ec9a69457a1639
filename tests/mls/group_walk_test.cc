// Random walks: whatever members do in whatever order, they stay in agreement, and nobody else can
// read.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>

#include "mls/group.h"
#include "tests/mls/clients.h"

namespace plumbline::mls {
namespace {

constexpr size_t kMaxMembers = 10;
// Of the fast suites; the others cost a hundred times as much and walk less far.
constexpr int kSteps = 120;
constexpr int kStepsOfSlowSuites = 24;
int StepsOf(SuiteId suite) {
  const bool fast = static_cast<uint16_t>(suite) <= 3;
  return fast ? kSteps : kStepsOfSlowSuites;
}

class Walk {
 public:
  Walk(uint32_t seed, SuiteId suite) : random_(seed), suite_(suite) {
    const Client& first = NewClient();
    members_.emplace(first.name, first.NewGroup());
    Add();
  }

  void Step() {
    switch (Pick(10)) {
      case 0:
      case 1:
        if (members_.size() < kMaxMembers) return Add();
        return Remove();
      case 2:
        if (members_.size() > 2) return Remove();
        return Add();
      case 3:
        return CommitFrom(AnyMember(), {});
      case 8:
        return CommitWithAPsk();
      case 9:
        if (members_.size() < kMaxMembers) return JoinFromOutside();
        return ReturnFromOutside();
      case 4:
        return UpdateByReference();
      case 5:
        return Messages();
      case 6:
        return LoseARace();
      default:
        return StoreAndLoad();
    }
  }

  void ExpectAgreement() {
    const Group& first = members_.begin()->second;
    for (const auto& [name, group] : members_) {
      EXPECT_EQ(group.epoch(), first.epoch()) << name;
      EXPECT_EQ(group.EpochAuthenticator(), first.EpochAuthenticator()) << name;
      EXPECT_EQ(group.EncodedTree(), first.EncodedTree()) << name;
      EXPECT_TRUE(group.Export("label", {}, 32) == first.Export("label", {}, 32)) << name;
      EXPECT_EQ(group.member_count(), members_.size());
    }
  }

 private:
  size_t Pick(size_t count) { return std::uniform_int_distribution<size_t>(0, count - 1)(random_); }

  const Client& NewClient() {
    const std::string name = "client " + std::to_string(clients_.size());
    clients_.emplace(name, std::make_unique<Client>(name, suite_));
    clients_.at(name)->policy = OpenPolicy();
    return *clients_.at(name);
  }

  std::string AnyMember() { return std::next(members_.begin(), Pick(members_.size()))->first; }
  std::string AnyMemberBut(const std::string& name) {
    std::string other = AnyMember();
    while (other == name) other = AnyMember();
    return other;
  }
  HandshakeFraming AnyFraming() {
    return Pick(2) == 0 ? HandshakeFraming::kPrivateMessage : HandshakeFraming::kPublicMessage;
  }

  // Everyone but `from` takes a proposal.
  void Deliver(const std::string& from, const Bytes& proposal) {
    for (auto& [name, group] : members_) {
      if (name == from) continue;
      EXPECT_OK(ProcessAs<ProposalStored>(group, proposal)) << name;
    }
  }

  // `from` commits; everyone else follows; who left before sees nothing.
  void CommitFrom(const std::string& from, CommitParams params,
                  const std::vector<const Client*>& joining = {},
                  const std::vector<KeyPackageBundle>& bundles = {}) {
    params.framing = AnyFraming();
    params.tree_in_welcome = Pick(2) == 0;
    const bool tree_in_welcome = params.tree_in_welcome;
    ASSERT_OK_AND_ASSIGN(StagedCommit staged,
                         members_.at(from).Commit(std::move(params), kTrusting, kNow));
    for (auto& [name, former] : former_)
      EXPECT_FALSE(former.Process(staged.message, kTrusting, kNow).ok()) << name;
    std::vector<std::string> gone;
    for (auto& [name, group] : members_) {
      if (name == from) continue;
      ASSERT_OK_AND_ASSIGN(StagedCommit seen, ProcessAs<StagedCommit>(group, staged.message));
      EXPECT_EQ(seen.removes_us, !seen.next.has_value());
      if (seen.removes_us) gone.push_back(name);
      if (seen.removes_us) continue;
      EXPECT_OK(group.AdvanceTo(*std::move(seen.next)));
    }
    EXPECT_OK(members_.at(from).AdvanceTo(*std::move(staged.next)));
    for (const std::string& name : gone) {
      former_.emplace(name, std::move(members_.at(name)));
      members_.erase(name);
    }
    std::optional<Bytes> tree;
    if (!tree_in_welcome) tree = members_.at(from).EncodedTree();
    for (size_t i = 0; i < joining.size(); ++i) {
      ASSERT_OK_AND_ASSIGN(Group joined, joining[i]->Join(*staged.welcome, bundles[i], tree));
      EXPECT_FALSE(last_message_ && joined.Process(*last_message_, kTrusting, kNow).ok());
      members_.emplace(joining[i]->name, std::move(joined));
    }
  }

  void Add() {
    std::vector<const Client*> joining;
    std::vector<KeyPackageBundle> bundles;
    CommitParams params;
    params.force_path = Pick(2) == 0;
    const std::string from = AnyMember();
    const size_t count = 1 + Pick(std::min<size_t>(3, kMaxMembers - members_.size()));
    for (size_t i = 0; i < count; ++i) {
      joining.push_back(&NewClient());
      bundles.push_back(joining.back()->NewKeyPackage());
      if (Pick(3) != 0) {
        params.adds.push_back(bundles.back().key_package);
        continue;
      }
      const std::string proposer = AnyMember();
      ASSERT_OK_AND_ASSIGN(const Bytes proposal,
                           members_.at(proposer).ProposeAdd(bundles.back().key_package,
                                                            AnyFraming(), kTrusting, kNow));
      Deliver(proposer, proposal);
    }
    CommitFrom(from, std::move(params), joining, bundles);
  }

  void Remove() {
    const std::string from = AnyMember();
    const std::string target = AnyMemberBut(from);
    CommitParams params;
    const LeafIndex index = members_.at(target).own_leaf();
    if (Pick(2) == 0) {
      params.removes = {index};
    } else {
      const std::string proposer = AnyMember();
      ASSERT_OK_AND_ASSIGN(const Bytes proposal,
                           members_.at(proposer).ProposeRemove(index, AnyFraming()));
      Deliver(proposer, proposal);
    }
    CommitFrom(from, std::move(params));
  }

  // The epoch's own resumption PSK, by value or proposed by another.
  void CommitWithAPsk() {
    const std::string from = AnyMember();
    const uint64_t epoch = members_.at(from).epoch();
    CommitParams params;
    params.force_path = Pick(2) == 0;
    if (Pick(2) == 0) {
      params.resumption_psks = {epoch};
    } else {
      const std::string proposer = AnyMember();
      ASSERT_OK_AND_ASSIGN(const Bytes proposal,
                           members_.at(proposer).ProposeResumptionPsk(epoch, AnyFraming()));
      Deliver(proposer, proposal);
    }
    CommitFrom(from, std::move(params));
  }

  void JoinFromOutside() { ComeIn(NewClient(), /*again=*/false); }

  // A member that lost its state takes its own place, with new keys.
  void ReturnFromOutside() {
    const std::string name = AnyMember();
    Client& client = *clients_.at(name);
    client = Client(name, suite_);
    client.policy = OpenPolicy();
    ComeIn(client, /*again=*/true);
  }

  void ComeIn(const Client& client, bool again) {
    const Group& host = members_.at(again ? AnyMemberBut(client.name) : AnyMember());
    const bool with_tree = Pick(2) == 0;
    ASSERT_OK_AND_ASSIGN(const Bytes info, host.ExportGroupInfo({.ratchet_tree = with_tree}));
    ExternalJoinParams params = client.external_params();
    params.replace_own_leaf = again;
    if (!with_tree) params.ratchet_tree = host.EncodedTree();
    ASSERT_OK_AND_ASSIGN(StagedCommit staged, client.JoinExternally(info, std::move(params)));
    for (auto& [name, former] : former_)
      EXPECT_FALSE(former.Process(staged.message, kTrusting, kNow).ok()) << name;
    for (auto& [name, group] : members_) {
      ASSERT_OK_AND_ASSIGN(StagedCommit seen, ProcessAs<StagedCommit>(group, staged.message));
      EXPECT_EQ(seen.removes_us, name == client.name);
      if (seen.removes_us) continue;
      EXPECT_OK(group.AdvanceTo(*std::move(seen.next)));
    }
    members_.erase(client.name);
    ASSERT_OK_AND_ASSIGN(Group group, Group::Enter(*std::move(staged.next)));
    members_.emplace(client.name, std::move(group));
  }

  void UpdateByReference() {
    const std::string from = AnyMember();
    const std::string proposer = AnyMemberBut(from);
    ASSERT_OK_AND_ASSIGN(const Bytes proposal,
                         members_.at(proposer).ProposeUpdate({}, AnyFraming()));
    Deliver(proposer, proposal);
    const Bytes before = members_.at(proposer).own_leaf_node().encryption_key;
    CommitFrom(from, {});
    EXPECT_NE(members_.at(proposer).own_leaf_node().encryption_key, before);
  }

  void Messages() {
    const std::string from = AnyMember();
    std::vector<Bytes> messages;
    for (size_t i = 0; i <= Pick(5); ++i) {
      ASSERT_OK_AND_ASSIGN(const Bytes message,
                           members_.at(from).Protect(AsBytes(std::to_string(i)), {},
                                                     Padding{Padding::Kind::kPadme, 256}));
      messages.push_back(message);
    }
    last_message_ = messages.back();
    for (auto& [name, group] : members_) {
      if (name == from) continue;
      std::shuffle(messages.begin(), messages.end(), random_);
      for (const Bytes& message : messages) {
        EXPECT_OK(ProcessAs<ApplicationMessage>(group, message)) << name;
        EXPECT_FALSE(group.Process(message, kTrusting, kNow).ok()) << "read twice by " << name;
      }
    }
    for (auto& [name, former] : former_)
      EXPECT_FALSE(former.Process(messages[0], kTrusting, kNow).ok()) << name;
  }

  void LoseARace() {
    const std::string loser = AnyMember();
    const Bytes before = members_.at(loser).EpochAuthenticator();
    ASSERT_OK(members_.at(loser).Commit({}, kTrusting, kNow));  // dropped
    EXPECT_EQ(members_.at(loser).EpochAuthenticator(), before);
    CommitFrom(AnyMemberBut(loser), {});
  }

  void StoreAndLoad() {
    Group& group = members_.at(AnyMember());
    const Secret stored = group.Serialize();
    ASSERT_OK_AND_ASSIGN(group, Group::Parse(stored.view()));
    EXPECT_TRUE(group.Serialize() == stored);
    group = group.Clone();
    EXPECT_TRUE(group.Serialize() == stored);
  }

  std::mt19937 random_;
  SuiteId suite_;
  std::map<std::string, std::unique_ptr<Client>> clients_;
  std::map<std::string, Group> members_;
  std::map<std::string, Group> former_;
  std::optional<Bytes> last_message_;
};

class GroupWalk : public ::testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, GroupWalk, ::testing::Range(1u, 9u));

TEST_P(GroupWalk, EndsInAgreementAndKeepsOthersOut) {
  const std::vector<SuiteId> suites = CipherSuite::Supported();
  const SuiteId suite = suites[GetParam() % suites.size()];
  Walk walk(GetParam(), suite);
  for (int step = 0; step < StepsOf(suite); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    walk.Step();
    walk.ExpectAgreement();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace plumbline::mls
