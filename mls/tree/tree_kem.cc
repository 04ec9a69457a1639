#include "mls/tree/tree_kem.h"

#include "common/check.h"
#include "mls/tree/tree_validation.h"

namespace plumbline::mls {
namespace {

constexpr size_t kMaxKeyBytes = 4096;
constexpr size_t kMaxCiphertextBytes = 4096;

absl::Status Invalid(absl::string_view rule) { return absl::InvalidArgumentError(rule); }

// The keys that a path brings must be new to the tree and differ from each other.
absl::Status CheckPathKeysAreNew(const RatchetTree& tree, const UpdatePath& path) {
  std::vector<KeyClaim> keys = {{path.leaf_node.encryption_key, std::nullopt}};
  for (const UpdatePathNode& node : path.nodes) keys.push_back({node.encryption_key, std::nullopt});
  return CheckEncryptionKeysAreNew(tree, std::move(keys));
}

// Stores the keys of `derived` for steps[first..], after comparing them with the public ones in the
// tree.
absl::Status StorePathKeys(const RatchetTree& tree, TreePrivate& priv,
                           const std::vector<PathStep>& steps, size_t first, PathKeys& derived) {
  for (size_t i = first; i < steps.size(); ++i) {
    const Bytes* expected = tree.encryption_key(steps[i].node);
    if (expected == nullptr || derived.keys[i - first].public_key != *expected) {
      return Invalid("a path secret does not give the public key in the tree");
    }
  }
  for (size_t i = first; i < steps.size(); ++i)
    priv.Set(steps[i].node, std::move(derived.keys[i - first]));
  return absl::OkStatus();
}

// The step at which the sender's path meets that of `own`; none if they share no node of the
// filtered path.
std::optional<size_t> MeetingStep(const std::vector<PathStep>& steps, LeafIndex sender,
                                  LeafIndex own) {
  const NodeIndex common = CommonAncestor(NodeOf(sender), NodeOf(own));
  for (size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].node == common) return i;
  }
  return std::nullopt;
}

HpkeKeyPair CopyOf(const HpkeKeyPair& key) {
  return {HpkePrivateKey{Secret::CopyOf(key.private_key.bytes.view())}, key.public_key};
}

}  // namespace

// struct { opaque kem_output<V>; opaque ciphertext<V>; } HPKECiphertext;
absl::StatusOr<HpkeCiphertext> ReadHpkeCiphertext(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView kem_output, in.Vector(kMaxKeyBytes));
  ASSIGN_OR_RETURN(const ByteView ciphertext, in.Vector(kMaxCiphertextBytes));
  return HpkeCiphertext{ToBytes(kem_output), ToBytes(ciphertext)};
}

void WriteHpkeCiphertext(Writer& out, const HpkeCiphertext& ciphertext) {
  out.Vector(ciphertext.kem_output).Vector(ciphertext.ciphertext);
}

absl::StatusOr<UpdatePath> ReadUpdatePath(Reader& in) {
  UpdatePath path;
  ASSIGN_OR_RETURN(path.leaf_node, ReadLeafNode(in));
  ASSIGN_OR_RETURN(const ByteView nodes, in.Vector(kMaxVarint));
  for (Reader items(nodes); !items.AtEnd();) {
    if (path.nodes.size() >= 31) return Invalid("a path is longer than any tree is high");
    UpdatePathNode node;
    ASSIGN_OR_RETURN(const ByteView key, items.Vector(kMaxKeyBytes));
    node.encryption_key = ToBytes(key);
    ASSIGN_OR_RETURN(const ByteView secrets, items.Vector(kMaxVarint));
    for (Reader rest(secrets); !rest.AtEnd();) {
      ASSIGN_OR_RETURN(HpkeCiphertext ciphertext, ReadHpkeCiphertext(rest));
      node.encrypted_path_secrets.push_back(std::move(ciphertext));
    }
    path.nodes.push_back(std::move(node));
  }
  return path;
}

void WriteUpdatePath(Writer& out, const UpdatePath& path) {
  WriteLeafNode(out, path.leaf_node);
  Writer nodes;
  for (const UpdatePathNode& node : path.nodes) {
    Writer secrets;
    for (const HpkeCiphertext& ciphertext : node.encrypted_path_secrets)
      WriteHpkeCiphertext(secrets, ciphertext);
    nodes.Vector(node.encryption_key).Vector(secrets.view());
  }
  out.Vector(nodes.view());
}

