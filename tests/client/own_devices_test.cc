// What a device believes about one that asks to join: its keys, and nothing that the key server
// says about them.
#include "client/own_devices.h"

#include <gmock/gmock.h>

#include "common/crypto/p256.h"
#include "common/identity/codes.h"
#include "common/identity/invitation.h"
#include "common/identity/labels.h"
#include "tests/client/people.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

// A new device's request, as it would come.
struct NewDevice {
  crypto::P256PrivateKey tls = crypto::P256PrivateKey::Generate();
  crypto::Ed25519KeyPair working = crypto::Ed25519KeyPair::Generate();
  crypto::Ed25519KeyPair mls = crypto::Ed25519KeyPair::Generate();
  keys::v1::WaitingDevice Waiting(const std::string& label = "tablet") const {
    keys::v1::WaitingDevice out;
    out.set_device_id(std::string(16, '\x07'));
    out.set_invited_by(std::string(16, '\x01'));
    out.mutable_request()->set_tls_csr(ToString(crypto::CertificateRequest::Create(tls)));
    out.mutable_request()->set_working_public_key(ToString(working.public_key().view()));
    out.mutable_request()->set_mls_signature_public_key(ToString(mls.public_key().view()));
    out.mutable_request()->set_device_label(label);
    return out;
  }
  // What its own screen shows.
  std::string Code(const std::string& user) const {
    return identity::FormatCode(identity::ApprovalCode(
        {user, Sha256(tls.spki()), *identity::ToFixed<32>(working.public_key().view()),
         *identity::ToFixed<32>(mls.public_key().view())}));
  }
};

class KeyServer final : public DevicesNetwork {
 public:
  absl::StatusOr<keys::v1::GetOwnAccountResponse> GetOwnAccount() override { return account; }
  absl::StatusOr<keys::v1::InviteDeviceResponse> InviteDevice(
      const keys::v1::InviteDeviceRequest& request) override {
    invited = request;
    keys::v1::InviteDeviceResponse response;
    response.set_expires_unix(1'790'003'600);
    return response;
  }
  absl::StatusOr<keys::v1::ListJoinRequestsResponse> ListJoinRequests() override { return waiting; }
  absl::StatusOr<keys::v1::DecideDeviceResponse> DecideDevice(
      const keys::v1::DecideDeviceRequest& request) override {
    decided.push_back(request);
    return keys::v1::DecideDeviceResponse();
  }
  keys::v1::GetOwnAccountResponse account;
  keys::v1::InviteDeviceRequest invited;
  keys::v1::ListJoinRequestsResponse waiting;
  std::vector<keys::v1::DecideDeviceRequest> decided;
};

struct Desk {
  FixedClock clock{absl::FromUnixSeconds(1'790'000'000)};
  testing::TestOrganisation organisation{clock.Now()};
  Device alice{organisation, "alice", clock};
  KeyServer keyserver;
  OwnDevices devices{*alice.stores, *alice.self, keyserver, clock};
};

TEST(OwnDevices, FindsTheDeviceWhoseScreenShowsTheCode) {
  Desk desk;
  const NewDevice tablet, other;
  *desk.keyserver.waiting.add_waiting() = other.Waiting();
  *desk.keyserver.waiting.add_waiting() = tablet.Waiting();
  ASSERT_OK_AND_ASSIGN(const WaitingDevice found,
                       desk.devices.Find(tablet.Code(desk.alice.user())));
  EXPECT_EQ(found.key_fingerprint, ToHex(Sha256(tablet.mls.public_key().view())));
}

// A key server that puts keys of its own in place of the new device's cannot show a request with
// the same code.
TEST(OwnDevices, KeysThatWereSwappedHaveAnotherCode) {
  Desk desk;
  const NewDevice tablet, attacker;
  const auto swapped = [&](auto change) {
    desk.keyserver.waiting.Clear();
    keys::v1::WaitingDevice waiting = tablet.Waiting();
    change(*waiting.mutable_request(), attacker.Waiting().request());
    *desk.keyserver.waiting.add_waiting() = waiting;
    return desk.devices.Find(tablet.Code(desk.alice.user())).status();
  };
  const auto unknown = StatusIs(absl::StatusCode::kNotFound, HasSubstr("join_unknown: "));
  using Request = keys::v1::EnrolRequest;
  EXPECT_THAT(swapped([](Request& to, const Request& from) { to.set_tls_csr(from.tls_csr()); }),
              unknown);
  EXPECT_THAT(swapped([](Request& to, const Request& from) {
                to.set_working_public_key(from.working_public_key());
              }),
              unknown);
  EXPECT_THAT(swapped([](Request& to, const Request& from) {
                to.set_mls_signature_public_key(from.mls_signature_public_key());
              }),
              unknown);
  EXPECT_OK(swapped([](Request&, const Request&) {}));
}

TEST(OwnDevices, WhatCannotBeShownOrReadIsLeftOut) {
  Desk desk;
  const NewDevice tablet;
  *desk.keyserver.waiting.add_waiting() = tablet.Waiting("\x1b[31mred");
  keys::v1::WaitingDevice malformed = tablet.Waiting();
  malformed.mutable_request()->set_tls_csr("x");
  *desk.keyserver.waiting.add_waiting() = malformed;
  malformed = tablet.Waiting();
  malformed.set_device_id("short");
  *desk.keyserver.waiting.add_waiting() = malformed;
  ASSERT_OK_AND_ASSIGN(const std::vector<WaitingDevice> waiting, desk.devices.Waiting());
  EXPECT_TRUE(waiting.empty());
}

TEST(OwnDevices, ARefusalIsSignedOverExactlyThatRequest) {
  Desk desk;
  const NewDevice tablet;
  *desk.keyserver.waiting.add_waiting() = tablet.Waiting();
  ASSERT_OK_AND_ASSIGN(const WaitingDevice found,
                       desk.devices.Find(tablet.Code(desk.alice.user())));
  ASSERT_OK(desk.devices.Refuse(found));
  ASSERT_EQ(desk.keyserver.decided.size(), 1u);
  const keys::v1::DecideDeviceRequest& sent = desk.keyserver.decided[0];
  ASSERT_OK(desk.alice.self->working_key().public_key().Verify(
      identity::kDeviceDecisionLabel, AsBytes(sent.decision()), AsBytes(sent.signature())));
  ASSERT_OK_AND_ASSIGN(const auto decision,
                       identity::ParseDeviceDecision(AsBytes(sent.decision())));
  EXPECT_EQ(decision.decision, identity::Decision::kRefuse);
  EXPECT_EQ(decision.subject_hash, found.request_hash);
  EXPECT_EQ(decision.user, desk.alice.user());
  EXPECT_EQ(decision.signer_device_id, desk.alice.self->device());
}

TEST(OwnDevices, TheKeyServerLearnsTheInvitationsHashAndNotItsCode) {
  Desk desk;
  ASSERT_OK_AND_ASSIGN(const OwnDevices::Invitation made, desk.devices.Invite(absl::Hours(1)));
  ASSERT_OK_AND_ASSIGN(const identity::Invitation invitation, identity::ParseInvitation(made.text));
  EXPECT_TRUE(invitation.by_device);
  EXPECT_EQ(invitation.root_fingerprint, identity::Hash(Sha256(desk.alice.self->root().der())));
  EXPECT_EQ(desk.keyserver.invited.code_hash(),
            ToString(identity::EnrolmentCodeHash(desk.alice.user(), invitation.code)));
  EXPECT_THAT(desk.devices.Invite(absl::Seconds(1)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("life_out_of_range: ")));
}

}  // namespace
}  // namespace plumbline::client
