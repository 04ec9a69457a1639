#include "witness/http.h"

#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <semaphore>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/tlog/witness_request.h"

namespace plumbline::witness {
namespace {

constexpr char kPath[] = "/add-checkpoint";
constexpr char kPlain[] = "text/plain; charset=utf-8";
constexpr size_t kMaxHead = 16 << 10;     // bytes of request line and headers, together
constexpr size_t kMaxFraming = 16 << 10;  // bytes around the body, where it comes in chunks
constexpr int kWaiting = 128;             // connections in the kernel's queue
constexpr size_t kMaxRequests = 1000;     // on one connection
constexpr absl::Duration kGlance =
    absl::Milliseconds(100);  // how often a connection looks whether the server stops

// A connection's bytes, within the bytes and the time that a request has. Owns the socket.
class Connection final : public httplib::Stream {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  ~Connection() override {
    shutdown(fd_, SHUT_RDWR);
    close(fd_);
  }
  using httplib::Stream::write;

  // True as soon as there is something to read; false if the peer is silent for `idle`, or
  // `stopping`.
  bool AwaitRequest(absl::Duration idle, const std::atomic<bool>& stopping) {
    const absl::Duration end = Uptime() + idle;
    while (!stopping) {
      if (begin_ < end_ || Wait(POLLIN, std::min(end, Uptime() + kGlance))) return true;
      if (Uptime() >= end) return false;
    }
    return false;
  }
  void BeginRequest(absl::Duration time) {
    deadline_ = Uptime() + time;
    left_ = kMaxHead;
  }
  void BeginBody() { left_ = tlog::kMaxWitnessRequest + kMaxFraming; }
  bool failed() const { return failed_; }

  bool is_readable() const override { return begin_ < end_ || Wait(POLLIN, Uptime()); }
  bool is_writable() const override { return !failed_ && Wait(POLLOUT, deadline_); }
  ssize_t read(char* out, size_t size) override {
    if (begin_ == end_ && !Fill()) return -1;
    const size_t taken = std::min({size, end_ - begin_, left_});
    if (taken == 0) return Fail();
    std::memcpy(out, buffer_.data() + begin_, taken);
    begin_ += taken;
    left_ -= taken;
    return static_cast<ssize_t>(taken);
  }
  ssize_t write(const char* bytes, size_t size) override {
    for (size_t sent = 0; sent < size;) {
      if (!is_writable()) return Fail();
      const ssize_t n = send(fd_, bytes + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n <= 0) return Fail();
      sent += static_cast<size_t>(n);
    }
    return static_cast<ssize_t>(size);
  }
  // Nobody's address is looked at.
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return fd_; }

 private:
  ssize_t Fail() {
    failed_ = true;
    return -1;
  }
  bool Wait(short event, absl::Duration until) const {
    for (;;) {
      pollfd poll_on = {fd_, event, 0};
      const int64_t left = std::max<int64_t>(0, absl::ToInt64Milliseconds(until - Uptime()));
      const int ready = poll(&poll_on, 1, static_cast<int>(std::min<int64_t>(left, 3'600'000)));
      if (ready < 0 && errno == EINTR) continue;
      return ready > 0;
    }
  }
  bool Fill() {
    for (;;) {
      if (failed_ || left_ == 0 || !Wait(POLLIN, deadline_)) return Fail() == 0;
      const ssize_t n = recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n <= 0) return Fail() == 0;
      begin_ = 0;
      end_ = static_cast<size_t>(n);
      return true;
    }
  }

  const int fd_;
  bool failed_ = false;  // nothing more is read or answered
  absl::Duration deadline_;
  size_t left_ = 0;  // bytes that this part of the request may still have
  std::array<char, 4096> buffer_;
  size_t begin_ = 0, end_ = 0;
};

// As many connections as threads: the listener accepts the next one when one has ended.
class Threads final : public httplib::TaskQueue {
 public:
  explicit Threads(size_t count) : free_(static_cast<std::ptrdiff_t>(count)), pool_(count) {}
  void enqueue(std::function<void()> task) override {
    free_.acquire();
    pool_.enqueue([this, task = std::move(task)] {
      task();
      free_.release();
    });
  }
  void shutdown() override { pool_.shutdown(); }

 private:
  std::counting_semaphore<> free_;
  httplib::ThreadPool pool_;
};

