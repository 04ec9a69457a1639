// The rules for Welcomes (RFC 9420 §12.4.3.1): each broken once by a committer who can sign and
// seal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mls/group.h"
#include "mls/tree/tree_validation.h"
#include "tests/mls/clients.h"
#include "tests/mls/forgery.h"

namespace plumbline::mls {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

// Alice, Bob and Carol are a group; Alice adds Dave.
class JoinRules : public ::testing::Test {
 protected:
  void SetUp() override {
    CommitParams params;
    params.adds = {bundle_.key_package};
    params.force_path = false;  // so that no parent hash covers Dave's leaf
    absl::StatusOr<StagedCommit> staged = CommitAndAdvance(groups_[0], std::move(params));
    ASSERT_OK(staged);
    welcome_ = *staged->welcome;
  }
  void ExpectRefused(const std::function<void(WelcomeParts&)>& change, const std::string& rule,
                     bool sign = true, Code code = Code::kInvalidArgument) {
    const Bytes altered = RewriteWelcome(welcome_, bundle_, alice_, change, sign);
    EXPECT_THAT(dave_.Join(altered, bundle_).status(), StatusIs(code, HasSubstr(rule)));
  }
  // The tree in the Welcome, altered, with a tree hash that fits.
  static void AlterTree(WelcomeParts& parts, const std::function<void(RatchetTree&)>& change) {
    RatchetTree tree =
        *RatchetTree::Parse(**CipherSuite::Get(1), parts.info.extensions.at(0).data, 100);
    change(tree);
    parts.info.extensions[0].data = tree.Encode();
    parts.info.group_context.tree_hash = ToBytes(tree.RootHash());
  }
  void ExpectTreeRefused(const std::function<void(RatchetTree&)>& change, const std::string& rule) {
    ExpectRefused([&](WelcomeParts& parts) { AlterTree(parts, change); }, rule);
  }
  // Alice's leaf, the only one that no parent hash covers, altered and signed by her.
  void AlterFirstLeaf(RatchetTree& tree, const std::function<void(LeafNode&)>& change) {
    LeafNode leaf = *tree.leaf({0});
    change(leaf);
    EXPECT_OK(SignLeafNode(tree.suite(), alice_.signature_key.private_key,
                           LeafPosition{groups_[0].group_id(), {0}}, leaf));
    tree.SetLeaf({0}, leaf);
  }

