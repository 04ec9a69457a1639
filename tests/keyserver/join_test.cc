// A device that another one invites, approves, refuses, removes.
#include <gtest/gtest.h>

#include "common/identity/codes.h"
#include "common/identity/device_decision.h"
#include "common/identity/labels.h"
#include "common/identity/record.h"
#include "tests/common/codes.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

using identity::Decision;
using ::testing::StartsWith;
using testing::StatusIs;
constexpr auto kDenied = absl::StatusCode::kPermissionDenied;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;

std::string Invite(World& world, TestDevice& device, uint32_t life = 600) {
  const std::string code = identity::GenerateCode();
  keys::v1::InviteDeviceRequest body;
  body.set_code_public_key(ToString(identity::EnrolmentCodeKey(kAlice, code).public_key().view()));
  body.set_life_seconds(life);
  keys::v1::InviteDeviceResponse response;
  EXPECT_OK(
      world.joins().InviteDevice(&device.tls, world.Sign(device, "InviteDevice", body), response));
  return code;
}

absl::Status Ask(World& world, const Applicant& applicant, const std::string& code,
                 absl::string_view user = kAlice) {
  keys::v1::AskResponse response;
  return world.joins().Ask(Application(applicant, user, code), response);
}

std::vector<keys::v1::WaitingDevice> Waiting(World& world, TestDevice& device) {
  keys::v1::ListJoinRequestsResponse response;
  EXPECT_OK(world.joins().ListJoinRequests(
      &device.tls, world.Sign(device, "ListJoinRequests", keys::v1::ListJoinRequestsRequest()),
      response));
  return {response.waiting().begin(), response.waiting().end()};
}

identity::JoinRequest RequestOf(const keys::v1::EnrolRequest& request) {
  return {request.user(),
          Sha256(crypto::CertificateRequest::Parse(AsBytes(request.tls_csr()))->spki()),
          *identity::ToFixed<32>(AsBytes(request.working_public_key())),
          *identity::ToFixed<32>(AsBytes(request.mls_signature_public_key()))};
}

identity::DeviceDecision About(World& world, const keys::v1::WaitingDevice& waiting,
                               const TestDevice& signer, Decision what = Decision::kApprove) {
  identity::DeviceDecision out;
  out.decision = what;
  out.user = kAlice;
  out.device_id = *identity::ToFixed<16>(AsBytes(waiting.device_id()));
  out.subject_hash = HashOf(RequestOf(waiting.request()));
  if (what == Decision::kApprove) out.label = waiting.request().device_label();
  out.signer_device_id = signer.id;
  out.time_unix = static_cast<uint64_t>(absl::ToUnixSeconds(world.clock().Now()));
  return out;
}

absl::StatusOr<keys::v1::DecideDeviceResponse> Decide(World& world, TestDevice& signer,
                                                      const identity::DeviceDecision& decision,
                                                      const crypto::Ed25519KeyPair* key = nullptr) {
  keys::v1::DecideDeviceRequest body;
  const Bytes wire = Encode(decision);
  body.set_decision(ToString(wire));
  body.set_signature(ToString((key != nullptr ? *key : signer.keys.working_key)
                                  .Sign(identity::kDeviceDecisionLabel, wire)));
  keys::v1::DecideDeviceResponse response;
  RETURN_IF_ERROR(
      world.joins().DecideDevice(&signer.tls, world.Sign(signer, "DecideDevice", body), response));
  return response;
}

absl::StatusOr<keys::v1::CollectResponse> Collect(World& world, const identity::Hash& hash) {
  keys::v1::CollectRequest request;
  request.set_request_hash(ToString(hash));
  keys::v1::CollectResponse response;
  RETURN_IF_ERROR(world.joins().Collect(request, response));
  return response;
}

// Alice with one device, and another one that has asked.
struct Asked {
  Asked() {
    EXPECT_OK(Ask(world, applicant, Invite(world, first)));
    waiting = Waiting(world, first).at(0);
    hash = HashOf(RequestOf(waiting.request()));
  }
  World world;
  TestDevice first = world.Enrol(kAlice);
  Applicant applicant;
  keys::v1::WaitingDevice waiting;
  identity::Hash hash{};
};

