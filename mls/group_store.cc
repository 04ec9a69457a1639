// A group as bytes for storage. Not an exchange format: it may change with the version octet.
#include <algorithm>
#include <utility>

#include "mls/group_state.h"
#include "mls/tree/tree_validation.h"

namespace plumbline::mls {
namespace {

// The second version is the first with what the group was re-initialised to at its end.
constexpr uint8_t kVersion = 1;
constexpr uint8_t kVersionReinit = 2;
constexpr uint8_t kVersionBits = 0x3f;  // the others are the stage

// Bits of the policy's flags.
constexpr uint8_t kCheckMemberLifetimes = 1;
constexpr uint8_t kAcceptExternalCommits = 2;
constexpr uint8_t kAcceptExternalProposals = 4;
constexpr uint8_t kAcceptReinit = 8;
constexpr uint8_t kRefusePublicHandshakes = 16;
constexpr uint8_t kAllFlags = 31;

absl::Status Broken(absl::string_view what) { return absl::InvalidArgumentError(what); }

uint8_t FlagsOf(const GroupPolicy& policy) {
  uint8_t flags = 0;
  if (policy.check_member_lifetimes) flags |= kCheckMemberLifetimes;
  if (policy.accept_external_commits) flags |= kAcceptExternalCommits;
  if (policy.accept_external_proposals) flags |= kAcceptExternalProposals;
  if (policy.accept_reinit) flags |= kAcceptReinit;
  if (!policy.accept_public_handshakes) flags |= kRefusePublicHandshakes;
  return flags;
}

void WritePolicy(Writer& out, const GroupPolicy& policy) {
  out.U32(policy.max_past_epochs).U32(policy.ratchet_limits.max_forward_skip);
  out.U32(policy.ratchet_limits.max_out_of_order).U32(policy.max_members);
  out.U8(FlagsOf(policy));
  const bool bounded = policy.max_lifetime != absl::InfiniteDuration();
  out.Present(bounded);
  if (bounded) out.U64(static_cast<uint64_t>(absl::ToInt64Seconds(policy.max_lifetime)));
}

absl::StatusOr<GroupPolicy> ReadPolicy(Reader& in) {
  GroupPolicy policy;
  ASSIGN_OR_RETURN(policy.max_past_epochs, in.U32());
  ASSIGN_OR_RETURN(policy.ratchet_limits.max_forward_skip, in.U32());
  ASSIGN_OR_RETURN(policy.ratchet_limits.max_out_of_order, in.U32());
  ASSIGN_OR_RETURN(policy.max_members, in.U32());
  ASSIGN_OR_RETURN(const uint8_t flags, in.U8());
  if ((flags & ~kAllFlags) != 0) return Broken("stored policy has unknown flags");
  policy.check_member_lifetimes = (flags & kCheckMemberLifetimes) != 0;
  policy.accept_external_commits = (flags & kAcceptExternalCommits) != 0;
  policy.accept_external_proposals = (flags & kAcceptExternalProposals) != 0;
  policy.accept_reinit = (flags & kAcceptReinit) != 0;
  policy.accept_public_handshakes = (flags & kRefusePublicHandshakes) == 0;
  ASSIGN_OR_RETURN(const bool bounded, in.Present());
  if (bounded) {
    ASSIGN_OR_RETURN(const uint64_t seconds, in.U64());
    policy.max_lifetime = absl::Seconds(static_cast<int64_t>(seconds));
  }
  RETURN_IF_ERROR(CheckPolicy(policy));
  return policy;
}

absl::StatusOr<Secret> ReadSecret(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView bytes, in.Vector(4096));
  return Secret::CopyOf(bytes);
}

absl::StatusOr<Bytes> ReadBytes(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView bytes, in.Vector(kMaxVarint));
  return ToBytes(bytes);
}

bool SameLeaf(const LeafSlot& a, const LeafSlot& b) {
  return a.node == b.node || (a.node != nullptr && b.node != nullptr && *a.node == *b.node);
}

