// The rules for proposals (RFC 9420 §7.3, §12.1, §12.2): each broken once by a member
// who can sign.
#include "tests/mls/proposal_rules.h"

namespace plumbline::mls {
namespace {

// --- Add ---

TEST_F(ProposalRules, AddOfAnotherSuiteIsRefused) {
  const Client other("dave", SuiteId::kX25519ChaCha20Poly1305Sha256Ed25519);
  ExpectRefusedBothWays(AddProposal{other.NewKeyPackage().key_package}, "another suite");
}

TEST_F(ProposalRules, AddOfAnotherVersionIsRefused) {
  ExpectRefusedBothWays(AddProposal{Altered([](KeyPackage& k) { k.version = 2; })}, "version");
}

TEST_F(ProposalRules, AddWithAWrongSignatureIsRefused) {
  KeyPackage key_package = dave_.NewKeyPackage().key_package;
  key_package.signature[0] ^= 1;
  ExpectRefusedBothWays(AddProposal{key_package}, "signature");
  key_package = dave_.NewKeyPackage().key_package;
  key_package.leaf_node.signature[0] ^= 1;
  ResignOutside(dave_, key_package);
  ExpectRefusedBothWays(AddProposal{key_package}, "signature");
}

TEST_F(ProposalRules, AddWithAnInitKeyThatIsTheEncryptionKeyIsRefused) {
  ExpectRefusedBothWays(
      AddProposal{Altered([](KeyPackage& k) { k.init_key = k.leaf_node.encryption_key; })},
      "init key equals");
}

TEST_F(ProposalRules, AddOutsideItsLifetimeIsRefused) {
  const uint64_t now = absl::ToUnixSeconds(kNow);
  ExpectRefusedBothWays(AddProposal{Altered([&](KeyPackage& k) {
                          k.leaf_node.lifetime = {0, now - 1};
                        })},
                        "lifetime");
  ExpectRefusedBothWays(AddProposal{Altered([&](KeyPackage& k) {
                          k.leaf_node.lifetime = {now + 1, now + 9};
                        })},
                        "lifetime");
  // Both ends belong to the lifetime, however long it is.
  const KeyPackage longest = Altered([&](KeyPackage& k) {
    k.leaf_node.lifetime = {now, UINT64_MAX};
  });
  EXPECT_OK(ProcessAs<ProposalStored>(bob(), forger_.Proposing(AddProposal{longest})));
}

TEST_F(ProposalRules, AddLongerLivedThanThePolicyIsRefused) {
  GroupAccess::State(bob()).policy.max_lifetime = absl::Hours(24);
  ExpectRefusedBothWays(AddProposal{dave_.NewKeyPackage().key_package}, "longer than the policy");
}

TEST_F(ProposalRules, AddOfALeafWithAnotherSourceIsRefused) {
  KeyPackage key_package = dave_.NewKeyPackage().key_package;
  key_package.leaf_node.source = LeafNodeSource::kUpdate;
  ExpectRefusedBothWays(AddProposal{key_package}, "another source");
}

TEST_F(ProposalRules, AddOfALeafThatContradictsItsCapabilitiesIsRefused) {
  ExpectRefusedBothWays(AddProposal{Altered([](KeyPackage& k) {
                          k.leaf_node.extensions = {{0xF0A1, {1}}};
                        })},
                        "does not list the type");
  ExpectRefusedBothWays(
      AddProposal{Altered([](KeyPackage& k) { k.leaf_node.capabilities.credentials = {2}; })},
      "own credential type");
  ExpectRefusedBothWays(
      AddProposal{Altered([](KeyPackage& k) { k.leaf_node.capabilities.versions = {}; })},
      "version and cipher suite");
  ExpectRefusedBothWays(
      AddProposal{Altered([](KeyPackage& k) { k.leaf_node.capabilities.cipher_suites = {3}; })},
      "version and cipher suite");
}

TEST_F(ProposalRules, ExtensionsAreRefusedWhereTheyDoNotBelong) {
  for (const uint16_t type : {2, 3, 4, 5}) {
    ExpectRefusedBothWays(AddProposal{Altered([&](KeyPackage& k) {
                            k.leaf_node.extensions = {{type, {}}};
                          })},
                          "not for leaf nodes");
    ExpectRefusedBothWays(AddProposal{Altered([&](KeyPackage& k) {
                            k.extensions = {{type, {}}};
                          })},
                          "not for key packages");
  }
  for (const uint16_t type : {1, 2, 4}) {
    ExpectRefusedBothWays(GroupContextExtensionsProposal{{{type, {}}}}, "not for group contexts");
  }
}

// GREASE and other unknown types in a key package's own extensions are carried, listed or not (RFC
// 9420 §13.5).
TEST_F(ProposalRules, AddWithUnknownKeyPackageExtensionsIsTaken) {
  const KeyPackage key_package = Altered([](KeyPackage& k) {
    k.extensions = {{0x1A1A, {1, 2}}, {0xF0FF, {}}};
    k.leaf_node.capabilities.extensions = {0x2A2A};
    k.leaf_node.capabilities.proposals = {0x3A3A};
  });
  EXPECT_OK(ProcessAs<ProposalStored>(bob(), forger_.Proposing(AddProposal{key_package})));
}

TEST_F(ProposalRules, AddWithUnusableKeysIsRefused) {
  const auto refuse = [&](const std::function<void(KeyPackage&)>& change, const std::string& why) {
    ExpectRefusedBothWays(AddProposal{Altered(change)}, why);
  };
  refuse([](KeyPackage& k) { k.init_key.pop_back(); }, "wrong size");
  refuse([](KeyPackage& k) { k.init_key = Bytes(32); }, "small order");
  refuse([](KeyPackage& k) { k.leaf_node.encryption_key.push_back(0); }, "wrong size");
  refuse([](KeyPackage& k) { k.leaf_node.encryption_key = Bytes(32); }, "small order");
  refuse([](KeyPackage& k) { k.leaf_node.signature_key.clear(); }, "public key is not 32 bytes");
}

TEST_F(ProposalRules, AddWithARefusedCredentialIsRefused) {
  TestAuthentication strict;
  strict.refused = ToBytes(AsBytes("dave"));
  const AddProposal add{dave_.NewKeyPackage().key_package};
  EXPECT_THAT(bob().Process(forger_.Proposing(add), strict, kNow).status(),
              StatusIs(Code::kUnauthenticated));
  EXPECT_THAT(bob().Process(forger_.Committing({add}), strict, kNow).status(),
              StatusIs(Code::kUnauthenticated));
}

TEST_F(ProposalRules, AddThatLacksWhatTheGroupUsesIsRefused) {
  const Bytes required = Encode(RequiredCapabilities{{}, {}, {kCredentialBasic, kCredentialX509}});
  CommitParams params;
  params.group_context_extensions = Extensions{{kExtensionRequiredCapabilities, required}};
  ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(alice(), std::move(params)));
  ASSERT_OK(ProcessAndAdvance(bob(), staged.message));
  const KeyPackage lacking =
      Altered([](KeyPackage& k) { k.leaf_node.capabilities.credentials = {1}; });
  ExpectRefused(forger_.Committing({AddProposal{lacking}}), "required credential type");
}

TEST_F(ProposalRules, AddOfTheSameClientTwiceIsRefused) {
  const AddProposal one{dave_.NewKeyPackage().key_package};
  const AddProposal two{dave_.NewKeyPackage().key_package};
  ExpectRefused(forger_.Committing({one, two}), "added twice");
}

TEST_F(ProposalRules, AddOfAMemberIsRefusedUnlessTheMemberLeaves) {
  const AddProposal again{Client("carol").NewKeyPackage().key_package};
  ExpectRefused(forger_.Committing({again}), "already a member");
  ASSERT_OK_AND_ASSIGN(
      const StagedCommit replaced,
      ProcessAs<StagedCommit>(bob(), forger_.CommittingWithPath({RemoveProposal{{2}}, again}, {})));
  EXPECT_EQ(replaced.next->member_count(), 3u);
}

TEST_F(ProposalRules, AddWithKeysOfOthersIsRefused) {
  KeyPackage key_package = dave_.NewKeyPackage().key_package;
  key_package.leaf_node.encryption_key = carol().own_leaf_node().encryption_key;
  Resign(dave_, key_package);
  ExpectRefused(forger_.Committing({AddProposal{key_package}}), "encryption key is already in the tree");
  key_package = dave_.NewKeyPackage().key_package;
  key_package.leaf_node.signature_key = carol_.signature_key.public_key;
  Resign(carol_, key_package);
  ExpectRefused(forger_.Committing({AddProposal{key_package}}), "signature key is another member's");
}

TEST_F(ProposalRules, AddsThatShareASignatureKeyAreRefused) {
  Client erin("erin");
  erin.signature_key = dave_.KeyPair();
  ExpectRefused(forger_.Committing({AddProposal{dave_.NewKeyPackage().key_package},
                                    AddProposal{erin.NewKeyPackage().key_package}}),
                "a signature key occurs twice");
}

TEST_F(ProposalRules, AddsThatShareAnInitKeyAreRefused) {
  const KeyPackage one = dave_.NewKeyPackage().key_package;
  const Client erin("erin");
  KeyPackage two = erin.NewKeyPackage().key_package;
  two.init_key = one.init_key;
  Resign(erin, two);
  ExpectRefused(forger_.Committing({AddProposal{one}, AddProposal{two}}), "share an init key");
}

TEST_F(ProposalRules, AddBeyondThePolicysSizeIsRefused) {
  GroupAccess::State(bob()).policy.max_members = 3;
  ExpectRefused(forger_.Committing({AddProposal{dave_.NewKeyPackage().key_package}}),
                "more members", Code::kResourceExhausted);
}

// --- Update ---

TEST_F(ProposalRules, UpdateOfAnotherSourceIsRefused) {
  ExpectRefused(
      forger_.Proposing(AlteredUpdate([](LeafNode& l) { l.source = LeafNodeSource::kCommit; })),
      "another source");
}

TEST_F(ProposalRules, UpdateThatKeepsTheKeyIsRefused) {
  const Bytes old_key = alice().own_leaf_node().encryption_key;
  ExpectRefused(forger_.Proposing(AlteredUpdate([&](LeafNode& l) { l.encryption_key = old_key; })),
                "keeps the");
}

TEST_F(ProposalRules, UpdateWithAWrongSignatureIsRefused) {
  UpdateProposal update = AlteredUpdate([](LeafNode&) {});
  update.leaf_node.signature[0] ^= 1;
  ExpectRefused(forger_.Proposing(update), "signature");
}

TEST_F(ProposalRules, UpdateToAnotherClientIsRefused) {
  const auto change = [](LeafNode& l) { l.credential = Credential::Basic(AsBytes("carol")); };
  ExpectRefused(forger_.Proposing(AlteredUpdate(change)), "changes the client",
                Code::kUnauthenticated);
}

TEST_F(ProposalRules, UpdateWithTheKeyOfAnotherMemberIsRefused) {
  const Bytes key = carol().own_leaf_node().encryption_key;
  const Bytes update =
      forger_.Proposing(AlteredUpdate([&](LeafNode& l) { l.encryption_key = key; }));
  ASSERT_OK(ProcessAs<ProposalStored>(bob(), update));
  ASSERT_OK(ProcessAs<ProposalStored>(carol(), update));
  Forger second(carol());
  Commit commit;
  commit.proposals.emplace_back(GroupAccess::State(carol()).proposals.list()[0].ref);
  commit.path = UpdatePath{carol().own_leaf_node(), {}};
  ExpectRefused(second.Message(std::move(commit)), "encryption key is already in the tree");
}

TEST_F(ProposalRules, CommitToTheCommittersOwnUpdateIsRefused) {
  ExpectRefused(forger_.Committing({AlteredUpdate([](LeafNode&) {})}), "committer's own Update");
}

TEST_F(ProposalRules, UpdateToALeafThatContradictsItselfIsRefused) {
  ExpectRefused(forger_.Proposing(
                    AlteredUpdate([](LeafNode& leaf) { leaf.capabilities.credentials.clear(); })),
                "credential type");
}

TEST_F(ProposalRules, UpdateWithARefusedCredentialIsRefused) {
  TestAuthentication strict;
  strict.refused = ToBytes(AsBytes("alice"));
  const Bytes update = forger_.Proposing(AlteredUpdate([](LeafNode&) {}));
  EXPECT_THAT(bob().Process(update, strict, kNow).status(), StatusIs(Code::kUnauthenticated));
}

TEST_F(ProposalRules, TwoUpdatesOfOneLeafAreRefused) {
  Commit commit;
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const Bytes update,
                         carol().ProposeUpdate({}, HandshakeFraming::kPublicMessage));
    ASSERT_OK(ProcessAs<ProposalStored>(bob(), update));
  }
  for (const Bytes& ref : carol().pending_refs()) commit.proposals.emplace_back(ProposalRef{ref});
  ExpectRefused(forger_.Message(std::move(commit)), "two Updates for one leaf");
}

