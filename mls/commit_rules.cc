// The rules for lists of proposals, what they do to the tree, and the committer's leaf (RFC 9420
// §12.2..§12.4).
#include "mls/commit_rules.h"

#include <algorithm>
#include <set>
#include <utility>

#include "mls/tree/tree_validation.h"

namespace plumbline::mls {
namespace {

absl::Status Invalid(absl::string_view rule) { return absl::InvalidArgumentError(rule); }

template <typename T, typename Visit>
void ForEach(const std::vector<CommitProposal>& list, Visit visit) {
  for (const CommitProposal& item : list) {
    if (const T* proposal = std::get_if<T>(&item.proposal)) visit(item, *proposal);
  }
}

// §12.2: at most one Update or Remove per leaf, and none that hits the committer.
absl::Status CheckTargets(const std::vector<CommitProposal>& list, LeafIndex committer,
                          std::set<LeafIndex>& removed) {
  absl::Status status;
  std::set<LeafIndex> touched;
  ForEach<UpdateProposal>(list, [&](const CommitProposal& item, const UpdateProposal&) {
    if (item.sender == MemberSender(committer))
      status.Update(Invalid("commit covers the committer's own Update"));
    if (!touched.insert(LeafIndex{item.sender.index}).second)
      status.Update(Invalid("two Updates for one leaf"));
  });
  ForEach<RemoveProposal>(list, [&](const CommitProposal&, const RemoveProposal& remove) {
    if (remove.removed == committer) status.Update(Invalid("commit removes its committer"));
    if (!touched.insert(remove.removed).second) status.Update(Invalid("two changes to one leaf"));
    removed.insert(remove.removed);
  });
  return status;
}

// §12.2: a client is added once, and only if it is not in the group already or leaves it by the
// same commit.
absl::Status CheckAdds(const PublicGroup& group, const std::vector<CommitProposal>& list,
                       const std::set<LeafIndex>& removed, const Judge& judge) {
  std::vector<const KeyPackage*> adds;
  std::set<Bytes> init_keys;
  absl::Status status;
  ForEach<AddProposal>(list, [&](const CommitProposal&, const AddProposal& add) {
    const Credential& credential = add.key_package.leaf_node.credential;
    for (const KeyPackage* earlier : adds) {
      if (judge.SameClient(earlier->leaf_node.credential, credential)) {
        status.Update(Invalid("one client is added twice"));
      }
    }
    for (uint32_t i = 0; i < group.tree.leaf_count().value; ++i) {
      const LeafNode* member = group.tree.leaf({i});
      if (member == nullptr || removed.contains({i})) continue;
      if (judge.SameClient(member->credential, credential)) {
        status.Update(Invalid("added client is already a member"));
      }
    }
    if (!init_keys.insert(add.key_package.init_key).second)
      status.Update(Invalid("two Adds share an init key"));
    adds.push_back(&add.key_package);
  });
  return status;
}

absl::Status CheckSingles(const std::vector<CommitProposal>& list) {
  absl::Status status;
  std::set<Bytes> psks;
  int extension_changes = 0;
  ForEach<PskProposal>(list, [&](const CommitProposal&, const PskProposal& psk) {
    Writer id;
    WritePreSharedKeyId(id, psk.id);
    if (!psks.insert(id.TakeBytes()).second) status.Update(Invalid("one PSK id occurs twice"));
  });
  ForEach<GroupContextExtensionsProposal>(
      list, [&](const CommitProposal&, const GroupContextExtensionsProposal&) {
        if (++extension_changes > 1) status.Update(Invalid("two GroupContextExtensions proposals"));
      });
  ForEach<ReInitProposal>(list, [&](const CommitProposal&, const ReInitProposal&) {
    if (list.size() > 1) status.Update(Invalid("ReInit beside another proposal"));
  });
  return status;
}

// Rules about the tree as the proposals leave it.
absl::Status CheckResult(const Provisional& next) {
  for (const std::vector<MemberChange>* changes : {&next.adds, &next.updates}) {
    for (const MemberChange& change : *changes) {
      RETURN_IF_ERROR(CheckLeafNodeSupports(change.after, next.extensions));
    }
  }
  if (next.extensions_changed) {
    for (uint32_t i = 0; i < next.tree.leaf_count().value; ++i) {
      const LeafNode* member = next.tree.leaf({i});
      if (member != nullptr) RETURN_IF_ERROR(CheckLeafNodeSupports(*member, next.extensions));
    }
  }
  if (next.adds.empty() && next.updates.empty()) return absl::OkStatus();
  std::vector<KeyClaim> encryption;
  std::vector<KeyClaim> signature;
  for (const std::vector<MemberChange>* changes : {&next.adds, &next.updates}) {
    for (const MemberChange& change : *changes) {
      encryption.push_back({change.after.encryption_key, NodeOf(change.index)});
      signature.push_back({change.after.signature_key, NodeOf(change.index)});
    }
  }
  RETURN_IF_ERROR(CheckEncryptionKeysAreNew(next.tree, std::move(encryption)));
  return CheckSignatureKeysAreNew(next.tree, std::move(signature));
}

// What every leaf in a path has to be.
absl::Status CheckCommitLeaf(const PublicGroup& group, const Provisional& next, LeafIndex owner,
                             const LeafNode* current, const LeafNode& leaf, const Judge& judge) {
  RETURN_IF_ERROR(CheckLeafNodeAlone(*group.suite, leaf));
  RETURN_IF_ERROR(CheckLeafNodeSupports(leaf, next.extensions));
  RETURN_IF_ERROR(CheckSignatureKeysAreNew(next.tree, {{leaf.signature_key, NodeOf(owner)}}));
  RETURN_IF_ERROR(
      VerifyLeafNodeSignature(*group.suite, leaf, LeafPosition{group.context.group_id, owner}));
  return judge.Validate(current, leaf);
}

}  // namespace

absl::Status CheckProposalList(const PublicGroup& group, const std::vector<CommitProposal>& list,
                               LeafIndex committer, const Judge& judge) {
  for (const CommitProposal& item : list) {
    RETURN_IF_ERROR(CheckProposal(group, item.proposal, item.sender, judge));
  }
  return CheckListRules(group, list, committer, judge);
}

absl::Status CheckExternalProposalList(const PublicGroup& group,
                                       const std::vector<CommitProposal>& list,
                                       const Judge& judge) {
  int inits = 0;
  int removes = 0;
  for (const CommitProposal& item : list) {
    if (item.by_reference) return Invalid("external commit refers to a proposal");
    RETURN_IF_ERROR(CheckProposal(group, item.proposal, item.sender, judge));
    if (KindOf(item.proposal) == ProposalKind::kExternalInit) ++inits;
    if (KindOf(item.proposal) == ProposalKind::kRemove) ++removes;
  }
  if (inits != 1) return Invalid("external commit does not have exactly one ExternalInit");
  if (removes > 1) return Invalid("external commit removes more than one leaf");
  return CheckSingles(list);
}

absl::Status CheckListRules(const PublicGroup& group, const std::vector<CommitProposal>& list,
                            LeafIndex committer, const Judge& judge) {
  std::set<LeafIndex> removed;
  RETURN_IF_ERROR(CheckTargets(list, committer, removed));
  RETURN_IF_ERROR(CheckAdds(group, list, removed, judge));
  return CheckSingles(list);
}

bool NeedsPath(const std::vector<CommitProposal>& list) {
  return list.empty() || std::any_of(list.begin(), list.end(), [](const CommitProposal& item) {
           const ProposalKind kind = KindOf(item.proposal);
           return kind != ProposalKind::kAdd && kind != ProposalKind::kPsk &&
                  kind != ProposalKind::kReInit;
         });
}

absl::StatusOr<Provisional> ApplyProposals(const PublicGroup& group,
                                           const std::vector<CommitProposal>& list) {
  Provisional next{group.tree, group.context.extensions, {}, {}, {}, {}, {}, {}, false, {}, {}};
  ForEach<GroupContextExtensionsProposal>(
      list, [&](const CommitProposal&, const GroupContextExtensionsProposal& gce) {
        next.extensions = gce.extensions;
        next.extensions_changed = true;
      });
  ForEach<UpdateProposal>(list, [&](const CommitProposal& item, const UpdateProposal& update) {
    const LeafIndex index{item.sender.index};
    next.updates.push_back({index, *next.tree.leaf(index), update.leaf_node, item.sender});
    next.tree.Update(index, update.leaf_node);
  });
  ForEach<RemoveProposal>(list, [&](const CommitProposal& item, const RemoveProposal& remove) {
    next.removes.push_back({remove.removed, *next.tree.leaf(remove.removed), {}, item.sender});
    next.tree.Remove(remove.removed);
  });
  ForEach<AddProposal>(list, [&](const CommitProposal& item, const AddProposal& add) {
    const LeafIndex index = next.tree.Add(add.key_package.leaf_node);
    next.adds.push_back({index, {}, add.key_package.leaf_node, item.sender});
    next.added_key_packages.push_back(&add.key_package);
    next.added_leaves.insert(index);
  });
  ForEach<PskProposal>(
      list, [&](const CommitProposal&, const PskProposal& psk) { next.psks.push_back(psk.id); });
  ForEach<ReInitProposal>(
      list, [&](const CommitProposal&, const ReInitProposal& reinit) { next.reinit = reinit; });
  ForEach<ExternalInitProposal>(list, [&](const CommitProposal&, const ExternalInitProposal& init) {
    next.kem_output = init.kem_output;
  });
  if (!next.adds.empty() && next.tree.member_count() > group.policy.max_members) {
    return absl::ResourceExhaustedError("group would have more members than the policy allows");
  }
  RETURN_IF_ERROR(CheckResult(next));
  return next;
}

LeafIndex PlaceJoiner(Provisional& next, const LeafNode& leaf) {
  LeafNode without_key = leaf;  // the path's keys have to be new to the tree, its leaf's included
  without_key.encryption_key.clear();
  const LeafIndex index = next.tree.Add(std::move(without_key));
  next.adds.push_back({index, {}, leaf, {SenderType::kNewMemberCommit, 0}});
  return index;
}

absl::Status CheckPathLeaf(const PublicGroup& group, const Provisional& next, LeafIndex committer,
                           const LeafNode& leaf, const Judge& judge) {
  const LeafNode* current = group.tree.leaf(committer);
  if (current == nullptr) return Invalid("committer is not a member");
  RETURN_IF_ERROR(CheckCommitLeaf(group, next, committer, current, leaf, judge));
  if (!judge.SameClient(current->credential, leaf.credential)) {
    return absl::UnauthenticatedError("path changes the client behind a leaf");
  }
  return absl::OkStatus();
}

absl::Status CheckJoinerLeaf(const PublicGroup& group, const Provisional& next, LeafIndex joiner,
                             const LeafNode& leaf, const Judge& judge) {
  RETURN_IF_ERROR(CheckCommitLeaf(group, next, joiner, nullptr, leaf, judge));
  for (const MemberChange& replaced : next.removes) {
    if (!judge.SameClient(replaced.before.credential, leaf.credential))
      return absl::UnauthenticatedError("external commit removes another client");
    if (replaced.before.encryption_key == leaf.encryption_key)
      return Invalid("external commit keeps the encryption key of the leaf it removes");
  }
  absl::Status status;
  ForEachMember(next.tree, [&](LeafIndex index, const LeafNode& member) {
    if (index != joiner && judge.SameClient(member.credential, leaf.credential))
      status.Update(Invalid("client that joins is already a member"));
  });
  RETURN_IF_ERROR(status);
  if (next.tree.member_count() > group.policy.max_members)
    return absl::ResourceExhaustedError("group would have more members than the policy allows");
  return absl::OkStatus();
}

}  // namespace plumbline::mls
