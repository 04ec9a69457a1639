#include "common/tlog/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kTime = absl::FromUnixSeconds(1'790'000'000);

crypto::Ed25519KeyPair Pair(uint8_t seed) { return *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, seed))); }
NoteSigner Log(uint8_t seed) { return *NoteSigner::Create(absl::StrCat("example.org/log", seed), Pair(seed)); }
Cosigner Witness(uint8_t seed) { return *Cosigner::Create(absl::StrCat("w.example/w", seed), Pair(seed)); }

std::string LogLine(uint8_t seed) { return absl::StrCat("log ", Log(seed).verifier().ToText(), "\n"); }
std::string WitnessLine(const std::string& name, uint8_t seed) {
  return absl::StrCat("witness ", name, " ", Witness(seed).verifier().ToText(), "\n");
}
// Two of A, B, C and one of D, E.
std::string TwoLevels() {
  return absl::StrCat("# who counts\n\n \t", LogLine(1), WitnessLine("A", 11), WitnessLine("B", 12), WitnessLine("C", 13),
                      "group X 2 A B C\n", WitnessLine("D", 14), WitnessLine("E", 15),
                      "group Y any D E\ngroup XY all X Y\nquorum XY\n");
}

std::string CosignedBy(const std::vector<std::pair<uint8_t, absl::Time>>& witnesses, uint8_t log = 1) {
  Note note = *ParseNote(*SignCheckpoint(0, EmptyRoot(), Log(log)));
  for (const auto& [seed, time] : witnesses) note.signatures.push_back(Witness(seed).Cosign(note.text, time));
  return FormatNote(note);
}

TEST(Policy, ReadsWhatTheFormatAllows) {
  ASSERT_OK_AND_ASSIGN(const Policy policy, Policy::Parse(TwoLevels()));
  EXPECT_EQ(policy.logs().size(), 1u);
  EXPECT_EQ(policy.witnesses().size(), 5u);
  EXPECT_TRUE(policy.needs_witnesses());
  ASSERT_OK_AND_ASSIGN(const Policy with_urls,
                       Policy::Parse(absl::StrCat("log\t", Log(1).verifier().ToText(), "  https://log.example/ \nwitness w ",
                                                  Witness(11).verifier().ToText(), " https://w.example/\nquorum w\n")));
  EXPECT_EQ(with_urls.logs()[0].url, "https://log.example/");
  EXPECT_EQ(with_urls.witnesses()[0].url, "https://w.example/");
  ASSERT_OK_AND_ASSIGN(const Policy none, Policy::Parse("quorum none\n"));
  EXPECT_FALSE(none.needs_witnesses());
}

TEST(Policy, SaysWhichLineIsWrongAndWhy) {
  const std::string a = WitnessLine("A", 11), log = LogLine(1);
  const struct {
    std::string text, why;
  } kWrong[] = {
      {"", "line 1: there is no quorum line"},
      {log, "line 2: there is no quorum line"},
      {"quorum none", "the last line has no end"},
      {"quorum none\nquorum none\n", "line 2: there is a quorum line already"},
      {"quorum A\n" + a, "line 1: there is no witness or group A above"},
      {"quorum\n", "line 1: the quorum is"},
      {"quorum none none\n", "line 1: the quorum is"},
      {"Log x\n", "line 1: a line begins with"},
      {"log\n", "line 1: a log is"},
      {"log x\n", "line 1: a verifier key is"},
      {"log " + Witness(11).verifier().ToText() + "\n", "line 1: a verifier key is"},
      {log + log, "line 2: this log's key is there already"},
      {"witness A\n", "line 1: a witness is"},
      {"witness A " + Log(1).verifier().ToText() + "\n", "line 1: a verifier key is"},
      {"witness none " + Witness(11).verifier().ToText() + "\n", "line 1: 'none' cannot be"},
      {a + WitnessLine("B", 11), "line 2: this witness's key is there already"},
      {a + WitnessLine("A", 12), "line 2: there is a witness or group A already"},
      {a + "group G any\n", "line 2: a group is"},
      {a + "group A any A\n", "line 2: there is a witness or group A already"},
      {a + "group none any A\n", "line 2: 'none' cannot be"},
      {a + "group G any none\n", "line 2: there is no witness or group none"},
      {a + "group G any G\n", "line 2: there is no witness or group G"},
      {a + "group G any A A\n", "line 2: A is a member of a group already"},
      {a + "group G any A\ngroup H any A\n", "line 3: A is a member of a group already"},
      {a + "group G 0 A\n", "line 2: a group needs"},
      {a + "group G 2 A\n", "line 2: a group needs"},
      {a + "group G 01 A\n", "line 2: a group needs"},
      {a + "group G +1 A\n", "line 2: a group needs"},
      {a + "group G some A\n", "line 2: a group needs"},
      {"quorum none\r\n", "line 1: there is a control character"},
      {std::string("# \0\nquorum none\n", 16), "line 1: there is a control character"},
      {"# \x7F\nquorum none\n", "line 1: there is a control character"},
      {std::string(kMaxPolicy, '\n') + "quorum none\n", "at most 64 KiB"},
  };
  for (const auto& wrong : kWrong)
    EXPECT_THAT(Policy::Parse(wrong.text), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(wrong.why))) << wrong.text;
}

