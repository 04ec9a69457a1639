// How a store key comes to be, and what stands before a locked store.
#include <gtest/gtest.h>

#include "common/crypto/hkdf.h"
#include "common/identity/labels.h"
#include "common/unlock/derivation.h"
#include "common/unlock/messages.h"
#include "common/unlock/store_header.h"
#include "tests/common/identity/malformed.h"
#include "tests/status_matchers.h"

namespace plumbline::unlock {
namespace {

using plumbline::testing::StatusIs;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr crypto::SealCost kCheap{1, 8 * 1024};

Slot SampleSlot(uint32_t version, const Secret& data_key, const Secret& store_key) {
  Slot slot{identity::Fixed<16>{7}, kCheap, version, crypto::VoprfSecretKey::Generate().public_key(), {}};
  return *Lock(data_key, store_key, slot);
}

StoreHeader Sample(size_t slots) {
  StoreHeader out;
  out.device_id = identity::DeviceId{1};
  out.device_secret = Secret::Random(kDeviceSecretSize);
  out.device_address = "keys.example.org:7442";
  out.root = Bytes(40, 5);
  for (size_t i = 1; i <= slots; ++i) {
    out.slots.push_back(SampleSlot(static_cast<uint32_t>(i), Secret::Random(32), Secret::Random(32)));
  }
  return out;
}

TEST(Derivation, TheAnswerUnblindedIsTheOutputOfTheStretchedPassphrase) {
  const crypto::VoprfSecretKey k = crypto::VoprfSecretKey::Generate();
  const Secret passphrase = Secret::CopyOf(AsBytes("a passphrase of mine"));
  const Bytes salt(16, 3);
  ASSERT_OK_AND_ASSIGN(const auto blinding, Blind(passphrase, salt, kCheap));
  ASSERT_OK_AND_ASSIGN(const Secret output, blinding.Finalize(k.BlindEvaluate(blinding.element()), k.public_key()));
  ASSERT_OK_AND_ASSIGN(const Secret stretched, crypto::Stretch(passphrase, salt, kCheap));
  EXPECT_TRUE(output == *k.Evaluate(stretched.view()));
}

TEST(Derivation, EachKeyNeedsOutputAndDeviceSecretAndTheTwoAreUnrelated) {
  const Secret output = Secret::Random(64), device_secret = Secret::Random(32);
  ASSERT_OK_AND_ASSIGN(const Keys keys, DeriveKeys(output, device_secret));
  EXPECT_TRUE(keys.store_key ==
              crypto::HkdfSha256(output.view(), device_secret.view(), AsBytes(identity::kUnlockStoreKeyLabel), 32));
  EXPECT_FALSE(Equal(keys.store_key.view(), keys.proof.seed()));
  for (const auto& [o, d] : {std::pair(Secret::Random(64), Secret::CopyOf(device_secret.view())),
                             std::pair(Secret::CopyOf(output.view()), Secret::Random(32))}) {
    ASSERT_OK_AND_ASSIGN(const Keys others, DeriveKeys(o, d));
    EXPECT_FALSE(others.store_key == keys.store_key);
    EXPECT_NE(others.proof.public_key(), keys.proof.public_key());
  }
  EXPECT_THAT(DeriveKeys(Secret(63), Secret(32)), StatusIs(kInvalid));
  EXPECT_THAT(DeriveKeys(Secret(64), Secret(31)), StatusIs(kInvalid));
}

TEST(Derivation, CostsAndSaltsAreBounded) {
  const Secret passphrase = Secret::CopyOf(AsBytes("a passphrase of mine"));
  EXPECT_THAT(crypto::Stretch(passphrase, Bytes(15), kCheap), StatusIs(kInvalid));
  for (const crypto::SealCost cost : {crypto::SealCost{0, 8192}, crypto::SealCost{17, 8192}, crypto::SealCost{1, 8191},
                                      crypto::SealCost{1, 1024 * 1024 + 1}}) {
    EXPECT_THAT(crypto::Stretch(passphrase, Bytes(16), cost), StatusIs(kInvalid));
  }
}

TEST(Slot, OpensUnderItsStoreKeyAndNothingElse) {
  const Secret data_key = Secret::Random(32), store_key = Secret::Random(32);
  const Slot slot = SampleSlot(1, data_key, store_key);
  ASSERT_OK_AND_ASSIGN(const Secret opened, Open(slot, store_key));
  EXPECT_TRUE(opened == data_key);
  EXPECT_THAT(Open(slot, Secret::Random(32)), StatusIs(absl::StatusCode::kUnauthenticated));
  // Each field is bound: another key of the server's in its place would be one that the disk's thief chose.
  Slot changed = slot;
  changed.public_key = crypto::VoprfSecretKey::Generate().public_key();
  EXPECT_FALSE(Open(changed, store_key).ok());
  changed = slot;
  changed.key_version = 2;
  EXPECT_FALSE(Open(changed, store_key).ok());
  changed = slot;
  changed.cost.passes = 2;
  EXPECT_FALSE(Open(changed, store_key).ok());
  changed = slot;
  changed.salt[0] ^= 1;
  EXPECT_FALSE(Open(changed, store_key).ok());
}

TEST(StoreHeader, RoundTripsWithOneSlotAndTwo) {
  for (const size_t slots : {1, 2}) {
    const StoreHeader header = Sample(slots);
    const Bytes wire = ToBytes(Encode(header).view());
    ASSERT_OK_AND_ASSIGN(const StoreHeader parsed, ParseStoreHeader(wire));
    EXPECT_TRUE(parsed.device_secret == header.device_secret);
    EXPECT_EQ(parsed.device_address, header.device_address);
    ASSERT_EQ(parsed.slots.size(), slots);
    EXPECT_NE(parsed.Find(1), nullptr);
    EXPECT_EQ(parsed.Find(2) != nullptr, slots == 2);
    EXPECT_EQ(parsed.Find(3), nullptr);
    identity::testing::RefusesTruncationAndExtension(wire, ParseStoreHeader);
    identity::testing::AcceptsOnlyCanonicalForms(wire, ParseStoreHeader,
                                                 [](const StoreHeader& each) { return ToBytes(Encode(each).view()); });
  }
}

TEST(StoreHeader, RefusesSlotsOutOfOrderAndOthersThanOneOrTwo) {
  StoreHeader header = Sample(2);
  std::swap(header.slots[0], header.slots[1]);
  EXPECT_THAT(ParseStoreHeader(Encode(header).view()), StatusIs(kInvalid));
  header.slots[1] = header.slots[0];
  EXPECT_THAT(ParseStoreHeader(Encode(header).view()), StatusIs(kInvalid));
  header = Sample(2);
  header.slots.push_back(SampleSlot(3, Secret::Random(32), Secret::Random(32)));
  EXPECT_THAT(ParseStoreHeader(Encode(header).view()), StatusIs(kInvalid));
  header.slots.clear();
  EXPECT_THAT(ParseStoreHeader(Encode(header).view()), StatusIs(kInvalid));
}

}  // namespace
}  // namespace plumbline::unlock
