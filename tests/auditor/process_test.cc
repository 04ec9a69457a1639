// The program, over a folder and over real sockets.
#include "tests/common/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/file.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "common/tlog/cosignature.h"
#include "common/tlog/fork.h"
#include "tests/common/scratch.h"
#include "tests/common/tlog/directory_publisher.h"
#include "tests/status_matchers.h"

namespace plumbline::auditor {
namespace {

using nlohmann::json;
using plumbline::testing::Finished;
using ::testing::HasSubstr;
using tlog::DirectoryLeaf;
using tlog::DirectoryLog;
using tlog::PublishedLog;

class AuditorProcess : public ::testing::Test {
 protected:
  Finished Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), PLUMBLINE_AUDITOR);
    return testing::RunToEnd(arguments);
  }
  Finished Replay(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"replay", "--log", key_, "--source", dir_ / "log", "--state", dir_ / "state"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Run(arguments);
  }
  json ReplayJson(int code) {
    const Finished done = Replay({"--json"});
    EXPECT_EQ(done.code, code) << done.output;
    return json::parse(done.out, nullptr, false);
  }
  void Serve(const PublishedLog& log) {
    std::filesystem::remove_all(dir_ / "log");
    log.WriteTo(dir_ / "log");
  }

  testing::ScratchDir dir_;
  const DirectoryLog log_ = DirectoryLog::Random(7, 150);
  const std::string key_ = tlog::LogSigner(tlog::kDirectoryOrigin).verifier().ToText();
};

TEST_F(AuditorProcess, FollowsALogAndGoesOnWhereItWas) {
  const PublishedLog first = Published(Begin(log_, 20)), all = Published(log_.leaves, first);
  Serve(first);
  const Finished done = Replay();
  EXPECT_EQ(done.code, 0) << done.output;
  EXPECT_THAT(done.out, HasSubstr("example.org/directory: "));
  EXPECT_THAT(done.out, HasSubstr("they keep every rule"));
  Serve(all);
  const json next = ReplayJson(0);
  EXPECT_EQ(next["ok"], true);
  EXPECT_EQ(next["known"], first.checkpoint.size);
  EXPECT_EQ(next["size"], all.checkpoint.size);
  EXPECT_EQ(next["root"], ToHex(all.checkpoint.root));
  EXPECT_EQ(next["people"], log_.content.size());
  EXPECT_EQ(ReplayJson(0)["known"], all.checkpoint.size);
  // Only what is new has to be there.
  PublishedLog later = Published(DirectoryLog::Random(7, 151).leaves, all);
  later.files.erase("tile/entries/000");
  Serve(later);
  EXPECT_EQ(ReplayJson(0)["known"], all.checkpoint.size);
}

// The log's key is replaced: first it is signed by both, then by the new one alone. What was kept goes on.
TEST_F(AuditorProcess, GoesOnUnderAnotherKey) {
  const tlog::NoteSigner next = *tlog::NoteSigner::Create(tlog::kDirectoryOrigin, *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, 77))));
  const tlog::NoteSigner former = tlog::LogSigner(tlog::kDirectoryOrigin);
  const PublishedLog first = Published(Begin(log_, 20));
  PublishedLog all = Published(log_.leaves, first);
  Serve(first);
  ASSERT_EQ(Replay().code, 0);
  const auto sign = [&](const std::string& note) {
    Serve(all);
    ASSERT_OK(assess::WriteFile(dir_ / "log/checkpoint", note));
  };
  sign(*tlog::SignCheckpoint(all.checkpoint.size, all.checkpoint.root, next, &former));
  EXPECT_EQ(ReplayJson(0)["known"], first.checkpoint.size) << "with the former key";
  sign(*tlog::SignCheckpoint(all.checkpoint.size, all.checkpoint.root, next));
  EXPECT_EQ(Replay().code, 1) << "which says nothing any more";
  const std::vector<std::string> alone = {"--log", next.verifier().ToText()};
  for (const std::vector<std::string>& keys : {std::vector<std::string>{"--log", key_, alone[0], alone[1]}, alone}) {
    std::vector<std::string> arguments = {"replay", "--source", dir_ / "log", "--state", dir_ / "state", "--json"};
    arguments.insert(arguments.end(), keys.begin(), keys.end());
    const Finished done = Run(arguments);
    EXPECT_EQ(done.code, 0) << done.output;
    EXPECT_EQ(json::parse(done.out)["known"], all.checkpoint.size) << "what was kept goes on";
  }
  EXPECT_EQ(Replay({"--log", "example.org/other" + key_.substr(key_.find('+'))}).code, 1) << "of two logs";
}

