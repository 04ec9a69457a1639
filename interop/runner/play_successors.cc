// Steps to another group, and those of parties outside.
#include <set>

#include "absl/strings/str_cat.h"
#include "interop/runner/play.h"

namespace plumbline::interop {

absl::Status Play::ReInit(const Step& step) {
  const std::string proposer = step.text("proposer"), committer = step.text("committer"),
                    welcomer = step.text("welcomer");
  const std::vector<std::string> members = step.texts("members");
  std::set<std::string> everyone(members.begin(), members.end());
  everyone.insert({committer, welcomer});
  if (!proposer.empty()) everyone.insert(proposer);

  std::string proposal;
  if (proposer.empty()) {
    ASSIGN_OR_RETURN(proposal, Get(step.number("externalReinitProposal"), "proposal"));
  } else {
    if (step.flag("changeCipherSuite")) RETURN_IF_ERROR(ChangeSuite());
    pb::ReInitProposalRequest request;
    ASSIGN_OR_RETURN(const uint32_t state, State(proposer));
    request.set_state_id(state);
    request.set_cipher_suite(casting_.suite);
    ASSIGN_OR_RETURN(*request.mutable_group_id(), NewGroupId(step.flag("changeGroupID")));
    ASSIGN_OR_RETURN(const std::vector<pb::Extension> extensions, step.extensions());
    for (const pb::Extension& extension : extensions) *request.add_extensions() = extension;
    ASSIGN_OR_RETURN(const pb::ProposalResponse made,
                     PLUMBLINE_CALL(transcript_, proposer, Of(proposer), ReInitProposal, request));
    proposal = made.proposal();
  }

  pb::CommitRequest request;
  ASSIGN_OR_RETURN(const uint32_t committing, State(committer));
  request.set_state_id(committing);
  request.add_by_reference(proposal);
  ASSIGN_OR_RETURN(const pb::CommitResponse commit,
                   PLUMBLINE_CALL(transcript_, committer, Of(committer), ReInitCommit, request));
  std::map<std::string, pb::HandleReInitCommitResponse> suspended;
  pb::HandlePendingCommitRequest pending;
  pending.set_state_id(committing);
  ASSIGN_OR_RETURN(suspended[committer], PLUMBLINE_CALL(transcript_, committer, Of(committer),
                                                        HandlePendingReInitCommit, pending));
  for (const std::string& member : everyone) {
    if (member == committer) continue;
    pb::HandleCommitRequest handle;
    ASSIGN_OR_RETURN(const uint32_t state, State(member));
    handle.set_state_id(state);
    handle.add_proposal(proposal);
    handle.set_commit(commit.commit());
    ASSIGN_OR_RETURN(suspended[member],
                     PLUMBLINE_CALL(transcript_, member, Of(member), HandleReInitCommit, handle));
    RETURN_IF_ERROR(Agree(member, suspended[member].epoch_authenticator(),
                          suspended[committer].epoch_authenticator()));
  }

  pb::ReInitWelcomeRequest ask;
  ask.set_reinit_id(suspended[welcomer].reinit_id());
  for (const std::string& member : everyone) {
    if (member != welcomer) ask.add_key_package(suspended[member].key_package());
  }
  ask.set_force_path(step.flag("forcePath"));
  ask.set_external_tree(step.flag("externalTree"));
  ASSIGN_OR_RETURN(const pb::CreateSubgroupResponse made,
                   PLUMBLINE_CALL(transcript_, welcomer, Of(welcomer), ReInitWelcome, ask));
  Enter(welcomer, made.state_id());
  for (const std::string& member : everyone) {
    if (member == welcomer) continue;
    pb::HandleReInitWelcomeRequest join;
    join.set_reinit_id(suspended[member].reinit_id());
    join.set_welcome(made.welcome());
    if (step.flag("externalTree")) join.set_ratchet_tree(made.ratchet_tree());
    ASSIGN_OR_RETURN(const pb::JoinGroupResponse joined,
                     PLUMBLINE_CALL(transcript_, member, Of(member), HandleReInitWelcome, join));
    Enter(member, joined.state_id());
    RETURN_IF_ERROR(Agree(member, joined.epoch_authenticator(), made.epoch_authenticator()));
  }
  return absl::OkStatus();
}

absl::Status Play::Branch(const Step& step) {
  const std::string actor = step.text("actor");
  pb::CreateBranchRequest request;
  ASSIGN_OR_RETURN(const uint32_t origin, State(actor));
  request.set_state_id(origin);
  request.set_group_id(ToHex(RandomBytes(16)));
  ASSIGN_OR_RETURN(const std::vector<pb::Extension> extensions, step.extensions());
  for (const pb::Extension& extension : extensions) *request.add_extensions() = extension;
  for (const std::string& member : step.texts("members")) {
    RETURN_IF_ERROR(CreateKeyPackage(0, member));
    request.add_key_packages(messages_[0]["key_package"]);
  }
  request.set_force_path(step.flag("force_path"));
  request.set_external_tree(step.flag("external_tree"));
  ASSIGN_OR_RETURN(const pb::CreateSubgroupResponse made,
                   PLUMBLINE_CALL(transcript_, actor, Of(actor), CreateBranch, request));
  Enter(actor, made.state_id());
  for (const std::string& member : step.texts("members")) {
    pb::HandleBranchRequest join;
    ASSIGN_OR_RETURN(const uint32_t state, State(member));
    ASSIGN_OR_RETURN(const uint32_t transaction, Transaction(member));
    join.set_state_id(state);
    join.set_transaction_id(transaction);
    join.set_welcome(made.welcome());
    if (step.flag("external_tree")) join.set_ratchet_tree(made.ratchet_tree());
    ASSIGN_OR_RETURN(const pb::HandleBranchResponse joined,
                     PLUMBLINE_CALL(transcript_, member, Of(member), HandleBranch, join));
    Enter(member, joined.state_id());
    RETURN_IF_ERROR(Agree(member, joined.epoch_authenticator(), made.epoch_authenticator()));
  }
  return absl::OkStatus();
}

absl::Status Play::NewMemberAdd(size_t index, const Step& step) {
  const std::string actor = step.text("actor"), joiner = step.text("joiner");
  pb::GroupInfoRequest ask;
  ASSIGN_OR_RETURN(const uint32_t state, State(actor));
  ask.set_state_id(state);
  ASSIGN_OR_RETURN(const pb::GroupInfoResponse info,
                   PLUMBLINE_CALL(transcript_, actor, Of(actor), GroupInfo, ask));
  pb::NewMemberAddProposalRequest request;
  request.set_group_info(info.group_info());
  request.set_identity(joiner);
  ASSIGN_OR_RETURN(const pb::NewMemberAddProposalResponse made,
                   PLUMBLINE_CALL(transcript_, joiner, Of(joiner), NewMemberAddProposal, request));
  transactions_[joiner] = made.transaction_id();
  messages_[index]["proposal"] = made.proposal();
  return absl::OkStatus();
}

absl::Status Play::AddExternalSigner(size_t index, const Step& step) {
  const std::string actor = step.text("actor"), signer = step.text("signer");
  pb::CreateExternalSignerRequest create;
  create.set_cipher_suite(casting_.suite);
  create.set_identity(signer);
  ASSIGN_OR_RETURN(const pb::CreateExternalSignerResponse created,
                   PLUMBLINE_CALL(transcript_, signer, Of(signer), CreateExternalSigner, create));
  signers_[signer] = created.signer_id();
  pb::AddExternalSignerRequest request;
  ASSIGN_OR_RETURN(const uint32_t state, State(actor));
  request.set_state_id(state);
  request.set_external_sender(created.external_sender());
  ASSIGN_OR_RETURN(const pb::ProposalResponse made,
                   PLUMBLINE_CALL(transcript_, actor, Of(actor), AddExternalSigner, request));
  messages_[index]["proposal"] = made.proposal();
  return absl::OkStatus();
}

absl::Status Play::ExternalSignerProposal(size_t index, const Step& step) {
  const std::string actor = step.text("actor"), member = step.text("member");
  pb::GroupInfoRequest ask;
  ASSIGN_OR_RETURN(const uint32_t state, State(member));
  ask.set_state_id(state);
  ask.set_external_tree(true);
  ASSIGN_OR_RETURN(const pb::GroupInfoResponse info,
                   PLUMBLINE_CALL(transcript_, member, Of(member), GroupInfo, ask));
  pb::ExternalSignerProposalRequest request;
  const auto signer = signers_.find(actor);
  if (signer == signers_.end())
    return absl::InvalidArgumentError(
        absl::StrCat("the script is wrong: ", actor, " is no signer"));
  request.set_signer_id(signer->second);
  request.set_group_info(info.group_info());
  request.set_ratchet_tree(info.ratchet_tree());
  const std::vector<Step> description = step.steps("description");
  if (description.size() != 1)
    return absl::InvalidArgumentError("the script is wrong: one description is needed");
  ASSIGN_OR_RETURN(*request.mutable_description(), Describe(description.front()));
  ASSIGN_OR_RETURN(const pb::ProposalResponse made,
                   PLUMBLINE_CALL(transcript_, actor, Of(actor), ExternalSignerProposal, request));
  messages_[index]["proposal"] = made.proposal();
  return absl::OkStatus();
}

}  // namespace plumbline::interop
