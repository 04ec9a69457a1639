// The real server on storage that fails: killed at each change of its database, torn writes, power
// cuts, errors, a full disk.
//
// PLUMBLINE_SURVIVAL=long tries every change; otherwise a few drawn by PLUMBLINE_SEED, which is
// printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"
#include "common/retry.h"
#include "common/rpc/status.h"
#include "tests/server/fault_story.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
namespace v1 = delivery::v1;

bool Long() {
  return absl::string_view(std::getenv("PLUMBLINE_SURVIVAL") == nullptr
                               ? ""
                               : std::getenv("PLUMBLINE_SURVIVAL")) == "long";
}

unsigned Seed() {
  const char* given = std::getenv("PLUMBLINE_SEED");
  return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10))
                          : std::random_device()();
}

ServerProcess::Environment Faults(const std::string& kind, int at) {
  return {{"LD_PRELOAD", PLUMBLINE_FAULTS},
          {"ASSESS_FAULT_KIND", kind},
          {"ASSESS_FAULT_AT", absl::StrCat(at)}};
}

// How many changes a start and one telling of the story make.
int CountChanges(ServerProcess& server, FaultStory& story) {
  const std::string count = server.directory().File("data/changes");
  server.Start({{"LD_PRELOAD", PLUMBLINE_FAULTS}, {"ASSESS_FAULT_COUNT", count}});
  CHECK(story.Tell(server).ok());
  server.Kill(SIGKILL);
  server.Wait();
  int changes = 0;
  std::ifstream(count) >> changes;
  return changes;
}

constexpr int kTellings = 12;

void SurviveAt(const std::string& kind) {
  std::optional<ServerProcess> server(std::in_place);
  std::optional<FaultStory> story(std::in_place);
  FaultCounts counts;
  int answered = 0;  // by earlier stories
  const int changes = CountChanges(*server, *story);
  ASSERT_GT(changes, 30) << "the counter does not see the database";
  std::vector<int> points;
  const unsigned seed = Seed();
  std::mt19937 random(seed);
  for (int n = 1; n <= changes; ++n) points.push_back(n);
  if (!Long()) {
    std::shuffle(points.begin(), points.end(), random);
    points.resize(5);
  }
  for (const int n : points) {
    // A story fills its mailboxes as it is told again: another, before there is more in one than a stream carries unacknowledged.
    if (counts.deaths % kTellings == kTellings - 1) {
      answered += story->answered();
      story.emplace();
      server.emplace();
    }
    SCOPED_TRACE(absl::StrCat(kind, " at change ", n, ", seed ", seed));
    const bool started = server->TryStart(Faults(kind, n));
    absl::Status told = started ? story->Tell(*server) : absl::UnavailableError("it died on start");
    ASSERT_FALSE(absl::IsDataLoss(told)) << told;
    if (started) {
      // A story that came to its end leaves what happens by itself: the server is ended here.
      if (told.ok()) server->Kill(SIGKILL);
      ASSERT_EQ(server->Wait(), 128 + SIGKILL) << told;
    }
    ++counts.deaths;
    server->Start();
    story->Check(*server, counts);
    ASSERT_TRUE(counts.clean()) << counts.ToString();
    server->Kill(SIGKILL);
    server->Wait();
  }
  counts.answered = answered + story->answered();
  std::printf("delivery server, %s at %zu of %d changes, seed %u: %s\n", kind.c_str(),
              points.size(), changes, seed, counts.ToString().c_str());
  EXPECT_GT(counts.delivered, 0);
}

TEST(ServerFault, KilledAtAChangeItKeepsWhatItAcknowledged) { SurviveAt("kill"); }
TEST(ServerFault, KilledInTheMiddleOfAWriteItKeepsWhatItAcknowledged) { SurviveAt("torn"); }
TEST(ServerFault, AfterAPowerCutKilledWithoutItsUnsyncedWritesItKeepsWhatItAcknowledged) {
  SurviveAt("power");
}

// A server with one mailbox, and what was acknowledged to it.
struct Deposits {
  explicit Deposits(ServerProcess& running)
      : server(running),
        client(server.Client()),
        mailbox(server.Mailbox(*client)),
        session(server.Session(*client)) {}
  absl::Status Submit(size_t size = 4096) {
    v1::SubmitRequest request;
    request.set_session_id(session);
    AddEnvelope(request, mailbox, RandomBytes(size));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::SubmitResponse response;
    const absl::Status status = rpc::FromGrpc(client->Submit(&context, request, &response));
    if (status.ok()) acknowledged.push_back(request.envelopes(0).envelope_id());
    return status;
  }
  std::vector<std::string> Stored() {
    Receiver receiver(*client, mailbox);
    std::vector<std::string> ids;
    if (!receiver.Open()) return ids;
    for (const auto& delivery : receiver.UntilCaughtUp()) ids.push_back(delivery.envelope_id());
    return ids;
  }
  void Reconnect() { client = server.Client(); }

