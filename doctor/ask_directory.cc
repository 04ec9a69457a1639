// The rpcs behind directory.h.
#include <grpcpp/grpcpp.h>

#include <variant>

#include "absl/strings/str_cat.h"
#include "common/rpc/status.h"
#include "common/tlog/directory_leaf.h"
#include "doctor/directory.h"
#include "plumbline/keys/v1/keys.grpc.pb.h"

namespace plumbline::doctor {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(20);
constexpr uint32_t kPage = 10'000;  // leaves

template <typename Response, typename Stub, typename Request>
absl::StatusOr<Response> Call(
    Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
    const Request& request, const rpc::Endpoint& endpoint, absl::Time now) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kDeadline));
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return rpc::MapClientError(status, endpoint, now);
  return response;
}

void TakeLeaf(ByteView leaf, DirectoryFacts& facts) {
  facts.tree.Append(tlog::LeafHash(leaf));
  const absl::StatusOr<tlog::DirectoryLeaf> parsed = tlog::ParseDirectoryLeaf(leaf);
  if (parsed.ok() && std::holds_alternative<tlog::TokenKeyLeaf>(*parsed)) {
    facts.token_leaves.insert(ToBytes(leaf));
  }
}

absl::Status ReadWholeLog(keys::v1::Directory::Stub& stub, const rpc::Endpoint& endpoint,
                          absl::Time now, DirectoryFacts& facts) {
  keys::v1::ReadLogRequest request;
  request.set_limit(kPage);
  while (true) {
    request.set_from(facts.tree.size());
    ASSIGN_OR_RETURN(const keys::v1::ReadLogResponse response,
                     (Call<keys::v1::ReadLogResponse>(stub, &keys::v1::Directory::Stub::ReadLog,
                                                      request, endpoint, now)));
    facts.note = response.checkpoint();
    if (response.has_witness_policy()) {
      facts.policy = {ToBytes(AsBytes(response.witness_policy().certificate())),
                      ToBytes(AsBytes(response.witness_policy().policy())),
                      ToBytes(AsBytes(response.witness_policy().signature()))};
    }
    for (const keys::v1::LogLeaf& leaf : response.leaves()) TakeLeaf(AsBytes(leaf.leaf()), facts);
    // The text of a checkpoint is judged later; here only where it ends.
    const absl::StatusOr<tlog::Note> note = tlog::ParseNote(facts.note);
    if (!note.ok()) return absl::DataLossError("the log's checkpoint is no signed note");
    const absl::StatusOr<tlog::Checkpoint> end = tlog::ParseCheckpoint(note->text);
    if (!end.ok()) return absl::DataLossError("the log's checkpoint is malformed");
    if (facts.tree.size() >= end->size) return absl::OkStatus();
    if (end->size > kMaxLeaves) {
      facts.whole = false;
      return absl::OkStatus();
    }
    if (response.leaves().empty()) return absl::DataLossError("the log keeps leaves back");
  }
}

}  // namespace

absl::StatusOr<DirectoryFacts> AskDirectory(const rpc::Endpoint& endpoint, absl::Time now) {
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint));
  const auto enrolment = keys::v1::Enrolment::NewStub(channel);
  const auto stub = keys::v1::Directory::NewStub(channel);
  DirectoryFacts facts;
  ASSIGN_OR_RETURN(const keys::v1::GetOrganisationResponse organisation,
                   (Call<keys::v1::GetOrganisationResponse>(
                       *enrolment, &keys::v1::Enrolment::Stub::GetOrganisation,
                       keys::v1::GetOrganisationRequest(), endpoint, now)));
  for (const std::string& der : organisation.role_certificates()) {
    facts.role_certificates.push_back(ToBytes(AsBytes(der)));
  }
  facts.organisation_keys = ToBytes(AsBytes(organisation.organisation_keys()));
  // The keys first: a key that is made in between is in the log, but not the other way round.
  ASSIGN_OR_RETURN(
      const keys::v1::GetTokenKeysResponse token_keys,
      (Call<keys::v1::GetTokenKeysResponse>(*stub, &keys::v1::Directory::Stub::GetTokenKeys,
                                            keys::v1::GetTokenKeysRequest(), endpoint, now)));
  for (const std::string& each : token_keys.token_keys()) {
    facts.token_keys.push_back(ToBytes(AsBytes(each)));
  }
  RETURN_IF_ERROR(ReadWholeLog(*stub, endpoint, now, facts));
  return facts;
}

}  // namespace plumbline::doctor
