#include "common/identity/record.h"

#include <gtest/gtest.h>

#include "common/identity/labels.h"
#include "tests/common/identity/malformed.h"

namespace plumbline::identity {
namespace {

using plumbline::testing::StatusIs;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

RecordDevice Device(uint8_t id) {
  RecordDevice out;
  out.device_id.fill(id);
  out.label = "laptop";
  out.mls_signature_public_key.fill(3);
  out.credential_hash.fill(4);
  out.enrolled_day = 20780;
  return out;
}

DirectoryRecord Valid() {
  DirectoryRecord out;
  out.user = "mimi://example.org/u/alice";
  out.display_name = "Alice";
  out.version = 2;
  out.previous_hash.fill(9);
  out.cause.fill(5);
  out.devices = {Device(1), Device(2)};
  return out;
}

TEST(DirectoryRecord, RoundTripsAndRefusesMalformedBytes) {
  ASSERT_OK_AND_ASSIGN(const DirectoryRecord parsed, ParseDirectoryRecord(Encode(Valid())));
  EXPECT_EQ(parsed, Valid());
  testing::RefusesTruncationAndExtension(Encode(Valid()), ParseDirectoryRecord);
  testing::AcceptsOnlyCanonicalForms(Encode(Valid()), ParseDirectoryRecord,
                                     [](const DirectoryRecord& record) { return Encode(record); });
}

TEST(DirectoryRecord, SaysHowThePersonWasMadeSureOf) {
  DirectoryRecord record = Valid();
  record.proofing_level = "seen in person";
  const Bytes wire = Encode(record);
  ASSERT_OK_AND_ASSIGN(const DirectoryRecord parsed, ParseDirectoryRecord(wire));
  EXPECT_EQ(parsed, record);
  testing::RefusesTruncationAndExtension(wire, ParseDirectoryRecord);
  testing::AcceptsOnlyCanonicalForms(wire, ParseDirectoryRecord, [](const DirectoryRecord& each) { return Encode(each); });
  Bytes empty = Encode(Valid());
  empty[0] = 2;
  empty.push_back(0);
  EXPECT_THAT(ParseDirectoryRecord(empty), StatusIs(kInvalid));
  Bytes other = wire;
  other[0] = 3;
  EXPECT_THAT(ParseDirectoryRecord(other), StatusIs(kInvalid));
}

TEST(DirectoryRecord, RefusesDevicesOutOfOrderTwiceOrTooMany) {
  DirectoryRecord record = Valid();
  record.devices = {Device(2), Device(1)};
  EXPECT_THAT(ParseDirectoryRecord(Encode(record)), StatusIs(kInvalid));
  record.devices = {Device(1), Device(1)};
  EXPECT_THAT(ParseDirectoryRecord(Encode(record)), StatusIs(kInvalid));
  record.devices.clear();
  for (uint8_t i = 0; i < 33; ++i) record.devices.push_back(Device(i));
  EXPECT_THAT(ParseDirectoryRecord(Encode(record)), StatusIs(kInvalid));
  record.devices.pop_back();
  EXPECT_OK(ParseDirectoryRecord(Encode(record)));
}

TEST(DirectoryRecord, RefusesAVersionThatDoesNotFitItsPreviousHash) {
  DirectoryRecord record = Valid();
  record.version = 0;
  EXPECT_THAT(ParseDirectoryRecord(Encode(record)), StatusIs(kInvalid));
  record.version = 1;
  EXPECT_THAT(ParseDirectoryRecord(Encode(record)), StatusIs(kInvalid));
  record.previous_hash = Hash{};
  EXPECT_OK(ParseDirectoryRecord(Encode(record)));
  record.version = 2;
  EXPECT_THAT(ParseDirectoryRecord(Encode(record)), StatusIs(kInvalid));
}

TEST(DirectoryRecord, VerifiesOnlyUnderTheDirectorysKeyAndLabel) {
  const auto key = crypto::Ed25519KeyPair::Generate();
  const auto other = crypto::Ed25519KeyPair::Generate();
  const Bytes wire = Encode(Valid());
  const Bytes signature = key.Sign(kDirectoryRecordLabel, wire);
  EXPECT_OK(VerifyDirectoryRecord(wire, signature, key.public_key()));
  EXPECT_FALSE(VerifyDirectoryRecord(wire, signature, other.public_key()).ok());
  EXPECT_FALSE(VerifyDirectoryRecord(wire, key.Sign(kIntentLabel, wire), key.public_key()).ok());
  Bytes changed = wire;
  changed[40] ^= 1;
  EXPECT_FALSE(VerifyDirectoryRecord(changed, signature, key.public_key()).ok());
}

}  // namespace
}  // namespace plumbline::identity
