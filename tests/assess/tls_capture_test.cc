// A TLS 1.3 session of OpenSSL with itself through the recording relay, opened again from the key log.
#include "assess/tools/tls_capture.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "assess/tools/child.h"
#include "tests/status_matchers.h"

namespace plumbline::assess {
namespace {

using ::plumbline::testing::StatusIs;

std::string& Log() {
  static std::string log;
  return log;
}

void Remember(const SSL*, const char* line) { Log() += std::string(line) + "\n"; }

// A server on loopback with a certificate made for the occasion; answers each connection by echoing one read.
class EchoServer {
 public:
  explicit EchoServer(int max_version = TLS1_3_VERSION) : context_(SSL_CTX_new(TLS_server_method())) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    SSL_CTX_use_certificate(context_, certificate);
    SSL_CTX_use_PrivateKey(context_, key);
    SSL_CTX_set_max_proto_version(context_, max_version);
    X509_free(certificate);
    EVP_PKEY_free(key);
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_, 4);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { ServeOne(); });
  }
  ~EchoServer() {
    thread_.join();
    close(listener_);
    SSL_CTX_free(context_);
  }
  int port() const { return port_; }

 private:
  void ServeOne() {
    const int fd = accept(listener_, nullptr, nullptr);
    SSL* ssl = SSL_new(context_);
    SSL_set_fd(ssl, fd);
    char buffer[70000];
    if (SSL_accept(ssl) == 1) {
      int n = 0;
      while ((n = SSL_read(ssl, buffer, sizeof buffer)) > 0) SSL_write(ssl, buffer, n);
    }
    SSL_free(ssl);
    close(fd);
  }
  SSL_CTX* context_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
};

// Sends each text and reads its echo, with a key update in both directions between two texts.
void Talk(int port, const char* suite, const std::vector<std::string>& texts) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_keylog_callback(context, Remember);
  if (suite != nullptr) SSL_CTX_set_ciphersuites(context, suite);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  SSL* ssl = SSL_new(context);
  SSL_set_fd(ssl, fd);
  ASSERT_EQ(SSL_connect(ssl), 1);
  bool first = true;
  for (const std::string& text : texts) {
    if (!first && SSL_version(ssl) == TLS1_3_VERSION) {
      ASSERT_EQ(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    }
    first = false;
    ASSERT_EQ(SSL_write(ssl, text.data(), static_cast<int>(text.size())), static_cast<int>(text.size()));
    std::string echo(text.size(), '\0');
    size_t done = 0;
    while (done < echo.size()) {
      const int n = SSL_read(ssl, echo.data() + done, static_cast<int>(echo.size() - done));
      ASSERT_GT(n, 0);
      done += static_cast<size_t>(n);
    }
    EXPECT_EQ(echo, text);
  }
  SSL_shutdown(ssl);
  SSL_free(ssl);
  close(fd);
  SSL_CTX_free(context);
}

class TlsCapture : public ::testing::TestWithParam<const char*> {};

TEST_P(TlsCapture, OpensBothDirectionsAcrossKeyUpdates) {
  Log().clear();
  const std::string large(40000, 'z');  // several records
  std::vector<RecordedConnection> recorded;
  {
    EchoServer server;
    ASSERT_OK_AND_ASSIGN(auto relay, Relay::Start(server.port()));
    Talk(relay->port(), GetParam(), {"first", large, "last"});
    recorded = relay->Recorded();
  }
  ASSERT_EQ(recorded.size(), 1u);
  ASSERT_OK_AND_ASSIGN(const DecryptedConnection opened, Decrypt(recorded[0], ParseKeyLog(Log())));
  EXPECT_EQ(ToString(opened.from_client), "first" + large + "last");
  EXPECT_EQ(ToString(opened.from_server), "first" + large + "last");
  EXPECT_GE(opened.key_updates, 3u);
}

INSTANTIATE_TEST_SUITE_P(Suites, TlsCapture,
                         ::testing::Values("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                           "TLS_CHACHA20_POLY1305_SHA256"),
                         [](const auto& suite) { return std::string(suite.param); });

RecordedConnection RecordOne(int max_version = TLS1_3_VERSION) {
  Log().clear();
  EchoServer server(max_version);
  auto relay = Relay::Start(server.port());
  Talk((*relay)->port(), nullptr, {"hello"});
  return (*relay)->Recorded().at(0);
}

TEST(TlsCaptureRefuses, AConnectionWhoseSecretsItDoesNotHave) {
  EXPECT_THAT(Decrypt(RecordOne(), KeyLog()), StatusIs(absl::StatusCode::kNotFound));
}

TEST(TlsCaptureRefuses, ARecordThatWasChanged) {
  RecordedConnection recorded = RecordOne();
  recorded.from_server[recorded.from_server.size() - 1] ^= 1;
  EXPECT_THAT(Decrypt(recorded, ParseKeyLog(Log())), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(TlsCaptureRefuses, Tls12) {
  EXPECT_THAT(Decrypt(RecordOne(TLS1_2_VERSION), ParseKeyLog(Log())), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(TlsCaptureRefuses, BytesThatAreNoTls) {
  EXPECT_THAT(Decrypt({ToBytes(AsBytes("GET / HTTP/1.1\r\n")), {}}, {}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(TlsCaptureCut, EveryCutIsReadOrRefusedWithoutHarm) {
  const RecordedConnection whole = RecordOne();
  const KeyLog keys = ParseKeyLog(Log());
  for (size_t size = 0; size < whole.from_server.size(); size += 7) {
    RecordedConnection cut = whole;
    cut.from_server.resize(size);
    Decrypt(cut, keys).status().IgnoreError();
  }
}

}  // namespace
}  // namespace plumbline::assess
