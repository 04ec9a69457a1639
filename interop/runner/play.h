// Plays one script with one server for each of its actors. After every change of epoch all members
// must have the same epoch authenticator; after every message the reader must have what was
// written.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/status.h"
#include "interop/runner/client_pool.h"
#include "interop/runner/script.h"

namespace plumbline::interop {

struct Casting {
  uint32_t suite = 1;
  bool encrypt_handshake = false;
  std::map<std::string, Client*> clients;  // of every actor
};

class Play final {
 public:
  Play(const Script& script, const Casting& casting, Transcript& transcript);

  // The first failure, with the step; the states made are freed either way.
  absl::Status Run();

 private:
  using Message =
      std::map<std::string, std::string>;  // what a step left, by kind: "commit", "welcome", ...

  absl::Status RunStep(size_t index, const Step& step);
  // play_group.cc
  absl::Status CreateGroup(size_t index, const Step& step);
  absl::Status CreateKeyPackage(size_t index, const std::string& actor);
  absl::Status JoinGroup(const std::string& actor, const std::string& welcome,
                         const std::string& tree, const std::string& expected);
  absl::Status ExternalJoin(size_t index, const Step& step);
  absl::Status InstallPsk(size_t index, const Step& step);
  absl::Status Propose(size_t index, const Step& step);
  absl::Status MakeCommit(size_t index, const Step& step);
  absl::Status FullCommit(size_t index, const Step& step);
  absl::Status HandleCommit(const std::string& actor, const std::vector<std::string>& proposals,
                            const std::string& commit, const std::string& expected);
  absl::Status HandlePendingCommit(const std::string& actor, std::string& authenticator);
  absl::Status Protect(size_t index, const Step& step);
  absl::Status Unprotect(const Step& step);
  // play_successors.cc
  absl::Status ReInit(const Step& step);
  absl::Status Branch(const Step& step);
  absl::Status NewMemberAdd(size_t index, const Step& step);
  absl::Status AddExternalSigner(size_t index, const Step& step);
  absl::Status ExternalSignerProposal(size_t index, const Step& step);

  absl::StatusOr<std::string> Get(
      int64_t step, const std::string& kind) const;  // INVALID_ARGUMENT if it is not there
  absl::StatusOr<std::vector<std::string>> Proposals(const Step& step) const;
  absl::StatusOr<pb::ProposalDescription> Describe(const Step& proposal);
  absl::StatusOr<uint32_t> State(const std::string& actor) const;
  absl::StatusOr<uint32_t> Transaction(const std::string& actor) const;
  void Enter(const std::string& actor, uint32_t state);
  absl::StatusOr<std::string> NewGroupId(bool change) const;
  absl::Status ChangeSuite();
  Client& Of(const std::string& actor) const { return *casting_.clients.at(actor); }
  absl::Status Agree(const std::string& actor, const std::string& got,
                     const std::string& expected) const;

  const Script& script_;
  Casting casting_;
  Transcript& transcript_;
  std::vector<Message> messages_;
  std::map<std::string, uint32_t> states_, transactions_, signers_;
  std::vector<std::pair<std::string, uint32_t>> entered_;  // every state, to be freed
};

}  // namespace plumbline::interop
