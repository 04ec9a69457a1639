// Who leaves: what is dead at the key server at once, and what the delivery server is told.
// tests/e2e/leaver_test.cc has both.
#include <gtest/gtest.h>

#include <deque>

#include "absl/time/clock.h"
#include "common/identity/codes.h"
#include "common/identity/grant.h"
#include "common/identity/labels.h"
#include "common/identity/record.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

using identity::Action;
using ::testing::StartsWith;
using testing::StatusIs;
constexpr auto kDenied = absl::StatusCode::kPermissionDenied;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;

// What a delivery server would have been told. Outlives the sender.
struct Heard {
  Mutex mutex;
  std::vector<identity::Revocation> all ABSL_GUARDED_BY(mutex);
  uint64_t last ABSL_GUARDED_BY(mutex) = 0;
  bool down ABSL_GUARDED_BY(mutex) = false;
  bool signature_bad ABSL_GUARDED_BY(mutex) = false;
  size_t Count() {
    MutexLock lock(mutex);
    return all.size();
  }
  void SetDown(bool value) {
    MutexLock lock(mutex);
    down = value;
  }
  void Forget(uint64_t after) {
    MutexLock lock(mutex);
    last = after;
    all.clear();
  }
};

class FakeSender final : public RevocationSender {
 public:
  FakeSender(Heard& heard, crypto::Ed25519PublicKey key) : heard_(heard), key_(key) {}
  absl::StatusOr<uint64_t> Send(ByteView wire, ByteView signature) override {
    MutexLock lock(heard_.mutex);
    if (heard_.down) return absl::UnavailableError("down");
    heard_.signature_bad |= !key_.Verify(identity::kRevocationLabel, wire, signature).ok();
    ASSIGN_OR_RETURN(const identity::Revocation revocation, identity::ParseRevocation(wire));
    if (revocation.previous > heard_.last) return heard_.last;
    if (revocation.sequence > heard_.last) {
      heard_.all.push_back(revocation);
      heard_.last = revocation.sequence;
    }
    return heard_.last;
  }
  absl::Status SendKeys(ByteView) override { return absl::UnimplementedError("no key was replaced"); }

 private:
  Heard& heard_;
  const crypto::Ed25519PublicKey key_;
};

struct Connected {
  Connected() { Restart(); }
  void Restart() {
    world.Restart(
        std::make_unique<FakeSender>(heard, world.organisation().keys().grants.key.public_key()));
  }
  // Polls: the pusher is a thread.
  bool Eventually(const std::function<bool()>& done) {
    for (const absl::Time end = absl::Now() + absl::Seconds(20); absl::Now() < end;
         absl::SleepFor(absl::Milliseconds(5))) {
      if (done()) return true;
    }
    return false;
  }
  Heard heard;
  World world;
};

std::vector<identity::GrantSerial> DrawGrants(World& world, TestDevice& device, uint32_t count) {
  keys::v1::DrawGrantsRequest body;
  body.set_count(count);
  keys::v1::DrawGrantsResponse response;
  EXPECT_OK(
      world.devices().DrawGrants(&device.tls, world.Sign(device, "DrawGrants", body), response));
  std::vector<identity::GrantSerial> out;
  for (const std::string& grant : response.grants())
    out.push_back(identity::ParseMailboxGrant(AsBytes(grant))->serial);
  std::sort(out.begin(), out.end());
  return out;
}

identity::DirectoryRecord RecordOf(World& world, absl::string_view user) {
  return *identity::ParseDirectoryRecord(world.accounts().Find(user)->record.bytes);
}

