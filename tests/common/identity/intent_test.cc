#include "common/identity/intent.h"

#include <gtest/gtest.h>

#include "tests/common/codes.h"
#include "tests/common/identity/malformed.h"

namespace plumbline::identity {
namespace {

using plumbline::testing::StatusIs;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Intent Valid(Action action) {
  Intent out;
  out.action = action;
  if (NeedsTarget(action)) out.target = "mimi://example.org/u/alice";
  if (NeedsJustification(action)) out.justification = "starts on Monday";
  if (NeedsStateHash(action)) out.state_hash.fill(1);
  if (action == Action::kCreateAccount)
    out.parameters = Encode(CreateAccountParameters{"Alice", "in person", "file 7"});
  if (action == Action::kIssueEnrolmentCode) out.parameters = plumbline::testing::CodeParameters(3600);
  if (action == Action::kRevokeDevice) out.parameters = Encode(RevokeDeviceParameters{DeviceId{4}});
  if (action == Action::kWipeDevice) out.parameters = Encode(WipeDeviceParameters{DeviceId{4}});
  if (action == Action::kActivateDevice) out.parameters = Encode(ActivateDeviceParameters{Hash{4}});
  if (action == Action::kListAuditEvents) out.parameters = Encode(ListAuditEventsParameters{0, 10});
  out.nonce.fill(3);
  out.issued_unix = 1795392000;
  out.expires_unix = 1795392600;
  return out;
}

TEST(Intent, EveryActionRoundTripsAndRefusesMalformedBytes) {
  for (uint16_t action = 1; action <= 12; ++action) {
    SCOPED_TRACE(action);
    const Intent intent = Valid(static_cast<Action>(action));
    ASSERT_OK_AND_ASSIGN(const Intent parsed, ParseIntent(Encode(intent)));
    EXPECT_EQ(parsed, intent);
    testing::RefusesTruncationAndExtension(Encode(intent), ParseIntent);
    testing::AcceptsOnlyCanonicalForms(Encode(intent), ParseIntent,
                                       [](const Intent& i) { return Encode(i); });
  }
}

TEST(Intent, RefusesUnknownActionsAndVersions) {
  Intent intent = Valid(Action::kSuspendAccount);  // the form that an unknown one would have
  intent.action = static_cast<Action>(13);
  EXPECT_THAT(ParseIntent(Encode(intent)), StatusIs(kInvalid));
  intent.action = static_cast<Action>(0);
  EXPECT_THAT(ParseIntent(Encode(intent)), StatusIs(kInvalid));
  Bytes wire = Encode(Valid(Action::kListAccounts));
  wire[0] = 3;
  EXPECT_THAT(ParseIntent(wire), StatusIs(kInvalid));
}

TEST(Intent, FieldsArePresentExactlyWhereTheActionNeedsThem) {
  Intent intent = Valid(Action::kSuspendAccount);
  intent.justification.clear();
  EXPECT_THAT(ParseIntent(Encode(intent)), StatusIs(kInvalid));
  intent = Valid(Action::kSuspendAccount);
  intent.state_hash = Hash{};
  EXPECT_THAT(ParseIntent(Encode(intent)), StatusIs(kInvalid));
  intent = Valid(Action::kSuspendAccount);
  intent.target.clear();
  EXPECT_THAT(ParseIntent(Encode(intent)), StatusIs(kInvalid));
  intent = Valid(Action::kListAccounts);
  intent.target = "mimi://example.org/u/alice";
  EXPECT_THAT(ParseIntent(Encode(intent)), StatusIs(kInvalid));
  intent = Valid(Action::kIssueEnrolmentCode);
  intent.parameters = Encode(IssueEnrolmentCodeParameters{{}, 3600});  // of no key
  EXPECT_THAT(ParseIntent(Encode(intent)), StatusIs(kInvalid));
  intent = Valid(Action::kRevokeDevice);
  intent.parameters.clear();
  EXPECT_THAT(ParseIntent(Encode(intent)), StatusIs(kInvalid));
  intent = Valid(Action::kRemoveAccount);
  intent.justification.clear();
  EXPECT_THAT(ParseIntent(Encode(intent)), StatusIs(kInvalid));
  intent = Valid(Action::kSuspendAccount);
  intent.parameters = {1};
  EXPECT_THAT(ParseIntent(Encode(intent)), StatusIs(kInvalid));
}

TEST(Intent, LivesAtMostFifteenMinutes) {
  Intent intent = Valid(Action::kListAccounts);
  intent.expires_unix = intent.issued_unix + 900;
  EXPECT_OK(ParseIntent(Encode(intent)));
  intent.expires_unix = intent.issued_unix + 901;
  EXPECT_THAT(ParseIntent(Encode(intent)), StatusIs(kInvalid));
  intent.expires_unix = intent.issued_unix;
  EXPECT_THAT(ParseIntent(Encode(intent)), StatusIs(kInvalid));
}

TEST(Intent, ParametersHaveLimits) {
  EXPECT_THAT(ParseIssueEnrolmentCodeParameters(plumbline::testing::CodeParameters(59)),
              StatusIs(kInvalid));
  EXPECT_THAT(ParseIssueEnrolmentCodeParameters(plumbline::testing::CodeParameters(604801)),
              StatusIs(kInvalid));
  EXPECT_THAT(ParseListAuditEventsParameters(Encode(ListAuditEventsParameters{0, 0})), StatusIs(kInvalid));
  EXPECT_THAT(ParseListAuditEventsParameters(Encode(ListAuditEventsParameters{0, 1001})), StatusIs(kInvalid));
  EXPECT_THAT(ParseCreateAccountParameters(Encode(CreateAccountParameters{"", "a", "b"})),
              StatusIs(kInvalid));
  EXPECT_THAT(ParseCreateAccountParameters(Encode(CreateAccountParameters{"Al\x1b[1mice", "a", "b"})),
              StatusIs(kInvalid));
  EXPECT_THAT(ParseCreateAccountParameters(Encode(CreateAccountParameters{"Alice", "", "b"})), StatusIs(kInvalid));
  EXPECT_THAT(ParseCreateAccountParameters(Encode(CreateAccountParameters{"\u0410lice", "a", "b"})), StatusIs(kInvalid))
      << "a Cyrillic letter in a Latin name (common/identity/display_name.h)";
}

}  // namespace
}  // namespace plumbline::identity
