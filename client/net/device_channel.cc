#include "client/net/device_channel.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/grpcpp.h>

#include <optional>

#include "client/net/patience.h"
#include "common/crypto/x509.h"
#include "common/identity/device_request.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/rpc/status.h"
#include "plumbline/keys/v1/devices.grpc.pb.h"
#include "plumbline/keys/v1/keys.grpc.pb.h"
#include "plumbline/keys/v1/unlock.grpc.pb.h"

namespace plumbline::client {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(20);

using Stub = keys::v1::Device::Stub;
using OwnDevicesStub = keys::v1::OwnDevices::Stub;
using UnlockStub = keys::v1::Unlock::Stub;

// SHA-256 of the certificate the server showed on this call's connection.
absl::StatusOr<identity::Hash> ServerCertificateHash(const grpc::ClientContext& context) {
  const std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
  if (auth == nullptr) return absl::InternalError("a connection without TLS");
  const std::vector<grpc::string_ref> pem = auth->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (pem.empty()) return absl::InternalError("a connection without a server certificate");
  ASSIGN_OR_RETURN(const crypto::Certificate certificate,
                   crypto::Certificate::ParsePem(absl::string_view(pem.front().data(), pem.front().size())));
  return Sha256(certificate.der());
}

template <typename AnyStub, typename Response>
grpc::Status Invoke(AnyStub& stub, grpc::Status (AnyStub::*method)(grpc::ClientContext*, const keys::v1::SignedRequest&, Response*),
                    grpc::ClientContext& context, const keys::v1::SignedRequest& request,
                    google::protobuf::MessageLite& response) {
  return (stub.*method)(&context, request, static_cast<Response*>(&response));
}

grpc::Status Dispatch(Stub& stub, OwnDevicesStub& devices, UnlockStub& unlock, absl::string_view rpc, grpc::ClientContext& context,
                      const keys::v1::SignedRequest& request, google::protobuf::MessageLite& response) {
  if (rpc == "PublishKeyPackages") return Invoke(stub, &Stub::PublishKeyPackages, context, request, response);
  if (rpc == "GetOwnAccount") return Invoke(stub, &Stub::GetOwnAccount, context, request, response);
  if (rpc == "DrawTokens") return Invoke(stub, &Stub::DrawTokens, context, request, response);
  if (rpc == "DrawGrants") return Invoke(stub, &Stub::DrawGrants, context, request, response);
  if (rpc == "RenewCertificate") return Invoke(stub, &Stub::RenewCertificate, context, request, response);
  if (rpc == "RenewCredential") return Invoke(stub, &Stub::RenewCredential, context, request, response);
  if (rpc == "InviteDevice") return Invoke(devices, &OwnDevicesStub::InviteDevice, context, request, response);
  if (rpc == "ListJoinRequests") return Invoke(devices, &OwnDevicesStub::ListJoinRequests, context, request, response);
  if (rpc == "DecideDevice") return Invoke(devices, &OwnDevicesStub::DecideDevice, context, request, response);
  if (rpc == "BeginUnlockKey") return Invoke(unlock, &UnlockStub::BeginUnlockKey, context, request, response);
  if (rpc == "ConfirmUnlockKey") return Invoke(unlock, &UnlockStub::ConfirmUnlockKey, context, request, response);
  if (rpc == "CheckIn") return Invoke(unlock, &UnlockStub::CheckIn, context, request, response);
  if (rpc == "RenewUnlockCertificate") return Invoke(unlock, &UnlockStub::RenewUnlockCertificate, context, request, response);
  return grpc::Status(grpc::StatusCode::INTERNAL, "no such device call");
}

}  // namespace

struct DeviceChannel::Connection {
  std::unique_ptr<Stub> stub;
  std::unique_ptr<OwnDevicesStub> devices;
  std::unique_ptr<UnlockStub> unlock;
  identity::Nonce nonce;
  identity::Hash server_certificate_hash;
  uint64_t counter = 0;
};

absl::StatusOr<std::unique_ptr<DeviceChannel>> DeviceChannel::Create(rpc::Endpoint endpoint,
                                                                     const crypto::Ed25519KeyPair& working_key,
                                                                     const Clock& clock) {
  if (!endpoint.identity.has_value()) return absl::InvalidArgumentError("a device channel without a certificate");
  ASSIGN_OR_RETURN(const crypto::Certificate own, crypto::Certificate::ParsePem(endpoint.identity->chain_pem));
  return std::unique_ptr<DeviceChannel>(new DeviceChannel(std::move(endpoint), working_key, clock, Sha256(own.der())));
}

DeviceChannel::DeviceChannel(rpc::Endpoint endpoint, const crypto::Ed25519KeyPair& working_key, const Clock& clock,
                             identity::Hash certificate_hash)
    : endpoint_(std::move(endpoint)), working_key_(working_key), clock_(clock), certificate_hash_(certificate_hash) {}

DeviceChannel::~DeviceChannel() = default;

absl::Status DeviceChannel::Open() {
  auto connection = std::make_unique<Connection>();
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint_));
  connection->stub = keys::v1::Device::NewStub(channel);
  connection->devices = keys::v1::OwnDevices::NewStub(channel);
  connection->unlock = keys::v1::Unlock::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kDeadline));
  keys::v1::OpenChannelResponse response;
  const grpc::Status status = connection->stub->OpenChannel(&context, keys::v1::OpenChannelRequest(), &response);
  if (!status.ok()) return rpc::MapClientError(status, endpoint_, clock_.Now());
  ASSIGN_OR_RETURN(connection->nonce, identity::ToFixed<32>(AsBytes(response.nonce())));
  ASSIGN_OR_RETURN(connection->server_certificate_hash, ServerCertificateHash(context));
  connection_ = std::move(connection);
  return absl::OkStatus();
}

absl::Status DeviceChannel::CallOnce(absl::string_view rpc, const std::string& body,
                                     google::protobuf::MessageLite& response) {
  if (connection_ == nullptr) RETURN_IF_ERROR(Open());
  identity::DeviceRequest request;
  request.rpc = std::string(rpc);
  request.nonce = connection_->nonce;
  request.counter = ++connection_->counter;
  request.client_certificate_hash = certificate_hash_;
  request.server_certificate_hash = connection_->server_certificate_hash;
  request.body = ToBytes(AsBytes(body));
  keys::v1::SignedRequest signed_request;
  signed_request.set_body(body);
  signed_request.set_nonce(ToString(request.nonce));
  signed_request.set_counter(request.counter);
  signed_request.set_signature(ToString(working_key_.Sign(identity::kDeviceRequestLabel, identity::Encode(request))));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kDeadline));
  const grpc::Status status = Dispatch(*connection_->stub, *connection_->devices, *connection_->unlock, rpc, context, signed_request, response);
  if (status.ok()) return absl::OkStatus();
  return rpc::MapClientError(status, endpoint_, clock_.Now());
}

absl::Status DeviceChannel::Call(absl::string_view rpc, std::string body, google::protobuf::MessageLite& response) {
  const bool was_open = connection_ != nullptr;
  absl::Status first = CallOnce(rpc, body, response);
  for (Patience patience; !first.ok();) {
    const std::optional<absl::Duration> wait = patience.Next(first);
    if (!wait.has_value()) break;
    absl::SleepFor(*wait);
    first = CallOnce(rpc, body, response);  // under a new counter
  }
  if (first.ok()) return first;
  connection_.reset();
  if (!was_open || !absl::IsUnauthenticated(first)) return first;
  return CallOnce(rpc, body, response);
}

}  // namespace plumbline::client
