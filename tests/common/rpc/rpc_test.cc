// Real sockets, real TLS: who is let in, who is not, and what people are told.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <future>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/rpc/handshake.h"
#include "common/rpc/probe.h"
#include "common/rpc/status.h"
#include "common/rpc/tls_policy.h"
#include "tests/common/rpc/served.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline::rpc {
namespace {

using crypto::Purpose;
using ::plumbline::testing::ScratchDir;
using ::plumbline::testing::StatusIs;
using ::testing::HasSubstr;

// Established connections whose server end is `port` of this machine, as the kernel counts them.
int CountConnections(int port) {
  int count = 0;
  const std::string server = absl::StrFormat(":%04X", port);
  for (const char* name : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream table(name);
    for (std::string line; std::getline(table, line);) {
      const std::vector<std::string> fields = absl::StrSplit(line, ' ', absl::SkipEmpty());
      count += fields.size() > 3 && fields[1].ends_with(server) && fields[3] == "01" ? 1 : 0;
    }
  }
  return count;
}

TEST(Anonymous, IsServedWithoutACertificateAndSeenWithoutAName) {
  const TestOrganisation org;
  const Served served(org, Kind::kAnonymous);
  std::string answer;
  ASSERT_OK(Call(served.endpoint, &answer));
  EXPECT_EQ(answer, "hello");
  // Even a client that has a certificate is not asked for it.
  ASSERT_OK(Call(served.With(MakeIdentity(org, Purpose::kTlsClient)), &answer));
  EXPECT_EQ(answer, "hello");
}

// A server, or a service that calls, whose issuing authority was replaced.
struct Succeeded {
  TestOrganisation org;
  std::shared_ptr<crypto::LiveIssuers> issuers = std::make_shared<crypto::LiveIssuers>();
  void End(absl::Time end) {
    crypto::ReplacedIssuers replaced;
    replaced.Add(org.issuing, end);
    issuers->Replace(replaced);
  }
  // Under an authority that took over.
  TlsIdentity ByNext(Purpose purpose, std::vector<std::string> uris) const {
    const crypto::P256PrivateKey next_key = crypto::P256PrivateKey::Generate(), key = crypto::P256PrivateKey::Generate();
    const crypto::Certificate next = ValueOf(
        crypto::MakeIssuing(org.root, org.root_key, next_key.spki(), "Test issuing", {org.now - absl::Hours(1), org.now + absl::Hours(99)}));
    crypto::LeafSpec spec = org.Spec(key, purpose);
    spec.uris = std::move(uris);
    return {crypto::ToPemChain({ValueOf(crypto::IssueLeaf(next, next_key, spec)), next, org.root}), key.ToPem()};
  }
};

TEST(ReplacedAuthority, AServerUnderItIsLeftFromItsEndOn) {
  Succeeded s;
  const Served served(s.org, Kind::kAnonymous), by_next(s.org, Kind::kAnonymous, Echo, s.ByNext(Purpose::kTlsServer, {"mimi://example.org/d/alice/1"}));
  const auto judged = [&](const Served& server) {
    Endpoint out = server.endpoint.Copy();
    out.issuers = s.issuers;
    return out;
  };
  EXPECT_OK(Call(judged(served)));
  s.End(absl::Now() + absl::Hours(1));
  EXPECT_OK(Call(judged(served)));
  s.End(absl::Now());
  EXPECT_THAT(Call(judged(served)), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("server_authority_replaced: ")));
  EXPECT_OK(Call(judged(by_next)));
  EXPECT_OK(Call(served.endpoint)) << "whoever has not heard of it";
}

