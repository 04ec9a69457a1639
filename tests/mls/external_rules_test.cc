// The rules for what comes from outside (RFC 9420 §12.1.8, §12.2, §12.4.3.2): each broken once by
// someone who can sign.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mls/external.h"
#include "tests/mls/clients.h"
#include "tests/mls/forgery.h"

namespace plumbline::mls {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

// Dave is outside and breaks rules; Bob must notice.
class ExternalRules : public ::testing::Test {
 protected:
  ExternalRules() {
    for (Client* const client : {&alice_, &bob_, &carol_, &dave_}) client->policy = OpenPolicy();
    groups_ = MakeGroup(alice_, {&bob_, &carol_});
  }
  Group& alice() { return groups_[0]; }
  Group& bob() { return groups_[1]; }
  Group& carol() { return groups_[2]; }

  void ExpectRefused(ByteView message, const std::string& rule,
                     Code code = Code::kInvalidArgument) {
    const Secret before = bob().Serialize();
    EXPECT_THAT(bob().Process(message, kTrusting, kNow).status(), StatusIs(code, HasSubstr(rule)));
    EXPECT_TRUE(bob().Serialize() == before);
  }
  Bytes Joining(std::vector<Proposal> proposals, const JoinForger::Hooks& hooks = {},
                int inits = 1) {
    return JoinForger(bob(), dave_).Joining(std::move(proposals), hooks, inits);
  }
  static JoinForger::Hooks Leaf(std::function<void(LeafNode&)> change) {
    JoinForger::Hooks hooks;
    hooks.leaf = std::move(change);
    return hooks;
  }
  static JoinForger::Hooks Path(std::function<void(UpdatePath&)> change) {
    JoinForger::Hooks hooks;
    hooks.path = std::move(change);
    return hooks;
  }
  GroupEpoch Epoch() {
    return {SuiteId::kX25519Aes128GcmSha256Ed25519, bob().group_id(), bob().epoch()};
  }
  // A proposal from outside of any kind, signed by Dave.
  Bytes From(const Sender& sender, Content content,
             const std::function<void(AuthenticatedContent&)>& after = nullptr) {
    AuthenticatedContent out =
        NewContent(GroupAccess::State(bob()), WireFormat::kPublicMessage, {}, std::move(content));
    out.content.sender = sender;
    if (out.content.type() == ContentType::kCommit) out.auth.confirmation_tag = Bytes(32);
    EXPECT_OK(SignContent(*GroupAccess::State(bob()).suite, dave_.signature_key.private_key,
                          Encode(GroupAccess::State(bob()).context), out));
    if (after) after(out);
    PublicMessage message;
    message.content = std::move(out.content);
    message.auth = std::move(out.auth);
    return Encode(MlsMessage{std::move(message)});
  }
  void NameDaveAsSender() {
    Bytes senders = EncodeExternalSenders({{dave_.signature_key.public_key, dave_.credential()}});
    for (Group& group : groups_)
      GroupAccess::State(group).context.extensions = {{kExtensionExternalSenders, senders}};
  }
  PskProposal Psk(size_t nonce_size) const {
    PskProposal psk;
    psk.id.psk_id = {1};
    psk.id.psk_nonce = Bytes(nonce_size, 7);
    return psk;
  }

