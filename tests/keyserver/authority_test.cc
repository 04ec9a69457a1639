// What the key server itself makes of a working day, held against the rules by which auditors judge it.
#include "common/directory/authority.h"

#include <gtest/gtest.h>

#include "common/tlog/directory_replay.h"
#include "common/tlog/sql_nodes.h"
#include "keyserver/views.h"
#include "tests/keyserver/credentials.h"

namespace plumbline::keyserver {
namespace {

using plumbline::testing::StatusIs;

// Every entry of the log with what it commits to, out of the key server's database.
struct Opened {
  uint64_t place;
  tlog::EntryLeaf entry;
  directory::Opening opening;
};

std::vector<Opened> OpenAll(World& world) {
  MutexLock lock(world.connection().mutex());
  db::Database& database = world.connection().database();
  auto select = database.Prepare(
      "SELECT o.place, o.user, o.nonce, o.cause_nonce, o.cause, r.record, l.leaf FROM opening o JOIN directory_record r ON "
      "r.user = o.user AND r.version = o.version JOIN log_leaf l ON l.place = o.place ORDER BY o.place");
  CHECK(select.ok());
  const crypto::VrfKeyPair& vrf = world.organisation().keys().transparency->vrf;
  std::vector<Opened> out;
  while (*select->Step()) {
    Opened& each = out.emplace_back();
    each.place = static_cast<uint64_t>(select->Int64(0));
    each.entry = std::get<tlog::EntryLeaf>(*tlog::ParseDirectoryLeaf(select->Blob(6)));
    directory::OpenedRecord record;
    CHECK(tlog::TakeHash(select->Blob(2), record.nonce.bytes).ok());
    record.record = ToBytes(select->Blob(5));
    record.index_proof = identity::MakeDirectoryIndex(vrf, *identity::ParseUserUri(select->Text(1))).proof;
    directory::OpenedCause cause;
    CHECK(tlog::TakeHash(select->Blob(3), cause.nonce.bytes).ok());
    cause.cause = ToBytes(select->Blob(4));
    each.opening = {each.place, std::move(record), std::move(cause)};
  }
  return out;
}

directory::Authority Judge(World& world) {
  const KeyRing& keys = world.organisation().keys();
  const DirectoryLogKeys log = *keys.LogKeys();
  directory::AuthorityTerms terms{kDomain, keys.root, {keys.issuing}, {{world.administrator().key.public_key()}}};
  return *directory::Authority::Create(std::move(terms), {log.signer.verifier().name(), log.authority, log.vrf.public_key()});
}

TEST(Authority, FollowsAWorkingDayOfTheKeyServer) {
  World world;
  world.Enrol(kAlice);
  world.Enrol(kAlice);
  TestDevice bob = world.Enrol(kBob);
  world.clock().Advance(absl::Minutes(3));
  world.Suspend(kBob);
  ASSERT_OK(world.Change(identity::Action::kReactivateAccount, kBob));
  world.Enrol(kBob);
  ASSERT_OK(world.Change(identity::Action::kRevokeDevice, kBob, Encode(identity::RevokeDeviceParameters{bob.id})));
  ASSERT_OK(world.Change(identity::Action::kRemoveAccount, kAlice));
  directory::Authority authority = Judge(world);
  for (const Opened& each : OpenAll(world)) {
    const auto finding = authority.Take(each.place, each.entry, each.opening);
    EXPECT_FALSE(finding) << finding->ToString();
  }
  EXPECT_EQ(authority.counts().checked, 10u);
  EXPECT_EQ(authority.counts().unchecked + authority.counts().adopted + authority.counts().violations, 0u);
}

TEST(Authority, FollowsRenewalsOfCredentials) {
  World world;
  TestDevice alice = world.Enrol(kAlice), bob = world.Enrol(kBob);
  for (int i = 0; i < 2; ++i) {
    world.clock().Advance(absl::Hours(24 * 250));
    for (const auto& [device, user] : {std::pair(&alice, kAlice), std::pair(&bob, kBob)}) {
      Refresh(world, *device);
      ASSERT_OK_AND_ASSIGN(device->credential, Renew(world, *device, user));
    }
  }
  directory::Authority authority = Judge(world);
  for (const Opened& each : OpenAll(world)) {
    const auto finding = authority.Take(each.place, each.entry, each.opening);
    EXPECT_FALSE(finding) << finding->ToString();
  }
  EXPECT_EQ(authority.counts().checked, 8u);
}

// A database whose records are older than its log: all of them enter it, are adopted, and are proved once witnesses have seen it.
TEST(Adoption, TakesOverEveryRecordThatIsOlderThanTheLog) {
  World world;
  world.Enrol(kAlice);
  const TestDevice lost = world.Enrol(kAlice);
  world.Enrol(kBob);
  world.Suspend(kBob);
  ASSERT_OK(world.Change(identity::Action::kRevokeDevice, kAlice, Encode(identity::RevokeDeviceParameters{lost.id})));
  constexpr char kCarol[] = "mimi://example.org/u/carol", kDora[] = "mimi://example.org/u/dora";
  world.CreateAccount(kCarol);
  world.Enrol(kDora);
  ASSERT_OK(world.Change(identity::Action::kRemoveAccount, kDora));
  {
    MutexLock lock(world.connection().mutex());
    for (const char* table : {"log_state", "log_leaf", "log_node", "map_node", "opening"}) {
      ASSERT_OK_AND_ASSIGN(db::Statement forget, world.connection().database().Prepare(std::string("DELETE FROM ") + table));
      ASSERT_OK(forget.Run());
    }
  }
  world.SetWitnessAway(true);
  world.Restart();
  EXPECT_THAT(world.directory_store().Find(*identity::ParseUserUri(kAlice)).status(), StatusIs(absl::StatusCode::kUnavailable));
  world.SetWitnessAway(false);
  world.publisher().PublishAndWait(absl::Seconds(60));

  directory::Authority authority = Judge(world);
  const std::vector<Opened> opened = OpenAll(world);
  for (const Opened& each : opened) {
    ASSERT_OK(directory::CheckOpens(each.opening, each.entry));
    const auto finding = authority.Take(each.place, each.entry, each.opening);
    EXPECT_FALSE(finding) << finding->ToString();
  }
  // Alice: created, two devices, one of them revoked. Bob: created, a device, suspended. Carol. Dora: created, a device, removed.
  EXPECT_EQ(opened.size(), 11u);
  EXPECT_EQ(authority.counts().adopted, 11u);
  EXPECT_EQ(authority.counts().checked + authority.counts().unchecked + authority.counts().violations, 0u);

  ASSERT_OK_AND_ASSIGN(const FeedPage page, world.directory_store().ReadLog(0, 10'000, size_t{1} << 30, /*opened=*/false));
  tlog::MemoryMap map;
  tlog::DirectoryReplay replay("example.org/directory", map);
  for (const FeedLeaf& leaf : page.leaves) ASSERT_OK(replay.Take(leaf.leaf));
  ASSERT_OK_AND_ASSIGN(const tlog::WitnessedCheckpoint checkpoint, world.policy().Open(page.checkpoint));
  EXPECT_OK(replay.Check(checkpoint.checkpoint));
  EXPECT_EQ(replay.people(), 4u);

  const directory::Terms terms{world.policy(), world.organisation().keys().LogKeys()->authority};
  for (const char* user : {kAlice, kBob, kCarol, kDora}) {
    SCOPED_TRACE(user);
    const identity::UserUri name = *identity::ParseUserUri(user);
    ASSERT_OK_AND_ASSIGN(const DirectoryEntry entry, world.directory_store().Find(name));
    ASSERT_OK_AND_ASSIGN(const directory::Verified verified, directory::Verify(entry.answer, name, terms));
    EXPECT_EQ(identity::Encode(*verified.record), world.accounts().Find(user)->record.bytes);
  }
  // And it goes on from there: what is decided now needs its authority.
  ASSERT_OK(world.Change(identity::Action::kReactivateAccount, kBob));
  world.Enrol(kCarol);
  const std::vector<Opened> after = OpenAll(world);
  for (size_t i = opened.size(); i < after.size(); ++i) {
    const auto finding = authority.Take(after[i].place, after[i].entry, after[i].opening);
    EXPECT_FALSE(finding) << finding->ToString();
  }
  EXPECT_EQ(authority.counts().checked, 2u);
}

TEST(Adoption, HappensOnce) {
  World world;
  world.Enrol(kAlice);
  const DirectoryLog::Head before = *world.directory_store().Newest();
  world.Restart();
  EXPECT_EQ(world.directory_store().Newest()->size, before.size);
}

// The one thing that it must not do quietly: a device for Alice that nobody asked for, straight into the store.
TEST(Authority, NamesADeviceThatTheKeyServerMadeUp) {
  World world;
  const TestDevice alice = world.Enrol(kAlice);
  const Account account = *world.accounts().Find(kAlice);
  Account forged = account;
  Device ghost = forged.devices[0];
  ghost.id = identity::RandomFixed<16>();
  ghost.working_key = identity::RandomFixed<32>();
  ghost.mls_key = identity::RandomFixed<32>();
  forged.devices.push_back(ghost);
  std::sort(forged.devices.begin(), forged.devices.end(), [](const Device& a, const Device& b) { return a.id < b.id; });
  const std::vector<Opened> before = OpenAll(world);
  const auto replayed = std::get<directory::Enrolment>(*directory::ParseCause(before.back().opening.cause->cause));
  const SignedBytes record =
      *NextRecord([&] { Account next = forged; next.record = account.record; return next; }(), Sha256(replayed.proof),
                  world.organisation().keys().directory.key);
  {
    MutexLock lock(world.connection().mutex());
    ASSERT_OK_AND_ASSIGN(db::Transaction transaction, db::Transaction::Begin(world.connection().database()));
    ASSERT_OK(world.connection().StoreRecord(transaction, kAlice, record, replayed));
    ASSERT_OK(transaction.Commit());
  }
  directory::Authority authority = Judge(world);
  std::vector<std::string> findings;
  for (const Opened& each : OpenAll(world)) {
    if (const auto finding = authority.Take(each.place, each.entry, each.opening)) findings.push_back(finding->ToString());
  }
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_NE(findings[0].find("used before"), std::string::npos) << findings[0];
}

}  // namespace
}  // namespace plumbline::keyserver