TEST(Departure, TheDeliveryServerHearsOfExactlyWhatTheLeaverDrew) {
  Connected c;
  TestDevice alice = c.world.Enrol(kAlice), bob = c.world.Enrol(kBob);
  const auto serials = DrawGrants(c.world, alice, 3);
  DrawGrants(c.world, bob, 2);
  ASSERT_OK_AND_ASSIGN(const auto view, c.world.Change(Action::kSuspendAccount, kAlice));
  EXPECT_EQ(view.revocation().delivery(), "confirmed");
  EXPECT_EQ(view.revocation().confirmed(), 1u);
  ASSERT_EQ(c.heard.Count(), 1u);
  MutexLock lock(c.heard.mutex);
  EXPECT_FALSE(c.heard.signature_bad);
  const identity::RevokedItems& items = c.heard.all[0].items;
  ASSERT_EQ(items.grants.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(items.grants[i].serial, serials[i]);
  EXPECT_TRUE(items.token_keys.empty());
}

// Whose tokens they are nobody knows: those that a leaver drew count until their key ends, or the epoch is ended for everybody.
TEST(Departure, EndsWhatWasDrawnBeforeOnlyWithTheEpoch) {
  Connected c;
  World& world = c.world;
  TestDevice alice = world.Enrol(kAlice), bob = world.Enrol(kBob);
  std::vector<tokens::ShownToken> drawn = {world.Token(alice), world.Token(alice), world.Token(bob)};
  const size_t keys = world.tokens().Statements().size();
  world.Suspend(kAlice);
  const auto look_up = [&](const tokens::ShownToken& token) {
    keys::v1::LookUpRequest request;
    tokens::Show(request, token);
    request.set_user(kBob);
    keys::v1::LookUpResponse response;
    return world.directory().LookUp(request, response);
  };
  EXPECT_OK(look_up(drawn[0]));
  identity::Intent intent = MakeIntent(Action::kEndTokenEpoch, "", world.clock().Now());
  EXPECT_THAT(world.Execute(intent).status(), StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("epoch_too_young: ")));
  world.clock().Advance(absl::Seconds(tlog::kMinTokenEpoch));
  const size_t before = c.heard.Count();
  intent = MakeIntent(Action::kEndTokenEpoch, "", world.clock().Now());
  ASSERT_OK_AND_ASSIGN(const keys::v1::IntentResult result, world.Execute(intent));
  keys::v1::TokenEpochEnded ended;
  ASSERT_TRUE(ended.ParseFromString(result.result()));
  EXPECT_EQ(ended.revocation().delivery(), "confirmed");
  for (const int of : {1, 2}) {
    EXPECT_THAT(look_up(drawn[static_cast<size_t>(of)]), StatusIs(absl::StatusCode::kUnauthenticated, StartsWith("token_void: ")));
  }
  EXPECT_OK(look_up(world.Token(bob)));
  EXPECT_EQ(world.tokens().Statements().size(), keys);  // new ones in the place of the old
  EXPECT_EQ(world.LastEvent("tokens.epoch_ended").outcome, audit::Outcome::kSuccess);
  {
    MutexLock lock(c.heard.mutex);
    ASSERT_EQ(c.heard.all.size(), before + 1);
    EXPECT_EQ(c.heard.all.back().items.token_keys.size(), 2u);
    EXPECT_TRUE(c.heard.all.back().items.grants.empty());
  }
  c.Restart();  // it is on disk
  EXPECT_THAT(look_up(drawn[1]), StatusIs(absl::StatusCode::kUnauthenticated, StartsWith("token_void: ")));
}

TEST(Departure, WithoutADeliveryServerTheResultSaysSo) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  DrawGrants(world, alice, 1);
  ASSERT_OK_AND_ASSIGN(const auto view, world.Change(Action::kRemoveAccount, kAlice));
  EXPECT_EQ(view.revocation().delivery(), "not_configured");
  EXPECT_EQ(view.revocation().pending(), 1u);
}

