// The witness that replays a log before it cosigns, over real sockets, beside one that does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <random>
#include <thread>

#include "common/clock.h"
#include "common/crypto/sealed_file.h"
#include "common/tlog/evidence.h"
#include "common/tlog/witness_request.h"
#include "tests/common/process.h"
#include "tests/common/scratch.h"
#include "tests/common/tlog/directory_publisher.h"
#include "tests/status_matchers.h"
#include "tests/witness/log.h"
#include "witness/audited_log.h"
#include "witness/keys.h"
#include "witness/witness.h"

namespace plumbline::witness {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using tlog::DirectoryLeaf;
using tlog::DirectoryLog;
using tlog::PublishedLog;
using Leaves = std::vector<DirectoryLeaf>;

constexpr char kPassphrase[] = "correct horse battery staple";

// One witness with its own key and state.
class AWitness final {
 public:
  AWitness(std::string folder, const std::vector<std::string>& logs) : folder_(std::move(folder)) {
    std::filesystem::create_directory(folder_);
    std::string config =
        absl::StrCat("name: w.example/w\ndata_dir: ", folder_, "/data\nlisten: 127.0.0.1:0\npassphrase_file: ", folder_,
                     "/passphrase\nlog_file: ", folder_, "/log\nlogs:\n");
    for (const std::string& log : logs) absl::StrAppend(&config, "  - ", log, "\n");
    EXPECT_OK(assess::WriteFile(folder_ + "/passphrase", absl::StrCat(kPassphrase, "\n")));
    EXPECT_OK(assess::WriteFile(folder_ + "/witness.yaml", config));
    key_ = *Initialise(folder_ + "/data", "w.example/w", Secret::CopyOf(AsBytes(kPassphrase)), {1, 8192});
    Start();
  }
  void Start() {
    process_ = std::make_unique<testing::ServiceProcess>(
        std::vector<std::string>{PLUMBLINE_WITNESS, "serve", "--config", folder_ + "/witness.yaml"}, folder_ + "/output",
        folder_ + "/log");
    port_ = process_->WaitForNumber("\"port\":");
  }
  int Stop(int signal) { return process_->Kill(signal); }
  testing::ServiceProcess& process() { return *process_; }

  // Its answer; 200 only with a cosignature that verifies; 0 without one.
  Answer Add(uint64_t from, const std::vector<DirectoryLeaf>& leaves, const std::string& note) {
    tlog::MemoryNodes nodes;
    for (size_t i = 0; i < leaves.size(); ++i) EXPECT_OK(tlog::Append(nodes, i, tlog::LeafHashOf(leaves[i])));
    std::vector<tlog::Hash> proof;
    if (from > 0 && from < leaves.size()) proof = *tlog::ProveConsistency(nodes, from, leaves.size());
    return Post(note, tlog::FormatWitnessRequest(from, proof, note));
  }
  Answer Post(const std::string& note, const std::string& body) {
    httplib::Client client("127.0.0.1", port_);
    client.set_read_timeout(60);
    const httplib::Result answer = client.Post("/add-checkpoint", body, "text/plain");
    if (!answer) return {0, "", ""};
    if (answer->status == 200) {
      const absl::StatusOr<tlog::Note> cosigned = tlog::ParseNote(note + answer->body);
      EXPECT_OK(cosigned);
      EXPECT_OK(key_->Find(*cosigned));
    }
    return {answer->status, answer->body, ""};
  }

 private:
  const std::string folder_;
  std::optional<tlog::CosignerKey> key_;
  std::unique_ptr<testing::ServiceProcess> process_;
  int port_ = 0;
};

// genesis, root 1, a1, b1, root 2, a2, c1, root 3
DirectoryLog SmallLog() {
  DirectoryLog log;
  log.Add(tlog::NumberedIndex(1), "a1");
  log.Add(tlog::NumberedIndex(2), "b1");
  log.End();
  log.Add(tlog::NumberedIndex(1), "a2");
  log.Add(tlog::NumberedIndex(3), "c1");
  log.End();
  return log;
}

class WitnessAudit : public ::testing::Test {
 protected:
  std::string Audited(const std::string& where) const { return absl::StrCat(key_, " audit ", where); }
  std::string Here() const { return Audited(dir_ / "files"); }
  void Serve(const PublishedLog& log) {
    std::filesystem::remove_all(dir_ / "files");
    log.WriteTo(dir_ / "files");
  }

