// Steps within one group.
#include "absl/strings/str_cat.h"
#include "interop/runner/play.h"

namespace plumbline::interop {

absl::Status Play::CreateGroup(size_t index, const Step& step) {
  const std::string actor = step.text("actor");
  pb::CreateGroupRequest request;
  request.set_group_id(ToHex(RandomBytes(16)));
  request.set_cipher_suite(casting_.suite);
  request.set_encrypt_handshake(casting_.encrypt_handshake);
  request.set_identity(actor);
  ASSIGN_OR_RETURN(const pb::CreateGroupResponse made,
                   PLUMBLINE_CALL(transcript_, actor, Of(actor), CreateGroup, request));
  Enter(actor, made.state_id());
  messages_[index]["group_id"] = request.group_id();

  // "members": added at once, by value.
  const std::vector<std::string> members = step.texts("members");
  if (members.empty()) return absl::OkStatus();
  pb::CommitRequest commit;
  commit.set_state_id(made.state_id());
  for (const std::string& member : members) {
    RETURN_IF_ERROR(CreateKeyPackage(index, member));
    pb::ProposalDescription* const add = commit.add_by_value();
    add->set_proposal_type("add");
    add->set_key_package(messages_[index]["key_package"]);
  }
  ASSIGN_OR_RETURN(const pb::CommitResponse committed,
                   PLUMBLINE_CALL(transcript_, actor, Of(actor), Commit, commit));
  std::string authenticator;
  RETURN_IF_ERROR(HandlePendingCommit(actor, authenticator));
  for (const std::string& member : members)
    RETURN_IF_ERROR(JoinGroup(member, committed.welcome(), "", authenticator));
  return absl::OkStatus();
}

absl::Status Play::CreateKeyPackage(size_t index, const std::string& actor) {
  pb::CreateKeyPackageRequest request;
  request.set_cipher_suite(casting_.suite);
  request.set_identity(actor);
  ASSIGN_OR_RETURN(const pb::CreateKeyPackageResponse made,
                   PLUMBLINE_CALL(transcript_, actor, Of(actor), CreateKeyPackage, request));
  transactions_[actor] = made.transaction_id();
  messages_[index]["key_package"] = made.key_package();
  return absl::OkStatus();
}

absl::Status Play::JoinGroup(const std::string& actor, const std::string& welcome,
                             const std::string& tree, const std::string& expected) {
  pb::JoinGroupRequest request;
  ASSIGN_OR_RETURN(const uint32_t transaction, Transaction(actor));
  request.set_transaction_id(transaction);
  request.set_welcome(welcome);
  request.set_encrypt_handshake(casting_.encrypt_handshake);
  request.set_identity(actor);
  request.set_ratchet_tree(tree);
  ASSIGN_OR_RETURN(const pb::JoinGroupResponse joined,
                   PLUMBLINE_CALL(transcript_, actor, Of(actor), JoinGroup, request));
  Enter(actor, joined.state_id());
  return Agree(actor, joined.epoch_authenticator(), expected);
}

absl::Status Play::ExternalJoin(size_t index, const Step& step) {
  const std::string actor = step.text("actor"), joiner = step.text("joiner");
  pb::GroupInfoRequest ask;
  ASSIGN_OR_RETURN(const uint32_t state, State(actor));
  ask.set_state_id(state);
  ask.set_external_tree(step.flag("externalTree"));
  ASSIGN_OR_RETURN(const pb::GroupInfoResponse info,
                   PLUMBLINE_CALL(transcript_, actor, Of(actor), GroupInfo, ask));
  pb::ExternalJoinRequest request;
  request.set_group_info(info.group_info());
  request.set_ratchet_tree(info.ratchet_tree());
  request.set_encrypt_handshake(casting_.encrypt_handshake);
  request.set_identity(joiner);
  request.set_remove_prior(step.flag("removePrior"));
  for (const int64_t at : step.numbers("psks")) {
    pb::PreSharedKey* const psk = request.add_psks();
    ASSIGN_OR_RETURN(*psk->mutable_psk_id(), Get(at, "psk_id"));
    ASSIGN_OR_RETURN(*psk->mutable_psk_secret(), Get(at, "psk_secret"));
  }
  ASSIGN_OR_RETURN(const pb::ExternalJoinResponse joined,
                   PLUMBLINE_CALL(transcript_, joiner, Of(joiner), ExternalJoin, request));
  Enter(joiner, joined.state_id());
  messages_[index]["commit"] = joined.commit();
  messages_[index]["epoch_authenticator"] = joined.epoch_authenticator();
  std::vector<std::string> members = step.texts("members");
  members.push_back(actor);
  for (const std::string& member : members)
    RETURN_IF_ERROR(HandleCommit(member, {}, joined.commit(), joined.epoch_authenticator()));
  return absl::OkStatus();
}

absl::Status Play::InstallPsk(size_t index, const Step& step) {
  const std::string id = ToString(RandomBytes(32)), secret = ToString(RandomBytes(32));
  messages_[index]["psk_id"] = id;
  messages_[index]["psk_secret"] = secret;
  for (const std::string& actor : step.texts("clients")) {
    pb::StorePSKRequest request;
    const auto state = states_.find(actor);
    if (state != states_.end()) {
      request.set_state_or_transaction_id(state->second);
    } else if (const auto transaction = transactions_.find(actor);
               transaction != transactions_.end()) {
      request.set_state_or_transaction_id(transaction->second);
    }
    request.set_psk_id(id);
    request.set_psk_secret(secret);
    RETURN_IF_ERROR(PLUMBLINE_CALL(transcript_, actor, Of(actor), StorePSK, request).status());
  }
  return absl::OkStatus();
}

absl::Status Play::Propose(size_t index, const Step& step) {
  const std::string action = step.text("action"), actor = step.text("actor");
  ASSIGN_OR_RETURN(const uint32_t state, State(actor));
  absl::StatusOr<pb::ProposalResponse> made =
      absl::InvalidArgumentError(absl::StrCat("the script is wrong: no action is ", action));
  if (action == "addProposal") {
    pb::AddProposalRequest request;
    request.set_state_id(state);
    ASSIGN_OR_RETURN(*request.mutable_key_package(), Get(step.number("keyPackage"), "key_package"));
    made = PLUMBLINE_CALL(transcript_, actor, Of(actor), AddProposal, request);
  } else if (action == "updateProposal") {
    pb::UpdateProposalRequest request;
    request.set_state_id(state);
    made = PLUMBLINE_CALL(transcript_, actor, Of(actor), UpdateProposal, request);
  } else if (action == "removeProposal") {
    pb::RemoveProposalRequest request;
    request.set_state_id(state);
    request.set_removed_id(step.text("removed"));
    made = PLUMBLINE_CALL(transcript_, actor, Of(actor), RemoveProposal, request);
  } else if (action == "externalPSKProposal") {
    pb::ExternalPSKProposalRequest request;
    request.set_state_id(state);
    ASSIGN_OR_RETURN(*request.mutable_psk_id(), Get(step.number("pskID"), "psk_id"));
    made = PLUMBLINE_CALL(transcript_, actor, Of(actor), ExternalPSKProposal, request);
  } else if (action == "resumptionPSKProposal") {
    pb::ResumptionPSKProposalRequest request;
    request.set_state_id(state);
    request.set_epoch_id(static_cast<uint64_t>(step.number("epochID")));
    made = PLUMBLINE_CALL(transcript_, actor, Of(actor), ResumptionPSKProposal, request);
  } else if (action == "groupContextExtensionsProposal") {
    pb::GroupContextExtensionsProposalRequest request;
    request.set_state_id(state);
    ASSIGN_OR_RETURN(const std::vector<pb::Extension> extensions, step.extensions());
    for (const pb::Extension& extension : extensions) *request.add_extensions() = extension;
    made = PLUMBLINE_CALL(transcript_, actor, Of(actor), GroupContextExtensionsProposal, request);
  }
  if (!made.ok()) return made.status();
  messages_[index]["proposal"] = made->proposal();
  return absl::OkStatus();
}

absl::Status Play::MakeCommit(size_t index, const Step& step) {
  const std::string actor = step.text("actor");
  pb::CommitRequest request;
  ASSIGN_OR_RETURN(const uint32_t state, State(actor));
  request.set_state_id(state);
  ASSIGN_OR_RETURN(const std::vector<std::string> proposals, Proposals(step));
  for (const std::string& proposal : proposals) request.add_by_reference(proposal);
  for (const Step& proposal : step.steps("byValue")) {
    ASSIGN_OR_RETURN(*request.add_by_value(), Describe(proposal));
  }
  request.set_force_path(step.flag("force_path"));
  request.set_external_tree(step.flag("external_tree"));
  ASSIGN_OR_RETURN(const pb::CommitResponse made,
                   PLUMBLINE_CALL(transcript_, actor, Of(actor), Commit, request));
  messages_[index]["commit"] = made.commit();
  messages_[index]["welcome"] = made.welcome();
  if (step.flag("external_tree")) messages_[index]["ratchet_tree"] = made.ratchet_tree();
  return absl::OkStatus();
}

absl::Status Play::FullCommit(size_t index, const Step& step) {
  RETURN_IF_ERROR(MakeCommit(index, step));
  std::string& authenticator = messages_[index]["epoch_authenticator"];
  RETURN_IF_ERROR(HandlePendingCommit(step.text("actor"), authenticator));
  ASSIGN_OR_RETURN(const std::vector<std::string> proposals, Proposals(step));
  for (const std::string& member : step.texts("members"))
    RETURN_IF_ERROR(HandleCommit(member, proposals, messages_[index]["commit"], authenticator));
  const std::string tree = step.flag("external_tree") ? messages_[index]["ratchet_tree"] : "";
  for (const std::string& joiner : step.texts("joiners"))
    RETURN_IF_ERROR(JoinGroup(joiner, messages_[index]["welcome"], tree, authenticator));
  return absl::OkStatus();
}

absl::Status Play::HandleCommit(const std::string& actor, const std::vector<std::string>& proposals,
                                const std::string& commit, const std::string& expected) {
  pb::HandleCommitRequest request;
  ASSIGN_OR_RETURN(const uint32_t state, State(actor));
  request.set_state_id(state);
  for (const std::string& proposal : proposals) request.add_proposal(proposal);
  request.set_commit(commit);
  ASSIGN_OR_RETURN(const pb::HandleCommitResponse next,
                   PLUMBLINE_CALL(transcript_, actor, Of(actor), HandleCommit, request));
  Enter(actor, next.state_id());
  return Agree(actor, next.epoch_authenticator(), expected);
}

absl::Status Play::HandlePendingCommit(const std::string& actor, std::string& authenticator) {
  pb::HandlePendingCommitRequest request;
  ASSIGN_OR_RETURN(const uint32_t state, State(actor));
  request.set_state_id(state);
  ASSIGN_OR_RETURN(const pb::HandleCommitResponse next,
                   PLUMBLINE_CALL(transcript_, actor, Of(actor), HandlePendingCommit, request));
  Enter(actor, next.state_id());
  authenticator = next.epoch_authenticator();
  return absl::OkStatus();
}

absl::Status Play::Protect(size_t index, const Step& step) {
  const std::string actor = step.text("actor");
  pb::ProtectRequest request;
  ASSIGN_OR_RETURN(const uint32_t state, State(actor));
  request.set_state_id(state);
  request.set_authenticated_data(step.text("authenticatedData"));
  request.set_plaintext(step.text("plaintext"));
  ASSIGN_OR_RETURN(const pb::ProtectResponse made,
                   PLUMBLINE_CALL(transcript_, actor, Of(actor), Protect, request));
  messages_[index]["authenticated_data"] = request.authenticated_data();
  messages_[index]["plaintext"] = request.plaintext();
  messages_[index]["ciphertext"] = made.ciphertext();
  return absl::OkStatus();
}

absl::Status Play::Unprotect(const Step& step) {
  const std::string actor = step.text("actor");
  const int64_t from = step.number("ciphertext");
  pb::UnprotectRequest request;
  ASSIGN_OR_RETURN(const uint32_t state, State(actor));
  request.set_state_id(state);
  ASSIGN_OR_RETURN(*request.mutable_ciphertext(), Get(from, "ciphertext"));
  ASSIGN_OR_RETURN(const pb::UnprotectResponse read,
                   PLUMBLINE_CALL(transcript_, actor, Of(actor), Unprotect, request));
  ASSIGN_OR_RETURN(const std::string plaintext, Get(from, "plaintext"));
  ASSIGN_OR_RETURN(const std::string authenticated_data, Get(from, "authenticated_data"));
  if (read.plaintext() != plaintext)
    return absl::DataLossError(absl::StrCat(actor, " read another plaintext"));
  if (read.authenticated_data() != authenticated_data)
    return absl::DataLossError(absl::StrCat(actor, " read other authenticated data"));
  return absl::OkStatus();
}

}  // namespace plumbline::interop
