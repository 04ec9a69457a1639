// From one epoch to the next, each time on a copy of the state.
#include <utility>

#include "absl/strings/str_cat.h"
#include "interop/harness.h"
#include "interop/material.h"

namespace plumbline::interop {
namespace {

// A copy of `state` for work that may fail. Its own ratchets are copied too: either the copy or the
// original goes on.
State CopyOf(const State& state) {
  State copy{state.group.Clone(), state.encrypt_handshake, state.psks, state.proposals,
             std::nullopt};
  if (state.committed) copy.committed = state.committed->Clone();
  return copy;
}

// Lets the group know the proposals that it does not know yet.
absl::Status TakeProposals(State& state,
                           const google::protobuf::RepeatedPtrField<std::string>& messages) {
  int at = 0;
  for (const std::string& message : messages) {
    ++at;
    Bytes bytes = BytesOf(message);
    if (state.proposals.count(bytes) != 0) continue;
    absl::StatusOr<mls::Processed> processed = state.group.Process(bytes, kEveryone, Now());
    if (!processed.ok()) {
      return absl::Status(processed.status().code(),
                          absl::StrCat("proposal ", at, ": ", processed.status().message()));
    }
    const auto* const stored = std::get_if<mls::ProposalStored>(&*processed);
    if (stored == nullptr)
      return absl::InvalidArgumentError(absl::StrCat(
          "proposal ", at, " is something else, or this member's own and of another state"));
    state.proposals[std::move(bytes)] = stored->ref;
  }
  return absl::OkStatus();
}

absl::Status AddByValue(const mls::Group& group, const pb::ProposalDescription& description,
                        mls::CommitParams& params) {
  const std::string& type = description.proposal_type();
  if (type == "add") {
    ASSIGN_OR_RETURN(mls::KeyPackage key_package,
                     mls::ParseKeyPackageMessage(AsBytes(description.key_package())));
    params.adds.push_back(std::move(key_package));
  } else if (type == "remove") {
    ASSIGN_OR_RETURN(const mls::LeafIndex removed,
                     MemberNamed(group, AsBytes(description.removed_id())));
    params.removes.push_back(removed);
  } else if (type == "externalPSK") {
    params.external_psks.push_back(BytesOf(description.psk_id()));
  } else if (type == "resumptionPSK") {
    params.resumption_psks.push_back(description.epoch_id());
  } else if (type == "groupContextExtensions") {
    if (params.group_context_extensions)
      return absl::InvalidArgumentError("by_value has groupContextExtensions twice");
    ASSIGN_OR_RETURN(params.group_context_extensions, ExtensionsOf(description.extensions()));
  } else if (type == "reinit") {
    if (params.reinit) return absl::InvalidArgumentError("by_value has reinit twice");
    ASSIGN_OR_RETURN(const mls::CipherSuite* const suite, SuiteOf(description.cipher_suite()));
    params.reinit.emplace();
    params.reinit->group_id = BytesOf(description.group_id());
    params.reinit->cipher_suite = static_cast<uint16_t>(suite->id());
    ASSIGN_OR_RETURN(params.reinit->extensions, ExtensionsOf(description.extensions()));
  } else {
    return absl::InvalidArgumentError("proposal_type is none of the known ones");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Harness::Do(const pb::CommitRequest& in, pb::CommitResponse& out) {
  ASSIGN_OR_RETURN(State* const state, states_.Get(in.state_id()));
  State work = CopyOf(*state);
  RETURN_IF_ERROR(TakeProposals(work, in.by_reference()));
  mls::CommitParams params;
  params.references.emplace();
  for (const std::string& message : in.by_reference())
    params.references->push_back(work.proposals[BytesOf(message)]);
  for (const pb::ProposalDescription& description : in.by_value())
    RETURN_IF_ERROR(AddByValue(work.group, description, params));
  params.force_path = in.force_path();
  params.tree_in_welcome = !in.external_tree();
  params.framing = FramingOf(work);
  params.psks = &work.psks;
  ASSIGN_OR_RETURN(mls::StagedCommit staged,
                   work.group.Commit(std::move(params), kEveryone, Now()));
  out.set_commit(ToString(staged.message));
  if (staged.welcome) out.set_welcome(ToString(*staged.welcome));
  if (in.external_tree()) out.set_ratchet_tree(ToString(staged.next->EncodedTree()));
  work.committed = *std::move(staged.next);
  *state = std::move(work);
  return absl::OkStatus();
}

absl::StatusOr<State> Harness::AfterCommit(const pb::HandleCommitRequest& in) {
  ASSIGN_OR_RETURN(State* const state, states_.Get(in.state_id()));
  State work = CopyOf(*state);
  RETURN_IF_ERROR(TakeProposals(work, in.proposal()));
  ASSIGN_OR_RETURN(mls::Processed processed,
                   work.group.Process(AsBytes(in.commit()), kEveryone, Now(), &work.psks));
  auto* const staged = std::get_if<mls::StagedCommit>(&processed);
  if (staged == nullptr)
    return absl::InvalidArgumentError(
        "commit is something else, or this member's own (HandlePendingCommit applies that)");
  if (staged->removes_us)
    return absl::FailedPreconditionError("the commit removes this member: there is no next state");
  RETURN_IF_ERROR(work.group.AdvanceTo(*std::move(staged->next)));
  work.proposals.clear();
  work.committed.reset();
  return work;
}

absl::StatusOr<State> Harness::AfterPending(uint32_t state_id) {
  ASSIGN_OR_RETURN(State* const state, states_.Get(state_id));
  if (!state->committed) return absl::FailedPreconditionError("this state has made no commit");
  State work = CopyOf(*state);
  RETURN_IF_ERROR(work.group.AdvanceTo(*std::move(work.committed)));
  work.proposals.clear();
  work.committed.reset();
  return work;
}

absl::Status Harness::Do(const pb::HandleCommitRequest& in, pb::HandleCommitResponse& out) {
  ASSIGN_OR_RETURN(State next, AfterCommit(in));
  out.set_epoch_authenticator(ToString(next.group.EpochAuthenticator()));
  out.set_state_id(states_.Put(std::move(next)));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::HandlePendingCommitRequest& in, pb::HandleCommitResponse& out) {
  ASSIGN_OR_RETURN(State next, AfterPending(in.state_id()));
  out.set_epoch_authenticator(ToString(next.group.EpochAuthenticator()));
  out.set_state_id(states_.Put(std::move(next)));
  return absl::OkStatus();
}

}  // namespace plumbline::interop
