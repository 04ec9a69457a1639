// Asking a server over HTTP, each answer bounded in bytes and time: for what is checked by its own signatures whoever hands it over
// (witnesses' cosignatures, a log's tiles). So no TLS; nothing is unpacked, no other address is gone to.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/status.h"

namespace plumbline::http {

struct Answer {
  int status = 0;
  std::string body;
};

// Keeps its connection. Not thread-safe.
class Client final {
 public:
  // `url`: http://host[:port][/prefix]. `request_time`: from the first byte sent until the last one came. INVALID_ARGUMENT, with what
  // is wrong, for any other URL.
  static absl::StatusOr<Client> Create(absl::string_view url, absl::Duration request_time);
  Client(Client&&) noexcept;
  ~Client();

  // At the prefix, a slash and `path`. Any status of HTTP is an answer. UNAVAILABLE if there is no whole one in time, or it is longer
  // than `max_body`.
  absl::StatusOr<Answer> Get(const std::string& path, size_t max_body);
  absl::StatusOr<Answer> Post(const std::string& path, const std::string& body, const std::string& content_type, size_t max_body);

 private:
  class Connection;
  explicit Client(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace plumbline::http
