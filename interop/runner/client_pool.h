// The servers under test, as the runner sees them, and a record of what was said to them.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/status.h"
#include "interop/mls_client.grpc.pb.h"

namespace plumbline::interop {

namespace pb = ::mls_client;

struct Client {
  std::string address;
  std::string name;  // what it calls itself
  std::set<uint32_t> suites;
  std::unique_ptr<pb::MLSClient::Stub> stub;
};

// Waits up to a minute for the server to be there. UNAVAILABLE if it is not; what the server says
// if it refuses Name or SupportedCiphersuites.
absl::StatusOr<std::unique_ptr<Client>> Connect(const std::string& address);

// Every call that was made and answered, as one JSON object a line. Nothing is kept where `on` is
// false.
class Transcript final {
 public:
  explicit Transcript(bool on) : on_(on) {}
  void Add(absl::string_view actor, absl::string_view rpc, const google::protobuf::Message& request,
           const google::protobuf::Message& response);
  const std::string& text() const { return text_; }
  size_t calls() const { return calls_; }

 private:
  const bool on_;
  std::string text_;
  size_t calls_ = 0;
};

inline constexpr std::chrono::seconds kRpcTimeout{120};

absl::Status Failed(absl::string_view actor, absl::string_view rpc, const Client& client,
                    const grpc::Status& status);

// One call. The message of a failure names actor, rpc and server.
template <typename In, typename Out>
absl::StatusOr<Out> Call(Transcript& transcript, absl::string_view actor, Client& client,
                         absl::string_view rpc,
                         grpc::Status (pb::MLSClient::Stub::*method)(grpc::ClientContext*,
                                                                     const In&, Out*),
                         const In& in) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kRpcTimeout);
  Out out;
  const grpc::Status status = (client.stub.get()->*method)(&context, in, &out);
  if (!status.ok()) return Failed(actor, rpc, client, status);
  transcript.Add(actor, rpc, in, out);
  return out;
}
#define PLUMBLINE_CALL(transcript, actor, client, Rpc, in)                                         \
  ::plumbline::interop::Call(transcript, actor, client, #Rpc, &::mls_client::MLSClient::Stub::Rpc, \
                             in)

}  // namespace plumbline::interop