TEST(Join, IsNotEnrolledBeforeADeviceApproves) {
  Asked a;
  ASSERT_OK_AND_ASSIGN(const auto answer, Collect(a.world, a.hash));
  EXPECT_FALSE(answer.has_enrolled());
  EXPECT_EQ(a.world.accounts().Find(kAlice)->devices.size(), 1u);
  EXPECT_EQ(a.waiting.request().code_public_key() + a.waiting.request().code_proof(), "");
  EXPECT_EQ(a.waiting.invited_by(), ToString(a.first.id));
}

TEST(Join, AnApprovedDeviceIsEnrolledAndTheRecordNamesTheApprovalAsItsCause) {
  Asked a;
  const identity::DeviceDecision decision = About(a.world, a.waiting, a.first);
  ASSERT_OK(Decide(a.world, a.first, decision));
  a.world.Restart();
  ASSERT_OK_AND_ASSIGN(const auto answer, Collect(a.world, a.hash));
  ASSERT_TRUE(answer.has_enrolled());
  TestDevice second = Joined(std::move(a.applicant), answer.enrolled());
  EXPECT_EQ(second.id, decision.device_id);
  keys::v1::GetOwnAccountResponse own;
  ASSERT_OK(a.world.devices().GetOwnAccount(
      &second.tls, a.world.Sign(second, "GetOwnAccount", keys::v1::GetOwnAccountRequest()), own));
  ASSERT_OK_AND_ASSIGN(const auto record,
                       identity::ParseDirectoryRecord(AsBytes(own.record().record())));
  EXPECT_EQ(record.devices.size(), 2u);
  EXPECT_EQ(record.cause, identity::Hash(Sha256(Encode(decision))));
  EXPECT_EQ(a.world.LastEvent("device.approved").details["decision"], ToHex(record.cause));
}

TEST(Join, AskingAgainWithTheSameKeysIsTheSameRequest) {
  World world;
  TestDevice first = world.Enrol(kAlice);
  const Applicant applicant;
  const std::string code = Invite(world, first);
  ASSERT_OK(Ask(world, applicant, code));
  ASSERT_OK(Ask(world, applicant, code));
  EXPECT_EQ(Waiting(world, first).size(), 1u);
  EXPECT_THAT(Ask(world, Applicant(), code), StatusIs(kUnauthenticated, StartsWith("code_used: ")));
}

