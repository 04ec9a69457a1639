#include "admin/console/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/admin/sample_intents.h"
#include "tests/status_matchers.h"

namespace plumbline::admin {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

// The words without the hash of the bytes, which would tell any two apart by itself.
std::string Words(ByteView intent) {
  absl::StatusOr<std::vector<DescribedField>> fields = DescribeIntent(intent);
  EXPECT_THAT(fields, IsOk());
  fields->pop_back();
  return ToText(*fields);
}

// What is shown is what is signed: a change of any field that an intent can have is a change of the words.
TEST(DescribeIntent, ShowsEveryFieldOfEveryIntent) {
  for (int i = 0; i < 300; ++i) {
    const identity::Intent intent = RandomIntent();
    const std::string words = Words(identity::Encode(intent));
    identity::Intent other = RandomIntent();
    while (other.action != intent.action) other = RandomIntent();
    const auto differs = [&](auto field) {
      identity::Intent changed = intent;
      changed.*field = other.*field;
      if (changed == intent) return;
      if (changed.expires_unix <= changed.issued_unix || changed.expires_unix - changed.issued_unix > 900)
        return;
      SCOPED_TRACE(words);
      EXPECT_NE(Words(identity::Encode(changed)), words);
    };
    differs(&identity::Intent::target);
    differs(&identity::Intent::parameters);
    differs(&identity::Intent::state_hash);
    differs(&identity::Intent::justification);
    differs(&identity::Intent::nonce);
    identity::Intent later = intent;
    later.expires_unix -= 1;
    if (later.expires_unix > later.issued_unix) {
      EXPECT_NE(Words(identity::Encode(later)), words);
    }
    later = intent;
    later.issued_unix += 1;
    if (later.expires_unix > later.issued_unix) {
      EXPECT_NE(Words(identity::Encode(later)), words);
    }
  }
}

TEST(DescribeIntent, EachActionHasItsOwnWords) {
  std::set<std::string> seen;
  while (seen.size() < 10) {  // ten actions; each is drawn sooner or later
    const identity::Intent intent = RandomIntent();
    const auto fields = DescribeIntent(identity::Encode(intent));
    ASSERT_THAT(fields, IsOk());
    seen.insert(fields->front().value);
  }
  EXPECT_EQ(seen.size(), 10u);
}

// The code that was compared, and all of what is signed: two requests may share the code, never the words.
TEST(DescribeIntent, ShowsTheCodeAndTheWholeHashOfWhatIsActivated) {
  identity::Intent intent{.action = identity::Action::kActivateDevice,
                          .target = "mimi://example.org/u/alice",
                          .parameters = Encode(identity::ActivateDeviceParameters{identity::Hash{1}}),
                          .state_hash = identity::RandomFixed<32>(),
                          .justification = "seen",
                          .nonce = identity::RandomFixed<16>(),
                          .issued_unix = 1795471200,
                          .expires_unix = 1795471500};
  const std::string words = Words(identity::Encode(intent));
  EXPECT_THAT(words, HasSubstr("0400-0000-0000-0000"));
  identity::Hash near{1};
  near[31] = 1;
  intent.parameters = Encode(identity::ActivateDeviceParameters{near});
  EXPECT_NE(Words(identity::Encode(intent)), words);
}

TEST(DescribeIntent, SpeaksOfASuspensionInWords) {
  const identity::Intent intent{.action = identity::Action::kSuspendAccount,
                                .target = "mimi://example.org/u/alice",
                                .state_hash = identity::RandomFixed<32>(),
                                .justification = "lost her laptop",
                                .nonce = identity::RandomFixed<16>(),
                                .issued_unix = 1795471200,
                                .expires_unix = 1795471500};
  const std::string words = Words(identity::Encode(intent));
  EXPECT_THAT(words, HasSubstr("suspend the account"));
  EXPECT_THAT(words, HasSubstr("mimi://example.org/u/alice"));
  EXPECT_THAT(words, HasSubstr("lost her laptop"));
  EXPECT_THAT(words, HasSubstr("2026-11-23 22:00:00 UTC to 2026-11-23 22:05:00 UTC"));
}

TEST(DescribeIntent, RefusesEveryTruncation) {
  const Bytes wire = identity::Encode(RandomIntent());
  for (size_t n = 0; n < wire.size(); ++n) {
    SCOPED_TRACE(n);
    EXPECT_THAT(DescribeIntent(ByteView(wire).first(n)), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(Printable, LetsNoControlCharacterReachATerminal) {
  EXPECT_EQ(Printable("Alice Archer"), "Alice Archer");
  for (const char* text : {"\x1b[2Jgone", "two\nlines", "\xff\xfe", "a\u202eb"}) {
    const std::string shown = Printable(text);
    for (const char c : shown) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << shown;
  }
}

}  // namespace
}  // namespace plumbline::admin