// Leaves of a past epoch as differences from the next newer one: most members do not change.
void WriteLeaves(Writer& out, const Leaves& leaves, const Leaves& newer) {
  Writer list;
  uint32_t count = 0;
  leaves.ForEach([&](size_t i, const LeafSlot& leaf) {
    if (i < newer.size() && SameLeaf(leaf, newer[i])) return;
    list.U32(static_cast<uint32_t>(i)).Present(leaf.node != nullptr);
    if (leaf.node != nullptr) WriteLeafNode(list, *leaf.node);
    ++count;
  });
  out.U32(static_cast<uint32_t>(leaves.size())).U32(count).Fixed(list.view());
}

// Whatever is beyond `newer` is listed, so the input bounds what is allocated.
absl::StatusOr<Leaves> ReadLeaves(Reader& in, const Leaves& newer, LeafCount expected) {
  ASSIGN_OR_RETURN(const uint32_t size, in.U32());
  ASSIGN_OR_RETURN(const uint32_t count, in.U32());
  if (size != expected.value) return Broken("stored leaves do not fit their secret tree");
  Leaves leaves = newer;
  leaves.Resize(std::min<size_t>(size, newer.size()));
  for (uint32_t i = 0, least = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const uint32_t index, in.U32());
    if (index < least || index >= size || index > leaves.size())
      return Broken("stored leaves are out of order");
    least = index + 1;
    LeafSlot leaf;
    ASSIGN_OR_RETURN(const bool present, in.Present());
    if (present) {
      ASSIGN_OR_RETURN(LeafNode read, ReadLeafNode(in));
      leaf = LeafSlot(std::make_shared<const LeafNode>(std::move(read)));
    }
    if (index == leaves.size()) {
      leaves.PushBack(std::move(leaf));
      continue;
    }
    if (SameLeaf(leaf, newer[index]))
      return Broken("stored leaf is listed though it did not change");
    leaves.Mutable(index) = std::move(leaf);
  }
  if (leaves.size() != size) return Broken("stored leaves are missing");
  return leaves;
}

void WritePast(Writer& out, const std::deque<PastEpoch>& past, Leaves newer) {
  out.U32(static_cast<uint32_t>(past.size()));
  for (const PastEpoch& epoch : past) {
    out.U64(epoch.epoch).U32(epoch.own_leaf.value).Vector(epoch.context);
    out.Vector(epoch.sender_data.bytes.view()).Vector(epoch.resumption.bytes.view());
    epoch.secret_tree.Write(out);
    WriteLeaves(out, epoch.leaves, newer);
    newer = epoch.leaves;
  }
}

absl::StatusOr<std::deque<PastEpoch>> ReadPast(const CipherSuite& suite, Reader& in, Leaves newer,
                                               const GroupPolicy& policy) {
  std::deque<PastEpoch> past;
  ASSIGN_OR_RETURN(const uint32_t count, in.U32());
  if (count > policy.max_past_epochs) return Broken("too many past epochs");
  for (uint32_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const uint64_t epoch, in.U64());
    ASSIGN_OR_RETURN(const uint32_t own, in.U32());
    ASSIGN_OR_RETURN(Bytes context, ReadBytes(in));
    ASSIGN_OR_RETURN(Secret sender_data, ReadSecret(in));
    ASSIGN_OR_RETURN(Secret resumption, ReadSecret(in));
    ASSIGN_OR_RETURN(SecretTree secret_tree, SecretTree::Read(suite, in));
    ASSIGN_OR_RETURN(newer, ReadLeaves(in, newer, secret_tree.leaves()));
    past.push_back(PastEpoch{epoch,
                             {own},
                             std::move(context),
                             {std::move(sender_data)},
                             std::move(secret_tree),
                             {std::move(resumption)},
                             newer});
  }
  return past;
}

