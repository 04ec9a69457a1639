#include "interop/runner/random_walk.h"

#include <algorithm>
#include <optional>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/bytes.h"
#include "interop/runner/walker.h"

namespace plumbline::interop {
namespace {

class Walk final {
 public:
  Walk(const std::vector<Client*>& clients, const WalkOptions& options, Transcript& transcript)
      : clients_(clients), options_(options), transcript_(transcript), random_(options.seed) {}

  absl::StatusOr<WalkReport> Run() {
    RETURN_IF_ERROR(Begin());
    for (size_t step = 0; step < options_.steps; ++step) {
      const absl::Status status = Step();
      if (!status.ok())
        return absl::Status(status.code(),
                            absl::StrCat("step ", step, " (", doing_, ", ", members_.size(),
                                         " members): ", status.message()));
    }
    for (const Walker& member : members_) FreeState(transcript_, member);
    return report_;
  }

 private:
  size_t Draw(size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(random_); }
  bool OneIn(size_t n) { return Draw(n) == 0; }
  Walker NewWalker() {
    const size_t number = named_++;
    return {absl::StrCat("member-", number), clients_[number % clients_.size()], 0};
  }
  size_t Another(size_t than) {
    const size_t drawn = Draw(members_.size() - 1);
    return drawn < than ? drawn : drawn + 1;
  }
  void Enter(Walker& member, uint32_t state) {
    if (member.state != 0) FreeState(transcript_, member);
    member.state = state;
  }

  absl::Status Begin() {
    Walker first = NewWalker();
    pb::CreateGroupRequest request;
    request.set_group_id(ToHex(RandomBytes(16)));
    request.set_cipher_suite(options_.suite);
    request.set_encrypt_handshake(options_.encrypt_handshake);
    request.set_identity(first.name);
    ASSIGN_OR_RETURN(const pb::CreateGroupResponse made,
                     PLUMBLINE_CALL(transcript_, first.name, *first.client, CreateGroup, request));
    first.state = made.state_id();
    members_.push_back(first);
    return absl::OkStatus();
  }

  absl::Status Step() {
    if (members_.size() >= 2 && OneIn(3)) return ExchangeMessages();
    if (members_.size() < options_.max_members && OneIn(8)) return ExternalJoin();
    RETURN_IF_ERROR(Commit());
    return ReadDelayed();
  }

  absl::StatusOr<std::string> NewKeyPackage(Walker walker) {
    pb::CreateKeyPackageRequest request;
    request.set_cipher_suite(options_.suite);
    request.set_identity(walker.name);
    ASSIGN_OR_RETURN(
        const pb::CreateKeyPackageResponse made,
        PLUMBLINE_CALL(transcript_, walker.name, *walker.client, CreateKeyPackage, request));
    joiners_.push_back({walker, made.transaction_id()});
    return made.key_package();
  }

  // One or more changes by one commit, some proposed beforehand by anyone, some by value.
  absl::Status Commit() {
    doing_ = "commit";
    const size_t committer = Draw(members_.size());
    joiners_.clear();
    std::vector<size_t> removed;
    pb::CommitRequest commit;
    commit.set_state_id(members_[committer].state);
    const size_t room = options_.max_members - std::min(options_.max_members, members_.size());
    const size_t adds = members_.size() == 1 ? 2 : std::min(room, Draw(3));
    for (size_t i = 0; i < adds; ++i) RETURN_IF_ERROR(Add(committer, commit));
    if (members_.size() > 3 && (room == 0 || OneIn(4))) {
      removed.push_back(Another(committer));
      RETURN_IF_ERROR(Remove(committer, removed.front(), commit));
    }
    if (members_.size() > 1 && OneIn(3)) RETURN_IF_ERROR(Update(committer, removed, commit));
    if (OneIn(4)) RETURN_IF_ERROR(ExternalPsk(committer, removed, commit));
    if (epoch_ > 0 && OneIn(6)) RETURN_IF_ERROR(ResumptionPsk(commit));
    if (OneIn(8)) RETURN_IF_ERROR(Extensions(commit));
    commit.set_force_path(OneIn(2));
    commit.set_external_tree(OneIn(3));
    return Apply(committer, removed, commit);
  }

