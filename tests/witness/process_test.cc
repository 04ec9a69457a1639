// The program over real sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/clock.h"
#include "common/crypto/sealed_file.h"
#include "common/tlog/cosignature.h"
#include "tests/common/process.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"
#include "tests/witness/bare_connection.h"
#include "tests/witness/log.h"
#include "witness/keys.h"
#include "witness/state.h"

namespace plumbline::witness {
namespace {

using plumbline::testing::Finished;
using plumbline::testing::RunToEnd;
using ::testing::HasSubstr;

constexpr char kPassphrase[] = "correct horse battery staple";

class WitnessProcess : public ::testing::Test {
 protected:
  WitnessProcess() {
    EXPECT_OK(assess::WriteFile(dir_ / "passphrase", absl::StrCat(kPassphrase, "\n")));
    WriteConfig(absl::StrCat("logs:\n  - ", log_.verifier().ToText(), "\n"));
  }
  void WriteConfig(const std::string& logs) {
    EXPECT_OK(assess::WriteFile(dir_ / "witness.yaml",
                                absl::StrCat("name: w.example/w\ndata_dir: ", dir_ / "data", "\nlisten: 127.0.0.1:0\n", logs,
                                             "passphrase_file: ", dir_ / "passphrase", "\nlog_file: ", dir_ / "log", "\n")));
  }
  Finished Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), PLUMBLINE_WITNESS);
    return RunToEnd(arguments);
  }
  // A key that costs little to open.
  void Initialise() {
    const absl::StatusOr<tlog::CosignerKey> key =
        witness::Initialise(dir_ / "data", "w.example/w", Secret::CopyOf(AsBytes(kPassphrase)), {1, 8192});
    ASSERT_OK(key);
    key_ = *key;
  }
  void Start() {
    process_ = std::make_unique<testing::ServiceProcess>(
        std::vector<std::string>{PLUMBLINE_WITNESS, "serve", "--config", dir_ / "witness.yaml"}, dir_ / "output", dir_ / "log");
    port_ = process_->WaitForNumber("\"port\":");
  }
  httplib::Result Post(const std::string& body) {
    httplib::Client client("127.0.0.1", port_);
    return client.Post("/add-checkpoint", body, "application/octet-stream");
  }
  // 0 if there was no answer.
  static int StatusOf(const httplib::Result& result) { return result ? result->status : 0; }
  // Whether it is the witness's word for this checkpoint.
  bool Cosigns(const std::string& checkpoint, const std::string& body) {
    const absl::StatusOr<tlog::Note> note = tlog::ParseNote(checkpoint + body);
    return note.ok() && key_->Find(*note).ok();
  }

  testing::ScratchDir dir_;
  TestLog log_, liar_{"example.org/log", 1, 1};
  std::optional<tlog::CosignerKey> key_;
  std::unique_ptr<testing::ServiceProcess> process_;
  int port_ = 0;
};

TEST_F(WitnessProcess, SpeaksTheProtocol) {
  Initialise();
  Start();
  const httplib::Result first = Post(log_.Request(0, 3));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->status, 200) << first->body;
  EXPECT_TRUE(Cosigns(log_.Checkpoint(3), first->body));
  const httplib::Result conflict = Post(log_.Request(0, 5));
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->status, 409);
  EXPECT_EQ(conflict->body, "3\n");
  EXPECT_EQ(conflict->get_header_value("Content-Type"), "text/x.tlog.size");
  EXPECT_EQ(StatusOf(Post(liar_.Request(3, 5))), 422);
  EXPECT_EQ(StatusOf(Post("nonsense")), 400);
  EXPECT_EQ(StatusOf(Post(std::string(tlog::kMaxWitnessRequest + 1, 'x'))), 413);
  httplib::Client client("127.0.0.1", port_);
  client.set_keep_alive(true);
  EXPECT_EQ(StatusOf(client.Get("/add-checkpoint")), 404);
  EXPECT_EQ(StatusOf(client.Post("/add-checkpoint", log_.Request(3, 5), "text/plain")), 200);
  EXPECT_EQ(StatusOf(client.Post("/add-checkpoint", log_.Request(5, 6), "text/plain")), 200);
  EXPECT_EQ(process_->Kill(SIGTERM), 0);
}

