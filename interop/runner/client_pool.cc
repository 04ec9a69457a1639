#include "interop/runner/client_pool.h"

#include <google/protobuf/util/json_util.h>

#include "absl/strings/escaping.h"

namespace plumbline::interop {

absl::Status Failed(absl::string_view actor, absl::string_view rpc, const Client& client,
                    const grpc::Status& status) {
  return absl::Status(
      static_cast<absl::StatusCode>(status.error_code()),
      absl::StrCat(actor, " (", client.name.empty() ? "unnamed" : client.name, " at ",
                   client.address, "): ", rpc, ": ", status.error_message()));
}

absl::StatusOr<std::unique_ptr<Client>> Connect(const std::string& address) {
  auto client = std::make_unique<Client>();
  client->address = address;
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  const auto channel =
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::minutes(1)))
    return absl::UnavailableError(absl::StrCat("nobody answers at ", address));
  client->stub = pb::MLSClient::NewStub(channel);
  Transcript unheard(false);
  ASSIGN_OR_RETURN(const pb::NameResponse name,
                   PLUMBLINE_CALL(unheard, "-", *client, Name, pb::NameRequest()));
  client->name = name.name();
  ASSIGN_OR_RETURN(const pb::SupportedCiphersuitesResponse suites,
                   PLUMBLINE_CALL(unheard, "-", *client, SupportedCiphersuites,
                                  pb::SupportedCiphersuitesRequest()));
  client->suites.insert(suites.ciphersuites().begin(), suites.ciphersuites().end());
  return client;
}

void Transcript::Add(absl::string_view actor, absl::string_view rpc,
                     const google::protobuf::Message& request,
                     const google::protobuf::Message& response) {
  ++calls_;
  if (!on_) return;
  std::string in, out;
  (void)google::protobuf::util::MessageToJsonString(request, &in).ok();
  (void)google::protobuf::util::MessageToJsonString(response, &out).ok();
  absl::StrAppend(&text_, "{\"actor\":\"", absl::CHexEscape(actor), "\",\"rpc\":\"", rpc,
                  "\",\"request\":", in, ",\"response\":", out, "}\n");
}

}  // namespace plumbline::interop