  testing::ScratchDir dir_;
  const std::string key_ = tlog::LogSigner(tlog::kDirectoryOrigin).verifier().ToText();
};

// Every lie is in leaves behind the ones that were cosigned before, and the log signs for it.
TEST_F(WitnessAudit, ALogThatLiesGetsNoCosignatureOfAnAuditingWitness) {
  const DirectoryLog log = SmallLog();
  const Leaves begin = Begin(log, 2);
  struct Lie {
    std::string words;
    std::function<void(Leaves&)> tell;
  };
  const std::vector<Lie> lies = {
      {"leaf 7: a map root does not follow", [](Leaves& l) { std::get<tlog::MapRootLeaf>(l[7]).root[0] ^= 1; }},
      {"leaf 7: a map root does not follow",
       [](Leaves& l) { std::get<tlog::MapRootLeaf>(l[7]).root = std::get<tlog::MapRootLeaf>(l[4]).root; }},
      {"leaf 7: a map root does not follow", [](Leaves& l) { std::get<tlog::EntryLeaf>(l[6]).commitment[0] ^= 1; }},  // rewritten
      {"leaf 6: a map root is not over", [](Leaves& l) { l.erase(l.begin() + 6); }},                                  // dropped
      {"leaf 6: an entry's version", [](Leaves& l) { l[6] = l[5]; }},                                                 // repeated
      {"leaf 6: a map root is not over", [](Leaves& l) { std::swap(l[6], l[7]); }},                                   // reordered
      {"leaf 5: an entry does not follow", [](Leaves& l) { std::get<tlog::EntryLeaf>(l[5]).previous[0] ^= 1; }},
      {"leaf 5: an entry's version", [](Leaves& l) { std::get<tlog::EntryLeaf>(l[5]).version = 3; }},
      {"leaf 7: the checkpoint of this size does not end", [](Leaves& l) { l.pop_back(); }},
  };
  AWitness auditing(dir_ / "auditing", {Here()});
  const PublishedLog first = Published(begin), honest = Published(log.leaves, first);
  Serve(first);
  ASSERT_EQ(auditing.Add(0, begin, first.note).status, 200);
  int plain_witnesses = 0;
  for (const Lie& lie : lies) {
    SCOPED_TRACE(lie.words);
    Leaves leaves = log.leaves;
    lie.tell(leaves);
    const PublishedLog lying = Published(leaves, first);
    Serve(lying);
    for (int i = 0; i < 2; ++i) {
      const Answer refused = auditing.Add(5, leaves, lying.note);
      EXPECT_EQ(refused.status, 403);
      EXPECT_THAT(refused.body, HasSubstr(absl::StrCat("the log breaks a rule: ", lie.words)));
    }
    AWitness plain(dir_ / absl::StrCat("plain", plain_witnesses++), {key_});
    EXPECT_EQ(plain.Add(0, begin, first.note).status, 200);
    EXPECT_EQ(plain.Add(5, leaves, lying.note).status, 200) << "it only looks whether the log grows";
  }
  EXPECT_THAT(auditing.process().Output(), HasSubstr("log.broke_rule"));
  Serve(honest);
  EXPECT_EQ(auditing.Add(5, log.leaves, honest.note).status, 200);
}

// The lie is in what a plain witness would have cosigned at first sight.
TEST_F(WitnessAudit, TheFirstCheckpointIsReplayedFromTheFirstLeaf) {
  Leaves leaves = SmallLog().leaves;
  std::get<tlog::EntryLeaf>(leaves[2]).cause[0] ^= 1;
  const PublishedLog lying = Published(leaves);
  Serve(lying);
  AWitness auditing(dir_ / "auditing", {Here()}), plain(dir_ / "plain", {key_});
  EXPECT_EQ(plain.Add(0, leaves, lying.note).status, 200);
  const Answer refused = auditing.Add(0, leaves, lying.note);
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("leaf 4: "));
}

