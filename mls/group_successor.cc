// Groups that branch from another one or take its place (RFC 9420 §11.2, §11.3).
#include <utility>

#include "mls/epoch_change.h"

namespace plumbline::mls {
namespace {

absl::Status Invalid(absl::string_view rule) { return absl::InvalidArgumentError(rule); }

absl::Status CheckIsMember(const GroupState& origin, const Credential& credential,
                           const Judge& judge) {
  bool found = false;
  ForEachMember(origin.tree, [&](LeafIndex, const LeafNode& leaf) {
    found = found || judge.SameClient(leaf.credential, credential);
  });
  return found ? absl::OkStatus() : Invalid("successor would have a member that the group has not");
}

// The creator and everyone it adds are members of `origin`.
absl::Status CheckMembers(const GroupState& origin, const CreateGroupParams& params,
                          const CommitParams& commit, const Judge& judge) {
  if (!judge.SameClient(origin.tree.leaf(origin.own())->credential, params.credential))
    return Invalid("successor is made by another client");
  for (const KeyPackage& add : commit.adds)
    RETURN_IF_ERROR(CheckIsMember(origin, add.leaf_node.credential, judge));
  return absl::OkStatus();
}

// Every other member of `origin` is added. That none is added twice is a rule of every commit.
absl::Status CheckAllAreAdded(const GroupState& origin, const CommitParams& commit,
                              const Judge& judge) {
  absl::Status status;
  ForEachMember(origin.tree, [&](LeafIndex index, const LeafNode& leaf) {
    bool added = index == origin.own();
    for (const KeyPackage& add : commit.adds)
      added = added || judge.SameClient(leaf.credential, add.leaf_node.credential);
    if (!added) status.Update(Invalid("successor would lack a member of the group"));
  });
  return status;
}

absl::StatusOr<Successor> MakeSuccessor(const GroupState& origin, ResumptionPskUsage usage,
                                        CreateGroupParams params, SignatureKeyPair signature_key,
                                        CommitParams commit, const Judge& judge) {
  ASSIGN_OR_RETURN(Group group, Group::Create(std::move(params), std::move(signature_key)));
  GroupState& state = GroupAccess::State(group);
  SuccessorLink link;
  link.id.type = PskType::kResumption;
  link.id.usage = usage;
  link.id.psk_group_id = origin.context.group_id;
  link.id.psk_epoch = origin.context.epoch;
  link.id.psk_nonce = RandomBytes(state.suite->hash_size());
  link.secret = Secret::CopyOf(origin.secrets.resumption.bytes.view());
  commit.include_pending_proposals = false;
  commit.references.reset();
  ASSIGN_OR_RETURN(StagedCommit staged, MakeCommit(state, std::move(commit), judge, &link));
  // Nobody else has the group yet, so nobody can win a race against this commit.
  return Successor{GroupAccess::Make<Group>(std::move(GroupAccess::State(*staged.next))),
                   std::move(staged.welcome)};
}

}  // namespace

absl::StatusOr<Successor> Group::Branch(CreateGroupParams params, SignatureKeyPair signature_key,
                                        CommitParams commit,
                                        const AuthenticationService& authentication,
                                        absl::Time now) const {
  const Judge judge{authentication, now};
  if (params.suite != suite()) return Invalid("branch of a group has another suite");
  if (params.group_id == group_id()) return Invalid("branch of a group has the same id");
  RETURN_IF_ERROR(CheckMembers(*state_, params, commit, judge));
  return MakeSuccessor(*state_, ResumptionPskUsage::kBranch, std::move(params),
                       std::move(signature_key), std::move(commit), judge);
}

absl::StatusOr<Successor> Group::Reinitialize(CreateGroupParams params,
                                              SignatureKeyPair signature_key, CommitParams commit,
                                              const AuthenticationService& authentication,
                                              absl::Time now) const {
  const Judge judge{authentication, now};
  if (!reinit()) return absl::FailedPreconditionError("the group was not re-initialised");
  if (reinit()->version != kProtocolVersionMls10)
    return absl::UnimplementedError("this build does not know the protocol version of the ReInit");
  params.suite = static_cast<SuiteId>(reinit()->cipher_suite);
  params.group_id = reinit()->group_id;
  params.group_context_extensions = reinit()->extensions;
  RETURN_IF_ERROR(CheckMembers(*state_, params, commit, judge));
  RETURN_IF_ERROR(CheckAllAreAdded(*state_, commit, judge));
  return MakeSuccessor(*state_, ResumptionPskUsage::kReInit, std::move(params),
                       std::move(signature_key), std::move(commit), judge);
}

}  // namespace plumbline::mls
