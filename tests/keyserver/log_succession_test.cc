// The directory begins another log, with another VRF key: every record enters it, and whoever knew the former one finds the way.
#include "keyserver/log_succession.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <filesystem>

#include "common/directory/authority.h"
#include "common/directory/opening.h"
#include "common/tlog/directory_replay.h"
#include "keyserver/log_rotation.h"
#include "keyserver/rotation.h"
#include "keyserver/store/log_files.h"
#include "tests/common/cheap_seal.h"
#include "tests/keyserver/faulted_child.h"
#include "tests/keyserver/kept_world.h"

namespace plumbline::keyserver {
namespace {

namespace fs = std::filesystem;
using plumbline::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Code = absl::StatusCode;

config::v1::KeyserverConfig ConfigAt(const std::string& folder) {
  config::v1::KeyserverConfig config;
  config.set_organisation_domain(kDomain);
  config.set_data_dir(folder);
  return config;
}

// A folder as the service opens it at its start.
struct Served {
  static absl::StatusOr<std::unique_ptr<Served>> Open(const std::string& folder) {
    ASSIGN_OR_RETURN(KeyRing keys, UnsealKeyRing(folder, TestPassphrase()));
    RETURN_IF_ERROR(FinishRotation(ConfigAt(folder), TestPassphrase(), keys, testing::kCheap));
    auto out = std::unique_ptr<Served>(new Served(std::move(keys)));
    ASSIGN_OR_RETURN(out->connection, OpenForRotation(ConfigAt(folder), out->keys, out->clock));
    RETURN_IF_ERROR(CheckWrapping(*out->connection, out->keys));
    return out;
  }
  std::vector<Bytes> Leaves() {
    MutexLock lock(connection->mutex());
    return *connection->directory().ReadLeaves(0, tlog::kMaxSize, tlog::kMaxBatch);
  }
  DirectoryLog::Head Newest() {
    MutexLock lock(connection->mutex());
    return *connection->directory().Newest();
  }
  std::vector<std::string> Rotated() {
    MutexLock lock(connection->mutex());
    CHECK(connection->audit().reader().Verify().ok());
    std::vector<std::string> out;
    const std::vector<audit::Record> records = *connection->audit().reader().ReadAfter(0, audit::kMaxPage);
    for (const audit::Record& each : records) {
      if (each.name == "key.rotated") out.push_back(absl::StrCat(each.subject, " ", each.details.at("key")));
    }
    return out;
  }
  KeyRing keys;
  FakeClock clock;
  std::unique_ptr<SqlcipherConnection> connection;

