// Looking up and claiming: each pass once, each key package once.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "common/identity/pass.h"
#include "common/identity/record.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

using plumbline::testing::StatusIs;
using ::testing::StartsWith;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;

absl::Status LookUp(World& world, absl::string_view pass, absl::string_view user) {
  keys::v1::LookUpRequest request;
  request.set_token(std::string(pass));
  request.set_user(std::string(user));
  keys::v1::LookUpResponse response;
  return world.directory().LookUp(request, response);
}

absl::StatusOr<keys::v1::ClaimKeyPackagesResponse> Claim(World& world, absl::string_view pass,
                                                         uint32_t suite = 3) {
  keys::v1::ClaimKeyPackagesRequest request;
  request.set_token(std::string(pass));
  request.set_user(kAlice);
  request.set_cipher_suite(suite);
  keys::v1::ClaimKeyPackagesResponse response;
  RETURN_IF_ERROR(world.directory().ClaimKeyPackages(request, response));
  return response;
}

void Publish(World& world, TestDevice& device, int count, bool last_resort) {
  keys::v1::PublishKeyPackagesRequest body;
  for (int i = 0; i < count; ++i) body.add_key_packages(MakeKeyPackage(device, world.clock().Now()));
  const KeyPackageOptions last{.last_resort = true};
  if (last_resort) body.set_last_resort_key_package(MakeKeyPackage(device, world.clock().Now(), last));
  keys::v1::PublishKeyPackagesResponse response;
  ASSERT_OK(world.devices().PublishKeyPackages(&device.tls, world.Sign(device, "PublishKeyPackages", body),
                                               response));
}

TEST(Directory, APassBuysOneLookUp) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const std::string pass = world.Pass(device);
  keys::v1::LookUpRequest request;
  request.set_token(pass);
  request.set_user(kAlice);
  keys::v1::LookUpResponse response;
  ASSERT_OK(world.directory().LookUp(request, response));
  ASSERT_OK_AND_ASSIGN(const auto record,
                       identity::VerifyDirectoryRecord(
                           AsBytes(response.record().record()), AsBytes(response.record().signature()),
                           world.organisation().keys().directory.key.public_key()));
  EXPECT_EQ(record.devices[0].device_id, device.id);
  EXPECT_THAT(LookUp(world, pass, kAlice), StatusIs(kUnauthenticated, StartsWith("token_spent: ")));
  world.Restart();
  EXPECT_THAT(LookUp(world, pass, kAlice), StatusIs(kUnauthenticated, StartsWith("token_spent: ")));
  EXPECT_EQ(world.LastEvent("passes.refused").reason, "token_spent");
}

TEST(Directory, APassForAnotherPurposeTamperedWithOrOverIsRefused) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const std::string pass = world.Pass(device);
  const std::string before = world.Dump();
  std::string tampered = pass;
  tampered[40] ^= 1;
  const auto invalid = StatusIs(kUnauthenticated, StartsWith("token_invalid: "));
  EXPECT_THAT(LookUp(world, tampered, kAlice), invalid);
  EXPECT_THAT(LookUp(world, "", kAlice), invalid);
  EXPECT_THAT(LookUp(world, pass + "x", kAlice), invalid);
  EXPECT_EQ(world.Dump(), before);
  EXPECT_THAT(LookUp(world, world.Pass(device, "delivery"), kAlice), invalid);
  world.clock().Advance(absl::Minutes(12));
  EXPECT_THAT(LookUp(world, pass, kAlice), StatusIs(kUnauthenticated, StartsWith("token_expired: ")));
}

// The nullifier outlives the pass, so that no clock trick or sweep makes it good again.
TEST(Directory, ASweepForgetsAPassOnlyLongAfterItsEnd) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const std::string pass = world.Pass(device);
  EXPECT_OK(LookUp(world, pass, kAlice));
  world.clock().Advance(absl::Minutes(9));
  ASSERT_OK(world.ledger().Sweep(world.clock().Now()));
  EXPECT_THAT(LookUp(world, pass, kAlice), StatusIs(kUnauthenticated, StartsWith("token_spent: ")));
  world.clock().Advance(absl::Minutes(75));
  ASSERT_OK(world.ledger().Sweep(world.clock().Now()));
  EXPECT_EQ(world.Dump().find("nullifier"), std::string::npos);
  EXPECT_THAT(LookUp(world, pass, kAlice), StatusIs(kUnauthenticated, StartsWith("token_expired: ")));
}

