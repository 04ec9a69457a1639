#include "tests/bench/mls_world.h"

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "mls/group_state.h"
#include "mls/transcript_hash.h"
#include "tests/common/certificates.h"

namespace plumbline::bench {
namespace {

using namespace plumbline::mls;
using plumbline::testing::ValueOf;

HpkePrivateKey CopyKey(const HpkePrivateKey& key) { return {Secret::CopyOf(key.bytes.view())}; }

// What the path of some member gives to one below it.
void Learn(const NewPath& path, TreePrivate& keys) {
  for (size_t i = 0; i < path.steps.size(); ++i) {
    if (IsInSubtree(NodeOf(keys.own_leaf()), path.steps[i].node)) keys.Set(path.steps[i].node, mls::CopyOf(path.path.keys[i]));
  }
}

Group GroupOf(const CipherSuite& suite, const RatchetTree& tree, TreePrivate keys, const SignaturePrivateKey& signer, ByteView group_id,
              ByteView epoch_secret) {
  keys.Prune(tree);
  GroupContext context{static_cast<uint16_t>(suite.id()), ToBytes(group_id), 1, ToBytes(tree.RootHash()), Bytes(suite.hash_size(), 1), {}};
  EpochSecrets secrets = DeriveEpochSecrets(suite, EpochSecret{Secret::CopyOf(epoch_secret)});
  Bytes tag = ConfirmationTag(suite, secrets.confirmation, context.confirmed_transcript_hash);
  Bytes interim = InterimTranscriptHash(suite, context.confirmed_transcript_hash, tag);
  SecretTree secret_tree(suite, tree.leaf_count(), std::move(secrets.encryption), {});
  return GroupAccess::Make<Group>(GroupState{PublicGroup{&suite, {}, std::move(context), tree, std::move(interim), std::move(tag)}, std::move(keys),
                                      mls::CopyOf(signer), std::move(secrets), std::move(secret_tree), {}, {}, {}});
}

}  // namespace

Newcomer MakeNewcomer(SuiteId suite, const std::string& name) {
  Newcomer out;
  out.signer = ValueOf(CipherSuite::Get(static_cast<uint16_t>(suite)))->GenerateSignatureKeyPair();
  KeyPackageParams params;
  params.suite = suite;
  params.credential = Credential::Basic(AsBytes(name));
  params.lifetime = Lifetime::From(kMlsNow - absl::Hours(1), absl::Hours(24 * 90));
  out.bundle = ValueOf(GenerateKeyPackage(params, out.signer));
  return out;
}

Neighbours WarmGroup(SuiteId suite_id, int members) {
  const CipherSuite& suite = *ValueOf(CipherSuite::Get(static_cast<uint16_t>(suite_id)));
  const Bytes group_id(32, 7);
  std::vector<Newcomer> people;
  for (int i = 0; i < members; ++i) people.push_back(MakeNewcomer(suite_id, absl::StrCat("member ", i)));
  RatchetTree tree(suite, people[0].bundle.key_package.leaf_node);
  for (int i = 1; i < members; ++i) tree.Add(people[static_cast<size_t>(i)].bundle.key_package.leaf_node);

  std::vector<TreePrivate> keys;
  for (const uint32_t own : {0u, 1u}) {
    const KeyPackageBundle& bundle = people[own].bundle;
    keys.emplace_back(LeafIndex{own}, HpkeKeyPair{CopyKey(bundle.encryption_private_key), bundle.key_package.leaf_node.encryption_key});
  }
  for (uint32_t sender = 0; sender < static_cast<uint32_t>(members); ++sender) {
    const Newcomer& person = people[sender];
    TreePrivate own(LeafIndex{sender},
                    {CopyKey(person.bundle.encryption_private_key), person.bundle.key_package.leaf_node.encryption_key});
    LeafNode leaf = *tree.leaf({sender});
    leaf.lifetime = {};
    const NewPath path = ValueOf(StartPath(tree, sender < 2 ? keys[sender] : own, std::move(leaf), [&](LeafNode& ready) {
      return SignLeafNode(suite, person.signer.private_key, LeafPosition{group_id, {sender}}, ready);
    }));
    for (TreePrivate& known : keys) {
      if (known.own_leaf().value != sender) Learn(path, known);
    }
  }
  const Secret epoch = Secret::Random(suite.hash_size());
  return {GroupOf(suite, tree, std::move(keys[0]), people[0].signer.private_key, group_id, epoch.view()),
          GroupOf(suite, tree, std::move(keys[1]), people[1].signer.private_key, group_id, epoch.view())};
}

}  // namespace plumbline::bench
