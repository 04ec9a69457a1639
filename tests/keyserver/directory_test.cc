// Looking up and claiming: each token once, each key package once.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "common/directory/follow.h"
#include "common/identity/record.h"
#include "common/tlog/directory_replay.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

using plumbline::testing::StatusIs;
using ::testing::StartsWith;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;

absl::Status LookUp(World& world, const tokens::ShownToken& token, absl::string_view user) {
  keys::v1::LookUpRequest request;
  tokens::Show(request, token);
  request.set_user(std::string(user));
  keys::v1::LookUpResponse response;
  return world.directory().LookUp(request, response);
}

absl::StatusOr<keys::v1::ClaimKeyPackagesResponse> Claim(World& world, const tokens::ShownToken& token,
                                                         uint32_t suite = 3, const std::string& user = kAlice) {
  keys::v1::ClaimKeyPackagesRequest request;
  tokens::Show(request, token);
  request.set_user(user);
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

TEST(Directory, ATokenBuysOneLookUp) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const tokens::ShownToken token = world.Token(device);
  keys::v1::LookUpRequest request;
  tokens::Show(request, token);
  request.set_user(kAlice);
  keys::v1::LookUpResponse response;
  ASSERT_OK(world.directory().LookUp(request, response));
  ASSERT_OK_AND_ASSIGN(const auto record,
                       identity::VerifyDirectoryRecord(
                           AsBytes(response.record().record()), AsBytes(response.record().signature()),
                           world.organisation().keys().directory.key.public_key()));
  EXPECT_EQ(record.devices[0].device_id, device.id);
  EXPECT_THAT(LookUp(world, token, kAlice), StatusIs(kUnauthenticated, StartsWith("token_spent: ")));
  world.Restart();
  EXPECT_THAT(LookUp(world, token, kAlice), StatusIs(kUnauthenticated, StartsWith("token_spent: ")));
  EXPECT_EQ(world.LastEvent("tokens.refused").reason, "token_spent");
}

TEST(Directory, ATokenForAnotherPurposeTamperedWithOrOverIsRefused) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const tokens::ShownToken token = world.Token(device);
  const std::string before = world.Dump();
  tokens::ShownToken tampered = token, none, longer = token, without_key = token;
  tampered.token[40] ^= 1;
  longer.token += "x";
  without_key.token_key.clear();
  const auto invalid = StatusIs(kUnauthenticated, StartsWith("token_invalid: "));
  EXPECT_THAT(LookUp(world, tampered, kAlice), invalid);
  EXPECT_THAT(LookUp(world, none, kAlice), invalid);
  EXPECT_THAT(LookUp(world, longer, kAlice), invalid);
  EXPECT_THAT(LookUp(world, without_key, kAlice), invalid);
  EXPECT_EQ(world.Dump(), before);
  EXPECT_THAT(LookUp(world, world.Token(device, "delivery"), kAlice), invalid);
  world.clock().Advance(absl::Minutes(70));
  EXPECT_THAT(LookUp(world, token, kAlice), StatusIs(kUnauthenticated, StartsWith("token_expired: ")));
}

// The nullifier lives as long as the token, so that no clock trick or sweep makes it good again.
TEST(Directory, ASweepForgetsATokenOnlyAfterItsEnd) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const tokens::ShownToken token = world.Token(device);
  EXPECT_OK(LookUp(world, token, kAlice));
  world.clock().Advance(absl::Minutes(69));
  ASSERT_OK(world.ledger().Sweep(world.clock().Now()));
  EXPECT_THAT(LookUp(world, token, kAlice), StatusIs(kUnauthenticated, StartsWith("token_spent: ")));
  world.clock().Advance(absl::Minutes(1));
  ASSERT_OK(world.ledger().Sweep(world.clock().Now()));
  EXPECT_EQ(world.Dump().find("nullifier"), std::string::npos);
  EXPECT_THAT(LookUp(world, token, kAlice), StatusIs(kUnauthenticated, StartsWith("token_expired: ")));
}

