// A TCP connection without an HTTP library: what it sends is up to the test.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "common/check.h"

namespace plumbline::witness {

class BareConnection final {
 public:
  explicit BareConnection(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0);
  }
  ~BareConnection() { close(fd_); }
  BareConnection(const BareConnection&) = delete;
  BareConnection& operator=(const BareConnection&) = delete;

  // False if the other side has closed.
  bool Send(const std::string& bytes) {
    for (size_t sent = 0; sent < bytes.size();) {
      const ssize_t n = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<size_t>(n);
    }
    return true;
  }
  void EndSending() { shutdown(fd_, SHUT_WR); }
  // Whether something comes, or the connection ends, within the time.
  bool Hears(int milliseconds) {
    pollfd on = {fd_, POLLIN, 0};
    return poll(&on, 1, milliseconds) > 0;
  }
  // All until the other side closes.
  std::string Rest() {
    std::string out;
    char buffer[4096];
    for (ssize_t n; (n = recv(fd_, buffer, sizeof(buffer), 0)) > 0;)
      out.append(buffer, static_cast<size_t>(n));
    return out;
  }

 private:
  const int fd_;
};

// What comes back for `bytes`, with nothing after them.
inline std::string Exchange(int port, const std::string& bytes) {
  BareConnection connection(port);
  connection.Send(bytes);
  connection.EndSending();
  return connection.Rest();
}

}  // namespace plumbline::witness
