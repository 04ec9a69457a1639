// What a Group is made of. Private to mls/group_*.cc.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "mls/framing.h"
#include "mls/group.h"
#include "mls/group_context.h"
#include "mls/key_schedule.h"
#include "mls/secret_tree.h"
#include "mls/tree/ratchet_tree.h"
#include "mls/tree/tree_kem.h"

namespace plumbline::mls {

inline constexpr size_t kMaxPendingProposals = 4096;
inline constexpr uint32_t kMaxPastEpochs = 16;

// A proposal of this epoch, checked alone, waiting for a commit.
struct StoredProposal {
  ProposalRef ref;
  LeafIndex sender;
  Proposal proposal;
};

// The private keys of an Update proposal of ours: they count once a commit contains it.
struct PendingUpdate {
  HpkeKeyPair encryption_key;
  std::optional<SignaturePrivateKey> signature_key;  // if it changes
};

// What is left of an epoch to read its late application messages and to use its resumption PSK.
struct PastEpoch {
  uint64_t epoch = 0;
  LeafIndex own_leaf;
  Bytes context;  // encoded GroupContext: what signatures cover
  SenderDataSecret sender_data;
  SecretTree secret_tree;
  ResumptionPsk resumption;
  Leaves leaves;  // the members then
};

struct GroupState {
  const CipherSuite* suite;
  GroupPolicy policy;
  GroupContext context;
  RatchetTree tree;
  TreePrivate keys;
  SignaturePrivateKey signature_key;
  EpochSecrets secrets;  // `encryption` is empty: it became the secret tree
  SecretTree secret_tree;
  Bytes interim_transcript_hash;
  Bytes confirmation_tag;                 // of this epoch: goes into GroupInfo
  std::vector<StoredProposal> proposals;  // in the order of arrival
  std::vector<PendingUpdate> updates;
  std::deque<PastEpoch> past;  // the newest first, at most policy.max_past_epochs

  GroupState Clone() const;
  LeafIndex own() const { return keys.own_leaf(); }
};

// Lets free functions of group_*.cc make and open groups.
struct GroupAccess {
  static Group Make(GroupState state) {
    return Group(std::make_unique<GroupState>(std::move(state)));
  }
  static GroupState& State(Group& group) { return *group.state_; }
  static absl::StatusOr<Bytes> Propose(GroupState& group, Proposal proposal,
                                       HandshakeFraming framing, ByteView authenticated_data);
};

SignaturePrivateKey CopyOf(const SignaturePrivateKey& key);
HpkeKeyPair CopyOf(const HpkeKeyPair& key);

// --- Proposals of one commit (group_proposals.cc) ---

struct CommitProposal {
  Proposal proposal;
  LeafIndex sender;
  bool by_reference = false;
  ProposalRef ref;  // only if by reference
};

// What the commit's validity depends on besides the group.
struct Judge {
  const AuthenticationService& authentication;
  absl::Time now;

  // Most leaves keep their credential, and then nobody has to read certificates.
  bool SameClient(const Credential& a, const Credential& b) const {
    return a == b || authentication.SameClient(a, b);
  }
};

// §12.1, §7.3: a proposal by itself, against the current epoch. UNIMPLEMENTED names what this build
// refuses.
absl::Status CheckProposal(const GroupState& group, const Proposal& proposal, LeafIndex sender,
                           const Judge& judge);
// §12.2: the list as a whole, with its committer, whose proposals were each checked alone.
absl::Status CheckListRules(const GroupState& group, const std::vector<CommitProposal>& list,
                            LeafIndex committer, const Judge& judge);
// Both.
absl::Status CheckProposalList(const GroupState& group, const std::vector<CommitProposal>& list,
                               LeafIndex committer, const Judge& judge);
// §12.4: whether the commit has to have a path.
bool NeedsPath(const std::vector<CommitProposal>& list);

// The successor's public state while a commit is worked on.
struct Provisional {
  RatchetTree tree;
  Extensions extensions;
  std::vector<MemberChange> adds;
  std::vector<MemberChange> removes;
  std::vector<MemberChange> updates;
  std::vector<const KeyPackage*>
      added_key_packages;  // in the order of `adds`; they belong to the list
  std::vector<PreSharedKeyId> psks;
  std::set<LeafIndex> added_leaves;
  bool extensions_changed = false;
};

// §12.3: applies a checked list: GroupContextExtensions, Update, Remove, Add. INVALID_ARGUMENT if
// the tree that results breaks a rule (keys that repeat, a member who lacks what the group uses).
absl::StatusOr<Provisional> ApplyProposals(const GroupState& group,
                                           const std::vector<CommitProposal>& list);

// The committer's leaf in a path (§7.3, §12.4.2), against the tree before the path.
absl::Status CheckPathLeaf(const GroupState& group, const Provisional& next, LeafIndex committer,
                           const LeafNode& leaf, const Judge& judge);

// The PSKs in their order, from the store and from the group's own epochs. NOT_FOUND if one is
// missing.
absl::StatusOr<PskSecret> ResolvePsks(const GroupState* group, const CipherSuite& suite,
                                      const std::vector<PreSharedKeyId>& ids,
                                      const PskStore* store);

// §13: known types of extension stand in a GroupContext only if they belong there, and parse.
absl::Status CheckGroupContextExtensions(const Extensions& extensions);

// INVALID_ARGUMENT for settings outside their ranges.
absl::Status CheckPolicy(const GroupPolicy& policy);

void ApplyLeafChange(const LeafChange& change, LeafNode& leaf);

// --- The next epoch (group_epoch.cc) ---

struct NextEpoch {
  GroupState state;
  Bytes confirmation_tag;
  JoinerSecret joiner;  // with `psk`, what a Welcome needs
  PskSecret psk;
};

// What both sides of a commit have in hand once the path is dealt with.
struct EpochInputs {
  RatchetTree tree;
  Extensions extensions;
  TreePrivate keys;
  SignaturePrivateKey signature_key;
  CommitSecret commit_secret;
  std::vector<PreSharedKeyId> psks;
};

// Encoded GroupContext that protects path secrets: next epoch, next tree, transcript hash of the
// current epoch.
Bytes PathContext(const GroupState& group, const RatchetTree& tree, const Extensions& extensions);
// Runs the key schedule (§8) for a commit whose signed content is `content`.
absl::StatusOr<NextEpoch> EnterEpoch(const GroupState& group, EpochInputs inputs,
                                     const AuthenticatedContent& content, const PskStore* store);
// Encoded WireFormat, FramedContent and signature: what the transcript hash covers.
Bytes ConfirmedTranscriptInput(const AuthenticatedContent& content);

// Protects signed content of ours in the current epoch. Advances the own ratchet for a
// PrivateMessage.
absl::StatusOr<MlsMessage> Protect(GroupState& group, AuthenticatedContent content,
                                   Padding padding);
// Unsigned content of ours.
AuthenticatedContent NewContent(const GroupState& group, WireFormat format,
                                ByteView authenticated_data, Content content);

}  // namespace plumbline::mls