absl::StatusOr<keys::v1::LookUpResponse> Ask(World& world, TestDevice& asker, absl::string_view user) {
  keys::v1::LookUpRequest request;
  tokens::Show(request, world.Token(asker));
  request.set_user(std::string(user));
  keys::v1::LookUpResponse response;
  RETURN_IF_ERROR(world.directory().LookUp(request, response));
  return response;
}

absl::StatusOr<directory::Verified> Verify(World& world, const keys::v1::LookUpResponse& response, absl::string_view user) {
  ASSIGN_OR_RETURN(const directory::Answer answer, directory::ParseAnswer(AsBytes(response.answer())));
  return directory::Verify(answer, *identity::ParseUserUri(user), {world.policy(), Sha256(world.organisation().keys().root.der())});
}

keys::v1::ReadLogResponse ReadLog(World& world, uint64_t from, bool followed, uint32_t limit = 1000) {
  keys::v1::ReadLogRequest request;
  request.set_from(from);
  request.set_limit(limit);
  request.set_followed(followed);
  keys::v1::ReadLogResponse response;
  EXPECT_OK(world.directory().ReadLog(request, response));
  return response;
}

TEST(Directory, WhatItSaysIsProved) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  ASSERT_OK_AND_ASSIGN(const auto response, Ask(world, device, kAlice));
  ASSERT_OK_AND_ASSIGN(const directory::Verified verified, Verify(world, response, kAlice));
  ASSERT_TRUE(verified.record.has_value());
  EXPECT_EQ(ToString(Encode(*verified.record)), response.record().record());
  EXPECT_EQ(verified.record->devices.size(), 1u);
  EXPECT_FALSE(Verify(world, response, kBob).ok());
  keys::v1::GetOwnAccountResponse own;
  ASSERT_OK(world.devices().GetOwnAccount(&device.tls, world.Sign(device, "GetOwnAccount", keys::v1::GetOwnAccountRequest()), own));
  EXPECT_EQ(own.answer(), response.answer());
  EXPECT_EQ(own.follow_key(), response.follow_key());
}

TEST(Directory, SomebodyWithoutADeviceHasARecordWithoutOneAndNobodyIsProvedToBeNobody) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  world.CreateAccount(kBob);
  ASSERT_OK_AND_ASSIGN(const auto invited, Ask(world, device, kBob));
  ASSERT_OK_AND_ASSIGN(const directory::Verified bob, Verify(world, invited, kBob));
  ASSERT_TRUE(bob.record.has_value());
  EXPECT_TRUE(bob.record->devices.empty());
  constexpr char kNobody[] = "mimi://example.org/u/nobody";
  ASSERT_OK_AND_ASSIGN(const auto none, Ask(world, device, kNobody));
  EXPECT_FALSE(none.has_record());
  EXPECT_EQ(none.follow_key(), "");
  ASSERT_OK_AND_ASSIGN(const directory::Verified nobody, Verify(world, none, kNobody));
  EXPECT_EQ(nobody.record, std::nullopt);
  EXPECT_THAT(LookUp(world, world.Token(device), "nobody"), StatusIs(kInvalid));
}

// While the witnesses are away the directory goes on saying what they confirmed, and nothing else.
TEST(Directory, SaysOnlyWhatWitnessesHaveConfirmed) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  ASSERT_OK_AND_ASSIGN(const DirectoryLog::Head before, world.directory_store().Published());
  world.SetWitnessAway(true);
  world.CreateAccount(kBob);  // waits for the witness in vain
  ASSERT_OK_AND_ASSIGN(const auto unsaid, Ask(world, alice, kBob));
  ASSERT_OK_AND_ASSIGN(const directory::Verified old, Verify(world, unsaid, kBob));
  EXPECT_EQ(old.record, std::nullopt);
  EXPECT_EQ(old.checkpoint.checkpoint.size, before.size);
  EXPECT_EQ(ReadLog(world, before.size, false).leaves_size(), 0);
  world.SetWitnessAway(false);
  world.publisher().PublishAndWait(absl::Seconds(60));
  ASSERT_OK_AND_ASSIGN(const auto said, Ask(world, alice, kBob));
  ASSERT_OK_AND_ASSIGN(const directory::Verified now, Verify(world, said, kBob));
  EXPECT_TRUE(now.record.has_value());
}