// The verifier that looks at the authority takes the place of gRPC's own, which looks at the name.
TEST(ReplacedAuthority, TheServersNameIsLookedAtAsEver) {
  Succeeded s;
  const Served served(s.org, Kind::kAnonymous);
  Endpoint elsewhere = served.endpoint.Copy();
  elsewhere.issuers = s.issuers;
  elsewhere.server_name = "elsewhere.example.org";
  EXPECT_THAT(Call(elsewhere), StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("wrong_server_name: ")));
  const TestOrganisation other;
  const Served foreign(other, Kind::kAnonymous);
  Endpoint to_foreign = foreign.endpoint.Copy();
  to_foreign.issuers = s.issuers;
  to_foreign.root_pem = s.org.root.ToPem();
  EXPECT_THAT(Call(to_foreign), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("wrong_organisation: ")));
}

TEST(ReplacedAuthority, AServiceUnderItIsNotAdmittedFromItsEndOn) {
  Succeeded s;
  const Served served(s.org, Kind::kAdmin, Echo, {}, s.issuers);
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  crypto::LeafSpec spec = s.org.Spec(key, Purpose::kTlsPeer);
  spec.uris = {kAdminUri};
  const crypto::Certificate leaf = s.org.Leaf(spec);
  const auto identity = [&](const std::vector<crypto::Certificate>& chain) { return TlsIdentity{crypto::ToPemChain(chain), key.ToPem()}; };
  const auto call = [&](TlsIdentity shown) { return Call(served.With(std::move(shown))); };
  EXPECT_OK(call(identity({leaf, s.org.issuing})));
  s.End(absl::Now() + absl::Hours(1));
  EXPECT_OK(call(identity({leaf, s.org.issuing})));
  s.End(absl::Now());
  const auto refused = StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("own_certificate_refused: "));
  EXPECT_THAT(call(identity({leaf, s.org.issuing})), refused);
  // However much is shown beside it.
  const crypto::Certificate other = TestOrganisation().issuing;
  EXPECT_THAT(call(identity({leaf, s.org.issuing, other, other})), refused);
  EXPECT_OK(call(s.ByNext(Purpose::kTlsPeer, {kAdminUri})));
}

TEST(Mutual, TellsTheServiceWhoCalls) {
  const TestOrganisation org;
  const Served served(org, Kind::kMutual);
  std::string answer;
  ASSERT_OK(Call(served.With(MakeIdentity(org, Purpose::kTlsClient)), &answer));
  EXPECT_EQ(answer, "hello|mimi://example.org/d/alice/1");
}

TEST(Mutual, RefusesAClientWithoutCertificate) {
  const TestOrganisation org;
  const Served served(org, Kind::kMutual);
  EXPECT_THAT(Call(served.endpoint), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("own_certificate_refused")));
}

TEST(Mutual, RefusesACertificateOfAnotherOrganisation) {
  const TestOrganisation org, other;
  const Served served(org, Kind::kMutual);
  EXPECT_THAT(Call(served.With(MakeIdentity(other, Purpose::kTlsClient))),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("own_certificate_refused")));
}

TEST(Mutual, RefusesACertificateThatIsForSomethingElse) {
  const TestOrganisation org;
  const Served served(org, Kind::kMutual);
  for (const Purpose purpose : {Purpose::kMlsCredential, Purpose::kRoleSignature, Purpose::kTlsServer}) {
    EXPECT_THAT(Call(served.With(MakeIdentity(org, purpose))), StatusIs(absl::StatusCode::kUnauthenticated));
  }
}

TEST(Mutual, SaysThatTheClientsOwnCertificateEndedOrHasNotBegun) {
  const TestOrganisation org;
  const Served served(org, Kind::kMutual);
  const auto call = [&](absl::Duration from, absl::Duration to) {
    return Call(served.With(MakeIdentity(org, Purpose::kTlsClient, crypto::Validity{org.now + from, org.now + to})));
  };
  EXPECT_THAT(call(-absl::Hours(2), -absl::Hours(1)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("own_certificate_expired")));
  EXPECT_THAT(call(absl::Hours(1), absl::Hours(2)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("own_certificate_not_yet_valid")));
}

