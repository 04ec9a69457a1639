// Joining by a Welcome (RFC 9420 §12.4.3.1).
#include <utility>

#include "common/check.h"
#include "mls/group_state.h"
#include "mls/transcript_hash.h"
#include "mls/tree/tree_validation.h"

namespace plumbline::mls {
namespace {

absl::Status Invalid(absl::string_view rule) { return absl::InvalidArgumentError(rule); }

absl::StatusOr<Welcome> ParseWelcome(ByteView wire) {
  ASSIGN_OR_RETURN(MlsMessage message, ParseMlsMessage(wire));
  Welcome* welcome = std::get_if<Welcome>(&message.body);
  if (welcome == nullptr) return Invalid("message is not a Welcome");
  return std::move(*welcome);
}

absl::StatusOr<GroupSecrets> OpenGroupSecrets(const CipherSuite& suite, const Welcome& welcome,
                                              const KeyPackageBundle& bundle) {
  const Bytes ref = KeyPackageRef(suite, bundle.key_package);
  for (const EncryptedGroupSecrets& entry : welcome.secrets) {
    if (entry.new_member != ref) continue;
    ASSIGN_OR_RETURN(
        const Secret plain,
        suite.DecryptWithLabel(bundle.init_private_key, bundle.key_package.init_key, "Welcome",
                               welcome.encrypted_group_info, entry.encrypted_group_secrets));
    return ParseGroupSecrets(plain.view());
  }
  return Invalid("Welcome is not for this key package");
}

// §12.4.3.1: PSK ids are fresh and of a kind that a Welcome may carry.
absl::Status CheckPsks(const CipherSuite& suite, const std::vector<PreSharedKeyId>& psks) {
  for (size_t i = 0; i < psks.size(); ++i) {
    if (psks[i].psk_nonce.size() != suite.hash_size())
      return Invalid("PSK nonce has the wrong length");
    for (size_t j = 0; j < i; ++j) {
      if (psks[i] == psks[j]) return Invalid("one PSK id occurs twice");
    }
    if (psks[i].type != PskType::kResumption) continue;
    if (psks[i].usage == ResumptionPskUsage::kReInit)
      return absl::UnimplementedError("reinit is not supported");
    if (psks[i].usage == ResumptionPskUsage::kBranch)
      return absl::UnimplementedError("branching is not supported");
  }
  return absl::OkStatus();
}

absl::StatusOr<GroupInfo> OpenGroupInfo(const CipherSuite& suite, const Welcome& welcome,
                                        const JoinerSecret& joiner, const PskSecret& psk) {
  const WelcomeKey key = DeriveWelcomeKey(suite, joiner, psk);
  ASSIGN_OR_RETURN(const Secret plain,
                   suite.Open(key.key.view(), key.nonce.view(), {}, welcome.encrypted_group_info));
  Reader in(plain.view());
  ASSIGN_OR_RETURN(GroupInfo info, ReadGroupInfo(in));
  RETURN_IF_ERROR(in.Done());
  if (info.group_context.cipher_suite != welcome.cipher_suite)
    return Invalid("GroupInfo is of another suite");
  for (const Extension& extension : info.extensions) {
    if (extension.type == kExtensionApplicationId ||
        extension.type == kExtensionRequiredCapabilities ||
        extension.type == kExtensionExternalSenders) {
      return Invalid("extension type is not for GroupInfo");
    }
  }
  RETURN_IF_ERROR(CheckGroupContextExtensions(info.group_context.extensions));
  return info;
}

absl::StatusOr<RatchetTree> TreeOf(const CipherSuite& suite, const GroupInfo& info,
                                   const std::optional<Bytes>& given, const GroupPolicy& policy) {
  const Bytes* carried = FindExtension(info.extensions, kExtensionRatchetTree);
  if (carried == nullptr && !given) return Invalid("the ratchet tree is missing");
  const ByteView wire = carried != nullptr ? ByteView(*carried) : ByteView(*given);
  ASSIGN_OR_RETURN(RatchetTree tree, RatchetTree::Parse(suite, wire, policy.max_members));
  if (!Equal(tree.RootHash(), info.group_context.tree_hash))
    return Invalid("ratchet tree has another tree hash");
  return tree;
}

// Every leaf, by itself and against the group (§7.3), and the credentials with their judge.
absl::Status CheckLeaves(const RatchetTree& tree, const GroupContext& context,
                         const GroupPolicy& policy, const Judge& judge) {
  for (uint32_t i = 0; i < tree.leaf_count().value; ++i) {
    const LeafNode* leaf = tree.leaf({i});
    if (leaf == nullptr) continue;
    RETURN_IF_ERROR(CheckLeafNodeAlone(tree.suite(), *leaf));
    RETURN_IF_ERROR(CheckLeafNodeSupports(*leaf, context.extensions));
    if (policy.check_member_lifetimes && leaf->source == LeafNodeSource::kKeyPackage &&
        !leaf->lifetime.Holds(judge.now)) {
      return Invalid("a member's leaf is outside its lifetime");
    }
    RETURN_IF_ERROR(
        VerifyLeafNodeSignature(tree.suite(), *leaf, LeafPosition{context.group_id, {i}}));
    RETURN_IF_ERROR(
        judge.authentication.Validate(leaf->credential, leaf->signature_key, judge.now));
  }
  return CheckCredentialTypes(tree);
}

absl::StatusOr<LeafIndex> FindLeaf(const RatchetTree& tree, const LeafNode& own) {
  for (uint32_t i = 0; i < tree.leaf_count().value; ++i) {
    const LeafNode* leaf = tree.leaf({i});
    if (leaf != nullptr && *leaf == own) return LeafIndex{i};
  }
  return Invalid("own leaf is not in the ratchet tree");
}

// The keys given to Join have to belong to the key package, or the group would be unusable.
absl::Status CheckOwnKeys(const CipherSuite& suite, const KeyPackageBundle& bundle,
                          const SignaturePrivateKey& signer) {
  const KeyPackage& key_package = bundle.key_package;
  ASSIGN_OR_RETURN(const Bytes init, suite.HpkePublicKey(bundle.init_private_key));
  ASSIGN_OR_RETURN(const Bytes encryption, suite.HpkePublicKey(bundle.encryption_private_key));
  if (init != key_package.init_key || encryption != key_package.leaf_node.encryption_key) {
    return Invalid("private keys do not belong to the key package");
  }
  ASSIGN_OR_RETURN(const Bytes signature, suite.SignWithLabel(signer, "KeyCheck", {}));
  return suite.VerifyWithLabel(key_package.leaf_node.signature_key, "KeyCheck", {}, signature);
}

absl::Status CheckGroupInfo(const RatchetTree& tree, const GroupInfo& info,
                            const GroupPolicy& policy, const Judge& judge) {
  const LeafNode* signer = tree.leaf(info.signer);
  if (signer == nullptr) return Invalid("signer of the GroupInfo is not a member");
  RETURN_IF_ERROR(VerifyGroupInfo(tree.suite(), signer->signature_key, info));
  RETURN_IF_ERROR(CheckTreeStructure(tree));
  return CheckLeaves(tree, info.group_context, policy, judge);
}

}  // namespace

absl::StatusOr<std::vector<Bytes>> Group::WelcomeKeyPackageRefs(ByteView welcome) {
  ASSIGN_OR_RETURN(const Welcome parsed, ParseWelcome(welcome));
  std::vector<Bytes> refs;
  for (const EncryptedGroupSecrets& entry : parsed.secrets) refs.push_back(entry.new_member);
  return refs;
}

absl::StatusOr<Group> Group::Join(ByteView welcome_bytes, const KeyPackageBundle& bundle,
                                  SignaturePrivateKey signature_key,
                                  const std::optional<Bytes>& ratchet_tree,
                                  const AuthenticationService& authentication, absl::Time now,
                                  const GroupPolicy& policy, const PskStore* psks,
                                  LeafIndex* inviter) {
  RETURN_IF_ERROR(CheckPolicy(policy));
  ASSIGN_OR_RETURN(const Welcome welcome, ParseWelcome(welcome_bytes));
  ASSIGN_OR_RETURN(const CipherSuite* const suite, CipherSuite::Get(welcome.cipher_suite));
  if (bundle.key_package.cipher_suite != welcome.cipher_suite)
    return Invalid("Welcome is of another suite");
  RETURN_IF_ERROR(CheckOwnKeys(*suite, bundle, signature_key));
  ASSIGN_OR_RETURN(GroupSecrets secrets, OpenGroupSecrets(*suite, welcome, bundle));
  if (secrets.joiner_secret.size() != suite->hash_size())
    return Invalid("joiner secret has the wrong size");
  RETURN_IF_ERROR(CheckPsks(*suite, secrets.psks));
  ASSIGN_OR_RETURN(PskSecret psk, ResolvePsks(nullptr, *suite, secrets.psks, psks));
  JoinerSecret joiner{std::move(secrets.joiner_secret)};
  ASSIGN_OR_RETURN(GroupInfo info, OpenGroupInfo(*suite, welcome, joiner, psk));
  ASSIGN_OR_RETURN(RatchetTree tree, TreeOf(*suite, info, ratchet_tree, policy));
  RETURN_IF_ERROR(CheckGroupInfo(tree, info, policy, Judge{authentication, now}));
  ASSIGN_OR_RETURN(const LeafIndex own, FindLeaf(tree, bundle.key_package.leaf_node));
  if (own == info.signer) return Invalid("a Welcome cannot come from its receiver");

  TreePrivate keys(own, {HpkePrivateKey{Secret::CopyOf(bundle.encryption_private_key.bytes.view())},
                         bundle.key_package.leaf_node.encryption_key});
  if (secrets.path_secret) {
    RETURN_IF_ERROR(AdoptPathSecret(tree, keys, info.signer, std::move(*secrets.path_secret)));
  }
  EpochSecrets epoch = DeriveEpochSecrets(
      *suite,
      DeriveEpochSecret(*suite, std::move(joiner), std::move(psk), Encode(info.group_context)));
  const Bytes& confirmed = info.group_context.confirmed_transcript_hash;
  RETURN_IF_ERROR(
      VerifyConfirmationTag(*suite, epoch.confirmation, confirmed, info.confirmation_tag));
  if (inviter != nullptr) *inviter = info.signer;
  Bytes interim = InterimTranscriptHash(*suite, confirmed, info.confirmation_tag);
  SecretTree secret_tree(*suite, tree.leaf_count(), std::move(epoch.encryption),
                         policy.ratchet_limits);
  return GroupAccess::Make(GroupState{suite,
                                      policy,
                                      std::move(info.group_context),
                                      std::move(tree),
                                      std::move(keys),
                                      std::move(signature_key),
                                      std::move(epoch),
                                      std::move(secret_tree),
                                      std::move(interim),
                                      std::move(info.confirmation_tag),
                                      {},
                                      {},
                                      {}});
}

}  // namespace plumbline::mls