TEST(Directory, AWitnessKeepsItsTimeFresh) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  world.clock().Advance(absl::Hours(3));
  world.publisher().PublishAndWait(absl::Seconds(60));
  ASSERT_OK_AND_ASSIGN(const auto response, Ask(world, alice, kAlice));
  ASSERT_OK_AND_ASSIGN(const directory::Verified verified, Verify(world, response, kAlice));
  EXPECT_EQ(verified.checkpoint.time, world.clock().Now());
}

TEST(Feed, IsTheWholeLogAndOpensForThoseWhoFollowAlone) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  world.Enrol(kBob);
  ASSERT_OK_AND_ASSIGN(const auto about_alice, Ask(world, alice, kAlice));
  ASSERT_OK_AND_ASSIGN(const auto about_bob, Ask(world, alice, kBob));
  const Secret alice_key = Secret::CopyOf(AsBytes(about_alice.follow_key()));
  const Secret bob_key = Secret::CopyOf(AsBytes(about_bob.follow_key()));
  ASSERT_OK_AND_ASSIGN(const directory::Verified verified, Verify(world, about_alice, kAlice));
  keys::v1::ReadLogResponse all = ReadLog(world, 0, true);
  tlog::MemoryMap map;
  tlog::DirectoryReplay replay("example.org/directory", map);
  int alices = 0, bobs = 0;
  std::string newest;
  for (const keys::v1::LogLeaf& leaf : all.leaves()) {
    ASSERT_OK(replay.Take(AsBytes(leaf.leaf())));
    ASSERT_OK_AND_ASSIGN(const tlog::DirectoryLeaf parsed, tlog::ParseDirectoryLeaf(AsBytes(leaf.leaf())));
    const auto* entry = std::get_if<tlog::EntryLeaf>(&parsed);
    EXPECT_EQ(entry != nullptr, !leaf.sealed().empty());
    if (entry == nullptr) continue;
    bobs += directory::OpenFollowed(AsBytes(leaf.sealed()), bob_key, AsBytes(leaf.leaf())).ok();
    const auto opened = directory::OpenFollowed(AsBytes(leaf.sealed()), alice_key, AsBytes(leaf.leaf()));
    EXPECT_EQ(opened.ok(), entry->index == verified.index);
    if (!opened.ok()) continue;
    ++alices;
    EXPECT_EQ(identity::CommitToRecord(opened->record, opened->nonce), entry->commitment);
    newest = ToString(opened->record);
  }
  EXPECT_EQ(alices, 2);
  EXPECT_EQ(bobs, 2);
  EXPECT_EQ(newest, about_alice.record().record());
  ASSERT_OK_AND_ASSIGN(const tlog::WitnessedCheckpoint checkpoint, world.policy().Open(all.checkpoint()));
  EXPECT_OK(replay.Check(checkpoint.checkpoint));
  EXPECT_EQ(ReadLog(world, 0, true).SerializeAsString().size(), all.SerializeAsString().size());
  EXPECT_EQ(ReadLog(world, 2, false, 3).leaves_size(), 3);
  EXPECT_EQ(ReadLog(world, 2, false, 3).leaves(0).leaf(), all.leaves(2).leaf());
  EXPECT_EQ(ReadLog(world, UINT64_MAX, false).leaves_size(), 0);
  EXPECT_TRUE(all.has_witness_policy());
  keys::v1::ReadLogRequest request;
  keys::v1::ReadLogResponse response;
  EXPECT_THAT(world.directory().ReadLog(request, response), StatusIs(kInvalid));
  request.set_limit(10'001);
  EXPECT_THAT(world.directory().ReadLog(request, response), StatusIs(kInvalid));
  request.set_limit(1);
  request.set_policy_number(1);
  EXPECT_OK(world.directory().ReadLog(request, response));
  EXPECT_FALSE(response.has_witness_policy());
}

