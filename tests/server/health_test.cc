// What the server says of itself: whether it can serve, and how much of everything there was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/rpc/credentials.h"
#include "plumbline/health/v1/health.grpc.pb.h"
#include "tests/common/scratch.h"
#include "tests/server/server_process.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace health = grpc::health::v1;

absl::StatusOr<health::HealthCheckResponse::ServingStatus> Check(const ServerProcess& server, const std::string& service) {
  rpc::Endpoint endpoint;
  endpoint.address = server.address();
  endpoint.root_pem = server.organisation().root().ToPem();
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint));
  const auto stub = health::Health::NewStub(channel);
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  health::HealthCheckRequest request;
  request.set_service(service);
  health::HealthCheckResponse response;
  const grpc::Status status = stub->Check(&context, request, &response);
  if (!status.ok()) return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  return response.status();
}

int MetricsPort(const ServerProcess& server) {
  const absl::Time cap = absl::Now() + absl::Seconds(30);
  while (absl::Now() < cap) {
    const std::string log = server.LogText();
    const size_t at = log.find(",\"listener\":\"metrics\"");
    if (at == std::string::npos) {
      absl::SleepFor(absl::Milliseconds(5));
      continue;
    }
    return std::atoi(log.c_str() + log.rfind(':', at - 1) + 1);
  }
  return 0;
}

std::string Metrics(int port) {
  httplib::Client client("127.0.0.1", port);
  const auto result = client.Get("/metrics");
  return result ? result->body : "";
}

TEST(Health, IsServingForTheServerAndItsServiceAndUnknownForAnyOther) {
  ServerProcess server;
  server.Start();
  for (const char* service : {"", "plumbline.delivery.v1.Delivery"}) {
    ASSERT_OK_AND_ASSIGN(const auto status, Check(server, service));
    EXPECT_EQ(status, health::HealthCheckResponse::SERVING) << service;
  }
  EXPECT_THAT(Check(server, "plumbline.keys.v1.Keys").status(), testing::StatusIs(absl::StatusCode::kNotFound));
}

TEST(Health, SaysSoWhileTheDiskTakesNothing) {
  ServerProcess server;
  const std::string flag = server.directory().File("fault");
  server.Start({{"LD_PRELOAD", PLUMBLINE_FAULTS}, {"ASSESS_FAULT_WHILE", flag}});
  const auto becomes = [&](health::HealthCheckResponse::ServingStatus wanted) {
    const absl::Time cap = absl::Now() + absl::Seconds(60);
    while (absl::Now() < cap) {
      if (const auto status = Check(server, ""); status.ok() && *status == wanted) return true;
      absl::SleepFor(absl::Milliseconds(50));
    }
    return false;
  };
  EXPECT_TRUE(becomes(health::HealthCheckResponse::SERVING));
  std::ofstream(flag) << "ENOSPC";
  EXPECT_TRUE(becomes(health::HealthCheckResponse::NOT_SERVING));
  EXPECT_THAT(server.LogText(), HasSubstr("store.does_not_write"));
  std::filesystem::remove(flag);
  EXPECT_TRUE(becomes(health::HealthCheckResponse::SERVING));
}

TEST(Metrics, CountWhatHappenedAndNameNobody) {
  ServerProcess server("metrics_listen: 127.0.0.1:0\n");
  server.Start();
  const int port = MetricsPort(server);
  ASSERT_GT(port, 0);
  EXPECT_THAT(Metrics(port), HasSubstr("plumbline_delivery_envelopes_stored_total 0"));
  const auto client = server.Client();
  const TestMailbox mailbox = server.Mailbox(*client);
  delivery::v1::SubmitRequest request;
  request.set_session_id(server.Session(*client));
  AddEnvelope(request, mailbox, RandomBytes(1024));
  AddEnvelope(request, mailbox, RandomBytes(1024));
  grpc::ClientContext context;
  delivery::v1::SubmitResponse response;
  ASSERT_TRUE(client->Submit(&context, request, &response).ok());
  Receiver receiver(*client, mailbox);
  ASSERT_TRUE(receiver.Open());
  EXPECT_EQ(receiver.UntilCaughtUp().size(), 2u);
  const std::string text = Metrics(port);
  for (const char* line : {"plumbline_delivery_serving 1", "plumbline_delivery_envelopes_stored_total 2",
                           "plumbline_delivery_envelopes_acknowledged_total 0", "plumbline_delivery_receive_streams 1",
                           "plumbline_delivery_send_sessions 1", "# TYPE plumbline_delivery_commit_seconds histogram",
                           "plumbline_delivery_commit_seconds_bucket{le=\"+Inf\"}"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  // Every line is one of ours or a comment, and its labels are bounds of buckets: there is no place for an id or a peer.
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    EXPECT_EQ(line.rfind("plumbline_delivery_", 0), 0u) << line;
    const size_t brace = line.find('{');
    EXPECT_TRUE(brace == std::string::npos || line.compare(brace, 5, "{le=\"") == 0) << line;
  }
  httplib::Client other("127.0.0.1", port);
  EXPECT_EQ(other.Get("/")->status, 404);
}

TEST(Metrics, AreNotOfferedToOtherMachines) {
  for (const char* address : {"0.0.0.0:0", "[::]:0", "192.0.2.1:9744", "localhost:0"}) {
    ServerProcess server(absl::StrCat("metrics_listen: \"", address, "\"\n"));
    server.Start();  // it listens, then looks at this
    EXPECT_NE(server.Wait(), 0) << address;
    EXPECT_THAT(testing::ReadAll(server.directory().File("output")), HasSubstr("metrics_not_local")) << address;
  }
}

}  // namespace
}  // namespace plumbline::server
