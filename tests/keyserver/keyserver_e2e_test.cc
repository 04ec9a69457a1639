// The real program over real sockets and TLS: the whole way from the ceremony to claimed key packages, who
// may call what, and what a crash, a signal, a busy port and hostile bytes do.
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <fstream>
#include <future>
#include <map>
#include <random>

#include "absl/strings/str_replace.h"
#include "common/crypto/issue.h"
#include "common/identity/record.h"
#include "common/identity/trust.h"
#include "common/rpc/probe.h"
#include "common/rpc/status.h"
#include "keyserver/store/sqlcipher_connection.h"
#include "plumbline/audit/v1/audit.pb.h"
#include "plumbline/keys/v1/devices.grpc.pb.h"
#include "tests/common/codes.h"
#include "tests/keyserver/keyserver_process.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;
constexpr auto kDenied = absl::StatusCode::kPermissionDenied;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

template <typename Stub, typename Request, typename Response>
absl::Status Call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  const Request& request, Response& response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  return rpc::FromGrpc((stub.*method)(&context, request, &response));
}

// An administrator at work through the gateway.
struct Office {
  explicit Office(const KeyserverProcess& server) : gateway(server.AsService("admin", key)) {
    keys::v1::RegisterFirstAdministratorResponse response;
    const auto registered = Call(gateway, &keys::v1::AdminGateway::Stub::RegisterFirstAdministrator,
                                 Registration(administrator, server.first_code()), response);
    if (!registered.ok()) std::fprintf(stderr, "%s\n", registered.ToString().c_str());
    CHECK(registered.ok());
  }

  absl::StatusOr<keys::v1::IntentResult> Execute(const identity::Intent& intent) {
    keys::v1::IntentResult result;
    RETURN_IF_ERROR(
        Call(gateway, &keys::v1::AdminGateway::Stub::Execute, Sign(intent, administrator), result));
    return result;
  }
  identity::Hash State(absl::string_view user) {
    keys::v1::AccountView view;
    CHECK(view.ParseFromString(
        Execute(MakeIntent(identity::Action::kGetAccount, user, absl::Now()))->result()));
    return *identity::ToFixed<32>(AsBytes(view.state_hash()));
  }
  void Create(absl::string_view user) {
    identity::Intent intent = MakeIntent(identity::Action::kCreateAccount, user, absl::Now());
    intent.parameters = Encode(identity::CreateAccountParameters{"Somebody", "in person", "file 7"});
    CHECK(Execute(intent).ok());
  }
  std::string Code(absl::string_view user) {
    identity::Intent intent = MakeIntent(identity::Action::kIssueEnrolmentCode, user, absl::Now());
    const std::string code = identity::GenerateCode();
    intent.parameters = testing::CodeParameters(3600, user, code);
    intent.state_hash = State(user);
    CHECK(Execute(intent).ok());
    return code;
  }

  crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  TestAdministrator administrator;
  keys::v1::AdminGateway::Stub gateway;
};

absl::Status TryEnrol(const KeyserverProcess& server, absl::string_view code,
                      keys::v1::EnrolResponse& response, const Applicant& applicant = Applicant()) {
  keys::v1::Enrolment::Stub stub(server.Anonymous());
  return Call(stub, &keys::v1::Enrolment::Stub::Enrol, Application(applicant, kAlice, code), response);
}

TestDevice Enrol(const KeyserverProcess& server, Office& office) {
  Applicant applicant;
  keys::v1::EnrolResponse response;
  CHECK(TryEnrol(server, office.Code(kAlice), response, applicant).ok());
  return Joined(std::move(applicant), response);
}

keys::v1::SignedRequest Signed(keys::v1::Device::Stub& stub, TestDevice& device, absl::string_view rpc,
                               const google::protobuf::Message& body, const crypto::Certificate& server) {
  keys::v1::OpenChannelResponse channel;
  CHECK(Call(stub, &keys::v1::Device::Stub::OpenChannel, keys::v1::OpenChannelRequest(), channel).ok());
  device.nonce = *identity::ToFixed<32>(AsBytes(channel.nonce()));
  device.counter = 0;
  return SignRequest(device, rpc, body, server);
}

