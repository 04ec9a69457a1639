// The real server over real sockets and TLS, with tokens and grants signed by a test organisation's role keys.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include <grpcpp/generic/generic_stub.h>

#include "absl/strings/str_cat.h"
#include "common/audit/audit_log.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "server/keys.h"
#include "tests/server/server_process.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::StatusIs;
namespace v1 = delivery::v1;

absl::StatusOr<v1::SubmitResponse> Submit(v1::Delivery::Stub& client, const v1::SubmitRequest& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  v1::SubmitResponse response;
  RETURN_IF_ERROR(rpc::FromGrpc(client.Submit(&context, request, &response)));
  return response;
}

// A server that runs, a client of it, and a mailbox there.
struct Started {
  // One envelope to the mailbox, to be submitted in a session of its own.
  v1::SubmitRequest Letter(size_t size = 1024) const {
    v1::SubmitRequest request;
    request.set_session_id(server.Session(*client));
    AddEnvelope(request, mailbox, RandomBytes(size));
    return request;
  }
  ServerProcess server;
  const std::unique_ptr<v1::Delivery::Stub> client = (server.Start(), server.Client());
  const TestMailbox mailbox = server.Mailbox(*client);
};

std::vector<std::string> IdsOf(const std::vector<v1::ReceiveResponse::Delivery>& deliveries) {
  std::vector<std::string> ids;
  for (const auto& delivery : deliveries) ids.push_back(delivery.envelope_id());
  return ids;
}

TEST(Server, DeliversOfflineThenOnlineAndForgetsWhatIsAcknowledged) {
  Started s;
  const Bytes sealed = RandomBytes(1024);
  v1::SubmitRequest request;
  request.set_session_id(s.server.Session(*s.client));
  for (int i = 0; i < 3; ++i) AddEnvelope(request, s.mailbox, sealed);
  ASSERT_OK_AND_ASSIGN(const v1::SubmitResponse response, Submit(*s.client, request));
  ASSERT_EQ(response.results_size(), 3);
  {
    Receiver receiver(*s.client, s.mailbox);
    ASSERT_TRUE(receiver.Open());
    const auto stored = receiver.UntilCaughtUp();
    ASSERT_EQ(stored.size(), 3u);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(stored[i].tag(), static_cast<uint64_t>(i + 1));
      EXPECT_EQ(stored[i].envelope_id(), request.envelopes(i).envelope_id());
      EXPECT_EQ(stored[i].sealed(), ToString(sealed));
    }
    v1::SubmitRequest online;
    online.set_session_id(request.session_id());
    AddEnvelope(online, s.mailbox, sealed);
    ASSERT_OK(Submit(*s.client, online));
    const auto pushed = receiver.Next();
    ASSERT_TRUE(pushed.has_value());
    EXPECT_EQ(pushed->delivery().envelope_id(), online.envelopes(0).envelope_id());
    EXPECT_EQ(pushed->delivery().tag(), 4u);
    receiver.Ack({1, 2, 4});
    receiver.WritesDone();
    EXPECT_TRUE(receiver.Finish().ok());  // then the acknowledgements are on disk
  }
  Receiver again(*s.client, s.mailbox);
  ASSERT_TRUE(again.Open());
  const auto left = again.UntilCaughtUp();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].envelope_id(), request.envelopes(2).envelope_id());
  EXPECT_EQ(left[0].tag(), 1u);
}

TEST(Server, ANewerStreamReplacesTheOlderAndWrongProofsAreRefused) {
  ServerProcess server;
  server.Start();
  const auto client = server.Client();
  const TestMailbox mailbox = server.Mailbox(*client), stranger;
  Receiver first(*client, mailbox);
  ASSERT_TRUE(first.Open());
  first.UntilCaughtUp();

  TestMailbox wrong_key;
  wrong_key.id = mailbox.id;
  for (const TestMailbox* impostor : std::vector<const TestMailbox*>{&wrong_key, &stranger}) {
    Receiver refused(*client, *impostor);
    refused.Open();
    EXPECT_FALSE(refused.Next().has_value());
    EXPECT_THAT(rpc::FromGrpc(refused.Finish()), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("proof_invalid")));
  }
  Receiver second(*client, mailbox);
  ASSERT_TRUE(second.Open());
  second.UntilCaughtUp();
  const auto closed = first.Next();
  ASSERT_TRUE(closed.has_value());
  EXPECT_EQ(closed->closed().reason(), v1::ReceiveResponse::Closed::REPLACED);
  EXPECT_TRUE(first.Finish().ok());
}

