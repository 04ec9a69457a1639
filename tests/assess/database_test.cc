#include "assess/tools/database.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>

#include "assess/tools/child.h"
#include "tests/status_matchers.h"

namespace plumbline::assess {
namespace {

using ::plumbline::testing::StatusIs;

// A SQLCipher database in a file of its own, open until the end of the test.
class Database {
 public:
  Database(const std::string& name, const Bytes& key, const std::string& pragmas) {
    path_ = ::testing::TempDir() + "/" + name + std::to_string(getpid());
    std::filesystem::remove(path_);
    std::filesystem::remove(path_ + "-wal");
    EXPECT_EQ(sqlite3_open(path_.c_str(), &db_), SQLITE_OK);
    Do("PRAGMA key = \"x'" + ToHex(key) + "'\"");
    Do("PRAGMA cipher_page_size = 4096");
    Do(pragmas);
    Do("CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)");
  }
  ~Database() { sqlite3_close(db_); }
  void Do(const std::string& sql) {
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << sql << ": " << error;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  sqlite3* db_ = nullptr;
};

std::map<std::string, size_t> Find(const std::string& path, const Bytes& key,
                                   const std::map<std::string, std::string>& markers) {
  PatternSet patterns;
  for (const auto& [name, marker] : markers) patterns.AddMarker(name, marker);
  const auto database = DecryptDatabase(path, key);
  EXPECT_OK(database);
  if (!database.ok()) return {};
  EXPECT_EQ(database->unreadable, 0u);
  return CountByName(SearchDatabase(*database, "db", patterns));
}

TEST(DecryptDatabase, ShowsLiveRows) {
  const Bytes key = RandomBytes(32);
  const std::string live = NewMarker();
  Database database("live", key, "PRAGMA journal_mode = DELETE");
  database.Do("INSERT INTO t (body) VALUES ('" + live + "')");
  EXPECT_TRUE(Find(database.path(), key, {{"live", live}}).contains("live"));
}

TEST(DecryptDatabase, ShowsRowsThatWereDeletedButNotOverwritten) {
  const Bytes key = RandomBytes(32);
  const std::string deleted = NewMarker();
  Database database("deleted", key, "PRAGMA secure_delete = OFF");
  database.Do("INSERT INTO t (body) VALUES ('" + std::string(20000, 'x') + deleted + "')");
  database.Do("DELETE FROM t");
  EXPECT_TRUE(Find(database.path(), key, {{"deleted", deleted}}).contains("deleted"));
  ASSERT_OK_AND_ASSIGN(const DecryptedDatabase decrypted, DecryptDatabase(database.path(), key));
  EXPECT_GT(decrypted.free_pages, 0u);
}

TEST(DecryptDatabase, ShowsNothingOfRowsThatWereDeletedSecurely) {
  const Bytes key = RandomBytes(32);
  const std::string deleted = NewMarker();
  Database database("secure", key, "PRAGMA secure_delete = ON");
  database.Do("INSERT INTO t (body) VALUES ('" + deleted + "')");
  database.Do("DELETE FROM t");
  EXPECT_TRUE(Find(database.path(), key, {{"deleted", deleted}}).empty());
}

TEST(DecryptDatabase, ShowsFramesOfTheWriteAheadLog) {
  const Bytes key = RandomBytes(32);
  const std::string in_wal = NewMarker();
  Database database("wal", key, "PRAGMA journal_mode = WAL");
  database.Do("INSERT INTO t (body) VALUES ('" + in_wal + "')");
  ASSERT_OK_AND_ASSIGN(const DecryptedDatabase decrypted, DecryptDatabase(database.path(), key));
  PatternSet patterns;
  patterns.AddMarker("in the log", in_wal);
  const auto hits = SearchDatabase(decrypted, "db", patterns);
  ASSERT_FALSE(hits.empty());
  EXPECT_EQ(hits[0].place.substr(0, 12), "db-wal page ");
}

TEST(DecryptDatabase, RefusesAnotherKey) {
  Database database("wrongkey", RandomBytes(32), "PRAGMA journal_mode = DELETE");
  EXPECT_THAT(DecryptDatabase(database.path(), RandomBytes(32)), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(DecryptDatabase, RefusesAPlaintextDatabase) {
  const std::string path = ::testing::TempDir() + "/plain" + std::to_string(getpid());
  ASSERT_OK(WriteFile(path, "SQLite format 3" + std::string(8192, '\0')));
  EXPECT_THAT(DecryptDatabase(path, RandomBytes(32)),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("not encrypted")));
}

}  // namespace
}  // namespace plumbline::assess
