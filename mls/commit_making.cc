// Making a commit and the Welcome that goes with it (RFC 9420 §12.4.1, §12.4.3.1).
#include <algorithm>
#include <utility>

#include "common/check.h"
#include "mls/epoch_change.h"
#include "mls/tree/tree_validation.h"

namespace plumbline::mls {
namespace {

using ProposalList = std::vector<CommitProposal>;

// Everything the caller asked for by value.
ProposalList ByValue(const GroupState& group, const CommitParams& params) {
  ProposalList list;
  const auto add = [&](Proposal proposal) {
    list.push_back({std::move(proposal), group.as_sender(), false, {}});
  };
  if (params.group_context_extensions)
    add(GroupContextExtensionsProposal{*params.group_context_extensions});
  for (const LeafIndex index : params.removes) add(RemoveProposal{index});
  for (const KeyPackage& key_package : params.adds) add(AddProposal{key_package});
  for (const Bytes& psk : params.external_psks) add(NewExternalPsk(*group.suite, psk));
  for (const uint64_t epoch : params.resumption_psks) add(NewResumptionPsk(group, epoch));
  if (params.reinit) add(*params.reinit);
  return list;
}

// Whether a stored proposal could still be committed if it were the only one.
bool IsUsable(const GroupState& group, const StoredProposal& stored, const PskStore* psks,
              const Judge& judge) {
  if (stored.sender == group.as_sender() && KindOf(stored.proposal) == ProposalKind::kUpdate)
    return false;
  if (!CheckProposal(group, stored.proposal, stored.sender, judge).ok()) return false;
  const PskProposal* psk = std::get_if<PskProposal>(&stored.proposal);
  return psk == nullptr || ResolvePsks(&group, *group.suite, {psk->id}, psks).ok();
}

// `list` and as many of `candidates`, in this order, as `accepts` lets stand together.
template <typename Accepts>
std::vector<const StoredProposal*> Compatible(ProposalList list,
                                              const std::vector<const StoredProposal*>& candidates,
                                              Accepts accepts) {
  std::vector<const StoredProposal*> out;
  for (const StoredProposal* stored : candidates) {
    list.push_back({stored->proposal, stored->sender, true, stored->ref});
    if (accepts(list)) {
      out.push_back(stored);
    } else {
      list.pop_back();
    }
  }
  return out;
}

ProposalList Joined(const GroupState& group, const std::vector<const StoredProposal*>& taken,
                    const ProposalList& by_value) {
  ProposalList out;
  for (const StoredProposal& stored : group.proposals.list()) {
    if (std::find(taken.begin(), taken.end(), &stored) == taken.end()) continue;
    out.push_back({stored.proposal, stored.sender, true, stored.ref});
  }
  out.insert(out.end(), by_value.begin(), by_value.end());
  return out;
}

// The list to commit: `by_value` and the stored proposals that may stand beside it. Whatever is
// invalid by now, superseded or in conflict stays out (§12.4.1 leaves that to the committer).
ProposalList SelectPending(const GroupState& group, const ProposalList& by_value,
                           const PskStore* psks, const Judge& judge) {
  // Removes first: they win over the Update of the same leaf. Then the newest first. A ReInit only
  // if there is nothing else.
  const auto rank = [](const StoredProposal& stored) {
    const ProposalKind kind = KindOf(stored.proposal);
    return kind == ProposalKind::kRemove ? 0 : kind == ProposalKind::kReInit ? 2 : 1;
  };
  const std::vector<StoredProposal>& stored = group.proposals.list();
  std::vector<const StoredProposal*> candidates;
  for (const int wanted : {0, 1, 2}) {
    for (auto it = stored.rbegin(); it != stored.rend(); ++it) {
      if (rank(*it) == wanted && IsUsable(group, *it, psks, judge)) candidates.push_back(&*it);
    }
  }
  candidates = Compatible(by_value, candidates, [&](const ProposalList& list) {
    return CheckListRules(group, list, group.own(), judge).ok();
  });
  ProposalList list = Joined(group, candidates, by_value);
  if (ApplyProposals(group, list).ok()) return list;
  candidates = Compatible(by_value, candidates, [&](const ProposalList& some) {
    return ApplyProposals(group, some).ok();
  });
  return Joined(group, candidates, by_value);
}

// The list that the caller chose to the last reference.
absl::StatusOr<ProposalList> SelectExactly(const GroupState& group, const ProposalList& by_value,
                                           const std::vector<Bytes>& references,
                                           const Judge& judge) {
  std::vector<const StoredProposal*> chosen;
  for (const Bytes& reference : references) {
    const StoredProposal* stored = group.proposals.Find({reference});
    if (stored == nullptr) return absl::InvalidArgumentError("no such proposal is stored");
    RETURN_IF_ERROR(CheckProposal(group, stored->proposal, stored->sender, judge));
    chosen.push_back(stored);
  }
  return Joined(group, chosen, by_value);
}

// Whether the own leaf is still that of a key package whose lifetime is over.
bool HasEnded(const GroupState& group, const Judge& judge) {
  const LeafNode& own = *group.tree.leaf(group.own());
  return own.source == LeafNodeSource::kKeyPackage && !own.lifetime.Holds(judge.now);
}

bool ChangesLeaf(const LeafChange& change) {
  return change.extensions || change.credential || change.signature_key || change.capabilities;
}

absl::Status CheckOwnNewLeaf(const GroupState& group, const Provisional& next, const LeafNode& leaf,
                             const Judge& judge) {
  const LeafNode& current = *group.tree.leaf(group.own());
  RETURN_IF_ERROR(CheckLeafNodeAlone(*group.suite, leaf));
  RETURN_IF_ERROR(CheckLeafNodeSupports(leaf, next.extensions));
  if (leaf.credential == current.credential && leaf.signature_key == current.signature_key)
    return absl::OkStatus();
  RETURN_IF_ERROR(CheckSignatureKeysAreNew(next.tree, {{leaf.signature_key, NodeOf(group.own())}}));
  RETURN_IF_ERROR(judge.authentication.Validate(leaf.credential, leaf.signature_key, judge.now));
  if (!judge.SameClient(current.credential, leaf.credential)) {
    return absl::InvalidArgumentError("the new credential names another client");
  }
  return absl::OkStatus();
}

struct OwnPath {
  NewPath path;
  UpdatePath update;
};

absl::StatusOr<OwnPath> MakePath(const GroupState& group, Provisional& next, TreePrivate& keys,
                                 const SignaturePrivateKey& signer, const LeafChange& change,
                                 const Judge& judge) {
  LeafNode leaf = *next.tree.leaf(group.own());
  ApplyLeafChange(change, leaf);
  leaf.lifetime = {};
  const auto sign = [&](LeafNode& ready) {
    return SignLeafNode(*group.suite, signer, LeafPosition{group.context.group_id, group.own()},
                        ready);
  };
  OwnPath out;
  ASSIGN_OR_RETURN(out.path, StartPath(next.tree, keys, std::move(leaf), sign));
  RETURN_IF_ERROR(CheckOwnNewLeaf(group, next, *next.tree.leaf(group.own()), judge));
  const Bytes context = PathContext(group, next.tree, next.extensions);
  ASSIGN_OR_RETURN(out.update,
                   SealPath(next.tree, out.path, group.own(), context, next.added_leaves));
  return out;
}

// The path secret of the lowest node that both the committer and the new member are below.
std::optional<Secret> PathSecretFor(const NewPath* path, LeafIndex committer, LeafIndex added) {
  if (path == nullptr) return std::nullopt;
  const NodeIndex common = CommonAncestor(NodeOf(committer), NodeOf(added));
  for (size_t i = 0; i < path->steps.size(); ++i) {
    if (path->steps[i].node == common) return Secret::CopyOf(path->path.path_secrets[i].view());
  }
  CHECK(false);  // the new member is in the copath, so the node is in the filtered path
}

absl::StatusOr<Bytes> SealGroupInfo(const NextEpoch& next, bool with_tree) {
  const GroupState& state = next.state;
  ASSIGN_OR_RETURN(const GroupInfo info,
                   MakeGroupInfo(state, {.ratchet_tree = with_tree, .external_pub = false}));
  Writer plain;
  WriteGroupInfo(plain, info);
  const WelcomeKey key = DeriveWelcomeKey(*state.suite, next.joiner, next.psk);
  return state.suite->Seal(key.key.view(), key.nonce.view(), {}, plain.view());
}

absl::StatusOr<Bytes> MakeWelcome(const NextEpoch& next, const Provisional& applied,
                                  const NewPath* path, bool with_tree) {
  const GroupState& state = next.state;
  Welcome welcome;
  welcome.cipher_suite = state.context.cipher_suite;
  ASSIGN_OR_RETURN(welcome.encrypted_group_info, SealGroupInfo(next, with_tree));
  for (size_t i = 0; i < applied.adds.size(); ++i) {
    const KeyPackage& key_package = *applied.added_key_packages[i];
    const GroupSecrets secrets{Secret::CopyOf(next.joiner.bytes.view()),
                               PathSecretFor(path, state.own(), applied.adds[i].index),
                               applied.psks};
    EncryptedGroupSecrets entry;
    entry.new_member = KeyPackageRef(*state.suite, key_package);
    ASSIGN_OR_RETURN(
        entry.encrypted_group_secrets,
        state.suite->EncryptWithLabel(key_package.init_key, "Welcome", welcome.encrypted_group_info,
                                      Encode(secrets).view()));
    welcome.secrets.push_back(std::move(entry));
  }
  return Encode(MlsMessage{std::move(welcome)});
}

mls::Commit CommitOf(const ProposalList& list, const std::optional<OwnPath>& path) {
  mls::Commit commit;
  for (const CommitProposal& item : list) {
    if (item.by_reference) commit.proposals.emplace_back(item.ref);
    if (!item.by_reference) commit.proposals.emplace_back(item.proposal);
  }
  if (path) commit.path = path->update;
  return commit;
}

StagedCommit Describe(const GroupState& group, const Provisional& applied, bool has_path,
                      Bytes authenticated_data) {
  StagedCommit staged;
  staged.committer = group.own();
  staged.committer_leaf = *group.tree.leaf(group.own());
  staged.own = true;
  staged.adds = applied.adds;
  staged.removes = applied.removes;
  staged.updates = applied.updates;
  staged.has_path = has_path;
  if (has_path) {
    staged.updates.push_back(
        {group.own(), staged.committer_leaf, *applied.tree.leaf(group.own()), group.as_sender()});
  }
  staged.group_context_changed = applied.extensions_changed;
  staged.reinit = applied.reinit.has_value();
  staged.authenticated_data = std::move(authenticated_data);
  return staged;
}

}  // namespace

absl::StatusOr<StagedCommit> MakeCommit(GroupState& group, CommitParams params, const Judge& judge,
                                        SuccessorLink* link) {
  RETURN_IF_ERROR(group.CheckAlive());
  ASSIGN_OR_RETURN(const WireFormat format, FormatOf(group.policy, params.framing));
  ProposalList list = ByValue(group, params);
  for (const CommitProposal& item : list)
    RETURN_IF_ERROR(CheckProposal(group, item.proposal, item.sender, judge));
  if (link != nullptr) list.push_back({PskProposal{link->id}, group.as_sender(), false, {}});
  if (params.references) {
    ASSIGN_OR_RETURN(list, SelectExactly(group, list, *params.references, judge));
  } else if (params.include_pending_proposals && !group.proposals.list().empty()) {
    list = SelectPending(group, list, params.psks, judge);
  }
  RETURN_IF_ERROR(CheckListRules(group, list, group.own(), judge));
  ASSIGN_OR_RETURN(Provisional next, ApplyProposals(group, list));
  ASSIGN_OR_RETURN(PskSecret psk, ResolvePsks(&group, *group.suite, next.psks, params.psks, link));

  TreePrivate keys = group.keys.Clone();
  keys.Prune(next.tree);
  SignaturePrivateKey signer = CopyOf(
      params.leaf.signature_key ? params.leaf.signature_key->private_key : group.signature_key);
  CommitSecret commit_secret = ZeroCommitSecret(*group.suite);
  std::optional<OwnPath> path;
  if (params.force_path || ChangesLeaf(params.leaf) || NeedsPath(list) || HasEnded(group, judge)) {
    ASSIGN_OR_RETURN(path, MakePath(group, next, keys, signer, params.leaf, judge));
    commit_secret.bytes = std::move(path->path.path.commit_secret);
  }

  AuthenticatedContent content =
      NewContent(group, format, params.authenticated_data, CommitOf(list, path));
  RETURN_IF_ERROR(SignContent(*group.suite, group.signature_key, Encode(group.context), content));
  StagedCommit staged =
      Describe(group, next, path.has_value(), std::move(params.authenticated_data));
  EpochInputs inputs{
      std::move(next.tree), std::move(next.extensions), std::move(keys), std::move(signer),
      NextInit(group),      std::move(commit_secret),   std::move(psk),  std::move(next.reinit)};
  ASSIGN_OR_RETURN(NextEpoch epoch, EnterEpoch(group, std::move(inputs), content));
  content.auth.confirmation_tag = epoch.state.confirmation_tag;
  if (!next.adds.empty()) {
    ASSIGN_OR_RETURN(staged.welcome, MakeWelcome(epoch, next, path ? &path->path : nullptr,
                                                 params.tree_in_welcome));
  }
  // Last: it changes this group by one generation of its own ratchet.
  ASSIGN_OR_RETURN(const MlsMessage message, Protect(group, std::move(content), params.padding));
  staged.message = Encode(message);
  staged.next = GroupAccess::Make<StagedGroup>(std::move(epoch.state), GroupStage::kStaged);
  return staged;
}

absl::StatusOr<StagedCommit> Group::Commit(CommitParams params,
                                           const AuthenticationService& authentication,
                                           absl::Time now) {
  return MakeCommit(*state_, std::move(params), Judge{authentication, now});
}

}  // namespace plumbline::mls
