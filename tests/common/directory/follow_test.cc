#include "common/directory/follow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sodium.h>

#include "common/codec.h"
#include "common/identity/record.h"

#include "tests/status_matchers.h"

namespace plumbline::directory {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

Followed Sample() {
  Followed out{{}, Bytes(100, 1), Bytes(64, 2), {Bytes(50, 3), Bytes(60, 4)}};
  out.nonce.bytes.fill(9);
  return out;
}
tlog::MapIndex Index(uint8_t fill) {
  tlog::MapIndex out;
  out.bytes.fill(fill);
  return out;
}

TEST(Follow, OpensUnderItsKeyWithItsLeafAlone) {
  const Secret secret = Secret::CopyOf(Bytes(32, 5));
  const Secret key = FollowKey(secret, Index(1)), other = FollowKey(secret, Index(2));
  const Bytes leaf(138, 7), another(138, 8);
  const Bytes sealed = Seal(Sample(), key, leaf);
  ASSERT_OK_AND_ASSIGN(const Followed opened, OpenFollowed(sealed, key, leaf));
  EXPECT_EQ(opened.nonce.bytes, Sample().nonce.bytes);
  EXPECT_EQ(opened.record, Sample().record);
  EXPECT_EQ(opened.signature, Sample().signature);
  EXPECT_EQ(opened.credentials, Sample().credentials);
  EXPECT_THAT(OpenFollowed(sealed, other, leaf).status(), StatusIs(Code::kUnauthenticated));
  EXPECT_THAT(OpenFollowed(sealed, key, another).status(), StatusIs(Code::kUnauthenticated));
  for (size_t i = 0; i < sealed.size(); ++i) {
    Bytes changed = sealed;
    changed[i] ^= 1;
    EXPECT_THAT(OpenFollowed(changed, key, leaf).status(), StatusIs(Code::kUnauthenticated)) << i;
    EXPECT_FALSE(OpenFollowed(ByteView(sealed).first(i), key, leaf).ok()) << i;
  }
  EXPECT_THAT(OpenFollowed(Bytes(kMaxFollowed + 1), key, leaf).status(), StatusIs(Code::kUnauthenticated));
}

// Whoever may seal is not trusted with what is inside.
TEST(Follow, WhatIsSealedIsReadWithinItsLimits) {
  const Secret key = FollowKey(Secret::CopyOf(Bytes(32, 5)), Index(1));
  const Bytes leaf(138, 7);
  const auto open = [&](const Followed& followed) { return OpenFollowed(Seal(followed, key, leaf), key, leaf).status(); };
  const auto with = [](size_t record, const std::vector<Bytes>& credentials) {
    return Followed{{}, Bytes(record, 1), Bytes(64, 2), credentials};
  };
  EXPECT_OK(open(with(identity::kMaxRecord, {Bytes(8 << 10)})));
  EXPECT_THAT(open(with(identity::kMaxRecord + 1, {})), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(open(with(1, {Bytes((8 << 10) + 1)})), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(open(with(1, std::vector<Bytes>(40, Bytes(8 << 10)))), StatusIs(Code::kUnauthenticated, HasSubstr("wrong size")));
}

TEST(Follow, NothingIsBehindWhatIsSealed) {
  const Secret key = FollowKey(Secret::CopyOf(Bytes(32, 5)), Index(1));
  const auto open = [&](const Bytes& plain) {
    constexpr size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
    Bytes sealed(kNonce + plain.size() + crypto_aead_xchacha20poly1305_ietf_ABYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data() + kNonce, nullptr, plain.data(), plain.size(), nullptr, 0, nullptr,
                                               sealed.data(), key.view().data());
    return OpenFollowed(sealed, key, {}).status();
  };
  Writer out;
  out.Fixed(Bytes(32)).Vector(Bytes(5)).Fixed(Bytes(64)).Vector(Bytes());
  const Bytes whole = out.TakeBytes();
  EXPECT_OK(open(whole));
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_THAT(open(longer), StatusIs(Code::kInvalidArgument));
  for (size_t i = 0; i < whole.size(); ++i) EXPECT_THAT(open(Bytes(whole.begin(), whole.begin() + i)), StatusIs(Code::kInvalidArgument));
}

// What is sealed again is the same: the feed tells nothing by how often it is read. Anything else has another nonce.
TEST(Follow, SealsTheSameAlikeAndNothingElse) {
  const Secret key = FollowKey(Secret::CopyOf(Bytes(32, 5)), Index(1));
  const Bytes leaf(138, 7);
  EXPECT_EQ(Seal(Sample(), key, leaf), Seal(Sample(), key, leaf));
  Followed other = Sample();
  other.record[0] ^= 1;
  EXPECT_NE(ToString(Seal(Sample(), key, leaf)).substr(0, 24), ToString(Seal(other, key, leaf)).substr(0, 24));
  EXPECT_NE(ToString(Seal(Sample(), key, leaf)).substr(0, 24), ToString(Seal(Sample(), key, Bytes(138, 8))).substr(0, 24));
}

}  // namespace
}  // namespace plumbline::directory