TEST(Policy, IsBounded) {
  std::string logs, witnesses;
  for (size_t i = 0; i <= kMaxPolicyLogs; ++i) logs += LogLine(static_cast<uint8_t>(i + 1));
  EXPECT_THAT(Policy::Parse(logs + "quorum none\n"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("more than 64")));
  for (size_t i = 0; i <= kMaxPolicyNames; ++i) witnesses += WitnessLine(absl::StrCat("w", i), static_cast<uint8_t>(i + 1));
  EXPECT_THAT(Policy::Parse(witnesses + "quorum none\n"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("more than 128")));
}

// Every subset of the witnesses against the rule in plain words.
TEST(Policy, TheQuorumHoldsForExactlyTheSubsetsThatItNames) {
  ASSERT_OK_AND_ASSIGN(const Policy policy, Policy::Parse(TwoLevels()));
  for (unsigned subset = 0; subset < 32; ++subset) {
    std::vector<std::pair<uint8_t, absl::Time>> cosigners;
    for (uint8_t i = 0; i < 5; ++i)
      if ((subset >> i & 1) != 0) cosigners.emplace_back(11 + i, kTime);
    const int x = (subset & 1) + (subset >> 1 & 1) + (subset >> 2 & 1);
    const bool expected = x >= 2 && (subset & 24) != 0;
    const absl::StatusOr<WitnessedCheckpoint> opened = policy.Open(CosignedBy(cosigners));
    EXPECT_EQ(opened.ok(), expected) << subset << " " << opened.status();
    if (opened.ok()) {
      EXPECT_EQ(opened->cosignatures.size(), cosigners.size());
    } else {
      EXPECT_THAT(opened.status(), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("the quorum XY is not reached")));
    }
  }
  EXPECT_THAT(policy.Open(CosignedBy({{11, kTime}, {14, kTime}})).status(),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("B, C, E did not cosign")));
}

TEST(Policy, WhatIsNotOfAListedLogIsRefused) {
  ASSERT_OK_AND_ASSIGN(const Policy policy, Policy::Parse(LogLine(1) + LogLine(2) + WitnessLine("A", 11) + "quorum A\n"));
  EXPECT_OK(policy.Open(CosignedBy({{11, kTime}}, 1)));
  EXPECT_OK(policy.Open(CosignedBy({{11, kTime}}, 2)));
  EXPECT_THAT(policy.Open(CosignedBy({{11, kTime}}, 3)), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(policy.Open("no note"), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(const Policy no_log, Policy::Parse("quorum none\n"));
  EXPECT_THAT(no_log.Open(CosignedBy({})), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("no known log")));
  // The name of a log under another key.
  const NoteSigner forger = *NoteSigner::Create("example.org/log1", Pair(9));
  EXPECT_THAT(policy.Open(*SignCheckpoint(0, EmptyRoot(), forger)), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Policy, AWrongCosignatureOfAKnownWitnessRefusesTheNote) {
  ASSERT_OK_AND_ASSIGN(const Policy policy, Policy::Parse(TwoLevels()));
  Note note = *ParseNote(CosignedBy({{11, kTime}, {12, kTime}, {14, kTime}, {13, kTime}}));
  note.signatures.back().signature[70] ^= 1;
  EXPECT_THAT(policy.Open(FormatNote(note)), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("w13")));
}

TEST(Policy, TheTimeIsTheMedianAndOfTwoTheEarlier) {
  ASSERT_OK_AND_ASSIGN(const Policy policy,
                       Policy::Parse(LogLine(1) + WitnessLine("A", 11) + WitnessLine("B", 12) + WitnessLine("C", 13) +
                                     "group G any A B C\nquorum G\n"));
  const auto time = [&](const std::vector<std::pair<uint8_t, absl::Time>>& by) { return policy.Open(CosignedBy(by))->time; };
  const absl::Time late = kTime + absl::Hours(9'000);
  EXPECT_EQ(time({{11, kTime}}), kTime);
  EXPECT_EQ(time({{11, late}, {12, kTime}}), kTime);
  EXPECT_EQ(time({{11, late}, {12, kTime}, {13, kTime - absl::Hours(1)}}), kTime);
  EXPECT_EQ(time({{11, late}, {12, late}, {13, kTime}}), late);
  // Whom the quorum does not name cannot move it.
  ASSERT_OK_AND_ASSIGN(const Policy others,
                       Policy::Parse(LogLine(1) + WitnessLine("A", 11) + WitnessLine("B", 12) + WitnessLine("C", 13) +
                                     "group G any A\ngroup H any B C\nquorum G\n"));
  EXPECT_EQ(others.Open(CosignedBy({{11, kTime}, {12, late}, {13, late}}))->time, kTime);
  EXPECT_EQ(others.Open(CosignedBy({{11, kTime}, {12, late}, {13, late}}))->cosignatures.size(), 3u);
  ASSERT_OK_AND_ASSIGN(const Policy none, Policy::Parse(LogLine(1) + WitnessLine("A", 11) + "quorum none\n"));
  EXPECT_EQ(none.Open(CosignedBy({{11, kTime}}))->time, std::nullopt);
}

}  // namespace
}  // namespace plumbline::tlog
