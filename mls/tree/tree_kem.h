// TreeKEM (RFC 9420 §7.4..§7.6): one member's private keys of the ratchet tree, and the paths that
// replace them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"
#include "mls/crypto/cipher_suite.h"
#include "mls/tree/ratchet_tree.h"

namespace plumbline::mls {

// struct { HPKEPublicKey encryption_key; HPKECiphertext encrypted_path_secret<V>; } UpdatePathNode;
struct UpdatePathNode {
  Bytes encryption_key;
  std::vector<HpkeCiphertext>
      encrypted_path_secrets;  // one per node of the copath child's resolution
  bool operator==(const UpdatePathNode&) const = default;
};

// struct { LeafNode leaf_node; UpdatePathNode nodes<V>; } UpdatePath;
struct UpdatePath {
  LeafNode leaf_node;
  std::vector<UpdatePathNode> nodes;  // from below the root's side of the leaf upwards
  bool operator==(const UpdatePath&) const = default;
};

absl::StatusOr<UpdatePath> ReadUpdatePath(Reader& in);
void WriteUpdatePath(Writer& out, const UpdatePath& path);
void WriteHpkeCiphertext(Writer& out, const HpkeCiphertext& ciphertext);
absl::StatusOr<HpkeCiphertext> ReadHpkeCiphertext(Reader& in);

// The keys made from one path secret per step, and the commit secret above the last.
struct PathKeys {
  std::vector<Secret> path_secrets;
  std::vector<HpkeKeyPair> keys;
  Secret commit_secret;
};

// `first` and the `count` - 1 secrets that follow from it. INVALID_ARGUMENT if a key cannot be
// derived.
absl::StatusOr<PathKeys> DerivePathKeys(const CipherSuite& suite, Secret first, size_t count);

// The private keys of one member: of its own leaf and of some nodes of its direct path.
class TreePrivate {
 public:
  TreePrivate() = default;
  TreePrivate(LeafIndex own, HpkeKeyPair leaf_key);
  TreePrivate Clone() const;

  LeafIndex own_leaf() const { return own_; }
  const HpkeKeyPair* key(NodeIndex node) const;
  void Set(NodeIndex node, HpkeKeyPair key);
  // Forgets keys whose node is blank, gone or has another public key.
  void Prune(const RatchetTree& tree);
  const std::map<NodeIndex, HpkeKeyPair>& keys() const { return keys_; }

  void Write(Writer& out) const;
  static absl::StatusOr<TreePrivate> Read(Reader& in);

 private:
  LeafIndex own_;
  std::map<NodeIndex, HpkeKeyPair> keys_;
};

// The sender's half, in two steps because the group context that protects the path secrets contains
// the hash of the tree with the new public keys in it. `tree` already has the commit's proposals
// applied.
struct NewPath {
  std::vector<PathStep> steps;
  PathKeys path;
};

// Replaces the sender's leaf and path in `tree` and `priv`. `sign` finishes the leaf (its new
// encryption key and parent hash are set) by signing it.
absl::StatusOr<NewPath> StartPath(RatchetTree& tree, TreePrivate& priv, LeafNode leaf,
                                  const std::function<absl::Status(LeafNode&)>& sign);
// Encrypts the path secrets to everyone but the `excluded` leaves, added by the same commit.
absl::StatusOr<UpdatePath> SealPath(const RatchetTree& tree, const NewPath& path, LeafIndex sender,
                                    ByteView group_context, const std::set<LeafIndex>& excluded);

// The receiver's half: puts the public keys of `path` into `tree`. INVALID_ARGUMENT if the path has
// the wrong length, a key that is unusable or already in the tree, the wrong number of ciphertexts
// (rules 202, 206, 207), or a leaf that carries the wrong parent hash (§7.9.2). The leaf itself is
// checked by the caller.
absl::Status ApplyPath(RatchetTree& tree, LeafIndex sender, const UpdatePath& path,
                       const std::set<LeafIndex>& excluded);
// Decrypts one path secret, derives the rest, compares with the public keys (rules 203, 204) and
// stores the private keys. `tree` is the one after ApplyPath. Returns the commit secret.
// INVALID_ARGUMENT if anything fails.
absl::StatusOr<Secret> OpenPath(const RatchetTree& tree, TreePrivate& priv, LeafIndex sender,
                                const UpdatePath& path, ByteView group_context,
                                const std::set<LeafIndex>& excluded);
// The same from a path secret that came in a Welcome: from the common ancestor with the sender
// upwards.
absl::Status AdoptPathSecret(const RatchetTree& tree, TreePrivate& priv, LeafIndex sender,
                             Secret path_secret);

}  // namespace plumbline::mls
