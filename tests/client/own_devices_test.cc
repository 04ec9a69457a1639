// What a device believes about one that asks to join: its keys, and nothing that the key server
// says about them.
#include "client/own_devices.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "common/crypto/p256.h"
#include "common/identity/codes.h"
#include "common/identity/invitation.h"
#include "common/identity/labels.h"
#include "tests/client/people.h"
#include "tests/client/test_directory.h"
#include "tests/common/codes.h"
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
  explicit KeyServer(TestDirectory& d) : directory(d) {}
  absl::StatusOr<keys::v1::ReadLogResponse> ReadLog(const keys::v1::ReadLogRequest& request) override {
    return directory.ReadLog(request);
  }
  absl::StatusOr<keys::v1::GetOwnAccountResponse> GetOwnAccount() override {
    directory.Offer(account.record());
    return directory.Own("mimi://example.org/u/alice");
  }
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
    return answer;
  }
  TestDirectory& directory;
  keys::v1::DecideDeviceResponse answer;
  keys::v1::GetOwnAccountResponse account;
  keys::v1::InviteDeviceRequest invited;
  keys::v1::ListJoinRequestsResponse waiting;
  std::vector<keys::v1::DecideDeviceRequest> decided;
};

struct Desk {
  FixedClock clock{absl::FromUnixSeconds(1'790'000'000)};
  testing::TestOrganisation organisation{clock.Now()};
  Device alice{organisation, "alice", clock};
  TestDirectory directory{organisation, clock};
  KeyServer keyserver{directory};
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

// Attended enrolment: what waits for a registrar says so.
TEST(OwnDevices, OneThatAnAdministratorInvitedIsTold) {
  Desk desk;
  keys::v1::WaitingDevice waiting = NewDevice().Waiting();
  waiting.set_invited_by(ToString(identity::DeviceId{}));
  *desk.keyserver.waiting.add_waiting() = waiting;
  ASSERT_OK_AND_ASSIGN(const std::vector<WaitingDevice> listed, desk.devices.Waiting());
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_THAT(listed[0].invited_by, HasSubstr("an administrator"));
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
  EXPECT_EQ(desk.keyserver.invited.code_public_key(),
            ToString(testing::CodeKey(desk.alice.user(), invitation.code)));
  EXPECT_THAT(desk.devices.Invite(absl::Seconds(1)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("life_out_of_range: ")));
}

// A person of several devices, as the directory lists them.
struct Several : Desk {
  Device tablet{organisation, "alice", clock}, phone{organisation, "alice", clock};

  keys::v1::SignedRecord List(uint64_t version, const std::vector<Device*>& listed,
                              const std::string& previous = "") const {
    identity::DirectoryRecord record;
    record.user = alice.user();
    record.display_name = "Alice";
    record.version = version;
    if (version > 1) record.previous_hash = Sha256(AsBytes(previous));
    std::map<identity::DeviceId, std::string> credentials;
    for (Device* each : listed) {
      identity::RecordDevice device;
      device.device_id = each->self->device();
      device.label = each == &alice ? "laptop" : "tablet";
      device.mls_signature_public_key = *identity::ToFixed<32>(each->self->mls_public_key());
      device.credential_hash = Sha256(each->self->account().mls_certificate);
      record.devices.push_back(device);
      credentials[device.device_id] = ToString(each->self->account().mls_certificate);
    }
    std::sort(record.devices.begin(), record.devices.end(),
              [](const auto& a, const auto& b) { return a.device_id < b.device_id; });
    keys::v1::SignedRecord out;
    out.set_record(ToString(identity::Encode(record)));
    out.set_signature(ToString(
        alice.self->working_key().Sign(identity::kDirectoryRecordLabel, AsBytes(out.record()))));
    for (const auto& [id, credential] : credentials) out.add_credentials(credential);
    return out;
  }
  // The directory as it is now, and as it will be after the next decision.
  void Now(const std::vector<Device*>& now, const std::vector<Device*>& then) {
    *keyserver.account.mutable_record() = List(1, now);
    *keyserver.answer.mutable_record() = List(2, then, keyserver.account.record().record());
  }
  WaitingDevice Asking(const Device& device) const {
    WaitingDevice out;
    out.device_id = device.self->device();
    out.request_hash.fill(7);
    out.label = "tablet";
    return out;
  }
  identity::DeviceDecision Decided() const {
    const keys::v1::DecideDeviceRequest& sent = keyserver.decided.at(0);
    EXPECT_OK(alice.self->working_key().public_key().Verify(
        identity::kDeviceDecisionLabel, AsBytes(sent.decision()), AsBytes(sent.signature())));
    return *identity::ParseDeviceDecision(AsBytes(sent.decision()));
  }
  Contact Own() { return **alice.stores->contacts.Find(alice.user()); }
  void Compare() {  // as after comparing codes with the other devices
    Change change = *alice.stores->store.Begin();
    const identity::Hash compared = DevicesHash(Own().parsed);
    ASSERT_OK(alice.stores->contacts.SetVerified(change, alice.user(), ToBytes(compared)));
    ASSERT_OK(change.Commit());
  }
};

TEST(OwnDevices, AnApprovalIsSignedOverWhatWasShownAndMakesTheDeviceKnown) {
  Several s;
  s.Now({&s.alice}, {&s.alice, &s.tablet});
  ASSERT_OK(s.devices.Approve(s.Asking(s.tablet)));
  const identity::DeviceDecision decision = s.Decided();
  EXPECT_EQ(decision.decision, identity::Decision::kApprove);
  EXPECT_EQ(decision.user, s.alice.user());
  EXPECT_EQ(decision.device_id, s.tablet.self->device());
  EXPECT_EQ(decision.subject_hash, s.Asking(s.tablet).request_hash);
  EXPECT_EQ(decision.label, "tablet");
  EXPECT_EQ(decision.signer_device_id, s.alice.self->device());
  EXPECT_EQ(decision.time_unix, 1'790'000'000u);
  EXPECT_EQ(Directory::StateOf(s.Own()), Verification::kVerified);
  EXPECT_TRUE(Equal(s.Own().shown_devices, DevicesHash(s.Own().parsed)));
  EXPECT_THAT(s.alice.Texts(EntryKind::kNotice), ::testing::IsEmpty());
}

// One device that nobody looked at stays one, whatever is approved beside it.
TEST(OwnDevices, AnApprovalVouchesForNoOtherDevice) {
  Several s;
  s.Now({&s.alice, &s.phone}, {&s.alice, &s.phone, &s.tablet});
  ASSERT_OK(s.devices.Approve(s.Asking(s.tablet)));
  EXPECT_NE(Directory::StateOf(s.Own()), Verification::kVerified);
  Several compared;
  compared.Now({&compared.alice, &compared.phone},
               {&compared.alice, &compared.phone, &compared.tablet});
  ASSERT_OK(compared.devices.List());
  compared.Compare();
  ASSERT_OK(compared.devices.Approve(compared.Asking(compared.tablet)));
  EXPECT_EQ(Directory::StateOf(compared.Own()), Verification::kVerified);
}

// The key server takes the occasion to add one more.
TEST(OwnDevices, ADeviceThatComesInBesideTheApprovedOneIsANotice) {
  Several s;
  s.Now({&s.alice}, {&s.alice, &s.tablet, &s.phone});
  ASSERT_OK(s.devices.Approve(s.Asking(s.tablet)));
  EXPECT_THAT(s.alice.Texts(EntryKind::kNotice), ::testing::ElementsAre("own_device_added"));
}

TEST(OwnDevices, OthersAreVerifiedOnceTheyWereCompared) {
  Several s;
  s.Now({&s.alice, &s.tablet}, {});
  const auto verified = [&] {
    std::map<bool, bool> out;  // of this one, and of the other
    const auto devices = s.devices.List();
    EXPECT_OK(devices);
    for (const OwnDevice& each : *devices) out[each.is_this] = each.verified;
    return out;
  };
  EXPECT_EQ(verified(), (std::map<bool, bool>{{true, true}, {false, false}}));
  s.Compare();
  EXPECT_EQ(verified(), (std::map<bool, bool>{{true, true}, {false, true}}));
}

TEST(OwnDevices, OneIsFoundByTheBeginningOfItsIdThatIsItsAlone) {
  Several s;
  s.Now({&s.alice, &s.tablet}, {});
  const std::string id = ToHex(s.tablet.self->device());
  ASSERT_OK_AND_ASSIGN(const OwnDevice found, s.devices.FindOwn(absl::AsciiStrToUpper(id)));
  EXPECT_EQ(found.device.device_id, s.tablet.self->device());
  const auto unknown = StatusIs(absl::StatusCode::kNotFound, HasSubstr("device_unknown: "));
  EXPECT_THAT(s.devices.FindOwn(""), unknown);
  EXPECT_THAT(s.devices.FindOwn(id + "0"), unknown);
  EXPECT_THAT(s.devices.FindOwn("x"), unknown);
  EXPECT_THAT(s.devices.FindOwn(ToHex(s.alice.self->device())),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("own_device: ")));
  // Seventeen devices share at least one first digit.
  std::vector<std::unique_ptr<Device>> many;
  std::vector<Device*> all;
  std::map<char, int> firsts;
  for (int i = 0; i < 17; ++i) {
    many.push_back(std::make_unique<Device>(s.organisation, "alice", s.clock));
    all.push_back(many.back().get());
    ++firsts[ToHex(all.back()->self->device())[0]];
  }
  *s.keyserver.account.mutable_record() = s.List(2, all, s.keyserver.account.record().record());
  for (const auto& [first, count] : firsts) {
    if (count == 1) continue;
    EXPECT_THAT(s.devices.FindOwn(std::string(1, first)), unknown);
  }
}

TEST(OwnDevices, ARemovalIsBoundToTheListThatWasSeen) {
  Several s;
  s.Now({&s.alice, &s.tablet, &s.phone}, {&s.alice, &s.phone});
  s.keyserver.answer.mutable_revocation()->set_delivery("confirmed");
  ASSERT_OK_AND_ASSIGN(const OwnDevice found, s.devices.FindOwn(ToHex(s.tablet.self->device())));
  ASSERT_OK_AND_ASSIGN(const keys::v1::RevocationView revocation, s.devices.Remove(found));
  EXPECT_EQ(revocation.delivery(), "confirmed");
  const identity::DeviceDecision decision = s.Decided();
  EXPECT_EQ(decision.decision, identity::Decision::kRemove);
  EXPECT_EQ(decision.device_id, s.tablet.self->device());
  EXPECT_EQ(decision.subject_hash,
            identity::Hash(Sha256(AsBytes(s.keyserver.account.record().record()))));
  EXPECT_NE(Directory::StateOf(s.Own()), Verification::kVerified);  // the phone was never looked at
  EXPECT_TRUE(Equal(s.Own().shown_devices, DevicesHash(s.Own().parsed)));
  EXPECT_THAT(s.alice.Texts(EntryKind::kNotice), ::testing::IsEmpty());
}

TEST(OwnDevices, ARemovalKeepsTheMarkOfAComparison) {
  Several s;
  s.Now({&s.alice, &s.tablet, &s.phone}, {&s.alice, &s.phone});
  ASSERT_OK_AND_ASSIGN(const OwnDevice found, s.devices.FindOwn(ToHex(s.tablet.self->device())));
  s.Compare();
  ASSERT_OK(s.devices.Remove(found));
  EXPECT_EQ(Directory::StateOf(s.Own()), Verification::kVerified);
}

TEST(OwnDevices, ACodeThatCannotBeOneIsToldFromOneThatNobodyShows) {
  Desk desk;
  EXPECT_THAT(desk.devices.Find("short"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("code_malformed: ")));
  EXPECT_THAT(desk.devices.Find("ZZZZ-ZZZZ-ZZZZ-ZZZZ"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("join_unknown: ")));
}

TEST(OwnDevices, AnInvitationLivesAMinuteToADay) {
  Desk desk;
  const auto wrong = StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("life_out_of_range: "));
  EXPECT_THAT(desk.devices.Invite(absl::Seconds(59)), wrong);
  EXPECT_OK(desk.devices.Invite(absl::Seconds(60)));
  EXPECT_OK(desk.devices.Invite(absl::Hours(24)));
  EXPECT_THAT(desk.devices.Invite(absl::Hours(24) + absl::Seconds(1)), wrong);
}

}  // namespace
}  // namespace plumbline::client
