#include "client/agent/socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace plumbline::client {
namespace {

constexpr int kQueue = 16;

// A socket's address has room for 107 bytes; a folder's name may be longer.
bool AddressIn(int folder, const std::string& name, sockaddr_un& out) {
  const std::string path = absl::StrCat("/proc/self/fd/", folder, "/", name);
  if (path.size() >= sizeof(out.sun_path)) return false;
  out = {};
  out.sun_family = AF_UNIX;
  std::memcpy(out.sun_path, path.c_str(), path.size() + 1);
  return true;
}

Descriptor OpenFolder(const std::string& folder) { return Descriptor(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)); }

}  // namespace

absl::StatusOr<Descriptor> ListenIn(const std::string& folder, const std::string& name) {
  const auto failed = [&] {
    return absl::UnavailableError(absl::StrCat("no socket can be made in ", folder, ": ", std::strerror(errno)));
  };
  const Descriptor opened = OpenFolder(folder);
  sockaddr_un address;
  if (opened.get() < 0 || !AddressIn(opened.get(), name, address)) return failed();
  Descriptor listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (listener.get() < 0) return failed();
  unlinkat(opened.get(), name.c_str(), 0);
  const mode_t mask = umask(0177);
  const int bound = bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  umask(mask);
  if (bound != 0 || listen(listener.get(), kQueue) != 0) return failed();
  return listener;
}

Descriptor ConnectIn(const std::string& folder, const std::string& name) {
  const Descriptor opened = OpenFolder(folder);
  sockaddr_un address;
  if (opened.get() < 0 || !AddressIn(opened.get(), name, address)) return Descriptor(-1);
  Descriptor connected(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (connected.get() < 0 || connect(connected.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return Descriptor(-1);
  return connected;
}

bool IsOwnUser(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && size == sizeof peer && peer.uid == geteuid();
}

bool SendMessage(int socket, ByteView message) {
  return send(socket, message.data(), message.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(message.size());
}

Secret ReceiveMessage(int socket, absl::Duration patience) {
  pollfd readable = {socket, POLLIN, 0};
  if (poll(&readable, 1, static_cast<int>(absl::ToInt64Milliseconds(patience))) != 1) return Secret();
  Secret buffer(kMaxAgentMessage + 1);
  const ssize_t got = recv(socket, buffer.span().data(), buffer.size(), 0);
  if (got <= 0 || static_cast<size_t>(got) > kMaxAgentMessage) return Secret();
  return Secret::CopyOf(buffer.view().first(static_cast<size_t>(got)));
}

}  // namespace plumbline::client