// The record that is published may have a device that has left since: its certificate still belongs to it.
TEST(Directory, ARecordIsWholeAlsoWhenItsDeviceHasJustLeft) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  TestDevice bob = world.Enrol(kBob);
  world.SetWitnessAway(true);
  ASSERT_OK(world.Change(identity::Action::kRemoveAccount, kBob));
  ASSERT_OK_AND_ASSIGN(const auto response, Ask(world, alice, kBob));
  ASSERT_EQ(response.record().credentials_size(), 1);
  ASSERT_OK_AND_ASSIGN(const directory::Verified verified, Verify(world, response, kBob));
  EXPECT_EQ(Sha256(AsBytes(response.record().credentials(0))), verified.record->devices[0].credential_hash);
}

// A certificate that is not the record's is not told as if it were.
TEST(Directory, ACertificateThatIsNotTheRecordsIsLeftOut) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  {
    MutexLock lock(world.connection().mutex());
    ASSERT_OK_AND_ASSIGN(db::Statement update, world.connection().database().Prepare("UPDATE device SET credential = x'00'"));
    ASSERT_OK(update.Run());
  }
  ASSERT_OK_AND_ASSIGN(const DirectoryEntry entry, world.directory_store().Find(*identity::ParseUserUri(kAlice)));
  EXPECT_EQ(entry.credentials, std::vector<Bytes>{Bytes()});
}

TEST(Directory, WhoWasErasedIsSaidToBeUnknown) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  world.CreateAccount(kBob);
  {
    MutexLock lock(world.connection().mutex());
    ASSERT_OK_AND_ASSIGN(db::Transaction transaction, db::Transaction::Begin(world.connection().database()));
    ASSERT_OK(world.connection().directory().Erase(transaction, *identity::ParseUserUri(kBob)));
    ASSERT_OK(transaction.Commit());
  }
  EXPECT_THAT(Ask(world, alice, kBob).status(), StatusIs(absl::StatusCode::kNotFound, StartsWith("unknown_user: ")));
}

TEST(Feed, IsOpenedOnlyIfThatIsAskedFor) {
  World world;
  world.Enrol(kAlice);
  int sealed = 0;
  const auto count = [&](bool followed) {
    sealed = 0;
    const keys::v1::ReadLogResponse response = ReadLog(world, 0, followed);
    for (const keys::v1::LogLeaf& leaf : response.leaves()) sealed += !leaf.sealed().empty();
    return sealed;
  };
  EXPECT_EQ(count(false), 0);
  EXPECT_EQ(count(true), 2);
  ASSERT_OK_AND_ASSIGN(const FeedPage closed, world.directory_store().ReadLog(0, 100, 1 << 20, /*opened=*/false));
  for (const FeedLeaf& leaf : closed.leaves) EXPECT_FALSE(leaf.opened.has_value());
}

// Leaves and what opens them count; one leaf always goes.
TEST(Feed, APageEndsWhereItIsLarge) {
  World world;
  world.Enrol(kAlice);
  const auto leaves = [&](size_t max_bytes, bool opened) {
    return world.directory_store().ReadLog(0, 100, max_bytes, opened)->leaves.size();
  };
  EXPECT_EQ(leaves(1, false), 1u);
  ASSERT_OK_AND_ASSIGN(const FeedPage closed, world.directory_store().ReadLog(0, 100, 1 << 20, false));
  size_t bytes = 0;
  for (const FeedLeaf& leaf : closed.leaves) bytes += leaf.leaf.size();
  EXPECT_EQ(leaves(bytes, false), closed.leaves.size());
  EXPECT_LT(leaves(bytes, true), closed.leaves.size());
  EXPECT_EQ(leaves(1 << 20, true), closed.leaves.size());
}

