#include "common/tlog/fork.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "common/tlog/evidence.h"
#include "tests/common/scratch.h"
#include "tests/common/tlog/published_log.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

const NoteSigner kLog = LogSigner("example.org/log");

// A tree of which the leaf at `changed` is another than usual.
class Tree final {
 public:
  explicit Tree(uint64_t size, uint64_t changed = kMaxSize) : size_(size) {
    for (uint64_t i = 0; i < size; ++i)
      EXPECT_OK(Append(nodes_, i, LeafHash(AsBytes(absl::StrCat(i == changed ? "another " : "leaf ", i)))));
  }
  std::string Signed(uint64_t size, const NoteSigner& log = kLog) { return *SignCheckpoint(size, *Root(nodes_, size), log); }
  std::string Signed() { return Signed(size_); }
  // That this tree does not begin with the one of `note`.
  Fork Against(const std::string& note, uint64_t size) {
    return {note, Signed(), *Root(nodes_, size), *ProveConsistency(nodes_, size, size_)};
  }

 private:
  const uint64_t size_;
  MemoryNodes nodes_;
};

TEST(Fork, IsProvedToWhoeverHasTheKeyAtEverySize) {
  for (uint64_t size = 2; size <= 20; ++size) {
    for (uint64_t first = 1; first < size; ++first) {
      SCOPED_TRACE(absl::StrCat(first, " of ", size));
      Tree before(first, first - 1), after(size);
      const std::string file = FormatFork(after.Against(before.Signed(), first));
      ASSERT_OK_AND_ASSIGN(const Fork read, ParseFork(file));
      ASSERT_OK_AND_ASSIGN(const ForkedAt proved, VerifyFork(read, {&kLog.verifier(), 1}));
      EXPECT_EQ(proved.first.size, first);
      EXPECT_EQ(proved.second.size, size);
    }
  }
}

// An honest log can be accused with whatever proof: none of these convinces.
TEST(Fork, NobodyIsAccusedOfOneHistory) {
  std::mt19937 random(8);
  for (uint64_t size = 2; size <= 20; ++size) {
    for (uint64_t first = 1; first < size; ++first) {
      Tree log(size), other(size, 0);
      const Fork honest = log.Against(log.Signed(first), first);
      EXPECT_THAT(VerifyFork(honest, {&kLog.verifier(), 1}), StatusIs(Code::kFailedPrecondition));
      const Fork foreign = other.Against(log.Signed(first), first);  // a proof of another tree
      EXPECT_THAT(VerifyFork({foreign.first, honest.second, foreign.other, foreign.proof}, {&kLog.verifier(), 1}),
                  StatusIs(Code::kInvalidArgument));
      for (int i = 0; i < 20; ++i) {
        Fork changed = honest;
        Hash& hash = random() % 2 == 0 || changed.proof.empty() ? changed.other : changed.proof[random() % changed.proof.size()];
        hash[random() % 32] ^= 1;
        EXPECT_THAT(VerifyFork(changed, {&kLog.verifier(), 1}), StatusIs(Code::kInvalidArgument));
      }
    }
  }
}

