#include "assess/tools/wire_probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/codec.h"

namespace plumbline::assess {
namespace {

constexpr unsigned char kH2[] = {2, 'h', '2'};  // ALPN
enum FrameType : uint8_t { kData = 0, kHeaders = 1, kSettings = 4 };
constexpr uint8_t kEndStream = 1, kEndHeaders = 4;

std::string& PendingKeyLog() {
  static thread_local std::string lines;
  return lines;
}

void RememberKeys(const SSL*, const char* line) { absl::StrAppend(&PendingKeyLog(), line, "\n"); }

// A TLS connection to loopback. No certificate is checked: nothing secret is sent, and the question is what is offered.
class TlsConnection {
 public:
  static absl::StatusOr<std::unique_ptr<TlsConnection>> Open(int port, int max_version) {
    std::unique_ptr<TlsConnection> connection(new TlsConnection);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval timeout = {5, 0};
    setsockopt(connection->fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (connect(connection->fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      return absl::UnavailableError(absl::StrCat("nothing answers on 127.0.0.1:", port));
    }
    SSL_CTX_set_max_proto_version(connection->context_, max_version);
    SSL_CTX_set_keylog_callback(connection->context_, RememberKeys);
    SSL_CTX_set_alpn_protos(connection->context_, kH2, sizeof kH2);
    connection->ssl_ = SSL_new(connection->context_);
    SSL_set_fd(connection->ssl_, connection->fd_);
    PendingKeyLog().clear();
    ERR_clear_error();
    if (SSL_connect(connection->ssl_) == 1) return connection;
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    return absl::UnavailableError(absl::StrCat("the handshake was refused: ", reason == nullptr ? "closed" : reason));
  }
  ~TlsConnection() {
    if (ssl_ != nullptr) SSL_shutdown(ssl_);
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    close(fd_);
  }
  std::string version() const { return SSL_get_version(ssl_); }
  bool Write(ByteView bytes) { return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0; }
  bool ReadExactly(std::span<uint8_t> into) {
    size_t done = 0;
    while (done < into.size()) {
      const int n = SSL_read(ssl_, into.data() + done, static_cast<int>(into.size() - done));
      if (n <= 0) return false;
      done += static_cast<size_t>(n);
    }
    return true;
  }

 private:
  TlsConnection() : context_(SSL_CTX_new(TLS_client_method())), fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  int fd_;
};

// A frame (RFC 9113 §4.1).
void AddFrame(Writer& out, FrameType type, uint8_t flags, uint32_t stream, ByteView payload) {
  const uint32_t size = static_cast<uint32_t>(payload.size());
  out.U8(static_cast<uint8_t>(size >> 16)).U16(static_cast<uint16_t>(size)).U8(type).U8(flags).U32(stream).Fixed(payload);
}

// Literal header field without indexing, new name (RFC 7541 §6.2.2), no Huffman coding; both are shorter than 127 bytes.
void AddHeader(Writer& out, absl::string_view name, absl::string_view value) {
  out.U8(0).U8(static_cast<uint8_t>(name.size())).Fixed(AsBytes(name));
  out.U8(static_cast<uint8_t>(value.size())).Fixed(AsBytes(value));
}

Bytes Request(const std::string& path, const std::string& control) {
  Writer headers;
  AddHeader(headers, ":method", "POST");
  AddHeader(headers, ":scheme", "https");
  AddHeader(headers, ":path", path);
  AddHeader(headers, ":authority", "localhost");
  AddHeader(headers, "content-type", "application/grpc");
  AddHeader(headers, "te", "trailers");
  Writer message;  // length-prefixed message of gRPC: protobuf field 1, length-delimited
  message.U8(0).U32(static_cast<uint32_t>(control.size() + 2)).U8(0x0a).U8(static_cast<uint8_t>(control.size()));
  message.Fixed(AsBytes(control));
  Writer out;
  out.Fixed(AsBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  AddFrame(out, kSettings, 0, 0, {});
  AddFrame(out, kHeaders, kEndHeaders, 1, headers.view());
  AddFrame(out, kData, kEndStream, 1, message.view());
  return out.TakeBytes();
}

// Reads frames until stream 1 has ended.
bool AwaitAnswer(TlsConnection& connection) {
  uint8_t header[9];
  while (connection.ReadExactly(header)) {
    Bytes payload(static_cast<size_t>(header[0]) << 16 | header[1] << 8 | header[2]);
    if (!connection.ReadExactly(payload)) return false;
    const bool of_request = header[8] == 1;
    if (of_request && (header[3] == kHeaders || header[3] == kData) && (header[4] & kEndStream) != 0) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<std::string> OfferTls(int port, int max_version) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TlsConnection> connection, TlsConnection::Open(port, max_version));
  return connection->version();
}

absl::Status SendControl(int port, const std::string& path, const std::string& control, const std::string& key_log) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TlsConnection> connection, TlsConnection::Open(port, TLS1_3_VERSION));
  const int fd = open(key_log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const std::string& lines = PendingKeyLog();
  const bool kept = fd >= 0 && write(fd, lines.data(), lines.size()) == static_cast<ssize_t>(lines.size());
  if (fd >= 0) close(fd);
  if (!kept) return absl::UnavailableError(absl::StrCat("the key log ", key_log, " cannot be written"));
  if (!connection->Write(Request(path, control))) return absl::UnavailableError("the control could not be sent");
  if (!AwaitAnswer(*connection)) return absl::UnavailableError("the control was not answered");
  return absl::OkStatus();
}

}  // namespace plumbline::assess