TlsIdentity Named(const TestOrganisation& org, Purpose purpose, std::vector<std::string> uris) {
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  crypto::LeafSpec spec = org.Spec(key, purpose);
  spec.uris = std::move(uris);
  return TlsIdentity{crypto::ToPemChain({org.Leaf(spec), org.issuing, org.root}), key.ToPem()};
}

TEST(OneService, IsAdmitted) {
  const TestOrganisation org;
  Served served(org, Kind::kAdmin);
  std::string answer;
  ASSERT_OK(Call(served.With(Named(org, Purpose::kTlsPeer, {kAdminUri})), &answer));
  EXPECT_EQ(answer, absl::StrCat("hello|", kAdminUri));
  EXPECT_TRUE(served.Refused().empty());
}

TEST(OneService, EverybodyElseIsRefusedBeforeARequestIsRead) {
  const TestOrganisation org, other;
  std::atomic<int> requests = 0;
  Served served(org, Kind::kAdmin, [&](const Caller&, const std::string&, std::string&) {
    ++requests;
    return absl::OkStatus();
  });
  const std::string another = "plumbline://example.org/service/delivery";
  // Of the organisation: the listener says whom it refused.
  for (const auto& [purpose, uris] : std::vector<std::pair<Purpose, std::vector<std::string>>>{
           {Purpose::kTlsClient, {"mimi://example.org/d/alice/1"}},
           {Purpose::kTlsPeer, {another}},
           {Purpose::kTlsClient, {kAdminUri}},
           {Purpose::kTlsPeer, {kAdminUri, another}},
           {Purpose::kTlsPeer, {"plumbline://example.org/service/admin2"}},
           {Purpose::kTlsPeer, {}}}) {
    SCOPED_TRACE(absl::StrCat(static_cast<int>(purpose), uris.empty() ? "" : uris.front()));
    EXPECT_THAT(Call(served.With(Named(org, purpose, uris))),
                StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("own_certificate_refused")));
    ASSERT_FALSE(served.Refused().empty());
    EXPECT_EQ(served.Refused().back(), uris);
  }
  // Refused by TLS itself.
  const size_t before = served.Refused().size();
  EXPECT_THAT(Call(served.endpoint), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("own_certificate_refused")));
  EXPECT_THAT(Call(served.With(Named(other, Purpose::kTlsPeer, {kAdminUri}))), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(Call(served.With(Named(org, Purpose::kTlsServer, {kAdminUri}))), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_EQ(served.Refused().size(), before);
  EXPECT_EQ(requests, 0);
}

TEST(Client, DetectsAServerOfAnotherOrganisation) {
  const TestOrganisation org, other;
  const Served served(other, Kind::kAnonymous);
  Endpoint endpoint = served.endpoint.Copy();
  endpoint.root_pem = org.root.ToPem();
  EXPECT_THAT(Call(endpoint), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("wrong_organisation")));
}

TEST(Client, DetectsAServerUnderAnotherName) {
  const TestOrganisation org;
  const Served served(org, Kind::kAnonymous);
  Endpoint endpoint = served.endpoint.Copy();
  endpoint.server_name = "keys.example.org";
  EXPECT_THAT(Call(endpoint), StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("wrong_server_name")));
  endpoint.server_name = "localhost";
  EXPECT_OK(Call(endpoint));
}

TEST(Client, PassesOnWhatAServiceSaysAndExplainsTheRest) {
  const TestOrganisation org;
  const Served served(org, Kind::kAnonymous, [](const Caller&, const std::string& text, std::string&) {
    if (text == "reason") return absl::UnavailableError("some_reason: cause and remedy");
    return absl::UnavailableError("no reason");
  });
  ASSERT_OK_AND_ASSIGN(const auto channel, NewChannel(served.endpoint));
  const auto mapped = [&](const grpc::Status& status) { return MapClientError(status, served.endpoint, absl::Now()); };
  EXPECT_OK(mapped(grpc::Status::OK));
  EXPECT_THAT(mapped(Say(channel, "reason")), StatusIs(absl::StatusCode::kUnavailable, "some_reason: cause and remedy"));
  EXPECT_THAT(mapped(Say(channel, "other")), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("connection_lost: ")));
  for (const grpc::StatusCode cut_off : {grpc::StatusCode::DEADLINE_EXCEEDED, grpc::StatusCode::CANCELLED}) {
    EXPECT_THAT(mapped(grpc::Status(cut_off, "late")), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("connection_lost: ")));
  }
  EXPECT_THAT(mapped(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "")),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("not_offered: ")));
}