TEST(Departure, IsCarriedOutHereWhileTheDeliveryServerIsDownAndCaughtUpAfterwards) {
  Connected c;
  TestDevice alice = c.world.Enrol(kAlice);
  DrawGrants(c.world, alice, 1);
  c.heard.SetDown(true);
  ASSERT_OK_AND_ASSIGN(const auto view, c.world.Change(Action::kRemoveAccount, kAlice));
  EXPECT_EQ(view.revocation().delivery(), "pending");
  EXPECT_EQ(view.status(), "removed");
  EXPECT_EQ(c.heard.Count(), 0u);
  c.Restart();  // and the key server starts again meanwhile: the queue is on disk
  c.heard.SetDown(false);
  EXPECT_TRUE(c.Eventually([&] { return c.heard.Count() == 1; }));
  EXPECT_TRUE(
      c.Eventually([&] { return c.world.View(kAlice).revocation().delivery() == "confirmed"; }));
  EXPECT_EQ(c.world.LastEvent("revocation.confirmed").actor, "delivery");
}

// A delivery server that comes back with an older store is told again, from where it stands.
TEST(Departure, ARestoredDeliveryServerIsToldAgain) {
  Connected c;
  TestDevice alice = c.world.Enrol(kAlice), bob = c.world.Enrol(kBob);
  DrawGrants(c.world, alice, 1);
  DrawGrants(c.world, bob, 1);
  c.world.Suspend(kAlice);
  c.world.Suspend(kBob);
  ASSERT_EQ(c.heard.Count(), 2u);
  c.heard.Forget(0);
  c.Restart();
  EXPECT_TRUE(c.Eventually([&] { return c.heard.Count() == 2; }));
}

TEST(Departure, WhatWasRevokedOnceIsNotToldAgain) {
  Connected c;
  TestDevice alice = c.world.Enrol(kAlice);
  DrawGrants(c.world, alice, 2);
  c.world.Suspend(kAlice);
  ASSERT_OK(c.world.Change(Action::kReactivateAccount, kAlice));
  const auto fresh = DrawGrants(c.world, alice, 1);
  ASSERT_OK(c.world.Change(Action::kRemoveAccount, kAlice));
  ASSERT_EQ(c.heard.Count(), 2u);
  MutexLock lock(c.heard.mutex);
  EXPECT_EQ(c.heard.all[1].previous, c.heard.all[0].sequence);
  ASSERT_EQ(c.heard.all[1].items.grants.size(), 1u);
  EXPECT_EQ(c.heard.all[1].items.grants[0].serial, fresh[0]);
}

// The queue is kept until nothing in it could open anything: a delivery server may come back from an
// older copy until then.
TEST(Departure, ARevocationIsKeptUntilWhatItRevokesIsOver) {
  Connected c;
  TestDevice alice = c.world.Enrol(kAlice);
  DrawGrants(c.world, alice, 1);
  c.world.Suspend(kAlice);
  c.world.clock().Advance(absl::Hours(24 * 30));
  ASSERT_OK(c.world.ledger().Sweep(c.world.clock().Now()));
  EXPECT_TRUE(c.world.departures().Newest()->has_value());
  c.world.clock().Advance(absl::Hours(24 * 10));
  ASSERT_OK(c.world.ledger().Sweep(c.world.clock().Now()));
  EXPECT_FALSE(c.world.departures().Newest()->has_value());
}

TEST(Departure, ASuspendedPersonsKeyPackagesAreGoneForGood) {
  World world;
  TestDevice alice = world.Enrol(kAlice), bob = world.Enrol(kBob);
  keys::v1::PublishKeyPackagesRequest body;
  body.add_key_packages(MakeKeyPackage(alice, world.clock().Now()));
  keys::v1::PublishKeyPackagesResponse published;
  ASSERT_OK(world.devices().PublishKeyPackages(
      &alice.tls, world.Sign(alice, "PublishKeyPackages", body), published));
  world.Suspend(kAlice);
  ASSERT_OK(world.Change(Action::kReactivateAccount, kAlice));
  keys::v1::ClaimKeyPackagesRequest claim;
  tokens::Show(claim, world.Token(bob));
  claim.set_user(kAlice);
  claim.set_cipher_suite(3);
  keys::v1::ClaimKeyPackagesResponse claimed;
  ASSERT_OK(world.directory().ClaimKeyPackages(claim, claimed));
  EXPECT_EQ(claimed.key_packages_size(), 0);
  EXPECT_THAT(world.devices().PublishKeyPackages(
                  &alice.tls, world.Sign(alice, "PublishKeyPackages", body), published),
              StatusIs(absl::StatusCode::kAlreadyExists, StartsWith("key_package_known: ")));
}

