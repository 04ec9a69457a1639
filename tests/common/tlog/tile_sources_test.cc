#include "common/tlog/tile_sources.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>

#include "common/clock.h"
#include "tests/common/scratch.h"
#include "tests/common/tlog/published_log.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

// Answers each connection with whatever a test says, without an HTTP library.
class BareServer final {
 public:
  using Answer = std::function<void(int fd, const std::string& request)>;
  explicit BareServer(Answer answer) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), answer_(std::move(answer)) {
    sockaddr_in at = {};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(at);
    CHECK(bind(fd_, reinterpret_cast<sockaddr*>(&at), size) == 0 && listen(fd_, 16) == 0);
    CHECK(getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~BareServer() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }
  std::string url() const { return absl::StrCat("http://127.0.0.1:", port_); }

 private:
  void Run() {
    for (int fd; (fd = accept(fd_, nullptr, nullptr)) >= 0; close(fd)) {
      std::string request;
      for (char c; request.find("\r\n\r\n") == std::string::npos && recv(fd, &c, 1, 0) == 1;) request += c;
      answer_(fd, request);
    }
  }
  const int fd_;
  const Answer answer_;
  int port_ = 0;
  std::thread thread_;
};
bool Say(int fd, const std::string& text) {
  return send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

absl::Status FetchFrom(BareServer::Answer answer, absl::Duration time = absl::Seconds(10)) {
  BareServer server(std::move(answer));
  const auto source = HttpTiles(server.url(), time);
  EXPECT_OK(source);
  return (*source)->Fetch("checkpoint", 1000).status();
}

TEST(HttpTiles, FetchesWhatIsThere) {
  std::string asked;
  BareServer server([&](int fd, const std::string& request) {
    asked = request;
    Say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n\x01two\xff");
  });
  ASSERT_OK_AND_ASSIGN(const auto source, HttpTiles(server.url() + "/logs/one//"));
  EXPECT_EQ(*source->Fetch("tile/0/x001/000.p/7", 5), (Bytes{1, 't', 'w', 'o', 0xFF}));
  EXPECT_THAT(asked, HasSubstr("GET /logs/one/tile/0/x001/000.p/7 HTTP/1.1\r\n"));
  EXPECT_EQ(asked.find("Accept-Encoding: gzip"), std::string::npos);
  EXPECT_THAT(source->Fetch("checkpoint", 4), StatusIs(Code::kUnavailable, HasSubstr("longer than 4 bytes")));
}

TEST(HttpTiles, TellsWhatIsNotThereFromWhatFailed) {
  const auto verdict = [](const std::string& line) {
    return FetchFrom(
        [line](int fd, const std::string&) { Say(fd, absl::StrCat("HTTP/1.1 ", line, "\r\nContent-Length: 0\r\n\r\n")); });
  };
  EXPECT_THAT(verdict("404 Not Found"), StatusIs(Code::kNotFound));
  EXPECT_THAT(verdict("410 Gone"), StatusIs(Code::kNotFound));
  EXPECT_THAT(verdict("302 Found\r\nLocation: http://127.0.0.1:1/"), StatusIs(Code::kUnavailable, HasSubstr("302")));
  EXPECT_THAT(verdict("500 No"), StatusIs(Code::kUnavailable, HasSubstr("500")));
  EXPECT_THAT(verdict("nonsense"), StatusIs(Code::kUnavailable));
  ASSERT_OK_AND_ASSIGN(const auto nobody, HttpTiles("http://127.0.0.1:1/"));
  EXPECT_THAT(nobody->Fetch("checkpoint", 10), StatusIs(Code::kUnavailable, HasSubstr("is the address right")));
}

// Bodies, heads and chunks without end, packed bodies, silence and one byte a while: bounded in bytes and time.
TEST(HttpTiles, IsBounded) {
  const std::string ok = "HTTP/1.1 200 OK\r\n", block(4096, 'a');
  std::atomic<size_t> sent = 0;
  const auto flood = [&](std::string head, std::string again) {
    return [&sent, head, again](int fd, const std::string&) {
      sent = 0;
      for (bool open = Say(fd, head); open && sent < (64u << 20); sent += again.size()) open = Say(fd, again);
    };
  };
  for (const auto& [head, again] :
       std::vector<std::pair<std::string, std::string>>{{ok + "\r\n", block},
                                                        {ok + "Content-Length: 999999999999\r\n\r\n", block},
                                                        {ok, "X: " + block + "\r\n"},
                                                        {ok + "X: ", block},
                                                        {ok + "Transfer-Encoding: chunked\r\n\r\n", "1000\r\n" + block + "\r\n"},
                                                        {"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"}}) {
    EXPECT_THAT(FetchFrom(flood(head, again)), StatusIs(Code::kUnavailable)) << head;
    EXPECT_LT(sent, 16u << 20) << head;
  }
  const absl::Duration before = Uptime();
  const auto wait = [](int fd) {
    pollfd on = {fd, POLLIN, 0};  // until the client gives up
    return poll(&on, 1, 100) == 0;
  };
  const auto silent = [&](int fd, const std::string&) {
    while (wait(fd)) {
    }
  };
  const auto slow = [&](int fd, const std::string&) {
    Say(fd, ok + "Content-Length: 900\r\n\r\n");
    while (wait(fd) && Say(fd, "a")) {
    }
  };
  EXPECT_THAT(FetchFrom(silent, absl::Milliseconds(500)), StatusIs(Code::kUnavailable));
  EXPECT_THAT(FetchFrom(slow, absl::Milliseconds(500)), StatusIs(Code::kUnavailable));
  EXPECT_LT(Uptime() - before, absl::Seconds(6));
}

TEST(HttpTiles, TakesNoOtherUrl) {
  for (const char* url : {"https://log.example/", "http://", "http:///x", "http://h:0/", "http://h:65536/", "http://h:x/",
                          "http://h/a b", "http://h/?q", "http://h/#f", "http://u:p@h/", "http://h/\r\nX: y", "ftp://h/"})
    EXPECT_THAT(OpenTileSource(url).status(), StatusIs(Code::kInvalidArgument, HasSubstr("write http://"))) << url;
  for (const char* url : {"http://log.example", "http://log.example:8080/x/y/", "http://[::1]:80/", "http://[::1]/"})
    EXPECT_OK(HttpTiles(url)) << url;
  EXPECT_THAT(OpenTileSource("").status(), StatusIs(Code::kInvalidArgument));
}

TEST(FileTiles, ReadsAFolder) {
  testing::ScratchDir dir;
  PublishedLog log;
  log.Publish({Bytes{1}, Bytes{2}}, LogSigner("example.org/log"));
  log.WriteTo(dir.path());
  ASSERT_OK_AND_ASSIGN(const auto source, OpenTileSource(dir.path()));
  EXPECT_EQ(*FetchCheckpoint(*source), log.note);
  EXPECT_OK(LogReader::Open(*source, log.checkpoint));
  EXPECT_THAT(source->Fetch("tile/0/001", 10), StatusIs(Code::kNotFound));
  EXPECT_THAT(source->Fetch("checkpoint", 10), StatusIs(Code::kInvalidArgument));
  EXPECT_FALSE(source->Fetch("tile", 10).ok());
}

}  // namespace
}  // namespace plumbline::tlog