TEST(Server, ASlowConsumerGetsAWindowAndTheRestWithItsAcknowledgements) {
  Started s;
  const Bytes sealed = RandomBytes(1024);
  v1::SubmitRequest request;
  request.set_session_id(s.server.Session(*s.client));
  std::vector<std::string> sent;
  for (int i = 0; i < 300; ++i) {
    AddEnvelope(request, s.mailbox, sealed);
    sent.push_back(request.envelopes(i).envelope_id());
  }
  ASSERT_OK(Submit(*s.client, request));
  Receiver receiver(*s.client, s.mailbox);
  ASSERT_TRUE(receiver.Open());
  std::vector<std::string> got;
  std::vector<uint64_t> tags;
  for (int i = 0; i < 256; ++i) {
    const auto message = receiver.Next();
    ASSERT_TRUE(message && message->has_delivery());
    got.push_back(message->delivery().envelope_id());
    tags.push_back(message->delivery().tag());
  }
  // The next delivery comes only because of the acknowledgement: one for one.
  receiver.Ack({tags[0]});
  const auto message = receiver.Next();
  ASSERT_TRUE(message && message->has_delivery());
  got.push_back(message->delivery().envelope_id());
  receiver.Ack(std::vector<uint64_t>(tags.begin() + 1, tags.end()));
  for (const auto& delivery : receiver.UntilCaughtUp()) got.push_back(delivery.envelope_id());
  EXPECT_EQ(got, sent);
}

// Acknowledged means durable: whatever Submit answered is delivered after the kill, once and in order.
TEST(Server, KilledWhileSubmittingItDeliversWhatItAcknowledgedOnceAndInOrder) {
  ServerProcess server;
  server.Start();
  constexpr int kSenders = 3;
  std::vector<TestMailbox> mailboxes;
  std::vector<TestGate> gates(kSenders);
  {
    const auto client = server.Client();
    for (int i = 0; i < kSenders; ++i) mailboxes.push_back(server.Mailbox(*client));
  }
  std::vector<std::vector<std::string>> acknowledged(kSenders);
  std::vector<std::optional<v1::SubmitRequest>> open(kSenders);  // sent, and no answer came
  std::vector<uint64_t> epochs(kSenders, 0);
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    std::atomic<int> answered{0};
    std::vector<std::thread> senders;
    for (int s = 0; s < kSenders; ++s) {
      senders.emplace_back([&, s] {
        const auto client = server.Client();
        const std::string session = server.Session(*client);
        const Bytes sealed = RandomBytes(1024);
        for (;;) {
          v1::SubmitRequest request;
          if (open[s]) {
            request = *open[s];  // the same bytes again, in a new session
          } else {
            AddEnvelope(request, mailboxes[s], sealed);
            AddEnvelope(request, mailboxes[(s + 1) % kSenders], sealed);
            gates[s].Sign(request, epochs[s], epochs[s] == 0, sealed);
          }
          request.set_session_id(session);
          open[s] = request;
          const auto response = Submit(*client, request);
          if (!response.ok()) return;
          ASSERT_EQ(response->commit().outcome(), v1::CommitOutcome::ACCEPTED);
          open[s].reset();
          ++epochs[s];
          acknowledged[s].push_back(request.envelopes(0).envelope_id());
          acknowledged[s].push_back(request.envelopes(1).envelope_id());
          ++answered;
        }
      });
    }
    const int enough = 20 + static_cast<int>(randombytes_uniform(30));
    const absl::Time end = absl::Now() + absl::Seconds(60);
    while (answered < enough && absl::Now() < end) std::this_thread::yield();
    server.Kill(SIGKILL);
    for (std::thread& sender : senders) sender.join();
    ASSERT_EQ(server.Wait(), 128 + SIGKILL);
    server.Start();
  }
  const auto client = server.Client();
  std::map<std::string, int> delivered;
  for (int s = 0; s < kSenders; ++s) {
    Receiver receiver(*client, mailboxes[s]);
    ASSERT_TRUE(receiver.Open());
    std::vector<std::string> got;
    // Ten thousand is the quota, so acknowledge as a client does.
    for (auto message = receiver.Next(); message && !message->has_caught_up(); message = receiver.Next()) {
      got.push_back(message->delivery().envelope_id());
      receiver.Ack({message->delivery().tag()});
    }
    for (const std::string& id : got) ++delivered[id];
    // This sender's own envelopes to its mailbox, in its order.
    std::vector<std::string> own;
    for (size_t i = 0; i < acknowledged[s].size(); i += 2) own.push_back(acknowledged[s][i]);
    std::vector<std::string> found;
    const std::set<std::string> wanted(own.begin(), own.end());
    for (const std::string& id : got) {
      if (wanted.count(id) != 0) found.push_back(id);
    }
    EXPECT_EQ(found, own);
  }
  for (const auto& ids : acknowledged) {
    for (const std::string& id : ids) EXPECT_EQ(delivered[id], 1);
  }
  for (const auto& [id, times] : delivered) EXPECT_EQ(times, 1);
}

