// Asking a server over HTTP or HTTPS, bounded in bytes and time: for what is checked by its own signatures whoever hands it over
// (witnesses' cosignatures, a log's tiles).
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/status.h"

namespace plumbline::http {

struct Limits {
  absl::Duration time = absl::Seconds(2);  // until the connection stands, and then for the whole answer
  size_t body = 64 << 10;                  // bytes
};

struct Answer {
  int status = 0;
  std::string content_type;
  std::string body;
};

// "http://host:port/path" or https, without user, query and fragment. OK for any that Get and Post take.
absl::Status CheckUrl(absl::string_view url);

// Each on a connection of its own; redirections are not followed. Any status of HTTP is an answer. INVALID_ARGUMENT as CheckUrl;
// UNAVAILABLE if nobody answers in time, RESOURCE_EXHAUSTED if the answer is too long.
absl::StatusOr<Answer> Get(absl::string_view url, const Limits& limits);
absl::StatusOr<Answer> Post(absl::string_view url, const std::string& body, const std::string& content_type,
                            const Limits& limits);

}  // namespace plumbline::http