TEST(Client, SaysWhenNothingListens) {
  const TestOrganisation org;
  Endpoint endpoint;
  { endpoint = Served(org, Kind::kAnonymous).endpoint.Copy(); }
  EXPECT_THAT(Call(endpoint), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("server_unreachable")));
  endpoint.address = "no-such-host.invalid:1";
  EXPECT_THAT(Call(endpoint), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("server_unreachable")));
}

TEST(Diagnose, TellsAnExpiredServerFromAClockThatIsBehind) {
  const TestOrganisation org;
  const Served served(org, Kind::kAnonymous);
  EXPECT_OK(Diagnose(served.endpoint, org.now));
  EXPECT_THAT(Diagnose(served.endpoint, org.now + absl::Hours(30)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("server_certificate_expired")));
  EXPECT_THAT(Diagnose(served.endpoint, org.now - absl::Hours(2)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("clock_behind")));
}

TEST(Listener, RefusesTls12) {
  const TestOrganisation org;
  const Served served(org, Kind::kAnonymous);
  ASSERT_OK_AND_ASSIGN(const HandshakeResult old, Handshake(served.endpoint.address, {.version = TlsVersion::k12}));
  EXPECT_NE(old.outcome, HandshakeResult::Outcome::kDone);  // the control for this is in tls_policy_test.cc
  ASSERT_OK_AND_ASSIGN(const HandshakeResult present, Handshake(served.endpoint.address, {}));
  EXPECT_EQ(present.outcome, HandshakeResult::Outcome::kDone) << present.detail;
  EXPECT_EQ(present.chain.size(), 3u);  // leaf, issuing, root: a newcomer can find the root
}

// The same by an independent program, which also shows that no session ticket is given.
TEST(Listener, RefusesTls12ToTheOpensslProgram) {
  if (std::system("openssl version >/dev/null 2>&1") != 0) GTEST_SKIP() << "OPENSSL PROGRAM NOT FOUND";
  const TestOrganisation org;
  const Served served(org, Kind::kAnonymous);
  const auto client = [&](const std::string& arguments) {
    const std::string command = "openssl s_client -connect " + served.endpoint.address + " -alpn h2 " + arguments +
                                " </dev/null 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    std::string output;
    char buffer[4096];
    for (size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, got);
    pclose(pipe);
    return output;
  };
  EXPECT_THAT(client("-tls1_2"), HasSubstr("Cipher is (NONE)"));
  const std::string present = client("-tls1_3");
  EXPECT_THAT(present, HasSubstr("New, TLSv1.3"));
  EXPECT_EQ(present.find("New Session Ticket"), std::string::npos);
}

TEST(Listener, SaysThatThePortIsTaken) {
  const TestOrganisation org;
  const Served served(org, Kind::kAnonymous);
  const TlsIdentity identity = MakeIdentity(org, Purpose::kTlsServer);
  ASSERT_OK_AND_ASSIGN(auto credentials, AnonymousServerCredentials(identity));
  WorkerPool pool(1, 1);
  EchoService service(pool, Echo);
  EXPECT_THAT(Listener::Start({.address = served.endpoint.address, .root_pem = org.root.ToPem()}, credentials, {&service}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("address_in_use")));
}

