#include "common/tlog/witness_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/tlog/base64.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kDash[] = "\xE2\x80\x94 ";

std::string ANote() {
  const NoteSigner log =
      *NoteSigner::Create("example.org/log", *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, 1))));
  return *SignCheckpoint(0, EmptyRoot(), log);
}

// The example in tlog-witness.
TEST(WitnessRequest, ReadsTheExampleOfTheProtocol) {
  const std::string body = absl::StrCat(
      "old 20852014\n"
      "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
      "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
      "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n"
      "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n"
      "\n"
      "example.com/behind-the-sofa\n"
      "20852163\n"
      "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
      "\n",
      kDash,
      "example.com/behind-the-sofa "
      "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n",
      kDash,
      "example.com/behind-the-sofa "
      "opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n");
  ASSERT_OK_AND_ASSIGN(const WitnessRequest request, ParseWitnessRequest(body));
  EXPECT_EQ(request.old_size, 20852014u);
  EXPECT_EQ(request.proof.size(), 4u);
  EXPECT_EQ(request.checkpoint.origin, "example.com/behind-the-sofa");
  EXPECT_EQ(request.checkpoint.size, 20852163u);
  EXPECT_EQ(FormatWitnessRequest(request.old_size, request.proof, FormatNote(request.note)), body);
}

TEST(WitnessRequest, RefusesEverythingElse) {
  const std::string note = ANote(), hash = ToBase64(EmptyRoot()) + "\n";
  std::string many = "old 1\n";
  for (size_t i = 0; i <= kMaxRequestProof; ++i) many += hash;
  for (const std::string& body :
       {std::string(), "old 0" + note, "old \n\n" + note, "old 00\n\n" + note, "old +1\n\n" + note, "old -1\n\n" + note,
        "old 18446744073709551616\n\n" + note, "Old 0\n\n" + note, "old  0\n\n" + note, "old 0\r\n\n" + note, "old 0\n" + note,
        std::string("old 0\n\n"), "old 0\n\n\n" + note, "old 0\nxx\n\n" + note, "old 0\n" + hash.substr(0, 12) + "\n\n" + note,
        many + "\n" + note, "old 0\n\n" + note + "x", "old 0\n\n" + note.substr(0, note.size() - 1),
        "old 0\n\n" + std::string(kMaxWitnessRequest, 'x'),
        "old 0\n\nno checkpoint\n\n" + note.substr(note.find(kDash))}) {
    EXPECT_THAT(ParseWitnessRequest(body), StatusIs(absl::StatusCode::kInvalidArgument)) << body;
  }
  EXPECT_OK(ParseWitnessRequest("old 0\n\n" + note));
  EXPECT_OK(ParseWitnessRequest(many.substr(0, many.size() - hash.size()) + "\n" + note));
}

}  // namespace
}  // namespace plumbline::tlog