 private:
  explicit Served(KeyRing ring) : keys(std::move(ring)) {}
};

absl::StatusOr<LogSucceeded> Succeed(const std::string& folder, const LogSuccessionChoice& choice = {}) {
  return SucceedLog(ConfigAt(folder), TestPassphrase(), choice, FakeClock(), testing::kCheap);
}

// Which versions of whom are in these leaves: how many entries of each index, and that all rules of a log are kept.
std::vector<uint64_t> Replayed(const std::vector<Bytes>& leaves, const std::string& origin, const tlog::Checkpoint& checkpoint) {
  tlog::MemoryMap map;
  tlog::DirectoryReplay replay(origin, map);
  std::map<tlog::Hash, uint64_t> versions;
  for (const Bytes& leaf : leaves) {
    EXPECT_OK(replay.Take(leaf));
    const tlog::DirectoryLeaf parsed = *tlog::ParseDirectoryLeaf(leaf);
    if (const auto* entry = std::get_if<tlog::EntryLeaf>(&parsed)) versions[entry->index.bytes] = entry->version;
  }
  EXPECT_OK(replay.Check(checkpoint));
  std::vector<uint64_t> out;
  for (const auto& [index, version] : versions) out.push_back(version);
  std::sort(out.begin(), out.end());
  return out;
}

struct Before {
  Before() {
    one.world.publisher().PublishAndWait();
    statements = one.world.tokens().Statements();
    start = one.Kept("start");
    const auto served = *Served::Open(start);
    leaves = served->Leaves();
    last = *tlog::OpenCheckpoint(served->Newest().note, served->keys.LogKeys()->signer.verifier());
    vrf = std::make_unique<crypto::VrfKeyPair>(*crypto::VrfKeyPair::FromSeed(Secret::CopyOf(served->keys.transparency->vrf.seed())));
    follow = Secret::CopyOf(served->keys.transparency->follow.view());
  }
  // Of a person in the log of `keys`.
  static tlog::MapIndex IndexOf(const crypto::VrfKeyPair& key, const std::string& user) {
    return {identity::ComputeDirectoryIndex(key, *identity::ParseUserUri(user))};
  }
  KeptWorld one;
  std::string start, folder = one.scratch / "run";
  std::vector<Bytes> leaves, statements;
  tlog::Checkpoint last;
  std::unique_ptr<crypto::VrfKeyPair> vrf;
  Secret follow;
};

TEST(SucceedLog, BeginsWithEveryRecordAndKeepsTheFormerLog) {
  Before before;
  CopyFolder(before.start, before.folder);
  ASSERT_OK_AND_ASSIGN(const LogSucceeded done, Succeed(before.folder));
  EXPECT_EQ(done.number, 2u);
  EXPECT_EQ(done.policy, 2u);
  EXPECT_EQ(done.former_size, before.last.size);
  EXPECT_THAT(done.log_key, StartsWith("example.org/directory/2+"));
  EXPECT_THAT(done.former_key, StartsWith("example.org/directory+"));
  ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(before.folder));
  EXPECT_FALSE(fs::exists(NextLogPath(before.folder)));
  EXPECT_THAT(served->Rotated(), ElementsAre("vrf " + done.log_key));
  ASSERT_OK_AND_ASSIGN(const DirectoryLogKeys keys, served->keys.LogKeys());
  EXPECT_EQ(keys.signer.verifier().ToText(), done.log_key);
  EXPECT_NE(keys.vrf.public_key(), before.vrf->public_key());
  EXPECT_NE(served->keys.transparency->follow, before.follow);
  ASSERT_OK_AND_ASSIGN(const directory::VerifiedPolicy policy, served->keys.Witnesses(served->clock.Now()));
  EXPECT_EQ(policy.log, 2u);
  EXPECT_EQ(policy.policy.logs()[0].key, keys.signer.verifier());
  // Every version of everybody, under rules that anybody can check.
  const std::vector<Bytes> leaves = served->Leaves();
  ASSERT_OK_AND_ASSIGN(const tlog::Checkpoint newest, tlog::OpenCheckpoint(served->Newest().note, keys.signer.verifier()));
  EXPECT_EQ(Replayed(leaves, "example.org/directory/2", newest), Replayed(before.leaves, "example.org/directory", before.last));
  // The keys of tokens go on.
  const auto tokens_of = [](const std::vector<Bytes>& all) {
    std::vector<Bytes> out;
    for (const Bytes& leaf : all) {
      if (std::holds_alternative<tlog::TokenKeyLeaf>(*tlog::ParseDirectoryLeaf(leaf))) out.push_back(leaf);
    }
    std::sort(out.begin(), out.end());
    return out;
  };
  EXPECT_EQ(tokens_of(leaves), tokens_of(before.leaves));
  EXPECT_THAT(tokens_of(leaves), ::testing::SizeIs(2));
  // What there was is kept, with the root's word for its end.
  MutexLock lock(served->connection->mutex());
  FormerLogs former(served->connection->database());
  ASSERT_OK_AND_ASSIGN(const std::optional<FormerLog> log, former.Find(1));
  ASSERT_TRUE(log);
  EXPECT_EQ(*former.ReadLeaves(*log, 0, tlog::kMaxBatch), before.leaves);
  EXPECT_EQ(log->follow, before.follow);
  EXPECT_OK(before.one.world.policy().Open(log->checkpoint));
  ASSERT_OK_AND_ASSIGN(const directory::SignedLogSuccession said, directory::ParseSignedLogSuccession(log->succession));
  ASSERT_OK_AND_ASSIGN(const directory::LogSuccession succession,
                       directory::VerifyLogSuccession(said, served->keys.root, kDomain, served->clock.Now() + absl::Hours(24 * 3650)));
  EXPECT_EQ(succession.number, 2u);
  EXPECT_EQ(succession.reason, directory::SuccessionReason::kPlanned);
  EXPECT_EQ(succession.former_size, before.last.size);
  EXPECT_EQ(succession.former_root, before.last.root);
  EXPECT_EQ(tlog::Encode(directory::GenesisOf(succession, served->keys.root)), leaves[0]);
  // Where people are is told to those who followed them, each with their own key.
  std::map<Bytes, Bytes> handed_over;
  ASSERT_OK_AND_ASSIGN(const std::vector<HandedOver> all, former.HandedOverAfter(*log, 0, 100));
  for (const HandedOver& each : all) handed_over[each.former_index] = each.sealed;
  EXPECT_EQ(handed_over.size(), 2u);
  EXPECT_THAT(*former.HandedOverAfter(*log, 2, 100), IsEmpty());
  for (const char* user : {kAlice, kBob}) {
    const tlog::MapIndex index = Before::IndexOf(*before.vrf, user);
    const Bytes& sealed = handed_over.at(ToBytes(index.bytes));
    const Secret key = directory::FollowKey(before.follow, index);
    ASSERT_OK_AND_ASSIGN(const directory::Handover handover, directory::OpenHandover(sealed, key, said.statement));
    const tlog::MapIndex next = Before::IndexOf(served->keys.transparency->vrf, user);
    EXPECT_EQ(*identity::VerifyDirectoryIndex(succession.vrf_key, *identity::ParseUserUri(user), handover.index_proof), next.bytes);
    EXPECT_EQ(handover.follow_key, directory::FollowKey(served->keys.transparency->follow, next));
    EXPECT_FALSE(directory::OpenHandover(sealed, directory::FollowKey(before.follow, next), said.statement).ok());
  }
}

TEST(SucceedLog, AfterATheftNothingIsHandedOver) {
  Before before;
  CopyFolder(before.start, before.folder);
  ASSERT_OK(Succeed(before.folder, {.stolen = true}));
  ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(before.folder));
  MutexLock lock(served->connection->mutex());
  FormerLogs former(served->connection->database());
  EXPECT_THAT(*former.HandedOverAfter(**former.Find(1), 0, 100), IsEmpty());
}

