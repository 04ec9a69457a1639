// The witness's side of HTTP: POST /add-checkpoint, one request after the other on each connection.
// The only unit that includes cpp-httplib, whose own reading is without a bound on heads and on the
// whole time: here each connection is bounded in both.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "witness/witness.h"

namespace plumbline::witness {

struct HttpOptions {
  std::string listen;       // host:port or [address]:port; port 0: any that is free
  size_t connections = 64;  // served at the same time; more wait in the kernel's queue
  absl::Duration request_time =
      absl::Seconds(10);  // from a request's first byte until its answer is read
  absl::Duration idle_time =
      absl::Seconds(5);  // between two requests of a connection; request_time before the first
};

// Thread-safe.
class HttpServer final {
 public:
  using Handler = std::function<Answer(absl::string_view body)>;  // on several threads at once

  // Serves from here on. INVALID_ARGUMENT for `listen`, UNAVAILABLE if it cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HttpOptions& options,
                                                           Handler handler);
  ~HttpServer();  // Stop()
  int port() const;
  // Finishes the requests that are being served, at most request_time each.
  void Stop();

 private:
  class Server;
  explicit HttpServer(std::unique_ptr<Server> server);
  const std::unique_ptr<Server> server_;
};

}  // namespace plumbline::witness