TEST(Fork, BothHaveToBeSignedByThatLogAndTheSecondIsLarger) {
  Tree before(5, 2), after(9);
  const Fork fork = after.Against(before.Signed(), 5);
  ASSERT_OK(VerifyFork(fork, {&kLog.verifier(), 1}));
  for (const NoteSigner& forger : {LogSigner("example.org/log", 2), LogSigner("example.org/other", 1)}) {
    EXPECT_THAT(VerifyFork({before.Signed(5, forger), fork.second, fork.other, fork.proof}, {&kLog.verifier(), 1}),
                StatusIs(Code::kUnauthenticated));
    EXPECT_THAT(VerifyFork({fork.first, after.Signed(9, forger), fork.other, fork.proof}, {&kLog.verifier(), 1}),
                StatusIs(Code::kUnauthenticated));
    EXPECT_THAT(VerifyFork(fork, {&forger.verifier(), 1}), StatusIs(Code::kUnauthenticated));
  }
  EXPECT_THAT(VerifyFork({fork.second, fork.first, fork.other, fork.proof}, {&kLog.verifier(), 1}), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(VerifyFork({before.Signed(5), after.Signed(5), fork.other, {}}, {&kLog.verifier(), 1}), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(VerifyFork({before.Signed(0), fork.second, EmptyRoot(), {}}, {&kLog.verifier(), 1}), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(VerifyFork({"", fork.second, fork.other, fork.proof}, {&kLog.verifier(), 1}), StatusIs(Code::kInvalidArgument));
}

TEST(Fork, TheFileIsReadInOneWay) {
  Tree before(5, 2), after(9);
  const std::string file = FormatFork(after.Against(before.Signed(), 5));
  ASSERT_OK(ParseFork(file));
  // A file that ends with a whole line is one of a shorter proof, which does not verify.
  for (size_t size = 0; size < file.size(); ++size) {
    const auto read = ParseFork(file.substr(0, size));
    EXPECT_EQ(read.ok() && VerifyFork(*read, {&kLog.verifier(), 1}).ok(), false) << size;
    EXPECT_TRUE(!read.ok() || file[size - 1] == '\n') << size;
  }
  std::string zero = file, many = file;
  zero.insert(zero.find("v1 ") + 3, "0");
  for (size_t i = 0; i <= kMaxProof; ++i) many += file.substr(file.size() - 45);
  const std::string huge = "plumbline fork v1 5 18446744073709551615\n";
  for (const std::string& wrong : {file + "x", "x" + file, file + "\n", zero, many, huge, std::string(kMaxFork + 1, ' ')})
    EXPECT_THAT(ParseFork(wrong), StatusIs(Code::kInvalidArgument));
}

TEST(Evidence, OfBothKindsIsToldInWords) {
  testing::ScratchDir dir;
  const std::string path = dir / "file", key = kLog.verifier().ToText();
  const auto check = [&](const std::string& text) {
    std::ofstream(path, std::ios::trunc) << text;
    return CheckEvidenceFile(path, {key});
  };
  Tree before(5, 2), after(9);
  const Fork fork = after.Against(before.Signed(), 5);
  ASSERT_OK_AND_ASSIGN(const std::string forked, check(FormatFork(fork)));
  EXPECT_THAT(forked, HasSubstr("a tree of 5 leaves"));
  EXPECT_THAT(forked, HasSubstr("one of 9 leaves, of which the first 5 have another root"));
  ASSERT_OK_AND_ASSIGN(const std::string two, check(FormatEquivocation({before.Signed(5), after.Signed(5)})));
  EXPECT_THAT(two, HasSubstr("two trees of 5 leaves"));
  // Where the log's key was replaced between the two.
  const NoteSigner next = *NoteSigner::Create("example.org/log", *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, 77))));
  std::ofstream(path, std::ios::trunc) << FormatEquivocation({before.Signed(5), after.Signed(5, next)});
  EXPECT_THAT(CheckEvidenceFile(path, {key}), StatusIs(Code::kUnauthenticated));
  EXPECT_THAT(CheckEvidenceFile(path, {next.verifier().ToText()}), StatusIs(Code::kUnauthenticated));
  ASSERT_OK_AND_ASSIGN(const std::string over_the_change, CheckEvidenceFile(path, {key, next.verifier().ToText()}));
  EXPECT_THAT(over_the_change, HasSubstr("two trees of 5 leaves"));
  EXPECT_THAT(check("plumbline gossip"), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(check("plumbline fork v2 "), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(CheckEvidenceFile(path, {"nonsense"}), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(CheckEvidenceFile(dir / "none", {key}), StatusIs(Code::kNotFound));
}

}  // namespace
}  // namespace plumbline::tlog