TEST(Join, AWrongCodeIsRefusedAndCostsAnAttempt) {
  World world;
  TestDevice first = world.Enrol(kAlice);
  const std::string code = Invite(world, first);
  const Applicant applicant;
  for (uint32_t i = 0; i < world.organisation().limits().code_attempts; ++i) {
    EXPECT_THAT(Ask(world, applicant, "0000-0000-0000-0000"),
                StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
  }
  EXPECT_THAT(Ask(world, applicant, code),
              StatusIs(kUnauthenticated, StartsWith("code_exhausted: ")));
}

TEST(Join, AnInvitationEndsAndIsReplacedByTheNext) {
  World world;
  TestDevice first = world.Enrol(kAlice);
  const std::string old = Invite(world, first), next = Invite(world, first);
  EXPECT_THAT(Ask(world, Applicant(), old), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
  world.clock().Advance(absl::Seconds(600));
  EXPECT_THAT(Ask(world, Applicant(), next),
              StatusIs(kUnauthenticated, StartsWith("code_expired: ")));
}

// A code that a device made is not one for enrolling without approval, and the other way round.
TEST(Join, TheTwoKindsOfInvitationAreNotMixedUp) {
  World world;
  TestDevice first = world.Enrol(kAlice);
  keys::v1::EnrolResponse enrolled;
  EXPECT_THAT(
      world.enrolment().Enrol(Application(Applicant(), kAlice, Invite(world, first)), enrolled),
      StatusIs(kUnauthenticated));
  EXPECT_THAT(Ask(world, Applicant(), world.IssueCode(kAlice)), StatusIs(kUnauthenticated));
}

TEST(Join, ApprovingTwiceIsRefused) {
  Asked a;
  const identity::DeviceDecision decision = About(a.world, a.waiting, a.first);
  ASSERT_OK(Decide(a.world, a.first, decision));
  EXPECT_THAT(Decide(a.world, a.first, decision),
              StatusIs(kPrecondition, StartsWith("join_decided: ")));
  identity::DeviceDecision later = decision;
  ++later.time_unix;
  EXPECT_THAT(Decide(a.world, a.first, later),
              StatusIs(kPrecondition, StartsWith("join_decided: ")));
  EXPECT_EQ(a.world.accounts().Find(kAlice)->devices.size(), 2u);
}

TEST(Join, ARefusedDeviceLearnsSoAndIsNotApprovedAfterwards) {
  Asked a;
  ASSERT_OK(Decide(a.world, a.first, About(a.world, a.waiting, a.first, Decision::kRefuse)));
  EXPECT_THAT(Collect(a.world, a.hash), StatusIs(kPrecondition, StartsWith("join_refused: ")));
  EXPECT_THAT(Decide(a.world, a.first, About(a.world, a.waiting, a.first)),
              StatusIs(kPrecondition, StartsWith("join_decided: ")));
  EXPECT_TRUE(Waiting(a.world, a.first).empty());
}

TEST(Join, ARequestWaitsHalfAnHourAndNoLonger) {
  Asked a;
  a.world.clock().Advance(kJoinWait);
  EXPECT_THAT(Collect(a.world, a.hash), StatusIs(kPrecondition, StartsWith("join_expired: ")));
  EXPECT_THAT(Decide(a.world, a.first, About(a.world, a.waiting, a.first)),
              StatusIs(kPrecondition, StartsWith("join_expired: ")));
  a.world.clock().Advance(absl::Hours(25));
  ASSERT_OK(a.world.ledger().Sweep(a.world.clock().Now()));
  EXPECT_THAT(Collect(a.world, a.hash),
              StatusIs(absl::StatusCode::kNotFound, StartsWith("join_unknown: ")));
}

TEST(Join, NobodyElseDecides) {
  Asked a;
  TestDevice bob = a.world.Enrol(kBob);
  EXPECT_TRUE(Waiting(a.world, bob).empty());
  // In Alice's name, by Bob's device; in Bob's own name about Alice's request.
  EXPECT_THAT(Decide(a.world, bob, About(a.world, a.waiting, bob)),
              StatusIs(kDenied, StartsWith("decision_invalid: ")));
  identity::DeviceDecision own = About(a.world, a.waiting, bob);
  own.user = kBob;
  EXPECT_THAT(Decide(a.world, bob, own),
              StatusIs(absl::StatusCode::kNotFound, StartsWith("join_unknown: ")));
  EXPECT_EQ(a.world.accounts().Find(kAlice)->devices.size(), 1u);
}

TEST(Join, ADecisionCountsOnlyAsItWasSigned) {
  Asked a;
  const identity::DeviceDecision good = About(a.world, a.waiting, a.first);
  const auto invalid = StatusIs(kDenied, StartsWith("decision_invalid: "));
  EXPECT_THAT(Decide(a.world, a.first, good, &a.first.keys.mls_key), invalid);
  identity::DeviceDecision label = good;
  label.label = "another";
  EXPECT_THAT(Decide(a.world, a.first, label), invalid);
  identity::DeviceDecision old = good;
  old.time_unix -= 3600;
  EXPECT_THAT(Decide(a.world, a.first, old), invalid);
  identity::DeviceDecision early = good;
  early.time_unix += 3600;
  EXPECT_THAT(Decide(a.world, a.first, early), invalid);
  identity::DeviceDecision never = good;
  never.time_unix = UINT64_MAX;
  EXPECT_THAT(Decide(a.world, a.first, never), invalid);
  identity::DeviceDecision other = good;
  other.device_id.fill(9);
  EXPECT_THAT(Decide(a.world, a.first, other),
              StatusIs(absl::StatusCode::kNotFound, StartsWith("join_unknown: ")));
  identity::DeviceDecision keys = good;
  keys.subject_hash.fill(9);
  EXPECT_THAT(Decide(a.world, a.first, keys),
              StatusIs(absl::StatusCode::kNotFound, StartsWith("join_unknown: ")));
}

TEST(Join, ADeviceRemovesAnotherAndNotItself) {
  Asked a;
  ASSERT_OK(Decide(a.world, a.first, About(a.world, a.waiting, a.first)));
  TestDevice second = Joined(std::move(a.applicant), Collect(a.world, a.hash)->enrolled());
  identity::DeviceDecision removal;
  removal.decision = Decision::kRemove;
  removal.user = kAlice;
  removal.device_id = a.first.id;
  removal.signer_device_id = second.id;
  removal.subject_hash = Sha256(a.world.accounts().Find(kAlice)->record.bytes);
  removal.time_unix = static_cast<uint64_t>(absl::ToUnixSeconds(a.world.clock().Now()));
  identity::DeviceDecision stale = removal;
  stale.subject_hash.fill(1);
  EXPECT_THAT(Decide(a.world, second, stale),
              StatusIs(absl::StatusCode::kAborted, StartsWith("state_changed: ")));
  ASSERT_OK(Decide(a.world, second, removal));
  keys::v1::OpenChannelResponse channel;
  EXPECT_THAT(a.world.devices().OpenChannel(&a.first.tls, channel),
              StatusIs(kDenied, StartsWith("device_revoked: ")));
  EXPECT_EQ(a.world.LastEvent("device.revoked").actor,
            identity::DeviceUri({kDomain, second.id}).ToString());
}

TEST(Join, AnInvitationHasAKeyAndLivesAMinuteToADay) {
  World world;
  TestDevice first = world.Enrol(kAlice);
  const auto invite = [&](uint32_t life, const std::string& key) {
    keys::v1::InviteDeviceRequest body;
    body.set_code_public_key(key);
    body.set_life_seconds(life);
    keys::v1::InviteDeviceResponse response;
    return world.joins().InviteDevice(&first.tls, world.Sign(first, "InviteDevice", body), response);
  };
  const std::string key = ToString(testing::CodeKey(kAlice, identity::GenerateCode()));
  EXPECT_OK(invite(60, key));
  EXPECT_OK(invite(86400, key));
  const auto malformed = StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("request_malformed: "));
  EXPECT_THAT(invite(59, key), malformed);
  EXPECT_THAT(invite(86401, key), malformed);
  EXPECT_THAT(invite(600, key.substr(1)), malformed);
  EXPECT_THAT(invite(600, std::string(32, '\0')), malformed);
}

TEST(Join, FourDevicesWaitAtMost) {
  World world;
  TestDevice first = world.Enrol(kAlice);
  for (int i = 0; i < 4; ++i) ASSERT_OK(Ask(world, Applicant(), Invite(world, first)));
  const std::string code = Invite(world, first);
  EXPECT_THAT(Ask(world, Applicant(), code),
              StatusIs(absl::StatusCode::kResourceExhausted, StartsWith("too_many_join_requests: ")));
  ASSERT_OK(Decide(world, first, About(world, Waiting(world, first).at(0), first, Decision::kRefuse)));
  EXPECT_OK(Ask(world, Applicant(), code));  // it was not used up by the refusal
}

TEST(Join, AnAccountHasAtMostThirtyTwoDevices) {
  Asked a;  // while there was room
  while (a.world.accounts().Find(kAlice)->devices.size() < 32) a.world.Enrol(kAlice);
  const auto full = StatusIs(absl::StatusCode::kResourceExhausted, StartsWith("too_many_devices: "));
  EXPECT_THAT(Ask(a.world, Applicant(), Invite(a.world, a.first)), full);
  EXPECT_THAT(Decide(a.world, a.first, About(a.world, a.waiting, a.first)), full);
  keys::v1::EnrolResponse response;
  EXPECT_THAT(a.world.enrolment().Enrol(Application(Applicant(), kAlice, a.world.IssueCode(kAlice)), response), full);
}

TEST(Join, ADeviceThatWasApprovedAndRemovedAgainLearnsSo) {
  Asked a;
  ASSERT_OK(Decide(a.world, a.first, About(a.world, a.waiting, a.first)));
  const auto id = *identity::ToFixed<16>(AsBytes(a.waiting.device_id()));
  ASSERT_OK(a.world.Change(identity::Action::kRevokeDevice, kAlice, Encode(identity::RevokeDeviceParameters{id})));
  EXPECT_THAT(Collect(a.world, a.hash), StatusIs(kPrecondition, StartsWith("device_revoked: ")));
  keys::v1::CollectRequest request;
  request.set_request_hash("short");
  keys::v1::CollectResponse response;
  EXPECT_THAT(a.world.joins().Collect(request, response),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("request_malformed: ")));
}

