// One member's view of one MLS group at one epoch (RFC 9420 §8, §11, §12). A pure value: bytes in,
// bytes out. The usual flow:
//   Create or Join -> Commit / Process -> StagedCommit -> AdvanceTo(*std::move(staged.next)) once
//   the delivery service took it. To survive a crash in between, store staged.next->Serialize()
//   beside the group.
// Any function that fails leaves the group exactly as it was (Serialize gives the same bytes).
// Not thread-safe. A moved-from group may only be destroyed or assigned to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"
#include "mls/credential.h"
#include "mls/crypto/cipher_suite.h"
#include "mls/framing.h"
#include "mls/key_package.h"
#include "mls/leaf_node.h"

namespace plumbline::mls {

struct GroupState;  // mls/group_state.h: everything a group is made of

// A reused group may have been made under other settings: they are stored with it.
struct GroupPolicy {
  uint32_t max_past_epochs = 3;   // epochs whose application messages can still be read, 0..16
  RatchetLimits ratchet_limits;   // per sender: generations ahead, skipped keys kept
  uint32_t max_members = 10'000;  // and leaves that a tree from outside may have, 1..2^30
  // Whether joining refuses a group with a member whose first leaf has expired. Off: it was valid
  // when it was added.
  bool check_member_lifetimes = false;
  absl::Duration max_lifetime =
      absl::InfiniteDuration();  // longest not_after - not_before accepted in a key package
};

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
  bool include_pending_proposals = true;  // commit to all valid proposals stored in this epoch
  bool force_path = true;                 // a path even where the proposals need none
  LeafChange leaf;                        // needs a path
  bool tree_in_welcome = true;            // ratchet_tree extension in the Welcome's GroupInfo
  HandshakeFraming framing = HandshakeFraming::kPrivateMessage;
  Bytes authenticated_data;  // visible to all who see the message, signed
  Padding padding;
  const PskStore* psks = nullptr;
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
  LeafIndex sender;
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
  LeafIndex proposer;
};

struct StagedCommit;
using Processed = std::variant<ApplicationMessage, ProposalStored, StagedCommit, OwnMessage>;

class Group {
 public:
  Group(Group&&) noexcept;
  Group& operator=(Group&&) noexcept;
  ~Group();
  // An equal value with its own ratchets. Never send from both: that would use a key twice.
  Group Clone() const;

  // A group of one at epoch 0. INVALID_ARGUMENT if the parameters contradict each other.
  static absl::StatusOr<Group> Create(CreateGroupParams params, SignatureKeyPair signature_key);

  // Joins by a Welcome (MLSMessage bytes). `ratchet_tree` is needed if and only if the Welcome does
  // not carry it. INVALID_ARGUMENT (malformed, not for this bundle, any check of §12.4.3.1),
  // UNAUTHENTICATED (a member's credential is refused), UNIMPLEMENTED (names what). Whether one is
  // already in this group id is the caller's to check. `inviter`: set to the leaf that signed the
  // GroupInfo.
  static absl::StatusOr<Group> Join(ByteView welcome, const KeyPackageBundle& bundle,
                                    SignaturePrivateKey signature_key,
                                    const std::optional<Bytes>& ratchet_tree,
                                    const AuthenticationService& authentication, absl::Time now,
                                    const GroupPolicy& policy = {}, const PskStore* psks = nullptr,
                                    LeafIndex* inviter = nullptr);
  // Whether the Welcome names this key package: lets a client find the bundle that belongs to it.
  static absl::StatusOr<std::vector<Bytes>> WelcomeKeyPackageRefs(ByteView welcome);

  // The whole state, secrets included. Persist it before anything made by the call that changed it
  // leaves the device.
  Secret Serialize() const;
  // DATA_LOSS if `stored` did not come from Serialize.
  static absl::StatusOr<Group> Parse(ByteView stored);