absl::StatusOr<GroupState> ReadState(Reader& in, uint8_t version) {
  if (version != kVersion && version != kVersionReinit)
    return Broken("unknown version of a stored group");
  ASSIGN_OR_RETURN(const GroupPolicy policy, ReadPolicy(in));
  ASSIGN_OR_RETURN(GroupContext context, ReadGroupContext(in));
  ASSIGN_OR_RETURN(const CipherSuite* const suite, CipherSuite::Get(context.cipher_suite));
  ASSIGN_OR_RETURN(const ByteView tree_bytes, in.Vector(kMaxVarint));
  ASSIGN_OR_RETURN(RatchetTree tree, RatchetTree::Parse(*suite, tree_bytes, kMaxLeaves));
  if (!Equal(tree.RootHash(), context.tree_hash)) return Broken("stored tree has another hash");
  RETURN_IF_ERROR(CheckUnmergedLeaves(tree));
  ASSIGN_OR_RETURN(TreePrivate keys, TreePrivate::Read(in));
  if (tree.leaf(keys.own_leaf()) == nullptr || keys.key(NodeOf(keys.own_leaf())) == nullptr) {
    return Broken("stored group lacks its own leaf");
  }
  ASSIGN_OR_RETURN(Secret signature_key, ReadSecret(in));
  ASSIGN_OR_RETURN(EpochSecrets secrets, ReadEpochSecrets(*suite, in));
  ASSIGN_OR_RETURN(SecretTree secret_tree, SecretTree::Read(*suite, in));
  if (secret_tree.leaves() != tree.leaf_count())
    return Broken("stored secret tree is of another size");
  ASSIGN_OR_RETURN(Bytes interim, ReadBytes(in));
  ASSIGN_OR_RETURN(Bytes tag, ReadBytes(in));
  ASSIGN_OR_RETURN(PendingProposals proposals, PendingProposals::Read(in));
  ASSIGN_OR_RETURN(std::deque<PastEpoch> past, ReadPast(*suite, in, tree.leaves(), policy));
  std::optional<ReInitProposal> reinit;
  if (version == kVersionReinit) {
    ASSIGN_OR_RETURN(Proposal proposal, ReadProposalBody(in, ProposalKind::kReInit));
    reinit = std::get<ReInitProposal>(std::move(proposal));
  }
  return GroupState{PublicGroup{suite, policy, std::move(context), std::move(tree),
                                std::move(interim), std::move(tag)},
                    std::move(keys),
                    {std::move(signature_key)},
                    std::move(secrets),
                    std::move(secret_tree),
                    std::move(proposals),
                    std::move(past),
                    std::move(reinit)};
}

// `first`: the first byte without the stage.
absl::StatusOr<GroupState> ParseState(ByteView stored, uint8_t first) {
  Reader in(stored.subspan(1));
  absl::StatusOr<GroupState> state = ReadState(in, first);
  if (!state.ok()) return absl::DataLossError(state.status().message());
  if (!in.AtEnd()) return absl::DataLossError("bytes are left over after a stored group");
  return state;
}

}  // namespace

Secret GroupView::Serialize() const {
  const GroupState& state = *state_;
  Writer out;
  out.U8((state.reinit ? kVersionReinit : kVersion) | static_cast<uint8_t>(stage_));
  WritePolicy(out, state.policy);
  WriteGroupContext(out, state.context);
  out.Vector(state.tree.Encode());
  state.keys.Write(out);
  out.Vector(state.signature_key.bytes.view());
  WriteEpochSecrets(out, state.secrets);
  state.secret_tree.Write(out);
  out.Vector(state.interim_transcript_hash).Vector(state.confirmation_tag);
  state.proposals.Write(out);
  WritePast(out, state.past, state.tree.leaves());
  if (state.reinit) WriteProposalBody(out, *state.reinit);
  return out.TakeSecret();
}

absl::StatusOr<Group> Group::Parse(ByteView stored) {
  if (stored.empty() || (stored[0] & ~kVersionBits) != 0)
    return absl::DataLossError("not a stored group at its current epoch");
  ASSIGN_OR_RETURN(GroupState state, ParseState(stored, stored[0]));
  return GroupAccess::Make<Group>(std::move(state));
}

absl::StatusOr<StagedGroup> StagedGroup::Parse(ByteView stored) {
  const auto stage = static_cast<GroupStage>(stored.empty() ? 0 : stored[0] & ~kVersionBits);
  if (stage != GroupStage::kStaged && stage != GroupStage::kOwnJoin)
    return absl::DataLossError("not a stored group that waits for its commit");
  ASSIGN_OR_RETURN(GroupState state, ParseState(stored, stored[0] & kVersionBits));
  return GroupAccess::Make<StagedGroup>(std::move(state), stage);
}

}  // namespace plumbline::mls
