// What makes a proposal valid by itself (RFC 9420 §12.1, §7.3, §13).
#include <utility>

#include "mls/commit_rules.h"
#include "mls/external.h"

namespace plumbline::mls {
namespace {

absl::Status Invalid(absl::string_view rule) { return absl::InvalidArgumentError(rule); }

absl::Status CheckAdd(const PublicGroup& group, const AddProposal& add, const Judge& judge) {
  const KeyPackage& key_package = add.key_package;
  if (key_package.cipher_suite != group.context.cipher_suite)
    return Invalid("added key package is of another suite");
  RETURN_IF_ERROR(ValidateKeyPackage(key_package, judge.now));
  const LeafNode& leaf = key_package.leaf_node;
  const uint64_t length = leaf.lifetime.not_after - leaf.lifetime.not_before;
  if (group.policy.max_lifetime != absl::InfiniteDuration() &&
      length > static_cast<uint64_t>(absl::ToInt64Seconds(group.policy.max_lifetime))) {
    return Invalid("lifetime of a key package is longer than the policy allows");
  }
  return judge.authentication.Validate(leaf.credential, leaf.signature_key, judge.now);
}

absl::Status CheckUpdate(const PublicGroup& group, const UpdateProposal& update,
                         const Sender& sender, const Judge& judge) {
  const LeafNode* current = group.tree.leaf({sender.index});
  if (sender.type != SenderType::kMember || current == nullptr)
    return Invalid("Update from someone who is not a member");
  const LeafNode& leaf = update.leaf_node;
  if (leaf.source != LeafNodeSource::kUpdate)
    return Invalid("leaf node of an Update has another source");
  RETURN_IF_ERROR(CheckLeafNodeAlone(*group.suite, leaf));
  if (leaf.encryption_key == current->encryption_key)
    return Invalid("Update keeps the encryption key");
  RETURN_IF_ERROR(VerifyLeafNodeSignature(*group.suite, leaf,
                                          LeafPosition{group.context.group_id, {sender.index}}));
  RETURN_IF_ERROR(judge.Validate(current, leaf));
  if (!judge.SameClient(current->credential, leaf.credential)) {
    return absl::UnauthenticatedError("Update changes the client behind a leaf");
  }
  return absl::OkStatus();
}

absl::Status CheckPsk(const PublicGroup& group, const PreSharedKeyId& id) {
  if (id.psk_nonce.size() != group.suite->hash_size())
    return Invalid("PSK nonce has the wrong length");
  if (id.type == PskType::kResumption && id.usage != ResumptionPskUsage::kApplication) {
    return Invalid("PSK usage is not for commits");
  }
  return absl::OkStatus();
}

absl::Status CheckReInit(const PublicGroup& group, const ReInitProposal& reinit) {
  if (!group.policy.accept_reinit)
    return absl::PermissionDeniedError("the policy does not let this group be re-initialised");
  if (reinit.version < kProtocolVersionMls10) return Invalid("ReInit to an older protocol version");
  return CheckGroupContextExtensions(reinit.extensions);
}

// §12.1.8: who is no member may propose less.
absl::Status CheckKindFor(const PublicGroup& group, ProposalKind kind, const Sender& sender) {
  switch (sender.type) {
    case SenderType::kMember:
      if (kind == ProposalKind::kExternalInit) return Invalid("ExternalInit by a member");
      return absl::OkStatus();
    case SenderType::kExternal:
      if (!group.policy.accept_external_proposals)
        return absl::PermissionDeniedError("the policy takes no proposals of external senders");
      if (!MayBeExternal(kind)) return Invalid("kind of proposal is not for external senders");
      return absl::OkStatus();
    case SenderType::kNewMemberProposal:
      if (!group.policy.accept_external_proposals)
        return absl::PermissionDeniedError("the policy takes no proposals of new members");
      if (kind != ProposalKind::kAdd)
        return Invalid("a new member may propose nothing but its Add");
      return absl::OkStatus();
    case SenderType::kNewMemberCommit:
      if (kind != ProposalKind::kExternalInit && kind != ProposalKind::kRemove &&
          kind != ProposalKind::kPsk) {
        return Invalid("kind of proposal is not for external commits");
      }
      return absl::OkStatus();
  }
  return Invalid("unknown sender type");
}

}  // namespace

absl::StatusOr<Bytes> ExternalSenderKey(const PublicGroup& group, uint32_t index) {
  const Bytes* data = FindExtension(group.context.extensions, kExtensionExternalSenders);
  if (data == nullptr) return Invalid("the group has no external senders");
  ASSIGN_OR_RETURN(const std::vector<ExternalSender> senders, ParseExternalSenders(*data));
  if (index >= senders.size()) return Invalid("the group has no such external sender");
  return senders[index].signature_key;
}

absl::Status CheckGroupContextExtensions(const Extensions& extensions) {
  for (const Extension& extension : extensions) {
    switch (extension.type) {
      case kExtensionApplicationId:
      case kExtensionRatchetTree:
      case kExtensionExternalPub:
        return Invalid("extension type is not for group contexts");
      case kExtensionRequiredCapabilities:
        RETURN_IF_ERROR(ParseRequiredCapabilities(extension.data).status());
        break;
      case kExtensionExternalSenders:
        RETURN_IF_ERROR(ParseExternalSenders(extension.data).status());
        break;
      default:
        break;
    }
  }
  return absl::OkStatus();
}

absl::Status CheckProposal(const PublicGroup& group, const Proposal& proposal, const Sender& sender,
                           const Judge& judge) {
  RETURN_IF_ERROR(CheckKindFor(group, KindOf(proposal), sender));
  switch (KindOf(proposal)) {
    case ProposalKind::kAdd:
      return CheckAdd(group, std::get<AddProposal>(proposal), judge);
    case ProposalKind::kUpdate:
      return CheckUpdate(group, std::get<UpdateProposal>(proposal), sender, judge);
    case ProposalKind::kRemove:
      if (group.tree.leaf(std::get<RemoveProposal>(proposal).removed) == nullptr) {
        return Invalid("Remove of someone who is not a member");
      }
      return absl::OkStatus();
    case ProposalKind::kPsk:
      return CheckPsk(group, std::get<PskProposal>(proposal).id);
    case ProposalKind::kGroupContextExtensions:
      return CheckGroupContextExtensions(
          std::get<GroupContextExtensionsProposal>(proposal).extensions);
    case ProposalKind::kReInit:
      return CheckReInit(group, std::get<ReInitProposal>(proposal));
    case ProposalKind::kExternalInit:
      return absl::OkStatus();
  }
  return absl::UnimplementedError("unknown proposal type");
}

}  // namespace plumbline::mls