  // Has `proposer` propose it, and the commit refer to it.
  template <typename In>
  absl::Status Propose(const Walker& proposer, const char* rpc,
                       grpc::Status (pb::MLSClient::Stub::*method)(grpc::ClientContext*, const In&,
                                                                   pb::ProposalResponse*),
                       In request, pb::CommitRequest& commit) {
    request.set_state_id(proposer.state);
    ASSIGN_OR_RETURN(const pb::ProposalResponse made,
                     Call(transcript_, proposer.name, *proposer.client, rpc, method, request));
    commit.add_by_reference(made.proposal());
    return absl::OkStatus();
  }

  size_t Proposer(size_t committer) { return OneIn(2) ? committer : Draw(members_.size()); }

  absl::Status Add(size_t committer, pb::CommitRequest& commit) {
    absl::StrAppend(&doing_, " add");
    ASSIGN_OR_RETURN(const std::string key_package, NewKeyPackage(NewWalker()));
    if (OneIn(2)) {
      pb::ProposalDescription* const by_value = commit.add_by_value();
      by_value->set_proposal_type("add");
      by_value->set_key_package(key_package);
      return absl::OkStatus();
    }
    pb::AddProposalRequest request;
    request.set_key_package(key_package);
    return Propose(members_[Proposer(committer)], "AddProposal", &pb::MLSClient::Stub::AddProposal,
                   std::move(request), commit);
  }

  absl::Status Remove(size_t committer, size_t whom, pb::CommitRequest& commit) {
    absl::StrAppend(&doing_, " remove");
    if (OneIn(2)) {
      pb::ProposalDescription* const by_value = commit.add_by_value();
      by_value->set_proposal_type("remove");
      by_value->set_removed_id(members_[whom].name);
      return absl::OkStatus();
    }
    pb::RemoveProposalRequest request;
    request.set_removed_id(members_[whom].name);
    return Propose(members_[Proposer(committer)], "RemoveProposal",
                   &pb::MLSClient::Stub::RemoveProposal, std::move(request), commit);
  }

  absl::Status Update(size_t committer, const std::vector<size_t>& removed,
                      pb::CommitRequest& commit) {
    const size_t who = Another(committer);
    if (std::find(removed.begin(), removed.end(), who) != removed.end()) return absl::OkStatus();
    absl::StrAppend(&doing_, " update");
    return Propose(members_[who], "UpdateProposal", &pb::MLSClient::Stub::UpdateProposal,
                   pb::UpdateProposalRequest(), commit);
  }

  absl::Status StorePsk(const std::string& name, Client& client, uint32_t number,
                        const std::string& id, const std::string& secret) {
    pb::StorePSKRequest request;
    request.set_state_or_transaction_id(number);
    request.set_psk_id(id);
    request.set_psk_secret(secret);
    return PLUMBLINE_CALL(transcript_, name, client, StorePSK, request).status();
  }

  absl::Status ExternalPsk(size_t committer, const std::vector<size_t>& removed,
                           pb::CommitRequest& commit) {
    absl::StrAppend(&doing_, " external PSK");
    const std::string id = ToString(RandomBytes(16)), secret = ToString(RandomBytes(32));
    for (Walker& member : members_)
      RETURN_IF_ERROR(StorePsk(member.name, *member.client, member.state, id, secret));
    for (const Joiner& joiner : joiners_)
      RETURN_IF_ERROR(
          StorePsk(joiner.walker.name, *joiner.walker.client, joiner.transaction, id, secret));
    size_t proposer = Proposer(committer);
    if (OneIn(2) || std::find(removed.begin(), removed.end(), proposer) != removed.end()) {
      pb::ProposalDescription* const by_value = commit.add_by_value();
      by_value->set_proposal_type("externalPSK");
      by_value->set_psk_id(id);
      return absl::OkStatus();
    }
    pb::ExternalPSKProposalRequest request;
    request.set_psk_id(id);
    return Propose(members_[proposer], "ExternalPSKProposal",
                   &pb::MLSClient::Stub::ExternalPSKProposal, std::move(request), commit);
  }

