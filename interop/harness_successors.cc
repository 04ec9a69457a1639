// Groups that take another one's place or branch from it.
#include <utility>

#include "interop/harness.h"
#include "interop/material.h"

namespace plumbline::interop {
namespace {

mls::CreateGroupParams ParamsFor(const mls::Group& origin, mls::SuiteId suite) {
  mls::CreateGroupParams params;
  params.suite = suite;
  params.credential = origin.own_leaf_node().credential;
  params.lifetime = LeafLifetime();
  params.policy = Policy();
  return params;
}

absl::StatusOr<mls::CommitParams> AddingAll(
    const google::protobuf::RepeatedPtrField<std::string>& key_packages, bool force_path,
    bool external_tree, const State& state) {
  mls::CommitParams params;
  for (const std::string& wire : key_packages) {
    ASSIGN_OR_RETURN(mls::KeyPackage key_package, mls::ParseKeyPackageMessage(AsBytes(wire)));
    params.adds.push_back(std::move(key_package));
  }
  params.force_path = force_path;
  params.tree_in_welcome = !external_tree;
  params.framing = FramingOf(state);
  return params;
}

void Describe(const mls::Successor& made, bool external_tree, pb::CreateSubgroupResponse& out) {
  out.set_epoch_authenticator(ToString(made.group.EpochAuthenticator()));
  if (made.welcome) out.set_welcome(ToString(*made.welcome));
  if (external_tree) out.set_ratchet_tree(ToString(made.group.EncodedTree()));
}

}  // namespace

absl::StatusOr<pb::HandleReInitCommitResponse> Harness::Suspend(State state) {
  if (!state.group.reinit())
    return absl::InvalidArgumentError("the commit does not re-initialise the group");
  ASSIGN_OR_RETURN(const mls::CipherSuite* const suite,
                   SuiteOf(state.group.reinit()->cipher_suite));
  ASSIGN_OR_RETURN(Joiner joiner, NewJoiner(*suite, state.group.own_leaf_node().credential));
  pb::HandleReInitCommitResponse out;
  out.set_epoch_authenticator(ToString(state.group.EpochAuthenticator()));
  out.set_key_package(ToString(mls::EncodeKeyPackageMessage(joiner.bundle.key_package)));
  out.set_reinit_id(suspended_.Put(Suspended{std::move(state), std::move(joiner)}));
  return out;
}

absl::Status Harness::Do(const pb::HandleCommitRequest& in, pb::HandleReInitCommitResponse& out) {
  ASSIGN_OR_RETURN(State next, AfterCommit(in));
  ASSIGN_OR_RETURN(out, Suspend(std::move(next)));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::HandlePendingCommitRequest& in,
                         pb::HandleReInitCommitResponse& out) {
  ASSIGN_OR_RETURN(State next, AfterPending(in.state_id()));
  ASSIGN_OR_RETURN(out, Suspend(std::move(next)));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::ReInitWelcomeRequest& in, pb::CreateSubgroupResponse& out) {
  ASSIGN_OR_RETURN(Suspended* const old, suspended_.Get(in.reinit_id()));
  ASSIGN_OR_RETURN(mls::CommitParams commit,
                   AddingAll(in.key_package(), in.force_path(), in.external_tree(), old->state));
  ASSIGN_OR_RETURN(mls::Successor made,
                   old->state.group.Reinitialize(
                       ParamsFor(old->state.group, old->state.group.suite()),
                       CopyOf(old->joiner.signature_key), std::move(commit), kEveryone, Now()));
  Describe(made, in.external_tree(), out);
  out.set_state_id(states_.Put(
      State{std::move(made.group), old->state.encrypt_handshake, old->state.psks, {}, {}}));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::HandleReInitWelcomeRequest& in, pb::JoinGroupResponse& out) {
  ASSIGN_OR_RETURN(Suspended* const old, suspended_.Get(in.reinit_id()));
  ASSIGN_OR_RETURN(mls::Group group,
                   old->state.group.JoinSuccessor(AsBytes(in.welcome()), old->joiner.bundle,
                                                  CopyOf(old->joiner.signature_key.private_key),
                                                  TreeOf(in.ratchet_tree()), kEveryone, Now(),
                                                  &old->state.psks));
  out.set_epoch_authenticator(ToString(group.EpochAuthenticator()));
  out.set_state_id(
      states_.Put(State{std::move(group), old->state.encrypt_handshake, old->state.psks, {}, {}}));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::CreateBranchRequest& in, pb::CreateSubgroupResponse& out) {
  ASSIGN_OR_RETURN(State* const origin, states_.Get(in.state_id()));
  ASSIGN_OR_RETURN(const mls::CipherSuite* const suite,
                   SuiteOf(static_cast<uint32_t>(origin->group.suite())));
  mls::CreateGroupParams params = ParamsFor(origin->group, origin->group.suite());
  params.group_id = BytesOf(in.group_id());
  ASSIGN_OR_RETURN(params.group_context_extensions, ExtensionsOf(in.extensions()));
  ASSIGN_OR_RETURN(mls::CommitParams commit,
                   AddingAll(in.key_packages(), in.force_path(), in.external_tree(), *origin));
  ASSIGN_OR_RETURN(mls::Successor made,
                   origin->group.Branch(std::move(params), suite->GenerateSignatureKeyPair(),
                                        std::move(commit), kEveryone, Now()));
  Describe(made, in.external_tree(), out);
  out.set_state_id(
      states_.Put(State{std::move(made.group), origin->encrypt_handshake, origin->psks, {}, {}}));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::HandleBranchRequest& in, pb::HandleBranchResponse& out) {
  ASSIGN_OR_RETURN(State* const origin, states_.Get(in.state_id()));
  ASSIGN_OR_RETURN(Joiner* const joiner, joiners_.Get(in.transaction_id()));
  ASSIGN_OR_RETURN(
      mls::Group group,
      origin->group.JoinSuccessor(AsBytes(in.welcome()), joiner->bundle,
                                  CopyOf(joiner->signature_key.private_key),
                                  TreeOf(in.ratchet_tree()), kEveryone, Now(), &joiner->psks));
  out.set_epoch_authenticator(ToString(group.EpochAuthenticator()));
  State state{std::move(group), origin->encrypt_handshake, origin->psks, {}, {}};
  joiners_.Remove(in.transaction_id());
  out.set_state_id(states_.Put(std::move(state)));
  return absl::OkStatus();
}

}  // namespace plumbline::interop