TEST(SucceedLog, TheServiceGoesOnAndTellsBothLogs) {
  Before before;
  CopyFolder(before.start, before.folder);
  ASSERT_OK(Succeed(before.folder));
  World& world = before.one.world;
  world.GoBack(before.folder);
  ASSERT_OK(world.tokens().Prepare());
  EXPECT_EQ(world.tokens().Statements(), before.statements) << "no key is made anew for it";
  const auto read = [&](uint64_t log, uint64_t from, uint64_t handed_over = 0) {
    keys::v1::ReadLogRequest request;
    request.set_log(log);
    request.set_from(from);
    request.set_handed_over(handed_over);
    request.set_limit(10'000);
    request.set_followed(true);
    keys::v1::ReadLogResponse response;
    absl::Status status = world.directory().ReadLog(request, response);
    return status.ok() ? absl::StatusOr<keys::v1::ReadLogResponse>(response) : status;
  };
  world.publisher().PublishAndWait();
  ASSERT_OK_AND_ASSIGN(const auto former, read(1, 0));
  EXPECT_EQ(static_cast<size_t>(former.leaves_size()), before.leaves.size());
  EXPECT_FALSE(former.succession().empty());
  EXPECT_THAT(former.handed_over(), IsEmpty());
  EXPECT_FALSE(former.has_witness_policy());
  for (const keys::v1::LogLeaf& each : former.leaves()) {
    const tlog::DirectoryLeaf leaf = *tlog::ParseDirectoryLeaf(AsBytes(each.leaf()));
    const auto* entry = std::get_if<tlog::EntryLeaf>(&leaf);
    if (entry == nullptr) continue;
    EXPECT_OK(directory::OpenFollowed(AsBytes(each.sealed()), directory::FollowKey(before.follow, entry->index), AsBytes(each.leaf())));
  }
  ASSERT_OK_AND_ASSIGN(const auto over, read(1, before.leaves.size()));
  EXPECT_EQ(over.handed_over_size(), 2);
  ASSERT_OK_AND_ASSIGN(const auto rest, read(1, before.leaves.size(), 1));
  EXPECT_EQ(rest.handed_over_size(), 1);
  for (const uint64_t log : {0, 2}) {
    ASSERT_OK_AND_ASSIGN(const auto next, read(log, 0));
    EXPECT_TRUE(next.succession().empty());
    EXPECT_TRUE(next.has_witness_policy());
    EXPECT_OK(world.policy().Open(next.checkpoint()));
  }
  EXPECT_THAT(read(3, 0), StatusIs(Code::kFailedPrecondition, StartsWith("log_unknown: ")));
  // People come and go.
  TestDevice carol = world.Enrol("mimi://example.org/u/carol");
  ASSERT_OK(world.Change(identity::Action::kRevokeDevice, kBob, Encode(identity::RevokeDeviceParameters{before.one.bob.id})));
  world.publisher().PublishAndWait();
  MutexLock lock(world.connection().mutex());
  ASSERT_OK_AND_ASSIGN(const std::optional<uint64_t> version, world.connection().directory().PublishedVersion(*identity::ParseUserUri(kBob)));
  EXPECT_EQ(version, 3u);
  // An auditor of authority follows it, what was there before on trust.
  const DirectoryLogKeys log = *world.organisation().keys().LogKeys();
  const Bytes openings = *AllOpenings(world.connection().database(), world.connection().directory(), log.vrf);
  directory::AuthorityTerms terms{kDomain, world.organisation().keys().root, {world.organisation().keys().issuing},
                                  {{world.administrator().key.public_key()}}};
  directory::Authority authority =
      *directory::Authority::Create(std::move(terms), {log.signer.verifier().name(), log.authority, log.vrf.public_key()});
  Reader in(openings);
  while (!in.AtEnd()) {
    const directory::Opening opening = *directory::ParseOpening(*in.Vector(64 << 10));
    const std::vector<Bytes> leaf = *world.connection().directory().ReadLeaves(opening.place, opening.place + 1, 1);
    const auto finding = authority.Take(opening.place, std::get<tlog::EntryLeaf>(*tlog::ParseDirectoryLeaf(leaf[0])), opening);
    EXPECT_FALSE(finding) << finding->ToString();
  }
  EXPECT_EQ(authority.counts().adopted, 4u);
  EXPECT_EQ(authority.counts().checked, 3u);
}

// Keys of tokens that were given out after the copy was taken have epochs that are used once.
TEST(SucceedLog, ARestoredOneSaysSoAndItsTokensBeginBehindAllThatCouldBe) {
  Before before;
  World& world = before.one.world;
  const uint64_t copied = before.leaves.size();
  // Not published here, as a copy may be.
  world.SetWitnessAway(true);
  world.Enrol("mimi://example.org/u/carol");
  const std::string copy = before.one.Kept("copy");
  ASSERT_OK_AND_ASSIGN(const LogSucceeded done, Succeed(copy, {.restored = true}));
  EXPECT_GT(done.former_size, copied);
  {
    ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(copy));
    MutexLock lock(served->connection->mutex());
    ASSERT_OK_AND_ASSIGN(const std::optional<FormerLog> log, FormerLogs(served->connection->database()).Find(1));
    const auto said = *directory::ParseSignedLogSuccession(log->succession);
    EXPECT_EQ(directory::ParseLogSuccession(said.statement)->reason, directory::SuccessionReason::kRestored);
    EXPECT_EQ(log->size, done.former_size);
  }
  world.SetWitnessAway(false);
  world.GoBack(copy);
  const absl::Duration away = absl::Minutes(30);  // the keys of the copy would be in use still
  world.clock().Advance(away);
  ASSERT_OK(world.tokens().Prepare());
  world.publisher().PublishAndWait();
  keys::v1::ReadLogRequest request;
  request.set_limit(10'000);
  keys::v1::ReadLogResponse response;
  ASSERT_OK(world.directory().ReadLog(request, response));
  std::vector<uint64_t> epochs;
  for (const keys::v1::LogLeaf& each : response.leaves()) {
    const tlog::DirectoryLeaf leaf = *tlog::ParseDirectoryLeaf(AsBytes(each.leaf()));
    if (const auto* key = std::get_if<tlog::TokenKeyLeaf>(&leaf)) epochs.push_back(key->epoch);
  }
  EXPECT_THAT(epochs, ElementsAre(1 + 30 + 1, 1 + 30 + 1)) << "a new key of each purpose, and none of before";
  EXPECT_THAT(world.tokens().Statements(), ::testing::SizeIs(2));
}

TEST(SucceedLog, TheFilesOfTwoLogsDoNotMix) {
  EXPECT_EQ(LogFolder("", 2), "");
  EXPECT_EQ(LogFolder("/log", 1), "/log");
  EXPECT_EQ(LogFolder("/log", 2), "/log/2");
  Before before;
  World& world = before.one.world;
  const std::string files = before.one.scratch / "files";
  ASSERT_OK(world.directory_store().WriteFiles(files));
  CopyFolder(before.start, before.folder);
  ASSERT_OK(Succeed(before.folder));
  world.GoBack(before.folder);
  world.publisher().PublishAndWait();
  EXPECT_THAT(world.directory_store().WriteFiles(files), StatusIs(Code::kFailedPrecondition, StartsWith("log_folder_used: ")));
  EXPECT_OK(world.directory_store().WriteFiles(LogFolder(files, 2)));
}

// Whoever erases a person erases them in all logs.
TEST(SucceedLog, ErasedIsErasedInTheFormerLogToo) {
  Before before;
  CopyFolder(before.start, before.folder);
  ASSERT_OK(Succeed(before.folder));
  ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(before.folder));
  MutexLock lock(served->connection->mutex());
  db::Database& database = served->connection->database();
  {
    ASSERT_OK_AND_ASSIGN(db::Transaction transaction, db::Transaction::Begin(database));
    ASSERT_OK(served->connection->directory().Erase(transaction, *identity::ParseUserUri(kBob)));
    ASSERT_OK(transaction.Commit());
  }
  FormerLogs former(database);
  const FormerLog log = *std::move(*former.Find(1));
  EXPECT_THAT(*former.HandedOverAfter(log, 0, 100), ::testing::SizeIs(1));
  for (uint64_t place = 0; place < log.size; ++place) {
    ASSERT_OK_AND_ASSIGN(const auto owner, former.OwnerOf(log, place));
    EXPECT_TRUE(!owner || owner->user == kAlice);
  }
}