TEST_F(WitnessAudit, WithoutTheSignedLeavesThereIsNoCosignature) {
  const DirectoryLog log = SmallLog();
  const PublishedLog all = Published(log.leaves);
  AWitness auditing(dir_ / "auditing", {Here()});
  const Answer nothing = auditing.Add(0, log.leaves, all.note);
  EXPECT_EQ(nothing.status, 503);
  EXPECT_THAT(nothing.body, HasSubstr("tile/0/000.p/8"));
  for (const char* path : {"tile/entries/000.p/8", "tile/0/000.p/8"}) {
    PublishedLog missing = all;
    missing.files.erase(path);
    Serve(missing);
    const Answer refused = auditing.Add(0, log.leaves, all.note);
    EXPECT_EQ(refused.status, 503);
    EXPECT_THAT(refused.body, HasSubstr(path));
  }
  // Leaves that would pass, under a root that is of others.
  Leaves others = log.leaves;
  std::get<tlog::MapRootLeaf>(others[7]).root[0] ^= 1;
  PublishedLog hiding = all;
  hiding.Publish(tlog::Encoded(others), tlog::LogSigner(tlog::kDirectoryOrigin));
  const std::string note = hiding.note;
  hiding.files = all.files;
  Serve(hiding);
  EXPECT_EQ(auditing.Add(0, others, note).status, 503);
  hiding.files["tile/0/000.p/8"] = Published(others).files["tile/0/000.p/8"];
  Serve(hiding);
  EXPECT_THAT(auditing.Add(0, others, note).body, HasSubstr("leaf 7 is not the one under the signed root"));
  EXPECT_THAT(auditing.process().Output(), HasSubstr("log.unread"));
  Serve(all);
  EXPECT_EQ(auditing.Add(0, log.leaves, all.note).status, 200);
}

// What it cosigned last is where the replay stands, also after it was killed; only new leaves are read.
TEST_F(WitnessAudit, KilledAtAnyMomentItGoesOnWhereItWas) {
  const DirectoryLog log = DirectoryLog::Random(5, 200);
  std::mt19937 random(11);
  AWitness auditing(dir_ / "auditing", {Here()});
  uint64_t last = 0;
  PublishedLog files;
  int kills = 0;
  for (size_t batches = 1; batches <= 200; batches += 1 + random() % 12) {
    const Leaves leaves = Begin(log, batches);
    files = Published(leaves, files);
    Serve(files);
    std::thread killer;
    if (random() % 2 == 0) {
      killer = std::thread([&, pause = random() % 8] {
        std::this_thread::sleep_for(std::chrono::milliseconds(pause));
        auditing.process().Signal(SIGKILL);
      });
    }
    Answer answer = auditing.Add(last, leaves, files.note);
    if (killer.joinable()) {
      killer.join();
      auditing.process().Wait();
      auditing.Start();
      ++kills;
      answer = auditing.Add(last, leaves, files.note);
      if (answer.status == 409) answer = auditing.Add(std::stoull(answer.body), leaves, files.note);
    }
    ASSERT_EQ(answer.status, 200) << answer.body;
    last = leaves.size();
  }
  EXPECT_GT(kills, 3);
  ASSERT_EQ(auditing.Stop(SIGTERM), 0);
  auditing.Start();
  const DirectoryLog more = DirectoryLog::Random(5, 201);
  files = Published(more.leaves, files);
  ASSERT_GT(last, 256u);
  files.files.erase("tile/entries/000");
  Serve(files);
  EXPECT_EQ(auditing.Add(last, more.leaves, files.note).status, 200) << "it read what it had read before";
  std::printf("%d kills, cosigned up to size %zu\n", kills, more.leaves.size());
}