// --- Remove ---

TEST_F(ProposalRules, RemoveOfNobodyIsRefused) {
  ExpectRefusedBothWays(RemoveProposal{{3}}, "not a member");
}

TEST_F(ProposalRules, RemoveTwiceIsRefused) {
  ExpectRefused(forger_.Committing({RemoveProposal{{2}}, RemoveProposal{{2}}}),
                "two changes to one leaf");
}

TEST_F(ProposalRules, RemoveOfTheCommitterIsRefused) {
  ExpectRefused(forger_.Committing({RemoveProposal{{0}}}), "removes its committer");
  CommitParams params;
  params.removes = {bob().own_leaf()};
  EXPECT_FALSE(bob().Commit(std::move(params), kTrusting, kNow).ok());
}

TEST_F(ProposalRules, RemoveAndUpdateOfOneLeafIsRefused) {
  ASSERT_OK_AND_ASSIGN(const Bytes update,
                       carol().ProposeUpdate({}, HandshakeFraming::kPublicMessage));
  ASSERT_OK(ProcessAs<ProposalStored>(alice(), update));
  ASSERT_OK(ProcessAs<ProposalStored>(bob(), update));
  Commit commit;
  commit.proposals.emplace_back(GroupAccess::State(alice()).proposals.list()[0].ref);
  commit.proposals.emplace_back(Proposal(RemoveProposal{{2}}));
  ExpectRefused(forger_.Message(std::move(commit)), "two changes to one leaf");
}

