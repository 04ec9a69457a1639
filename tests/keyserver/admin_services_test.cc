// AdminGateway behind a listener that admits any certificate of the organisation: it asks by itself.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/identity/uri.h"
#include "common/rpc/credentials.h"
#include "common/rpc/listener.h"
#include "common/rpc/status.h"
#include "common/rpc/tls_policy.h"
#include "keyserver/services.h"
#include "keyserver/store/sqlcipher_succession_store.h"
#include "plumbline/keys/v1/keys.grpc.pb.h"
#include "tests/common/certificates.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

using crypto::Purpose;
using plumbline::testing::StatusIs;
using plumbline::testing::ValueOf;
using ::testing::StartsWith;

rpc::TlsIdentity Identity(const plumbline::testing::TestOrganisation& organisation, Purpose purpose,
                          const std::string& uri) {
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  crypto::LeafSpec spec = organisation.Spec(key, purpose);
  spec.uris = {uri};
  return {crypto::ToPemChain({organisation.Leaf(spec), organisation.issuing, organisation.root}), key.ToPem()};
}

TEST(AdminServices, AskEachCallerWhateverTheListenerAdmits) {
  ASSERT_OK(rpc::PinTls13());
  const plumbline::testing::TestOrganisation organisation;
  const std::string admin_uri = identity::ServiceUri{kDomain, identity::Service::kAdmin}.ToString();
  const std::string delivery_uri = identity::ServiceUri{kDomain, identity::Service::kDelivery}.ToString();
  const std::string device_uri = identity::DeviceUri{kDomain, identity::DeviceId{1}}.ToString();
  World world;
  const auto intent = Sign(MakeIntent(identity::Action::kListAccounts, "", world.clock().Now()), world.administrator());
  WorkerPool pool(2, 16);
  SqlcipherSuccessionStore successions(world.connection());
  ServiceRenewal renewal(world.organisation(), world.clock(), successions, world.refusals());
  const auto services = AdminServices(pool, world.organisation(), world.admin(), renewal);
  ASSERT_EQ(services.size(), 1u);
  const std::string root_pem = organisation.root.ToPem();
  const auto listener = ValueOf(rpc::Listener::Start(
      {.address = "127.0.0.1:0", .root_pem = root_pem},
      ValueOf(rpc::MutualServerCredentials(Identity(organisation, Purpose::kTlsPeer, "x:1"), root_pem)),
      {services.front().get()}));
  const auto execute = [&](Purpose purpose, const std::string& uri) {
    const auto gateway = keys::v1::AdminGateway::NewStub(
        ValueOf(rpc::NewChannel({.address = absl::StrCat("127.0.0.1:", listener->port()),
                                 .server_name = "",
                                 .root_pem = root_pem,
                                 .identity = Identity(organisation, purpose, uri)})));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    keys::v1::IntentResult result;
    return rpc::FromGrpc(gateway->Execute(&context, intent, &result));
  };
  for (const auto& [purpose, uri] : {std::pair(Purpose::kTlsClient, device_uri), {Purpose::kTlsPeer, delivery_uri},
                                     {Purpose::kTlsClient, admin_uri}}) {
    EXPECT_THAT(execute(purpose, uri), StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("not_authorised: ")))
        << uri;
    EXPECT_EQ(world.LastEvent("intent.refused").actor, uri);
  }
  EXPECT_OK(execute(Purpose::kTlsPeer, admin_uri));
}

}  // namespace
}  // namespace plumbline::keyserver