// Heads, bodies and chunks without end, packed bodies, ranges: refused, and the next request is served.
TEST_F(WitnessProcess, IsBounded) {
  Initialise();
  Start();
  const std::string line = "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n", megabytes(8 << 20, 'a');
  std::string chunks, ranges = "Range: bytes=0-1";
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&chunks, "1000\r\n", std::string(4096, 'a'), "\r\n");
  while (ranges.size() < 7000) ranges += ",2-3";
  for (const std::string& request :
       {megabytes, absl::StrCat(line, "X: ", megabytes),
        absl::StrCat(line, "Content-Length: ", megabytes.size(), "\r\n\r\n", megabytes),
        absl::StrCat(line, "Transfer-Encoding: chunked\r\n\r\n", chunks), absl::StrCat(line, "Content-Length: -1\r\n\r\n"),
        absl::StrCat(line, ranges, "\r\nContent-Length: 0\r\n\r\n")}) {
    EXPECT_EQ(Exchange(port_, request).find(" 200 "), std::string::npos) << request.substr(0, 100);
  }
  // Read as it is, which is no request: what a stranger packed is not unpacked.
  EXPECT_THAT(Exchange(port_, absl::StrCat(line, "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")), HasSubstr(" 400 "));
  EXPECT_EQ(StatusOf(Post(log_.Request(0, 1))), 200);
  const std::string status = testing::ReadAll(absl::StrCat("/proc/", process_->pid(), "/status"));
  const size_t at = status.find("VmHWM:");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LT(std::atoi(status.c_str() + at + 6), 80 * 1024) << "KiB: something of it was kept";
}

// More connections than it serves at a time, all silent or slow: they are ended, and others are served.
TEST_F(WitnessProcess, SilentAndSlowConnectionsDoNotStopIt) {
  Initialise();
  Start();
  std::vector<std::unique_ptr<BareConnection>> idle;
  for (int i = 0; i < 80; ++i) {
    idle.push_back(std::make_unique<BareConnection>(port_));
    if (i % 2 == 0) idle.back()->Send("POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 100\r\n\r\nold");
  }
  const absl::Duration before = Uptime();
  httplib::Client client("127.0.0.1", port_);
  client.set_read_timeout(60);
  const httplib::Result answer = client.Post("/add-checkpoint", log_.Request(0, 1), "text/plain");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  std::printf("served %.1f s behind 80 idle connections\n", absl::ToDoubleSeconds(Uptime() - before));
}