TEST(Departure, ASuspendedRecordListsTheDevicesAndARemovedOneHasNone) {
  World world;
  world.Enrol(kAlice);
  world.Suspend(kAlice);
  EXPECT_EQ(RecordOf(world, kAlice).status, identity::RecordStatus::kSuspended);
  EXPECT_EQ(RecordOf(world, kAlice).devices.size(), 1u);
  ASSERT_OK(world.Change(Action::kRemoveAccount, kAlice));
  EXPECT_EQ(RecordOf(world, kAlice).status, identity::RecordStatus::kRemoved);
  EXPECT_TRUE(RecordOf(world, kAlice).devices.empty());
}

// Others must be able to see that somebody is gone, or they could not take them out of their
// groups.
TEST(Departure, ARemovedPersonCanStillBeLookedUpAndNotBeReached) {
  World world;
  world.Enrol(kAlice);
  TestDevice bob = world.Enrol(kBob);
  ASSERT_OK(world.Change(Action::kRemoveAccount, kAlice));
  keys::v1::LookUpRequest request;
  tokens::Show(request, world.Token(bob));
  request.set_user(kAlice);
  keys::v1::LookUpResponse response;
  ASSERT_OK(world.directory().LookUp(request, response));
  EXPECT_EQ(identity::ParseDirectoryRecord(AsBytes(response.record().record()))->status,
            identity::RecordStatus::kRemoved);
  keys::v1::ClaimKeyPackagesRequest claim;
  tokens::Show(claim, world.Token(bob));
  claim.set_user(kAlice);
  claim.set_cipher_suite(3);
  keys::v1::ClaimKeyPackagesResponse claimed;
  EXPECT_THAT(world.directory().ClaimKeyPackages(claim, claimed),
              StatusIs(kPrecondition, StartsWith("account_removed: ")));
}

