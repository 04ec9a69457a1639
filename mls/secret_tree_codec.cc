// Storage of a SecretTree: secret_tree.h.
#include <bit>

#include "mls/secret_tree.h"

namespace plumbline::mls {
namespace {

constexpr uint8_t kFormat = 1;
constexpr uint64_t kMaxNext = uint64_t{1} << 32;

absl::StatusOr<Secret> ReadSecret(Reader& in, size_t size) {
  ASSIGN_OR_RETURN(const ByteView bytes, in.Vector(size));
  if (bytes.size() != size) return absl::InvalidArgumentError("stored secret has the wrong size");
  return Secret::CopyOf(bytes);
}

absl::Status NotAscending() { return absl::InvalidArgumentError("stored secret tree is not in order"); }

}  // namespace

// struct { uint8 format = 1; uint32 leaves; uint32 max_forward_skip; uint32 max_out_of_order;
//          uint32 node_count;    struct { uint32 node; opaque secret<V>; } nodes[node_count];
//          uint32 ratchet_count; struct { uint32 leaf; Ratchet handshake; Ratchet application; } ratchets[ratchet_count];
// } SecretTree;
// struct { uint64 next; opaque secret<V>; uint32 count;
//          struct { uint32 generation; opaque key<V>; opaque nonce<V>; } skipped[count]; } Ratchet;
// Lists ascend strictly by their first field.
void SecretTree::Write(Writer& out) const {
  out.U8(kFormat).U32(leaves_.value).U32(limits_.max_forward_skip).U32(limits_.max_out_of_order);
  out.U32(static_cast<uint32_t>(nodes_.size()));
  for (const auto& [node, secret] : nodes_) out.U32(node.value).Vector(secret.view());
  out.U32(static_cast<uint32_t>(ratchets_.size()));
  for (const auto& [leaf, pair] : ratchets_) {
    out.U32(leaf.value);
    for (const Ratchet& ratchet : pair) {
      out.U64(ratchet.next).Vector(ratchet.secret.view()).U32(static_cast<uint32_t>(ratchet.skipped.size()));
      for (const auto& [generation, key] : ratchet.skipped) {
        out.U32(generation).Vector(key.key.view()).Vector(key.nonce.view());
      }
    }
  }
}

absl::Status SecretTree::ReadRatchet(Reader& in, Ratchet& ratchet) const {
  ASSIGN_OR_RETURN(ratchet.next, in.U64());
  if (ratchet.next > kMaxNext) return absl::InvalidArgumentError("stored ratchet is beyond its end");
  ASSIGN_OR_RETURN(ratchet.secret, ReadSecret(in, ratchet.next == kMaxNext ? 0 : suite_->hash_size()));
  ASSIGN_OR_RETURN(const uint32_t count, in.U32());
  if (count > limits_.max_out_of_order) return absl::InvalidArgumentError("stored ratchet keeps too many keys");
  for (uint32_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const uint32_t generation, in.U32());
    if (generation >= ratchet.next || (i > 0 && generation <= ratchet.skipped.rbegin()->first)) return NotAscending();
    KeyAndNonce key;
    ASSIGN_OR_RETURN(key.key, ReadSecret(in, suite_->aead_key_size()));
    ASSIGN_OR_RETURN(key.nonce, ReadSecret(in, suite_->aead_nonce_size()));
    ratchet.skipped.emplace(generation, std::move(key));
  }
  return absl::OkStatus();
}

// Every leaf has either its ratchets or exactly one node secret at or above it.
absl::Status SecretTree::CheckCover() const {
  const auto broken = [] { return absl::InvalidArgumentError("stored secret tree does not cover its leaves once"); };
  uint64_t covered = ratchets_.size();
  const auto covered_above = [&](NodeIndex node) {
    for (auto up = Parent(node, leaves_); up; up = Parent(*up, leaves_)) {
      if (nodes_.contains(*up)) return true;
    }
    return false;
  };
  for (const auto& [node, secret] : nodes_) {
    if (covered_above(node)) return broken();
    covered += uint64_t{1} << Level(node);
  }
  for (const auto& [leaf, pair] : ratchets_) {
    if (nodes_.contains(NodeOf(leaf)) || covered_above(NodeOf(leaf))) return broken();
  }
  return covered == leaves_.value ? absl::OkStatus() : broken();
}

absl::StatusOr<SecretTree> SecretTree::Read(const CipherSuite& suite, Reader& in) {
  ASSIGN_OR_RETURN(const uint8_t format, in.U8());
  if (format != kFormat) return absl::InvalidArgumentError("unknown format of a stored secret tree");
  LeafCount leaves;
  ASSIGN_OR_RETURN(leaves.value, in.U32());
  if (leaves.value > kMaxLeaves || !std::has_single_bit(leaves.value)) {
    return absl::InvalidArgumentError("stored secret tree has an impossible size");
  }
  RatchetLimits limits;
  ASSIGN_OR_RETURN(limits.max_forward_skip, in.U32());
  ASSIGN_OR_RETURN(limits.max_out_of_order, in.U32());
  SecretTree tree(suite, leaves, {}, limits);
  tree.nodes_.clear();
  if (limits != tree.limits_) return absl::InvalidArgumentError("stored secret tree has excessive limits");
  ASSIGN_OR_RETURN(const uint32_t node_count, in.U32());
  for (uint32_t i = 0; i < node_count; ++i) {
    NodeIndex node;
    ASSIGN_OR_RETURN(node.value, in.U32());
    if (node.value >= NodeWidth(leaves) || (i > 0 && node <= tree.nodes_.rbegin()->first)) return NotAscending();
    ASSIGN_OR_RETURN(Secret secret, ReadSecret(in, suite.hash_size()));
    tree.nodes_.emplace(node, std::move(secret));
  }
  ASSIGN_OR_RETURN(const uint32_t ratchet_count, in.U32());
  for (uint32_t i = 0; i < ratchet_count; ++i) {
    LeafIndex leaf;
    ASSIGN_OR_RETURN(leaf.value, in.U32());
    if (leaf.value >= leaves.value || (i > 0 && leaf <= tree.ratchets_.rbegin()->first)) return NotAscending();
    for (Ratchet& ratchet : tree.ratchets_[leaf]) RETURN_IF_ERROR(tree.ReadRatchet(in, ratchet));
  }
  RETURN_IF_ERROR(tree.CheckCover());
  return tree;
}

Secret SecretTree::Serialize() const {
  Writer out;
  Write(out);
  return out.TakeSecret();
}

}  // namespace plumbline::mls