// --- PSK, extensions, the unsupported ---

TEST_F(ProposalRules, PskWithANonceOfTheWrongLengthIsRefused) {
  ExpectRefusedBothWays(Psk(31), "nonce");
  ExpectRefusedBothWays(Psk(0), "nonce");
}

TEST_F(ProposalRules, PskOfAnotherUsageIsRefused) {
  PskProposal psk = Psk(32);
  psk.id.type = PskType::kResumption;
  psk.id.psk_id.clear();
  psk.id.psk_group_id = alice().group_id();
  for (const ResumptionPskUsage usage :
       {ResumptionPskUsage::kBranch, ResumptionPskUsage::kReInit}) {
    psk.id.usage = usage;
    ExpectRefusedBothWays(psk, "usage");
  }
}

TEST_F(ProposalRules, PskTwiceIsRefused) {
  ExpectRefused(forger_.Committing({Psk(32), Psk(32)}), "PSK id occurs twice");
}

TEST_F(ProposalRules, PskThatIsMissingIsNamed) {
  ExpectRefused(forger_.Committing({Psk(32)}), "external PSK", Code::kNotFound);
  PskProposal psk = Psk(32);
  psk.id = {PskType::kResumption, {}, ResumptionPskUsage::kApplication,
            alice().group_id(),   77, Bytes(32)};
  ExpectRefused(forger_.Committing({psk}), "resumption PSK", Code::kNotFound);
}