TEST(SucceedLog, AgainAndAfterAChangeOfTheLogsKey) {
  Before before;
  CopyFolder(before.start, before.folder);
  ASSERT_OK(RotateLogKey(ConfigAt(before.folder), TestPassphrase(), absl::Hours(1), FakeClock(), testing::kCheap));
  ASSERT_OK_AND_ASSIGN(const LogSucceeded second, Succeed(before.folder));
  EXPECT_EQ(second.policy, 3u);
  EXPECT_FALSE(fs::exists(FormerLogKeyPath(before.folder))) << "a key that signed beside it ends";
  World& world = before.one.world;
  world.GoBack(before.folder);
  world.publisher().PublishAndWait();
  const std::string again = before.one.Kept("again");
  ASSERT_OK(RotateLogKey(ConfigAt(again), TestPassphrase(), absl::ZeroDuration(), FakeClock(), testing::kCheap)) << "of the second log";
  ASSERT_OK_AND_ASSIGN(const LogSucceeded third, Succeed(again));
  EXPECT_EQ(third.number, 3u);
  EXPECT_THAT(third.former_key, StartsWith("example.org/directory/2+"));
  ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(again));
  MutexLock lock(served->connection->mutex());
  FormerLogs former(served->connection->database());
  EXPECT_EQ((*former.Find(1))->size, before.last.size);
  EXPECT_TRUE(*former.Find(2));
  EXPECT_FALSE(*former.Find(3));
}