TEST(Listener, DoesNotStartWithACertificateThatClientsWouldRefuse) {
  const TestOrganisation org, other;
  WorkerPool pool(1, 1);
  EchoService service(pool, Echo);
  const auto start = [&](const TlsIdentity& identity) {
    return Listener::Start({.address = "127.0.0.1:0", .root_pem = org.root.ToPem()},
                           ValueOf(AnonymousServerCredentials(identity)), {&service});
  };
  EXPECT_THAT(start(MakeIdentity(other, Purpose::kTlsServer)), StatusIs(absl::StatusCode::kInternal, HasSubstr("self_probe")));
  EXPECT_THAT(start(MakeIdentity(org, Purpose::kTlsClient)), StatusIs(absl::StatusCode::kInternal, HasSubstr("self_probe")));
  EXPECT_THAT(start(MakeIdentity(org, Purpose::kTlsServer, crypto::Validity{org.now - absl::Hours(2), org.now - absl::Hours(1)})),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("certificate_expired")));
  EXPECT_OK(start(MakeIdentity(org, Purpose::kTlsPeer)));
}

TEST(SelfProbe, FailsOnAPortThatDoesNotSpeakTls) {
  const TestOrganisation org;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(fd, 4), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  std::thread server([fd] {
    for (int probe = 0; probe < 2; ++probe) {
      const int peer = accept(fd, nullptr, nullptr);
      char discarded[1024];
      EXPECT_GT(read(peer, discarded, sizeof discarded), 0);
      EXPECT_EQ(write(peer, "HTTP/1.1 400 Bad Request\r\n\r\n", 28), 28);
      close(peer);
    }
  });
  EXPECT_THAT(SelfProbe(absl::StrCat("127.0.0.1:", ntohs(address.sin_port)), org.root.ToPem()),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("self_probe_failed")));
  server.join();
  close(fd);
}

TEST(FetchPinnedRoot, FindsTheRootByItsFingerprintAlone) {
  const TestOrganisation org;
  const Served served(org, Kind::kAnonymous);
  ASSERT_OK_AND_ASSIGN(const std::string pem,
                       FetchPinnedRoot(served.endpoint.address, org.root.fingerprint(), org.now));
  EXPECT_EQ(pem, org.root.ToPem());
}

TEST(FetchPinnedRoot, RefusesAServerWithoutThatRoot) {
  const TestOrganisation org, other;
  const Served served(other, Kind::kAnonymous);
  EXPECT_THAT(FetchPinnedRoot(served.endpoint.address, org.root.fingerprint(), org.now),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("root_mismatch")));
}

// A server that shows the right root beside a certificate which that root never signed.
TEST(FetchPinnedRoot, RefusesAServerThatOnlyShowsTheRoot) {
  const TestOrganisation org, impostor;
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  TlsIdentity identity{crypto::ToPemChain({impostor.Leaf(key, Purpose::kTlsServer), impostor.issuing, org.root}), key.ToPem()};
  const Served served(impostor, Kind::kAnonymous, Echo, std::move(identity));
  EXPECT_THAT(FetchPinnedRoot(served.endpoint.address, org.root.fingerprint(), org.now),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(FetchPinnedRoot, RefusesTheFingerprintOfTheLeaf) {
  const TestOrganisation org;
  const TlsIdentity identity = MakeIdentity(org, Purpose::kTlsServer);
  const Served served(org, Kind::kAnonymous, Echo, identity.Copy());
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate leaf, crypto::Certificate::ParsePem(identity.chain_pem));
  EXPECT_FALSE(FetchPinnedRoot(served.endpoint.address, leaf.fingerprint(), org.now).ok());
}

TEST(Channels, NeverShareAConnection) {
  const TestOrganisation org;
  const Served served(org, Kind::kAnonymous);
  ASSERT_OK_AND_ASSIGN(const auto first, NewChannel(served.endpoint));
  ASSERT_OK_AND_ASSIGN(const auto second, NewChannel(served.endpoint));
  ASSERT_TRUE(Say(first, "1").ok());
  ASSERT_TRUE(Say(second, "2").ok());
  EXPECT_EQ(CountConnections(served.listener->port()), 2);
}

TEST(Listener, RefusesMessagesAboveTheLimitAndHeadersThatAreTooLarge) {
  const TestOrganisation org;
  const Served served(org, Kind::kAnonymous);
  ASSERT_OK_AND_ASSIGN(const auto channel, NewChannel(served.endpoint));
  EXPECT_THAT(MapClientError(Say(channel, std::string(5 << 20, 'x')), served.endpoint, absl::Now()),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("too_large")));
  EXPECT_TRUE(Say(channel, "still served").ok());
}