// One answer has about a MiB, whatever is asked for, and a reader gets on.
TEST(Feed, IsReadInPiecesThatFit) {
  World world;
  world.Enrol(kAlice);
  {
    MutexLock lock(world.connection().mutex());
    ASSERT_OK_AND_ASSIGN(db::Transaction transaction, db::Transaction::Begin(world.connection().database()));
    for (uint64_t version = 1; version <= 300; ++version) {
      identity::DirectoryRecord record;
      record.user = "mimi://example.org/u/crowd";
      record.version = version;
      if (version > 1) record.previous_hash.fill(1);
      for (uint8_t i = 0; i < identity::kMaxDevices; ++i) {
        identity::RecordDevice device;
        device.device_id.fill(i);
        device.label = std::string(64, 'x');
        device.mls_signature_public_key.fill(i);
        record.devices.push_back(device);
      }
      if (version == 1) {
        ASSERT_OK_AND_ASSIGN(db::Statement insert,
                             world.connection().database().Prepare("INSERT INTO account (user, display_name, proofing_level, "
                                                                   "proofing_reference, suspended, revision, record_version) "
                                                                   "VALUES (?, '', '', '', 0, 1, 0)"));
        ASSERT_OK(insert.Bind(1, absl::string_view(record.user)).Run());
      }
      ASSERT_OK(world.connection().StoreRecord(transaction, record.user, {Encode(record), Bytes(64)}, directory::Adopted()));
    }
    ASSERT_OK(transaction.Commit());
  }
  world.publisher().PublishAndWait(absl::Seconds(60));
  ASSERT_OK_AND_ASSIGN(const DirectoryLog::Head head, world.directory_store().Published());
  uint64_t from = 0;
  int pieces = 0;
  while (from < head.size) {
    const keys::v1::ReadLogResponse piece = ReadLog(world, from, /*followed=*/true, 10'000);
    ASSERT_GT(piece.leaves_size(), 0);
    EXPECT_LE(piece.ByteSizeLong(), size_t{3} << 19);
    from += static_cast<uint64_t>(piece.leaves_size());
    ++pieces;
  }
  EXPECT_EQ(from, head.size);
  EXPECT_GT(pieces, 1);
}

TEST(Feed, AnEntryThatIsNoneIsNotServed) {
  World world;
  world.Enrol(kAlice);
  {
    MutexLock lock(world.connection().mutex());
    ASSERT_OK_AND_ASSIGN(db::Statement update, world.connection().database().Prepare("UPDATE opening SET place = 1 WHERE version = 1"));
    ASSERT_OK(update.Run());
  }
  keys::v1::ReadLogRequest request;
  keys::v1::ReadLogResponse response;
  request.set_limit(100);
  request.set_followed(true);
  EXPECT_THAT(world.directory().ReadLog(request, response), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(Directory, WhomAStrangerLookedUpIsRecordedNowhere) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  const tokens::ShownToken token = world.Token(device);
  const size_t before = world.Audit().size();
  EXPECT_OK(LookUp(world, token, kAlice));
  EXPECT_EQ(world.Audit().size(), before);
  EXPECT_FALSE(LookUp(world, token, kBob).ok());
  EXPECT_EQ(world.LastEvent("tokens.refused").subject, "");
}

TEST(Claim, EachSingleUsePackageIsGivenOnceThenTheLastResort) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  Publish(world, device, 2, true);
  std::set<std::string> seen;
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto claimed, Claim(world, world.Token(device)));
    ASSERT_EQ(claimed.key_packages_size(), 1);
    EXPECT_FALSE(claimed.key_packages(0).last_resort());
    EXPECT_TRUE(seen.insert(claimed.key_packages(0).key_package()).second);
  }
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto claimed, Claim(world, world.Token(device)));
    ASSERT_EQ(claimed.key_packages_size(), 1);
    EXPECT_TRUE(claimed.key_packages(0).last_resort());
  }
}

// Whoever claims without end gets the last resort beyond the limit, and so does everybody else who writes to that person in that hour.
// What is left is there afterwards, though the person's device never ran.
TEST(Claim, BeyondItsLimitSingleUsePackagesStay) {
  World world("  single_use_claims_per_hour: 3\n");
  TestDevice device = world.Enrol(kAlice);
  Publish(world, device, 8, true);
  std::set<std::string> seen;
  const auto claim = [&] {
    const auto claimed = Claim(world, world.Token(device));
    EXPECT_OK(claimed.status()) << "nobody is refused";
    EXPECT_EQ(claimed->key_packages_size(), 1);
    const bool last_resort = claimed->key_packages(0).last_resort();
    EXPECT_TRUE(last_resort || seen.insert(claimed->key_packages(0).key_package()).second);
    return !last_resort;
  };
  for (const int hour : {0, 1}) {
    SCOPED_TRACE(hour);
    int single_use = 0;
    for (int i = 0; i < 20; ++i) single_use += claim();
    EXPECT_EQ(single_use, 3);
    world.clock().Advance(absl::Hours(1));
  }
  EXPECT_TRUE(claim());
  EXPECT_EQ(seen.size(), 7u);
}