  // Of the current epoch: every member has that one. Nobody may join by the same commit: a newcomer
  // has it not.
  absl::Status ResumptionPsk(pb::CommitRequest& commit) {
    if (!joiners_.empty()) return absl::OkStatus();
    absl::StrAppend(&doing_, " resumption PSK");
    pb::ProposalDescription* const by_value = commit.add_by_value();
    by_value->set_proposal_type("resumptionPSK");
    by_value->set_epoch_id(epoch_);
    return absl::OkStatus();
  }

  absl::Status Extensions(pb::CommitRequest& commit) {
    absl::StrAppend(&doing_, " extensions");
    pb::ProposalDescription* const by_value = commit.add_by_value();
    by_value->set_proposal_type("groupContextExtensions");
    if (OneIn(2)) return absl::OkStatus();
    pb::Extension* const required = by_value->add_extensions();  // nothing required
    required->set_extension_type(3);
    required->set_extension_data(std::string(3, '\0'));
    return absl::OkStatus();
  }

  absl::Status Apply(size_t committer, std::vector<size_t> removed,
                     const pb::CommitRequest& commit) {
    Walker& by = members_[committer];
    ASSIGN_OR_RETURN(const pb::CommitResponse made,
                     PLUMBLINE_CALL(transcript_, by.name, *by.client, Commit, commit));
    pb::HandlePendingCommitRequest pending;
    pending.set_state_id(by.state);
    ASSIGN_OR_RETURN(
        const pb::HandleCommitResponse next,
        PLUMBLINE_CALL(transcript_, by.name, *by.client, HandlePendingCommit, pending));
    Enter(by, next.state_id());
    pb::HandleCommitRequest handle;
    for (const std::string& proposal : commit.by_reference()) handle.add_proposal(proposal);
    handle.set_commit(made.commit());
    for (size_t i = 0; i < members_.size(); ++i) {
      if (i == committer || std::find(removed.begin(), removed.end(), i) != removed.end()) continue;
      RETURN_IF_ERROR(Handle(members_[i], handle, next.epoch_authenticator()));
    }
    for (const size_t index : removed) {
      FreeState(transcript_, members_[index]);
      members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(index));
      ++report_.removals;
    }
    for (Joiner& joiner : joiners_) {
      pb::JoinGroupRequest join;
      join.set_transaction_id(joiner.transaction);
      join.set_welcome(made.welcome());
      join.set_encrypt_handshake(options_.encrypt_handshake);
      join.set_identity(joiner.walker.name);
      join.set_ratchet_tree(made.ratchet_tree());
      ASSIGN_OR_RETURN(
          const pb::JoinGroupResponse joined,
          PLUMBLINE_CALL(transcript_, joiner.walker.name, *joiner.walker.client, JoinGroup, join));
      if (joined.epoch_authenticator() != next.epoch_authenticator())
        return Disagree(joiner.walker);
      Enter(joiner.walker, joined.state_id());
      members_.push_back(joiner.walker);
      ++report_.joins;
    }
    ++epoch_;
    ++report_.commits;
    return absl::OkStatus();
  }

  absl::Status Handle(Walker& member, pb::HandleCommitRequest handle, const std::string& expected) {
    handle.set_state_id(member.state);
    ASSIGN_OR_RETURN(
        const pb::HandleCommitResponse got,
        PLUMBLINE_CALL(transcript_, member.name, *member.client, HandleCommit, handle));
    if (got.epoch_authenticator() != expected) return Disagree(member);
    Enter(member, got.state_id());
    return absl::OkStatus();
  }

  static absl::Status Disagree(const Walker& member) {
    return absl::DataLossError(absl::StrCat(member.name, " has another epoch authenticator"));
  }