TEST(Directory, SomebodyWithoutADeviceDoesNotExistForStrangers) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  world.CreateAccount(kBob);
  const absl::Status invited = LookUp(world, world.Pass(device), kBob);
  EXPECT_THAT(invited, StatusIs(absl::StatusCode::kNotFound, StartsWith("unknown_user: ")));
  EXPECT_EQ(LookUp(world, world.Pass(device), "mimi://example.org/u/nobody"), invited);
  EXPECT_THAT(LookUp(world, world.Pass(device), "nobody"), StatusIs(kInvalid));
}

TEST(Directory, WhomAStrangerLookedUpIsRecordedNowhere) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const std::string pass = world.Pass(device);
  const size_t before = world.Audit().size();
  EXPECT_OK(LookUp(world, pass, kAlice));
  EXPECT_EQ(world.Audit().size(), before);
  EXPECT_FALSE(LookUp(world, world.Pass(device), kBob).ok());
  EXPECT_EQ(world.LastEvent("directory.refused").subject, "");
}

TEST(Claim, EachSingleUsePackageIsGivenOnceThenTheLastResort) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  Publish(world, device, 2, true);
  std::set<std::string> seen;
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto claimed, Claim(world, world.Pass(device)));
    ASSERT_EQ(claimed.key_packages_size(), 1);
    EXPECT_FALSE(claimed.key_packages(0).last_resort());
    EXPECT_TRUE(seen.insert(claimed.key_packages(0).key_package()).second);
  }
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto claimed, Claim(world, world.Pass(device)));
    ASSERT_EQ(claimed.key_packages_size(), 1);
    EXPECT_TRUE(claimed.key_packages(0).last_resort());
  }
}

TEST(Claim, AClaimedPackageIsGoneFromDiskAndCannotBePublishedAgain) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  Publish(world, device, 1, false);
  ASSERT_OK_AND_ASSIGN(const auto claimed, Claim(world, world.Pass(device)));
  const std::string package = claimed.key_packages(0).key_package();
  world.Restart();
  keys::v1::PublishKeyPackagesRequest body;
  body.add_key_packages(package);
  keys::v1::PublishKeyPackagesResponse response;
  EXPECT_THAT(world.devices().PublishKeyPackages(&device.tls, world.Sign(device, "PublishKeyPackages", body),
                                                 response),
              StatusIs(absl::StatusCode::kAlreadyExists, StartsWith("key_package_known: ")));
  ASSERT_OK_AND_ASSIGN(const auto again, Claim(world, world.Pass(device)));
  EXPECT_EQ(again.key_packages_size(), 0);
}

TEST(Claim, ConcurrentClaimsNeverGetTheSamePackage) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  Publish(world, device, 12, false);
  std::vector<std::string> passes;
  for (int i = 0; i < 12; ++i) passes.push_back(world.Pass(device));
  std::vector<std::string> got(passes.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < passes.size(); ++i) {
    threads.emplace_back([&, i] { got[i] = Claim(world, passes[i])->key_packages(0).key_package(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(got.begin(), got.end()).size(), passes.size());
}

TEST(Claim, GivesOneForEachDeviceInTheSuiteThatIsAskedFor) {
  World world;
  TestDevice first = world.Enrol(kAlice);
  TestDevice second = world.Enrol(kAlice);
  Publish(world, first, 1, false);
  Publish(world, second, 1, true);
  ASSERT_OK_AND_ASSIGN(const auto other_suite, Claim(world, world.Pass(first), 1));
  EXPECT_EQ(other_suite.key_packages_size(), 0);
  ASSERT_OK_AND_ASSIGN(const auto claimed, Claim(world, world.Pass(first)));
  EXPECT_EQ(claimed.key_packages_size(), 2);
  EXPECT_THAT(Claim(world, world.Pass(first), 2), StatusIs(kInvalid));
}

TEST(Claim, ExpiredPackagesAreNotGiven) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  keys::v1::PublishKeyPackagesRequest body;
  const KeyPackageOptions brief{.life = absl::Hours(2)};
  body.add_key_packages(MakeKeyPackage(device, world.clock().Now(), brief));
  keys::v1::PublishKeyPackagesResponse response;
  ASSERT_OK(world.devices().PublishKeyPackages(&device.tls, world.Sign(device, "PublishKeyPackages", body),
                                               response));
  world.clock().Advance(absl::Hours(2));
  ASSERT_OK_AND_ASSIGN(const auto claimed, Claim(world, world.Pass(device)));
  EXPECT_EQ(claimed.key_packages_size(), 0);
}

TEST(Claim, ASuspendedPersonIsNotReached) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  TestDevice bob = world.Enrol(kBob);
  Publish(world, alice, 1, true);
  world.Suspend(kAlice);
  EXPECT_THAT(Claim(world, world.Pass(bob)),
              StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("account_suspended: ")));
}

}  // namespace
}  // namespace plumbline::keyserver
