#include "common/identity/revocation.h"

#include <gtest/gtest.h>

#include "tests/common/identity/malformed.h"
#include "tests/status_matchers.h"

namespace plumbline::identity {
namespace {

Revocation Example() {
  Revocation out;
  out.sequence = 7;
  out.previous = 5;
  out.items.grants = {{GrantSerial{1}, 20'000}, {GrantSerial{2}, 20'001}};
  out.items.token_keys = {{Hash{3}, 1'800'000'000}};
  return out;
}

TEST(Revocation, ComesBackAsItWas) {
  ASSERT_OK_AND_ASSIGN(const Revocation parsed, ParseRevocation(Encode(Example())));
  EXPECT_EQ(parsed, Example());
}

TEST(Revocation, HasOneEncoding) {
  testing::RefusesTruncationAndExtension(Encode(Example()), ParseRevocation);
  testing::AcceptsOnlyCanonicalForms(Encode(Example()), ParseRevocation,
                                     [](const Revocation& r) { return Encode(r); });
  const auto encode = [](const RevokedItems& items) { return Encode(items); };
  testing::RefusesTruncationAndExtension(Encode(Example().items), ParseRevokedItems);
  testing::AcceptsOnlyCanonicalForms(Encode(Example().items), ParseRevokedItems, encode);
}

TEST(Revocation, ItsListsAreInOrderWithoutRepeats) {
  Revocation swapped = Example();
  std::swap(swapped.items.grants[0], swapped.items.grants[1]);
  EXPECT_FALSE(ParseRevocation(Encode(swapped)).ok());
  Revocation twice = Example();
  twice.items.token_keys.push_back(twice.items.token_keys[0]);
  EXPECT_FALSE(ParseRevocation(Encode(twice)).ok());
}

TEST(Revocation, RevokesSomethingAndFollowsAnEarlierOne) {
  Revocation empty = Example();
  empty.items = {};
  EXPECT_FALSE(ParseRevocation(Encode(empty)).ok());
  Revocation backwards = Example();
  backwards.previous = backwards.sequence;
  EXPECT_FALSE(ParseRevocation(Encode(backwards)).ok());
  Revocation last = Example();
  last.sequence = uint64_t{1} << 62;
  EXPECT_OK(ParseRevocation(Encode(last)));
  ++last.sequence;  // what a database cannot count
  EXPECT_FALSE(ParseRevocation(Encode(last)).ok());
}

TEST(Revocation, WhatIsTooMuchForOneIsSplit) {
  std::vector<RevokedGrant> grants(kMaxRevokedGrants + 1);
  for (size_t i = 0; i < grants.size(); ++i)
    grants[i].serial = {static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
  const std::vector<VoidTokenKey> token_keys = {{Hash{1}, 5}, {Hash{1}, 5}};
  const std::vector<RevokedItems> parts = SplitItems(grants, token_keys);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].grants.size(), kMaxRevokedGrants);
  EXPECT_EQ(parts[0].token_keys.size(), 1u);
  EXPECT_EQ(parts[1].grants.size(), 1u);
  for (const RevokedItems& part : parts) EXPECT_OK(ParseRevokedItems(Encode(part)));
  EXPECT_TRUE(SplitItems({}, {}).empty());
  std::vector<RevokedGrant> above = grants;
  EXPECT_FALSE(ParseRevokedItems(Encode(RevokedItems{above, {}})).ok());
  std::vector<VoidTokenKey> many(kMaxVoidTokenKeys + 1);
  for (size_t i = 0; i < many.size(); ++i) many[i].token_key_id = {static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
  EXPECT_FALSE(ParseRevokedItems(Encode(RevokedItems{{}, many})).ok());
  many.pop_back();
  EXPECT_OK(ParseRevokedItems(Encode(RevokedItems{{}, many})));
}

}  // namespace
}  // namespace plumbline::identity