  Client alice_{"alice"}, bob_{"bob"}, carol_{"carol"}, dave_{"dave"}, erin_{"erin"};
  std::vector<Group> groups_;
};

// --- External commits ---

TEST_F(ExternalRules, TheForgerCanJoinProperly) {
  EXPECT_OK(ProcessAs<StagedCommit>(bob(), Joining({})));
}

TEST_F(ExternalRules, CommitHasExactlyOneExternalInit) {
  ExpectRefused(Joining({}, {}, 0), "exactly one ExternalInit");
  ExpectRefused(Joining({}, {}, 2), "exactly one ExternalInit");
}

TEST_F(ExternalRules, CommitHoldsNoOtherKinds) {
  const std::string rule = "not for external commits";
  ExpectRefused(Joining({AddProposal{erin_.NewKeyPackage().key_package}}), rule);
  ExpectRefused(Joining({GroupContextExtensionsProposal{{}}}), rule);
  ExpectRefused(Joining({UpdateProposal{bob().own_leaf_node()}}), rule);
  ExpectRefused(Joining({ReInitProposal{{1}, 1, 1, {}}}), rule);
}

TEST_F(ExternalRules, CommitRefersToNothing) {
  ASSERT_OK_AND_ASSIGN(const Bytes psk,
                       alice().ProposeExternalPsk(Bytes{1}, HandshakeFraming::kPublicMessage));
  ASSERT_OK_AND_ASSIGN(const ProposalStored stored, ProcessAs<ProposalStored>(bob(), psk));
  JoinForger::Hooks hooks;
  hooks.commit = [&](Commit& commit) { commit.proposals.emplace_back(ProposalRef{stored.ref}); };
  ExpectRefused(Joining({}, hooks), "refers to a proposal");
}

TEST_F(ExternalRules, CommitHasAPath) {
  JoinForger::Hooks hooks;
  hooks.commit = [](Commit& commit) { commit.path.reset(); };
  ExpectRefused(Joining({}, hooks), "lacks its path");
}

TEST_F(ExternalRules, CommitIsSignedWithTheKeyOfItsPath) {
  const auto other = [&](UpdatePath& path) {
    path.leaf_node.signature_key = erin_.signature_key.public_key;
  };
  ExpectRefused(Joining({}, Path(other)), "signature");
}

TEST_F(ExternalRules, CommitRemovesAtMostOneLeafAndItsOwnOnly) {
  ExpectRefused(Joining({RemoveProposal{{0}}, RemoveProposal{{2}}}), "more than one leaf");
  ExpectRefused(Joining({RemoveProposal{{2}}}), "another client", Code::kUnauthenticated);
  ExpectRefused(Joining({RemoveProposal{{7}}}), "not a member");
  // Nor can anyone put another member out while claiming to be it.
  ExpectRefused(Joining({RemoveProposal{{1}}}), "another client", Code::kUnauthenticated);
}

TEST_F(ExternalRules, ResyncChangesTheEncryptionKey) {
  const Client again("carol");
  JoinForger::Hooks hooks =
      Leaf([&](LeafNode& leaf) { leaf.encryption_key = carol().own_leaf_node().encryption_key; });
  ExpectRefused(JoinForger(bob(), again).Joining({RemoveProposal{{2}}}, hooks),
                "keeps the encryption key");
  EXPECT_OK(
      ProcessAs<StagedCommit>(bob(), JoinForger(bob(), again).Joining({RemoveProposal{{2}}})));
}

TEST_F(ExternalRules, PskRulesHold) {
  ExpectRefused(Joining({Psk(31)}), "nonce");
  ExpectRefused(Joining({Psk(32), Psk(32)}), "PSK id occurs twice");
  ExpectRefused(Joining({Psk(32)}), "external PSK", Code::kNotFound);
}

TEST_F(ExternalRules, AMemberDoesNotJoinAgain) {
  const Client again("carol");
  ExpectRefused(JoinForger(bob(), again).Joining({}), "already a member");
}

TEST_F(ExternalRules, JoinerLeafHasItsOwnSignatureKey) {
  Client thief("thief");
  thief.signature_key = {CopyKey(carol_.signature_key), carol_.signature_key.public_key};
  ExpectRefused(JoinForger(bob(), thief).Joining({}), "another member's");
}

TEST_F(ExternalRules, JoinerLeafIsValid) {
  ExpectRefused(Joining({}, Leaf([](LeafNode& leaf) { leaf.capabilities.credentials.clear(); })),
                "credential type");
  ExpectRefused(Joining({}, Leaf([](LeafNode& leaf) {
                          leaf.extensions = {{0xF0A1, {}}};
                        })),
                "extensions");
  ExpectRefused(Joining({}, Leaf([](LeafNode& leaf) { leaf.source = LeafNodeSource::kUpdate; })),
                "another source");
  ExpectRefused(Joining({}, Path([](UpdatePath& path) { path.leaf_node.signature[0] ^= 1; })),
                "signature");
  ExpectRefused(Joining({}, Leaf([](LeafNode& leaf) { leaf.parent_hash.assign(32, 1); })),
                "parent hash");
  TestAuthentication strict;
  strict.refused = ToBytes(AsBytes("dave"));
  EXPECT_THAT(bob().Process(Joining({}), strict, kNow).status(), StatusIs(Code::kUnauthenticated));
}

TEST_F(ExternalRules, JoinerLeafSupportsWhatTheGroupUses) {
  for (Group& group : groups_) GroupAccess::State(group).context.extensions = {{0xF0A2, {1}}};
  ExpectRefused(Joining({}), "does not support");
}

TEST_F(ExternalRules, PathIsCheckedAsEveryOther) {
  ExpectRefused(Joining({}, Path([](UpdatePath& p) { p.nodes.pop_back(); })), "number of nodes");
  ExpectRefused(Joining({}, Path([](UpdatePath& p) { p.nodes[0].encrypted_path_secrets.clear(); })),
                "ciphertexts");
  const Bytes known = alice().own_leaf_node().encryption_key;
  ExpectRefused(Joining({}, Path([&](UpdatePath& p) { p.nodes[0].encryption_key = known; })),
                "already in the tree");
}

TEST_F(ExternalRules, TheSecretMustBeTheGroups) {
  JoinForger::Hooks other;
  other.commit = [](Commit& commit) {
    std::get<ExternalInitProposal>(std::get<Proposal>(commit.proposals[0])).kem_output[3] ^= 1;
  };
  ExpectRefused(Joining({}, other), "confirmation tag");
  JoinForger::Hooks malformed;
  malformed.commit = [](Commit& commit) {
    std::get<ExternalInitProposal>(std::get<Proposal>(commit.proposals[0])).kem_output.resize(5);
  };
  ExpectRefused(Joining({}, malformed), "32 bytes");
  JoinForger::Hooks tag;
  tag.tag = [](Bytes& bytes) { bytes[0] ^= 1; };
  ExpectRefused(Joining({}, tag), "confirmation tag");
}

TEST_F(ExternalRules, GroupsHaveASize) {
  GroupAccess::State(bob()).policy.max_members = 3;
  ExpectRefused(Joining({}), "more members", Code::kResourceExhausted);
}

TEST_F(ExternalRules, AnEndedGroupTakesNobody) {
  const Bytes join = Joining({});
  GroupAccess::State(bob()).reinit = ReInitProposal{{1}, 1, 1, {}};
  ExpectRefused(join, "successor", Code::kFailedPrecondition);
}

TEST_F(ExternalRules, ANewMemberMayOnlyCommit) {
  ExpectRefused(From({SenderType::kNewMemberCommit, 0}, Proposal(RemoveProposal{{0}})),
                "lacks its path");
}

TEST_F(ExternalRules, GroupInfoIsVerifiedBeforeItIsUsed) {
  ASSERT_OK_AND_ASSIGN(const Bytes wire, alice().ExportGroupInfo());
  const auto join = [&](const std::function<void(GroupInfo&)>& change, bool sign) {
    GroupInfo info = *ParseGroupInfoMessage(wire);
    change(info);
    if (sign) {
      EXPECT_OK(SignGroupInfo(**CipherSuite::Get(1), alice_.signature_key.private_key, info));
    }
    return dave_.JoinExternally(Encode(MlsMessage{info}), dave_.external_params()).status();
  };
  const auto refused = [](const std::string& rule) {
    return StatusIs(Code::kInvalidArgument, HasSubstr(rule));
  };
  EXPECT_OK(join([](GroupInfo&) {}, true));
  EXPECT_THAT(join([](GroupInfo& i) { i.signature[0] ^= 1; }, false), refused("signature"));
  EXPECT_THAT(join([](GroupInfo& i) { i.signer = {7}; }, true), refused("not a member"));
  EXPECT_THAT(join([](GroupInfo& i) { i.signer = {1}; }, true), refused("signature"));
  EXPECT_THAT(join([](GroupInfo& i) { i.group_context.tree_hash[0] ^= 1; }, true),
              refused("tree hash"));
  EXPECT_THAT(join(
                  [](GroupInfo& i) {
                    i.extensions.push_back({kExtensionExternalSenders, {0}});
                  },
                  true),
              refused("not for GroupInfo"));
  EXPECT_THAT(join([](GroupInfo& i) { i.extensions[1].data = {1, 0}; }, true), refused("32 bytes"));
  EXPECT_THAT(join([](GroupInfo& i) { i.extensions[1].data = {2, 0}; }, true), refused(""));
  EXPECT_OK(join([](GroupInfo& i) { i.extensions.push_back({0x0A0A, {1, 2}}); }, true));
  EXPECT_THAT(dave_.JoinExternally(EncodeKeyPackageMessage(dave_.NewKeyPackage().key_package),
                                   dave_.external_params()),
              refused("not a GroupInfo"));
}

// --- External senders and new members that propose ---

TEST_F(ExternalRules, SenderMustBeNamedByTheGroup) {
  const Proposal remove = RemoveProposal{{0}};
  ExpectRefused(From({SenderType::kExternal, 0}, remove), "no external senders");
  NameDaveAsSender();
  EXPECT_OK(ProcessAs<ProposalStored>(bob(), From({SenderType::kExternal, 0}, remove)));
  ExpectRefused(From({SenderType::kExternal, 1}, Proposal(RemoveProposal{{2}})),
                "no such external sender");
}

TEST_F(ExternalRules, SenderSignsWithItsKey) {
  NameDaveAsSender();
  const auto spoil = [](AuthenticatedContent& content) { content.auth.signature[0] ^= 1; };
  ExpectRefused(From({SenderType::kExternal, 0}, Proposal(RemoveProposal{{0}}), spoil),
                "signature");
  ASSERT_OK_AND_ASSIGN(
      const Bytes forged,
      ProposeAsExternalSender(Epoch(), 0, CopyKey(erin_.signature_key), RemoveProposal{{0}}));
  ExpectRefused(forged, "signature");
}

TEST_F(ExternalRules, SenderProposesSomeKindsOnly) {
  NameDaveAsSender();
  const Sender sender{SenderType::kExternal, 0};
  ExpectRefused(From(sender, Proposal(UpdateProposal{bob().own_leaf_node()})),
                "not for external senders");
  ExpectRefused(From(sender, Proposal(ExternalInitProposal{{1}})), "not for external senders");
  EXPECT_THAT(
      ProposeAsExternalSender(Epoch(), 0, CopyKey(dave_.signature_key), ExternalInitProposal{{1}}),
      StatusIs(Code::kInvalidArgument));
  ExpectRefused(From(sender, Commit{}), "may only propose");
  ExpectRefused(From(sender, ApplicationData{Secret(3)}), "application data");
  ExpectRefused(From(sender, Proposal(RemoveProposal{{7}})), "not a member");
}

TEST_F(ExternalRules, NewMemberProposesItselfOnly) {
  const Sender sender{SenderType::kNewMemberProposal, 0};
  ExpectRefused(From(sender, Proposal(RemoveProposal{{0}})), "nothing but its Add");
  ExpectRefused(From(sender, Commit{}), "nothing but its Add");
  ExpectRefused(From(sender, Proposal(AddProposal{erin_.NewKeyPackage().key_package})),
                "signature");
  ExpectRefused(From(sender, ApplicationData{Secret(3)}), "application data");
  EXPECT_OK(ProcessAs<ProposalStored>(
      bob(), From(sender, Proposal(AddProposal{dave_.NewKeyPackage().key_package}))));
}

TEST_F(ExternalRules, ProposalsAreForThisEpochOfThisGroup) {
  GroupEpoch epoch = Epoch();
  epoch.epoch -= 1;
  const KeyPackage key_package = dave_.NewKeyPackage().key_package;
  ASSERT_OK_AND_ASSIGN(const Bytes early,
                       ProposeOwnAdd(epoch, key_package, CopyKey(dave_.signature_key)));
  ExpectRefused(early, "another epoch", Code::kNotFound);
  epoch = Epoch();
  epoch.group_id = {1};
  ASSERT_OK_AND_ASSIGN(const Bytes other,
                       ProposeOwnAdd(epoch, key_package, CopyKey(dave_.signature_key)));
  ExpectRefused(other, "another group", Code::kNotFound);
}

// A proposal of an outsider is no Update of the member whose number it has.
TEST_F(ExternalRules, StoredProposalsKeepTheirSenderOverARestart) {
  NameDaveAsSender();
  ASSERT_OK(ProcessAs<ProposalStored>(
      bob(), From({SenderType::kExternal, 0}, Proposal(RemoveProposal{{0}}))));
  ASSERT_OK(ProcessAs<ProposalStored>(
      bob(), From({SenderType::kNewMemberProposal, 0},
                  Proposal(AddProposal{dave_.NewKeyPackage().key_package}))));
  const Secret stored = bob().Serialize();
  // The tree hash binds no extension that a test writes into the state, so it parses.
  ASSERT_OK_AND_ASSIGN(Group restored, Group::Parse(stored.view()));
  EXPECT_TRUE(restored.Serialize() == stored);
  const std::vector<StoredProposal>& list = GroupAccess::State(restored).proposals.list();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].sender, (Sender{SenderType::kExternal, 0}));
  EXPECT_EQ(list[1].sender, (Sender{SenderType::kNewMemberProposal, 0}));
}

}  // namespace
}  // namespace plumbline::mls