// Any bytes on any rpc: a status with a reason, and the server goes on.
TEST(Server, HostileBytesOnEveryRpcAreRefusedAndChangeNothing) {
  Started s;
  const Bytes sealed = RandomBytes(1024);
  rpc::Endpoint endpoint;
  endpoint.address = s.server.address();
  endpoint.root_pem = s.server.organisation().root().ToPem();
  grpc::GenericStub raw(*rpc::NewChannel(endpoint));
  const auto call = [&](const std::string& method, const std::string& bytes) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    grpc::Slice slice(bytes);
    grpc::ByteBuffer request(&slice, 1), response;
    grpc::CompletionQueue queue;
    auto reader = raw.PrepareUnaryCall(&context, "/plumbline.delivery.v1.Delivery/" + method, request, &queue);
    reader->StartCall();
    grpc::Status status;
    reader->Finish(&response, &status, &queue);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return rpc::FromGrpc(status);
  };
  const std::string session = s.server.Session(*s.client);
  v1::SubmitRequest submit;
  submit.set_session_id(session);
  AddEnvelope(submit, s.mailbox, sealed);
  TestGate().Sign(submit, 0, true, sealed);
  v1::OpenSessionRequest open;
  tokens::Show(open, s.server.organisation().NewToken(absl::Now()));
  v1::ReadCommitRequest read;
  read.set_session_id(session);
  read.set_handle(std::string(32, 'h'));
  read.set_read_token(std::string(32, 't'));
  const std::vector<std::pair<std::string, std::string>> valid = {
      {"OpenSession", open.SerializeAsString()},
      {"Submit", submit.SerializeAsString()},
      {"ReadCommit", read.SerializeAsString()},
      {"OpenMailbox", TestMailbox().Opening(s.server.organisation().NewGrant(absl::Now())).SerializeAsString()},
      {"SetDepositCapabilities", TestMailbox().Capabilities(1, {}).SerializeAsString()},
  };
  for (const auto& [method, bytes] : valid) {
    SCOPED_TRACE(method);
    for (size_t n = 0; n < bytes.size(); n += 1 + bytes.size() / 60) {
      const absl::Status status = call(method, bytes.substr(0, n));
      EXPECT_FALSE(status.ok()) << n;
      EXPECT_NE(status.code(), absl::StatusCode::kUnknown);
    }
    for (int i = 0; i < 40; ++i) {
      const absl::Status status = call(method, ToString(RandomBytes(1 + randombytes_uniform(2000))));
      EXPECT_FALSE(status.ok());
    }
    const absl::Status oversized = call(method, std::string(19 << 20, 'x'));
    EXPECT_THAT(oversized, StatusIs(absl::StatusCode::kResourceExhausted));
  }
  for (int i = 0; i < 40; ++i) {
    Receiver receiver(*s.client, s.mailbox);
    v1::ReceiveRequest message;
    switch (i % 5) {
      case 0: message.mutable_ack()->add_tags(i); break;
      case 1: message.mutable_proof()->set_signature(ToString(RandomBytes(64))); break;
      case 2: message.mutable_open()->set_mailbox_id(ToString(RandomBytes(i))); break;
      case 3: break;
      case 4: message.GetReflection()->MutableUnknownFields(&message)->AddVarint(77, 7); break;
    }
    receiver.Write(message);
    if (i % 5 == 2 && i == 16) continue;
    if (message.open().mailbox_id().size() == 16) continue;
    EXPECT_THAT(rpc::FromGrpc(receiver.Finish()), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("request_malformed")));
  }
  // Nothing was stored, the token is unspent, and the server still serves.
  Receiver receiver(*s.client, s.mailbox);
  ASSERT_TRUE(receiver.Open());
  EXPECT_TRUE(receiver.UntilCaughtUp().empty());
  EXPECT_OK(call("OpenSession", valid[0].second));
  EXPECT_OK(call("Submit", valid[1].second));
}

