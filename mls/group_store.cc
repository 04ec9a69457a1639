// A group as bytes for storage. Not an exchange format: it may change with the version octet.
#include <algorithm>
#include <utility>

#include "mls/group_state.h"
#include "mls/tree/tree_validation.h"

namespace plumbline::mls {
namespace {

constexpr uint8_t kVersion = 1;

absl::Status Broken(absl::string_view what) { return absl::InvalidArgumentError(what); }

void WritePolicy(Writer& out, const GroupPolicy& policy) {
  out.U32(policy.max_past_epochs).U32(policy.ratchet_limits.max_forward_skip);
  out.U32(policy.ratchet_limits.max_out_of_order).U32(policy.max_members);
  out.Present(policy.check_member_lifetimes);
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
  ASSIGN_OR_RETURN(policy.check_member_lifetimes, in.Present());
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

void WriteProposals(Writer& out, const std::vector<StoredProposal>& proposals) {
  out.U32(static_cast<uint32_t>(proposals.size()));
  for (const StoredProposal& stored : proposals) {
    out.Vector(stored.ref.value).U32(stored.sender.value);
    WriteProposal(out, stored.proposal);
  }
}

absl::StatusOr<std::vector<StoredProposal>> ReadProposals(Reader& in) {
  ASSIGN_OR_RETURN(const uint32_t count, in.U32());
  std::vector<StoredProposal> proposals;
  for (uint32_t i = 0; i < count; ++i) {
    StoredProposal stored;
    ASSIGN_OR_RETURN(stored.ref.value, ReadBytes(in));
    ASSIGN_OR_RETURN(stored.sender.value, in.U32());
    ASSIGN_OR_RETURN(stored.proposal, ReadProposal(in));
    proposals.push_back(std::move(stored));
  }
  return proposals;
}

void WriteUpdates(Writer& out, const std::vector<PendingUpdate>& updates) {
  out.U32(static_cast<uint32_t>(updates.size()));
  for (const PendingUpdate& update : updates) {
    out.Vector(update.encryption_key.private_key.bytes.view())
        .Vector(update.encryption_key.public_key);
    out.Present(update.signature_key.has_value());
    if (update.signature_key) out.Vector(update.signature_key->bytes.view());
  }
}

absl::StatusOr<std::vector<PendingUpdate>> ReadUpdates(Reader& in) {
  ASSIGN_OR_RETURN(const uint32_t count, in.U32());
  std::vector<PendingUpdate> updates;
  for (uint32_t i = 0; i < count; ++i) {
    PendingUpdate update;
    ASSIGN_OR_RETURN(update.encryption_key.private_key.bytes, ReadSecret(in));
    ASSIGN_OR_RETURN(update.encryption_key.public_key, ReadBytes(in));
    ASSIGN_OR_RETURN(const bool has_signature_key, in.Present());
    if (has_signature_key) {
      ASSIGN_OR_RETURN(Secret key, ReadSecret(in));
      update.signature_key = SignaturePrivateKey{std::move(key)};
    }
    updates.push_back(std::move(update));
  }
  return updates;
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

absl::StatusOr<GroupState> ReadState(Reader& in) {
  ASSIGN_OR_RETURN(const uint8_t version, in.U8());
  if (version != kVersion) return Broken("unknown version of a stored group");
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
  ASSIGN_OR_RETURN(std::vector<StoredProposal> proposals, ReadProposals(in));
  ASSIGN_OR_RETURN(std::vector<PendingUpdate> updates, ReadUpdates(in));
  ASSIGN_OR_RETURN(std::deque<PastEpoch> past, ReadPast(*suite, in, tree.leaves(), policy));
  return GroupState{suite,
                    policy,
                    std::move(context),
                    std::move(tree),
                    std::move(keys),
                    {std::move(signature_key)},
                    std::move(secrets),
                    std::move(secret_tree),
                    std::move(interim),
                    std::move(tag),
                    std::move(proposals),
                    std::move(updates),
                    std::move(past)};
}

}  // namespace

Secret Group::Serialize() const {
  const GroupState& state = *state_;
  Writer out;
  out.U8(kVersion);
  WritePolicy(out, state.policy);
  WriteGroupContext(out, state.context);
  out.Vector(state.tree.Encode());
  state.keys.Write(out);
  out.Vector(state.signature_key.bytes.view());
  WriteEpochSecrets(out, state.secrets);
  state.secret_tree.Write(out);
  out.Vector(state.interim_transcript_hash).Vector(state.confirmation_tag);
  WriteProposals(out, state.proposals);
  WriteUpdates(out, state.updates);
  WritePast(out, state.past, state.tree.leaves());
  return out.TakeSecret();
}

absl::StatusOr<Group> Group::Parse(ByteView stored) {
  Reader in(stored);
  absl::StatusOr<GroupState> state = ReadState(in);
  if (!state.ok()) return absl::DataLossError(state.status().message());
  if (!in.AtEnd()) return absl::DataLossError("bytes are left over after a stored group");
  return GroupAccess::Make(*std::move(state));
}

}  // namespace plumbline::mls
