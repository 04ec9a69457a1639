// Accessors of Group, its first epoch, and its own proposals and messages.
#include "mls/group.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "mls/epoch_change.h"
#include "mls/grease.h"
#include "mls/transcript_hash.h"

namespace plumbline::mls {
namespace {

Member ToMember(LeafIndex index, const LeafNode& leaf) {
  return {
      index,          leaf.credential, leaf.signature_key, leaf.encryption_key, leaf.capabilities,
      leaf.extensions};
}

}  // namespace

Group::Group(std::unique_ptr<GroupState> state) : state_(std::move(state)) {}
Group::Group(Group&&) noexcept = default;
Group& Group::operator=(Group&&) noexcept = default;
Group::~Group() = default;

Group Group::Clone() const { return GroupAccess::Make(state_->Clone()); }

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
  return GroupAccess::Make(
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

const Bytes& Group::group_id() const { return state_->context.group_id; }
uint64_t Group::epoch() const { return state_->context.epoch; }
SuiteId Group::suite() const { return state_->suite->id(); }
LeafIndex Group::own_leaf() const { return state_->own(); }
const LeafNode& Group::own_leaf_node() const { return *state_->tree.leaf(state_->own()); }
const SignaturePrivateKey& Group::signature_key() const { return state_->signature_key; }
const Extensions& Group::group_context_extensions() const { return state_->context.extensions; }
const GroupPolicy& Group::policy() const { return state_->policy; }
size_t Group::member_count() const { return state_->tree.member_count(); }
Bytes Group::TreeHash() const { return state_->context.tree_hash; }
Bytes Group::EncodedTree() const { return state_->tree.Encode(); }
size_t Group::pending_proposals() const { return state_->proposals.list().size(); }

std::vector<Bytes> Group::pending_refs() const {
  std::vector<Bytes> refs;
  for (const StoredProposal& stored : state_->proposals.list()) refs.push_back(stored.ref.value);
  return refs;
}

const std::optional<ReInitProposal>& Group::reinit() const { return state_->reinit; }

std::vector<Member> Group::members() const {
  std::vector<Member> out;
  for (uint32_t i = 0; i < state_->tree.leaf_count().value; ++i) {
    if (const LeafNode* leaf = state_->tree.leaf({i})) out.push_back(ToMember({i}, *leaf));
  }
  return out;
}

std::optional<Member> Group::member(LeafIndex index) const {
  const LeafNode* leaf = state_->tree.leaf(index);
  if (leaf == nullptr) return std::nullopt;
  return ToMember(index, *leaf);
}

Bytes Group::EpochAuthenticator() const {
  return ToBytes(state_->secrets.authenticator.bytes.view());
}

Secret Group::Export(absl::string_view label, ByteView context, size_t size) const {
  return mls::Export(*state_->suite, state_->secrets.exporter, label, context, size);
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

absl::Status Group::AdvanceTo(Group&& next) {
  GroupState& from = *state_;
  GroupState& to = *next.state_;
  if (to.context.group_id != from.context.group_id || to.context.epoch != from.context.epoch + 1) {
    return absl::FailedPreconditionError("not the next epoch of this group");
  }
  PastEpoch ended{from.context.epoch,
                  from.own(),
                  Encode(from.context),
                  std::move(from.secrets.sender_data),
                  std::move(from.secret_tree),
                  std::move(from.secrets.resumption),
                  from.tree.leaves()};
  to.past = std::move(from.past);
  to.past.push_front(std::move(ended));
  while (to.past.size() > to.policy.max_past_epochs) to.past.pop_back();
  state_ = std::move(next.state_);
  return absl::OkStatus();
}

}  // namespace plumbline::mls
