// Joining by a Welcome (RFC 9420 §12.4.3.1).
#include <utility>

#include "common/check.h"
#include "mls/epoch_change.h"
#include "mls/transcript_hash.h"

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

bool IsSuccessorPsk(const PreSharedKeyId& id) {
  return id.type == PskType::kResumption && id.usage != ResumptionPskUsage::kApplication;
}

// §12.4.3.1: PSK ids are fresh, and at most one ties the group to another. That one, if any.
absl::StatusOr<const PreSharedKeyId*> CheckPsks(const CipherSuite& suite,
                                                const std::vector<PreSharedKeyId>& psks) {
  const PreSharedKeyId* successor = nullptr;
  for (size_t i = 0; i < psks.size(); ++i) {
    if (psks[i].psk_nonce.size() != suite.hash_size())
      return Invalid("PSK nonce has the wrong length");
    for (size_t j = 0; j < i; ++j) {
      if (psks[i] == psks[j]) return Invalid("one PSK id occurs twice");
    }
    if (!IsSuccessorPsk(psks[i])) continue;
    if (successor != nullptr) return Invalid("Welcome succeeds more than one group");
    successor = &psks[i];
  }
  return successor;
}

// The PSK that ties the group to `origin`.
absl::StatusOr<SuccessorLink> LinkTo(const GroupState& origin, const PreSharedKeyId& id) {
  if (id.psk_group_id != origin.context.group_id) return Invalid("Welcome succeeds another group");
  if (id.usage == ResumptionPskUsage::kReInit) {
    if (!origin.reinit) return Invalid("Welcome re-initialises a group that goes on");
    if (id.psk_epoch != origin.context.epoch)
      return Invalid("Welcome re-initialises the group from another epoch");
  }
  const Secret* secret = OwnResumptionPsk(origin, id.psk_epoch);
  if (secret == nullptr) return absl::NotFoundError("no resumption PSK of that group and epoch");
  return SuccessorLink{id, Secret::CopyOf(secret->view())};
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
  RETURN_IF_ERROR(CheckGroupInfoExtensions(info));
  return info;
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
  ASSIGN_OR_RETURN(const Bytes signature, suite.SignaturePublicKey(signer));
  if (signature != key_package.leaf_node.signature_key)
    return Invalid("signature key does not belong to the key package");
  return absl::OkStatus();
}

bool HasClient(const RatchetTree& tree, const Credential& credential, const Judge& judge) {
  bool found = false;
  ForEachMember(tree, [&](LeafIndex, const LeafNode& leaf) {
    found = found || judge.SameClient(leaf.credential, credential);
  });
  return found;
}

// Whether every member of `some` is one of `all`.
bool IsSubset(const RatchetTree& some, const RatchetTree& all, const Judge& judge) {
  bool subset = true;
  ForEachMember(some, [&](LeafIndex, const LeafNode& leaf) {
    subset = subset && HasClient(all, leaf.credential, judge);
  });
  return subset;
}

// §11.2, §11.3, §12.4.3.1: the group is what its link to `origin` says.
absl::Status CheckSuccessor(const GroupState& origin, const PreSharedKeyId& id,
                            const GroupContext& context, const RatchetTree& tree,
                            const Judge& judge) {
  if (context.epoch != 1) return Invalid("successor of a group is not at its first epoch");
  if (id.usage == ResumptionPskUsage::kBranch) {
    if (context.cipher_suite != origin.context.cipher_suite)
      return Invalid("branch of a group has another suite");
    if (!IsSubset(tree, origin.tree, judge))
      return Invalid("branch of a group has a member that the group has not");
    return absl::OkStatus();
  }
  const ReInitProposal& reinit = *origin.reinit;
  if (context.group_id != reinit.group_id || reinit.version != kProtocolVersionMls10 ||
      context.cipher_suite != reinit.cipher_suite || context.extensions != reinit.extensions) {
    return Invalid("re-initialised group is not what its ReInit says");
  }
  if (!IsSubset(origin.tree, tree, judge))
    return Invalid("re-initialised group lacks a member of the old one");
  return absl::OkStatus();
}

struct JoinInputs {
  ByteView welcome;
  const KeyPackageBundle& bundle;
  SignaturePrivateKey signature_key;
  const std::optional<Bytes>& ratchet_tree;
  const GroupPolicy& policy;
  const PskStore* psks;
  const GroupState* origin;  // what the group may succeed; null for none
};