TEST_F(AuditorProcess, NamesTheFirstLeafAndTheRule) {
  const auto verdict = [&](const std::function<void(std::vector<DirectoryLeaf>&)>& lie) {
    std::vector<DirectoryLeaf> leaves = log_.leaves;
    lie(leaves);
    std::filesystem::remove_all(dir_ / "state");
    Serve(Published(leaves));
    const json found = ReplayJson(2);
    EXPECT_THAT(testing::ReadAll(found["evidence"]), HasSubstr("example.org/directory")) << "what the log signed for is kept";
    return found["finding"];
  };
  uint64_t root = 0;  // the first map root over entries
  for (uint64_t i = 3; root == 0; ++i) root = std::holds_alternative<tlog::MapRootLeaf>(log_.leaves[i]) ? i : 0;
  EXPECT_EQ(verdict([&](auto& l) { std::get<tlog::MapRootLeaf>(l[root]).root[0] ^= 1; }),
            (json{{"leaf", root}, {"rule", "map_root"}}));
  EXPECT_EQ(verdict([&](auto& l) { std::get<tlog::EntryLeaf>(l[2]).cause[0] ^= 1; }),
            (json{{"leaf", root}, {"rule", "map_root"}}));
  EXPECT_EQ(verdict([&](auto& l) { l.erase(l.begin() + 2); })["rule"], root == 3 ? "map_version" : "map_range");
  EXPECT_EQ(verdict([&](auto& l) { l.insert(l.begin() + 2, l[2]); }), (json{{"leaf", 3}, {"rule", "version"}}));
  const Finished text = Replay();
  EXPECT_EQ(text.code, 2);
  EXPECT_THAT(text.out, HasSubstr("leaf 3: an entry's version is not the next"));
}

TEST_F(AuditorProcess, KeepsEvidenceOfTwoHistoriesThatAnybodyChecks) {
  const PublishedLog seen = Published(Begin(log_, 20));
  const DirectoryLog other = DirectoryLog::Random(8, 150);
  std::vector<DirectoryLeaf> same = Begin(log_, 20);
  std::get<tlog::MapRootLeaf>(same.back()).root[0] ^= 1;
  Serve(seen);
  ASSERT_EQ(Replay().code, 0);
  for (const auto& [lie, words] : std::vector<std::pair<PublishedLog, std::string>>{
           {Published(other.leaves), "have another root"}, {Published(same), "signed two trees"}}) {
    Serve(lie);
    const json found = ReplayJson(2);
    EXPECT_EQ(found["ok"], false);
    EXPECT_THAT(found["cause"].get<std::string>(), HasSubstr("two histories"));
    const std::string file = found["evidence"];
    const Finished checked = Run({"check-evidence", file, "--log", key_});
    EXPECT_EQ(checked.code, 0) << checked.output;
    EXPECT_THAT(checked.out, HasSubstr(words));
    const Finished innocent =
        Run({"check-evidence", file, "--log", tlog::LogSigner(tlog::kDirectoryOrigin, 2).verifier().ToText()});
    EXPECT_EQ(innocent.code, 1);
    EXPECT_EQ(ReplayJson(2)["evidence"], file);
  }
  Serve(Published(log_.leaves, seen));
  EXPECT_EQ(ReplayJson(0)["known"], seen.checkpoint.size) << "the history that was seen first is gone on with";
}