TEST(KeyserverProcess, ServesFromTheCeremonyToAClaimedKeyPackage) {
  KeyserverProcess server(Ceremony::kByTheProgram);
  server.Start();
  // A newcomer knows the root's fingerprint and nothing else.
  ASSERT_OK_AND_ASSIGN(const auto fingerprint, crypto::Fingerprint::FromText(server.fingerprint()));
  ASSERT_OK_AND_ASSIGN(const std::string root,
                       rpc::FetchPinnedRoot(server.anonymous_address(), fingerprint, absl::Now()));
  keys::v1::Enrolment::Stub enrolment(server.Anonymous());
  keys::v1::GetOrganisationResponse organisation;
  ASSERT_OK(Call(enrolment, &keys::v1::Enrolment::Stub::GetOrganisation, keys::v1::GetOrganisationRequest(),
                 organisation));
  std::vector<crypto::Certificate> roles;
  for (const std::string& der : organisation.role_certificates()) {
    roles.push_back(*crypto::Certificate::Parse(AsBytes(der)));
  }
  ASSERT_OK_AND_ASSIGN(const auto trust, identity::VerifyTrust(*crypto::Certificate::ParsePem(root), roles,
                                                               AsBytes(organisation.organisation_keys()), organisation.domain(), absl::Now()));
  EXPECT_EQ(organisation.delivery_address(), "127.0.0.1:7444");

  Office office(server);
  office.Create(kAlice);
  TestDevice device = Enrol(server, office);
  const crypto::Certificate own = server.keys().service_certificate;
  keys::v1::Device::Stub devices(server.AsDevice(device));
  keys::v1::PublishKeyPackagesRequest packages;
  packages.add_key_packages(MakeKeyPackage(device, absl::Now()));
  keys::v1::PublishKeyPackagesResponse published;
  ASSERT_OK(Call(devices, &keys::v1::Device::Stub::PublishKeyPackages,
                 Signed(devices, device, "PublishKeyPackages", packages, own), published));
  keys::v1::Directory::Stub directory(server.Anonymous());
  keys::v1::GetTokenKeysResponse token_keys;
  ASSERT_OK(Call(directory, &keys::v1::Directory::Stub::GetTokenKeys, keys::v1::GetTokenKeysRequest(), token_keys));
  ASSERT_EQ(token_keys.token_keys_size(), 2);  // one for each purpose
  ASSERT_OK_AND_ASSIGN(const tokens::TokenKey key,
                       tokens::OpenTokenKey(AsBytes(token_keys.token_keys(1)), trust.tokens_key, trust.domain));
  ASSERT_EQ(key.leaf.purpose, "directory");
  keys::v1::DrawTokensRequest draw;
  draw.set_purpose("directory");
  std::vector<tokens::PendingToken> pending;
  for (int i = 0; i < 2; ++i) {
    pending.push_back(*tokens::PendingToken::Begin(tokens::ChallengeFor(trust.domain, "directory"), key.key));
    draw.add_token_requests(ToString(tokens::Encode(pending.back().request())));
  }
  keys::v1::DrawTokensResponse answers;
  ASSERT_OK(Call(devices, &keys::v1::Device::Stub::DrawTokens,
                 Signed(devices, device, "DrawTokens", draw, own), answers));
  std::vector<tokens::ShownToken> shown;
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const tokens::TokenResponse answer, tokens::ParseTokenResponse(AsBytes(answers.token_responses(i))));
    ASSERT_OK_AND_ASSIGN(const tokens::Token token, pending[static_cast<size_t>(i)].Finish(answer));
    shown.push_back({ToString(tokens::Encode(token)), token_keys.token_keys(1)});
  }

  keys::v1::LookUpRequest look_up;
  look_up.set_user(kAlice);
  tokens::Show(look_up, shown[0]);
  keys::v1::LookUpResponse found;
  ASSERT_OK(Call(directory, &keys::v1::Directory::Stub::LookUp, look_up, found));
  EXPECT_OK(identity::VerifyDirectoryRecord(AsBytes(found.record().record()),
                                            AsBytes(found.record().signature()), trust.directory_key));
  EXPECT_THAT(Call(directory, &keys::v1::Directory::Stub::LookUp, look_up, found),
              StatusIs(kUnauthenticated, StartsWith("token_spent: ")));
  keys::v1::ClaimKeyPackagesRequest claim;
  claim.set_user(kAlice);
  tokens::Show(claim, shown[1]);
  claim.set_cipher_suite(3);
  keys::v1::ClaimKeyPackagesResponse claimed;
  ASSERT_OK(Call(directory, &keys::v1::Directory::Stub::ClaimKeyPackages, claim, claimed));
  ASSERT_EQ(claimed.key_packages_size(), 1);
  EXPECT_EQ(claimed.key_packages(0).key_package(), packages.key_packages(0));

  const Ended audit = server.Run("verify-audit");
  EXPECT_EQ(audit.code, 0) << audit.output;
  server.Kill(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
  EXPECT_THAT(server.LogText(), HasSubstr("service.stopped"));
  EXPECT_THAT(server.LogText(), ::testing::Not(HasSubstr("alice")));
}

