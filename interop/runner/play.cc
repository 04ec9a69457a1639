#include "interop/runner/play.h"

#include <set>

#include "absl/strings/str_cat.h"

namespace plumbline::interop {

Play::Play(const Script& script, const Casting& casting, Transcript& transcript)
    : script_(script), casting_(casting), transcript_(transcript), messages_(script.steps.size()) {}

absl::Status Play::Run() {
  absl::Status status;
  for (size_t i = 0; i < script_.steps.size() && status.ok(); ++i) {
    const absl::Status step = RunStep(i, script_.steps[i]);
    if (!step.ok()) {
      status = absl::Status(step.code(), absl::StrCat("step ", i, " ", script_.steps[i].ToText(),
                                                      ": ", step.message()));
    }
  }
  for (const auto& [actor, state] : entered_) {
    pb::FreeRequest request;
    request.set_state_id(state);
    // Not every server has it, and some forget by themselves.
    (void)PLUMBLINE_CALL(transcript_, actor, Of(actor), Free, request).ok();
  }
  return status;
}

absl::Status Play::RunStep(size_t index, const Step& step) {
  const std::string action = step.text("action"), actor = step.text("actor");
  if (action == "createGroup") return CreateGroup(index, step);
  if (action == "createKeyPackage") return CreateKeyPackage(index, actor);
  if (action == "externalJoin") return ExternalJoin(index, step);
  if (action == "installExternalPSK") return InstallPsk(index, step);
  if (action == "commit") return MakeCommit(index, step);
  if (action == "fullCommit") return FullCommit(index, step);
  if (action == "protect") return Protect(index, step);
  if (action == "unprotect") return Unprotect(step);
  if (action == "reinit") return ReInit(step);
  if (action == "branch") return Branch(step);
  if (action == "newMemberAddProposal") return NewMemberAdd(index, step);
  if (action == "addExternalSigner") return AddExternalSigner(index, step);
  if (action == "externalSignerProposal") return ExternalSignerProposal(index, step);
  if (action == "joinGroup") {
    ASSIGN_OR_RETURN(const std::string welcome, Get(step.number("welcome"), "welcome"));
    const auto tree = messages_[static_cast<size_t>(step.number("welcome"))].find("ratchet_tree");
    const bool beside = tree != messages_[static_cast<size_t>(step.number("welcome"))].end();
    return JoinGroup(actor, welcome, beside ? tree->second : "", "");
  }
  if (action == "handleCommit") {
    ASSIGN_OR_RETURN(const std::vector<std::string> proposals, Proposals(step));
    ASSIGN_OR_RETURN(const std::string commit, Get(step.number("commit"), "commit"));
    return HandleCommit(actor, proposals, commit, "");
  }
  if (action == "handlePendingCommit")
    return HandlePendingCommit(actor, messages_[index]["epoch_authenticator"]);
  return Propose(index, step);
}

absl::StatusOr<std::string> Play::Get(int64_t step, const std::string& kind) const {
  if (step >= 0 && static_cast<size_t>(step) < messages_.size()) {
    const Message& message = messages_[static_cast<size_t>(step)];
    if (const auto it = message.find(kind); it != message.end()) return it->second;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the script is wrong: step ", step, " left no ", kind));
}

absl::StatusOr<std::vector<std::string>> Play::Proposals(const Step& step) const {
  std::vector<std::string> out;
  for (const int64_t at : step.numbers("byReference")) {
    ASSIGN_OR_RETURN(out.emplace_back(), Get(at, "proposal"));
  }
  return out;
}

absl::StatusOr<uint32_t> Play::State(const std::string& actor) const {
  const auto it = states_.find(actor);
  if (it == states_.end())
    return absl::InvalidArgumentError(
        absl::StrCat("the script is wrong: ", actor, " is in no group"));
  return it->second;
}

absl::StatusOr<uint32_t> Play::Transaction(const std::string& actor) const {
  const auto it = transactions_.find(actor);
  if (it == transactions_.end())
    return absl::InvalidArgumentError(
        absl::StrCat("the script is wrong: ", actor, " has no key package"));
  return it->second;
}

void Play::Enter(const std::string& actor, uint32_t state) {
  states_[actor] = state;
  entered_.emplace_back(actor, state);
}

absl::Status Play::Agree(const std::string& actor, const std::string& got,
                         const std::string& expected) const {
  if (expected.empty() || got == expected) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(actor, " has another epoch authenticator"));
}

absl::StatusOr<std::string> Play::NewGroupId(bool change) const {
  ASSIGN_OR_RETURN(std::string id, Get(0, "group_id"));
  return change ? id + "++" : id;
}

// The next of the suites that all actors have, in a circle.
absl::Status Play::ChangeSuite() {
  std::set<uint32_t> common = casting_.clients.begin()->second->suites;
  for (const auto& [actor, client] : casting_.clients)
    std::erase_if(common, [&](uint32_t suite) { return client->suites.count(suite) == 0; });
  common.erase(casting_.suite);
  if (common.empty())
    return absl::UnimplementedError("there is no second suite that all of these servers have");
  const auto next = common.upper_bound(casting_.suite);
  casting_.suite = next == common.end() ? *common.begin() : *next;
  return absl::OkStatus();
}

absl::StatusOr<pb::ProposalDescription> Play::Describe(const Step& proposal) {
  pb::ProposalDescription out;
  const std::string type = proposal.text("proposalType");
  out.set_proposal_type(type);
  if (type == "add") {
    ASSIGN_OR_RETURN(*out.mutable_key_package(), Get(proposal.number("keyPackage"), "key_package"));
  } else if (type == "remove") {
    out.set_removed_id(proposal.text("removed"));
  } else if (type == "externalPSK") {
    ASSIGN_OR_RETURN(*out.mutable_psk_id(), Get(proposal.number("pskID"), "psk_id"));
  } else if (type == "resumptionPSK") {
    out.set_epoch_id(static_cast<uint64_t>(proposal.number("epochID")));
  } else if (type == "groupContextExtensions" || type == "reinit") {
    ASSIGN_OR_RETURN(const std::vector<pb::Extension> extensions, proposal.extensions());
    for (const pb::Extension& extension : extensions) *out.add_extensions() = extension;
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("the script is wrong: no proposal is of the type ", type));
  }
  if (type == "reinit") {
    if (proposal.flag("changeCipherSuite")) RETURN_IF_ERROR(ChangeSuite());
    out.set_cipher_suite(casting_.suite);
    ASSIGN_OR_RETURN(*out.mutable_group_id(), NewGroupId(proposal.flag("changeGroupID")));
  }
  return out;
}

}  // namespace plumbline::interop