  Client alice_{"alice"};
  Client bob_{"bob"};
  Client carol_{"carol"};
  Client dave_{"dave"};
  std::vector<Group> groups_ = MakeGroup(alice_, {&bob_, &carol_});
  KeyPackageBundle bundle_ = dave_.NewKeyPackage();
  Bytes welcome_;
};

TEST_F(JoinRules, TheUnalteredWelcomeIsTaken) {
  const Bytes same = RewriteWelcome(welcome_, bundle_, alice_, [](WelcomeParts&) {});
  ASSERT_OK_AND_ASSIGN(const Group joined, dave_.Join(same, bundle_));
  EXPECT_EQ(joined.EpochAuthenticator(), groups_[0].EpochAuthenticator());
}

TEST_F(JoinRules, WelcomeDoesNotComeFromItsReceiver) {
  const Bytes own = RewriteWelcome(welcome_, bundle_, dave_,
                                   [](WelcomeParts& parts) { parts.info.signer = {3}; });
  EXPECT_THAT(dave_.Join(own, bundle_),
              StatusIs(Code::kInvalidArgument, HasSubstr("from its receiver")));
}

TEST_F(JoinRules, JoinerSecretHasTheSizeOfTheHash) {
  ExpectRefused([](WelcomeParts& parts) { parts.secrets.joiner_secret = Secret(31); },
                "joiner secret");
}

TEST_F(JoinRules, EveryTruncationAndChangedByteIsRefused) {
  for (size_t i = 0; i < welcome_.size(); i += 3) {
    EXPECT_FALSE(dave_.Join(ByteView(welcome_).first(i), bundle_).ok()) << i;
    Bytes mutated = welcome_;
    mutated[i] ^= 0x11;
    EXPECT_FALSE(dave_.Join(mutated, bundle_).ok()) << i;
  }
}

TEST_F(JoinRules, WelcomeForAnotherKeyPackageIsRefused) {
  EXPECT_THAT(dave_.Join(welcome_, dave_.NewKeyPackage()).status(),
              StatusIs(Code::kInvalidArgument, HasSubstr("not for this key package")));
}

TEST_F(JoinRules, PrivateKeysThatDoNotFitAreRefused) {
  EXPECT_THAT(bob_.Join(welcome_, bundle_).status(),
              StatusIs(Code::kInvalidArgument));  // another signature key
  KeyPackageBundle other = dave_.NewKeyPackage();
  other.key_package = bundle_.key_package;
  EXPECT_THAT(dave_.Join(welcome_, other).status(),
              StatusIs(Code::kInvalidArgument, HasSubstr("do not belong to the key package")));
}

TEST_F(JoinRules, WrongSignersAreRefused) {
  ExpectRefused([](WelcomeParts& parts) { parts.info.signer = {9}; }, "signer");
  ExpectRefused([](WelcomeParts& parts) { parts.info.signer = {1}; }, "signature");
  ExpectRefused([](WelcomeParts& parts) { parts.info.signature[0] ^= 1; }, "signature", false);
}

TEST_F(JoinRules, WrongConfirmationTagIsRefused) {
  ExpectRefused([](WelcomeParts& parts) { parts.info.confirmation_tag[0] ^= 1; },
                "confirmation tag");
  ExpectRefused([](WelcomeParts& parts) { parts.info.confirmation_tag.resize(1); },
                "confirmation tag");
  ExpectRefused([](WelcomeParts& parts) { parts.info.confirmation_tag.clear(); },
                "confirmation tag");
}

TEST_F(JoinRules, AnotherSuiteInsideIsRefused) {
  ExpectRefused([](WelcomeParts& parts) { parts.info.group_context.cipher_suite = 3; }, "suite");
}

TEST_F(JoinRules, BytesAfterTheGroupInfoAreRefused) {
  ExpectRefused([](WelcomeParts& parts) { parts.extra = {0}; }, "left over");
}

TEST_F(JoinRules, WrongTreeIsRefused) {
  ExpectRefused([](WelcomeParts& parts) { parts.info.group_context.tree_hash[0] ^= 1; },
                "tree hash");
  ExpectRefused([](WelcomeParts& parts) { parts.info.extensions.clear(); }, "tree is missing");
}

TEST_F(JoinRules, TreeGivenOutOfBandIsCheckedTheSame) {
  CommitParams params;
  const Client erin("erin");
  const KeyPackageBundle bundle = erin.NewKeyPackage();
  params.adds = {bundle.key_package};
  params.tree_in_welcome = false;
  const Bytes old_tree = groups_[0].EncodedTree();
  ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(groups_[0], std::move(params)));
  EXPECT_FALSE(erin.Join(*staged.welcome, bundle).ok());
  EXPECT_FALSE(erin.Join(*staged.welcome, bundle, old_tree).ok());
  EXPECT_OK(erin.Join(*staged.welcome, bundle, groups_[0].EncodedTree()));
}

TEST_F(JoinRules, TreeThatEndsBlankIsRefused) {
  ExpectRefused(
      [](WelcomeParts& parts) {
        Reader in(parts.info.extensions.at(0).data);
        Bytes nodes = ToBytes(*in.Vector(kMaxVarint));
        nodes.push_back(0);
        Writer out;
        out.Vector(nodes);
        parts.info.extensions[0].data = out.TakeBytes();
      },
      "blank");
}

TEST_F(JoinRules, TreeWithoutTheJoinerIsRefused) {
  ExpectTreeRefused(
      [&](RatchetTree& tree) {
        LeafNode other = *tree.leaf({3});
        other.lifetime.not_after += 1;
        ASSERT_OK(SignLeafNode(tree.suite(), dave_.signature_key.private_key, std::nullopt, other));
        tree.SetLeaf({3}, other);
      },
      "own leaf is not");
}

TEST_F(JoinRules, TreeWithAForgedLeafIsRefused) {
  ExpectTreeRefused(
      [](RatchetTree& tree) {
        LeafNode leaf = *tree.leaf({0});  // the only one that no parent hash covers
        leaf.signature[0] ^= 1;
        tree.SetLeaf({0}, leaf);
      },
      "signature");
}

