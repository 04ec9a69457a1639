// Attended enrolment: what an administrator invited is certified only once a registrar signed for exactly its keys.
#include <gtest/gtest.h>

#include "common/identity/codes.h"
#include "common/identity/device_decision.h"
#include "common/identity/labels.h"
#include "common/identity/record.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

using identity::Action;
using plumbline::testing::StatusIs;
using ::testing::StartsWith;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr auto kNotFound = absl::StatusCode::kNotFound;

absl::Status Ask(World& world, const Applicant& applicant, const std::string& code, absl::string_view user = kAlice) {
  keys::v1::AskResponse response;
  return world.joins().Ask(Application(applicant, user, code), response);
}

absl::Status EnrolAtOnce(World& world, const std::string& code) {
  keys::v1::EnrolResponse response;
  return world.enrolment().Enrol(Application(Applicant(), kAlice, code), response);
}

absl::StatusOr<keys::v1::CollectResponse> Collect(World& world, const identity::Hash& hash) {
  keys::v1::CollectRequest request;
  request.set_request_hash(ToString(hash));
  keys::v1::CollectResponse response;
  RETURN_IF_ERROR(world.joins().Collect(request, response));
  return response;
}

// What the device's screen and the registrar's tool compute, each from the keys it has.
identity::Hash HashOfKeys(const keys::v1::EnrolRequest& request) {
  return HashOf(identity::JoinRequest{request.user(), Sha256(crypto::CertificateRequest::Parse(AsBytes(request.tls_csr()))->spki()),
                                      *identity::ToFixed<32>(AsBytes(request.working_public_key())),
                                      *identity::ToFixed<32>(AsBytes(request.mls_signature_public_key()))});
}

absl::StatusOr<keys::v1::AccountView> Activate(World& world, absl::string_view user, const identity::Hash& hash) {
  return world.Change(Action::kActivateDevice, user, Encode(identity::ActivateDeviceParameters{hash}));
}

std::string InviteFromDevice(World& world, TestDevice& device) {
  const std::string code = identity::GenerateCode();
  keys::v1::InviteDeviceRequest body;
  body.set_code_public_key(ToString(identity::EnrolmentCodeKey(kAlice, code).public_key().view()));
  body.set_life_seconds(600);
  keys::v1::InviteDeviceResponse response;
  EXPECT_OK(world.joins().InviteDevice(&device.tls, world.Sign(device, "InviteDevice", body), response));
  return code;
}

// A device that has asked with an administrator's invitation.
struct Attended {
  World world;
  Applicant applicant;
  std::string code;
  identity::Hash hash{};
  Attended() {
    world.SetAttended(true);
    code = world.IssueCode(kAlice);
    EXPECT_OK(Ask(world, applicant, code));
    hash = HashOfKeys(world.View(kAlice).waiting(0).request());
  }
};

TEST(AttendedEnrolment, NothingIsCertifiedBeforeTheRegistrarSigned) {
  Attended a;
  ASSERT_OK_AND_ASSIGN(const auto before, Collect(a.world, a.hash));
  EXPECT_FALSE(before.has_enrolled());
  EXPECT_TRUE(a.world.accounts().Find(kAlice)->devices.empty());
  const keys::v1::AccountView seen = a.world.View(kAlice);
  ASSERT_EQ(seen.waiting_size(), 1);
  EXPECT_EQ(seen.waiting(0).request().code_public_key() + seen.waiting(0).request().code_proof(), "");
  EXPECT_EQ(a.hash, HashOfKeys(Application(a.applicant, kAlice, a.code)));
  ASSERT_OK_AND_ASSIGN(const auto view, Activate(a.world, kAlice, a.hash));
  EXPECT_EQ(view.devices_size(), 1);
  EXPECT_EQ(view.waiting_size(), 0);
  a.world.Restart();
  ASSERT_OK_AND_ASSIGN(const auto answer, Collect(a.world, a.hash));
  ASSERT_TRUE(answer.has_enrolled());
  TestDevice device = Joined(std::move(a.applicant), answer.enrolled());
  keys::v1::GetOwnAccountResponse own;
  ASSERT_OK(a.world.devices().GetOwnAccount(&device.tls, a.world.Sign(device, "GetOwnAccount", keys::v1::GetOwnAccountRequest()), own));
  ASSERT_OK_AND_ASSIGN(const auto record, identity::ParseDirectoryRecord(AsBytes(own.record().record())));
  const audit::Record event = a.world.LastEvent("device.enrolled");
  EXPECT_EQ(event.subject, identity::DeviceUri({kDomain, device.id}).ToString());
  EXPECT_EQ(event.details.at("request"), ToHex(a.hash));
  EXPECT_EQ(event.details.at("intent"), ToHex(record.cause)) << "the record names the intent as its cause";
}

