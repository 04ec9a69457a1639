// The rules for proposals and for lists of them (RFC 9420 §12.1..§12.3).
#include <algorithm>
#include <set>
#include <utility>

#include "mls/group_state.h"
#include "mls/tree/tree_validation.h"

namespace plumbline::mls {
namespace {

absl::Status Invalid(absl::string_view rule) { return absl::InvalidArgumentError(rule); }

absl::Status CheckAdd(const GroupState& group, const AddProposal& add, const Judge& judge) {
  const KeyPackage& key_package = add.key_package;
  if (key_package.cipher_suite != group.context.cipher_suite)
    return Invalid("added key package is of another suite");
  RETURN_IF_ERROR(ValidateKeyPackage(key_package, judge.now));
  const LeafNode& leaf = key_package.leaf_node;
  const uint64_t length = leaf.lifetime.not_after - leaf.lifetime.not_before;
  if (group.policy.max_lifetime != absl::InfiniteDuration() &&
      length > static_cast<uint64_t>(absl::ToInt64Seconds(group.policy.max_lifetime))) {
    return Invalid("lifetime of a key package is longer than the policy allows");
  }
  return judge.authentication.Validate(leaf.credential, leaf.signature_key, judge.now);
}

absl::Status CheckUpdate(const GroupState& group, const UpdateProposal& update, LeafIndex sender,
                         const Judge& judge) {
  const LeafNode* current = group.tree.leaf(sender);
  if (current == nullptr) return Invalid("Update from someone who is not a member");
  const LeafNode& leaf = update.leaf_node;
  if (leaf.source != LeafNodeSource::kUpdate)
    return Invalid("leaf node of an Update has another source");
  RETURN_IF_ERROR(CheckLeafNodeAlone(*group.suite, leaf));
  if (leaf.encryption_key == current->encryption_key)
    return Invalid("Update keeps the encryption key");
  RETURN_IF_ERROR(
      VerifyLeafNodeSignature(*group.suite, leaf, LeafPosition{group.context.group_id, sender}));
  RETURN_IF_ERROR(judge.authentication.Validate(leaf.credential, leaf.signature_key, judge.now));
  if (!judge.SameClient(current->credential, leaf.credential)) {
    return absl::UnauthenticatedError("Update changes the client behind a leaf");
  }
  return absl::OkStatus();
}

absl::Status CheckPsk(const GroupState& group, const PreSharedKeyId& id) {
  if (id.psk_nonce.size() != group.suite->hash_size())
    return Invalid("PSK nonce has the wrong length");
  if (id.type == PskType::kResumption && id.usage != ResumptionPskUsage::kApplication) {
    return Invalid("PSK usage is not for commits");
  }
  return absl::OkStatus();
}

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
    if (item.sender == committer)
      status.Update(Invalid("commit covers the committer's own Update"));
    if (!touched.insert(item.sender).second) status.Update(Invalid("two Updates for one leaf"));
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
absl::Status CheckAdds(const GroupState& group, const std::vector<CommitProposal>& list,
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

}  // namespace

absl::Status CheckGroupContextExtensions(const Extensions& extensions) {
  for (const Extension& extension : extensions) {
    switch (extension.type) {
      case kExtensionApplicationId:
      case kExtensionRatchetTree:
      case kExtensionExternalPub:
        return Invalid("extension type is not for group contexts");
      case kExtensionRequiredCapabilities:
        RETURN_IF_ERROR(ParseRequiredCapabilities(extension.data).status());
        break;
      default:
        break;
    }
  }
  return absl::OkStatus();
}

absl::Status CheckProposal(const GroupState& group, const Proposal& proposal, LeafIndex sender,
                           const Judge& judge) {
  switch (KindOf(proposal)) {
    case ProposalKind::kAdd:
      return CheckAdd(group, std::get<AddProposal>(proposal), judge);
    case ProposalKind::kUpdate:
      return CheckUpdate(group, std::get<UpdateProposal>(proposal), sender, judge);
    case ProposalKind::kRemove:
      if (group.tree.leaf(std::get<RemoveProposal>(proposal).removed) == nullptr) {
        return Invalid("Remove of someone who is not a member");
      }
      return absl::OkStatus();
    case ProposalKind::kPsk:
      return CheckPsk(group, std::get<PskProposal>(proposal).id);
    case ProposalKind::kGroupContextExtensions:
      return CheckGroupContextExtensions(
          std::get<GroupContextExtensionsProposal>(proposal).extensions);
    case ProposalKind::kReInit:
      return absl::UnimplementedError("ReInit proposals are not supported");
    case ProposalKind::kExternalInit:
      return absl::UnimplementedError("external commits are not supported");
  }
  return absl::UnimplementedError("unknown proposal type");
}

absl::Status CheckProposalList(const GroupState& group, const std::vector<CommitProposal>& list,
                               LeafIndex committer, const Judge& judge) {
  for (const CommitProposal& item : list) {
    RETURN_IF_ERROR(CheckProposal(group, item.proposal, item.sender, judge));
  }
  return CheckListRules(group, list, committer, judge);
}

absl::Status CheckListRules(const GroupState& group, const std::vector<CommitProposal>& list,
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

absl::StatusOr<Provisional> ApplyProposals(const GroupState& group,
                                           const std::vector<CommitProposal>& list) {
  Provisional next{group.tree, group.context.extensions, {}, {}, {}, {}, {}, {}, false};
  ForEach<GroupContextExtensionsProposal>(
      list, [&](const CommitProposal&, const GroupContextExtensionsProposal& gce) {
        next.extensions = gce.extensions;
        next.extensions_changed = true;
      });
  ForEach<UpdateProposal>(list, [&](const CommitProposal& item, const UpdateProposal& update) {
    next.updates.push_back(
        {item.sender, *next.tree.leaf(item.sender), update.leaf_node, item.sender});
    next.tree.Update(item.sender, update.leaf_node);
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
  if (!next.adds.empty() && next.tree.member_count() > group.policy.max_members) {
    return absl::ResourceExhaustedError("group would have more members than the policy allows");
  }
  RETURN_IF_ERROR(CheckResult(next));
  return next;
}

absl::Status CheckPathLeaf(const GroupState& group, const Provisional& next, LeafIndex committer,
                           const LeafNode& leaf, const Judge& judge) {
  const LeafNode* current = group.tree.leaf(committer);
  if (current == nullptr) return Invalid("committer is not a member");
  RETURN_IF_ERROR(CheckLeafNodeAlone(*group.suite, leaf));
  RETURN_IF_ERROR(CheckLeafNodeSupports(leaf, next.extensions));
  RETURN_IF_ERROR(CheckSignatureKeysAreNew(next.tree, {{leaf.signature_key, NodeOf(committer)}}));
  RETURN_IF_ERROR(
      VerifyLeafNodeSignature(*group.suite, leaf, LeafPosition{group.context.group_id, committer}));
  RETURN_IF_ERROR(judge.authentication.Validate(leaf.credential, leaf.signature_key, judge.now));
  if (!judge.SameClient(current->credential, leaf.credential)) {
    return absl::UnauthenticatedError("path changes the client behind a leaf");
  }
  return absl::OkStatus();
}

absl::StatusOr<PskSecret> ResolvePsks(const GroupState* group, const CipherSuite& suite,
                                      const std::vector<PreSharedKeyId>& ids,
                                      const PskStore* store) {
  if (ids.empty()) return ZeroPskSecret(suite);
  std::vector<Psk> psks;
  for (const PreSharedKeyId& id : ids) {
    if (id.type == PskType::kExternal) {
      if (store == nullptr) return absl::NotFoundError("no store for external PSKs");
      ASSIGN_OR_RETURN(Secret secret, store->ExternalPsk(id.psk_id));
      psks.push_back({id, std::move(secret)});
      continue;
    }
    const Secret* found = nullptr;
    if (group != nullptr && id.psk_group_id == group->context.group_id) {
      if (id.psk_epoch == group->context.epoch) found = &group->secrets.resumption.bytes;
      for (const PastEpoch& past : group->past) {
        if (past.epoch == id.psk_epoch) found = &past.resumption.bytes;
      }
    }
    if (found == nullptr) return absl::NotFoundError("no resumption PSK of that group and epoch");
    psks.push_back({id, Secret::CopyOf(found->view())});
  }
  return DerivePskSecret(suite, psks);
}

}  // namespace plumbline::mls