struct Address {
  std::string host;
  int port = 0;
};

absl::StatusOr<Address> AddressOf(absl::string_view listen) {
  const size_t colon = listen.rfind(':');
  uint32_t port = 0;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(listen.substr(colon + 1), &port) || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("listen: \"", listen, "\" is not host:port; write it as 127.0.0.1:7450"));
  }
  absl::string_view host = listen.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return Address{std::string(host), static_cast<int>(port)};
}

}  // namespace

class HttpServer::Server final : public httplib::Server {
 public:
  Server(const HttpOptions& options, HttpServer::Handler handler) : options_(options) {
    new_task_queue = [count = options.connections] { return new Threads(count); };
    set_payload_max_length(tlog::kMaxWitnessRequest);
    set_tcp_nodelay(true);
    // Not the library's own choice, SO_REUSEPORT: with it another process of this user could take
    // connections away.
    set_socket_options([](socket_t fd) {
      const int yes = 1;
      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    set_exception_handler(
        [](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
          response.status = 500;
          response.set_content("the witness failed on this request\n", kPlain);
        });
    set_error_handler([](const httplib::Request&, httplib::Response& response) {
      // Such a connection is closed behind the answer: a peer that is not told would send the next request into it.
      if (!whole_) response.set_header("Connection", "close");
      if (response.body.empty())
        response.set_content("this is a witness: POST /add-checkpoint, as C2SP tlog-witness says\n",
                             kPlain);
    });
    Post(kPath, [handler = std::move(handler)](const httplib::Request& request,
                                               httplib::Response& response) {
      const Answer answer = handler(request.body);
      response.status = answer.status;
      response.set_content(answer.body, answer.content_type.c_str());
      whole_ = true;
    });
  }

  absl::Status Bind() {
    ASSIGN_OR_RETURN(const Address address, AddressOf(options_.listen));
    errno = 0;
    port_ = address.port == 0                          ? bind_to_any_port(address.host)
            : bind_to_port(address.host, address.port) ? address.port
                                                       : -1;
    // The library's queue has five places, fewer than logs that ask at the same time.
    if (port_ > 0 && ::listen(svr_sock_, kWaiting) == 0) return absl::OkStatus();
    const int error = errno;
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", options_.listen, ": ",
                     error == 0 ? "this is no address of this machine" : std::strerror(error)));
  }
  void Run() {
    thread_ = std::thread([this] { listen_after_bind(); });
    while (!is_running()) std::this_thread::yield();  // stop() does nothing before that
  }
  void StopAndJoin() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    stop();
    thread_.join();
  }
  int port() const { return port_; }

 private:
  bool process_and_close_socket(socket_t fd) override {
    Connection connection(fd);
    for (size_t i = 1;
         i <= kMaxRequests &&
         connection.AwaitRequest(i == 1 ? options_.request_time : options_.idle_time, stopping_);
         ++i) {
      connection.BeginRequest(options_.request_time);
      bool closed = false;
      whole_ = false;
      const bool answered =
          process_request(connection, i == kMaxRequests, closed, [&](httplib::Request& request) {
            connection.BeginBody();
            // What is not asked for is not done: unpacking what a stranger packed, packing, parts
            // of an answer.
            for (const char* name : {"Content-Encoding", "Accept-Encoding", "Range"})
              request.headers.erase(name);
            request.ranges.clear();
          });
      // After an error it is not known where the next request would begin.
      if (!answered || closed || !whole_ || connection.failed()) return answered;
    }
    return true;
  }

  static thread_local bool whole_;  // the request that this thread serves was read to its end
  const HttpOptions options_;
  std::atomic<bool> stopping_ = false;
  int port_ = 0;
  std::thread thread_;
};

thread_local bool HttpServer::Server::whole_ = false;

HttpServer::HttpServer(std::unique_ptr<Server> server) : server_(std::move(server)) {}
HttpServer::~HttpServer() { Stop(); }
int HttpServer::port() const { return server_->port(); }
void HttpServer::Stop() { server_->StopAndJoin(); }

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpOptions& options,
                                                              Handler handler) {
  auto server = std::make_unique<Server>(options, std::move(handler));
  RETURN_IF_ERROR(server->Bind());
  server->Run();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(server)));
}

}  // namespace plumbline::witness
