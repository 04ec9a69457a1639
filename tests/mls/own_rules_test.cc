// What a member refuses to make itself (it would be refused by all others), and the bounds on what
// it keeps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "mls/epoch_change.h"
#include "mls/external.h"
#include "tests/mls/clients.h"

namespace plumbline::mls {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

class OwnRules : public ::testing::Test {
 protected:
  Group& alice() { return groups_[0]; }
  Group& bob() { return groups_[1]; }
  // Alice commits with a change to her own leaf; nothing of her changes.
  absl::Status CommitWith(LeafChange change, const AuthenticationService& judge = kTrusting) {
    CommitParams params;
    params.leaf = std::move(change);
    const Secret before = alice().Serialize();
    const absl::Status status = alice().Commit(std::move(params), judge, kNow).status();
    EXPECT_TRUE(status.ok() || alice().Serialize() == before);
    return status;
  }
  static auto Refused(const std::string& rule, Code code = Code::kInvalidArgument) {
    return StatusIs(code, HasSubstr(rule));
  }

  Client alice_{"alice"}, bob_{"bob"}, dave_{"dave"};
  std::vector<Group> groups_ = MakeGroup(alice_, {&bob_});
};

TEST_F(OwnRules, NewLeafContradictsNeitherItselfNorTheGroup) {
  Capabilities none = Capabilities::Default();
  none.credentials.clear();
  EXPECT_THAT(CommitWith({.capabilities = none}), Refused("its own credential type"));
  EXPECT_THAT(alice().ProposeUpdate({.capabilities = none}, HandshakeFraming::kPublicMessage),
              Refused("credential type"));
  GroupAccess::State(alice()).context.extensions = {{0xF0A2, {}}};
  EXPECT_THAT(CommitWith({}), Refused("does not support"));
  EXPECT_THAT(alice().ProposeUpdate({}, HandshakeFraming::kPublicMessage),
              Refused("does not support"));
}

TEST_F(OwnRules, NewCredentialAndKeyAreOnesOwn) {
  LeafChange stolen;
  stolen.signature_key = bob_.KeyPair();
  EXPECT_THAT(CommitWith(std::move(stolen)), Refused("another member's"));
  EXPECT_THAT(CommitWith({.credential = dave_.credential()}), Refused("another client"));
  TestAuthentication strict;
  strict.refused = ToBytes(AsBytes("dave"));
  EXPECT_THAT(CommitWith({.credential = dave_.credential()}, strict),
              Refused("refused", Code::kUnauthenticated));
}

// Nobody is shown a leaf that is past its time: the next commit brings a new one.
TEST_F(OwnRules, ALeafWhoseLifetimeIsOverIsRenewed) {
  for (const bool over : {false, true}) {
    const absl::Time now =
        absl::FromUnixSeconds(static_cast<int64_t>(bob_.lifetime().not_after) + (over ? 1 : 0));
    KeyPackageParams later = dave_.key_package_params();
    later.lifetime = Lifetime::From(now - absl::Hours(1), absl::Hours(24));
    CommitParams params;
    params.adds = {GenerateKeyPackage(later, dave_.signature_key)->key_package};
    params.force_path = false;
    ASSERT_OK_AND_ASSIGN(const StagedCommit staged,
                         bob().Commit(std::move(params), kTrusting, now));
    EXPECT_EQ(staged.has_path, over);
    EXPECT_EQ(staged.next->own_leaf_node().source,
              over ? LeafNodeSource::kCommit : LeafNodeSource::kKeyPackage);
  }
}

TEST_F(OwnRules, ProposalsAreCheckedBeforeTheyAreMade) {
  KeyPackageParams expired = dave_.key_package_params();
  expired.lifetime = {1, 2};
  const KeyPackage key_package = GenerateKeyPackage(expired, dave_.signature_key)->key_package;
  CommitParams params;
  params.adds = {key_package};
  EXPECT_THAT(alice().Commit(std::move(params), kTrusting, kNow), Refused("lifetime"));
  const HandshakeFraming open = HandshakeFraming::kPublicMessage;
  EXPECT_THAT(alice().ProposeAdd(key_package, open, kTrusting, kNow), Refused("lifetime"));
  EXPECT_THAT(alice().ProposeRemove({7}, open), Refused("not a member"));
  EXPECT_THAT(alice().ProposeGroupContextExtensions({{kExtensionRatchetTree, {}}}, open),
              Refused("not for group contexts"));
  EXPECT_EQ(alice().pending_proposals(), 0u);
  params = {};
  params.removes = {alice().own_leaf()};
  EXPECT_THAT(alice().Commit(std::move(params), kTrusting, kNow), Refused("removes its committer"));
}

TEST_F(OwnRules, WhatIsReferredToIsCheckedAgain) {
  const HandshakeFraming open = HandshakeFraming::kPublicMessage;
  ASSERT_OK_AND_ASSIGN(const Bytes add,
                       bob().ProposeAdd(dave_.NewKeyPackage().key_package, open, kTrusting, kNow));
  ASSERT_OK(ProcessAs<ProposalStored>(alice(), add));
  TestAuthentication strict;
  strict.refused = ToBytes(AsBytes("dave"));
  CommitParams params;
  params.references = alice().pending_refs();
  EXPECT_THAT(alice().Commit(std::move(params), strict, kNow),
              Refused("refused", Code::kUnauthenticated));
}

TEST_F(OwnRules, PoliciesHaveRanges) {
  const auto all_refuse = [&](const std::function<void(GroupPolicy&)>& change) {
    GroupPolicy policy = OpenPolicy();
    change(policy);
    CreateGroupParams params = alice_.group_params();
    params.policy = policy;
    EXPECT_THAT(Group::Create(std::move(params), alice_.KeyPair()),
                StatusIs(Code::kInvalidArgument));
    const KeyPackageBundle bundle = dave_.NewKeyPackage();
    CommitParams commit;
    commit.adds = {bundle.key_package};
    ASSERT_OK_AND_ASSIGN(const StagedCommit staged,
                         alice().Commit(std::move(commit), kTrusting, kNow));
    EXPECT_THAT(dave_.Join(*staged.welcome, bundle, std::nullopt, policy),
                StatusIs(Code::kInvalidArgument));
    ASSERT_OK_AND_ASSIGN(const Bytes info, alice().ExportGroupInfo());
    EXPECT_THAT(Group::JoinExternally(info, dave_.external_params(), dave_.KeyPair(), kTrusting,
                                      kNow, policy),
                StatusIs(Code::kInvalidArgument));
  };
  all_refuse([](GroupPolicy& p) { p.max_past_epochs = kMaxPastEpochs + 1; });
  all_refuse([](GroupPolicy& p) { p.max_members = 0; });
  all_refuse([](GroupPolicy& p) { p.max_members = kMaxLeaves + 1; });
  all_refuse([](GroupPolicy& p) { p.max_lifetime = -absl::Seconds(1); });
}

TEST_F(OwnRules, CreatorsLeafFitsItsGroup) {
  const auto create = [&](const std::function<void(CreateGroupParams&)>& change) {
    CreateGroupParams params = alice_.group_params();
    change(params);
    return Group::Create(std::move(params), alice_.KeyPair()).status();
  };
  EXPECT_THAT(create([](CreateGroupParams& p) { p.group_id.clear(); }), Refused("group id"));
  EXPECT_THAT(create([](CreateGroupParams& p) { p.group_id.assign(256, 1); }), Refused("group id"));
  EXPECT_THAT(create([](CreateGroupParams& p) { p.capabilities.credentials.clear(); }),
              Refused("credential type"));
  EXPECT_THAT(create([](CreateGroupParams& p) {
                p.group_context_extensions = {{kExtensionExternalPub, {}}};
              }),
              Refused("not for group contexts"));
  EXPECT_THAT(create([](CreateGroupParams& p) {
                p.group_context_extensions = {{0xF0A2, {}}};
              }),
              Refused("does not support"));
}

TEST_F(OwnRules, EpochsEnd) {
  GroupAccess::State(alice()).context.epoch = std::numeric_limits<uint64_t>::max();
  EXPECT_THAT(CommitWith({}), Refused("no further epoch", Code::kResourceExhausted));
}

TEST_F(OwnRules, ProposalsOfAnEpochAreBounded) {
  PendingProposals& pending = GroupAccess::State(alice()).proposals;
  for (uint32_t i = 0; pending.CheckRoom().ok(); ++i) {
    Writer ref;
    ref.U32(i);
    pending.Add({{ref.TakeBytes()}, MemberSender({1}), RemoveProposal{{0}}});
  }
  EXPECT_EQ(pending.list().size(), kMaxPendingProposals);
  const HandshakeFraming open = HandshakeFraming::kPublicMessage;
  EXPECT_THAT(alice().ProposeUpdate({}, open), Refused("too many", Code::kResourceExhausted));
  ASSERT_OK_AND_ASSIGN(const Bytes message, bob().ProposeUpdate({}, open));
  EXPECT_THAT(alice().Process(message, kTrusting, kNow).status(),
              Refused("too many", Code::kResourceExhausted));
  EXPECT_EQ(alice().pending_proposals(), kMaxPendingProposals);
}

TEST_F(OwnRules, AStoredProposalIsKeptOnce) {
  PendingProposals pending;
  const StoredProposal stored{{{1}}, MemberSender({1}), RemoveProposal{{0}}};
  pending.Add(stored);
  pending.Add(stored);
  EXPECT_EQ(pending.list().size(), 1u);
  Writer good;
  pending.Write(good);
  Reader in(good.view());
  EXPECT_OK(PendingProposals::Read(in));
  const auto read = [](uint32_t count, uint32_t sender) {
    Writer out;
    out.U32(count);
    for (int i = 0; i < 2; ++i) {
      out.Vector(Bytes{1}).U32(sender);
      WriteProposal(out, RemoveProposal{{0}});
    }
    out.U32(0);
    Reader rest(out.view());
    return PendingProposals::Read(rest).status();
  };
  EXPECT_THAT(read(2, 0), Refused("occurs twice"));
  EXPECT_THAT(read(2, 3u << 30), Refused("no possible sender"));
  EXPECT_THAT(read(2, (2u << 30) | 1), Refused("no possible sender"));
  EXPECT_THAT(read(kMaxPendingProposals + 1, 0), Refused("too many stored"));
}

TEST(ReInitVersion, ASuccessorOfAnUnknownVersionIsNotMade) {
  Client alice("alice");
  Group group = alice.NewGroup();
  GroupAccess::State(group).reinit = ReInitProposal{{1}, 2, 1, {}};
  EXPECT_THAT(group.Reinitialize(alice.group_params(), alice.KeyPair(), {}, kTrusting, kNow),
              StatusIs(Code::kUnimplemented));
}

// --- Bounds and leftovers of the parsers ---

TEST(ParserBounds, CommitsHoldABoundedNumberOfProposals) {
  const auto read = [](size_t count) {
    Commit commit;
    commit.proposals.assign(count, ProposalRef{{1}});
    Writer out;
    WriteCommit(out, commit);
    Reader in(out.view());
    return ReadCommit(in).status();
  };
  EXPECT_OK(read(kMaxProposalsInCommit));
  EXPECT_THAT(read(kMaxProposalsInCommit + 1), StatusIs(Code::kInvalidArgument));
}

TEST(ParserBounds, PathsAreNoLongerThanATreeIsHigh) {
  const Client alice("alice");
  const auto read = [&](size_t count) {
    UpdatePath path;
    path.leaf_node = alice.NewKeyPackage().key_package.leaf_node;
    path.nodes.resize(count);
    Writer out;
    WriteUpdatePath(out, path);
    Reader in(out.view());
    return ReadUpdatePath(in).status();
  };
  EXPECT_OK(read(31));
  EXPECT_THAT(read(32), StatusIs(Code::kInvalidArgument));
}

TEST(ParserBounds, ListsOfExtensionsAreBounded) {
  const auto read = [](uint16_t count) {
    Extensions extensions;
    for (uint16_t i = 0; i < count; ++i)
      extensions.push_back({static_cast<uint16_t>(0xF000 + i), {}});
    Writer out;
    WriteExtensions(out, extensions);
    Reader in(out.view());
    return ReadExtensions(in).status();
  };
  EXPECT_OK(read(256));
  EXPECT_THAT(read(257), StatusIs(Code::kInvalidArgument));
}

TEST(ParserBounds, PsksAreBounded) {
  const auto parse = [](size_t count) {
    GroupSecrets secrets;
    secrets.joiner_secret = Secret(32);
    secrets.psks.resize(count);
    return ParseGroupSecrets(Encode(secrets).view()).status();
  };
  EXPECT_OK(parse(256));
  EXPECT_THAT(parse(257), StatusIs(Code::kInvalidArgument));
  std::vector<Psk> psks(65536);
  EXPECT_THAT(DerivePskSecret(**CipherSuite::Get(1), psks), StatusIs(Code::kInvalidArgument));
}

TEST(ParserLeftovers, NothingFollowsAStructure) {
  const auto longer = [](Bytes bytes) {
    bytes.push_back(0);
    return bytes;
  };
  EXPECT_THAT(ParseRequiredCapabilities(longer(Encode(RequiredCapabilities{}))),
              StatusIs(Code::kInvalidArgument));
  GroupSecrets secrets;
  secrets.joiner_secret = Secret(32);
  EXPECT_THAT(ParseGroupSecrets(longer(ToBytes(Encode(secrets).view()))),
              StatusIs(Code::kInvalidArgument));
  AuthenticatedContent content;
  content.content.content = Proposal(RemoveProposal{{0}});
  EXPECT_OK(ParseAuthenticatedContent(Encode(content)));
  EXPECT_THAT(ParseAuthenticatedContent(longer(Encode(content))), StatusIs(Code::kInvalidArgument));
  const KeyPackageBundle bundle = Client("alice").NewKeyPackage();
  EXPECT_THAT(KeyPackageBundle::Parse(longer(ToBytes(bundle.Serialize().view()))),
              StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(RatchetTree::Parse(**CipherSuite::Get(1),
                                 longer(Client("alice").NewGroup().EncodedTree()), 10),
              StatusIs(Code::kInvalidArgument));
}

TEST(ParserVersions, OthersAreRefused) {
  Bytes key_package = EncodeKeyPackageMessage(Client("alice").NewKeyPackage().key_package);
  key_package[1] = 2;
  EXPECT_THAT(ParseMlsMessage(key_package), StatusIs(Code::kUnimplemented));
  GroupContext context;
  Bytes encoded = Encode(context);
  encoded[1] = 2;
  Reader in(encoded);
  EXPECT_THAT(ReadGroupContext(in), StatusIs(Code::kInvalidArgument));
  Bytes bundle = ToBytes(Client("alice").NewKeyPackage().Serialize().view());
  bundle[0] = 2;
  EXPECT_THAT(KeyPackageBundle::Parse(bundle), StatusIs(Code::kInvalidArgument));
  AuthenticatedContent content;
  content.content.content = Proposal(RemoveProposal{{0}});
  Bytes wire = Encode(content);
  wire[1] = 3;  // a Welcome
  EXPECT_THAT(ParseAuthenticatedContent(wire), StatusIs(Code::kInvalidArgument));
}

// The octets that say what follows.
TEST(ParserKinds, UnknownOnesAreRefused) {
  const Client alice("alice");
  Group group = alice.NewGroup();
  ASSERT_OK_AND_ASSIGN(const Bytes message,
                       group.ProposeExternalPsk(Bytes{1}, HandshakeFraming::kPublicMessage));
  const size_t sender = 4 + 1 + group.group_id().size() + 8;  // after format, group id, epoch
  const size_t content = sender + 1 + 4 + 1;                  // after index and no data
  for (const auto& [place, last] : {std::pair{sender, 4}, std::pair{content, 3}}) {
    for (const int value : {0, last + 1, 255}) {
      Bytes changed = message;
      changed[place] = static_cast<uint8_t>(value);
      EXPECT_THAT(ParseMlsMessage(changed), StatusIs(Code::kInvalidArgument)) << place;
    }
  }
  // What follows fits here: a new member has no index, and a PrivateMessage hides its content.
  ASSERT_OK_AND_ASSIGN(
      Bytes add, ProposeOwnAdd({SuiteId::kX25519Aes128GcmSha256Ed25519, group.group_id(), 0},
                               alice.NewKeyPackage().key_package, CopyKey(alice.signature_key)));
  ASSERT_OK_AND_ASSIGN(Bytes sealed, group.Protect(AsBytes("hello"), {}));
  EXPECT_OK(ParseMlsMessage(add));
  EXPECT_OK(ParseMlsMessage(sealed));
  for (const uint8_t value : {0, 5, 255}) {
    add[sender] = value;
    sealed[sender] = value;
    EXPECT_THAT(ParseMlsMessage(add), StatusIs(Code::kInvalidArgument));
    EXPECT_THAT(ParseMlsMessage(sealed), StatusIs(Code::kInvalidArgument));
  }
  LeafNode unsourced = group.own_leaf_node();
  unsourced.source = static_cast<LeafNodeSource>(4);
  Writer out;
  WriteLeafNode(out, unsourced);
  Reader in(out.view());
  EXPECT_THAT(ReadLeafNode(in), StatusIs(Code::kInvalidArgument));
  Writer commit;
  commit.Vector(Bytes{3, 1, 1}).Present(false);
  Reader rest(commit.view());
  EXPECT_THAT(ReadCommit(rest), StatusIs(Code::kInvalidArgument));
}

TEST(LeafNodes, OfUpdatesAreSignedWithTheirPlace) {
  const Client alice("alice");
  LeafNode leaf = alice.NewKeyPackage().key_package.leaf_node;
  leaf.source = LeafNodeSource::kUpdate;
  EXPECT_THAT(VerifyLeafNodeSignature(**CipherSuite::Get(1), leaf, std::nullopt),
              StatusIs(Code::kInvalidArgument));
}

TEST(StoredSecrets, HaveTheSizeOfTheHash) {
  Writer out;
  for (int i = 0; i < 9; ++i) out.Vector(Bytes(31));
  Reader in(out.view());
  EXPECT_THAT(ReadEpochSecrets(**CipherSuite::Get(1), in), StatusIs(Code::kInvalidArgument));
}

TEST(ParserKinds, OfMessagesAreNotTakenForEachOther) {
  const Client alice("alice");
  const Group group = alice.NewGroup();
  ASSERT_OK_AND_ASSIGN(const Bytes info, group.ExportGroupInfo());
  EXPECT_THAT(ParseKeyPackageMessage(info), StatusIs(Code::kInvalidArgument));
  const KeyPackageBundle bundle = alice.NewKeyPackage();
  EXPECT_THAT(alice.Join(info, bundle),
              StatusIs(Code::kInvalidArgument, HasSubstr("not a Welcome")));
}

}  // namespace
}  // namespace plumbline::mls
