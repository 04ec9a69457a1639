// In a process of its own, because the policy is one for each process.
#include "common/rpc/tls_policy.h"

#include <grpc/grpc.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "common/rpc/credentials.h"
#include "common/rpc/handshake.h"
#include "common/rpc/probe.h"
#include "tests/common/certificates.h"
#include "tests/status_matchers.h"

namespace plumbline::rpc {
namespace {

using ::plumbline::testing::StatusIs;
using ::testing::HasSubstr;

// Runs `body` in a child, so that each case starts with an untouched OpenSSL and gRPC. True if it says true.
template <typename Body>
bool InFreshProcess(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body() ? 0 : 1);
  int result = -1;
  waitpid(child, &result, 0);
  return WIFEXITED(result) && WEXITSTATUS(result) == 0;
}

bool Tls12IsOff() {
  SSL_CTX* context = SSL_CTX_new(TLS_method());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  const bool off = (SSL_CTX_get_options(context) & SSL_OP_NO_TLSv1_2) != 0;
  SSL_CTX_free(context);
  return off;
}

TEST(PinTls13, SwitchesOlderVersionsOffForEveryContextMadeLater) {
  EXPECT_TRUE(InFreshProcess([] { return PinTls13().ok() && Tls13IsPinned() && Tls12IsOff() && PinTls13().ok(); }));
}

TEST(PinTls13, HoldsAgainstAnEnvironmentThatNamesAnotherConfiguration) {
  EXPECT_TRUE(InFreshProcess([] {
    setenv("OPENSSL_CONF", "/nonexistent/openssl.cnf", 1);
    return PinTls13().ok() && Tls12IsOff();
  }));
}

TEST(PinTls13, HoldsAfterCryptographyLoadedTheSystemsConfiguration) {
  EXPECT_TRUE(InFreshProcess([] {
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, nullptr);
    return PinTls13().ok() && Tls12IsOff();
  }));
}

TEST(PinTls13, NamesAHostThatWasFirst) {
  EXPECT_TRUE(InFreshProcess([] {
    grpc_init();
    const absl::Status status = PinTls13();
    return absl::IsFailedPrecondition(status) && status.message().find("tls_policy_too_late") == 0 && !Tls13IsPinned();
  }));
}

// The control for every test that says TLS 1.2 is refused: without the policy the same probe finds it accepted.
TEST(SelfProbe, FindsTls12AcceptedWhereNothingPinsTheVersion) {
  EXPECT_TRUE(InFreshProcess([] {
    const testing::TestOrganisation org;
    const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back(
        {ToString(key.ToPem().view()), crypto::ToPemChain({org.Leaf(key, crypto::Purpose::kTlsServer), org.issuing})});
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(options), &port);
    grpc::CallbackGenericService service;
    builder.RegisterCallbackGenericService(&service);
    const auto server = builder.BuildAndStart();
    const std::string address = "127.0.0.1:" + std::to_string(port);
    const auto old = Handshake(address, {.version = TlsVersion::k12});
    const absl::Status probe = SelfProbe(address, org.root.ToPem());
    return old.ok() && old->outcome == HandshakeResult::Outcome::kDone &&
           probe.message().find("TLS 1.2 is not refused") != absl::string_view::npos;
  }));
}

TEST(Credentials, AreNotMadeBeforeTheVersionIsPinned) {
  EXPECT_TRUE(InFreshProcess([] {
    const testing::TestOrganisation org;
    const Endpoint endpoint{.address = "localhost:1", .server_name = "", .root_pem = org.root.ToPem(), .identity = std::nullopt};
    return absl::IsFailedPrecondition(NewChannel(endpoint).status()) &&
           absl::IsFailedPrecondition(AnonymousServerCredentials(TlsIdentity{}).status());
  }));
}

}  // namespace
}  // namespace plumbline::rpc
