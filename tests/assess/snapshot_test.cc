#include "assess/tools/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>

#include "assess/tools/database.h"
#include "tests/status_matchers.h"

namespace plumbline::assess {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

std::string MakeDatabase(const std::string& name, const Bytes& key) {
  const std::string path = ::testing::TempDir() + "/" + name + std::to_string(getpid()) + ".db";
  std::filesystem::remove(path);
  sqlite3* db = nullptr;
  EXPECT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  const std::string sql = "PRAGMA key = \"x'" + ToHex(key) + "'\"; PRAGMA cipher_page_size = 4096; "
                          "CREATE TABLE people (name TEXT, id BLOB); INSERT INTO people VALUES ('Alice', x'00ff');";
  EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  return path;
}

std::map<std::string, size_t> Find(const std::string& path, const Bytes& key, const PatternSet& patterns, bool wal) {
  const auto database = DecryptDatabase(path, key);
  EXPECT_OK(database);
  std::vector<Hit> hits;
  for (const Hit& hit : SearchDatabase(*database, "db", patterns)) {
    if ((hit.place.find("-wal") != std::string::npos) == wal) hits.push_back(hit);
  }
  return CountByName(hits);
}

TEST(PlantControls, AreFoundInTheJournalAndThenInLiveAndFreePages) {
  const Bytes key = RandomBytes(32);
  const std::string path = MakeDatabase("controls", key);
  const std::string live = NewMarker(), deleted = NewMarker();
  PatternSet patterns;
  patterns.AddMarker("live", live);
  patterns.AddMarker("deleted", deleted);
  bool called = false;
  ASSERT_OK(PlantControls(path, key, 4096, live, deleted, [&] {
    called = true;
    const auto in_wal = Find(path, key, patterns, true);
    EXPECT_TRUE(in_wal.contains("live"));
    EXPECT_TRUE(in_wal.contains("deleted"));
    return absl::OkStatus();
  }));
  EXPECT_TRUE(called);
  const auto in_file = Find(path, key, patterns, false);
  EXPECT_TRUE(in_file.contains("live"));
  EXPECT_TRUE(in_file.contains("deleted"));
}

TEST(DumpTables, ShowsTextAsItIsAndBinaryInHexadecimal) {
  const Bytes key = RandomBytes(32);
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> lines, DumpTables(MakeDatabase("dump", key), key, 4096, 3, 20));
  EXPECT_THAT(lines, Contains("people: 1 rows"));
  EXPECT_THAT(lines, Contains(HasSubstr("name=Alice  id=00ff")));
}

TEST(DumpTables, NeedsTheKey) {
  EXPECT_FALSE(DumpTables(MakeDatabase("nokey", RandomBytes(32)), RandomBytes(32), 4096, 3, 20).ok());
}

}  // namespace
}  // namespace plumbline::assess