// Whatever one person or device loses, another one keeps.
TEST(Departure, TouchesNobodyElse) {
  for (const Action what : {Action::kSuspendAccount, Action::kRemoveAccount, Action::kRevokeDevice}) {
    SCOPED_TRACE(static_cast<int>(what));
    Connected c;
    World& world = c.world;
    TestDevice alice = world.Enrol(kAlice), bob = world.Enrol(kBob);
    DrawGrants(world, alice, 1);
    const auto serials = DrawGrants(world, bob, 2);
    const std::string unused = world.IssueCode(kBob);
    const tokens::ShownToken lookup = world.Token(bob);
    keys::v1::PublishKeyPackagesRequest packages;
    packages.add_key_packages(MakeKeyPackage(bob, world.clock().Now()));
    keys::v1::PublishKeyPackagesResponse published;
    ASSERT_OK(world.devices().PublishKeyPackages(&bob.tls, world.Sign(bob, "PublishKeyPackages", packages), published));
    const Applicant asking;
    const auto invite = [&] {
      const std::string code = identity::GenerateCode();
      keys::v1::InviteDeviceRequest body;
      body.set_code_public_key(ToString(identity::EnrolmentCodeKey(kBob, code).public_key().view()));
      body.set_life_seconds(600);
      keys::v1::InviteDeviceResponse response;
      EXPECT_OK(world.joins().InviteDevice(&bob.tls, world.Sign(bob, "InviteDevice", body), response));
      return code;
    };
    keys::v1::AskResponse asked;
    ASSERT_OK(world.joins().Ask(Application(asking, kBob, invite()), asked));
    const std::string invitation = invite();

    ASSERT_OK(world.Change(what, kAlice,
                           what == Action::kRevokeDevice ? Encode(identity::RevokeDeviceParameters{alice.id}) : Bytes()));
    EXPECT_EQ(world.View(kBob).status(), "active");
    EXPECT_EQ(RecordOf(world, kBob).devices.size(), 1u);
    keys::v1::ListJoinRequestsResponse waiting;
    ASSERT_OK(world.joins().ListJoinRequests(
        &bob.tls, world.Sign(bob, "ListJoinRequests", keys::v1::ListJoinRequestsRequest()), waiting));
    EXPECT_EQ(waiting.waiting_size(), 1);
    EXPECT_OK(world.joins().Ask(Application(Applicant(), kBob, invitation), asked));
    keys::v1::EnrolResponse enrolled;
    EXPECT_OK(world.enrolment().Enrol(Application(Applicant(), kBob, unused), enrolled));
    keys::v1::ClaimKeyPackagesRequest claim;
    tokens::Show(claim, lookup);
    claim.set_user(kBob);
    claim.set_cipher_suite(3);
    keys::v1::ClaimKeyPackagesResponse claimed;
    ASSERT_OK(world.directory().ClaimKeyPackages(claim, claimed));
    EXPECT_EQ(claimed.key_packages_size(), 1);
    // And what he drew is still known when he leaves himself.
    ASSERT_OK(world.Change(Action::kRemoveAccount, kBob));
    ASSERT_EQ(c.heard.Count(), 2u);
    MutexLock lock(c.heard.mutex);
    ASSERT_EQ(c.heard.all[1].items.grants.size(), 2u);
    EXPECT_EQ(c.heard.all[1].items.grants[0].serial, serials[0]);
  }
}

// Of several devices of one person, too.
TEST(Departure, OfOneDeviceTouchesNoOther) {
  Connected c;
  World& world = c.world;
  TestDevice first = world.Enrol(kAlice), second = world.Enrol(kAlice), bob = world.Enrol(kBob);
  for (TestDevice* each : {&first, &second}) {
    keys::v1::PublishKeyPackagesRequest packages;
    packages.add_key_packages(MakeKeyPackage(*each, world.clock().Now()));
    keys::v1::PublishKeyPackagesResponse published;
    ASSERT_OK(world.devices().PublishKeyPackages(&each->tls, world.Sign(*each, "PublishKeyPackages", packages), published));
  }
  const std::string code = identity::GenerateCode(), unused = world.IssueCode(kAlice);
  keys::v1::InviteDeviceRequest body;
  body.set_code_public_key(ToString(identity::EnrolmentCodeKey(kAlice, code).public_key().view()));
  body.set_life_seconds(600);
  keys::v1::InviteDeviceResponse invited;
  ASSERT_OK(world.joins().InviteDevice(&second.tls, world.Sign(second, "InviteDevice", body), invited));
  ASSERT_OK(world.Change(Action::kRevokeDevice, kAlice, Encode(identity::RevokeDeviceParameters{first.id})));
  keys::v1::AskResponse asked;
  EXPECT_OK(world.joins().Ask(Application(Applicant(), kAlice, code), asked));
  keys::v1::EnrolResponse enrolled;
  EXPECT_OK(world.enrolment().Enrol(Application(Applicant(), kAlice, unused), enrolled));
  keys::v1::ClaimKeyPackagesRequest claim;
  tokens::Show(claim, world.Token(bob));
  claim.set_user(kAlice);
  claim.set_cipher_suite(3);
  keys::v1::ClaimKeyPackagesResponse claimed;
  ASSERT_OK(world.directory().ClaimKeyPackages(claim, claimed));
  ASSERT_EQ(claimed.key_packages_size(), 1);
  EXPECT_EQ(claimed.key_packages(0).device_id(), ToString(second.id));
}