TEST(KeyserverProcess, EachListenerHasItsOwnServicesOnly) {
  KeyserverProcess server;
  server.Start();
  Office office(server);
  office.Create(kAlice);
  const TestDevice device = Enrol(server, office);
  const std::string admin = server.ServiceChain("admin", office.key);

  const auto anonymous = server.Anonymous();
  const auto as_device = server.AsDevice(device);
  const auto admin_at_devices = server.Mutual(server.device_address(), admin, office.key);
  const auto as_admin = server.AsService("admin", office.key);

  const auto intent = Sign(MakeIntent(identity::Action::kListAccounts, "", absl::Now()), office.administrator);
  for (const auto& channel : {anonymous, as_device, admin_at_devices}) {
    keys::v1::AdminGateway::Stub gateway(channel);
    keys::v1::IntentResult result;
    EXPECT_THAT(Call(gateway, &keys::v1::AdminGateway::Stub::Execute, intent, result), StatusIs(kUnimplemented));
    keys::v1::RegisterFirstAdministratorResponse response;
    EXPECT_THAT(Call(gateway, &keys::v1::AdminGateway::Stub::RegisterFirstAdministrator,
                     Registration(office.administrator, server.first_code()), response),
                StatusIs(kUnimplemented));
  }
  for (const auto& channel : {anonymous, as_admin}) {
    keys::v1::Device::Stub devices(channel);
    keys::v1::OpenChannelResponse opened;
    EXPECT_THAT(
        Call(devices, &keys::v1::Device::Stub::OpenChannel, keys::v1::OpenChannelRequest(), opened),
        StatusIs(kUnimplemented));
    keys::v1::OwnDevices::Stub own_devices(channel);
    keys::v1::ListJoinRequestsResponse requests;
    EXPECT_THAT(
        Call(own_devices, &keys::v1::OwnDevices::Stub::ListJoinRequests, keys::v1::SignedRequest(), requests),
        StatusIs(kUnimplemented));
  }
  for (const auto& channel : {as_device, admin_at_devices, as_admin}) {
    keys::v1::Enrolment::Stub enrolment(channel);
    keys::v1::GetOrganisationResponse organisation;
    EXPECT_THAT(Call(enrolment, &keys::v1::Enrolment::Stub::GetOrganisation,
                     keys::v1::GetOrganisationRequest(), organisation),
                StatusIs(kUnimplemented));
  }

  // What each has, for its own callers; and Device is for devices.
  EXPECT_OK(office.Execute(MakeIntent(identity::Action::kListAccounts, "", absl::Now())));
  keys::v1::OpenChannelResponse opened;
  keys::v1::Device::Stub own(as_device), others(admin_at_devices);
  EXPECT_OK(Call(own, &keys::v1::Device::Stub::OpenChannel, keys::v1::OpenChannelRequest(), opened));
  EXPECT_THAT(Call(others, &keys::v1::Device::Stub::OpenChannel, keys::v1::OpenChannelRequest(), opened),
              StatusIs(kDenied, StartsWith("not_authorised: ")));
}