TEST_F(ProposalRules, TwoExtensionChangesAreRefused) {
  const GroupContextExtensionsProposal change{{}};
  ExpectRefused(forger_.Committing({change, change}), "two GroupContextExtensions");
}

TEST_F(ProposalRules, ExtensionsThatAMemberLacksAreRefused) {
  Commit commit;
  commit.proposals.emplace_back(Proposal(GroupContextExtensionsProposal{{{0xF0A2, {1}}}}));
  commit.path = UpdatePath{alice().own_leaf_node(), {}};
  commit.path->leaf_node.capabilities.extensions = {0xF0A2};  // Alice has it, the others do not
  ExpectRefused(forger_.Message(std::move(commit)), "does not support an extension");
}

TEST_F(ProposalRules, RequirementsThatAMemberLacksAreRefused) {
  const std::vector<std::pair<RequiredCapabilities, std::string>> requirements = {
      {{{0xF0A1}, {}, {}}, "required extension type"},
      {{{}, {0xF0B1}, {}}, "required proposal type"},
      {{{}, {}, {0xF0C1}}, "required credential type"}};
  for (const auto& [required, rule] : requirements) {
    Commit commit;
    commit.proposals.emplace_back(Proposal(
        GroupContextExtensionsProposal{{{kExtensionRequiredCapabilities, Encode(required)}}}));
    commit.path = UpdatePath{alice().own_leaf_node(), {}};
    ExpectRefused(forger_.Message(std::move(commit)), rule);
  }
  // The types that everyone supports may be required without being listed.
  const RequiredCapabilities defaults{{1, 2, 3, 4, 5}, {1, 2, 3, 4, 5, 6, 7}, {1, 2}};
  EXPECT_OK(CheckLeafNodeSupports(bob().own_leaf_node(),
                                  {{kExtensionRequiredCapabilities, Encode(defaults)}}));
}

