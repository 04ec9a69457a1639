// What makes a ratchet tree from outside trustworthy in structure (RFC 9420 §7.9.2, §12.4.3.1,
// rules 1406..1410).
#pragma once

#include <optional>
#include <vector>

#include "common/bytes.h"
#include "common/status.h"
#include "mls/tree/ratchet_tree.h"

namespace plumbline::mls {

// Every non-blank parent was made by a member below it who vouches for it through an unbroken chain
// of parent hashes. INVALID_ARGUMENT otherwise.
absl::Status CheckParentHashes(const RatchetTree& tree);

// Unmerged leaves are members below the node and stand in every non-blank node between.
// INVALID_ARGUMENT otherwise.
absl::Status CheckUnmergedLeaves(const RatchetTree& tree);

// A key, and the one node that may have it; none if no node may.
struct KeyClaim {
  ByteView key;
  std::optional<NodeIndex> owner;
};
// The keys differ from each other and occur in no node of the tree but their owners. Costs one pass
// over the tree, whatever the number of claims. INVALID_ARGUMENT otherwise.
absl::Status CheckEncryptionKeysAreNew(const RatchetTree& tree, std::vector<KeyClaim> claims);
absl::Status CheckSignatureKeysAreNew(const RatchetTree& tree, std::vector<KeyClaim> claims);

// Every member supports the credential types in use (§7.3). INVALID_ARGUMENT otherwise.
absl::Status CheckCredentialTypes(const RatchetTree& tree);

// Encryption keys of all nodes and signature keys of all leaves occur once. INVALID_ARGUMENT
// otherwise.
absl::Status CheckUniqueKeys(const RatchetTree& tree);

// Encryption keys of parents are usable with the suite. INVALID_ARGUMENT otherwise.
absl::Status CheckParentKeys(const RatchetTree& tree);

// All of the above.
absl::Status CheckTreeStructure(const RatchetTree& tree);

}  // namespace plumbline::mls
