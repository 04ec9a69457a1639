// Invitations that are used twice, late, elsewhere, or after they were taken back. Each test names the published case, or the
// class where no single case is meant; enrolment_test.cc and join_test.cc have the plain rules.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "common/identity/codes.h"
#include "common/identity/invitation.h"
#include "tests/common/codes.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

using identity::Action;
using plumbline::testing::StatusIs;
using ::testing::StartsWith;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;

absl::Status Accept(World& world, absl::string_view user, absl::string_view code) {
  keys::v1::EnrolResponse response;
  return world.enrolment().Enrol(Application(Applicant(), user, code), response);
}

size_t Devices(World& world, absl::string_view user) { return world.accounts().Find(user)->devices.size(); }

absl::Status AcceptFromDevice(World& world, const std::string& code) {
  keys::v1::AskResponse response;
  return world.joins().Ask(Application(Applicant(), kAlice, code), response);
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

// Invitation links of WhatsApp groups that search engines listed (2020): whoever finds an invitation that was used gets nothing,
// now, after a restart, and after it is no longer remembered that there was one.
TEST(InvitationMisuse, ALinkThatSomebodyFindsLater) {
  World world;
  const std::string code = world.IssueCode(kAlice, 3600);
  ASSERT_OK(Accept(world, kAlice, code));
  const std::string before = world.Dump();
  EXPECT_THAT(Accept(world, kAlice, code), StatusIs(kUnauthenticated, StartsWith("code_used: ")));
  world.Restart();
  world.clock().Advance(absl::Hours(2));
  EXPECT_THAT(Accept(world, kAlice, code), StatusIs(kUnauthenticated, StartsWith("code_used: ")));
  EXPECT_EQ(world.Dump(), before);
  world.clock().Advance(absl::Hours(24 * 30));
  ASSERT_OK(world.ledger().Sweep(world.clock().Now()));
  EXPECT_THAT(Accept(world, kAlice, code), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
  EXPECT_EQ(Devices(world, kAlice), 1u);
}

// PortSwigger 2023, "Smashing the state machine": what may be used once is used by many at the same moment.
TEST(InvitationMisuse, ManyAtTheSameMoment) {
  World world;
  const std::string code = world.IssueCode(kAlice);
  std::atomic<int> in = 0, told = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const absl::Status accepted = Accept(world, kAlice, code);
      in += accepted.ok();
      told += absl::StartsWith(accepted.message(), "code_used: ");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(in, 1);
  EXPECT_EQ(told, 7);
  EXPECT_EQ(Devices(world, kAlice), 1u);
}

// CVE-2021-43791 (Zulip): the end of an invitation was looked at when it was opened and not when it was carried out. Here the
// last step, the one that writes, looks again.
TEST(InvitationMisuse, ExpiredBetweenTheCheckAndTheAct) {
  World world;
  const std::string code = world.IssueCode(kAlice, 3600);
  const identity::PublicKey key = testing::CodeKey(kAlice, *identity::NormaliseCode(code));
  const absl::Time before = world.clock().Now();
  ASSERT_EQ(*world.accounts().TryCode(kAlice, key, before), CodeVerdict::kGood);
  Device device;
  device.id = identity::RandomFixed<16>();
  device.user = kAlice;
  const Account account = *world.accounts().Find(kAlice);
  audit::Entry entry;
  entry.event = audit::Event::kDeviceEnrolled;
  EXPECT_THAT(world.accounts().AddDevice(device, account.revision, account.record, key, before + absl::Hours(1), {}, entry),
              StatusIs(kUnauthenticated, StartsWith("code_used: ")));
  EXPECT_EQ(Devices(world, kAlice), 0u);
}

// The class of clocks that are set back to revive something: a code that has ended does not come back once it was swept away.
TEST(InvitationMisuse, AClockThatIsSetBack) {
  World world;
  const std::string code = world.IssueCode(kAlice, 3600);
  world.clock().Advance(absl::Hours(24 * 30));
  ASSERT_OK(world.ledger().Sweep(world.clock().Now()));
  world.clock().Advance(-absl::Hours(24 * 30));
  EXPECT_THAT(Accept(world, kAlice, code), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
}

// CVE-2022-21706 (Zulip): an invitation to one organisation opened the door of another on the same server.
TEST(InvitationMisuse, AnotherOrganisationsInvitation) {
  World ours, theirs;
  ours.IssueCode(kAlice);
  const std::string code = theirs.IssueCode(kAlice);
  EXPECT_THAT(Accept(ours, kAlice, code), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
  EXPECT_THAT(Accept(ours, "mimi://elsewhere.org/u/alice", code),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("wrong_domain: ")));
  EXPECT_OK(Accept(theirs, kAlice, code));
}

// The class of invitations whose recipient is whoever says so: the code is hashed with the person it was made for, and the proof
// is signed over both.
TEST(InvitationMisuse, ForwardedToSomebodyElse) {
  World world;
  const std::string code = world.IssueCode(kAlice);
  world.IssueCode(kBob);
  EXPECT_THAT(Accept(world, kBob, code), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
  keys::v1::EnrolRequest request = Application(Applicant(), kAlice, code);
  request.set_user(kBob);
  keys::v1::EnrolResponse response;
  EXPECT_THAT(world.enrolment().Enrol(request, response),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("proof_invalid: ")));
  EXPECT_EQ(Devices(world, kBob), 0u);
}

// Deleted, then accepted. Check Point 2025: invitations to Discord servers that had ended or been deleted worked again, for others.
// Here nothing brings one back: not the account's return, not a new code, not a restart, not the time after which it is forgotten.
TEST(InvitationMisuse, DeletedThenAccepted) {
  World world;
  const std::string code = world.IssueCode(kAlice);
  ASSERT_OK(world.Change(Action::kRemoveAccount, kAlice));
  EXPECT_THAT(Accept(world, kAlice, code), StatusIs(kUnauthenticated, StartsWith("code_withdrawn: ")));
  world.Restart();
  EXPECT_THAT(Accept(world, kAlice, code), StatusIs(kUnauthenticated, StartsWith("code_withdrawn: ")));
  EXPECT_EQ(world.LastEvent("enrolment.refused").reason, "code_withdrawn");
  // The name is not given to somebody else either, to whom the old invitation would then lead.
  identity::Intent again = MakeIntent(Action::kCreateAccount, kAlice, world.clock().Now());
  again.parameters = Encode(identity::CreateAccountParameters{"Another Alice", "seen in person", ""});
  EXPECT_THAT(world.Execute(again), StatusIs(absl::StatusCode::kAlreadyExists, StartsWith("account_exists: ")));
  world.clock().Advance(absl::Hours(24 * 30));
  ASSERT_OK(world.ledger().Sweep(world.clock().Now()));
  EXPECT_THAT(Accept(world, kAlice, code), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
  EXPECT_EQ(Devices(world, kAlice), 0u);
}

TEST(InvitationMisuse, SuspendedTakenBackThenAccepted) {
  World world;
  const std::string old = world.IssueCode(kAlice);
  world.Suspend(kAlice);
  ASSERT_OK(world.Change(Action::kReactivateAccount, kAlice));
  const std::string fresh = world.IssueCode(kAlice);
  EXPECT_THAT(Accept(world, kAlice, old), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
  EXPECT_OK(Accept(world, kAlice, fresh));
  EXPECT_THAT(Accept(world, kAlice, old), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
}

// Between the check of the code and the act the account is removed: the act asks again.
TEST(InvitationMisuse, DeletedBetweenTheCheckAndTheAct) {
  World world;
  const std::string code = world.IssueCode(kAlice);
  const identity::PublicKey key = testing::CodeKey(kAlice, *identity::NormaliseCode(code));
  ASSERT_EQ(*world.accounts().TryCode(kAlice, key, world.clock().Now()), CodeVerdict::kGood);
  ASSERT_OK(world.Change(Action::kRemoveAccount, kAlice));
  Device device;
  device.id = identity::RandomFixed<16>();
  device.user = kAlice;
  const Account account = *world.accounts().Find(kAlice);
  audit::Entry entry;
  entry.event = audit::Event::kDeviceEnrolled;
  EXPECT_THAT(world.accounts().AddDevice(device, account.revision, account.record, key, world.clock().Now(), {}, entry),
              StatusIs(kUnauthenticated, StartsWith("code_used: ")));
}

// The same for an invitation that a device made, whose person was removed; and one that was used.
TEST(InvitationMisuse, ADevicesInvitationEndsWithItsPerson) {
  World world;
  TestDevice first = world.Enrol(kAlice);
  const std::string used = InviteFromDevice(world, first);
  ASSERT_OK(AcceptFromDevice(world, used));
  EXPECT_THAT(AcceptFromDevice(world, used), StatusIs(kUnauthenticated, StartsWith("code_used: ")));
  const std::string open = InviteFromDevice(world, first);
  ASSERT_OK(world.Change(Action::kRemoveAccount, kAlice));
  for (const std::string& code : {used, open}) EXPECT_THAT(AcceptFromDevice(world, code), StatusIs(kUnauthenticated));
  world.Restart();
  for (const std::string& code : {used, open}) EXPECT_THAT(AcceptFromDevice(world, code), StatusIs(kUnauthenticated));
}

}  // namespace
}  // namespace plumbline::keyserver