// Bytes the server sent in its first flight, decrypted: whether a CertificateRequest (13) was among its messages.
TEST(Server, NeverAsksForAClientCertificateAndRefusesTls12) {
  ServerProcess server;
  server.Start();
  const std::string port = absl::StrCat(server.port());
  const std::string ca = server.directory().File("root.pem");
  std::ofstream(ca) << server.organisation().root().ToPem();
  const std::string connect = absl::StrCat("openssl s_client -connect 127.0.0.1:", port, " -CAfile ", ca, " -alpn h2 ");
  const Ended modern = RunProgram({"/bin/sh", "-c", connect + "-tls1_3 -msg </dev/null"});
  EXPECT_THAT(modern.output, HasSubstr("Verify return code: 0 (ok)"));
  EXPECT_THAT(modern.output, HasSubstr("EncryptedExtensions"));   // the listing does show such messages
  EXPECT_THAT(modern.output, HasSubstr("CertificateVerify"));
  EXPECT_THAT(modern.output, Not(HasSubstr("CertificateRequest")));
  EXPECT_THAT(modern.output, HasSubstr("No client certificate CA names sent"));
  const Ended old = RunProgram({"/bin/sh", "-c", connect + "-tls1_2 </dev/null"});
  EXPECT_NE(old.code, 0);
  EXPECT_THAT(old.output, Not(HasSubstr("Verify return code: 0 (ok)\n    Extended master secret: yes")));

  // A client that has one is never asked for it either.
  const auto key = crypto::P256PrivateKey::Generate();
  rpc::Endpoint endpoint;
  endpoint.address = server.address();
  endpoint.root_pem = server.organisation().root().ToPem();
  endpoint.identity = rpc::TlsIdentity{
      server.organisation().SignService(crypto::CertificateRequest::Create(key), identity::Service::kAdmin), key.ToPem()};
  const auto stub = v1::Delivery::NewStub(*rpc::NewChannel(endpoint));
  EXPECT_EQ(server.Session(*stub).size(), 16u);
}

TEST(Server, ShutsDownInOrderTellsItsStreamsAndKeepsEverything) {
  Started s;
  v1::SubmitRequest request = s.Letter();
  ASSERT_OK(Submit(*s.client, request));
  Receiver receiver(*s.client, s.mailbox);
  ASSERT_TRUE(receiver.Open());
  EXPECT_EQ(receiver.UntilCaughtUp().size(), 1u);
  s.server.Kill(SIGTERM);
  const auto closed = receiver.Next();
  ASSERT_TRUE(closed.has_value());
  EXPECT_EQ(closed->closed().reason(), v1::ReceiveResponse::Closed::SHUTTING_DOWN);
  EXPECT_TRUE(receiver.Finish().ok());
  EXPECT_EQ(s.server.Wait(), 0);
  EXPECT_THAT(s.server.LogText(), HasSubstr("service.stopped"));
  s.server.Start();
  const auto after = s.server.Client();
  Receiver again(*after, s.mailbox);
  ASSERT_TRUE(again.Open());
  EXPECT_EQ(IdsOf(again.UntilCaughtUp()), std::vector<std::string>{request.envelopes(0).envelope_id()});
  // The session ended with the process; the token stays spent.
  EXPECT_THAT(Submit(*after, request), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("session_unknown")));
}

