#include "common/http/client.h"

#include <httplib.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/clock.h"

namespace plumbline::http {
namespace {

struct Url {
  std::string origin;  // scheme, host and port
  std::string path;    // from the first slash on
};

absl::StatusOr<Url> Parse(absl::string_view url) {
  const auto refuse = [] { return absl::InvalidArgumentError("an address is written http://host:port/path"); };
  size_t host = 0;
  for (const absl::string_view scheme : {"http://", "https://"}) {
    if (absl::StartsWith(url, scheme)) host = scheme.size();
  }
  if (host == 0 || url.size() > 2048) return refuse();
  for (const char c : url) {
    if (c <= ' ' || c > '~' || c == '@' || c == '?' || c == '#' || c == '\\') return refuse();
  }
  const size_t slash = std::min(url.find('/', host), url.size());
  if (slash == host) return refuse();
  return Url{std::string(url.substr(0, slash)), slash == url.size() ? "/" : std::string(url.substr(slash))};
}

absl::StatusOr<Answer> Send(absl::string_view address, httplib::Request request, const Limits& limits) {
  ASSIGN_OR_RETURN(const Url url, Parse(address));
  httplib::Client client(url.origin);
  if (!client.is_valid()) return absl::InvalidArgumentError("an address is written http://host:port/path");
  const std::chrono::microseconds time(absl::ToInt64Microseconds(limits.time));
  client.set_connection_timeout(time);
  client.set_read_timeout(time);
  client.set_write_timeout(time);
  request.path = url.path;
  Answer out;
  const absl::Duration end = Uptime() + limits.time;
  bool too_long = false;
  request.content_receiver = [&](const char* data, size_t size, uint64_t, uint64_t) {
    too_long = out.body.size() + size > limits.body;
    if (too_long || Uptime() > end) return false;
    out.body.append(data, size);
    return true;
  };
  const httplib::Result result = client.send(request);
  if (too_long) return absl::ResourceExhaustedError(absl::StrCat(url.origin, " answers with more than ", limits.body, " bytes"));
  if (!result) return absl::UnavailableError(absl::StrCat(url.origin, " does not answer: ", httplib::to_string(result.error())));
  out.status = result->status;
  out.content_type = result->get_header_value("Content-Type");
  return out;
}

}  // namespace

absl::Status CheckUrl(absl::string_view url) { return Parse(url).status(); }

absl::StatusOr<Answer> Get(absl::string_view url, const Limits& limits) {
  httplib::Request request;
  request.method = "GET";
  return Send(url, std::move(request), limits);
}

absl::StatusOr<Answer> Post(absl::string_view url, const std::string& body, const std::string& content_type,
                            const Limits& limits) {
  httplib::Request request;
  request.method = "POST";
  request.set_header("Content-Type", content_type);
  request.body = body;
  return Send(url, std::move(request), limits);
}

}  // namespace plumbline::http