TEST(SucceedLog, WhatCannotBeDoneChangesNothing) {
  Before before;
  CopyFolder(before.start, before.folder);
  const auto expect_unchanged = [&] {
    ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(before.folder));
    EXPECT_EQ(served->Leaves(), before.leaves);
    EXPECT_EQ(*served->keys.LogNumber(), 1u);
    EXPECT_THAT(served->Rotated(), IsEmpty());
    EXPECT_FALSE(fs::exists(NextLogPath(before.folder)));
  };
  EXPECT_THAT(SucceedLog(ConfigAt(before.folder), Secret::CopyOf(AsBytes("another passphrase")), {}, FakeClock(), testing::kCheap),
              StatusIs(Code::kPermissionDenied, StartsWith("passphrase_wrong: ")));
  expect_unchanged();
  {
    ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(before.folder));
    EXPECT_FALSE(Succeed(before.folder).ok()) << "not while it serves";
  }
  expect_unchanged();
  fs::remove(RootPath(before.folder));
  EXPECT_THAT(Succeed(before.folder), StatusIs(Code::kFailedPrecondition, StartsWith("root_key_missing: ")));
  expect_unchanged();
  // What nobody has confirmed might be told to nobody afterwards.
  before.one.world.SetWitnessAway(true);
  before.one.world.Enrol("mimi://example.org/u/carol");
  const std::string unpublished = before.one.Kept("unpublished");
  EXPECT_THAT(Succeed(unpublished), StatusIs(Code::kFailedPrecondition, StartsWith("log_unpublished: ")));
  EXPECT_EQ(*(*Served::Open(unpublished))->keys.LogNumber(), 1u);
}

