// A client that vanishes without a word, as when its machine loses power: its connection stays half
// open until the server's keepalive finds out. Short: the service with a keepalive of a second.
// PLUMBLINE_SURVIVAL=long also: the real server with its own.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/rpc/credentials.h"
#include "common/rpc/listener.h"
#include "common/rpc/status.h"
#include "common/rpc/tls_policy.h"
#include "server/delivery_service.h"
#include "server/store/sqlcipher_store.h"
#include "tests/common/audit/logs.h"
#include "tests/server/server_process.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

namespace v1 = delivery::v1;

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool Eventually(absl::Duration cap, const std::function<bool()>& done) {
  for (const absl::Time end = absl::Now() + cap; absl::Now() < end;
       absl::SleepFor(absl::Milliseconds(10))) {
    if (done()) return true;
  }
  return done();
}

// The network between one client and the server. After Vanish() nothing passes any more, and
// neither end is told.
class Cable final {
 public:
  explicit Cable(int server_port)
      : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        server_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in own = Loopback(0), server = Loopback(server_port);
    socklen_t size = sizeof own;
    CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&own), size) == 0 &&
          listen(listener_, 1) == 0);
    CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&own), &size) == 0);
    CHECK(connect(server_, reinterpret_cast<sockaddr*>(&server), sizeof server) == 0);
    port_ = ntohs(own.sin_port);
    thread_ = std::thread([this] { Carry(); });
  }
  ~Cable() {
    stop_ = true;
    thread_.join();
    close(listener_);
    close(server_);
    if (client_ >= 0) close(client_);
  }
  int port() const { return port_; }
  void Vanish() { vanished_ = true; }
  // How often the server has said something.
  int said() const { return said_; }
  bool server_gave_up() const { return gave_up_; }

 private:
  void Carry() {
    pollfd coming = {listener_, POLLIN, 0};
    while (!stop_ && poll(&coming, 1, 10) <= 0) continue;
    if (!stop_) client_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    while (!stop_ && !vanished_ && Move()) continue;
    pollfd end = {server_, POLLRDHUP, 0};
    while (!stop_ && !gave_up_) gave_up_ = poll(&end, 1, 10) > 0;
  }
  // False when an end has closed.
  bool Move() {
    pollfd ends[2] = {{client_, POLLIN, 0}, {server_, POLLIN, 0}};
    if (poll(ends, 2, 10) <= 0) return true;
    for (int i = 0; i < 2; ++i) {
      char buffer[65536];
      if (ends[i].revents == 0) continue;
      const ssize_t size = recv(ends[i].fd, buffer, sizeof buffer, 0);
      if (size <= 0) return false;
      if (send(ends[1 - i].fd, buffer, static_cast<size_t>(size), MSG_NOSIGNAL) != size)
        return false;
      said_ += i;
    }
    return true;
  }

  const int listener_, server_;
  int client_ = -1, port_ = 0;
  std::atomic<bool> stop_{false}, vanished_{false}, gave_up_{false};
  std::atomic<int> said_{0};
  std::thread thread_;
};

std::unique_ptr<v1::Delivery::Stub> ClientAt(int port, const TestOrganisation& organisation) {
  rpc::Endpoint endpoint;
  endpoint.address = absl::StrCat("127.0.0.1:", port);
  endpoint.root_pem = organisation.root().ToPem();
  return v1::Delivery::NewStub(*rpc::NewChannel(endpoint));
}

// The server as serve.cc builds it, with a keepalive of a second.
struct ShortKeepalive {
  ShortKeepalive() {
    CHECK(rpc::PinTls13().ok());
    const auto key = crypto::P256PrivateKey::Generate();
    const std::string chain = organisation.SignService(crypto::CertificateRequest::Create(key));
    rpc::ListenerOptions options{
        .address = "127.0.0.1:0", .root_pem = organisation.root().ToPem(), .limits = {}};
    options.limits.keepalive = options.limits.keepalive_timeout = absl::Seconds(1);
    listener = *rpc::Listener::Start(
        options, *rpc::AnonymousServerCredentials({chain, key.ToPem()}), {&service});
  }
  ~ShortKeepalive() {
    streams.ShutDown();
    listener.reset();
  }
  std::unique_ptr<SqlcipherStore> NewStore() {
    StoreOptions options;
    options.path = directory.File("server.db");
    return *SqlcipherStore::Create(options, db::Key::Random(), log_key, clock);
  }

