#include "common/rpc/handshake.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/openssl.h"

namespace plumbline::rpc {
namespace {

constexpr int kStepMs = 5000;
// The client's connection preface and an empty SETTINGS frame (RFC 9113 §3.4).
constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
constexpr unsigned char kAlpn[] = {2, 'h', '2'};

class Socket final {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status Unreachable(const std::string& address, absl::string_view cause) {
  return absl::UnavailableError(absl::StrCat("server_unreachable: nothing answers at ", address, " (", cause,
                                             "); check that the service runs, the address and the network"));
}

// Connects without blocking for longer than kStepMs; 0 or an errno.
int ConnectWithin(int fd, const addrinfo& to) {
  if (connect(fd, to.ai_addr, to.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd waiting = {fd, POLLOUT, 0};
  if (poll(&waiting, 1, kStepMs) <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

absl::StatusOr<std::unique_ptr<Socket>> Connect(const std::string& address) {
  ASSIGN_OR_RETURN(const HostPort target, SplitHostPort(address));
  addrinfo hints = {}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int resolved = getaddrinfo(target.host.c_str(), target.port.c_str(), &hints, &found);
  if (resolved != 0) return Unreachable(address, gai_strerror(resolved));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  int error = ENOENT;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    auto socket_fd = std::make_unique<Socket>(
        socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol));
    if (socket_fd->get() < 0) continue;
    error = ConnectWithin(socket_fd->get(), *at);
    if (error == 0) return socket_fd;
  }
  return Unreachable(address, std::strerror(error));
}

// Writing to a connection that the other end has closed must not end the process. Holds SIGPIPE back from this thread.
class NoBrokenPipe final {
 public:
  NoBrokenPipe() {
    sigemptyset(&broken_pipe_);
    sigaddset(&broken_pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe_, &before_);
  }
  NoBrokenPipe(const NoBrokenPipe&) = delete;
  NoBrokenPipe& operator=(const NoBrokenPipe&) = delete;
  ~NoBrokenPipe() {
    const timespec at_once = {};
    if (!sigismember(&before_, SIGPIPE)) {
      while (sigtimedwait(&broken_pipe_, nullptr, &at_once) > 0) continue;
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t broken_pipe_, before_;
};

using Context = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;
using Session = std::unique_ptr<SSL, void (*)(SSL*)>;

absl::Status ShowIdentity(SSL_CTX* context, const TlsIdentity& identity) {
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain, crypto::ParsePemChain(identity.chain_pem));
  const auto decode = [](const crypto::Certificate& certificate) {
    const unsigned char* cursor = certificate.der().data();
    return crypto::Owned<X509>(d2i_X509(nullptr, &cursor, static_cast<long>(certificate.der().size())));
  };
  const crypto::Owned<BIO> pem = crypto::ReadBio(identity.key_pem.view());
  const crypto::Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(pem.get(), nullptr, nullptr, nullptr));
  bool taken = key != nullptr && SSL_CTX_use_certificate(context, decode(chain.front()).get()) == 1 &&
               SSL_CTX_use_PrivateKey(context, key.get()) == 1;
  for (size_t i = 1; taken && i < chain.size(); ++i) {
    taken = SSL_CTX_add1_chain_cert(context, decode(chain[i]).get()) == 1;
  }
  ERR_clear_error();
  return taken ? absl::OkStatus() : absl::InvalidArgumentError("tls_key_mismatch: the TLS key and certificate do not fit");
}

absl::StatusOr<Context> MakeContext(const HandshakeOptions& options) {
  Context context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (context == nullptr) return absl::InternalError("OpenSSL makes no TLS context");
  // What the process-wide policy switched off is switched on again here, to see whether the other end refuses it.
  const int version = options.version == TlsVersion::k12 ? TLS1_2_VERSION : TLS1_3_VERSION;
  SSL_CTX_clear_options(context.get(), SSL_OP_NO_TLSv1_2);
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_alpn_protos(context.get(), kAlpn, sizeof kAlpn);
  if (options.identity != nullptr) RETURN_IF_ERROR(ShowIdentity(context.get(), *options.identity));
  return context;
}

// Repeats a TLS operation until it is done or kStepMs pass without progress.
template <typename Operation>
int Drive(SSL* ssl, int fd, Operation operation) {
  while (true) {
    ERR_clear_error();
    const int result = operation();
    if (result > 0) return result;
    const int wants = SSL_get_error(ssl, result);
    if (wants != SSL_ERROR_WANT_READ && wants != SSL_ERROR_WANT_WRITE) return result;
    pollfd waiting = {fd, static_cast<short>(wants == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0};
    if (poll(&waiting, 1, kStepMs) <= 0) return -1;
  }
}

std::string TakeError() {
  const unsigned long error = ERR_get_error();
  if (error == 0) return "connection closed";
  const char* reason = ERR_reason_error_string(error);
  return reason == nullptr ? "TLS error" : reason;
}

bool LastErrorIsVersion() {
  const unsigned long error = ERR_peek_error();
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return false;
  const int reason = ERR_GET_REASON(error);
  return reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION || reason == SSL_R_UNSUPPORTED_PROTOCOL;
}

absl::Status ReadChain(SSL* ssl, std::vector<crypto::Certificate>& chain) {
  const STACK_OF(X509)* presented = SSL_get_peer_cert_chain(ssl);
  const int count = presented == nullptr ? 0 : sk_X509_num(presented);
  if (count == 0 || count > static_cast<int>(crypto::kMaxChain)) {
    return absl::UnauthenticatedError("tls_failed: the server presents no usable certificate chain");
  }
  for (int i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(crypto::Certificate certificate,
                     crypto::Certificate::Parse(crypto::ToDer(sk_X509_value(presented, i), i2d_X509)));
    chain.push_back(std::move(certificate));
  }
  return absl::OkStatus();
}

bool ServerSpeaks(SSL* ssl, int fd) {
  const int size = static_cast<int>(sizeof kPreface - 1);
  if (Drive(ssl, fd, [&] { return SSL_write(ssl, kPreface, size); }) <= 0) return false;
  char byte;
  return Drive(ssl, fd, [&] { return SSL_read(ssl, &byte, 1); }) == 1;
}

}  // namespace

absl::StatusOr<HostPort> SplitHostPort(absl::string_view address) {
  const absl::Status malformed = absl::InvalidArgumentError(
      "address_malformed: an address is host:port, for example server.example.org:7443 or [::1]:7443");
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos || address.size() > 300) return malformed;
  absl::string_view host = address.substr(0, colon);
  const absl::string_view port = address.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  uint32_t number = 0;
  const bool digits = !port.empty() && port.size() <= 5 &&
                      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || !absl::SimpleAtoi(port, &number) || number > 65535 || host.empty()) return malformed;
  const bool clean = std::all_of(host.begin(), host.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
           (bracketed && c == ':');
  });
  if (!clean) return malformed;
  return HostPort{std::string(host), std::string(port)};
}

absl::StatusOr<HandshakeResult> Handshake(const std::string& address, const HandshakeOptions& options) {
  const NoBrokenPipe no_broken_pipe;
  ASSIGN_OR_RETURN(const Context context, MakeContext(options));
  ASSIGN_OR_RETURN(const std::unique_ptr<Socket> socket_fd, Connect(address));
  const Session ssl(SSL_new(context.get()), SSL_free);
  if (ssl == nullptr || SSL_set_fd(ssl.get(), socket_fd->get()) != 1) return absl::InternalError("OpenSSL makes no session");
  const bool is_name = std::any_of(options.server_name.begin(), options.server_name.end(),
                                   [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
  if (is_name && options.server_name.find(':') == std::string::npos) {
    SSL_set_tlsext_host_name(ssl.get(), options.server_name.c_str());
  }
  HandshakeResult out;
  if (Drive(ssl.get(), socket_fd->get(), [&] { return SSL_connect(ssl.get()); }) <= 0) {
    out.outcome = LastErrorIsVersion() ? HandshakeResult::Outcome::kVersionRefused : HandshakeResult::Outcome::kFailed;
    out.detail = TakeError();
    ReadChain(ssl.get(), out.chain).IgnoreError();  // a server that has shown one speaks this version
    ERR_clear_error();
    return out;
  }
  RETURN_IF_ERROR(ReadChain(ssl.get(), out.chain));
  out.outcome = HandshakeResult::Outcome::kDone;
  if (options.await_first_byte && !ServerSpeaks(ssl.get(), socket_fd->get())) {
    out.outcome = HandshakeResult::Outcome::kClosed;
    out.detail = TakeError();
  }
  ERR_clear_error();
  return out;
}

}  // namespace plumbline::rpc
