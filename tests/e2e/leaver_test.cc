// A leaver, measured: real services, and a device that keeps and tries everything it ever got. Each
// test prints how many seconds after the administrator's call (or after the delivery server's
// return) each of its powers was refused.
#include "tests/e2e/leaver.h"

#include <nlohmann/json.hpp>

#include "assess/tools/child.h"
#include "common/rpc/probe.h"
#include "common/rpc/tls_policy.h"
#include "tests/status_matchers.h"

namespace plumbline::testing {
namespace {

using assess::Service;

const bool kPinned = [] {  // before anything uses TLS
  CHECK(rpc::PinTls13().ok());
  return true;
}();

constexpr absl::Duration kCap = absl::Seconds(30);  // generous: what counts is what is printed

// Tries until it is refused for `reason` (any reason of the list); prints the time since `since`.
void AwaitRefusal(const char* what, absl::Time since, const std::vector<std::string>& reasons,
                  const std::function<absl::Status()>& attempt) {
  absl::Status status;
  while (absl::Now() - since < kCap) {
    status = attempt();
    const std::string reason = identity::ReasonOf(status);
    if (!status.ok() && std::find(reasons.begin(), reasons.end(), reason) != reasons.end()) {
      std::printf("  %-28s refused after %.3f s (%s)\n", what,
                  absl::ToDoubleSeconds(absl::Now() - since), reason.c_str());
      return;
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
  ADD_FAILURE() << what << " still works, or is refused otherwise: " << status;
}

void AwaitDeliveryRefusals(Leaver& leaver, absl::Time since) {
  AwaitRefusal("open Receive stream", since, {"mailbox_closed"}, [&] {
    return leaver.stream_was_closed() ? absl::NotFoundError("mailbox_closed: ended")
                                      : absl::OkStatus();
  });
  AwaitRefusal("Receive", since, {"proof_invalid"}, [&] { return leaver.ReceiveAnew(); });
  AwaitRefusal("OpenMailbox, unopened grant", since, {"grant_revoked"},
               [&] { return leaver.OpenAnotherMailbox(); });
}

void AwaitKeyserverRefusals(Leaver& leaver, const std::string& reason, absl::Time since) {
  AwaitRefusal("device rpc, open connection", since, {reason}, [&] { return leaver.DeviceRpc(); });
  AwaitRefusal("RenewCertificate", since, {reason}, [&] { return leaver.RenewCertificate(); });
}

// Whose tokens they are nobody knows: they count until everybody's are made void.
void AwaitTokenRefusals(Leaver& leaver, const std::string& other, absl::Time since) {
  AwaitRefusal("Submit on an open session", since, {"session_ended", "session_unknown"},
               [&] { return leaver.Submit(); });
  AwaitRefusal("OpenSession, unspent token", since, {"token_void"},
               [&] { return leaver.OpenSession().status(); });
  AwaitRefusal("LookUp, unspent token", since, {"token_void"},
               [&] { return leaver.LookUp(other); });
  AwaitRefusal("ClaimKeyPackages", since, {"token_void"}, [&] { return leaver.Claim(other); });
}

struct Scene {
  Scene()
      : leaver(services, person = services.NewPerson("lena")),
        stayer(services, services.NewPerson("stan")) {
    leaver.Listen();
  }
  nlohmann::json Act(const std::vector<std::string>& action) {
    std::vector<std::string> arguments = action;
    arguments.insert(arguments.end(), {"--reason", "leaves the organisation"});
    const assess::CommandResult result = ValueOf(services.organisation.Administer(arguments));
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    return nlohmann::json::parse(result.out, nullptr, false);
  }
  // Ends the epoch; keys that are younger than a minute are waited for. When that was.
  absl::Time EndTokens(const std::string& delivery = "confirmed") {
    const absl::Time give_up = absl::Now() + absl::Minutes(3);
    while (true) {
      const absl::Time called = absl::Now();
      const assess::CommandResult result =
          ValueOf(services.organisation.Administer({"tokens", "end", "--reason", "somebody left in anger"}));
      if (result.exit_code == 0) {
        EXPECT_EQ(nlohmann::json::parse(result.out)["revocation"]["delivery"], delivery) << result.out;
        return called;
      }
      EXPECT_NE(result.out.find("epoch_too_young"), std::string::npos) << result.out << result.err;
      CHECK(absl::Now() < give_up);
      absl::SleepFor(absl::Seconds(1));
    }
  }
  void ExpectStayerUntouched() {
    EXPECT_OK(stayer.DeviceRpc());
    EXPECT_OK(stayer.Submit());
    EXPECT_OK(stayer.ReceiveAnew());
    EXPECT_OK(stayer.OpenAnotherMailbox());
    EXPECT_OK(stayer.OpenSession());
  }
  ServiceFixture services{PLUMBLINE_BIN};
  assess::Person person;
  Leaver leaver, stayer;
};

void Leave(const std::string& verb, const std::string& reason) {
  Scene scene;
  ASSERT_OK(scene.stayer.Claim(scene.leaver.user()));
  std::printf("account %s, both servers up:\n", verb.c_str());
  const absl::Time called = absl::Now();
  const nlohmann::json result = scene.Act({"account", verb, "lena"});
  EXPECT_EQ(result["revocation"]["delivery"], "confirmed") << result;
  std::printf("  %-28s answered after %.3f s\n", "the action itself",
              absl::ToDoubleSeconds(absl::Now() - called));
  AwaitDeliveryRefusals(scene.leaver, called);
  AwaitKeyserverRefusals(scene.leaver, reason, called);
  AwaitRefusal("Enrol, unused invitation", called, {"code_withdrawn"},
               [&] { return scene.leaver.EnrolWithUnusedCode(); });
  AwaitRefusal("claiming the leaver's packages", called, {"account_removed", "account_suspended"},
               [&] { return scene.stayer.Claim(scene.leaver.user()); });
  scene.ExpectStayerUntouched();
  if (verb != "remove") return;
  EXPECT_OK(scene.leaver.OpenSession());  // the control: a token of nobody in particular
  AwaitTokenRefusals(scene.leaver, scene.stayer.user(), scene.EndTokens());
  EXPECT_THAT(scene.stayer.OpenSession().status(), StatusIs(absl::StatusCode::kUnauthenticated));
  scene.stayer.DrawTokens();
  scene.stayer.OpenAnew();
  scene.ExpectStayerUntouched();
}

TEST(Leaver, IsDeadEverywhereAfterRemoval) { Leave("remove", "device_revoked"); }
TEST(Leaver, IsDeadEverywhereAfterSuspension) { Leave("suspend", "account_suspended"); }

TEST(Leaver, OneDeviceIsDeadAndTheAccountLives) {
  Scene scene;
  std::printf("device revoke, both servers up:\n");
  const absl::Time called = absl::Now();
  const nlohmann::json result =
      scene.Act({"device", "revoke", "lena", ToHex(scene.leaver.id()).substr(0, 12)});
  EXPECT_EQ(result["status"], "active");
  EXPECT_TRUE(result["devices"].empty());
  AwaitDeliveryRefusals(scene.leaver, called);
  AwaitKeyserverRefusals(scene.leaver, "device_revoked", called);
  EXPECT_OK(
      scene.leaver.EnrolWithUnusedCode());  // the person stays, and so does what they were given
  scene.ExpectStayerUntouched();
}

// The delivery server is down at the moment of the action; the key server is killed before it could
// push, and starts again.
TEST(Leaver, HoldsWhenTheDeliveryServerIsDownAndTheKeyServerDies) {
  Scene scene;
  assess::Organisation& organisation = scene.services.organisation;
  organisation.Kill(Service::kDelivery);
  std::printf("account remove, delivery server down:\n");
  const absl::Time called = absl::Now();
  const nlohmann::json result = scene.Act({"account", "remove", "lena"});
  EXPECT_EQ(result["revocation"]["delivery"], "pending") << result;
  AwaitKeyserverRefusals(scene.leaver, "device_revoked", called);
  scene.EndTokens("pending");
  organisation.Kill(Service::kKeyserver);
  ASSERT_OK(organisation.Start(Service::kKeyserver));
  std::printf("  key server killed and started again; then the delivery server starts:\n");
  const absl::Time started = absl::Now();
  ASSERT_OK(organisation.Start(Service::kDelivery));
  const absl::Time up = absl::Now();
  AwaitRefusal("Receive", up, {"proof_invalid"}, [&] { return scene.leaver.ReceiveAnew(); });
  AwaitRefusal("OpenSession, unspent token", up, {"token_void"},
               [&] { return scene.leaver.OpenSession().status(); });
  AwaitRefusal("OpenMailbox, unopened grant", up, {"grant_revoked"},
               [&] { return scene.leaver.OpenAnotherMailbox(); });
  AwaitRefusal("Submit on the old session", up, {"session_unknown", "session_ended"},
               [&] { return scene.leaver.Submit(); });
  std::printf("  (the delivery server took %.3f s to start)\n",
              absl::ToDoubleSeconds(up - started));
  EXPECT_OK(scene.stayer.ReceiveAnew());
  const auto shown = nlohmann::json::parse(
      ValueOf(organisation.Administer({"account", "show", "lena"})).out, nullptr, false);
  EXPECT_EQ(shown["revocation"]["delivery"], "confirmed") << shown;
}

// The listener for revocations takes the key server's certificate and no other of the organisation.
TEST(RevocationListener, AdmitsNoDeviceAndNoOtherService) {
  ServiceFixture services(PLUMBLINE_BIN);
  const auto key = crypto::P256PrivateKey::Generate();
  EXPECT_TRUE(assess::PortAnswers(services.organisation.ports().revocation));
  rpc::Endpoint endpoint;
  endpoint.address = absl::StrCat("127.0.0.1:", services.organisation.ports().revocation);
  const std::string trust =
      ValueOf(assess::ReadFile(services.organisation.FolderOf(Service::kDelivery) + "/trust.pem"));
  endpoint.root_pem = ValueOf(crypto::ParsePemChain(trust)).front().ToPem();
  const std::string folder = services.organisation.folder();
  ASSERT_OK(
      assess::WriteFile(folder + "/other.csr", ToString(crypto::CertificateRequest::Create(key))));
  const auto attempt = [&](const rpc::Endpoint& with) {
    const auto stub = delivery::v1::Revocations::NewStub(ValueOf(rpc::NewChannel(with)));
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(10)));
    delivery::v1::RevokeResponse response;
    return rpc::FromGrpc(stub->Revoke(&context, delivery::v1::RevokeRequest(), &response));
  };
  EXPECT_THAT(
      attempt(endpoint),
      StatusIs(absl::StatusCode::kUnavailable));  // without a certificate there is no connection
  for (const char* service : {"admin", "delivery"}) {
    ASSERT_OK(services.organisation.KeyserverTool({"sign-service", "--service", service, "--csr",
                                                   folder + "/other.csr", "--ip", "127.0.0.1",
                                                   "--out", folder + "/other.pem"}));
    rpc::Endpoint as = endpoint.Copy();
    as.identity = rpc::TlsIdentity{ValueOf(assess::ReadFile(folder + "/other.pem")), key.ToPem()};
    // Not even a connection, and why: the key server, under the same root, has one (the tests
    // above).
    EXPECT_THAT(attempt(as), StatusIs(absl::StatusCode::kUnavailable)) << service;
    EXPECT_EQ(rpc::ReasonId(rpc::Diagnose(as, absl::Now())), "own_certificate_refused") << service;
  }
  services.organisation.Stop(Service::kDelivery);
  EXPECT_THAT(ValueOf(assess::ReadFile(services.organisation.LogOf(Service::kDelivery))),
              ::testing::HasSubstr("revocations.refused"));
}

}  // namespace
}  // namespace plumbline::testing