TEST(Departure, RemovalIsForEver) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  ASSERT_OK(world.Change(Action::kRemoveAccount, kAlice));
  const auto removed = StatusIs(kPrecondition, StartsWith("account_removed: "));
  EXPECT_THAT(world.Change(Action::kReactivateAccount, kAlice), removed);
  EXPECT_THAT(world.Change(Action::kSuspendAccount, kAlice), removed);
  EXPECT_THAT(world.Change(Action::kRemoveAccount, kAlice),
              StatusIs(kPrecondition, StartsWith("no_change: ")));
  keys::v1::OpenChannelResponse channel;
  EXPECT_THAT(world.devices().OpenChannel(&alice.tls, channel),
              StatusIs(kDenied, StartsWith("device_revoked: ")));
  world.Restart();
  EXPECT_THAT(world.devices().OpenChannel(&alice.tls, channel),
              StatusIs(kDenied, StartsWith("device_revoked: ")));
}

TEST(Departure, OneDeviceIsRevokedAndTheOthersStay) {
  Connected c;
  TestDevice first = c.world.Enrol(kAlice), second = c.world.Enrol(kAlice);
  const auto serials = DrawGrants(c.world, first, 2);
  DrawGrants(c.world, second, 2);
  ASSERT_OK_AND_ASSIGN(const auto view,
                       c.world.Change(Action::kRevokeDevice, kAlice,
                                      Encode(identity::RevokeDeviceParameters{first.id})));
  EXPECT_EQ(view.status(), "active");
  ASSERT_EQ(view.devices_size(), 1);
  keys::v1::OpenChannelResponse channel;
  EXPECT_THAT(c.world.devices().OpenChannel(&first.tls, channel),
              StatusIs(kDenied, StartsWith("device_revoked: ")));
  EXPECT_OK(c.world.devices().OpenChannel(&second.tls, channel));
  ASSERT_EQ(c.heard.Count(), 1u);
  {
    MutexLock lock(c.heard.mutex);
    ASSERT_EQ(c.heard.all[0].items.grants.size(), 2u);
    EXPECT_EQ(c.heard.all[0].items.grants[0].serial, serials[0]);
  }
  EXPECT_THAT(c.world.Change(Action::kRevokeDevice, kAlice,
                             Encode(identity::RevokeDeviceParameters{first.id})),
              StatusIs(absl::StatusCode::kNotFound, StartsWith("device_unknown: ")));
}

TEST(Departure, TheKeysOfARevokedDeviceAreNotEnrolledAgain) {
  World world;
  Applicant applicant;
  keys::v1::EnrolResponse response;
  const auto ask = [&](const std::string& code) { return Application(applicant, kAlice, code); };
  ASSERT_OK(world.enrolment().Enrol(ask(world.IssueCode(kAlice)), response));
  const auto id = *identity::ToFixed<16>(AsBytes(response.device_id()));
  ASSERT_OK(
      world.Change(Action::kRevokeDevice, kAlice, Encode(identity::RevokeDeviceParameters{id})));
  EXPECT_THAT(world.enrolment().Enrol(ask(world.IssueCode(kAlice)), response),
              StatusIs(absl::StatusCode::kAlreadyExists, StartsWith("key_in_use: ")));
}

// The record and the revocation are one transaction with the status: a refused action leaves none
// of them.
TEST(Departure, ARefusedOneLeavesNothing) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  DrawGrants(world, alice, 1);
  identity::Intent stale = MakeIntent(Action::kRemoveAccount, kAlice, world.clock().Now());
  stale.state_hash.fill(1);
  const std::string before = world.Dump();
  EXPECT_THAT(world.Execute(stale),
              StatusIs(absl::StatusCode::kAborted, StartsWith("state_changed: ")));
  EXPECT_EQ(world.Dump(), before);
}

}  // namespace
}  // namespace plumbline::keyserver