TEST_F(JoinRules, TreeWithBrokenParentHashesIsRefused) {
  ExpectTreeRefused(
      [&](RatchetTree& tree) {
        LeafNode leaf = *tree.leaf({0});
        leaf.parent_hash[0] ^= 1;
        ASSERT_OK(SignLeafNode(tree.suite(), alice_.signature_key.private_key,
                               LeafPosition{groups_[0].group_id(), {0}}, leaf));
        tree.SetLeaf({0}, leaf);
      },
      "parent hash");
}

TEST_F(JoinRules, TreeWithARepeatedKeyIsRefused) {
  ExpectTreeRefused(
      [](RatchetTree& tree) {
        LeafNode leaf = *tree.leaf({1});
        leaf.encryption_key = tree.leaf({2})->encryption_key;
        tree.SetLeaf({1}, leaf);
      },
      "encryption key occurs twice");
}

TEST_F(JoinRules, TreeWithALeafThatContradictsItselfIsRefused) {
  ExpectTreeRefused(
      [&](RatchetTree& tree) {
        AlterFirstLeaf(tree, [](LeafNode& l) { l.extensions = {{0xF0A1, {}}}; });
      },
      "does not list the type");
}

TEST_F(JoinRules, TreeWithALeafThatLacksWhatTheGroupUsesIsRefused) {
  ExpectRefused(
      [](WelcomeParts& parts) {
        parts.info.group_context.extensions = {{0xF0A2, {}}};
      },
      "does not support an extension");
}

TEST_F(JoinRules, TreeWithCredentialTypesThatAMemberLacksIsRefused) {
  const Client erin("erin");
  KeyPackageParams key_package = erin.key_package_params();
  key_package.capabilities.credentials = {kCredentialBasic};
  ASSERT_OK_AND_ASSIGN(const KeyPackageBundle bundle,
                       GenerateKeyPackage(key_package, erin.signature_key));
  CommitParams params;
  params.adds = {bundle.key_package};
  params.force_path = false;
  ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(groups_[0], std::move(params)));
  ASSERT_OK(erin.Join(*staged.welcome, bundle));
  const Bytes altered = RewriteWelcome(*staged.welcome, bundle, alice_, [&](WelcomeParts& parts) {
    AlterTree(parts, [&](RatchetTree& tree) {
      AlterFirstLeaf(tree, [](LeafNode& l) { l.credential = Credential::X509({Bytes(20, 1)}); });
    });
  });
  EXPECT_THAT(erin.Join(altered, bundle).status(),
              StatusIs(Code::kInvalidArgument, HasSubstr("credential type in use")));
}

TEST_F(JoinRules, ExtensionsAreRefusedWhereTheyDoNotBelong) {
  for (const uint16_t type : {1, 3, 5}) {
    ExpectRefused(
        [&](WelcomeParts& parts) {
          parts.info.extensions.push_back({type, {}});
        },
        "not for GroupInfo");
  }
  for (const uint16_t type : {1, 2, 4}) {
    ExpectRefused(
        [&](WelcomeParts& parts) {
          parts.info.group_context.extensions = {{type, {}}};
        },
        "not for group contexts");
  }
}

TEST_F(JoinRules, BundleOfAnotherSuiteIsRefused) {
  KeyPackageBundle other = dave_.NewKeyPackage();
  other.key_package.cipher_suite = 3;
  EXPECT_THAT(dave_.Join(welcome_, other).status(),
              StatusIs(Code::kInvalidArgument, HasSubstr("another suite")));
}

TEST_F(JoinRules, CredentialsOfMembersAreJudged) {
  TestAuthentication strict;
  strict.refused = ToBytes(AsBytes("bob"));
  EXPECT_THAT(
      Group::Join(welcome_, bundle_, CopyKey(dave_.signature_key), std::nullopt, strict, kNow)
          .status(),
      StatusIs(Code::kUnauthenticated));
}

TEST_F(JoinRules, LifetimesOfMembersAreJudgedWhereThePolicySaysSo) {
  GroupPolicy strict;
  strict.check_member_lifetimes = true;
  const absl::Time later = kNow + absl::Hours(24 * 365);
  EXPECT_OK(
      Group::Join(welcome_, bundle_, CopyKey(dave_.signature_key), std::nullopt, kTrusting, later));
  EXPECT_THAT(Group::Join(welcome_, bundle_, CopyKey(dave_.signature_key), std::nullopt, kTrusting,
                          later, strict)
                  .status(),
              StatusIs(Code::kInvalidArgument, HasSubstr("lifetime")));
}

