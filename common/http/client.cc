// The only unit of common/ that includes cpp-httplib, whose own reading is without a bound on heads, chunks and the whole time: here
// each request is bounded in both.
#include "common/http/client.h"

#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/clock.h"

namespace plumbline::http {
namespace {

constexpr size_t kMaxHead = 16 << 10;  // bytes of an answer around its body
constexpr time_t kConnectSeconds = 5;

// A socket's bytes, within the bytes and the time that an answer has. Does not own the socket.
class BoundedStream final : public httplib::Stream {
 public:
  BoundedStream(int fd, size_t max_read, absl::Duration time) : fd_(fd), left_(max_read), deadline_(Uptime() + time) {}
  using httplib::Stream::write;

  bool is_readable() const override { return begin_ < end_ || Wait(POLLIN); }
  bool is_writable() const override { return Wait(POLLOUT); }
  ssize_t read(char* out, size_t size) override {
    while (begin_ == end_) {
      if (left_ == 0 || !Wait(POLLIN)) return -1;
      const ssize_t n = recv(fd_, buffer_.data(), std::min(buffer_.size(), left_), MSG_DONTWAIT);
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n <= 0) return n;
      begin_ = 0;
      end_ = static_cast<size_t>(n);
      left_ -= end_;
    }
    const size_t taken = std::min(size, end_ - begin_);
    std::copy_n(buffer_.data() + begin_, taken, out);
    begin_ += taken;
    return static_cast<ssize_t>(taken);
  }
  ssize_t write(const char* bytes, size_t size) override {
    for (size_t sent = 0; sent < size;) {
      if (!Wait(POLLOUT)) return -1;
      const ssize_t n = send(fd_, bytes + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n <= 0) return -1;
      sent += static_cast<size_t>(n);
    }
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return fd_; }

 private:
  bool Wait(short event) const {
    for (;;) {
      pollfd on = {fd_, event, 0};
      const int64_t left = absl::ToInt64Milliseconds(deadline_ - Uptime());
      if (left <= 0) return false;
      const int ready = poll(&on, 1, static_cast<int>(std::min<int64_t>(left, 3'600'000)));
      if (ready < 0 && errno == EINTR) continue;
      return ready > 0;
    }
  }

  const int fd_;
  size_t left_;
  const absl::Duration deadline_;
  std::array<char, 8192> buffer_;
  size_t begin_ = 0, end_ = 0;
};

class BoundedClient final : public httplib::ClientImpl {
 public:
  BoundedClient(const std::string& host, int port, absl::Duration request_time) : ClientImpl(host, port), request_time_(request_time) {
    set_keep_alive(true);
    set_decompress(false);
    set_tcp_nodelay(true);
    set_connection_timeout(kConnectSeconds);
  }
  // For the next request.
  void set_max_body(size_t bytes) { max_body_ = bytes; }

 private:
  bool process_socket(const Socket& socket, std::function<bool(httplib::Stream&)> use) override {
    BoundedStream stream(socket.sock, max_body_ + kMaxHead, request_time_);
    return use(stream);
  }

  const absl::Duration request_time_;
  size_t max_body_ = 0;
};

}  // namespace

class Client::Connection final {
 public:
  Connection(const std::string& host, int port, std::string prefix, absl::Duration request_time)
      : client_(host, port, request_time), prefix_(std::move(prefix)) {}

  absl::StatusOr<Answer> Send(httplib::Request request, const std::string& path, size_t max_body) {
    client_.set_max_body(max_body);
    request.path = absl::StrCat(prefix_, "/", path);
    Answer out;
    bool too_long = false;
    request.content_receiver = [&](const char* bytes, size_t size, uint64_t, uint64_t) {
      too_long = size > max_body - out.body.size();
      if (!too_long) out.body.append(bytes, size);
      return !too_long;
    };
    const httplib::Result answer = client_.send(request);
    if (too_long) return absl::UnavailableError(absl::StrCat("the server's answer is longer than ", max_body, " bytes"));
    if (!answer) {
      return absl::UnavailableError(absl::StrCat("no whole answer from the server in time (", httplib::to_string(answer.error()),
                                                 "); is the address right, and the server up?"));
    }
    out.status = answer->status;
    return out;
  }

 private:
  BoundedClient client_;
  const std::string prefix_;
};

Client::Client(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Client::Client(Client&&) noexcept = default;
Client::~Client() = default;

absl::StatusOr<Client> Client::Create(absl::string_view url, absl::Duration request_time) {
  const auto wrong = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("\"", url, "\" ", why, "; write http://host:port/path, or a folder"));
  };
  absl::string_view rest = url;
  if (!absl::ConsumePrefix(&rest, "http://"))
    return wrong("does not begin with http://, which is enough: what is read is signed");
  for (const char c : rest)
    if (c <= ' ' || c > '~' || c == '?' || c == '#' || c == '@') return wrong("has a sign that does not belong there");
  const size_t slash = std::min(rest.find('/'), rest.size());
  absl::string_view host = rest.substr(0, slash), prefix = rest.substr(slash);
  while (absl::ConsumeSuffix(&prefix, "/")) {
  }
  uint32_t port = 80;
  const size_t colon = host.rfind(':');
  if (colon != absl::string_view::npos && (host.back() != ']')) {
    if (!absl::SimpleAtoi(host.substr(colon + 1), &port) || port == 0 || port > 65535) return wrong("has a port that is none");
    host = host.substr(0, colon);
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty()) return wrong("names no host");
  return Client(std::make_unique<Connection>(std::string(host), static_cast<int>(port), std::string(prefix), request_time));
}

absl::StatusOr<Answer> Client::Get(const std::string& path, size_t max_body) {
  httplib::Request request;
  request.method = "GET";
  return connection_->Send(std::move(request), path, max_body);
}

absl::StatusOr<Answer> Client::Post(const std::string& path, const std::string& body, const std::string& content_type,
                                    size_t max_body) {
  httplib::Request request;
  request.method = "POST";
  request.set_header("Content-Type", content_type);
  request.body = body;
  return connection_->Send(std::move(request), path, max_body);
}

}  // namespace plumbline::http
