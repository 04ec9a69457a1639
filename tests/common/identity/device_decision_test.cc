#include "common/identity/device_decision.h"

#include <gtest/gtest.h>

#include "common/identity/codes.h"
#include "tests/common/identity/malformed.h"
#include "tests/status_matchers.h"

namespace plumbline::identity {
namespace {

constexpr char kAlice[] = "mimi://example.org/u/alice";

DeviceDecision Example() {
  DeviceDecision out;
  out.decision = Decision::kApprove;
  out.user = kAlice;
  out.device_id = DeviceId{1};
  out.subject_hash = Hash{2};
  out.label = "tablet";
  out.signer_device_id = DeviceId{3};
  out.time_unix = 1'800'000'000;
  return out;
}

TEST(DeviceDecision, ComesBackAsItWasInOneEncoding) {
  ASSERT_OK_AND_ASSIGN(const DeviceDecision parsed, ParseDeviceDecision(Encode(Example())));
  EXPECT_EQ(parsed, Example());
  testing::RefusesTruncationAndExtension(Encode(Example()), ParseDeviceDecision);
  testing::AcceptsOnlyCanonicalForms(Encode(Example()), ParseDeviceDecision,
                                     [](const DeviceDecision& d) { return Encode(d); });
}

TEST(DeviceDecision, IsNotAboutTheDeviceThatSigns) {
  DeviceDecision own = Example();
  own.signer_device_id = own.device_id;
  EXPECT_FALSE(ParseDeviceDecision(Encode(own)).ok());
}

TEST(DeviceDecision, IsOneOfThree) {
  for (const int other : {0, 4}) {
    DeviceDecision unknown = Example();
    unknown.label.clear();
    unknown.decision = static_cast<Decision>(other);
    EXPECT_FALSE(ParseDeviceDecision(Encode(unknown)).ok()) << other;
  }
}

TEST(DeviceDecision, OnlyAnApprovalHasALabel) {
  DeviceDecision refusal = Example();
  refusal.decision = Decision::kRefuse;
  EXPECT_FALSE(ParseDeviceDecision(Encode(refusal)).ok());
  refusal.label.clear();
  EXPECT_OK(ParseDeviceDecision(Encode(refusal)));
}

// Each thing that will be certified changes the code that both screens show.
TEST(ApprovalCode, CoversEveryKeyAndThePerson) {
  const JoinRequest base{kAlice, Hash{1}, PublicKey{2}, PublicKey{3}};
  const std::string code = ApprovalCode(base);
  EXPECT_EQ(code.size(), kCodeCharacters);
  EXPECT_EQ(NormaliseCode(FormatCode(code)).value_or(""), code);
  EXPECT_EQ(ApprovalCode(base), code);
  EXPECT_NE(ApprovalCode({"mimi://example.org/u/bob", Hash{1}, PublicKey{2}, PublicKey{3}}), code);
  EXPECT_NE(ApprovalCode({kAlice, Hash{9}, PublicKey{2}, PublicKey{3}}), code);
  EXPECT_NE(ApprovalCode({kAlice, Hash{1}, PublicKey{9}, PublicKey{3}}), code);
  EXPECT_NE(ApprovalCode({kAlice, Hash{1}, PublicKey{2}, PublicKey{9}}), code);
}

TEST(ApprovalCode, IsTheFirstEightyBits) {
  EXPECT_EQ(CodeOf(Bytes(kCodeBytes, 0x00)), "0000000000000000");
  EXPECT_EQ(CodeOf(Bytes(kCodeBytes, 0xff)), "ZZZZZZZZZZZZZZZZ");
  EXPECT_EQ(CodeOf(Bytes{0x08, 0x42, 0x10, 0x84, 0x21, 0, 0, 0, 0, 0x01}), "1111111100000001");
}

}  // namespace
}  // namespace plumbline::identity
