#include "common/tlog/checkpoint.h"

#include <gtest/gtest.h>

#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;

NoteSigner Signer(absl::string_view name, uint8_t seed) {
  return *NoteSigner::Create(name, *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, seed))));
}

TEST(Checkpoint, IsWrittenAsTheFormatSays) {
  // The text of the example in tlog-checkpoint.
  const std::string text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
  ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint, ParseCheckpoint(text));
  EXPECT_EQ(checkpoint.origin, "example.com/behind-the-sofa");
  EXPECT_EQ(checkpoint.size, 20852163u);
  EXPECT_EQ(FormatCheckpoint(checkpoint), text);
}

TEST(Checkpoint, RefusesEverythingElse) {
  const std::string root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
  for (const std::string& text : {
           "log\n1\n" + root + "extension\n", "log\n1\n" + root + "\n", "log\n01\n" + root, "log\n+1\n" + root, "log\n-1\n" + root,
           "log\n 1\n" + root, "log\n\n" + root, "\n1\n" + root, "a log\n1\n" + root, "log\n99999999999999999999\n" + root,
           "log\n4611686018427387905\n" + root, std::string("log\n1\nCsUYapGGPo4=\n"), std::string("log\n1\n"),
           "log\n1\n" + root.substr(0, root.size() - 1), "log\n0\n" + root}) {
    EXPECT_THAT(ParseCheckpoint(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  EXPECT_OK(ParseCheckpoint("log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"));
}

TEST(Checkpoint, OpensUnderItsLogAlone) {
  const NoteSigner log = Signer("example.org/log", 1), other = Signer("example.org/other", 1), forger = Signer("example.org/log", 2);
  ASSERT_OK_AND_ASSIGN(const std::string note, SignCheckpoint(7, EmptyRoot(), log));
  ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint, OpenCheckpoint(note, log.verifier()));
  EXPECT_EQ(checkpoint, (Checkpoint{"example.org/log", 7, EmptyRoot()}));
  EXPECT_THAT(OpenCheckpoint(note, other.verifier()), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(OpenCheckpoint(note, forger.verifier()), StatusIs(absl::StatusCode::kUnauthenticated));
}

// A key that signs for two logs: each checkpoint counts for the one it names only.
// A log whose key is replaced signs with both for a while.
TEST(Checkpoint, OpensUnderAnyOfALogsKeys) {
  const NoteSigner former = Signer("example.org/log", 1), next = Signer("example.org/log", 2), stranger = Signer("example.org/log", 3);
  const std::vector<VerifierKey> keys = {former.verifier(), next.verifier()};
  ASSERT_OK_AND_ASSIGN(const std::string both, SignCheckpoint(7, EmptyRoot(), next, &former));
  EXPECT_OK(OpenCheckpoint(both, former.verifier()));
  EXPECT_OK(OpenCheckpoint(both, next.verifier()));
  for (const NoteSigner& signer : {former, next}) {
    ASSERT_OK_AND_ASSIGN(const std::string note, SignCheckpoint(7, EmptyRoot(), signer));
    EXPECT_EQ(OpenCheckpoint(note, keys)->size, 7u);
  }
  EXPECT_THAT(OpenCheckpoint(*SignCheckpoint(7, EmptyRoot(), stranger), keys), StatusIs(absl::StatusCode::kUnauthenticated));
  // A wrong signature under one key's name and id spoils it, whatever the other one says.
  std::string spoilt = both;
  const size_t last = spoilt.size() - 6;
  spoilt[last] = spoilt[last] == 'A' ? 'B' : 'A';
  EXPECT_THAT(OpenCheckpoint(spoilt, keys), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_EQ(*ParseLogKeys({former.verifier().ToText(), next.verifier().ToText()}), keys);
  EXPECT_THAT(ParseLogKeys({}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseLogKeys({former.verifier().ToText(), "nonsense"}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseLogKeys({former.verifier().ToText(), Signer("example.org/other", 2).verifier().ToText()}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Checkpoint, CountsForItsOwnOriginOnly) {
  const NoteSigner log = Signer("example.org/log", 1);
  const NoteSigner* const signers[] = {&log};
  const std::string note = FormatNote(*SignNote(FormatCheckpoint({"example.org/other", 7, EmptyRoot()}), signers));
  EXPECT_THAT(OpenCheckpoint(note, log.verifier()), StatusIs(absl::StatusCode::kUnauthenticated));
}

}  // namespace
}  // namespace plumbline::tlog