  ServerProcess& server;
  std::unique_ptr<v1::Delivery::Stub> client;
  TestMailbox mailbox;
  std::string session;
  std::vector<std::string> acknowledged;
};

// Nothing is acknowledged while the disk refuses, reads go on, and it recovers by itself.
void RefuseWhile(const std::string& error, absl::StatusCode code, const std::string& reason) {
  ServerProcess server;
  const std::string flag = server.directory().File("fault");
  server.Start({{"LD_PRELOAD", PLUMBLINE_FAULTS}, {"ASSESS_FAULT_WHILE", flag}});
  Deposits deposits(server);
  for (int i = 0; i < 3; ++i) ASSERT_OK(deposits.Submit());
  std::ofstream(flag) << error;
  for (int i = 0; i < 3; ++i) {
    const absl::Status refused = deposits.Submit();
    EXPECT_THAT(refused, StatusIs(code, HasSubstr(reason)));
    EXPECT_EQ(RetryAfter(refused).has_value(), code == absl::StatusCode::kResourceExhausted);
  }
  EXPECT_EQ(deposits.Stored(), deposits.acknowledged);
  std::filesystem::remove(flag);
  ASSERT_OK(deposits.Submit());
  EXPECT_EQ(deposits.Stored(), deposits.acknowledged);
  server.Kill(SIGKILL);
  server.Wait();
  server.Start();
  deposits.Reconnect();
  EXPECT_EQ(deposits.Stored(), deposits.acknowledged);
}

TEST(ServerFault, AFullDiskIsNamedAndNothingIsAcknowledged) {
  RefuseWhile("ENOSPC", absl::StatusCode::kResourceExhausted, "storage_full");
}
TEST(ServerFault, AReadOnlyDiskIsNamedAndNothingIsAcknowledged) {
  RefuseWhile("EROFS", absl::StatusCode::kUnavailable, "storage_unavailable");
}
TEST(ServerFault, ABrokenDiskIsNamedAndNothingIsAcknowledged) {
  RefuseWhile("EIO", absl::StatusCode::kUnavailable, "storage_unavailable");
}

// A file system of its own for the data folder.
class SmallDisk final {
 public:
  explicit SmallDisk(std::string at) : at_(std::move(at)) {}
  ~SmallDisk() {
    if (mounted_) umount2(at_.c_str(), MNT_DETACH);
  }
  // False where this process may not mount.
  bool Mount(const std::string& size) {
    const std::string aside = at_ + ".aside";
    std::filesystem::rename(at_, aside);
    std::filesystem::create_directory(at_);
    mounted_ =
        mount("tmpfs", at_.c_str(), "tmpfs", 0, absl::StrCat("mode=0700,size=", size).c_str()) == 0;
    if (mounted_) std::filesystem::copy(aside, at_);
    return mounted_;
  }
  bool Resize(const std::string& size) {
    return mount("tmpfs", at_.c_str(), "tmpfs", MS_REMOUNT, absl::StrCat("size=", size).c_str()) ==
           0;
  }

 private:
  const std::string at_;
  bool mounted_ = false;
};

TEST(ServerFault, ARealFullDiskIsNamedServedFromAndRecoveredFrom) {
  ServerProcess server;
  SmallDisk disk(server.directory().File("data"));
  if (!disk.Mount("2m"))
    GTEST_SKIP()
        << "THIS PROCESS MAY NOT MOUNT A SMALL FILE SYSTEM: ONLY THE PRELOADED FAULTS WERE TRIED";
  server.Start();
  Deposits deposits(server);
  absl::Status status;
  for (int i = 0; i < 200 && status.ok(); ++i) status = deposits.Submit(32768);
  ASSERT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("storage_full")));
  ASSERT_GT(deposits.acknowledged.size(), 5u);
  EXPECT_EQ(deposits.Stored(), deposits.acknowledged);
  ASSERT_TRUE(disk.Resize("16m"));
  for (int i = 0; i < 10; ++i) ASSERT_OK(deposits.Submit(32768));
  EXPECT_EQ(deposits.Stored(), deposits.acknowledged);
  server.Kill(SIGKILL);
  server.Wait();
  server.Start();
  deposits.Reconnect();
  EXPECT_EQ(deposits.Stored(), deposits.acknowledged);
  server.Kill(SIGTERM);
  server.Wait();
}

