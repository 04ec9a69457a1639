#include "common/rpc/listener.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "common/rpc/handshake.h"
#include "common/rpc/probe.h"
#include "common/rpc/tls_policy.h"

namespace plumbline::rpc {
namespace {

constexpr int kMaxMetadataBytes = 16 * 1024;

int Milliseconds(absl::Duration duration) { return static_cast<int>(absl::ToInt64Milliseconds(duration)); }

// Where the process itself reaches a listener: one that listens everywhere is reached by loopback.
std::string ProbeAddress(const HostPort& target, int port) {
  if (target.host == "0.0.0.0") return absl::StrCat("127.0.0.1:", port);
  if (target.host == "::") return absl::StrCat("[::1]:", port);
  if (target.host.find(':') != std::string::npos) return absl::StrCat("[", target.host, "]:", port);
  return absl::StrCat(target.host, ":", port);
}

}  // namespace

void ConfigureServer(grpc::ServerBuilder& builder, const Limits& limits) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits.max_message_bytes));
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits.max_concurrent_streams);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(limits.keepalive));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(limits.keepalive_timeout));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, Milliseconds(limits.idle));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Milliseconds(limits.handshake));
  builder.SetResourceQuota(grpc::ResourceQuota().Resize(limits.memory_bytes));
  // Clients may ping a quiet stream every 15 s; faster ones are cut off.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 15'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
}

Listener::Listener(std::unique_ptr<grpc::Server> server, int port) : server_(std::move(server)), port_(port) {}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Start(const ListenerOptions& options,
                                                          std::shared_ptr<grpc::ServerCredentials> credentials,
                                                          const std::vector<grpc::Service*>& services) {
  if (!Tls13IsPinned()) return absl::FailedPreconditionError("tls_not_pinned: TLS 1.3 was not pinned before the first use of TLS");
  ASSIGN_OR_RETURN(const HostPort target, SplitHostPort(options.address));
  grpc::ServerBuilder builder;
  ConfigureServer(builder, options.limits);
  int port = 0;
  builder.AddListeningPort(options.address, std::move(credentials), &port);
  for (grpc::Service* service : services) builder.RegisterService(service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("address_in_use: cannot listen at ", options.address,
                     "; another program uses this port, or the address is not this machine's: choose another"));
  }
  auto listener = std::unique_ptr<Listener>(new Listener(std::move(server), port));
  RETURN_IF_ERROR(SelfProbe(ProbeAddress(target, port), options.root_pem));
  return listener;
}

Listener::~Listener() { Shutdown(absl::ZeroDuration()); }

void Listener::Shutdown(absl::Duration grace) {
  server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace));
  server_->Wait();
}

}  // namespace plumbline::rpc
