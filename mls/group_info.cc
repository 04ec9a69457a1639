// GroupInfo: made for those who shall join, and judged by them (RFC 9420 §12.4.3).
#include <utility>

#include "mls/epoch_change.h"
#include "mls/external.h"
#include "mls/grease.h"
#include "mls/tree/tree_validation.h"

namespace plumbline::mls {
namespace {

absl::Status Invalid(absl::string_view rule) { return absl::InvalidArgumentError(rule); }

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
        judge.authentication.ValidateMember(leaf->credential, leaf->signature_key, judge.now));
  }
  return CheckCredentialTypes(tree);
}

}  // namespace

absl::StatusOr<GroupInfo> MakeGroupInfo(const GroupState& group, const GroupInfoOptions& options) {
  GroupInfo info{group.context, {}, group.confirmation_tag, group.own(), {}};
  if (options.ratchet_tree) info.extensions.push_back({kExtensionRatchetTree, group.tree.Encode()});
  if (options.external_pub) {
    const HpkeKeyPair external = DeriveExternalKeyPair(*group.suite, group.secrets.external);
    info.extensions.push_back({kExtensionExternalPub, EncodeExternalPub(external.public_key)});
  }
  if (options.grease) AddGreaseExtension(info.extensions);
  RETURN_IF_ERROR(SignGroupInfo(*group.suite, group.signature_key, info));
  return info;
}

absl::StatusOr<Bytes> Group::ExportGroupInfo(const GroupInfoOptions& options) const {
  RETURN_IF_ERROR(state_->CheckAlive());
  ASSIGN_OR_RETURN(GroupInfo info, MakeGroupInfo(*state_, options));
  return Encode(MlsMessage{std::move(info)});
}

absl::Status CheckGroupInfoExtensions(const GroupInfo& info) {
  for (const Extension& extension : info.extensions) {
    if (extension.type == kExtensionApplicationId ||
        extension.type == kExtensionRequiredCapabilities ||
        extension.type == kExtensionExternalSenders) {
      return Invalid("extension type is not for GroupInfo");
    }
  }
  return CheckGroupContextExtensions(info.group_context.extensions);
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

absl::Status CheckGroupInfo(const RatchetTree& tree, const GroupInfo& info,
                            const GroupPolicy& policy, const Judge& judge) {
  const LeafNode* signer = tree.leaf(info.signer);
  if (signer == nullptr) return Invalid("signer of the GroupInfo is not a member");
  RETURN_IF_ERROR(VerifyGroupInfo(tree.suite(), signer->signature_key, info));
  RETURN_IF_ERROR(CheckTreeStructure(tree));
  return CheckLeaves(tree, info.group_context, policy, judge);
}

}  // namespace plumbline::mls
