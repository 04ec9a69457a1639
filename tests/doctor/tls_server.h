// A TLS server as somebody else would run it: OpenSSL alone, of the versions that a test names. It finishes handshakes and
// says a byte.
#pragma once

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "common/check.h"
#include "common/crypto/openssl.h"
#include "common/rpc/credentials.h"

namespace plumbline::testing {

class TlsServer final {
 public:
  struct Options {
    int port = 0;  // 0: a free one
    int least = TLS1_2_VERSION, most = TLS1_3_VERSION;
    bool demands_certificate = false;
  };
  TlsServer(const rpc::TlsIdentity& identity, const Options& options)
      : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free), socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    SSL_CTX_clear_options(context_.get(), SSL_OP_NO_TLSv1_2);  // the process may have it off
    SSL_CTX_set_min_proto_version(context_.get(), options.least);
    SSL_CTX_set_max_proto_version(context_.get(), options.most);
    const crypto::Owned<BIO> chain = crypto::ReadBio(AsBytes(identity.chain_pem)), key = crypto::ReadBio(identity.key_pem.view());
    const crypto::Owned<X509> leaf(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
    const crypto::Owned<EVP_PKEY> secret(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
    CHECK(SSL_CTX_use_certificate(context_.get(), leaf.get()) == 1 && SSL_CTX_use_PrivateKey(context_.get(), secret.get()) == 1);
    while (X509* next = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)) SSL_CTX_add_extra_chain_cert(context_.get(), next);
    crypto::ForgetOpensslErrors();
    if (options.demands_certificate) {
      SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    const int yes = 1;
    setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in at = {};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<uint16_t>(options.port));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(socket_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0 && listen(socket_, 16) == 0);
    socklen_t size = sizeof at;
    CHECK(getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~TlsServer() {
    stop_ = true;
    thread_.join();
    close(socket_);
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  int port() const { return port_; }

 private:
  void Serve() {
    while (!stop_) {
      pollfd waiting = {socket_, POLLIN, 0};
      if (poll(&waiting, 1, 20) <= 0) continue;
      const int fd = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context_.get()), SSL_free);
      SSL_set_fd(ssl.get(), fd);
      if (SSL_accept(ssl.get()) == 1) SSL_write(ssl.get(), "x", 1);
      crypto::ForgetOpensslErrors();
      SSL_shutdown(ssl.get());
      close(fd);
    }
  }

  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  const int socket_;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace plumbline::testing