TEST_F(JoinRules, PskRulesHoldInWelcomes) {
  const auto add = [](PskType type, ResumptionPskUsage usage, size_t nonce) {
    return [=](WelcomeParts& parts) {
      PreSharedKeyId id;
      id.type = type;
      id.usage = usage;
      id.psk_nonce = Bytes(nonce);
      parts.secrets.psks.push_back(id);
    };
  };
  ExpectRefused(add(PskType::kExternal, {}, 31), "nonce");
  ExpectRefused(add(PskType::kExternal, {}, 32), "external PSK", true, Code::kNotFound);
  ExpectRefused(add(PskType::kResumption, {ResumptionPskUsage::kApplication}, 32), "resumption PSK",
                true, Code::kNotFound);
  for (const ResumptionPskUsage usage :
       {ResumptionPskUsage::kBranch, ResumptionPskUsage::kReInit}) {
    ExpectRefused(add(PskType::kResumption, usage, 32), "succeeds another", true,
                  Code::kFailedPrecondition);
  }
  ExpectRefused(
      [&](WelcomeParts& parts) {
        add(PskType::kExternal, {}, 32)(parts);
        add(PskType::kExternal, {}, 32)(parts);
      },
      "PSK id occurs twice");
  ExpectRefused(
      [&](WelcomeParts& parts) {
        add(PskType::kResumption, ResumptionPskUsage::kBranch, 32)(parts);
        add(PskType::kResumption, ResumptionPskUsage::kReInit, 32)(parts);
      },
      "more than one group");
}

TEST_F(JoinRules, PathSecretMustFitTheTree) {
  ExpectRefused([](WelcomeParts& parts) { parts.secrets.path_secret = Secret(32); }, "path secret");
  ExpectRefused([](WelcomeParts& parts) { parts.secrets.path_secret = Secret(5); }, "path secret");
}

TEST_F(JoinRules, WelcomeNamesItsKeyPackages) {
  ASSERT_OK_AND_ASSIGN(const std::vector<Bytes> refs, Group::WelcomeKeyPackageRefs(welcome_));
  ASSERT_EQ(refs.size(), 1u);
  EXPECT_EQ(refs[0], KeyPackageRef(**CipherSuite::Get(1), bundle_.key_package));
}

TEST_F(JoinRules, GroupLargerThanThePolicyIsRefused) {
  GroupPolicy small;
  small.max_members = 3;
  EXPECT_FALSE(dave_.Join(welcome_, bundle_, std::nullopt, small).ok());
}

TEST(KeyPackageBundle, SurvivesStorage) {
  const Client alice("alice");
  const KeyPackageBundle bundle = alice.NewKeyPackage();
  const Secret stored = bundle.Serialize();
  ASSERT_OK_AND_ASSIGN(const KeyPackageBundle again, KeyPackageBundle::Parse(stored.view()));
  EXPECT_EQ(again.key_package, bundle.key_package);
  EXPECT_TRUE(again.Serialize() == stored);
  for (size_t n = 0; n < stored.size(); ++n)
    EXPECT_FALSE(KeyPackageBundle::Parse(stored.view().first(n)).ok());
}

TEST(KeyPackageParams, MustListWhatTheLeafUses) {
  const Client alice("alice");
  KeyPackageParams params = alice.key_package_params();
  params.leaf_extensions = {{0xF0A1, {1}}};
  EXPECT_FALSE(GenerateKeyPackage(params, alice.signature_key).ok());
  params.capabilities = Capabilities::Default({0xF0A1});
  params.last_resort = true;
  ASSERT_OK_AND_ASSIGN(const KeyPackageBundle bundle,
                       GenerateKeyPackage(params, alice.signature_key));
  EXPECT_TRUE(bundle.key_package.last_resort());
  EXPECT_OK(ValidateKeyPackage(bundle.key_package, kNow));
  ASSERT_OK_AND_ASSIGN(const KeyPackage parsed,
                       ParseKeyPackageMessage(EncodeKeyPackageMessage(bundle.key_package)));
  EXPECT_EQ(parsed, bundle.key_package);
}

}  // namespace
}  // namespace plumbline::mls