// An audited checkpoint that was not cosigned counts too: what contradicts it is refused, with evidence.
TEST_F(WitnessAudit, ASecondHistoryBehindAnAuditedCheckpointLeavesEvidence) {
  const DirectoryLog log = SmallLog(), longer = DirectoryLog::Random(6, 40);
  const PublishedLog seen = Published(log.leaves), other = Published(longer.leaves);
  testing::ScratchDir dir;
  std::atomic<bool> stopping = false;
  std::string evidence;
  seen.WriteTo(dir / "files");
  ASSERT_OK_AND_ASSIGN(const auto audited,
                       AuditedLog::Open(dir / "audit", tlog::kDirectoryOrigin, dir / "files", stopping, [&](const auto& result) {
                         if (result.ok()) evidence = result->evidence;
                       }));
  ASSERT_OK(audited->Audit(seen.note));
  other.WriteTo(dir / "files");
  EXPECT_THAT(audited->Audit(other.note), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("two histories")));
  ASSERT_OK(assess::WriteFile(dir / "evidence", evidence));
  EXPECT_OK(tlog::CheckEvidenceFile(dir / "evidence", {key_}));
  stopping = true;
  EXPECT_THAT(audited->Audit(other.note), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("stops")));
}

// A log whose files come slowly: others are served, whoever asks again is told so, and the witness stops when it is told to.
TEST_F(WitnessAudit, ASlowLogHoldsUpNobodyElse) {
  const DirectoryLog log = SmallLog();
  const PublishedLog all = Published(log.leaves);
  all.WriteTo(dir_ / "files");
  httplib::Server server;
  std::atomic<bool> asked = false, go = false;
  server.Get("/log/(.*)", [&](const httplib::Request& request, httplib::Response& response) {
    asked = true;
    assess::PollUntil([&] { return go.load(); }, absl::Minutes(1));
    response.set_content(testing::ReadAll(dir_ / ("files/" + request.matches[1].str())), "application/octet-stream");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread serving([&] { server.listen_after_bind(); });
  TestLog other;
  AWitness auditing(dir_ / "auditing", {Audited(absl::StrCat("http://127.0.0.1:", port, "/log")), other.verifier().ToText()});
  Answer first;
  std::jthread asking([&] { first = auditing.Add(0, log.leaves, all.note); });
  ASSERT_TRUE(assess::PollUntil([&] { return asked.load(); }, absl::Seconds(30)));
  EXPECT_EQ(auditing.Post(other.Checkpoint(3), other.Request(0, 3)).status, 200);
  const Answer again = auditing.Add(0, log.leaves, all.note);
  EXPECT_EQ(again.status, 503);
  EXPECT_THAT(again.body, HasSubstr("ask again"));
  go = true;
  asking.join();
  EXPECT_EQ(first.status, 200) << first.body;
  // Silence now, and then an end.
  go = asked = false;
  DirectoryLog more = SmallLog();
  more.Add(tlog::NumberedIndex(9), "z");
  more.End();
  const PublishedLog next = Published(more.leaves);
  std::jthread hanging([&] { auditing.Add(log.leaves.size(), more.leaves, next.note); });
  ASSERT_TRUE(assess::PollUntil([&] { return asked.load(); }, absl::Seconds(30)));
  const absl::Duration before = Uptime();
  EXPECT_EQ(auditing.Stop(SIGTERM), 0);
  EXPECT_LT(Uptime() - before, absl::Seconds(25));
  go = true;
  hanging.join();
  server.stop();
  serving.join();
}

TEST(LogLine, IsAKeyAndWhereItsFilesAre) {
  const std::string key = tlog::LogSigner("example.org/log").verifier().ToText();
  EXPECT_EQ(ParseLogLine(key)->audit, "");
  EXPECT_EQ(ParseLogLine(key + " audit http://log.example/x")->audit, "http://log.example/x");
  EXPECT_EQ(ParseLogLine(key + " audit /var/my log")->audit, "/var/my log");
  for (const std::string& wrong : std::vector<std::string>{"", "nonsense", key + " ", key + " audit", key + " audit ",
                                                           key + " /var/log", key + "  audit x", " " + key, "nonsense audit x"})
    EXPECT_THAT(ParseLogLine(wrong), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("logs: "))) << wrong;
}

}  // namespace
}  // namespace plumbline::witness
