// Taking a commit, of a member or from outside (RFC 9420 §12.4.2, §12.4.3.2). The group does not
// change.
#include <algorithm>
#include <utility>

#include "mls/epoch_change.h"
#include "mls/refused_commit.h"
#include "mls/transcript_hash.h"

namespace plumbline::mls {
namespace {

absl::Status Invalid(absl::string_view rule) { return absl::InvalidArgumentError(rule); }

// The proposals a commit means, in its order (§12.4.2).
absl::StatusOr<std::vector<CommitProposal>> Resolve(const GroupState& group, const Commit& commit,
                                                    const Sender& committer) {
  std::vector<CommitProposal> list;
  for (const ProposalOrRef& item : commit.proposals) {
    if (const Proposal* proposal = std::get_if<Proposal>(&item)) {
      list.push_back({*proposal, committer, false, {}});
      continue;
    }
    const ProposalRef& ref = std::get<ProposalRef>(item);
    const StoredProposal* found = group.proposals.Find(ref);
    if (found == nullptr)
      return absl::FailedPreconditionError("commit refers to a proposal that was not received");
    list.push_back({found->proposal, found->sender, true, ref});
  }
  return list;
}

// If the commit contains an Update of ours, its private keys become current.
absl::Status AdoptOwnUpdate(const GroupState& group, const Provisional& next, TreePrivate& keys,
                            SignaturePrivateKey& signature_key) {
  for (const MemberChange& update : next.updates) {
    if (update.index != group.own()) continue;
    const PendingUpdate* pending = group.proposals.FindUpdate(update.after.encryption_key);
    if (pending == nullptr) return absl::FailedPreconditionError("keys of the own Update are gone");
    keys.Set(NodeOf(group.own()), CopyOf(pending->encryption_key));
    if (pending->signature_key) signature_key = CopyOf(*pending->signature_key);
  }
  return absl::OkStatus();
}

StagedCommit Describe(const GroupState& group, const FramedContent& content, LeafIndex committer,
                      const Provisional& next, const std::optional<UpdatePath>& path) {
  StagedCommit staged;
  staged.committer = committer;
  staged.external = content.sender.type == SenderType::kNewMemberCommit;
  staged.committer_leaf = staged.external ? path->leaf_node : *group.tree.leaf(committer);
  staged.adds = next.adds;
  staged.removes = next.removes;
  staged.updates = next.updates;
  staged.has_path = path.has_value();
  if (path && !staged.external)
    staged.updates.push_back({committer, staged.committer_leaf, path->leaf_node, content.sender});
  staged.removes_us =
      std::any_of(next.removes.begin(), next.removes.end(),
                  [&](const MemberChange& change) { return change.index == group.own(); });
  staged.group_context_changed = next.extensions_changed;
  staged.reinit = next.reinit.has_value();
  staged.authenticated_data = content.authenticated_data;
  return staged;
}

// §12.2: the list, by the rules for its sender; §12.4: and its path where one is needed.
absl::Status CheckCommit(const GroupState& group, const std::vector<CommitProposal>& list,
                         const Sender& sender, bool has_path, const Judge& judge) {
  if (sender.type == SenderType::kNewMemberCommit) {
    if (!has_path) return Invalid("external commit lacks its path");
    return CheckExternalProposalList(group, list, judge);
  }
  RETURN_IF_ERROR(CheckProposalList(group, list, {sender.index}, judge));
  if (!has_path && NeedsPath(list)) return Invalid("commit lacks the path it needs");
  return absl::OkStatus();
}

// The public half of a path: what a member that the commit removes can check as well.
absl::Status MergePath(const GroupState& group, Provisional& next, LeafIndex committer,
                       bool external, const UpdatePath& path, const Judge& judge) {
  RETURN_IF_ERROR(external ? CheckJoinerLeaf(group, next, committer, path.leaf_node, judge)
                           : CheckPathLeaf(group, next, committer, path.leaf_node, judge));
  return ApplyPath(next.tree, committer, path, next.added_leaves);
}

absl::StatusOr<InitSecret> InitOf(const GroupState& group, const Provisional& next) {
  if (!next.kem_output) return NextInit(group);
  return OpenExternalInit(*group.suite, group.secrets.external, *next.kem_output);
}

// `own_path_fails`: set if the path's secret for this member is what is wrong.
absl::StatusOr<StagedCommit> Take(const GroupState& group, const VerifiedContent& verified,
                                  const Judge& judge, const PskStore* psks, bool& own_path_fails) {
  RETURN_IF_ERROR(group.CheckAlive());
  const Sender& sender = verified.content().sender;
  const Commit& commit = std::get<Commit>(verified.content().content);
  const bool external = sender.type == SenderType::kNewMemberCommit;
  ASSIGN_OR_RETURN(const std::vector<CommitProposal> list, Resolve(group, commit, sender));
  RETURN_IF_ERROR(CheckCommit(group, list, sender, commit.path.has_value(), judge));
  ASSIGN_OR_RETURN(Provisional next, ApplyProposals(group, list));
  const LeafIndex committer =
      external ? PlaceJoiner(next, commit.path->leaf_node) : LeafIndex{sender.index};
  StagedCommit staged = Describe(group, verified.content(), committer, next, commit.path);
  if (commit.path)
    RETURN_IF_ERROR(MergePath(group, next, committer, external, *commit.path, judge));
  if (staged.removes_us) return staged;

  TreePrivate keys = group.keys.Clone();
  SignaturePrivateKey signature_key = CopyOf(group.signature_key);
  RETURN_IF_ERROR(AdoptOwnUpdate(group, next, keys, signature_key));
  keys.Prune(next.tree);
  CommitSecret commit_secret = ZeroCommitSecret(*group.suite);
  if (commit.path) {
    const Bytes context = PathContext(group, next.tree, next.extensions);
    absl::StatusOr<Secret> opened =
        OpenPath(next.tree, keys, committer, *commit.path, context, next.added_leaves);
    own_path_fails = !opened.ok();
    ASSIGN_OR_RETURN(commit_secret.bytes, std::move(opened));
  }
  ASSIGN_OR_RETURN(InitSecret init, InitOf(group, next));
  ASSIGN_OR_RETURN(PskSecret psk, ResolvePsks(&group, *group.suite, next.psks, psks));
  EpochInputs inputs{
      std::move(next.tree), std::move(next.extensions), std::move(keys), std::move(signature_key),
      std::move(init),      std::move(commit_secret),   std::move(psk),  std::move(next.reinit)};
  ASSIGN_OR_RETURN(NextEpoch epoch, EnterEpoch(group, std::move(inputs), verified.authenticated()));
  RETURN_IF_ERROR(VerifyConfirmationTag(*group.suite, epoch.state.secrets.confirmation,
                                        epoch.state.context.confirmed_transcript_hash,
                                        verified.auth().confirmation_tag));
  staged.next = GroupAccess::Make<StagedGroup>(std::move(epoch.state), GroupStage::kStaged);
  return staged;
}

}  // namespace

absl::StatusOr<StagedCommit> TakeCommit(const GroupState& group, const VerifiedContent& verified,
                                        const Judge& judge, const PskStore* psks) {
  bool own_path_fails = false;
  absl::StatusOr<StagedCommit> staged = Take(group, verified, judge, psks, own_path_fails);
  const Sender& sender = verified.content().sender;
  if (staged.ok() || sender.type != SenderType::kMember) return staged;
  return Refused(staged.status(), {LeafIndex{sender.index}, own_path_fails});
}

}  // namespace plumbline::mls
