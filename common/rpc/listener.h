// One listening port with the services that are served on it, and only those: gRPC serves every service of a server on all
// of its ports, so each kind of caller has a Listener of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/status.h"

namespace grpc {
class Server;
class ServerBuilder;
class ServerCredentials;
class Service;
}  // namespace grpc

namespace plumbline::rpc {

struct Limits {
  size_t max_message_bytes = 4 << 20;      // received; larger ones are refused by gRPC with RESOURCE_EXHAUSTED
  int max_concurrent_streams = 100;        // for each connection
  absl::Duration keepalive = absl::Seconds(60);        // a silent client is pinged after this long
  absl::Duration keepalive_timeout = absl::Seconds(20);  // and dropped after this
  absl::Duration idle = absl::Minutes(5);              // a connection without a call is closed
  absl::Duration handshake = absl::Seconds(10);        // for TCP, TLS and the first HTTP/2 frames together
  size_t memory_bytes = 512 << 20;  // of all connections; above it gRPC drops what it can, idle connections first
};

// Sizes, streams, keepalive, idle, handshakes, memory; and no second process on the same port.
void ConfigureServer(grpc::ServerBuilder& builder, const Limits& limits);

struct ListenerOptions {
  std::string address;   // host:port; port 0 takes a free one
  std::string root_pem;  // the root under which this listener's own certificate is; for the self-probe
  Limits limits;
};

// Thread-safe.
class Listener final {
 public:
  // Listens, then probes itself: TLS 1.2 must be refused and TLS 1.3 accepted under `root_pem`, or nothing is served.
  // FAILED_PRECONDITION address_in_use; INTERNAL if the probe fails. `services` outlive the listener.
  static absl::StatusOr<std::unique_ptr<Listener>> Start(const ListenerOptions& options,
                                                         std::shared_ptr<grpc::ServerCredentials> credentials,
                                                         const std::vector<grpc::Service*>& services);
  ~Listener();  // as Shutdown(0)
  int port() const { return port_; }
  // New calls are refused, running ones get `grace`, then are cancelled. Returns when all are done.
  void Shutdown(absl::Duration grace);

 private:
  Listener(std::unique_ptr<grpc::Server> server, int port);
  std::unique_ptr<grpc::Server> server_;
  const int port_;
};

}  // namespace plumbline::rpc