TEST(SucceedLog, SealedKeysOfAnotherTimeThanTheDatabaseAreRefused) {
  Before before;
  CopyFolder(before.start, before.folder);
  ASSERT_OK(Succeed(before.folder));
  fs::copy(KeysPath(before.start), KeysPath(before.folder), fs::copy_options::overwrite_existing);
  EXPECT_THAT(Served::Open(before.folder), StatusIs(Code::kFailedPrecondition, StartsWith("log_key_mismatch: ")));
}

// In a process of its own, which is killed: begins another log in ROTATE_FOLDER.
TEST(LogSuccessionChild, Succeeds) {
  const char* const folder = std::getenv("ROTATE_FOLDER");
  if (folder == nullptr) return;
  ASSERT_OK(Succeed(folder));
}

// Killed at each change of a file in turn: at the next start there is the former log or the next one, whole, and a record that says which;
// and another succession goes through.
TEST(SucceedLog, KilledAtEachWrite) {
  Before before;
  const std::string count = before.one.scratch / "count";
  const std::map<std::string, std::string> environment = {{"ROTATE_FOLDER", before.folder}};
  CopyFolder(before.start, before.folder);
  ASSERT_EQ(RunFaulted("LogSuccessionChild.Succeeds", environment, "kill", 0, count), 0);
  const int changes = ReadCount(count);
  ASSERT_GT(changes, 15);
  for (const char* kind : {"kill", "torn", "power"}) {
    int old = 0, next = 0;
    for (int n = 1; n <= changes; ++n) {
      SCOPED_TRACE(absl::StrCat(kind, " at change ", n, " of ", changes));
      CopyFolder(before.start, before.folder);
      const int status = RunFaulted("LogSuccessionChild.Succeeds", environment, kind, n, count);
      EXPECT_TRUE(WIFSIGNALED(status) || status == 0);
      {
        ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(before.folder));
        ASSERT_OK_AND_ASSIGN(const uint64_t number, served->keys.LogNumber());
        ASSERT_OK_AND_ASSIGN(const DirectoryLogKeys keys, served->keys.LogKeys());
        ASSERT_OK_AND_ASSIGN(const tlog::Checkpoint newest, tlog::OpenCheckpoint(served->Newest().note, keys.signer.verifier()));
        EXPECT_EQ(Replayed(served->Leaves(), keys.signer.verifier().name(), newest), (std::vector<uint64_t>{2, 2}));
        EXPECT_EQ(served->Rotated().size(), number - 1);
        EXPECT_FALSE(fs::exists(NextLogPath(before.folder)));
        MutexLock lock(served->connection->mutex());
        const auto former = *FormerLogs(served->connection->database()).Find(1);
        EXPECT_EQ(former.has_value(), number == 2);
        EXPECT_EQ(former ? former->size : before.last.size, before.last.size);
        ++(number == 1 ? old : next);
      }
      if (n % 9 != 0 || *(*Served::Open(before.folder))->keys.LogNumber() != 1) continue;
      EXPECT_OK(Succeed(before.folder));
    }
    std::printf("the directory's log, %s at each of %d changes: the former log %d times, the next one %d times, and nothing between\n", kind,
                changes, old, next);
    EXPECT_GT(old, 0);
    EXPECT_GT(next, 0);
  }
}

}  // namespace
}  // namespace plumbline::keyserver