  const SystemClock clock;
  const TemporaryDirectory directory;
  const TestOrganisation organisation;
  const audit::LogKey log_key = audit::TestLogKey();
  const std::unique_ptr<SqlcipherStore> store = NewStore();
  Sessions sessions{clock, {}};
  Streams streams{100};
  Counters counters;
  Delivery delivery{Delivery::Parts{*store, *store, *store, sessions, streams, counters, clock},
                    organisation.roles(), kDomain};
  WorkerPool requests{2, 128}, stream_work{2, 256};
  DeliveryService service{delivery, streams, requests, stream_work, clock};
  std::unique_ptr<rpc::Listener> listener;
};

absl::Status Deposit(v1::Delivery::Stub& client, const TestOrganisation& organisation,
                     const TestMailbox& mailbox, ByteView sealed) {
  v1::OpenSessionRequest open;
  tokens::Show(open, organisation.NewToken(absl::Now()));
  v1::OpenSessionResponse session;
  grpc::ClientContext first, second;
  RETURN_IF_ERROR(rpc::FromGrpc(client.OpenSession(&first, open, &session)));
  v1::SubmitRequest request;
  request.set_session_id(session.session_id());
  AddEnvelope(request, mailbox, sealed);
  v1::SubmitResponse response;
  return rpc::FromGrpc(client.Submit(&second, request, &response));
}

// What was sent to the half-open connection was not acknowledged, so it comes on the next one.
TEST(HalfOpen, AVanishedClientsStreamIsFreedAndWhatItMissedComesOnTheNext) {
  ShortKeepalive server;
  Cable cable(server.listener->port());
  const auto vanishing = ClientAt(cable.port(), server.organisation);
  const auto client = ClientAt(server.listener->port(), server.organisation);
  const TestMailbox mailbox;
  {
    grpc::ClientContext context;
    v1::OpenMailboxResponse response;
    ASSERT_OK(rpc::FromGrpc(client->OpenMailbox(
        &context, mailbox.Opening(server.organisation.NewGrant(absl::Now())), &response)));
  }
  Receiver receiver(*vanishing, mailbox);
  ASSERT_TRUE(receiver.Open());
  EXPECT_TRUE(receiver.UntilCaughtUp().empty());
  EXPECT_EQ(server.streams.size(), 1u);
  // A stream stays quiet for hours, and is looked after all that time.
  const int quiet = cable.said();
  ASSERT_TRUE(Eventually(absl::Seconds(20), [&] { return cable.said() >= quiet + 4; }))
      << "the server asks no more";
  EXPECT_EQ(server.streams.size(), 1u);
  cable.Vanish();
  const Bytes sealed = RandomBytes(1024);
  ASSERT_OK(Deposit(*client, server.organisation, mailbox, sealed));
  EXPECT_TRUE(Eventually(absl::Seconds(20), [&] { return server.streams.size() == 0; }));
  EXPECT_TRUE(cable.server_gave_up());
  Receiver next(*client, mailbox);
  ASSERT_TRUE(next.Open());
  const auto missed = next.UntilCaughtUp();
  ASSERT_EQ(missed.size(), 1u);
  EXPECT_EQ(missed[0].sealed(), ToString(sealed));
  next.Ack({missed[0].tag()});
}

// Long by design: a minute until the server asks, 20 seconds for the answer.
TEST(HalfOpen, TheRealServerFindsOutWithItsOwnKeepalive) {
  const char* const form = std::getenv("PLUMBLINE_SURVIVAL");
  if (absl::string_view(form == nullptr ? "" : form) != "long") return;
  ServerProcess server;
  server.Start();
  Cable cable(server.port());
  const auto vanishing = ClientAt(cable.port(), server.organisation());
  const auto client = server.Client();
  const TestMailbox mailbox = server.Mailbox(*client);
  Receiver receiver(*vanishing, mailbox);
  ASSERT_TRUE(receiver.Open());
  EXPECT_TRUE(receiver.UntilCaughtUp().empty());
  cable.Vanish();
  ASSERT_OK(Deposit(*client, server.organisation(), mailbox, RandomBytes(1024)));
  EXPECT_TRUE(Eventually(absl::Seconds(100), [&] { return cable.server_gave_up(); }));
  Receiver next(*client, mailbox);
  ASSERT_TRUE(next.Open());
  EXPECT_EQ(next.UntilCaughtUp().size(), 1u);
}

}  // namespace
}  // namespace plumbline::server