TEST(Join, WhatADeviceInvitedDiesWithIt) {
  Asked a;
  TestDevice second = a.world.Enrol(kAlice);
  const std::string code = Invite(a.world, a.first);
  ASSERT_OK(a.world.Change(identity::Action::kRevokeDevice, kAlice,
                           Encode(identity::RevokeDeviceParameters{a.first.id})));
  EXPECT_THAT(Ask(a.world, Applicant(), code), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
  EXPECT_THAT(Collect(a.world, a.hash), StatusIs(absl::StatusCode::kNotFound, StartsWith("join_unknown: ")));
  EXPECT_TRUE(Waiting(a.world, second).empty());
}

TEST(Join, AnInvitationDiesWithASuspension) {
  World world;
  TestDevice first = world.Enrol(kAlice);
  const std::string code = Invite(world, first);
  world.Suspend(kAlice);
  ASSERT_OK(world.Change(identity::Action::kReactivateAccount, kAlice));
  EXPECT_THAT(Ask(world, Applicant(), code), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
  EXPECT_OK(Ask(world, Applicant(), Invite(world, first)));
}

// What the waiting device asked for, and a decision about it, are in the record before they hold.
TEST(Join, EachStepIsInTheRecord) {
  Asked a;
  const std::string first = identity::DeviceUri({kDomain, a.first.id}).ToString();
  const std::string asking =
      identity::DeviceUri({kDomain, *identity::ToFixed<16>(AsBytes(a.waiting.device_id()))}).ToString();
  EXPECT_EQ(a.world.LastEvent("device.invited").actor, first);
  EXPECT_EQ(a.world.LastEvent("device.asked").subject, asking);
  EXPECT_EQ(a.world.LastEvent("device.asked").details["invited_by"], ToHex(a.first.id));
  ASSERT_OK(Decide(a.world, a.first, About(a.world, a.waiting, a.first, Decision::kRefuse)));
  EXPECT_EQ(a.world.LastEvent("device.declined").actor, first);
  EXPECT_EQ(a.world.LastEvent("device.declined").subject, asking);
  EXPECT_FALSE(Ask(a.world, Applicant(), "0000-0000-0000-0000").ok());
  EXPECT_EQ(a.world.LastEvent("enrolment.refused").reason, "code_wrong");
  EXPECT_EQ(a.world.LastEvent("enrolment.refused").subject, kAlice);
}

TEST(Join, NobodyJoinsAnAccountThatWasSuspendedMeanwhile) {
  Asked a;
  a.world.Suspend(kAlice);
  EXPECT_THAT(Collect(a.world, a.hash),
              StatusIs(absl::StatusCode::kNotFound, StartsWith("join_unknown: ")));
  keys::v1::OpenChannelResponse channel;
  EXPECT_THAT(a.world.devices().OpenChannel(&a.first.tls, channel),
              StatusIs(kDenied, StartsWith("account_suspended: ")));
}

}  // namespace
}  // namespace plumbline::keyserver