absl::StatusOr<PathKeys> DerivePathKeys(const CipherSuite& suite, Secret first, size_t count) {
  PathKeys out;
  Secret next = std::move(first);
  for (size_t i = 0; i < count; ++i) {
    const Secret node_secret = suite.DeriveSecret(next.view(), "node");
    ASSIGN_OR_RETURN(HpkeKeyPair key, suite.DeriveHpkeKeyPair(node_secret.view()));
    out.keys.push_back(std::move(key));
    Secret above = suite.DeriveSecret(next.view(), "path");
    out.path_secrets.push_back(std::move(next));
    next = std::move(above);
  }
  out.commit_secret = std::move(next);
  return out;
}

TreePrivate::TreePrivate(LeafIndex own, HpkeKeyPair leaf_key) : own_(own) {
  Set(NodeOf(own), std::move(leaf_key));
}

TreePrivate TreePrivate::Clone() const {
  TreePrivate copy;
  copy.own_ = own_;
  for (const auto& [node, key] : keys_) copy.keys_.emplace(node, CopyOf(key));
  return copy;
}

const HpkeKeyPair* TreePrivate::key(NodeIndex node) const {
  const auto found = keys_.find(node);
  return found == keys_.end() ? nullptr : &found->second;
}

void TreePrivate::Set(NodeIndex node, HpkeKeyPair key) {
  keys_.insert_or_assign(node, std::move(key));
}

void TreePrivate::Prune(const RatchetTree& tree) {
  std::erase_if(keys_, [&](const auto& entry) {
    const Bytes* current = tree.encryption_key(entry.first);
    return current == nullptr || *current != entry.second.public_key;
  });
}

void TreePrivate::Write(Writer& out) const {
  out.U32(own_.value).U32(static_cast<uint32_t>(keys_.size()));
  for (const auto& [node, key] : keys_) {
    out.U32(node.value).Vector(key.private_key.bytes.view()).Vector(key.public_key);
  }
}

absl::StatusOr<TreePrivate> TreePrivate::Read(Reader& in) {
  TreePrivate out;
  ASSIGN_OR_RETURN(out.own_.value, in.U32());
  ASSIGN_OR_RETURN(const uint32_t count, in.U32());
  for (uint32_t i = 0; i < count; ++i) {
    NodeIndex node;
    ASSIGN_OR_RETURN(node.value, in.U32());
    if (!out.keys_.empty() && node <= out.keys_.rbegin()->first)
      return Invalid("stored tree keys are out of order");
    ASSIGN_OR_RETURN(const ByteView private_key, in.Vector(kMaxKeyBytes));
    ASSIGN_OR_RETURN(const ByteView public_key, in.Vector(kMaxKeyBytes));
    out.Set(node, {HpkePrivateKey{Secret::CopyOf(private_key)}, ToBytes(public_key)});
  }
  return out;
}

absl::StatusOr<NewPath> StartPath(RatchetTree& tree, TreePrivate& priv, LeafNode leaf,
                                  const std::function<absl::Status(LeafNode&)>& sign) {
  const CipherSuite& suite = tree.suite();
  const LeafIndex own = priv.own_leaf();
  NewPath out;
  out.steps = tree.FilteredDirectPath(own);
  ASSIGN_OR_RETURN(out.path,
                   DerivePathKeys(suite, Secret::Random(suite.hash_size()), out.steps.size()));
  std::vector<Bytes> public_keys;
  for (const HpkeKeyPair& key : out.path.keys) public_keys.push_back(key.public_key);
  HpkeKeyPair leaf_key = suite.GenerateHpkeKeyPair();
  leaf.source = LeafNodeSource::kCommit;
  leaf.encryption_key = leaf_key.public_key;
  leaf.parent_hash = tree.SetPath(own, out.steps, public_keys);
  RETURN_IF_ERROR(sign(leaf));
  tree.SetLeaf(own, std::move(leaf));
  priv.Prune(tree);
  priv.Set(NodeOf(own), std::move(leaf_key));
  for (size_t i = 0; i < out.steps.size(); ++i)
    priv.Set(out.steps[i].node, CopyOf(out.path.keys[i]));
  return out;
}

