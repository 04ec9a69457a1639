// Messages that are signed: each field changes the bytes, so no signature stands for two meanings.
#include <gtest/gtest.h>

#include "common/identity/device_request.h"
#include "common/identity/enrolment_proof.h"
#include "common/identity/grant.h"
#include "common/identity/mailbox_address.h"
#include "tests/common/identity/malformed.h"

namespace plumbline::identity {
namespace {

using plumbline::testing::StatusIs;

TEST(DeviceRequest, EveryFieldCounts) {
  const DeviceRequest base{"DrawTokens", Nonce{1}, 1, Hash{1}, Hash{1}, Bytes{1, 2}};
  EXPECT_NE(Encode(base), Encode(DeviceRequest{"DrawGrants", Nonce{1}, 1, Hash{1}, Hash{1}, Bytes{1, 2}}));
  EXPECT_NE(Encode(base), Encode(DeviceRequest{"DrawTokens", Nonce{2}, 1, Hash{1}, Hash{1}, Bytes{1, 2}}));
  EXPECT_NE(Encode(base), Encode(DeviceRequest{"DrawTokens", Nonce{1}, 2, Hash{1}, Hash{1}, Bytes{1, 2}}));
  EXPECT_NE(Encode(base), Encode(DeviceRequest{"DrawTokens", Nonce{1}, 1, Hash{2}, Hash{1}, Bytes{1, 2}}));
  EXPECT_NE(Encode(base), Encode(DeviceRequest{"DrawTokens", Nonce{1}, 1, Hash{1}, Hash{2}, Bytes{1, 2}}));
  EXPECT_NE(Encode(base), Encode(DeviceRequest{"DrawTokens", Nonce{1}, 1, Hash{1}, Hash{1}, Bytes{1, 3}}));
}

TEST(EnrolmentProof, IsReadInOneWay) {
  const EnrolmentProof proof{"mimi://example.org/u/a", Hash{1}, Hash{2}, PublicKey{3}, PublicKey{4}};
  const auto encode = [](const EnrolmentProof& each) { return Encode(each); };
  EXPECT_EQ(*ParseEnrolmentProof(Encode(proof)), proof);
  testing::RefusesTruncationAndExtension(Encode(proof), ParseEnrolmentProof);
  testing::AcceptsOnlyCanonicalForms(Encode(proof), ParseEnrolmentProof, encode);
  EXPECT_THAT(ParseEnrolmentProof(Encode(EnrolmentProof{"mimi://Example.org/u/a", {}, {}, {}, {}})),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(EnrolmentProof, EveryFieldCounts) {
  const EnrolmentProof base{"mimi://example.org/u/a", Hash{1}, Hash{1}, PublicKey{1}, PublicKey{1}};
  EXPECT_NE(Encode(base),
            Encode(EnrolmentProof{"mimi://example.org/u/b", Hash{1}, Hash{1}, PublicKey{1}, PublicKey{1}}));
  EXPECT_NE(Encode(base),
            Encode(EnrolmentProof{"mimi://example.org/u/a", Hash{2}, Hash{1}, PublicKey{1}, PublicKey{1}}));
  EXPECT_NE(Encode(base),
            Encode(EnrolmentProof{"mimi://example.org/u/a", Hash{1}, Hash{2}, PublicKey{1}, PublicKey{1}}));
  EXPECT_NE(Encode(base),
            Encode(EnrolmentProof{"mimi://example.org/u/a", Hash{1}, Hash{1}, PublicKey{2}, PublicKey{1}}));
  EXPECT_NE(Encode(base),
            Encode(EnrolmentProof{"mimi://example.org/u/a", Hash{1}, Hash{1}, PublicKey{1}, PublicKey{2}}));
}

TEST(MailboxMessages, EveryFieldCounts) {
  const MailboxOpening base{Hash{1}, MailboxId{1}, PublicKey{1}, {Hash{1}}};
  EXPECT_NE(Encode(base), Encode(MailboxOpening{Hash{2}, MailboxId{1}, PublicKey{1}, {Hash{1}}}));
  EXPECT_NE(Encode(base), Encode(MailboxOpening{Hash{1}, MailboxId{2}, PublicKey{1}, {Hash{1}}}));
  EXPECT_NE(Encode(base), Encode(MailboxOpening{Hash{1}, MailboxId{1}, PublicKey{2}, {Hash{1}}}));
  EXPECT_NE(Encode(base), Encode(MailboxOpening{Hash{1}, MailboxId{1}, PublicKey{1}, {Hash{1}, Hash{2}}}));
  EXPECT_NE(DepositCapabilitiesMessage(MailboxId{1}, 1, {Hash{1}}),
            DepositCapabilitiesMessage(MailboxId{1}, 2, {Hash{1}}));
  EXPECT_NE(ReceiveMessage(Nonce{1}, MailboxId{1}), ReceiveMessage(Nonce{1}, MailboxId{2}));
}

TEST(MailboxAddress, RoundTripsAndRefusesMalformedBytes) {
  MailboxAddress address{"delivery.example.org:7444", MailboxId{1}, PublicKey{2}, Fixed<32>{3}};
  ASSERT_OK_AND_ASSIGN(const MailboxAddress parsed, ParseMailboxAddress(Encode(address)));
  EXPECT_EQ(parsed, address);
  testing::RefusesTruncationAndExtension(Encode(address), ParseMailboxAddress);
  testing::AcceptsOnlyCanonicalForms(Encode(address), ParseMailboxAddress,
                                     [](const MailboxAddress& a) { return Encode(a); });
}

TEST(GroupData, RoundTripsAndRefusesMalformedBytes) {
  const GroupData data{GroupHandle{5}, GroupKind::kGroup};
  ASSERT_OK_AND_ASSIGN(const GroupData parsed, ParseGroupData(Encode(data)));
  EXPECT_EQ(parsed, data);
  testing::RefusesTruncationAndExtension(Encode(data), ParseGroupData);
  testing::AcceptsOnlyCanonicalForms(Encode(data), ParseGroupData,
                                     [](const GroupData& d) { return Encode(d); });
  Bytes unknown = Encode(data);
  unknown.back() = 3;
  EXPECT_THAT(ParseGroupData(unknown), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace plumbline::identity