  // A newcomer, or a member that lost its state.
  absl::Status ExternalJoin() {
    doing_ = "external join";
    delayed_.reset();
    const bool resync = members_.size() > 2 && OneIn(3);
    const size_t lost = resync ? Draw(members_.size()) : members_.size();
    const size_t helper = resync ? Another(lost) : Draw(members_.size());
    Walker joiner = resync ? members_[lost] : NewWalker();
    pb::GroupInfoRequest ask;
    ask.set_state_id(members_[helper].state);
    ask.set_external_tree(OneIn(2));
    ASSIGN_OR_RETURN(const pb::GroupInfoResponse info,
                     PLUMBLINE_CALL(transcript_, members_[helper].name, *members_[helper].client,
                                    GroupInfo, ask));
    pb::ExternalJoinRequest request;
    request.set_group_info(info.group_info());
    request.set_ratchet_tree(info.ratchet_tree());
    request.set_encrypt_handshake(options_.encrypt_handshake);
    request.set_identity(joiner.name);
    request.set_remove_prior(resync);
    ASSIGN_OR_RETURN(
        const pb::ExternalJoinResponse joined,
        PLUMBLINE_CALL(transcript_, joiner.name, *joiner.client, ExternalJoin, request));
    Enter(joiner, joined.state_id());
    pb::HandleCommitRequest handle;
    handle.set_commit(joined.commit());
    for (size_t i = 0; i < members_.size(); ++i) {
      if (i == lost) continue;
      RETURN_IF_ERROR(Handle(members_[i], handle, joined.epoch_authenticator()));
    }
    if (resync) members_[lost] = joiner;
    if (!resync) members_.push_back(joiner);
    ++epoch_;
    ++report_.commits;
    ++report_.joins;
    return absl::OkStatus();
  }

  absl::StatusOr<LateMessage> Write(const Walker& sender) {
    ASSIGN_OR_RETURN(LateMessage out, WriteMessage(transcript_, sender, RandomBytes(Draw(300)),
                                                   RandomBytes(Draw(20))));
    for (const Walker& member : members_) {
      if (member.name != sender.name) out.readers.push_back(member.name);
    }
    return out;
  }

  absl::Status ReadByAll(const LateMessage& message) {
    for (const Walker& member : members_) {
      const auto& readers = message.readers;
      if (std::find(readers.begin(), readers.end(), member.name) == readers.end()) continue;
      RETURN_IF_ERROR(ReadMessage(transcript_, member, message));
    }
    ++report_.messages;
    return absl::OkStatus();
  }

  // Two by one sender, read in either order; sometimes a third that is read after the next commit.
  absl::Status ExchangeMessages() {
    doing_ = "messages";
    Walker& sender = members_[Draw(members_.size())];
    ASSIGN_OR_RETURN(LateMessage first, Write(sender));
    ASSIGN_OR_RETURN(LateMessage second, Write(sender));
    if (OneIn(2)) std::swap(first, second);
    RETURN_IF_ERROR(ReadByAll(first));
    RETURN_IF_ERROR(ReadByAll(second));
    if (!delayed_ && OneIn(2)) {
      ASSIGN_OR_RETURN(delayed_, Write(sender));
    }
    return absl::OkStatus();
  }

  absl::Status ReadDelayed() {
    if (!delayed_) return absl::OkStatus();
    const LateMessage message = *std::move(delayed_);
    delayed_.reset();
    const bool still_here = std::any_of(members_.begin(), members_.end(),
                                        [&](const Walker& m) { return m.name == message.sender; });
    if (!still_here)
      return absl::OkStatus();  // a late message of a removed member is refused by some
    absl::StrAppend(&doing_, ", then a late message");
    return ReadByAll(message);
  }

  struct Joiner {
    Walker walker;
    uint32_t transaction;
  };

  const std::vector<Client*>& clients_;
  const WalkOptions options_;
  Transcript& transcript_;
  std::mt19937_64 random_;
  WalkReport report_;
  std::vector<Walker> members_;
  std::vector<Joiner> joiners_;  // by the commit at hand
  std::optional<LateMessage> delayed_;
  std::string doing_;
  size_t named_ = 0;
  uint64_t epoch_ = 0;
};

}  // namespace

absl::StatusOr<WalkReport> RandomWalk(const std::vector<Client*>& clients,
                                      const WalkOptions& options, Transcript& transcript) {
  return Walk(clients, options, transcript).Run();
}

}  // namespace plumbline::interop
