#include "tests/server/fault_story.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"
#include "common/rpc/status.h"

namespace plumbline::server {
namespace {

namespace v1 = delivery::v1;

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
}

template <typename Response, typename Request>
absl::StatusOr<Response> Call(v1::Delivery::Stub& client,
                              grpc::Status (v1::Delivery::Stub::*method)(grpc::ClientContext*,
                                                                         const Request&, Response*),
                              const Request& request) {
  grpc::ClientContext context;
  SetDeadline(context);
  Response response;
  RETURN_IF_ERROR(rpc::FromGrpc((client.*method)(&context, request, &response)));
  return response;
}

using Stub = v1::Delivery::Stub;

}  // namespace

std::string FaultCounts::ToString() const {
  return absl::StrCat("deaths ", deaths, ", requests acknowledged ", answered,
                      ", envelopes looked at ", delivered, "; lost ", lost, ", repeated ", repeated,
                      ", reordered ", reordered, ", foreign ", foreign, ", forgotten ", forgotten);
}

absl::Status FaultStory::Tell(ServerProcess& server) {
  const auto client = server.Client();
  RETURN_IF_ERROR(OpenSession(server, *client));
  if (boxes_.size() < 6 || !boxes_.back().open) RETURN_IF_ERROR(OpenBox(server, *client));
  if (pending_.has_value()) RETURN_IF_ERROR(SubmitPending(*client));
  RETURN_IF_ERROR(Submit(*client, /*with_commit=*/true));
  RETURN_IF_ERROR(Submit(*client, /*with_commit=*/false));
  RETURN_IF_ERROR(Fetch(*client, boxes_.front()));
  RETURN_IF_ERROR(SetCapabilities(*client, boxes_.back()));
  return Submit(*client, /*with_commit=*/true);
}

absl::Status FaultStory::OpenSession(ServerProcess& server, Stub& client) {
  v1::OpenSessionRequest request;
  const tokens::ShownToken token = server.organisation().NewToken(absl::Now());
  tokens::Show(request, token);
  ASSIGN_OR_RETURN(const auto response,
                   Call<v1::OpenSessionResponse>(client, &Stub::OpenSession, request));
  session_ = response.session_id();
  spent_.push_back(token);
  ++answered_;
  return absl::OkStatus();
}

absl::Status FaultStory::OpenBox(ServerProcess& server, Stub& client) {
  if (boxes_.empty() || boxes_.back().open) {
    boxes_.emplace_back();
    boxes_.back().grant = server.organisation().NewGrant(absl::Now());
    box_of_[ToString(boxes_.back().mailbox.id)] = &boxes_.back();
  }
  Box& box = boxes_.back();
  RETURN_IF_ERROR(
      Call<v1::OpenMailboxResponse>(client, &Stub::OpenMailbox, box.mailbox.Opening(box.grant))
          .status());
  box.open = true;
  ++answered_;
  return absl::OkStatus();
}

absl::Status FaultStory::Submit(Stub& client, bool with_commit) {
  v1::SubmitRequest request;
  const Bytes sealed = RandomBytes(4096);
  for (const Box& box : boxes_) {
    if (!box.open) continue;
    AddEnvelope(request, box.mailbox, sealed);
    AddEnvelope(request, box.mailbox, sealed);
  }
  if (with_commit) gate_.Sign(request, epoch_, epoch_ == 0, sealed);
  pending_ = request;
  return SubmitPending(client);
}

absl::Status FaultStory::SubmitPending(Stub& client) {
  pending_->set_session_id(session_);
  ASSIGN_OR_RETURN(const auto response, Call<v1::SubmitResponse>(client, &Stub::Submit, *pending_));
  if (pending_->has_commit()) {
    if (response.commit().outcome() != v1::CommitOutcome::ACCEPTED) {
      return absl::DataLossError(
          absl::StrCat("a commit of epoch ", epoch_, " got outcome ", response.commit().outcome()));
    }
    ++epoch_;
    last_commit_ = pending_;
  }
  for (int i = 0; i < response.results_size(); ++i) {
    if (response.results(i).outcome() != v1::EnvelopeResult::STORED) continue;
    box_of_.at(pending_->envelopes(i).mailbox_id())
        ->stored.push_back(pending_->envelopes(i).envelope_id());
  }
  pending_.reset();
  ++answered_;
  return absl::OkStatus();
}