TEST(AttendedEnrolment, NoDeviceJoinsByItselfUnderThePolicy) {
  World world;
  const std::string before = world.IssueCode(kAlice);  // from the time before the policy
  world.SetAttended(true);
  EXPECT_THAT(EnrolAtOnce(world, before), StatusIs(kPrecondition, StartsWith("registrar_needed: ")));
  const std::string code = world.IssueCode(kAlice);
  for (int i = 0; i < 9; ++i) EXPECT_THAT(EnrolAtOnce(world, code), StatusIs(kPrecondition, StartsWith("registrar_needed: ")));
  EXPECT_EQ(world.LastEvent("enrolment.refused").reason, "registrar_needed");
  world.SetAttended(false);
  EXPECT_THAT(EnrolAtOnce(world, before), StatusIs(kUnauthenticated)) << "void since the newer one";
  EXPECT_THAT(EnrolAtOnce(world, code), StatusIs(kUnauthenticated)) << "it lets a device ask, and no more";
  EXPECT_OK(Ask(world, Applicant(), code));
}

TEST(AttendedEnrolment, ACodeIssuedAfterThePolicyEndedVoidsTheAttendedOne) {
  Attended a;
  const std::string attended = a.world.IssueCode(kAlice);
  a.world.SetAttended(false);
  const std::string plain = a.world.IssueCode(kAlice);
  EXPECT_THAT(Ask(a.world, Applicant(), attended), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
  EXPECT_OK(EnrolAtOnce(a.world, plain));
}

// Other keys than those whose code was compared: another request of the same person, another person's, nobody's.
TEST(AttendedEnrolment, OnlyTheKeysThatWereComparedAreActivated) {
  Attended a;
  const auto unknown = StatusIs(kNotFound, StartsWith("join_unknown: "));
  EXPECT_THAT(Activate(a.world, kAlice, identity::Hash{7}), unknown);
  identity::Hash near = a.hash;
  near[31] ^= 1;
  EXPECT_THAT(Activate(a.world, kAlice, near), unknown);
  const std::string for_bob = a.world.IssueCode(kBob);
  EXPECT_THAT(Activate(a.world, kBob, a.hash), unknown);
  const Applicant other;
  ASSERT_OK(Ask(a.world, other, for_bob, kBob));
  EXPECT_THAT(Activate(a.world, kAlice, HashOfKeys(Application(other, kBob, for_bob))), unknown);
  EXPECT_TRUE(a.world.accounts().Find(kAlice)->devices.empty());
  EXPECT_TRUE(a.world.accounts().Find(kBob)->devices.empty());
}

TEST(AttendedEnrolment, OnceAndInTime) {
  Attended a;
  ASSERT_OK(Activate(a.world, kAlice, a.hash));
  EXPECT_THAT(Activate(a.world, kAlice, a.hash), StatusIs(kPrecondition, StartsWith("join_decided: ")));
  EXPECT_THAT(Ask(a.world, Applicant(), a.code), StatusIs(kUnauthenticated, StartsWith("code_used: ")));
  Attended late;
  late.world.clock().Advance(kJoinWait);
  EXPECT_THAT(Activate(late.world, kAlice, late.hash), StatusIs(kPrecondition, StartsWith("join_expired: ")));
  EXPECT_THAT(Collect(late.world, late.hash), StatusIs(kPrecondition, StartsWith("join_expired: ")));
  EXPECT_EQ(late.world.View(kAlice).waiting_size(), 0);
}

// The person's own devices see what waits and may refuse it; activating it is the registrar's. And a registrar has no say in what
// a person's device invited.
TEST(AttendedEnrolment, TheTwoKindsOfApprovalAreNotMixedUp) {
  Attended a;
  ASSERT_OK(Activate(a.world, kAlice, a.hash));
  TestDevice first = Joined(std::move(a.applicant), Collect(a.world, a.hash)->enrolled());
  const Applicant second;
  const std::string code = a.world.IssueCode(kAlice);
  ASSERT_OK(Ask(a.world, second, code));
  const auto decide = [&](identity::Decision what) {
    keys::v1::ListJoinRequestsResponse list;
    EXPECT_OK(a.world.joins().ListJoinRequests(&first.tls, a.world.Sign(first, "ListJoinRequests", keys::v1::ListJoinRequestsRequest()), list));
    identity::DeviceDecision decision;
    decision.decision = what;
    decision.user = kAlice;
    decision.device_id = *identity::ToFixed<16>(AsBytes(list.waiting(0).device_id()));
    decision.subject_hash = HashOfKeys(list.waiting(0).request());
    if (what == identity::Decision::kApprove) decision.label = list.waiting(0).request().device_label();
    decision.signer_device_id = first.id;
    decision.time_unix = static_cast<uint64_t>(absl::ToUnixSeconds(a.world.clock().Now()));
    keys::v1::DecideDeviceRequest body;
    body.set_decision(ToString(Encode(decision)));
    body.set_signature(ToString(first.keys.working_key.Sign(identity::kDeviceDecisionLabel, Encode(decision))));
    keys::v1::DecideDeviceResponse response;
    return a.world.joins().DecideDevice(&first.tls, a.world.Sign(first, "DecideDevice", body), response);
  };
  EXPECT_THAT(decide(identity::Decision::kApprove), StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("registrar_needed: ")));
  EXPECT_OK(decide(identity::Decision::kRefuse));
  EXPECT_THAT(Activate(a.world, kAlice, HashOfKeys(Application(second, kAlice, code))), StatusIs(kPrecondition, StartsWith("join_decided: ")));
  const Applicant third;
  const std::string own = InviteFromDevice(a.world, first);
  ASSERT_OK(Ask(a.world, third, own));
  EXPECT_THAT(Activate(a.world, kAlice, HashOfKeys(Application(third, kAlice, own))), StatusIs(kNotFound, StartsWith("join_unknown: ")));
  EXPECT_EQ(a.world.View(kAlice).waiting_size(), 0);
}

