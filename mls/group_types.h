// What goes into a Group's functions and what comes out of them, but for StagedCommit (group.h).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"
#include "mls/credential.h"
#include "mls/framing.h"
#include "mls/group_policy.h"
#include "mls/key_package.h"
#include "mls/leaf_node.h"

namespace plumbline::mls {

enum class HandshakeFraming : uint8_t { kPrivateMessage, kPublicMessage };

struct Member {
  LeafIndex index;
  Credential credential;
  Bytes signature_key;
  Bytes encryption_key;
  Capabilities capabilities;
  Extensions extensions;  // of its leaf node, e.g. 0xF0A1 mailbox address
};

// Pre-shared keys by the id under which they were agreed (§8.4).
class PskStore {
 public:
  virtual ~PskStore() = default;
  // NOT_FOUND if there is none.
  virtual absl::StatusOr<Secret> ExternalPsk(ByteView psk_id) const = 0;
  // The resumption PSK of a group and epoch that the group at hand does not have itself (any more).
  virtual absl::StatusOr<Secret> ResumptionPsk(ByteView group_id, uint64_t epoch) const;
};

struct CreateGroupParams {
  SuiteId suite = SuiteId::kX25519Aes128GcmSha256Ed25519;
  Bytes group_id;  // 1..255 bytes; random and unique, the caller's to choose
  Credential credential;
  Lifetime lifetime;  // of the creator's leaf
  // Must list the type of every leaf and group context extension.
  Capabilities capabilities = Capabilities::Default();
  Extensions leaf_extensions;
  Extensions group_context_extensions;  // e.g. 0xF0A2 group data
  bool grease = false;                  // values without a meaning (§13.5) in the creator's leaf
  GroupPolicy policy;
};

// What to change in one's own leaf while committing or proposing an Update. The encryption key
// always changes.
struct LeafChange {
  std::optional<Extensions> extensions;
  std::optional<Credential> credential;
  std::optional<SignatureKeyPair> signature_key;  // the new key signs from the next epoch on
  std::optional<Capabilities> capabilities;
};

struct CommitParams {
  std::vector<KeyPackage> adds;
  std::vector<LeafIndex> removes;
  // A GroupContextExtensions proposal: replaces the whole list.
  std::optional<Extensions> group_context_extensions;
  std::vector<Bytes> external_psks;       // ids, found in `psks`
  std::vector<uint64_t> resumption_psks;  // epochs of this group, kept here or found in `psks`
  std::optional<ReInitProposal> reinit;   // stands alone; see Group::Reinitialize
  bool include_pending_proposals = true;  // commit to all valid proposals stored in this epoch
  // Or to exactly these of them (ProposalRefs): nothing is left out, INVALID_ARGUMENT if one is not
  // stored or cannot be committed.
  std::optional<std::vector<Bytes>> references;
  bool force_path = true;       // a path even where the proposals need none
  LeafChange leaf;              // needs a path
  bool tree_in_welcome = true;  // ratchet_tree extension in the Welcome's GroupInfo
  HandshakeFraming framing = HandshakeFraming::kPrivateMessage;
  Bytes authenticated_data;  // visible to all who see the message, signed
  Padding padding;
  const PskStore* psks = nullptr;
};

// A commit by which a client joins without being invited (§12.4.3.2).
struct ExternalJoinParams {
  Credential credential;
  Capabilities capabilities = Capabilities::Default();
  Extensions leaf_extensions;
  bool grease = false;                // as in CreateGroupParams
  std::optional<Bytes> ratchet_tree;  // needed if and only if the GroupInfo does not carry it
  // Takes the place of the member that the application holds for the same client (resync).
  // INVALID_ARGUMENT if there is none.
  bool replace_own_leaf = false;
  std::vector<Bytes> external_psks;       // ids, found in `psks`
  std::vector<uint64_t> resumption_psks;  // epochs of this group, found in `psks`
  Bytes authenticated_data;
  const PskStore* psks = nullptr;
};

struct GroupInfoOptions {
  bool ratchet_tree = true;  // the whole tree; without it the joiner needs it from elsewhere
  bool external_pub = true;  // lets whoever has the GroupInfo join by an external commit
  bool grease = false;       // an extension without a meaning (§13.5)
};

struct ApplicationMessage {
  LeafIndex sender;
  Credential sender_credential;  // as of `epoch`
  Bytes sender_signature_key;    // as of `epoch`
  Bytes authenticated_data;
  Secret plaintext;
  uint64_t epoch = 0;  // of the message: the group's own or one of its past epochs
  uint32_t generation = 0;
};

// A proposal was checked as far as it can be alone, and kept for the commits of this epoch.
struct ProposalStored {
  Sender sender;
  Bytes ref;  // ProposalRef
  ProposalKind kind = ProposalKind::kAdd;
  std::optional<KeyPackage> add;    // kAdd
  std::optional<LeafIndex> remove;  // kRemove
  Bytes authenticated_data;
};

// One of our own messages came back; it can and need not be read (its keys are gone).
struct OwnMessage {
  uint64_t epoch = 0;
};

struct MemberChange {
  LeafIndex index;
  LeafNode before;  // meaningless for an add
  LeafNode after;   // meaningless for a remove
  Sender proposer;  // of an external commit's own join and resync: new_member_commit
};

}  // namespace plumbline::mls
