// What the witness cosigned and our logs prove, read by code that is not ours (reader.mjs).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/tlog/cosignature.h"
#include "tests/common/process.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"
#include "tests/witness/log.h"

namespace plumbline::witness {
namespace {

using nlohmann::json;

// The answers to all questions, in their order.
std::vector<json> Ask(const std::vector<json>& questions) {
  const testing::ScratchDir scratch;
  {
    std::ofstream out(scratch / "questions");
    for (const json& question : questions) out << question.dump() << "\n";
  }
  const testing::Finished reader =
      testing::RunToEnd({"/bin/sh", "-c", absl::StrCat("/usr/bin/node " PLUMBLINE_READER " < ", scratch / "questions")});
  EXPECT_EQ(reader.code, 0) << reader.err;
  std::vector<json> answers;
  for (const absl::string_view line : absl::StrSplit(reader.out, '\n', absl::SkipEmpty()))
    answers.push_back(json::parse(std::string(line)));
  EXPECT_EQ(answers.size(), questions.size());
  return answers;
}

json Hex(const std::vector<tlog::Hash>& hashes) {
  json out = json::array();
  for (const tlog::Hash& hash : hashes) out.push_back(ToHex(hash));
  return out;
}

class Reader : public ::testing::Test {
 protected:
  void SetUp() override {
    if (access("/usr/bin/node", X_OK) != 0) GTEST_SKIP() << "/usr/bin/node is not there";
  }
};

TEST_F(Reader, ReadsACosignedCheckpointAsWeDo) {
  TestLog log;
  const tlog::Cosigner witness =
      *tlog::Cosigner::Create("w.example/w", *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, 9))));
  tlog::Note note = *tlog::ParseNote(log.Checkpoint(7));
  note.signatures.push_back(witness.Cosign(note.text, absl::FromUnixSeconds(1'790'000'000)));
  const std::string cosigned = tlog::FormatNote(note);
  const json good = {{"what", "checkpoint"},
                     {"note", cosigned},
                     {"log", log.verifier().ToText()},
                     {"witness", witness.verifier().ToText()}};
  json other_text = good, other_log = good, bare = good;
  std::string changed = cosigned;
  changed[changed.find("\n7\n") + 1] = '8';
  other_text["note"] = changed;
  other_log["log"] = TestLog("example.org/log", 2).verifier().ToText();
  bare["note"] = log.Checkpoint(7);
  // While the log's key is replaced two have signed, and a reader who knows either goes on.
  const TestLog renewed("example.org/log", 2);
  json changing = good, changed_key = good;
  tlog::Note two = note;
  two.signatures.insert(two.signatures.begin(), tlog::ParseNote(TestLog("example.org/log", 2).Checkpoint(7))->signatures[0]);
  changing["note"] = changed_key["note"] = tlog::FormatNote(two);
  changed_key["log"] = renewed.verifier().ToText();
  const std::vector<json> answers = Ask({good, other_text, other_log, bare, changing, changed_key});
  EXPECT_EQ(answers[0], (json{{"ok", true},
                              {"size", 7},
                              {"root", ToHex(tlog::ParseCheckpoint(note.text)->root)},
                              {"time", 1'790'000'000}}));
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(answers[i]["ok"], false) << i;
  for (size_t i = 4; i < answers.size(); ++i) EXPECT_EQ(answers[i], answers[0]) << i;
}

// Every proof of a tree of up to 40 leaves and some of a large one; and each once more with a bit changed, or a node too few.
TEST_F(Reader, FollowsOurProofsAndNoOthers) {
  tlog::MemoryNodes nodes;
  std::vector<tlog::Hash> leaves;
  const auto grow_to = [&](uint64_t size) {
    while (leaves.size() < size) {
      leaves.push_back(tlog::LeafHash(AsBytes(absl::StrCat("leaf ", leaves.size()))));
      ASSERT_OK(tlog::Append(nodes, leaves.size() - 1, leaves.back()));
    }
  };
  grow_to(3000);
  std::vector<json> good, bad;
  std::mt19937 random(3);
  const auto add = [&](const json& question) {
    good.push_back(question);
    json changed = question, shorter = question;
    if (question["proof"].empty()) return;
    json& node = changed["proof"][random() % question["proof"].size()];
    std::string hex = node;
    hex[random() % 64] ^= 1;
    if (hex.find_first_not_of("0123456789abcdef") != std::string::npos) hex = std::string(64, '0');
    node = hex;
    shorter["proof"].erase(random() % question["proof"].size());
    bad.push_back(changed);
    bad.push_back(shorter);
  };
  const auto ask_about = [&](uint64_t from, uint64_t size) {
    const std::string first = ToHex(*tlog::Root(nodes, from)), root = ToHex(*tlog::Root(nodes, size));
    add({{"what", "consistency"}, {"from", from}, {"size", size}, {"first", first}, {"second", root},
         {"proof", Hex(*tlog::ProveConsistency(nodes, from, size))}});
    add({{"what", "inclusion"}, {"index", from - 1}, {"size", size}, {"leaf", ToHex(leaves[from - 1])}, {"root", root},
         {"proof", Hex(*tlog::ProveInclusion(nodes, from - 1, size))}});
  };
  for (uint64_t size = 1; size <= 40; ++size)
    for (uint64_t from = 1; from <= size; ++from) ask_about(from, size);
  for (int i = 0; i < 200; ++i) {
    const uint64_t size = 1 + random() % 3000;
    ask_about(1 + random() % size, size);
  }
  for (const json& answer : Ask(good)) ASSERT_EQ(answer["ok"], true) << answer;
  for (const json& answer : Ask(bad)) ASSERT_EQ(answer["ok"], false);
  std::printf("%zu proofs followed, %zu changed ones refused\n", good.size(), bad.size());
}

}  // namespace
}  // namespace plumbline::witness