  const Bytes& group_id() const;
  uint64_t epoch() const;
  SuiteId suite() const;
  LeafIndex own_leaf() const;
  const LeafNode& own_leaf_node() const;
  const SignaturePrivateKey& signature_key() const;
  const Extensions& group_context_extensions() const;
  const GroupPolicy& policy() const;
  size_t member_count() const;
  std::vector<Member> members() const;                  // by leaf index
  std::optional<Member> member(LeafIndex index) const;  // none for a blank or absent leaf
  Bytes TreeHash() const;
  Bytes EncodedTree() const;  // optional<Node> ratchet_tree<V>, for Join
  size_t pending_proposals() const;

  Bytes EpochAuthenticator() const;                                             // §8.7
  Secret Export(absl::string_view label, ByteView context, size_t size) const;  // §8.5

  // One application message as PrivateMessage (MLSMessage bytes). Advances the own ratchet: persist
  // before sending. RESOURCE_EXHAUSTED once the generations are used up.
  absl::StatusOr<Bytes> Protect(ByteView plaintext, ByteView authenticated_data,
                                Padding padding = {});

  // Proposals as MLSMessage bytes, also stored as pending here.
  absl::StatusOr<Bytes> ProposeAdd(const KeyPackage& key_package, HandshakeFraming framing,
                                   const AuthenticationService& authentication, absl::Time now,
                                   ByteView authenticated_data = {});
  absl::StatusOr<Bytes> ProposeUpdate(LeafChange change, HandshakeFraming framing,
                                      ByteView authenticated_data = {});
  absl::StatusOr<Bytes> ProposeRemove(LeafIndex index, HandshakeFraming framing,
                                      ByteView authenticated_data = {});
  void ClearPendingProposals();

  // Stages a commit. This group does not change: but a PrivateMessage commit takes one generation
  // of the own handshake ratchet, so persist this group too. Losing the race = dropping the result.
  absl::StatusOr<StagedCommit> Commit(CommitParams params,
                                      const AuthenticationService& authentication, absl::Time now);

  // Takes one MLSMessage (PublicMessage or PrivateMessage). A commit is staged, not applied.
  // INVALID_ARGUMENT (any rule of §12 or undecryptable), NOT_FOUND (other group, or an epoch
  // outside the window), UNAUTHENTICATED (credential refused), RESOURCE_EXHAUSTED (generation too
  // far ahead), FAILED_PRECONDITION (a commit refers to a proposal that was not received),
  // PERMISSION_DENIED (a past epoch's message whose sender was removed since), UNIMPLEMENTED (names
  // what). `now` is when the delivery service took the message, so that whoever reads late judges
  // lifetimes as the others did.
  absl::StatusOr<Processed> Process(ByteView message, const AuthenticationService& authentication,
                                    absl::Time now, const PskStore* psks = nullptr);

  // Becomes `next`, the staged successor of this group, keeping the bounded past epochs.
  // FAILED_PRECONDITION if `next` is not the epoch after this one of the same group.
  absl::Status AdvanceTo(Group&& next);

 private:
  friend struct GroupAccess;
  explicit Group(std::unique_ptr<GroupState> state);
  std::unique_ptr<GroupState> state_;  // never null but in a moved-from group
};

// A commit that passed every check, and the group it leads to.
struct StagedCommit {
  LeafIndex committer;
  LeafNode committer_leaf;  // as of the current epoch
  bool own = false;
  std::vector<MemberChange> adds;  // in the order of the new leaves
  std::vector<MemberChange> removes;
  std::vector<MemberChange> updates;  // by Update proposals and the committer's path
  bool removes_us = false;
  bool has_path = false;
  bool group_context_changed = false;
  Bytes authenticated_data;
  std::optional<Group> next;  // none if and only if removes_us

  Bytes message;                 // own only: the commit as MLSMessage bytes
  std::optional<Bytes> welcome;  // own only: for the added members, MLSMessage bytes
};

// What a message says about itself before anything is checked: to find its group, and to keep it
// for later if its epoch is still to come. INVALID_ARGUMENT if it is not a PublicMessage or
// PrivateMessage.
struct MessageHeader {
  Bytes group_id;
  uint64_t epoch = 0;
  ContentType content_type = ContentType::kApplication;
  bool encrypted = false;
};
absl::StatusOr<MessageHeader> ReadMessageHeader(ByteView message);

}  // namespace plumbline::mls