absl::StatusOr<std::optional<SuccessorLink>> FindLink(const CipherSuite& suite,
                                                      const std::vector<PreSharedKeyId>& psks,
                                                      const GroupState* origin) {
  ASSIGN_OR_RETURN(const PreSharedKeyId* const id, CheckPsks(suite, psks));
  if (id == nullptr && origin != nullptr) return Invalid("Welcome does not succeed the group");
  if (id == nullptr) return std::optional<SuccessorLink>();
  if (origin == nullptr)
    return absl::FailedPreconditionError(
        "Welcome of a group that succeeds another: join from that");
  ASSIGN_OR_RETURN(SuccessorLink link, LinkTo(*origin, *id));
  return std::optional<SuccessorLink>(std::move(link));
}

absl::StatusOr<Group> JoinByWelcome(JoinInputs in, const Judge& judge, LeafIndex* inviter) {
  RETURN_IF_ERROR(CheckPolicy(in.policy));
  ASSIGN_OR_RETURN(const Welcome welcome, ParseWelcome(in.welcome));
  ASSIGN_OR_RETURN(const CipherSuite* const suite, CipherSuite::Get(welcome.cipher_suite));
  const KeyPackageBundle& bundle = in.bundle;
  if (bundle.key_package.cipher_suite != welcome.cipher_suite)
    return Invalid("Welcome is of another suite");
  suite->PrepareToSign(in.signature_key);
  RETURN_IF_ERROR(CheckOwnKeys(*suite, bundle, in.signature_key));
  ASSIGN_OR_RETURN(GroupSecrets secrets, OpenGroupSecrets(*suite, welcome, bundle));
  if (secrets.joiner_secret.size() != suite->hash_size())
    return Invalid("joiner secret has the wrong size");
  ASSIGN_OR_RETURN(const std::optional<SuccessorLink> link,
                   FindLink(*suite, secrets.psks, in.origin));
  ASSIGN_OR_RETURN(PskSecret psk,
                   ResolvePsks(nullptr, *suite, secrets.psks, in.psks, link ? &*link : nullptr));
  JoinerSecret joiner{std::move(secrets.joiner_secret)};
  ASSIGN_OR_RETURN(GroupInfo info, OpenGroupInfo(*suite, welcome, joiner, psk));
  ASSIGN_OR_RETURN(RatchetTree tree, TreeOf(*suite, info, in.ratchet_tree, in.policy));
  RETURN_IF_ERROR(CheckGroupInfo(tree, info, in.policy, judge));
  if (link) RETURN_IF_ERROR(CheckSuccessor(*in.origin, link->id, info.group_context, tree, judge));
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
                         in.policy.ratchet_limits);
  return GroupAccess::Make<Group>(
      GroupState{PublicGroup{suite, in.policy, std::move(info.group_context), std::move(tree),
                             std::move(interim), std::move(info.confirmation_tag)},
                 std::move(keys),
                 std::move(in.signature_key),
                 std::move(epoch),
                 std::move(secret_tree),
                 {},
                 {},
                 {}});
}

}  // namespace

absl::StatusOr<std::vector<Bytes>> Group::WelcomeKeyPackageRefs(ByteView welcome) {
  ASSIGN_OR_RETURN(const Welcome parsed, ParseWelcome(welcome));
  std::vector<Bytes> refs;
  for (const EncryptedGroupSecrets& entry : parsed.secrets) refs.push_back(entry.new_member);
  return refs;
}

absl::StatusOr<Group> Group::Join(ByteView welcome, const KeyPackageBundle& bundle,
                                  SignaturePrivateKey signature_key,
                                  const std::optional<Bytes>& ratchet_tree,
                                  const AuthenticationService& authentication, absl::Time now,
                                  const GroupPolicy& policy, const PskStore* psks,
                                  LeafIndex* inviter) {
  return JoinByWelcome(
      {welcome, bundle, std::move(signature_key), ratchet_tree, policy, psks, nullptr},
      Judge{authentication, now}, inviter);
}

absl::StatusOr<Group> Group::JoinSuccessor(ByteView welcome, const KeyPackageBundle& bundle,
                                           SignaturePrivateKey signature_key,
                                           const std::optional<Bytes>& ratchet_tree,
                                           const AuthenticationService& authentication,
                                           absl::Time now, const PskStore* psks) const {
  return JoinByWelcome(
      {welcome, bundle, std::move(signature_key), ratchet_tree, state_->policy, psks, state_.get()},
      Judge{authentication, now}, nullptr);
}

}  // namespace plumbline::mls
