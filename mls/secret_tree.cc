#include "mls/secret_tree.h"

#include <algorithm>

#include "common/check.h"

namespace plumbline::mls {
namespace {

constexpr uint64_t kExhausted = uint64_t{1} << 32;

size_t IndexOf(RatchetType type) { return static_cast<size_t>(type); }

KeyAndNonce CopyOfKey(const KeyAndNonce& key) {
  return {Secret::CopyOf(key.key.view()), Secret::CopyOf(key.nonce.view())};
}

absl::Status OutsideTree() { return absl::InvalidArgumentError("sender is outside the tree"); }

}  // namespace

KeyAndNonce DeriveSenderDataKeyAndNonce(const CipherSuite& suite, const SenderDataSecret& secret, ByteView ciphertext) {
  const ByteView sample = ciphertext.first(std::min(ciphertext.size(), suite.hash_size()));
  return {suite.ExpandWithLabel(secret.bytes.view(), "key", sample, suite.aead_key_size()),
          suite.ExpandWithLabel(secret.bytes.view(), "nonce", sample, suite.aead_nonce_size())};
}

SecretTree::SecretTree(const CipherSuite& suite, LeafCount leaves, EncryptionSecret secret, RatchetLimits limits)
    : suite_(&suite), leaves_(leaves), limits_{std::min(limits.max_forward_skip, kMaxForwardSkip),
                                               std::min(limits.max_out_of_order, kMaxOutOfOrder)} {
  nodes_.emplace(Root(leaves), std::move(secret.bytes));
}

SecretTree SecretTree::CopyOf(const SecretTree& other) {
  SecretTree copy(*other.suite_, other.leaves_, {}, other.limits_);
  copy.nodes_.clear();
  for (const auto& [node, secret] : other.nodes_) copy.nodes_.emplace(node, Secret::CopyOf(secret.view()));
  for (const auto& [leaf, pair] : other.ratchets_) {
    Ratchets& to = copy.ratchets_[leaf];
    for (size_t i = 0; i < pair.size(); ++i) {
      to[i].secret = Secret::CopyOf(pair[i].secret.view());
      to[i].next = pair[i].next;
      for (const auto& [generation, key] : pair[i].skipped) to[i].skipped.emplace(generation, CopyOfKey(key));
    }
  }
  return copy;
}

KeyAndNonce SecretTree::Step(Ratchet& ratchet, bool want_key) const {
  const auto generation = static_cast<uint32_t>(ratchet.next);
  KeyAndNonce key;
  if (want_key) {
    key.key = suite_->DeriveTreeSecret(ratchet.secret.view(), "key", generation, suite_->aead_key_size());
    key.nonce = suite_->DeriveTreeSecret(ratchet.secret.view(), "nonce", generation, suite_->aead_nonce_size());
  }
  ++ratchet.next;
  ratchet.secret = ratchet.next == kExhausted
                       ? Secret()
                       : suite_->DeriveTreeSecret(ratchet.secret.view(), "secret", generation, suite_->hash_size());
  return key;
}

absl::StatusOr<SecretTree::Descent> SecretTree::Descend(LeafIndex leaf) const {
  const NodeIndex target = NodeOf(leaf);
  Descent descent{.from = target, .siblings = {}, .ratchets = {}};
  auto have = nodes_.find(target);
  while (have == nodes_.end()) {
    const std::optional<NodeIndex> up = Parent(descent.from, leaves_);
    if (!up) return absl::InternalError("the secret tree has lost a leaf");
    descent.from = *up;
    have = nodes_.find(*up);
  }
  Secret secret = Secret::CopyOf(have->second.view());
  for (NodeIndex node = descent.from; node != target;) {
    Secret left = suite_->ExpandWithLabel(secret.view(), "tree", AsBytes("left"), suite_->hash_size());
    Secret right = suite_->ExpandWithLabel(secret.view(), "tree", AsBytes("right"), suite_->hash_size());
    const bool go_left = target < node;
    descent.siblings.emplace_back(go_left ? Right(node) : Left(node), std::move(go_left ? right : left));
    secret = std::move(go_left ? left : right);
    node = go_left ? Left(node) : Right(node);
  }
  descent.ratchets[IndexOf(RatchetType::kHandshake)].secret =
      suite_->ExpandWithLabel(secret.view(), "handshake", {}, suite_->hash_size());
  descent.ratchets[IndexOf(RatchetType::kApplication)].secret =
      suite_->ExpandWithLabel(secret.view(), "application", {}, suite_->hash_size());
  return descent;
}

void SecretTree::Apply(LeafIndex leaf, Descent descent) {
  nodes_.erase(descent.from);
  for (auto& [node, secret] : descent.siblings) nodes_.emplace(node, std::move(secret));
  ratchets_.emplace(leaf, std::move(descent.ratchets));
}

absl::StatusOr<MessageKey> SecretTree::Next(LeafIndex leaf, RatchetType type) {
  if (leaf.value >= leaves_.value) return OutsideTree();
  if (!ratchets_.contains(leaf)) {
    ASSIGN_OR_RETURN(Descent descent, Descend(leaf));
    Apply(leaf, std::move(descent));
  }
  Ratchet& ratchet = ratchets_.at(leaf)[IndexOf(type)];
  if (ratchet.next == kExhausted) {
    return absl::ResourceExhaustedError("all generations of this epoch are used up: commit to begin a new one");
  }
  ++changes_;
  const auto generation = static_cast<uint32_t>(ratchet.next);
  return MessageKey{generation, Step(ratchet, /*want_key=*/true)};
}

absl::StatusOr<SecretTree::Staged> SecretTree::Stage(LeafIndex leaf, RatchetType type, uint32_t generation) const {
  if (leaf.value >= leaves_.value) return OutsideTree();
  Staged staged;
  staged.leaf_ = leaf;
  staged.type_ = type;
  staged.generation_ = generation;
  staged.changes_ = changes_;
  const Ratchet* ratchet = nullptr;
  if (const auto known = ratchets_.find(leaf); known != ratchets_.end()) {
    ratchet = &known->second[IndexOf(type)];
  } else {
    ASSIGN_OR_RETURN(staged.descent_, Descend(leaf));
    ratchet = &(*staged.descent_).ratchets[IndexOf(type)];
  }
  if (generation < ratchet->next) {
    const auto kept = ratchet->skipped.find(generation);
    if (kept == ratchet->skipped.end()) {
      return absl::InvalidArgumentError("the key of this generation was used or is no longer kept");
    }
    staged.key_ = CopyOfKey(kept->second);
    return staged;
  }
  if (generation - ratchet->next > limits_.max_forward_skip) {
    return absl::ResourceExhaustedError("generation is too far ahead");
  }
  Ratchet& ahead = staged.ahead_.emplace();
  ahead.secret = Secret::CopyOf(ratchet->secret.view());
  ahead.next = ratchet->next;
  while (ahead.next < generation) {
    const auto skipped = static_cast<uint32_t>(ahead.next);
    const bool keep = generation - skipped <= limits_.max_out_of_order;
    KeyAndNonce key = Step(ahead, keep);
    if (keep) ahead.skipped.emplace(skipped, std::move(key));
  }
  staged.key_ = Step(ahead, /*want_key=*/true);
  return staged;
}

void SecretTree::Consume(Staged staged) {
  CHECK(staged.changes_ == changes_);
  ++changes_;
  if (staged.descent_) Apply(staged.leaf_, *std::move(staged.descent_));
  Ratchet& ratchet = ratchets_.at(staged.leaf_)[IndexOf(staged.type_)];
  if (!staged.ahead_) {
    ratchet.skipped.erase(staged.generation_);
    return;
  }
  ratchet.secret = std::move(staged.ahead_->secret);
  ratchet.next = staged.ahead_->next;
  ratchet.skipped.merge(staged.ahead_->skipped);
  while (ratchet.skipped.size() > limits_.max_out_of_order) ratchet.skipped.erase(ratchet.skipped.begin());
}

}  // namespace plumbline::mls
