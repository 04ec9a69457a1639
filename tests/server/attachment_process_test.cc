// The attachment service of the real server over real sockets and TLS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include <grpcpp/generic/generic_stub.h>

#include "common/identity/attachment.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "plumbline/delivery/v1/attachments.grpc.pb.h"
#include "tests/server/server_process.h"
#include "tests/server/uploader.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
namespace v1 = delivery::v1;

TEST(AttachmentServer, KeepsWhatItAcknowledgedAcrossAKillAndGoesOn) {
  ServerProcess server;
  server.Start();
  Uploader file(server, 8 * identity::kPieceSize);
  ASSERT_OK(file.Begin());
  uint64_t durable = 0;
  while (durable < 5 * identity::kPieceSize) {
    ASSERT_OK_AND_ASSIGN(const v1::PutResponse put, file.Put(durable));
    durable = put.durable_bytes();
  }
  server.Kill(SIGKILL);
  server.Wait();
  server.Start();
  file.Connect();
  EXPECT_THAT(file.Get(0), StatusIs(absl::StatusCode::kNotFound));  // not complete
  ASSERT_OK_AND_ASSIGN(const v1::BeginResponse begun, file.Begin());
  EXPECT_EQ(begun.durable_bytes(), durable);
  ASSERT_OK(file.PutAll(durable));
  server.Kill(SIGKILL);
  server.Wait();
  server.Start();
  file.Connect();
  ASSERT_OK_AND_ASSIGN(const Bytes got, file.Download());
  EXPECT_EQ(got, file.bytes);
  ASSERT_OK(file.Delete());
  EXPECT_THAT(file.Get(0), StatusIs(absl::StatusCode::kNotFound, HasSubstr("attachment_unknown")));
}

TEST(AttachmentServer, GivesAFileUntilItsLastDayAndNotAfterwards) {
  ServerProcess server;
  const std::string clock = server.directory().File("clock");
  const auto set = [&](absl::Duration offset) {
    std::ofstream(clock + ".new") << absl::ToInt64Seconds(offset);
    std::filesystem::rename(clock + ".new", clock);
  };
  set(absl::ZeroDuration());
  server.Start({{"LD_PRELOAD", PLUMBLINE_CLOCK}, {"ASSESS_CLOCK_FILE", clock}});
  Uploader file(server, 2 * identity::kPieceSize);
  ASSERT_OK(file.Begin());
  ASSERT_OK(file.PutAll());
  const auto download_after = [&](int days) -> absl::StatusOr<Bytes> {
    set(absl::Hours(24 * days));
    v1::OpenSessionRequest request;
    tokens::Show(request, server.organisation().NewToken(absl::Now() + absl::Hours(24 * days)));
    v1::OpenSessionResponse response;
    grpc::ClientContext context;
    RETURN_IF_ERROR(rpc::FromGrpc(server.Client()->OpenSession(&context, request, &response)));
    file.session = response.session_id();
    return file.Download();
  };
  ASSERT_OK_AND_ASSIGN(const Bytes got, download_after(29));  // not at the edge, which a midnight could move
  EXPECT_EQ(got, file.bytes);
  EXPECT_THAT(download_after(31), StatusIs(absl::StatusCode::kNotFound, HasSubstr("attachment_unknown")));
}

TEST(AttachmentServer, HasItsQuotasAndSaysWhich) {
  ServerProcess server("limits:\n  session_envelopes: 10\n  attachment_mebibytes: 2\n  attachments_total_mebibytes: 2\n");
  server.Start();
  Uploader large(server, size_t{2} << 20);
  EXPECT_THAT(large.Begin(), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("storage_full")));
  Uploader larger(server, size_t{4} << 20);
  EXPECT_THAT(larger.Begin(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("attachment_too_large")));
  Uploader file(server, 4 * identity::kPieceSize);
  ASSERT_OK(file.Begin());
  EXPECT_THAT(file.PutAll(), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("budget_spent")));
  file.Connect();  // another token
  ASSERT_OK_AND_ASSIGN(const v1::BeginResponse begun, file.Begin());
  EXPECT_EQ(begun.durable_bytes(), 2 * identity::kPieceSize);
  ASSERT_OK(file.PutAll(begun.durable_bytes()));
  Uploader more(server, 4 * identity::kPieceSize);
  EXPECT_THAT(more.Begin(), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("storage_full")));
}

TEST(AttachmentServer, AWriteThatTheDiskRefusesIsNotAcknowledgedAndMessagesGoOn) {
  ServerProcess server;
  server.Start();
  Uploader file(server, 40 * identity::kPieceSize);
  ASSERT_OK(file.Begin());
  ASSERT_OK(file.Put(0));
  const struct rlimit small = {1536 * 1024, RLIM_INFINITY};
  ASSERT_EQ(prlimit(server.pid(), RLIMIT_FSIZE, &small, nullptr), 0);
  const absl::Status status = file.PutAll(identity::kPieceSize);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("storage_"));
  // The database of messages is another file and still takes some.
  const auto client = server.Client();
  const TestMailbox mailbox = server.Mailbox(*client);
  v1::SubmitRequest submit;
  submit.set_session_id(file.session);
  const Bytes sealed = RandomBytes(1024);
  AddEnvelope(submit, mailbox, sealed);
  grpc::ClientContext context;
  v1::SubmitResponse submitted;
  EXPECT_OK(rpc::FromGrpc(client->Submit(&context, submit, &submitted)));
  const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
  ASSERT_EQ(prlimit(server.pid(), RLIMIT_FSIZE, &unlimited, nullptr), 0);
  ASSERT_OK_AND_ASSIGN(const v1::BeginResponse begun, file.Begin());
  EXPECT_GE(begun.durable_bytes(), identity::kPieceSize);
  ASSERT_OK(file.PutAll(begun.durable_bytes()));
  ASSERT_OK_AND_ASSIGN(const Bytes got, file.Download());
  EXPECT_EQ(got, file.bytes);
}