TEST(Server, ATokenStaysSpentAcrossAKill) {
  ServerProcess server;
  server.Start();
  v1::OpenSessionRequest request;
  tokens::Show(request, server.organisation().NewToken(absl::Now()));
  v1::OpenSessionResponse response;
  grpc::ClientContext first;
  ASSERT_OK(rpc::FromGrpc(server.Client()->OpenSession(&first, request, &response)));
  server.Kill(SIGKILL);
  server.Wait();
  server.Start();
  grpc::ClientContext second;
  EXPECT_THAT(rpc::FromGrpc(server.Client()->OpenSession(&second, request, &response)),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_spent")));
}

TEST(Server, AWriteThatTheDiskRefusesIsNotAcknowledgedAndItRecovers) {
  Started s;
  const Bytes sealed = RandomBytes(64 * 1024);
  const std::string session = s.server.Session(*s.client);
  std::vector<std::string> acknowledged;
  const auto submit = [&] {
    v1::SubmitRequest request;
    request.set_session_id(session);
    AddEnvelope(request, s.mailbox, sealed);
    const auto response = Submit(*s.client, request);
    if (response.ok()) acknowledged.push_back(request.envelopes(0).envelope_id());
    return response.status();
  };
  ASSERT_OK(submit());
  const struct rlimit small = {512 * 1024, RLIM_INFINITY};
  ASSERT_EQ(prlimit(s.server.pid(), RLIMIT_FSIZE, &small, nullptr), 0);
  absl::Status status;
  for (int i = 0; i < 40 && status.ok(); ++i) status = submit();
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("storage_"));
  const struct rlimit large = {RLIM_INFINITY, RLIM_INFINITY};
  ASSERT_EQ(prlimit(s.server.pid(), RLIMIT_FSIZE, &large, nullptr), 0);
  EXPECT_OK(submit());
  s.server.Kill(SIGKILL);
  s.server.Wait();
  s.server.Start();
  const auto after = s.server.Client();
  Receiver receiver(*after, s.mailbox);
  ASSERT_TRUE(receiver.Open());
  EXPECT_EQ(IdsOf(receiver.UntilCaughtUp()), acknowledged);
}

TEST(Server, RefusesToStartWithTheCauseAndTheRemedy) {
  ServerProcess server;
  server.Start();
  const auto serve = [&](const ServerProcess& s) { return RunProgram({PLUMBLINE_SERVER, "serve", "--config", s.ConfigFile()}); };
  {
    const Ended twice = serve(server);
    EXPECT_EQ(twice.code, 1);
    EXPECT_THAT(twice.output, HasSubstr("store_already_open"));
  }
  ServerProcess other;
  other.WriteConfig(server.address());
  const Ended busy = serve(other);
  EXPECT_EQ(busy.code, 1);
  EXPECT_THAT(busy.output, HasSubstr("address_in_use"));
  EXPECT_THAT(busy.output, HasSubstr(server.address()));
  other.WriteConfig("127.0.0.1:0");

  const std::string trust = other.directory().File("trust.pem");
  std::ofstream(trust) << server.organisation().TrustPem();
  EXPECT_THAT(serve(other).output, HasSubstr("root_mismatch"));
  std::ofstream(trust) << other.organisation().root().ToPem();
  EXPECT_THAT(serve(other).output, HasSubstr("trust_invalid"));
  // A role certificate by another organisation's root, under our own root's name.
  std::ofstream(trust) << other.organisation().root().ToPem()
                       << server.organisation().TrustPem().substr(server.organisation().root().ToPem().size());
  EXPECT_THAT(serve(other).output, HasSubstr("trust_invalid"));
  std::ofstream(trust) << other.organisation().TrustPem();

  const std::string certificate = other.directory().File("server.pem");
  const auto key = crypto::P256PrivateKey::Generate();
  std::ofstream(certificate) << other.organisation().SignService(crypto::CertificateRequest::Create(key));
  EXPECT_THAT(serve(other).output, HasSubstr("certificate_invalid"));

  std::ofstream(other.directory().File("passphrase")) << "another passphrase\n";
  EXPECT_THAT(serve(other).output, HasSubstr("passphrase"));
  const Ended again = RunProgram({PLUMBLINE_SERVER, "init", "--config", server.ConfigFile()});
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.output, HasSubstr("already_initialised"));
}