// Everybody else is refused in the handshake; who is of the organisation is recorded.
TEST(KeyserverProcess, TheAdminListenerAdmitsTheAdminServiceAlone) {
  KeyserverProcess server;
  server.Start();
  Office office(server);
  office.Create(kAlice);
  const TestDevice device = Enrol(server, office);
  const KeyRing& keys = server.keys();
  const crypto::P256PrivateKey& key = office.key;
  const std::string admin_uri = identity::ServiceUri{kDomain, identity::Service::kAdmin}.ToString();
  const auto spec = [&](crypto::Purpose purpose, std::vector<std::string> uris) {
    crypto::LeafSpec out;
    out.spki = key.spki();
    out.uris = std::move(uris);
    out.dns_names = {"localhost"};
    out.purpose = purpose;
    out.validity = ValidFrom(absl::Now(), absl::Hours(1));
    return out;
  };
  const auto chain = [&](const crypto::LeafSpec& leaf) {
    return crypto::ToPemChain({*crypto::IssueLeaf(keys.issuing, keys.issuing_key, leaf), keys.issuing});
  };
  crypto::LeafSpec ended = spec(crypto::Purpose::kTlsPeer, {admin_uri});
  ended.validity = {keys.issuing.not_before(), absl::Now() - absl::Seconds(5)};
  const crypto::P256PrivateKey other_key = crypto::P256PrivateKey::Generate();
  const auto other_root = *crypto::MakeRoot(other_key, "Other root", ValidFrom(absl::Now(), absl::Hours(24)));
  const auto foreign = *crypto::IssueLeaf(other_root, other_key, spec(crypto::Purpose::kTlsPeer, {admin_uri}));
  const std::string device_uri = identity::DeviceUri{kDomain, device.id}.ToString();

  struct Caller {
    std::string who, chain_pem;
    const crypto::P256PrivateKey& key;
  };
  const std::vector<Caller> strangers = {
      {"no certificate", "", key},
      {"a device", crypto::ToPemChain({device.tls, device.issuing}), device.keys.tls_key},
      {"the delivery server", server.ServiceChain("delivery", key), key},
      {"the key server", server.ServiceChain("keyserver", key), key},
      {"a device under the admin service's name", chain(spec(crypto::Purpose::kTlsClient, {admin_uri})), key},
      {"a service of two names", chain(spec(crypto::Purpose::kTlsPeer, {device_uri, admin_uri})), key},
      {"the admin service of another domain",
       chain(spec(crypto::Purpose::kTlsPeer, {"plumbline://example.net/service/admin"})), key},
      {"an admin service that has ended", chain(ended), key},
      {"another organisation's", crypto::ToPemChain({foreign, other_root}), key},
  };
  const auto intent = Sign(MakeIntent(identity::Action::kListAccounts, "", absl::Now()), office.administrator);
  for (const Caller& stranger : strangers) {
    SCOPED_TRACE(stranger.who);
    keys::v1::AdminGateway::Stub gateway(server.Mutual(server.admin_address(), stranger.chain_pem, stranger.key));
    keys::v1::IntentResult result;
    EXPECT_THAT(Call(gateway, &keys::v1::AdminGateway::Stub::Execute, intent, result),
                StatusIs(absl::StatusCode::kUnavailable));
    rpc::Endpoint endpoint{.address = server.admin_address(), .server_name = "", .root_pem = keys.RootPem(), .identity = {}};
    if (!stranger.chain_pem.empty()) endpoint.identity = rpc::TlsIdentity{stranger.chain_pem, stranger.key.ToPem()};
    EXPECT_EQ(rpc::ReasonId(rpc::Diagnose(endpoint, absl::Now())),
              stranger.who == "an admin service that has ended" ? "own_certificate_expired" : "own_certificate_refused");
  }
  // The same request from the admin service.
  keys::v1::IntentResult result;
  EXPECT_OK(Call(office.gateway, &keys::v1::AdminGateway::Stub::Execute, intent, result));

  std::map<std::string, int> recorded;
  identity::Intent audit = MakeIntent(identity::Action::kListAuditEvents, "", absl::Now());
  audit.parameters = Encode(identity::ListAuditEventsParameters{0, 1000});
  ASSERT_OK_AND_ASSIGN(const keys::v1::IntentResult answer, office.Execute(audit));
  audit::v1::AuditPage page;
  ASSERT_TRUE(page.ParseFromString(answer.result()));
  for (const auto& event : page.events()) {
    if (event.name() == "intent.refused" && event.reason() == "not_authorised") ++recorded[event.actor()];
  }
  EXPECT_GT(recorded[device_uri], 0);
  EXPECT_GT(recorded["plumbline://example.org/service/delivery"], 0);
}