TEST(AttendedEnrolment, WhatWaitsIsGoneWithTheAccount) {
  Attended a;
  const std::string open = a.world.IssueCode(kAlice);
  a.world.Suspend(kAlice);
  EXPECT_THAT(Activate(a.world, kAlice, a.hash), StatusIs(kPrecondition, StartsWith("account_suspended: ")));
  ASSERT_OK(a.world.Change(Action::kReactivateAccount, kAlice));
  EXPECT_THAT(Activate(a.world, kAlice, a.hash), StatusIs(kNotFound, StartsWith("join_unknown: ")));
  EXPECT_THAT(Ask(a.world, Applicant(), open), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
  ASSERT_OK(a.world.Change(Action::kRemoveAccount, kAlice));
  EXPECT_THAT(Activate(a.world, kAlice, a.hash), StatusIs(kPrecondition, StartsWith("account_removed: ")));
}

TEST(AttendedEnrolment, WrongCodesCostAttemptsHereToo) {
  World world;
  world.SetAttended(true);
  const std::string code = world.IssueCode(kAlice);
  std::string wrong = code;
  wrong[0] = wrong[0] == 'A' ? 'B' : 'A';
  for (int i = 0; i < 5; ++i) EXPECT_THAT(Ask(world, Applicant(), wrong), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
  EXPECT_THAT(Ask(world, Applicant(), code), StatusIs(kUnauthenticated, StartsWith("code_exhausted: ")));
}

}  // namespace
}  // namespace plumbline::keyserver