TEST(Server, ItsLogsNameNoMailboxNoEnvelopeAndNoPeer) {
  Started s;
  v1::SubmitRequest request = s.Letter();
  ASSERT_OK(Submit(*s.client, request));
  request.mutable_envelopes(0)->set_sealed(ToString(RandomBytes(1024)));
  EXPECT_FALSE(Submit(*s.client, request).ok());
  {
    Receiver receiver(*s.client, s.mailbox);
    ASSERT_TRUE(receiver.Open());
    receiver.UntilCaughtUp();
  }
  RunProgram({"/bin/sh", "-c", absl::StrCat("echo junk | openssl s_client -tls1_2 -connect ", s.server.address())});
  s.server.Kill(SIGTERM);
  EXPECT_EQ(s.server.Wait(), 0);
  const std::string log = s.server.LogText();
  EXPECT_THAT(log, HasSubstr("service.stopped"));
  for (const std::string& id : {ToString(s.mailbox.id), request.envelopes(0).envelope_id(), request.session_id()}) {
    EXPECT_THAT(log, Not(HasSubstr(ToHex(AsBytes(id)))));
    EXPECT_THAT(log, Not(HasSubstr(id)));
  }
  EXPECT_THAT(log, Not(HasSubstr("127.0.0.1")));
  EXPECT_THAT(log, Not(HasSubstr("ipv4:")));
}

TEST(Server, WhatIsAcknowledgedLeavesTheWriteAheadLogWithinAMinute) {
  Started s;
  v1::SubmitRequest request = s.Letter(64 * 1024);
  ASSERT_OK(Submit(*s.client, request));
  Receiver receiver(*s.client, s.mailbox);
  ASSERT_TRUE(receiver.Open());
  ASSERT_EQ(receiver.UntilCaughtUp().size(), 1u);
  const std::string log = s.server.directory().File("data/server.db-wal");
  EXPECT_GT(std::filesystem::file_size(log), 64u * 1024);
  receiver.Ack({1});
  const absl::Time end = absl::Now() + absl::Seconds(60);
  while (std::filesystem::file_size(log) > 0 && absl::Now() < end) absl::SleepFor(absl::Milliseconds(100));
  EXPECT_EQ(std::filesystem::file_size(log), 0u);
}

TEST(Server, RecordsItsLifeAndItsRefusalsWithoutIds) {
  ServerProcess server;
  server.Start();
  {
    const auto client = server.Client();
    for (int i = 0; i < 3; ++i) {
      grpc::ClientContext context;
      v1::OpenSessionRequest request;
      request.set_token(ToString(RandomBytes(170)));
      v1::OpenSessionResponse response;
      EXPECT_FALSE(client->OpenSession(&context, request, &response).ok());
    }
  }
  server.Kill(SIGTERM);
  ASSERT_EQ(server.Wait(), 0);
  const std::string data = server.directory().File("data");
  ASSERT_OK_AND_ASSIGN(const ServerKeys keys, OpenKeys(data, Secret::CopyOf(AsBytes("a passphrase for this test"))));
  ASSERT_OK_AND_ASSIGN(const auto database, db::Database::Open(absl::StrCat(data, "/", kDatabaseFile), keys.database));
  ASSERT_OK_AND_ASSIGN(const audit::LogKey log_key, keys.AuditKey(kDomain));
  ASSERT_OK_AND_ASSIGN(audit::AuditReader reader, audit::AuditReader::Open(*database, log_key.verifier()));
  EXPECT_OK(reader.Verify());
  ASSERT_OK_AND_ASSIGN(const auto records, reader.ReadAfter(0, 100));
  std::vector<std::string> names;
  for (const audit::Record& record : records) {
    names.push_back(record.name);
    EXPECT_EQ(record.subject, "");
    if (record.name != "tokens.refused") continue;
    EXPECT_EQ(record.details.at("count"), "3");
    EXPECT_EQ(record.actor, "");
  }
  EXPECT_EQ(names, (std::vector<std::string>{"trust.loaded", "service.started", "tokens.refused", "service.stopped"}));
}

}  // namespace
}  // namespace plumbline::server