// Takes half of what is there.
absl::Status FaultStory::Fetch(Stub& client, Box& box) {
  Receiver receiver(client, box.mailbox);
  if (!receiver.Open()) return absl::UnavailableError("the stream ended");
  bool caught_up = false;
  std::vector<v1::ReceiveResponse::Delivery> there;
  for (auto message = receiver.Next(); message && !caught_up;
       message = caught_up ? message : receiver.Next()) {
    caught_up = message->has_caught_up();
    if (message->has_delivery()) there.push_back(message->delivery());
    if (caught_up) break;
  }
  if (!caught_up) return absl::UnavailableError("the stream ended");
  std::vector<uint64_t> tags;
  std::set<std::string> ids;
  for (size_t i = 0; i < there.size(); i += 2) {
    tags.push_back(there[i].tag());
    ids.insert(there[i].envelope_id());
  }
  box.maybe_gone.insert(ids.begin(), ids.end());
  receiver.Ack(tags);
  receiver.WritesDone();
  RETURN_IF_ERROR(rpc::FromGrpc(receiver.Finish()));
  box.gone.insert(ids.begin(), ids.end());
  ++answered_;
  return absl::OkStatus();
}

absl::Status FaultStory::SetCapabilities(Stub& client, Box& box) {
  const uint64_t next = box.counter + 1;
  const absl::Status status = Call<v1::SetDepositCapabilitiesResponse>(
                                  client, &Stub::SetDepositCapabilities,
                                  box.mailbox.Capabilities(next, {Sha256(box.mailbox.capability)}))
                                  .status();
  if (!status.ok() && identity::ReasonOf(status) != "stale_counter")
    return status;  // stale: it was done, and not answered
  box.counter = next;
  ++answered_;
  return absl::OkStatus();
}

void FaultStory::CheckBox(Stub& client, Box& box, FaultCounts& counts) {
  Receiver receiver(client, box.mailbox);
  bool caught_up = false;
  std::vector<std::string> found;
  if (receiver.Open()) {
    for (auto message = receiver.Next(); message; message = receiver.Next()) {
      if (message->has_delivery()) found.push_back(message->delivery().envelope_id());
      caught_up = message->has_caught_up();
      if (caught_up) break;
    }
  }
  if (!caught_up) {
    ++counts.forgotten;
    return;
  }
  std::map<std::string, int> times;
  for (const std::string& id : found) ++times[id];
  counts.delivered += static_cast<int>(found.size());
  std::vector<std::string> expected;
  for (const std::string& id : box.stored) {
    if (box.gone.contains(id)) continue;
    if (times[id] == 0 && !box.maybe_gone.contains(id)) ++counts.lost;
    if (times[id] > 0) expected.push_back(id);
  }
  std::set<std::string> unanswered;
  if (pending_.has_value()) {
    for (const auto& envelope : pending_->envelopes()) unanswered.insert(envelope.envelope_id());
  }
  std::vector<std::string> known;
  for (const std::string& id : found) {
    const bool stored = std::find(box.stored.begin(), box.stored.end(), id) != box.stored.end() &&
                        !box.gone.contains(id);
    counts.foreign += !stored && !unanswered.contains(id);
    if (stored) known.push_back(id);
  }
  for (const auto& [id, count] : times) counts.repeated += count > 1;
  counts.reordered += known != expected;
}

void FaultStory::Check(ServerProcess& server, FaultCounts& counts) {
  const auto client = server.Client();
  counts.answered = answered_;
  for (const tokens::ShownToken& token : spent_) {
    v1::OpenSessionRequest request;
    tokens::Show(request, token);
    grpc::ClientContext context;
    SetDeadline(context);
    v1::OpenSessionResponse response;
    counts.forgotten +=
        identity::ReasonOf(rpc::FromGrpc(client->OpenSession(&context, request, &response))) !=
        "token_spent";
  }
  spent_.clear();
  if (last_commit_.has_value()) {
    v1::SubmitRequest again = *last_commit_;
    again.set_session_id(server.Session(*client));
    grpc::ClientContext context;
    SetDeadline(context);
    v1::SubmitResponse response;
    const bool same = client->Submit(&context, again, &response).ok() &&
                      response.commit().outcome() == v1::CommitOutcome::ACCEPTED;
    counts.forgotten += !same;
  }
  for (Box& box : boxes_) {
    if (box.open) CheckBox(*client, box, counts);
  }
}

}  // namespace plumbline::server