TEST_F(AuditorProcess, ReadsOverHttpAndDemandsThePolicysWitnesses) {
  PublishedLog log = Published(log_.leaves);
  const tlog::Cosigner witness =
      *tlog::Cosigner::Create("w.example/w", *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, 9))));
  ASSERT_OK(assess::WriteFile(dir_ / "policy",
                              absl::StrCat("log ", key_, "\nwitness w ", witness.verifier().ToText(), "\nquorum w\n")));
  Serve(log);
  httplib::Server server;
  server.set_mount_point("/some/log", dir_ / "log");
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread serving([&] { server.listen_after_bind(); });
  const std::vector<std::string> line = {
      "replay",  "--policy",     dir_ / "policy", "--source", absl::StrCat("http://127.0.0.1:", port, "/some/log"),
      "--state", dir_ / "state", "--json"};
  const Finished bare = Run(line);
  EXPECT_EQ(bare.code, 1);
  EXPECT_THAT(bare.err, HasSubstr("w"));
  tlog::Note note = *tlog::ParseNote(log.note);
  note.signatures.push_back(witness.Cosign(note.text, absl::FromUnixSeconds(1'790'000'000)));
  log.files["checkpoint"] = ToBytes(AsBytes(tlog::FormatNote(note)));
  log.WriteTo(dir_ / "log");
  const Finished cosigned = Run(line);
  EXPECT_EQ(cosigned.code, 0) << cosigned.output;
  EXPECT_EQ(json::parse(cosigned.out)["witnesses"], json{"w"});
  server.stop();
  serving.join();
  const Finished nobody = Run(line);
  EXPECT_EQ(nobody.code, 1);
  EXPECT_THAT(nobody.err, HasSubstr("no checkpoint from http://127.0.0.1"));
}

TEST_F(AuditorProcess, SaysWhatKeepsItFromSayingAnything) {
  PublishedLog log = Published(log_.leaves);
  EXPECT_THAT(Replay().err, HasSubstr("no checkpoint from"));
  Serve(log);
  PublishedLog rewritten = log;
  std::vector<Bytes> entries = *tlog::ParseBundle(rewritten.files.at("tile/entries/000"), 256);
  std::swap(entries[100], entries[101]);
  rewritten.files["tile/entries/000"] = tlog::MakeBundle(entries);
  Serve(rewritten);
  const Finished files = Replay();
  EXPECT_EQ(files.code, 1);
  EXPECT_THAT(files.err, HasSubstr("leaf 100 is not the one under the signed root"));
  Serve(log);
  const Finished forged = Run({"replay", "--log", tlog::LogSigner(tlog::kDirectoryOrigin, 2).verifier().ToText(), "--source",
                               dir_ / "log", "--state", dir_ / "state"});
  EXPECT_EQ(forged.code, 1);
  EXPECT_THAT(forged.err, HasSubstr("no known key has signed"));
  ASSERT_EQ(Replay().code, 0);
  {
    const int held = open((dir_ / "state/lock").c_str(), O_RDWR);
    ASSERT_EQ(flock(held, LOCK_EX), 0);
    EXPECT_THAT(Replay().err, HasSubstr("in_use"));
    close(held);
  }
  ASSERT_OK(assess::WriteFile(dir_ / "state/audit", "nonsense"));
  const Finished damaged = Replay();
  EXPECT_EQ(damaged.code, 1);
  EXPECT_THAT(damaged.err, HasSubstr("audit_damaged"));
  EXPECT_THAT(Run({"replay", "--source", "x", "--state", "y"}).err, HasSubstr("give --log"));
  EXPECT_NE(Run({"replay", "--log", key_, "--policy", "x", "--source", "x", "--state", "y"}).code, 0);
}

}  // namespace
}  // namespace plumbline::auditor