// The clock jumps while the server runs: what it judges by time it judges by the wrong one, what it keeps it keeps.
TEST(ServerFault, AClockThatJumpsLosesNothing) {
  ServerProcess server;
  const std::string clock = server.directory().File("clock");
  const auto set = [&](absl::Duration offset) {
    std::ofstream(clock + ".new") << absl::ToInt64Seconds(offset);
    std::filesystem::rename(clock + ".new", clock);
  };
  set(absl::ZeroDuration());
  server.Start({{"LD_PRELOAD", PLUMBLINE_CLOCK}, {"ASSESS_CLOCK_FILE", clock}});
  Deposits deposits(server);
  for (int i = 0; i < 3; ++i) ASSERT_OK(deposits.Submit());
  const auto open = [&] {
    grpc::ClientContext context;
    v1::OpenSessionRequest request;
    tokens::Show(request, server.organisation().NewToken(absl::Now()));
    v1::OpenSessionResponse response;
    return rpc::FromGrpc(deposits.client->OpenSession(&context, request, &response));
  };
  for (const absl::Duration jump : {absl::Hours(2), absl::Hours(24), -absl::Hours(2), -absl::Hours(24)}) {
    SCOPED_TRACE(absl::FormatDuration(jump));
    const auto jumps = [&] {
      const std::string log = server.LogText();
      size_t count = 0;
      for (size_t at = 0; (at = log.find("clock.jumped", at)) != std::string::npos; ++at) ++count;
      return count;
    };
    const size_t before = jumps();
    set(jump);
    const absl::Time cap = absl::Now() + absl::Seconds(20);
    while (jumps() == before && absl::Now() < cap) absl::SleepFor(absl::Milliseconds(50));
    EXPECT_GT(jumps(), before) << "the jump was not noticed";
    EXPECT_EQ(deposits.Stored(), deposits.acknowledged);
    const absl::Status opened = open();
    if (jump > absl::ZeroDuration()) {
      EXPECT_THAT(opened, StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_expired")));
    }
    const absl::Status submitted = deposits.Submit();  // the session's ten minutes
    if (jump > absl::ZeroDuration()) {
      EXPECT_THAT(submitted, StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("session_ended")));
    }
  }
  set(absl::ZeroDuration());
  ASSERT_OK(open());
  deposits.session = server.Session(*deposits.client);
  ASSERT_OK(deposits.Submit());
  EXPECT_EQ(deposits.Stored(), deposits.acknowledged);
  server.Kill(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
}

void FlipByte(const std::string& path, size_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(byte);
}

// One page in the middle of the envelopes: few are gone, and that is said; everything else is served, in order, and goes on.
TEST(ServerFault, ADamagedPageIsNamedAtStartAndTheIntactRestIsServed) {
  ServerProcess server;
  server.Start();
  std::vector<std::unique_ptr<Deposits>> all;
  for (int i = 0; i < 6; ++i) all.push_back(std::make_unique<Deposits>(server));
  for (int j = 0; j < 25; ++j) {
    for (const auto& deposits : all) ASSERT_OK(deposits->Submit(1024));
  }
  v1::OpenSessionRequest spent;
  tokens::Show(spent, server.organisation().NewToken(absl::Now()));
  v1::OpenSessionResponse session;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(all[0]->client->OpenSession(&context, spent, &session).ok());
  }
  server.Kill(SIGTERM);
  ASSERT_EQ(server.Wait(), 0);
  const std::string path = server.directory().File("data/server.db");
  const size_t pages = std::filesystem::file_size(path) / 4096;
  ASSERT_GT(pages, 30u);
  FlipByte(path, pages / 2 * 4096 + 1000);
  server.Start();
  EXPECT_THAT(server.LogText(), HasSubstr("store.salvaged"));
  EXPECT_THAT(server.LogText(), HasSubstr("store_damaged: pages of"));
  size_t left = 0, sent = 0;
  for (const auto& deposits : all) {
    deposits->Reconnect();
    const std::vector<std::string> stored = deposits->Stored();
    size_t at = 0;  // what is there is in order and was acknowledged
    for (const std::string& id : stored) {
      while (at < deposits->acknowledged.size() && deposits->acknowledged[at] != id) ++at;
      ASSERT_LT(at, deposits->acknowledged.size());
    }
    left += stored.size();
    sent += deposits->acknowledged.size();
    deposits->session = server.Session(*deposits->client);
    const size_t before = deposits->acknowledged.size();
    ASSERT_OK(deposits->Submit(1024));
    EXPECT_EQ(deposits->Stored().back(), deposits->acknowledged[before]);
  }
  std::printf("a damaged page of %zu: %zu of %zu envelopes were still served\n", pages, left, sent);
  EXPECT_GE(left + 10, sent);
  grpc::ClientContext context;
  EXPECT_FALSE(all[0]->client->OpenSession(&context, spent, &session).ok());  // whatever became of its row
  // The next start finds nothing to do.
  server.Kill(SIGTERM);
  ASSERT_EQ(server.Wait(), 0);
  server.Start();
  EXPECT_EQ(server.LogText().find("store.salvaged"), std::string::npos);
}

}  // namespace
}  // namespace plumbline::server
