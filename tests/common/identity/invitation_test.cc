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

// What other decoders forgive: padding, white space within, line ends, bits left over in the last character, the other
// alphabet. Domains of three lengths, so that the text ends in each of the three ways base64 can.
TEST(Invitation, RefusesBase64ThatIsNotCanonical) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  int with_bits_left_over = 0;
  for (const char* domain : {"example.org", "examples.org", "examples1.org"}) {
    Invitation invitation = Valid();
    invitation.domain = domain;
    invitation.user = std::string("mimi://") + domain + "/u/alice";
    const std::string text = FormatInvitation(invitation);
    ASSERT_OK(ParseInvitation(text));
    for (const char* tail : {"=", "==", "===", "A", "AA", "\n=", "."}) {
      EXPECT_THAT(ParseInvitation(text + tail), StatusIs(kInvalid)) << tail;
    }
    for (const char* inside : {" ", "\n", "\r\n", "\t", "=", "+", "/"}) {
      std::string changed = text;
      changed.insert(text.size() / 2, inside);
      EXPECT_THAT(ParseInvitation(changed), StatusIs(kInvalid)) << inside;
    }
    // The last character carries 6, 4 or 2 bits of the last byte; the rest must be zero.
    const size_t tail_bytes = (text.size() - text.rfind(':') - 1) % 4;
    if (tail_bytes == 0) continue;
    const unsigned left_over = tail_bytes == 2 ? 4 : 2;
    const size_t value = std::string(kAlphabet).find(text.back());
    ASSERT_EQ(value & ((1u << left_over) - 1), 0u);
    for (unsigned bits = 1; bits < (1u << left_over); ++bits) {
      std::string changed = text;
      changed.back() = kAlphabet[value | bits];
      EXPECT_THAT(ParseInvitation(changed), StatusIs(kInvalid)) << bits;
      ++with_bits_left_over;
    }
  }
  EXPECT_EQ(with_bits_left_over, 15 + 3);
}

// Each byte value at each place: only the one character that stands there is read as it.
TEST(Invitation, RefusesBytesThatAreNoLetters) {
  const std::string text = FormatInvitation(Valid());
  for (size_t at = text.rfind(':') + 1; at < text.size(); ++at) {
    for (int byte = 0x80; byte < 0x100; ++byte) {
      std::string changed = text;
      changed[at] = static_cast<char>(byte);
      EXPECT_THAT(ParseInvitation(changed), StatusIs(kInvalid)) << at << " " << byte;
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