TEST_F(WitnessProcess, OneConnectionServesManyRequests) {
  Initialise();
  Start();
  httplib::Client client("127.0.0.1", port_);
  client.set_keep_alive(true);
  for (uint64_t size = 0; size < 20; ++size)
    ASSERT_EQ(client.Post("/add-checkpoint", log_.Request(size, size + 1), "text/plain")->status, 200) << size;
  const std::string body = log_.Request(20, 21);
  const std::string request =
      absl::StrCat("POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
  const std::string answers = Exchange(port_, request + request);
  EXPECT_THAT(answers, HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(answers, HasSubstr("HTTP/1.1 409"));
}

TEST_F(WitnessProcess, TwoHistoriesLeaveEvidenceThatAnybodyChecks) {
  Initialise();
  Start();
  ASSERT_EQ(Post(log_.Request(0, 3))->status, 200);
  ASSERT_EQ(Post(liar_.Request(0, 3))->status, 409);
  const std::string folder = dir_ / "data/evidence";
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  ASSERT_EQ(files.size(), 1u);
  const Finished checked = Run({"check-evidence", files[0], "--log", log_.verifier().ToText()});
  EXPECT_EQ(checked.code, 0) << checked.output;
  EXPECT_THAT(checked.out, HasSubstr("example.org/log signed two trees of 3 leaves"));
  TestLog other("example.org/log", 2);
  const Finished innocent = Run({"check-evidence", files[0], "--log", other.verifier().ToText()});
  EXPECT_EQ(innocent.code, 1);
  EXPECT_THAT(innocent.err, HasSubstr("no known key has signed"));
  EXPECT_THAT(process_->Output(), HasSubstr("log.equivocated"));
}

// Killed while requests are under way, over and over: nothing that was answered is ever forgotten or contradicted.
TEST_F(WitnessProcess, KilledAtAnyMomentItNeverCosignsASecondHistory) {
  Initialise();
  std::mt19937 random(7);
  std::map<uint64_t, std::string> cosigned;  // text by size
  uint64_t known = 0;                        // the largest that was answered
  int kills = 0;
  for (int round = 0; round < 12; ++round) {
    Start();
    // While some request of each life is under way.
    int answers = 0;
    const int last = 3 + static_cast<int>(random() % 12);
    std::thread killer;
    for (uint64_t old = known;;) {
      if (answers == last && !killer.joinable()) killer = std::thread([&] { process_->Signal(SIGKILL); });
      TestLog& log = random() % 4 == 0 ? liar_ : log_;
      const uint64_t size = old + random() % 3;
      const httplib::Result answer = Post(log.Request(old, size));
      if (!answer) break;
      ++answers;
      if (answer->status == 409) {
        const uint64_t stored = std::stoull(answer->body);
        EXPECT_GE(stored, known) << "it went back";
        old = stored;
      }
      if (answer->status != 200) continue;
      const std::string text = tlog::ParseNote(log.Checkpoint(size))->text;
      EXPECT_TRUE(Cosigns(log.Checkpoint(size), answer->body));
      const auto [at, fresh] = cosigned.emplace(size, text);
      EXPECT_EQ(at->second, text) << "two histories at " << size;
      old = known = size;
    }
    ASSERT_TRUE(killer.joinable()) << "no answer, and nobody had killed it";
    killer.join();
    kills += process_->Wait() == 128 + SIGKILL ? 1 : 0;
  }
  EXPECT_EQ(kills, 12);
  EXPECT_GT(cosigned.size(), 8u);
  std::printf("12 kills, %zu checkpoints cosigned up to size %llu\n", cosigned.size(), static_cast<unsigned long long>(known));
}

TEST_F(WitnessProcess, ItsMakingIsDoneOnceAndItsKeyIsPrinted) {
  const Finished made = Run({"init", "--config", dir_ / "witness.yaml"});
  ASSERT_EQ(made.code, 0) << made.output;
  const Finished key = Run({"key", "--config", dir_ / "witness.yaml"});
  EXPECT_EQ(key.out, made.out);
  EXPECT_OK(tlog::CosignerKey::Parse(absl::StripSuffix(key.out, "\n")));
  const Finished again = Run({"init", "--config", dir_ / "witness.yaml"});
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.err, HasSubstr("already_initialised"));
  EXPECT_EQ(Run({"key", "--config", dir_ / "witness.yaml"}).out, made.out);
}

TEST_F(WitnessProcess, AnInitThatWasInterruptedIsRunAgainAndAStateInUseIsNot) {
  std::filesystem::create_directory(dir_ / "data");
  ASSERT_OK(WitnessState::Create(dir_ / "data/witness.state"));
  Initialise();
  std::filesystem::remove(dir_ / "data/witness.keys");
  {
    absl::StatusOr<WitnessState> state = WitnessState::Open(dir_ / "data/witness.state");
    ASSERT_OK(state);
    const std::string note = log_.Checkpoint(3);
    ASSERT_OK(state->Put({*tlog::OpenCheckpoint(note, log_.verifier()), note}));
  }
  EXPECT_THAT(witness::Initialise(dir_ / "data", "w.example/w", Secret::CopyOf(AsBytes(kPassphrase)), {1, 8192}).status(),
              testing::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("already_initialised")));
}

TEST_F(WitnessProcess, SaysWhatKeepsItFromServing) {
  const auto serve = [&] { return Run({"serve", "--config", dir_ / "witness.yaml"}); };
  EXPECT_THAT(serve().err, HasSubstr("not_initialised"));
  Initialise();
  WriteConfig("logs:\n  - nonsense\n");
  EXPECT_THAT(serve().err, HasSubstr("logs: a verifier key is"));
  WriteConfig("");
  EXPECT_THAT(serve().err, HasSubstr("logs"));
  WriteConfig(absl::StrCat("logs:\n  - ", log_.verifier().ToText(), "\n"));
  Start();
  EXPECT_THAT(serve().err, HasSubstr("in_use"));
  process_->Kill(SIGKILL);
  std::filesystem::remove(dir_ / "data/witness.state");
  EXPECT_THAT(serve().err, HasSubstr("not_initialised"));
}

}  // namespace
}  // namespace plumbline::witness
