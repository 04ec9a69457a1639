#include "tests/fuzz/mls/published.h"

#include <map>

#include "mls/proposal.h"
#include "tests/vectors/vectors.h"

namespace plumbline::fuzz {
namespace {

using mls::ProposalKind;
using nlohmann::json;
using testing::FromHex;

// What messages.json gives without its type gets it back.
absl::StatusOr<Bytes> WithType(ByteView body, ProposalKind kind) {
  Reader in(body);
  ASSIGN_OR_RETURN(const mls::Proposal proposal, mls::ReadProposalBody(in, kind));
  Writer out;
  mls::WriteProposal(out, proposal);
  return out.TakeBytes();
}

absl::Status AddStructures(PublishedMls& out) {
  static const auto* const proposals = new std::map<std::string, ProposalKind>{
      {"add_proposal", ProposalKind::kAdd},
      {"update_proposal", ProposalKind::kUpdate},
      {"remove_proposal", ProposalKind::kRemove},
      {"pre_shared_key_proposal", ProposalKind::kPsk},
      {"re_init_proposal", ProposalKind::kReInit},
      {"external_init_proposal", ProposalKind::kExternalInit},
      {"group_context_extensions_proposal", ProposalKind::kGroupContextExtensions}};
  ASSIGN_OR_RETURN(const json cases, testing::ReadVectorJson("mls/messages.json.gz"));
  for (const json& c : cases) {
    for (const auto& [name, value] : c.items()) {
      const Bytes wire = FromHex(value);
      if (const auto kind = proposals->find(name); kind != proposals->end()) {
        ASSIGN_OR_RETURN(Bytes typed, WithType(wire, kind->second));
        out.proposals.push_back(std::move(typed));
      } else {
        (name == "ratchet_tree"    ? out.trees
         : name == "group_secrets" ? out.secrets
         : name == "commit"        ? out.commits
                                   : out.messages)
            .push_back(wire);
      }
    }
  }
  return absl::OkStatus();
}

// The fields named in `fields` of every case.
absl::Status Add(const char* path, const std::vector<const char*>& fields,
                 std::vector<Bytes>& out) {
  ASSIGN_OR_RETURN(const json cases, testing::ReadVectorJson(path));
  for (const json& c : cases) {
    for (const char* field : fields) {
      if (c[field].is_string()) out.push_back(FromHex(c[field]));
    }
  }
  return absl::OkStatus();
}

absl::Status AddSeries(const char* path, PublishedMls& out) {
  RETURN_IF_ERROR(Add(path, {"key_package", "welcome"}, out.messages));
  RETURN_IF_ERROR(Add(path, {"ratchet_tree"}, out.trees));
  ASSIGN_OR_RETURN(const json cases, testing::ReadVectorJson(path));
  for (const json& c : cases) {
    for (const json& epoch : c["epochs"]) {
      for (const json& proposal : epoch["proposals"]) out.messages.push_back(FromHex(proposal));
      out.messages.push_back(FromHex(epoch["commit"]));
    }
  }
  return absl::OkStatus();
}

absl::Status AddPaths(PublishedMls& out) {
  ASSIGN_OR_RETURN(const json cases, testing::ReadVectorJson("mls/treekem.json.gz"));
  for (const json& c : cases) {
    for (const json& path : c["update_paths"]) out.paths.push_back(FromHex(path["update_path"]));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PublishedMls> ReadPublishedMls() {
  PublishedMls out;
  RETURN_IF_ERROR(AddStructures(out));
  RETURN_IF_ERROR(AddSeries("mls/passive-client-welcome.json.gz", out));
  RETURN_IF_ERROR(AddSeries("mls/passive-client-handling-commit.json.gz", out));
  RETURN_IF_ERROR(
      Add("mls/message-protection.json.gz",
          {"proposal_priv", "proposal_pub", "commit_priv", "commit_pub", "application_priv"},
          out.messages));
  RETURN_IF_ERROR(Add("mls/message-protection.json.gz", {"proposal"}, out.proposals));
  RETURN_IF_ERROR(Add("mls/message-protection.json.gz", {"commit"}, out.commits));
  RETURN_IF_ERROR(Add("mls/welcome.json.gz", {"key_package", "welcome"}, out.messages));
  RETURN_IF_ERROR(
      Add("mls/transcript-hashes.json.gz", {"authenticated_content"}, out.authenticated));
  RETURN_IF_ERROR(Add("mls/tree-validation.json.gz", {"tree"}, out.trees));
  RETURN_IF_ERROR(Add("mls/tree-operations.json.gz", {"tree_before", "tree_after"}, out.trees));
  RETURN_IF_ERROR(Add("mls/tree-operations.json.gz", {"proposal"}, out.proposals));
  RETURN_IF_ERROR(Add("mls/treekem.json.gz", {"ratchet_tree"}, out.trees));
  RETURN_IF_ERROR(AddPaths(out));
  return out;
}

}  // namespace plumbline::fuzz