absl::StatusOr<UpdatePath> SealPath(const RatchetTree& tree, const NewPath& path, LeafIndex sender,
                                    ByteView group_context, const std::set<LeafIndex>& excluded) {
  UpdatePath out;
  CHECK(tree.leaf(sender) != nullptr);
  out.leaf_node = *tree.leaf(sender);
  for (size_t i = 0; i < path.steps.size(); ++i) {
    UpdatePathNode node;
    node.encryption_key = path.path.keys[i].public_key;
    for (const NodeIndex receiver : tree.Resolution(path.steps[i].copath_child, excluded)) {
      ASSIGN_OR_RETURN(
          HpkeCiphertext ciphertext,
          tree.suite().EncryptWithLabel(*tree.encryption_key(receiver), "UpdatePathNode",
                                        group_context, path.path.path_secrets[i].view()));
      node.encrypted_path_secrets.push_back(std::move(ciphertext));
    }
    out.nodes.push_back(std::move(node));
  }
  return out;
}

absl::Status ApplyPath(RatchetTree& tree, LeafIndex sender, const UpdatePath& path,
                       const std::set<LeafIndex>& excluded) {
  const std::vector<PathStep> steps = tree.FilteredDirectPath(sender);
  if (path.nodes.size() != steps.size()) return Invalid("a path has the wrong number of nodes");
  RETURN_IF_ERROR(CheckPathKeysAreNew(tree, path));
  std::vector<Bytes> keys;
  for (size_t i = 0; i < steps.size(); ++i) {
    const UpdatePathNode& node = path.nodes[i];
    RETURN_IF_ERROR(tree.suite().CheckHpkePublicKey(node.encryption_key));
    if (node.encrypted_path_secrets.size() !=
        tree.Resolution(steps[i].copath_child, excluded).size()) {
      return Invalid("a path node has the wrong number of ciphertexts");
    }
    keys.push_back(node.encryption_key);
  }
  if (path.leaf_node.source != LeafNodeSource::kCommit)
    return Invalid("leaf node of a path has another source");
  if (tree.SetPath(sender, steps, keys) != path.leaf_node.parent_hash) {
    return Invalid("leaf node of a path has the wrong parent hash");
  }
  tree.SetLeaf(sender, path.leaf_node);
  return absl::OkStatus();
}

absl::StatusOr<Secret> OpenPath(const RatchetTree& tree, TreePrivate& priv, LeafIndex sender,
                                const UpdatePath& path, ByteView group_context,
                                const std::set<LeafIndex>& excluded) {
  const CipherSuite& suite = tree.suite();
  const std::vector<PathStep> steps = tree.FilteredDirectPath(sender);
  const std::optional<size_t> meeting = MeetingStep(steps, sender, priv.own_leaf());
  if (!meeting || path.nodes.size() != steps.size())
    return Invalid("a path does not reach this member");
  priv.Prune(tree);
  const std::vector<NodeIndex> receivers = tree.Resolution(steps[*meeting].copath_child, excluded);
  for (size_t i = 0; i < receivers.size(); ++i) {
    const HpkeKeyPair* key = priv.key(receivers[i]);
    if (key == nullptr || i >= path.nodes[*meeting].encrypted_path_secrets.size()) continue;
    ASSIGN_OR_RETURN(
        Secret secret,
        suite.DecryptWithLabel(key->private_key, key->public_key, "UpdatePathNode", group_context,
                               path.nodes[*meeting].encrypted_path_secrets[i]));
    // HMAC fills a short key up with zeros: a secret with a zero more would give the same keys.
    if (secret.size() != suite.hash_size()) return Invalid("a path secret has the wrong size");
    ASSIGN_OR_RETURN(PathKeys derived,
                     DerivePathKeys(suite, std::move(secret), steps.size() - *meeting));
    RETURN_IF_ERROR(StorePathKeys(tree, priv, steps, *meeting, derived));
    return std::move(derived.commit_secret);
  }
  return Invalid("a path holds no secret for this member");
}

absl::Status AdoptPathSecret(const RatchetTree& tree, TreePrivate& priv, LeafIndex sender,
                             Secret path_secret) {
  const CipherSuite& suite = tree.suite();
  const std::vector<PathStep> steps = tree.FilteredDirectPath(sender);
  const std::optional<size_t> meeting = MeetingStep(steps, sender, priv.own_leaf());
  if (!meeting) return Invalid("a path secret has no place in the tree");
  if (path_secret.size() != suite.hash_size()) return Invalid("a path secret has the wrong size");
  ASSIGN_OR_RETURN(PathKeys derived,
                   DerivePathKeys(suite, std::move(path_secret), steps.size() - *meeting));
  return StorePathKeys(tree, priv, steps, *meeting, derived);
}

}  // namespace plumbline::mls