TEST(KeyserverProcess, NoCertificateAnotherOrganisationsOrAnExpiredOneGetsNoConnection) {
  KeyserverProcess server;
  server.Start();
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  const auto try_open = [](std::shared_ptr<grpc::Channel> channel) {
    keys::v1::Device::Stub stub(std::move(channel));
    keys::v1::OpenChannelResponse response;
    return Call(stub, &keys::v1::Device::Stub::OpenChannel, keys::v1::OpenChannelRequest(), response);
  };
  EXPECT_THAT(try_open(server.Mutual(server.device_address(), "", key)), StatusIs(absl::StatusCode::kUnavailable));

  const crypto::P256PrivateKey other_key = crypto::P256PrivateKey::Generate();
  const auto other_root = *crypto::MakeRoot(other_key, "Other root", ValidFrom(absl::Now(), absl::Hours(24)));
  crypto::LeafSpec spec;
  spec.spki = key.spki();
  spec.uris = {identity::DeviceUri{kDomain, identity::DeviceId{1}}.ToString()};
  spec.validity = ValidFrom(absl::Now(), absl::Hours(1));
  const auto foreign = *crypto::IssueLeaf(other_root, other_key, spec);
  EXPECT_THAT(try_open(server.Mutual(server.device_address(), crypto::ToPemChain({foreign, other_root}), key)),
              StatusIs(absl::StatusCode::kUnavailable));

  const KeyRing& keys = server.keys();
  spec.validity = {absl::Now() - absl::Hours(2), absl::Now() - absl::Hours(1)};
  // The issuing certificate has not begun two hours ago, so only the end is in question.
  spec.validity.not_before = keys.issuing.not_before();
  spec.validity.not_after = absl::Now() - absl::Seconds(5);
  const auto expired = *crypto::IssueLeaf(keys.issuing, keys.issuing_key, spec);
  EXPECT_THAT(try_open(server.Mutual(server.device_address(), crypto::ToPemChain({expired, keys.issuing}), key)),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST(KeyserverProcess, AWrongCodesAttemptSurvivesAKill) {
  KeyserverProcess server;
  server.Start();
  Office office(server);
  office.Create(kAlice);
  const std::string code = office.Code(kAlice);
  keys::v1::EnrolResponse response;
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(TryEnrol(server, "0000-0000-0000-0000", response),
                StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
    if (i == 2) {
      server.Kill(SIGKILL);
      server.Wait();
      server.Start();
    }
  }
  EXPECT_THAT(TryEnrol(server, code, response), StatusIs(kUnauthenticated, StartsWith("code_exhausted: ")));
}

grpc::Status SendRaw(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                     const Bytes& bytes) {
  grpc::GenericStub stub(channel);
  const grpc::Slice slice(bytes.data(), bytes.size());
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, method, grpc::StubOptions(), &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

std::string DumpOf(const KeyserverProcess& server) {
  const SystemClock clock;
  db::OpenOptions options;
  options.create = false;
  options.exclusive = false;
  auto connection = SqlcipherConnection::Open(DatabasePath(server.path("data")), server.keys().database_key,
                                              *server.keys().AuditKey(), *server.keys().LogKeys(), clock, options);
  CHECK(connection.ok());
  return Dump(**connection);
}

// Random, truncated and oversized bytes at every rpc: a status each time, the process lives on, and nothing
// has changed.
TEST(KeyserverProcess, HostileBytesAtEveryRpcChangeNothing) {
  KeyserverProcess server;
  server.Start();
  Office office(server);
  office.Create(kAlice);
  TestDevice device = Enrol(server, office);
  const std::string code = office.Code(kAlice);
  const Applicant applicant;
  keys::v1::Device::Stub devices(server.AsDevice(device));
  const crypto::Certificate own = server.keys().service_certificate;
  const std::string before = DumpOf(server);

  struct Target {
    std::shared_ptr<grpc::Channel> channel;
    std::string method;
    std::string valid;  // cut and changed below; never sent whole
  };
  const std::string signed_request =
      Signed(devices, device, "GetOwnAccount", keys::v1::GetOwnAccountRequest(), own).SerializeAsString();
  identity::Intent creation = MakeIntent(identity::Action::kCreateAccount, kBob, absl::Now());
  creation.parameters = Encode(identity::CreateAccountParameters{"Bob", "in person", "file 8"});
  const auto anonymous = server.Anonymous();
  const auto as_device = server.AsDevice(device);
  const auto as_admin = server.AsService("admin", office.key);
  const std::string package = "/plumbline.keys.v1.";
  const std::vector<Target> targets = {
      {anonymous, package + "Enrolment/Enrol", Application(applicant, kAlice, code).SerializeAsString()},
      {anonymous, package + "Directory/LookUp", std::string(200, 'x')},
      {anonymous, package + "Directory/ClaimKeyPackages", std::string(200, 'x')},
      {as_device, package + "Device/PublishKeyPackages", signed_request},
      {as_device, package + "Device/GetOwnAccount", signed_request},
      {as_device, package + "Device/DrawTokens", signed_request},
      {as_device, package + "Device/DrawGrants", signed_request},
      {as_device, package + "Device/RenewCertificate", signed_request},
      {as_device, package + "Device/RenewCredential", signed_request},
      {as_admin, package + "AdminGateway/RegisterFirstAdministrator",
       Registration(office.administrator, "0000000000000000").SerializeAsString()},
      {as_admin, package + "AdminGateway/Execute", Sign(creation, office.administrator).SerializeAsString()},
  };
  std::mt19937 random(20261123);
  for (const Target& target : targets) {
    SCOPED_TRACE(target.method);
    const Bytes valid = ToBytes(AsBytes(target.valid));
    for (int i = 0; i < 12; ++i) {
      const Bytes cut = ToBytes(ByteView(valid).first(valid.size() * i / 12));
      EXPECT_FALSE(SendRaw(target.channel, target.method, cut).ok());
      Bytes noise(random() % 600);
      for (uint8_t& byte : noise) byte = static_cast<uint8_t>(random());
      EXPECT_FALSE(SendRaw(target.channel, target.method, noise).ok());
    }
    EXPECT_EQ(SendRaw(target.channel, target.method, Bytes(5 << 20, 0x0a)).error_code(),
              grpc::StatusCode::RESOURCE_EXHAUSTED);
  }
  EXPECT_EQ(DumpOf(server), before);
  keys::v1::EnrolResponse response;
  EXPECT_OK(TryEnrol(server, code, response)) << "the code has lost nothing, and the service lives";
}

TEST(KeyserverProcess, SaysWhatIsWrongAtTheStart) {
  KeyserverProcess server;
  EXPECT_THAT(server.Run("init").output, HasSubstr("already_initialised: "));
  EXPECT_EQ(server.Run("init").code, 1);
  server.Start();
  EXPECT_THAT(server.Run("serve").output, HasSubstr("store_already_open: "));
  EXPECT_THAT(server.Run("first-administrator").output, HasSubstr("store_already_open: "));

  KeyserverProcess second;
  second.WriteConfig(server.anonymous_address(), "127.0.0.1:0");
  const Ended busy = second.Run("serve");
  EXPECT_EQ(busy.code, 1);
  EXPECT_THAT(busy.output, HasSubstr("address_in_use: cannot listen at " + server.anonymous_address()));
  second.WriteConfig("127.0.0.1:0", "127.0.0.1:0", "code_attempts: 3\n");
  EXPECT_THAT(second.Run("serve").output, HasSubstr("code_attempts"));
  second.WriteConfig("127.0.0.1:0", "127.0.0.1:0");
  const std::string whole = testing::ReadAll(second.path("keyserver.yaml"));
  std::ofstream(second.path("keyserver.yaml"))
      << absl::StrReplaceAll(whole, {{"admin_listen: 127.0.0.1:0\n", ""}});
  EXPECT_THAT(second.Run("serve").output, HasSubstr("admin_listen"));
  std::ofstream(second.path("keyserver.yaml")) << whole;
  std::filesystem::remove(second.path("data") + "/keys.sealed");
  EXPECT_THAT(second.Run("serve").output, HasSubstr("not_initialised: "));
  EXPECT_THAT(second.Run("init").output, HasSubstr("ceremony_interrupted: "));
}

TEST(KeyserverProcess, AWrongPassphraseOpensNothing) {
  KeyserverProcess server;
  std::ofstream(server.path("passphrase")) << "another passphrase altogether\n";
  const Ended ended = server.Run("serve");
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.output, HasSubstr("passphrase_wrong: "));
  EXPECT_THAT(server.Run("first-administrator").output, HasSubstr("passphrase_wrong: "));
  CHECK(chmod(server.path("passphrase").c_str(), 0644) == 0);
  EXPECT_THAT(server.Run("serve").output, HasSubstr("passphrase_file_open: "));
}

TEST(KeyserverProcess, ANewCodeForTheFirstAdministratorVoidsTheFormerOne) {
  KeyserverProcess server;
  const Ended reissued = server.Run("first-administrator", {"--json"});
  ASSERT_EQ(reissued.code, 0) << reissued.output;
  server.Start();
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  keys::v1::AdminGateway::Stub gateway(server.AsService("admin", key));
  keys::v1::RegisterFirstAdministratorResponse response;
  const auto request = Registration(TestAdministrator(), server.first_code());
  EXPECT_THAT(Call(gateway, &keys::v1::AdminGateway::Stub::RegisterFirstAdministrator, request, response),
              StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
}

TEST(KeyserverProcess, ARotatedServiceKeyServes) {
  KeyserverProcess server;
  const crypto::Certificate before = server.keys().service_certificate;
  EXPECT_EQ(server.Run("rotate", {"service"}).code, 0);
  ASSERT_OK_AND_ASSIGN(const KeyRing renewed, UnsealKeyRing(server.path("data"), TestPassphrase()));
  const crypto::Certificate& after = renewed.service_certificate;
  EXPECT_NE(before.spki(), after.spki());
  EXPECT_NE(before.serial(), after.serial());
  server.Start();
}

// The key stays where it was made: only a request travels, as PEM or DER.
TEST(KeyserverProcess, SignServiceCertifiesAKeyMadeElsewhere) {
  KeyserverProcess server;
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  std::ofstream(server.path("csr"), std::ios::binary) << ToString(crypto::CertificateRequest::Create(key));
  const std::vector<std::string> arguments = {"--service", "delivery",  "--csr", server.path("csr"),
                                              "--ip",      "127.0.0.1", "--out", server.path("chain.pem")};
  ASSERT_EQ(server.Run("sign-service", arguments).code, 0);
  std::ifstream file(server.path("chain.pem"));
  const std::string pem((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  ASSERT_OK_AND_ASSIGN(const auto chain, crypto::ParsePemChain(pem));
  ASSERT_EQ(chain.size(), 3u);
  EXPECT_EQ(chain[0].spki(), key.spki());
  EXPECT_THAT(chain[0].uris(), ::testing::ElementsAre("plumbline://example.org/service/delivery"));
  EXPECT_EQ(chain[2], server.keys().root);
  EXPECT_OK(crypto::VerifyChain(chain[0], {chain[1]}, chain[2], absl::Now(), crypto::Purpose::kTlsPeer));
  std::ofstream(server.path("csr"), std::ios::binary) << "nonsense";
  EXPECT_EQ(server.Run("sign-service", arguments).code, 1);
}

TEST(KeyserverProcess, ExportedTrustIsWhatOtherServicesLoad) {
  KeyserverProcess server;
  ASSERT_EQ(server.Run("export-trust", {"--out", server.path("trust.pem")}).code, 0);
  std::ifstream file(server.path("trust.pem"));
  const std::string pem((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  ASSERT_OK_AND_ASSIGN(const auto trust, identity::ParseTrustBundle(pem, kDomain, absl::Now()));
  EXPECT_EQ(trust.grants_key, server.keys().grants.key.public_key());
}

}  // namespace
}  // namespace plumbline::keyserver
