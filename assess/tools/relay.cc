#include "assess/tools/relay.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace plumbline::assess {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void NoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool SendAll(int fd, const uint8_t* data, size_t size) {
  while (size > 0) {
    const ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Relay>> Relay::Start(int target_port, int port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = Loopback(port);
  socklen_t size = sizeof address;
  int wake[2];
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 64) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0 || pipe2(wake, O_CLOEXEC) != 0) {
    close(listener);
    return absl::UnavailableError("the recording relay cannot listen on 127.0.0.1");
  }
  std::unique_ptr<Relay> relay(new Relay(listener, wake[0], wake[1], ntohs(address.sin_port), target_port));
  relay->thread_ = std::thread([raw = relay.get()] { raw->Serve(); });
  return relay;
}

Relay::Relay(int listener, int wake_read, int wake_write, int port, int target_port)
    : listener_(listener), wake_read_(wake_read), wake_write_(wake_write), port_(port), target_port_(target_port) {}

Relay::~Relay() {
  close(wake_write_);  // ends Serve()
  if (thread_.joinable()) thread_.join();
  for (const Pair& pair : pairs_) ClosePair(pair);
  close(wake_read_);
  close(listener_);
}

std::vector<RecordedConnection> Relay::Recorded() const {
  MutexLock lock(mutex_);
  std::vector<RecordedConnection> copies;
  for (const auto& record : records_) {
    if (!record->from_client.empty() || !record->from_server.empty()) copies.push_back(*record);
  }
  return copies;
}

void Relay::ClosePair(const Pair& pair) {
  close(pair.client);
  close(pair.server);
}

void Relay::Accept() {
  const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(target_port_);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(client);
    close(server);
    return;
  }
  NoDelay(client);
  NoDelay(server);
  auto record = std::make_shared<RecordedConnection>();
  pairs_.push_back({client, server, record});
  MutexLock lock(mutex_);
  records_.push_back(std::move(record));
}

bool Relay::Move(int from, int to, Bytes& record) {
  uint8_t buffer[65536];
  const ssize_t n = recv(from, buffer, sizeof buffer, 0);
  if (n < 0 && errno == EINTR) return true;
  if (n <= 0) {
    shutdown(to, SHUT_WR);
    return false;
  }
  {
    MutexLock lock(mutex_);
    record.insert(record.end(), buffer, buffer + n);
  }
  return SendAll(to, buffer, static_cast<size_t>(n));
}

void Relay::Serve() {
  while (true) {
    std::vector<pollfd> watches = {{wake_read_, POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const Pair& pair : pairs_) {
      watches.push_back({pair.client_open ? pair.client : -1, POLLIN, 0});
      watches.push_back({pair.server_open ? pair.server : -1, POLLIN, 0});
    }
    if (poll(watches.data(), watches.size(), -1) < 0 && errno != EINTR) return;
    if (watches[0].revents != 0) return;
    for (size_t i = 0; i < pairs_.size(); ++i) {
      Pair& pair = pairs_[i];
      if (watches[2 + 2 * i].revents != 0) {
        pair.client_open = Move(pair.client, pair.server, pair.record->from_client);
      }
      if (watches[3 + 2 * i].revents != 0) {
        pair.server_open = Move(pair.server, pair.client, pair.record->from_server);
      }
    }
    std::erase_if(pairs_, [](const Pair& pair) {
      if (pair.client_open || pair.server_open) return false;
      ClosePair(pair);
      return true;
    });
    if (watches[1].revents != 0) Accept();
  }
}

}  // namespace plumbline::assess
