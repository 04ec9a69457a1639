#include "common/identity/invitation.h"

#include <gtest/gtest.h>

#include "tests/status_matchers.h"

namespace plumbline::identity {
namespace {

using plumbline::testing::StatusIs;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Invitation Valid() {
  Invitation out;
  out.domain = "example.org";
  out.root_fingerprint.fill(7);
  out.keyserver_address = "keys.example.org:7443";
  out.user = "mimi://example.org/u/alice";
  out.code = "ABCDEFGHJKMN0123";
  out.expires_unix = 1900000000;
  return out;
}

TEST(Invitation, RoundTripsAndForgivesWhiteSpaceAroundIt) {
  ASSERT_OK_AND_ASSIGN(const Invitation parsed, ParseInvitation("  " + FormatInvitation(Valid()) + "\n"));
  EXPECT_EQ(parsed, Valid());
}

TEST(Invitation, RefusesEveryTruncation) {
  const std::string text = FormatInvitation(Valid());
  for (size_t n = 0; n < text.size(); ++n)
    EXPECT_THAT(ParseInvitation(text.substr(0, n)), StatusIs(kInvalid)) << n;
  EXPECT_THAT(ParseInvitation(text + "A"), StatusIs(kInvalid));
}

// Each accepted text is the one that FormatInvitation makes, so two spellings never mean the same invitation.
TEST(Invitation, AcceptsOnlyCanonicalTexts) {
  const std::string text = FormatInvitation(Valid());
  for (size_t i = 0; i < text.size(); ++i) {
    for (const char c : {'A', 'b', '_', '=', '+', '\0'}) {
      std::string changed = text;
      changed[i] = c;
      const auto parsed = ParseInvitation(changed);
      if (!parsed.ok()) continue;
      EXPECT_EQ(FormatInvitation(*parsed), changed);
    }
  }
}

TEST(Invitation, OneByADeviceIsToldFromAnAdministrators) {
  Invitation device = Valid();
  device.by_device = true;
  const std::string text = FormatInvitation(device);
  EXPECT_EQ(text.rfind("plumbline-device-invitation:1:", 0), 0u);
  ASSERT_OK_AND_ASSIGN(const Invitation parsed, ParseInvitation(text));
  EXPECT_EQ(parsed, device);
  EXPECT_FALSE(parsed == Valid());
  for (size_t n = 0; n < text.size(); ++n) EXPECT_THAT(ParseInvitation(text.substr(0, n)), StatusIs(kInvalid)) << n;
}

TEST(Invitation, RefusesAPersonOfAnotherDomainAndACodeNotInNormalForm) {
  Invitation other = Valid();
  other.user = "mimi://elsewhere.org/u/alice";
  EXPECT_THAT(ParseInvitation(FormatInvitation(other)), StatusIs(kInvalid));
  Invitation lower = Valid();
  lower.code = "abcdefghjkmn0123";
  EXPECT_THAT(ParseInvitation(FormatInvitation(lower)), StatusIs(kInvalid));
  Invitation address = Valid();
  address.keyserver_address = "keys.example.org";
  EXPECT_THAT(ParseInvitation(FormatInvitation(address)), StatusIs(kInvalid));
}

}  // namespace
}  // namespace plumbline::identity
