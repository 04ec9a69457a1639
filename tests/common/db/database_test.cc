#include "common/db/database.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline::db {
namespace {

using ::plumbline::testing::ScratchDir;
using ::plumbline::testing::StatusIs;
using ::testing::HasSubstr;

const Migration kSchema[] = {
    {"notes", "CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, body BLOB)"},
    {"links", "CREATE TABLE links(note INTEGER NOT NULL REFERENCES notes(id) ON DELETE CASCADE)"},
};
constexpr absl::string_view kCanary = "CANARY-9f27c1d08b-PLAINTEXT";

std::unique_ptr<Database> MustOpen(const std::string& path, const Key& key, OpenOptions options = {}) {
  auto database = Database::Open(path, key, options);
  if (!database.ok()) std::fprintf(stderr, "%s\n", database.status().ToString().c_str());
  CHECK(database.ok());
  CHECK((*database)->Migrate(kSchema).ok());
  return *std::move(database);
}

absl::Status AddNote(Database& database, absl::string_view text, ByteView body = {}) {
  ASSIGN_OR_RETURN(Statement insert, database.Prepare("INSERT INTO notes(text, body) VALUES(?1, ?2)"));
  return insert.Bind(1, text).Bind(2, body).Run();
}

int64_t CountNotes(Database& database) {
  auto query = database.Prepare("SELECT count(*) FROM notes");
  CHECK(query.ok());
  const auto row = query->Step();
  CHECK(row.ok() && *row);
  return query->Int64(0);
}

std::string FileText(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

void FlipByte(const std::string& path, off_t offset) {
  const int fd = open(path.c_str(), O_RDWR);
  CHECK(fd >= 0);
  uint8_t byte = 0;
  CHECK(pread(fd, &byte, 1, offset) == 1);
  byte ^= 0x10;
  CHECK(pwrite(fd, &byte, 1, offset) == 1);
  close(fd);
}

TEST(Database, KeepsEveryTypeOfValue) {
  const ScratchDir dir;
  const auto database = MustOpen(dir / "store", Key::Random());
  ASSERT_OK_AND_ASSIGN(Statement query, database->Prepare("SELECT ?1, ?2, ?3, ?4, ?5"));
  const Bytes blob = {0, 1, 255};
  query.Bind(1, int64_t{-5}).Bind(2, absl::string_view("a\0b", 3)).Bind(3, blob).Bind(4, ByteView()).BindNull(5);
  ASSERT_OK_AND_ASSIGN(const bool row, query.Step());
  ASSERT_TRUE(row);
  EXPECT_EQ(query.Int64(0), -5);
  EXPECT_EQ(query.Text(1), absl::string_view("a\0b", 3));
  EXPECT_TRUE(Equal(query.Blob(2), blob));
  EXPECT_FALSE(query.IsNull(3));
  EXPECT_TRUE(query.Blob(3).empty());
  EXPECT_TRUE(query.IsNull(4));
  ASSERT_OK_AND_ASSIGN(const bool more, query.Step());
  EXPECT_FALSE(more);
}

TEST(Database, HasTheSettingsThatDurabilityAndDeletionNeed) {
  const ScratchDir dir;
  const auto database = MustOpen(dir / "store", Key::Random());
  const auto setting = [&](absl::string_view pragma) -> std::string {
    auto query = database->Prepare(pragma);
    CHECK(query.ok() && query->Step().ok());
    return std::string(query->Text(0));
  };
  EXPECT_EQ(setting("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(setting("PRAGMA synchronous"), "2");
  EXPECT_EQ(setting("PRAGMA secure_delete"), "1");
  EXPECT_EQ(setting("PRAGMA foreign_keys"), "1");
  EXPECT_EQ(setting("PRAGMA page_size"), "4096");
  EXPECT_EQ(setting("PRAGMA temp_store"), "2");
  EXPECT_EQ(setting("PRAGMA wal_autocheckpoint"), "10000");
  struct stat info;
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    ASSERT_EQ(stat((dir / "store" + suffix).c_str(), &info), 0) << suffix;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << suffix;
  }
}

// The control proves that the search finds what is there: the same rows in an unencrypted file.
TEST(Database, HoldsNoPlaintextInFileOrLog) {
  const ScratchDir dir;
  const auto database = MustOpen(dir / "store", Key::Random());
  for (int i = 0; i < 50; ++i) ASSERT_OK(AddNote(*database, absl::StrCat(kCanary, i)));
  const auto search = [&](const std::string& name) {
    return FileText(dir / name).find(std::string(kCanary)) != std::string::npos;
  };
  ASSERT_GT(FileText(dir / "store-wal").size(), 4096u);
  EXPECT_FALSE(search("store-wal"));
  ASSERT_OK(database->Checkpoint());
  EXPECT_EQ(FileText(dir / "store-wal").size(), 0u);
  ASSERT_GT(FileText(dir / "store").size(), 4096u);
  EXPECT_FALSE(search("store"));
  EXPECT_FALSE(FileText(dir / "store").starts_with("SQLite format 3"));
  std::ofstream(dir / "control") << FileText(dir / "store") << kCanary;
  EXPECT_TRUE(search("control"));
}

TEST(Database, AWrongKeyIsNamedWithARemedyAndChangesNothing) {
  const ScratchDir dir;
  const Key key = Key::Random();
  { ASSERT_OK(AddNote(*MustOpen(dir / "store", key), "kept")); }
  const std::string before = FileText(dir / "store");
  EXPECT_THAT(Database::Open(dir / "store", Key::Random()),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("store_key_wrong")));
  EXPECT_EQ(FileText(dir / "store"), before);
  EXPECT_EQ(CountNotes(*MustOpen(dir / "store", key)), 1);
}

TEST(Database, RefusesAPlainDatabaseAndLeavesItAlone) {
  const ScratchDir dir;
  std::ofstream(dir / "store") << std::string("SQLite format 3\0", 16) << std::string(4080, '\0');
  const std::string before = FileText(dir / "store");
  EXPECT_THAT(Database::Open(dir / "store", Key::Random()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("store_not_encrypted")));
  EXPECT_EQ(FileText(dir / "store"), before);
}

TEST(Database, IsUnreadableForPlainSqlite) {
  if (std::system("sqlite3 -version >/dev/null 2>&1") != 0) GTEST_SKIP() << "SQLITE3 PROGRAM NOT FOUND";
  const ScratchDir dir;
  { MustOpen(dir / "store", Key::Random()); }
  const std::string command = "sqlite3 " + (dir / "store") + " 'SELECT count(*) FROM sqlite_master' >/dev/null 2>&1";
  EXPECT_NE(std::system(command.c_str()), 0);
}

TEST(Database, RefusesGarbageAndMissingFiles) {
  const ScratchDir dir;
  std::ofstream(dir / "garbage") << std::string(8192, 'x');
  EXPECT_THAT(Database::Open(dir / "garbage", Key::Random()), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(Database::Open(dir / "absent", Key::Random(), {.create = false}), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Database::Open(dir / "no/such/place", Key::Random()), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Key::FromSecret(Secret(31)), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Database, AFlippedByteIsDataLoss) {
  const ScratchDir dir;
  const Key key = Key::Random();
  {
    const auto database = MustOpen(dir / "store", key);
    for (int i = 0; i < 200; ++i) ASSERT_OK(AddNote(*database, absl::StrCat("note ", i), RandomBytes(500)));
    ASSERT_OK(database->Checkpoint());
  }
  FlipByte(dir / "store", 10 * 4096 + 100);
  ASSERT_OK_AND_ASSIGN(const auto database, Database::Open(dir / "store", key));
  EXPECT_THAT(database->CheckIntegrity(), StatusIs(absl::StatusCode::kDataLoss));
}

// The list of tables may be on any page. Only the first one looks like a wrong key when it is damaged.
TEST(Database, ADamagedPageIsNoWrongKey) {
  const ScratchDir dir;
  const std::string path = dir / "store";
  const Key key = Key::Random();
  {
    ASSERT_OK_AND_ASSIGN(const auto database, Database::Open(path, key));
    for (int i = 0; i < 200; ++i) ASSERT_OK(database->Execute(absl::StrCat("CREATE TABLE t", i, " (a INTEGER, b TEXT)")));
    ASSERT_OK(database->Checkpoint());
  }
  int damaged = 0;
  const auto pages = static_cast<off_t>(std::filesystem::file_size(path) / 4096);
  for (off_t page = 0; page < pages; ++page) {
    FlipByte(path, page * 4096 + 700);
    const absl::Status opened = Database::Open(path, key).status();
    if (page == 0) {
      EXPECT_THAT(opened, StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("store_key_wrong")));
    } else if (!opened.ok()) {
      EXPECT_THAT(opened, StatusIs(absl::StatusCode::kDataLoss, HasSubstr("store_damaged"))) << page;
      EXPECT_THAT(opened.message(), HasSubstr(path));
      ++damaged;
    }
    FlipByte(path, page * 4096 + 700);
  }
  EXPECT_GT(damaged, 2);
  EXPECT_OK(Database::Open(path, key));
}

TEST(Database, IsOpenInOneProcessOnly) {
  const ScratchDir dir;
  const Key key = Key::Random();
  const auto database = MustOpen(dir / "store", key);
  EXPECT_THAT(Database::Open(dir / "store", key),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("store_already_open")));
  EXPECT_OK(Database::Open(dir / "store", key, {.exclusive = false}));  // a further connection of this process
}

TEST(Transaction, IsRolledBackWithoutCommit) {
  const ScratchDir dir;
  const auto database = MustOpen(dir / "store", Key::Random());
  {
    ASSERT_OK_AND_ASSIGN(Transaction transaction, Transaction::Begin(*database));
    ASSERT_OK(AddNote(*database, "gone"));
  }
  EXPECT_EQ(CountNotes(*database), 0);
  {
    ASSERT_OK_AND_ASSIGN(Transaction transaction, Transaction::Begin(*database));
    EXPECT_THAT(Transaction::Begin(*database), StatusIs(absl::StatusCode::kInternal));
    ASSERT_OK(AddNote(*database, "kept"));
    ASSERT_OK(transaction.Commit());
  }
  EXPECT_EQ(CountNotes(*database), 1);
}

// A deferred foreign key is only checked by COMMIT itself.
TEST(Transaction, AFailedCommitLeavesNothing) {
  const ScratchDir dir;
  const auto database = MustOpen(dir / "store", Key::Random());
  ASSERT_OK(database->Execute("CREATE TABLE late(note INTEGER REFERENCES notes(id) DEFERRABLE INITIALLY DEFERRED)"));
  {
    ASSERT_OK_AND_ASSIGN(Transaction transaction, Transaction::Begin(*database));
    ASSERT_OK(AddNote(*database, "gone"));
    ASSERT_OK(database->Execute("INSERT INTO late VALUES(999)"));
    EXPECT_THAT(transaction.Commit(), StatusIs(absl::StatusCode::kFailedPrecondition));
  }
  EXPECT_EQ(CountNotes(*database), 0);
  ASSERT_OK(AddNote(*database, "the connection still works"));
}

TEST(Transaction, ASecondWriterIsToldToTryAgain) {
  const ScratchDir dir;
  const Key key = Key::Random();
  const auto first = MustOpen(dir / "store", key);
  ASSERT_OK_AND_ASSIGN(const auto second,
                       Database::Open(dir / "store", key, {.exclusive = false, .busy_timeout = absl::Milliseconds(1)}));
  ASSERT_OK_AND_ASSIGN(Transaction transaction, Transaction::Begin(*first));
  EXPECT_THAT(Transaction::Begin(*second), StatusIs(absl::StatusCode::kAborted));
}

TEST(Statement, NamesTakenKeysAndOtherConstraints) {
  const ScratchDir dir;
  const auto database = MustOpen(dir / "store", Key::Random());
  ASSERT_OK(AddNote(*database, "same"));
  EXPECT_THAT(AddNote(*database, "same"), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(database->Execute("INSERT INTO links VALUES(77)"), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(Statement, IsReusedCleanAndMayBeOnLoanTwice) {
  const ScratchDir dir;
  const auto database = MustOpen(dir / "store", Key::Random());
  { ASSERT_OK(AddNote(*database, "one", AsBytes("body"))); }
  ASSERT_OK_AND_ASSIGN(Statement outer, database->Prepare("SELECT ?1"));
  ASSERT_OK_AND_ASSIGN(Statement inner, database->Prepare("SELECT ?1"));
  outer.Bind(1, int64_t{1});
  inner.Bind(1, int64_t{2});
  ASSERT_OK(outer.Step());
  ASSERT_OK(inner.Step());
  EXPECT_EQ(outer.Int64(0), 1);
  EXPECT_EQ(inner.Int64(0), 2);
  { Statement returned = std::move(outer); }
  ASSERT_OK_AND_ASSIGN(Statement again, database->Prepare("SELECT ?1"));
  ASSERT_OK(again.Step());
  EXPECT_TRUE(again.IsNull(0));  // nothing of the earlier use is left
}

TEST(Statement, ReportsABadBindAndRefusesSeveralStatements) {
  const ScratchDir dir;
  const auto database = MustOpen(dir / "store", Key::Random());
  ASSERT_OK_AND_ASSIGN(Statement query, database->Prepare("SELECT ?1"));
  EXPECT_THAT(query.Bind(2, int64_t{1}).Step(), StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(database->Prepare("SELECT 1; SELECT 2"), StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(database->Prepare(""), StatusIs(absl::StatusCode::kInternal));
}

TEST(Migrate, BringsAnOldStoreForwardAndKeepsItsRows) {
  const ScratchDir dir;
  const Key key = Key::Random();
  {
    ASSERT_OK_AND_ASSIGN(const auto database, Database::Open(dir / "store", key));
    ASSERT_OK(database->Migrate(std::span(kSchema).first(1)));
    ASSERT_OK(AddNote(*database, "old"));
  }
  const auto database = MustOpen(dir / "store", key);
  ASSERT_OK_AND_ASSIGN(const int version, database->SchemaVersion());
  EXPECT_EQ(version, 2);
  EXPECT_EQ(CountNotes(*database), 1);
}

TEST(Migrate, RefusesAStoreThatIsNewerThanTheProgram) {
  const ScratchDir dir;
  const auto database = MustOpen(dir / "store", Key::Random());
  EXPECT_THAT(database->Migrate(std::span(kSchema).first(1)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("store_too_new")));
}

TEST(Migrate, AFailingStepLeavesTheVersionBefore) {
  const ScratchDir dir;
  ASSERT_OK_AND_ASSIGN(const auto database, Database::Open(dir / "store", Key::Random()));
  const Migration broken[] = {kSchema[0], {"broken", "CREATE TABLE half(a); CREATE TABLE notes(b)"}};
  EXPECT_THAT(database->Migrate(broken), StatusIs(absl::StatusCode::kInternal, HasSubstr("broken")));
  ASSERT_OK_AND_ASSIGN(const int version, database->SchemaVersion());
  EXPECT_EQ(version, 1);
  EXPECT_OK(database->Execute("CREATE TABLE half(a)"));  // the first half of the step is gone
}

TEST(BackupTo, MakesAnEncryptedCopyUnderItsOwnKey) {
  const ScratchDir dir;
  const Key key = Key::Random(), other = Key::Random();
  const auto database = MustOpen(dir / "store", key);
  ASSERT_OK(AddNote(*database, kCanary));
  ASSERT_OK(database->BackupTo(dir / "backup", other));
  EXPECT_FALSE(FileText(dir / "backup").starts_with("SQLite format 3"));
  EXPECT_EQ(FileText(dir / "backup").find(std::string(kCanary)), std::string::npos);
  EXPECT_THAT(Database::Open(dir / "backup", key), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(CountNotes(*MustOpen(dir / "backup", other)), 1);
}

TEST(BackupTo, NeverOverwritesAndLeavesNothingBehindOnFailure) {
  const ScratchDir dir;
  const Key key = Key::Random();
  const auto database = MustOpen(dir / "store", key);
  std::ofstream(dir / "taken") << "precious";
  EXPECT_THAT(database->BackupTo(dir / "taken", key), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(FileText(dir / "taken"), "precious");
  EXPECT_FALSE(database->BackupTo(dir / "no/such/place", key).ok());
  EXPECT_THAT(database->BackupTo(dir / "store", key), StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK(database->BackupTo(dir / "good", key));
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    EXPECT_EQ(entry.path().string().find(".partial"), std::string::npos) << entry.path();
  }
}

// The child commits rows and reports each one only after Commit() returned; it is killed in the middle, many times over.
TEST(Database, KeepsEveryCommittedRowWhenTheProcessIsKilled) {
  const ScratchDir dir;
  const Key key = Key::Random();
  { MustOpen(dir / "store", key); }
  int64_t acknowledged = 0;
  for (int round = 0; round < 8; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto database = MustOpen(dir / "store", key);
      for (int64_t i = acknowledged;; ++i) {
        CHECK(AddNote(*database, absl::StrCat("round ", round, " row ", i)).ok());
        CHECK(write(pipe_ends[1], "x", 1) == 1);
      }
    }
    close(pipe_ends[1]);
    char buffer[1];
    for (int i = 0; i < 20 + round * 7; ++i) ASSERT_EQ(read(pipe_ends[0], buffer, 1), 1);
    ASSERT_EQ(kill(child, SIGKILL), 0);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    acknowledged += 20 + round * 7;
    while (read(pipe_ends[0], buffer, 1) == 1) ++acknowledged;  // what it had reported before it died
    close(pipe_ends[0]);
    const auto database = MustOpen(dir / "store", key);  // the lock died with the child
    ASSERT_OK(database->CheckIntegrity());
    const int64_t found = CountNotes(*database);
    EXPECT_GE(found, acknowledged);
    EXPECT_LE(found, acknowledged + 1);  // at most one row was on disk and not yet reported
    acknowledged = found;
  }
}

// With the key: deleted content is gone from live and free pages and from the log after a checkpoint.
TEST(Database, DeletedContentIsGoneAfterACheckpoint) {
  const ScratchDir dir;
  const Key key = Key::Random();
  const auto database = MustOpen(dir / "store", key);
  for (int i = 0; i < 100; ++i) ASSERT_OK(AddNote(*database, absl::StrCat("n", i), Bytes(3000, 0x41)));
  ASSERT_OK(database->Checkpoint());
  const std::string before = FileText(dir / "store");
  ASSERT_OK(database->Execute("DELETE FROM notes"));
  ASSERT_OK(database->Checkpoint());
  const std::string after = FileText(dir / "store");
  ASSERT_EQ(before.size(), after.size());  // the pages stay, in the free list
  size_t unchanged = 0;
  for (size_t page = 0; page < after.size(); page += 4096) {
    unchanged += before.compare(page, 4096, after, page, 4096) == 0 ? 1 : 0;
  }
  EXPECT_LE(unchanged, 5u);  // schema pages only: every page that held content was overwritten
  EXPECT_EQ(FileText(dir / "store-wal").size(), 0u);
}

// A second process that opens and closes the store must not take itself for the last one and remove the log under the first:
// what the first wrote from then on would be lost with it. That happens when the first has lost its lock on the file.
TEST(Database, AReaderInAnotherProcessDoesNotCutOffWhatIsWrittenLater) {
  const ScratchDir dir;
  const Key key = Key::Random();
  int go[2], answer[2];
  ASSERT_EQ(pipe(go), 0);
  ASSERT_EQ(pipe(answer), 0);
  const pid_t reader = fork();  // before the parent opens anything, so that the child has nothing of it
  ASSERT_GE(reader, 0);
  if (reader == 0) {
    char signal;
    while (read(go[0], &signal, 1) == 1 && signal == 'r') {
      const auto database = Database::Open(dir / "store", key, {.create = false, .exclusive = false});
      const uint8_t count = database.ok() ? static_cast<uint8_t>(CountNotes(**database)) : 255;
      if (write(answer[1], &count, 1) != 1) break;
    }
    _exit(0);
  }
  const auto seen_by_reader = [&] {
    uint8_t count = 254;
    EXPECT_EQ(write(go[1], "r", 1), 1);
    EXPECT_EQ(read(answer[0], &count, 1), 1);
    return static_cast<int>(count);
  };
  {
    const auto first = MustOpen(dir / "store", key);
    ASSERT_OK(AddNote(*first, "one"));
    EXPECT_EQ(seen_by_reader(), 1);
    ASSERT_OK(AddNote(*first, "two"));
    EXPECT_EQ(seen_by_reader(), 2);
    { const auto second = MustOpen(dir / "store", key, {.create = false, .exclusive = false}); }
    EXPECT_EQ(seen_by_reader(), 2);
    ASSERT_OK(AddNote(*first, "three"));
    EXPECT_EQ(seen_by_reader(), 3);
  }
  EXPECT_EQ(write(go[1], "e", 1), 1);
  EXPECT_EQ(waitpid(reader, nullptr, 0), reader);
  EXPECT_EQ(CountNotes(*MustOpen(dir / "store", key)), 3);
  for (const int fd : {go[0], go[1], answer[0], answer[1]}) close(fd);
}

TEST(Database, ConnectionsOfSeveralThreadsDoNotLoseWrites) {
  const ScratchDir dir;
  const Key key = Key::Random();
  const auto first = MustOpen(dir / "store", key);
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 3; ++writer) {
    writers.emplace_back([&, writer] {
      const auto database = MustOpen(dir / "store", key, {.exclusive = false, .busy_timeout = absl::Seconds(60)});
      for (int i = 0; i < 50; ++i) {
        auto transaction = Transaction::Begin(*database);
        CHECK(transaction.ok());
        CHECK(AddNote(*database, absl::StrCat(writer, ".", i)).ok());
        CHECK(transaction->Commit().ok());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(CountNotes(*first), 150);
}

}  // namespace
}  // namespace plumbline::db
