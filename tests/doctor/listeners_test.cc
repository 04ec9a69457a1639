// Real handshakes with servers of which some are not as they should be.
#include "doctor/listeners.h"

#include <csignal>

#include "absl/strings/str_cat.h"
#include "common/rpc/tls_policy.h"
#include "tests/common/certificates.h"
#include "tests/doctor/findings.h"
#include "tests/doctor/tls_server.h"

namespace plumbline::doctor {
namespace {

using testing::TestOrganisation;
using testing::TlsServer;

class ListenersTest : public ::testing::Test {
 protected:
  ListenersTest() {
    CHECK(rpc::PinTls13().ok());
    std::signal(SIGPIPE, SIG_IGN);
    service_.title = "key server";
    service_.unit = "plumbline-keyserver.service";
  }
  rpc::TlsIdentity Identity() const {
    const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
    return {crypto::ToPemChain({organisation_.Leaf(key, crypto::Purpose::kTlsPeer), organisation_.issuing, organisation_.root}),
            key.ToPem()};
  }
  // What is said of a server like this where the configuration says `listener`.
  Report Judge(const TlsServer::Options& options, Listener listener) {
    const TlsServer server(Identity(), options);
    listener.field = "device_listen";
    listener.address = absl::StrCat("127.0.0.1:", server.port());
    Report report;
    JudgeListener(service_, listener, AskListener(listener), report);
    return report;
  }

  const TestOrganisation organisation_;
  Service service_{};
};

TEST_F(ListenersTest, AllIsWell) {
  const Report open = Judge({.least = TLS1_3_VERSION}, {});
  EXPECT_EQ(open.ExitCode(), kExitOk) << open.Text();
  EXPECT_EQ(open.findings().size(), 3u);
  const Report mutual = Judge({.least = TLS1_3_VERSION, .demands_certificate = true}, {.demands_certificate = true});
  EXPECT_EQ(mutual.ExitCode(), kExitOk) << mutual.Text();
  EXPECT_EQ(mutual.findings().size(), 3u);
}

TEST_F(ListenersTest, Tls12IsNamed) {
  EXPECT_THAT(Of(Judge({}, {}), "tls.version"), IsFailed());
  EXPECT_THAT(Of(Judge({.most = TLS1_2_VERSION}, {}), "tls.version"), IsFailed());
}

// It fails with or without TLS 1.2, for want of a certificate: what it shows before tells which.
TEST_F(ListenersTest, Tls12IsNamedWhereACertificateIsDemanded) {
  EXPECT_THAT(Of(Judge({.demands_certificate = true}, {.demands_certificate = true}), "tls.version"), IsFailed());
}

TEST_F(ListenersTest, WhoGetsInWithoutACertificate) {
  EXPECT_THAT(Of(Judge({.least = TLS1_3_VERSION}, {.demands_certificate = true}), "tls.client_certificate"), IsFailed());
  EXPECT_THAT(Of(Judge({.least = TLS1_3_VERSION, .demands_certificate = true}, {}), "tls.client_certificate"), IsFailed());
}

TEST_F(ListenersTest, NobodyAnswers) {
  Listener listener{.field = "listen", .address = "127.0.0.1:1"};
  Report report;
  JudgeListener(service_, listener, AskListener(listener), report);
  EXPECT_THAT(Of(report, "listener.answers"), IsFailed());
  EXPECT_THAT(Of(report, "listener.answers").remedy, ::testing::HasSubstr("systemctl status plumbline-keyserver.service"));
  EXPECT_THAT(Of(report, "tls.version"), IsNotChecked());
  listener.tls = false;
  service_.listeners = {listener};
  Report http;
  EXPECT_TRUE(CheckListeners({{service_}}, http).empty());
  EXPECT_THAT(Of(http, "listener.answers"), IsFailed());
}

}  // namespace
}  // namespace plumbline::doctor
