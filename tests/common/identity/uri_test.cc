#include "common/identity/uri.h"

#include <gtest/gtest.h>

#include "common/identity/reason.h"
#include "common/identity/text.h"
#include "tests/status_matchers.h"

namespace plumbline::identity {
namespace {

using plumbline::testing::StatusIs;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(Uri, EveryKindRoundTrips) {
  ASSERT_OK_AND_ASSIGN(const UserUri user, ParseUserUri("mimi://example.org/u/alice.b-c_9"));
  EXPECT_EQ(user.name, "alice.b-c_9");
  EXPECT_EQ(user.ToString(), "mimi://example.org/u/alice.b-c_9");
  const std::string device_text = "mimi://a.b-c.example/d/00112233445566778899aabbccddeeff";
  ASSERT_OK_AND_ASSIGN(const DeviceUri device, ParseDeviceUri(device_text));
  EXPECT_EQ(device.ToString(), device_text);
  const std::string unlock_text = "plumbline://a.b-c.example/unlock/00112233445566778899aabbccddeeff";
  ASSERT_OK_AND_ASSIGN(const UnlockUri unlock, ParseUnlockUri(unlock_text));
  EXPECT_EQ(unlock.ToString(), unlock_text);
  EXPECT_FALSE(ParseUnlockUri(device_text).ok());
  EXPECT_FALSE(ParseDeviceUri(unlock_text).ok());
  for (const char* text :
       {"plumbline://example.org/service/keyserver", "plumbline://example.org/service/delivery",
        "plumbline://example.org/service/admin"}) {
    ASSERT_OK_AND_ASSIGN(const ServiceUri service, ParseServiceUri(text));
    EXPECT_EQ(service.ToString(), text);
  }
  for (const char* text : {"plumbline://example.org/role/directory", "plumbline://example.org/role/grants",
                           "plumbline://example.org/role/tokens"}) {
    ASSERT_OK_AND_ASSIGN(const RoleUri role, ParseRoleUri(text));
    EXPECT_EQ(role.ToString(), text);
  }
}

TEST(Uri, RefusesEveryOtherSpellingOfAPerson) {
  const std::string long_name(65, 'a');
  for (const std::string& text : std::vector<std::string>{
           "", "mimi://", "mimi://example.org/u/", "mimi://example.org/u", "mimi://example.org/d/alice",
           "mimi://Example.org/u/alice", "mimi://example.org/u/Alice", "mimi://example.org/u/.alice",
           "mimi://example.org/u/al ice", "mimi://example.org/u/alice/", "mimi://example.org//u/alice",
           "mimi://example..org/u/alice", "mimi://-example.org/u/alice", "mimi://example.org:1/u/alice",
           "http://example.org/u/alice", "mimi://example.org/u/alice\n",
           std::string("mimi://example.org/u/al\0ice", 28),
           "mimi://example.org/u/al\xc3\xaf"
           "ce",
           "mimi://example.org/u/" + long_name}) {
    EXPECT_THAT(ParseUserUri(text), StatusIs(kInvalid)) << text;
  }
  EXPECT_OK(ParseUserUri("mimi://example.org/u/" + std::string(64, 'a')));
}

TEST(Uri, RefusesDeviceIdsInUpperCaseOrOfAnotherLength) {
  EXPECT_THAT(ParseDeviceUri("mimi://example.org/d/00112233445566778899AABBCCDDEEFF"), StatusIs(kInvalid));
  EXPECT_THAT(ParseDeviceUri("mimi://example.org/d/00112233445566778899aabbccddeef"), StatusIs(kInvalid));
  EXPECT_THAT(ParseDeviceUri("mimi://example.org/d/00112233445566778899aabbccddeefff"), StatusIs(kInvalid));
}

TEST(Uri, ATypedNameIsCompletedWithTheDomain) {
  ASSERT_OK_AND_ASSIGN(const UserUri user, ParseUserName("bob", "example.org"));
  EXPECT_EQ(user.ToString(), "mimi://example.org/u/bob");
  EXPECT_THAT(ParseUserName("bob@example.org", "example.org"), StatusIs(kInvalid));
}

TEST(Uri, AddressesNeedHostAndPort) {
  for (const char* good : {"localhost:1", "127.0.0.1:65535", "[::1]:7443", "keys.example.org:7443"}) {
    EXPECT_OK(CheckAddress(good)) << good;
  }
  for (const char* bad : {"", "localhost", ":7443", "localhost:", "localhost:0", "localhost:65536",
                          "localhost:+1", "local host:1", "::1:7443", "dns:///x:1", "a:1\n", "[]:1"}) {
    EXPECT_THAT(CheckAddress(bad), StatusIs(kInvalid)) << bad;
  }
}

TEST(Text, RefusesWhatATerminalWouldObey) {
  EXPECT_OK(CheckText("work laptop \xe2\x9c\x93 Zo\xc3\xab \xf0\x9f\x92\xbb", 64));
  for (const std::string& bad :
       std::vector<std::string>{"a\x1b[2J", "a\nb", std::string(1, '\0'), "\x7f",
                                "\xc2\x9b"
                                "2J",
                                "\xe2\x80\xae", "\xe2\x81\xa6", "\xff", "\xc3", "\xc0\xaf", "\xe0\x80\xaf",
                                "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x80\x80\xaf"}) {
    EXPECT_THAT(CheckText(bad, 64), StatusIs(kInvalid)) << ToHex(AsBytes(bad));
  }
  EXPECT_THAT(CheckText("abcd", 3), StatusIs(kInvalid));
}

TEST(Reason, IsSplitFromItsText) {
  const absl::Status refused = Refuse(absl::StatusCode::kUnauthenticated, "code_wrong", "the code: is wrong");
  EXPECT_EQ(ReasonOf(refused), "code_wrong");
  EXPECT_EQ(TextOf(refused), "the code: is wrong");
  EXPECT_EQ(ReasonOf(absl::InternalError("No such: thing")), "");
  EXPECT_EQ(TextOf(absl::InternalError("No such: thing")), "No such: thing");
}

}  // namespace
}  // namespace plumbline::identity
