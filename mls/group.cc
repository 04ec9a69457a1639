// A group's first epoch, its own messages, and the step to the next epoch.
#include "mls/group.h"

#include <utility>

#include "common/check.h"
#include "mls/epoch_change.h"
#include "mls/grease.h"
#include "mls/transcript_hash.h"

namespace plumbline::mls {

Group::Group(std::unique_ptr<GroupState> state)
    : GroupView(std::move(state), GroupStage::kCurrent) {}
StagedGroup::StagedGroup(std::unique_ptr<GroupState> state, GroupStage stage)
    : GroupView(std::move(state), stage) {}

Group Group::Clone() const { return GroupAccess::Make<Group>(state_->Clone()); }
StagedGroup StagedGroup::Clone() const {
  return GroupAccess::Make<StagedGroup>(state_->Clone(), stage_);
}

absl::StatusOr<Group> Group::Create(CreateGroupParams params, SignatureKeyPair signature_key) {
  ASSIGN_OR_RETURN(const CipherSuite* const suite,
                   CipherSuite::Get(static_cast<uint16_t>(params.suite)));
  if (params.group_id.empty() || params.group_id.size() > 255) {
    return absl::InvalidArgumentError("group id is empty or longer than 255 bytes");
  }
  RETURN_IF_ERROR(CheckPolicy(params.policy));
  HpkeKeyPair leaf_key = suite->GenerateHpkeKeyPair();
  LeafNode leaf;
  leaf.encryption_key = leaf_key.public_key;
  leaf.signature_key = signature_key.public_key;
  leaf.credential = std::move(params.credential);
  leaf.capabilities = std::move(params.capabilities);
  leaf.source = LeafNodeSource::kKeyPackage;
  leaf.lifetime = params.lifetime;
  leaf.extensions = std::move(params.leaf_extensions);
  if (params.grease) AddGrease(leaf.capabilities, leaf.extensions);
  RETURN_IF_ERROR(CheckLeafNodeAlone(*suite, leaf));
  RETURN_IF_ERROR(CheckGroupContextExtensions(params.group_context_extensions));
  RETURN_IF_ERROR(CheckLeafNodeSupports(leaf, params.group_context_extensions));
  RETURN_IF_ERROR(SignLeafNode(*suite, signature_key.private_key, std::nullopt, leaf));

  RatchetTree tree(*suite, std::move(leaf));
  GroupContext context{static_cast<uint16_t>(params.suite),
                       std::move(params.group_id),
                       0,
                       ToBytes(tree.RootHash()),
                       {},
                       std::move(params.group_context_extensions)};
  EpochSecrets secrets =
      DeriveEpochSecrets(*suite, EpochSecret{Secret::Random(suite->hash_size())});
  Bytes tag = ConfirmationTag(*suite, secrets.confirmation, {});
  Bytes interim = InterimTranscriptHash(*suite, {}, tag);
  SecretTree secret_tree(*suite, tree.leaf_count(), std::move(secrets.encryption),
                         params.policy.ratchet_limits);
  return GroupAccess::Make<Group>(
      GroupState{PublicGroup{suite, params.policy, std::move(context), std::move(tree),
                             std::move(interim), std::move(tag)},
                 TreePrivate(LeafIndex{0}, std::move(leaf_key)),
                 std::move(signature_key.private_key),
                 std::move(secrets),
                 std::move(secret_tree),
                 {},
                 {},
                 {}});
}

size_t Group::pending_proposals() const { return state_->proposals.list().size(); }

std::vector<Bytes> Group::pending_refs() const {
  std::vector<Bytes> refs;
  for (const StoredProposal& stored : state_->proposals.list()) refs.push_back(stored.ref.value);
  return refs;
}

absl::StatusOr<Bytes> Group::Protect(ByteView plaintext, ByteView authenticated_data,
                                     Padding padding) {
  RETURN_IF_ERROR(state_->CheckAlive());
  AuthenticatedContent content =
      NewContent(*state_, WireFormat::kPrivateMessage, authenticated_data,
                 ApplicationData{Secret::CopyOf(plaintext)});
  RETURN_IF_ERROR(
      SignContent(*state_->suite, state_->signature_key, Encode(state_->context), content));
  ASSIGN_OR_RETURN(const MlsMessage message, mls::Protect(*state_, std::move(content), padding));
  return Encode(message);
}

absl::Status CheckPolicy(const GroupPolicy& policy) {
  if (policy.max_past_epochs > kMaxPastEpochs)
    return absl::InvalidArgumentError("too many past epochs");
  if (policy.max_members < 1 || policy.max_members > kMaxLeaves) {
    return absl::InvalidArgumentError("maximum of members is outside 1..2^30");
  }
  if (policy.max_lifetime < absl::ZeroDuration())
    return absl::InvalidArgumentError("maximum lifetime is negative");
  return absl::OkStatus();
}

void Group::ClearPendingProposals() { state_->proposals.Clear(); }

absl::Status Group::AdvanceTo(StagedGroup&& next) {
  GroupState& from = *state_;
  GroupState& to = GroupAccess::State(next);
  if (next.stage_ != GroupStage::kStaged || to.context.group_id != from.context.group_id ||
      to.context.epoch != from.context.epoch + 1) {
    return absl::FailedPreconditionError("not the next epoch of this group");
  }
  PastEpoch ended{from.context.epoch,          from.own(),
                  Encode(from.context),        std::move(from.secrets.sender_data),
                  std::move(from.secret_tree), std::move(from.secrets.resumption),
                  from.tree.leaves()};
  to.past = std::move(from.past);
  to.past.push_front(std::move(ended));
  while (to.past.size() > to.policy.max_past_epochs) to.past.pop_back();
  state_ = GroupAccess::Take(std::move(next));
  return absl::OkStatus();
}

absl::StatusOr<Group> Group::Enter(StagedGroup&& join) {
  if (join.stage_ != GroupStage::kOwnJoin)
    return absl::FailedPreconditionError("not where an external commit of one's own leads");
  return Group(GroupAccess::Take(std::move(join)));
}

}  // namespace plumbline::mls
