// The rules for proposals, for lists of them and for the commits that apply them (RFC 9420
// §12.1..§12.4). Private to mls/group_*.cc and commit_*.cc.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "mls/group_state.h"

namespace plumbline::mls {

struct CommitProposal {
  Proposal proposal;
  Sender sender;
  bool by_reference = false;
  ProposalRef ref;  // only if by reference
};

// What validity depends on besides the group.
struct Judge {
  const AuthenticationService& authentication;
  absl::Time now;

  // Most leaves keep their credential, and then nobody has to read certificates.
  bool SameClient(const Credential& a, const Credential& b) const {
    return a == b || authentication.SameClient(a, b);
  }
  // The leaf that takes the place of `current`, null for a new one: a credential that stays was judged when it came in.
  absl::Status Validate(const LeafNode* current, const LeafNode& leaf) const {
    const bool stays = current != nullptr && current->credential == leaf.credential && current->signature_key == leaf.signature_key;
    return stays ? authentication.ValidateMember(leaf.credential, leaf.signature_key, now)
                 : authentication.Validate(leaf.credential, leaf.signature_key, now);
  }
};

// --- One proposal (proposal_rules.cc) ---

// §12.1, §7.3: by itself, against the current epoch. PERMISSION_DENIED if the policy takes none of
// its kind or sender.
absl::Status CheckProposal(const PublicGroup& group, const Proposal& proposal, const Sender& sender,
                           const Judge& judge);
// §13: known types of extension stand in a GroupContext only if they belong there, and parse.
absl::Status CheckGroupContextExtensions(const Extensions& extensions);
// Key of an external sender of the group. INVALID_ARGUMENT if there is no such sender.
absl::StatusOr<Bytes> ExternalSenderKey(const PublicGroup& group, uint32_t index);

// --- A list (commit_rules.cc) ---

// §12.2: the list as a whole, with its committer, whose proposals were each checked alone.
absl::Status CheckListRules(const PublicGroup& group, const std::vector<CommitProposal>& list,
                            LeafIndex committer, const Judge& judge);
// Both.
absl::Status CheckProposalList(const PublicGroup& group, const std::vector<CommitProposal>& list,
                               LeafIndex committer, const Judge& judge);
// The same for an external commit: each proposal and the list.
absl::Status CheckExternalProposalList(const PublicGroup& group,
                                       const std::vector<CommitProposal>& list, const Judge& judge);
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
  std::optional<ReInitProposal> reinit;
  std::optional<Bytes> kem_output;  // of the ExternalInit
};

// §12.3: applies a checked list: GroupContextExtensions, Update, Remove, Add. INVALID_ARGUMENT if
// the tree that results breaks a rule (keys that repeat, a member who lacks what the group uses).
absl::StatusOr<Provisional> ApplyProposals(const PublicGroup& group,
                                           const std::vector<CommitProposal>& list);
// Gives an external committer the leftmost blank leaf, without a usable key until its path sets it.
LeafIndex PlaceJoiner(Provisional& next, const LeafNode& leaf);

// --- The committer's leaf in a path (§7.3, §12.4.2), against the tree before the path ---

absl::Status CheckPathLeaf(const PublicGroup& group, const Provisional& next, LeafIndex committer,
                           const LeafNode& leaf, const Judge& judge);
// Of an external commit: a client that is no member, or the one whose leaf it removes.
absl::Status CheckJoinerLeaf(const PublicGroup& group, const Provisional& next, LeafIndex joiner,
                             const LeafNode& leaf, const Judge& judge);

}  // namespace plumbline::mls