// Each person by themselves, and no one is locked out who has no last resort.
TEST(Claim, TheLimitIsOfOnePerson) {
  World world("  single_use_claims_per_hour: 1\n");
  TestDevice alice = world.Enrol(kAlice), bob = world.Enrol(kBob);
  Publish(world, alice, 2, false);
  Publish(world, bob, 2, true);
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto claimed, Claim(world, world.Token(bob)));
    ASSERT_EQ(claimed.key_packages_size(), 1) << "of the single-use ones, where there is nothing else";
    EXPECT_FALSE(claimed.key_packages(0).last_resort());
  }
  ASSERT_OK_AND_ASSIGN(const auto his, Claim(world, world.Token(alice), 3, kBob));
  ASSERT_EQ(his.key_packages_size(), 1);
  EXPECT_FALSE(his.key_packages(0).last_resort());
}

TEST(Claim, AClaimedPackageIsGoneFromDiskAndCannotBePublishedAgain) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  Publish(world, device, 1, false);
  ASSERT_OK_AND_ASSIGN(const auto claimed, Claim(world, world.Token(device)));
  const std::string package = claimed.key_packages(0).key_package();
  world.Restart();
  keys::v1::PublishKeyPackagesRequest body;
  body.add_key_packages(package);
  keys::v1::PublishKeyPackagesResponse response;
  EXPECT_THAT(world.devices().PublishKeyPackages(&device.tls, world.Sign(device, "PublishKeyPackages", body),
                                                 response),
              StatusIs(absl::StatusCode::kAlreadyExists, StartsWith("key_package_known: ")));
  ASSERT_OK_AND_ASSIGN(const auto again, Claim(world, world.Token(device)));
  EXPECT_EQ(again.key_packages_size(), 0);
}

TEST(Claim, ConcurrentClaimsNeverGetTheSamePackage) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  Publish(world, device, 12, false);
  std::vector<tokens::ShownToken> shown;
  for (int i = 0; i < 12; ++i) shown.push_back(world.Token(device));
  std::vector<std::string> got(shown.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < shown.size(); ++i) {
    threads.emplace_back([&, i] { got[i] = Claim(world, shown[i])->key_packages(0).key_package(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(got.begin(), got.end()).size(), shown.size());
}

TEST(Claim, GivesOneForEachDeviceInTheSuiteThatIsAskedFor) {
  World world;
  TestDevice first = world.Enrol(kAlice);
  TestDevice second = world.Enrol(kAlice);
  Publish(world, first, 1, false);
  Publish(world, second, 1, true);
  ASSERT_OK_AND_ASSIGN(const auto other_suite, Claim(world, world.Token(first), 1));
  EXPECT_EQ(other_suite.key_packages_size(), 0);
  ASSERT_OK_AND_ASSIGN(const auto claimed, Claim(world, world.Token(first)));
  EXPECT_EQ(claimed.key_packages_size(), 2);
  EXPECT_THAT(Claim(world, world.Token(first), 2), StatusIs(kInvalid));
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
  ASSERT_OK_AND_ASSIGN(const auto claimed, Claim(world, world.Token(device)));
  EXPECT_EQ(claimed.key_packages_size(), 0);
}

TEST(Claim, ASuspendedPersonIsNotReached) {
  World world;
  TestDevice alice = world.Enrol(kAlice);
  TestDevice bob = world.Enrol(kBob);
  Publish(world, alice, 1, true);
  world.Suspend(kAlice);
  EXPECT_THAT(Claim(world, world.Token(bob)),
              StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("account_suspended: ")));
}

}  // namespace
}  // namespace plumbline::keyserver