// Any bytes on any rpc: a status, and the server goes on.
TEST(AttachmentServer, HostileBytesOnEveryRpcAreRefusedAndChangeNothing) {
  ServerProcess server;
  server.Start();
  Uploader file(server, identity::kPieceSize);
  ASSERT_OK(file.Begin());
  ASSERT_OK(file.PutAll());
  grpc::GenericStub raw(Connect(server));
  const auto call = [&](const std::string& method, const std::string& bytes) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    grpc::Slice slice(bytes);
    grpc::ByteBuffer request(&slice, 1), response;
    grpc::CompletionQueue queue;
    auto reader = raw.PrepareUnaryCall(&context, "/plumbline.delivery.v1.Attachments/" + method, request, &queue);
    reader->StartCall();
    grpc::Status status;
    reader->Finish(&response, &status, &queue);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return rpc::FromGrpc(status);
  };
  v1::BeginRequest begin;
  begin.set_session_id(file.session);
  begin.set_attachment_id(ToString(Sha256(file.read)));
  begin.set_owner_capability_hash(ToString(Sha256(file.read)));  // another owner
  begin.set_size(file.bytes.size());
  v1::PutRequest put;
  put.set_session_id(file.session);
  put.set_attachment_id(begin.attachment_id());
  put.set_owner_capability(ToString(file.read));
  put.set_piece("x");
  v1::GetRequest get;
  get.set_session_id(file.session);
  get.set_read_capability(ToString(file.owner));
  v1::DeleteRequest remove;
  remove.set_session_id(file.session);
  remove.set_attachment_id(begin.attachment_id());
  remove.set_owner_capability(ToString(file.read));
  const std::vector<std::pair<std::string, std::string>> valid = {{"Begin", begin.SerializeAsString()},
                                                                  {"Put", put.SerializeAsString()},
                                                                  {"Get", get.SerializeAsString()},
                                                                  {"Delete", remove.SerializeAsString()}};
  for (const auto& [method, bytes] : valid) {
    SCOPED_TRACE(method);
    EXPECT_FALSE(call(method, bytes).ok());
    EXPECT_FALSE(call(method, "").ok());
    EXPECT_FALSE(call(method, "\xff\xff\xff\xff").ok());
    for (int i = 0; i < 150; ++i) {
      std::string mutated = bytes;
      mutated[randombytes_uniform(static_cast<uint32_t>(mutated.size()))] ^= static_cast<char>(1 + randombytes_uniform(255));
      call(method, mutated).IgnoreError();
      call(method, mutated.substr(0, randombytes_uniform(static_cast<uint32_t>(mutated.size())))).IgnoreError();
      call(method, ToString(RandomBytes(randombytes_uniform(200)))).IgnoreError();
    }
  }
  file.Connect();
  ASSERT_OK_AND_ASSIGN(const Bytes got, file.Download());
  EXPECT_EQ(got, file.bytes);
  // What is larger than any request may be does not even wait for a worker.
  v1::PutRequest huge = put;
  huge.set_piece(std::string(size_t{8} << 20, 'x'));
  EXPECT_THAT(call("Put", huge.SerializeAsString()), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("wrong_size")));
  get.set_session_id(std::string(size_t{8} << 20, 'x'));
  EXPECT_THAT(call("Get", get.SerializeAsString()), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("wrong_size")));
}

// Somebody who moves files as fast as they can does not keep messages from being served.
TEST(AttachmentServer, MessagesAreServedWhileFilesAreMoved) {
  ServerProcess server("limits:\n  session_envelopes: 10000\n");
  server.Start();
  std::atomic<bool> stop = false;
  std::atomic<int> moved = 0;
  std::vector<std::thread> movers;
  for (int i = 0; i < 4; ++i) {
    movers.emplace_back([&] {
      Uploader file(server, 32 * identity::kPieceSize);
      EXPECT_OK(file.Begin());
      for (uint64_t offset = 0; !stop && offset < file.bytes.size(); offset += identity::kPieceSize, ++moved) {
        const auto put = file.Put(offset);
        EXPECT_OK(put);
      }
    });
  }
  const auto client = server.Client();
  const TestMailbox mailbox = server.Mailbox(*client);
  const std::string session = server.Session(*client);
  const Bytes sealed = RandomBytes(1024);
  EXPECT_TRUE(assess::PollUntil([&] { return moved > 0; }, absl::Seconds(30)));
  for (int i = 0; i < 50; ++i) {
    v1::SubmitRequest submit;
    submit.set_session_id(session);
    AddEnvelope(submit, mailbox, sealed);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    v1::SubmitResponse submitted;
    EXPECT_OK(rpc::FromGrpc(client->Submit(&context, submit, &submitted)));
  }
  stop = true;
  for (std::thread& mover : movers) mover.join();
}

}  // namespace
}  // namespace plumbline::server
