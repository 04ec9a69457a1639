#include "common/tlog/equivocation.h"

#include <gtest/gtest.h>

#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;

NoteSigner Signer(absl::string_view name, uint8_t seed) {
  return *NoteSigner::Create(name, *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, seed))));
}
const NoteSigner kLog = Signer("example.org/log", 1);

std::string Signed(uint64_t size, uint8_t root, const NoteSigner& log = kLog) {
  Hash hash;
  hash.fill(root);
  return *SignCheckpoint(size, hash, log);
}

TEST(Equivocation, TwoRootsOfOneSizeProveItToWhoeverHasTheKey) {
  const std::string file = FormatEquivocation({Signed(7, 1), Signed(7, 2)});
  ASSERT_OK_AND_ASSIGN(const Equivocation read, ParseEquivocation(file));
  ASSERT_OK_AND_ASSIGN(const Contradiction proved, VerifyEquivocation(read, {&kLog.verifier(), 1}));
  EXPECT_EQ(proved.first.size, 7u);
  EXPECT_NE(proved.first.root, proved.second.root);
}

TEST(Equivocation, NothingElseDoes) {
  const VerifierKey& log = kLog.verifier();
  const auto verdict = [&](const std::string& a, const std::string& b) { return VerifyEquivocation({a, b}, {&log, 1}).status(); };
  EXPECT_THAT(verdict(Signed(7, 1), Signed(7, 1)), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(verdict(Signed(7, 1), Signed(8, 2)), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(verdict(Signed(7, 1), Signed(7, 2, Signer("example.org/log", 2))), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(verdict(Signed(7, 1, Signer("example.org/log", 2)), Signed(7, 2)), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(verdict(Signed(7, 1, Signer("other", 1)), Signed(7, 2)), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(verdict("", Signed(7, 2)), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Equivocation, TheFileIsReadInOneWay) {
  const std::string file = FormatEquivocation({Signed(7, 1), Signed(7, 2)});
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_THAT(ParseEquivocation(file.substr(0, size)), StatusIs(absl::StatusCode::kInvalidArgument)) << size;
  std::string zero = file;
  zero.insert(zero.find("v1 ") + 3, "0");
  for (const std::string& wrong : {file + "x", "x" + file, zero, std::string(kMaxEquivocation + 1, ' ')})
    EXPECT_THAT(ParseEquivocation(wrong), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace plumbline::tlog