TEST(Listener, ShutdownEndsRunningCallsAfterTheGrace) {
  const TestOrganisation org;
  std::promise<void> entered;
  Served served(org, Kind::kAnonymous, [&](const Caller&, const std::string&, std::string& answer) {
    entered.set_value();
    answer = "finished";
    return absl::OkStatus();
  });
  ASSERT_OK_AND_ASSIGN(const auto channel, NewChannel(served.endpoint));
  std::string answer;
  auto call = std::async(std::launch::async, [&] { return Say(channel, "x", &answer); });
  entered.get_future().wait();
  served.listener->Shutdown(absl::Seconds(20));
  EXPECT_TRUE(call.get().ok());
  EXPECT_EQ(answer, "finished");
  EXPECT_THAT(MapClientError(Say(channel, "late"), served.endpoint, absl::Now()), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(Listener, SurvivesRandomBytesOnItsPort) {
  const TestOrganisation org;
  const Served served(org, Kind::kAnonymous);
  for (int round = 0; round < 50; ++round) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(served.listener->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const Bytes noise = RandomBytes(1 + static_cast<size_t>(round) * 37);
    (void)!send(fd, noise.data(), noise.size(), MSG_NOSIGNAL);
    close(fd);
  }
  EXPECT_OK(Call(served.endpoint));
}

TEST(SplitHostPort, ReadsAddressesAndRefusesEverythingElse) {
  ASSERT_OK_AND_ASSIGN(const HostPort v6, SplitHostPort("[::1]:7443"));
  EXPECT_EQ(v6.host, "::1");
  EXPECT_EQ(v6.port, "7443");
  EXPECT_OK(SplitHostPort("keys.example.org:1"));
  for (const std::string bad : {"", ":", "host", "host:", ":1", "host:99999", "host:-1", "host:1x", "::1:5", "ho st:1", "h/x:1",
                                 "[]:1", "[::1:1"}) {
    EXPECT_THAT(SplitHostPort(bad), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
  EXPECT_FALSE(SplitHostPort(std::string(1000, 'a') + ":1").ok());
}

TEST(Credentials, RefuseKeysThatDoNotFitAndTextThatIsNoCertificate) {
  const TestOrganisation org;
  TlsIdentity identity = MakeIdentity(org, Purpose::kTlsServer);
  EXPECT_THAT(MutualServerCredentials(identity, "nonsense"), StatusIs(absl::StatusCode::kInvalidArgument));
  identity.key_pem = crypto::P256PrivateKey::Generate().ToPem();
  EXPECT_THAT(AnonymousServerCredentials(identity),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tls_key_mismatch")));
  Endpoint endpoint{.address = "localhost:1", .server_name = "", .root_pem = "nonsense", .identity = std::nullopt};
  EXPECT_THAT(NewChannel(endpoint), StatusIs(absl::StatusCode::kInvalidArgument));
}

class PinnedEnvironment final : public ::testing::Environment {
 public:
  void SetUp() override { ASSERT_OK(PinTls13()); }
};
[[maybe_unused]] const ::testing::Environment* const kPinned =
    ::testing::AddGlobalTestEnvironment(new PinnedEnvironment);

}  // namespace
}  // namespace plumbline::rpc