TEST_F(ProposalRules, CommitterMayChooseExactlyWhatItRefersTo) {
  for (const uint8_t id : {1, 2, 3}) {
    ASSERT_OK_AND_ASSIGN(const Bytes message,
                         carol().ProposeExternalPsk(Bytes{id}, HandshakeFraming::kPublicMessage));
    ASSERT_OK(ProcessAs<ProposalStored>(bob(), message));
    ASSERT_OK(ProcessAs<ProposalStored>(alice(), message));
  }
  ASSERT_OK(bob().ProposeUpdate({}, HandshakeFraming::kPublicMessage));
  MapPsks psks;
  for (const uint8_t id : {1, 2, 3}) psks.external[{id}] = Bytes(32, id);
  const std::vector<Bytes> refs = bob().pending_refs();
  ASSERT_EQ(refs.size(), 4u);
  const auto commit = [&](std::vector<Bytes> references) {
    CommitParams params;
    params.psks = &psks;
    params.references = std::move(references);
    return bob().Commit(std::move(params), kTrusting, kNow);
  };
  ASSERT_OK_AND_ASSIGN(const StagedCommit staged, commit({refs[2], refs[0]}));
  ASSERT_OK_AND_ASSIGN(const Processed taken,
                       alice().Process(staged.message, kTrusting, kNow, &psks));
  EXPECT_OK(commit({}));
  EXPECT_THAT(commit({refs[3]}), StatusIs(Code::kInvalidArgument, HasSubstr("own Update")));
  EXPECT_THAT(commit({Bytes(32)}), StatusIs(Code::kInvalidArgument, HasSubstr("stored")));
}

TEST_F(ProposalRules, ExtensionsThatDoNotParseAreRefused) {
  for (const uint16_t type : {kExtensionRequiredCapabilities, kExtensionExternalSenders}) {
    ExpectRefused(forger_.Proposing(GroupContextExtensionsProposal{{{type, {5}}}}), "");
  }
}

// --- ReInit, ExternalInit ---

TEST_F(ProposalRules, ReInitIsRefusedUnlessThePolicyTakesIt) {
  ExpectRefusedBothWays(ReInitProposal{{1}, 1, 1, {}}, "re-initialised", Code::kPermissionDenied);
}

TEST_F(ProposalRules, ReInitToAnOlderVersionIsRefused) {
  GroupAccess::State(bob()).policy.accept_reinit = true;
  ExpectRefusedBothWays(ReInitProposal{{1}, 0, 1, {}}, "older protocol version");
}

TEST_F(ProposalRules, ReInitWithExtensionsThatDoNotBelongIsRefused) {
  GroupAccess::State(bob()).policy.accept_reinit = true;
  ExpectRefusedBothWays(ReInitProposal{{1}, 1, 1, {{kExtensionRatchetTree, {}}}},
                        "not for group contexts");
}

TEST_F(ProposalRules, ReInitBesideAnotherProposalIsRefused) {
  GroupAccess::State(bob()).policy.accept_reinit = true;
  ExpectRefused(forger_.Committing({ReInitProposal{{1}, 1, 1, {}}, Psk(32)}), "ReInit beside");
  ExpectRefused(forger_.Committing({ReInitProposal{{1}, 1, 1, {}}, ReInitProposal{{2}, 1, 1, {}}}),
                "ReInit beside");
}

TEST_F(ProposalRules, ExternalInitOfAMemberIsRefused) {
  ExpectRefusedBothWays(ExternalInitProposal{{1}}, "ExternalInit by a member");
}

}  // namespace
}  // namespace plumbline::mls
