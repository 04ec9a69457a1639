#include "common/crypto/key_wrap.h"

#include <set>

#include "tests/status_matchers.h"

namespace plumbline::crypto {
namespace {

using plumbline::testing::StatusIs;

KeyWrap Wrapper(uint8_t fill) { return *KeyWrap::Create(Secret::Take(Bytes(kWrappingKeySize, fill))); }

TEST(KeyWrap, OpensWhatItWrappedInTheSameContextAlone) {
  const KeyWrap wrap = Wrapper(1);
  const Secret secret = Secret::Random(32);
  const Bytes context = ToBytes(AsBytes("unlock key of a device"));
  ASSERT_OK_AND_ASSIGN(const Bytes wrapped, wrap.Wrap(secret, context));
  EXPECT_EQ(wrapped.size(), secret.size() + kWrapOverhead);
  ASSERT_OK_AND_ASSIGN(const Secret opened, wrap.Unwrap(wrapped, context));
  EXPECT_TRUE(opened == secret);
  EXPECT_THAT(wrap.Unwrap(wrapped, AsBytes("another")).status(), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(Wrapper(2).Unwrap(wrapped, context).status(), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(KeyWrap, RefusesEveryChangedByteAndEveryCut) {
  const KeyWrap wrap = Wrapper(1);
  ASSERT_OK_AND_ASSIGN(const Bytes wrapped, wrap.Wrap(Secret::Random(16), {}));
  for (size_t i = 0; i < wrapped.size(); ++i) {
    Bytes changed = wrapped;
    changed[i] ^= 1;
    EXPECT_THAT(wrap.Unwrap(changed, {}).status(), StatusIs(absl::StatusCode::kUnauthenticated)) << i;
    EXPECT_THAT(wrap.Unwrap(ByteView(wrapped).first(i), {}).status(), StatusIs(absl::StatusCode::kUnauthenticated)) << i;
  }
}

TEST(KeyWrap, NeverWrapsTwiceAlike) {
  const KeyWrap wrap = Wrapper(1);
  const Secret secret = Secret::Random(32);
  std::set<Bytes> seen;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(seen.insert(*wrap.Wrap(secret, {})).second);
}

TEST(KeyWrap, TakesOnlyKeysAndSecretsOfItsSizes) {
  EXPECT_THAT(KeyWrap::Create(Secret::Random(31)).status(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Wrapper(1).Wrap(Secret(), {}).status(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Wrapper(1).Wrap(Secret(kMaxWrapped), {}).status(), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace plumbline::crypto
