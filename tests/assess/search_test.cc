// The judgement of step d, on files and processes of its own.
#include "assess/demo/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>

#include "assess/tools/child.h"
#include "tests/status_matchers.h"

namespace plumbline::assess {
namespace {

namespace fs = std::filesystem;

// A "service": a sleeping process with a database and a log.
class Fixture {
 public:
  explicit Fixture(const std::string& name) : folder_(::testing::TempDir() + "/" + name + std::to_string(getpid())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    sqlite3* db = nullptr;
    EXPECT_EQ(sqlite3_open((folder_ + "/a.db").c_str(), &db), SQLITE_OK);
    const std::string sql = "PRAGMA key = \"x'" + ToHex(key_) + "'\"; PRAGMA cipher_page_size = 4096; CREATE TABLE t (a TEXT);";
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
    EXPECT_OK(WriteFile(folder_ + "/a.log", "started\n"));
  }
  void Start(const std::map<std::string, std::string>& environment) {
    auto child = Child::Start({.program = "/bin/sleep", .arguments = {"60"}, .environment = environment}, {.log_path = "/dev/null"});
    ASSERT_OK(child);
    child_ = *std::move(child);
    ASSERT_TRUE(PollUntil(
        [&] { return ReadFile("/proc/" + std::to_string(child_.pid()) + "/comm").value_or("") == "sleep\n"; },
        absl::Seconds(10)));
  }
  void Execute(const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((folder_ + "/a.db").c_str(), &db), SQLITE_OK);
    const std::string all = "PRAGMA key = \"x'" + ToHex(key_) + "'\"; PRAGMA cipher_page_size = 4096; PRAGMA secure_delete = OFF; " + sql;
    EXPECT_EQ(sqlite3_exec(db, all.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
  }
  std::vector<PlaceResult> Search(const PatternSet& patterns, const std::string& a, const std::string& b) {
    const SearchedService service = {.name = "service", .pid = child_.pid(), .folder = folder_, .database = folder_ + "/a.db",
                                     .database_key = Secret::CopyOf(key_), .log = folder_ + "/a.log", .memory_controls = {a, b}};
    return SearchService(service, patterns, folder_ + ".scratch");
  }
  const std::string& folder() const { return folder_; }

 private:
  const std::string folder_;
  const Bytes key_ = RandomBytes(32);
  Child child_;
};

PatternSet One(const std::string& marker) {
  PatternSet patterns;
  patterns.AddMarker("canary", marker);
  return patterns;
}

#define SKIP_WITHOUT_PRIVILEGE(results) \
  if (results[2].found == Found::kNoPrivilege) GTEST_SKIP() << "NOT DEMONSTRATED: " << results[2].looked_at

TEST(SearchService, IsCleanOnlyWithEveryControlFound) {
  const std::string a = NewMarker(), b = NewMarker();
  Fixture fixture("clean");
  fixture.Start({{"A", a}, {"B", b}});
  const auto results = fixture.Search(One(NewMarker()), a, b);
  ASSERT_EQ(results.size(), 3u);
  SKIP_WITHOUT_PRIVILEGE(results);
  for (const PlaceResult& result : results) {
    EXPECT_EQ(result.found, Found::kClean) << result.place << ": " << result.looked_at;
    EXPECT_EQ(result.controls_found, result.controls_planted);
    EXPECT_GT(result.controls_planted, 0u);
  }
}

TEST(SearchService, FindsACanaryInARowThatWasDeleted) {
  const std::string a = NewMarker(), canary = NewMarker();
  Fixture fixture("deleted");
  fixture.Start({{"A", a}});
  fixture.Execute("INSERT INTO t VALUES ('" + std::string(9000, '.') + canary + "'); DELETE FROM t;");
  EXPECT_EQ(fixture.Search(One(canary), a, a)[0].found, Found::kFound);
}

TEST(SearchService, FindsACanaryInALog) {
  const std::string a = NewMarker(), canary = NewMarker();
  Fixture fixture("log");
  fixture.Start({{"A", a}});
  ASSERT_OK(WriteFile(fixture.folder() + "/a.log", "user sent " + ToHex(AsBytes(canary)) + "\n"));
  EXPECT_EQ(fixture.Search(One(canary), a, a)[1].found, Found::kFound);
}

TEST(SearchService, FindsACanaryInMemory) {
  const std::string a = NewMarker(), canary = NewMarker();
  Fixture fixture("memory");
  fixture.Start({{"A", a}, {"LEAK", canary}});
  const auto results = fixture.Search(One(canary), a, a);
  SKIP_WITHOUT_PRIVILEGE(results);
  EXPECT_EQ(results[2].found, Found::kFound);
}

TEST(SearchService, IsNotCleanIfAControlIsMissing) {
  const std::string a = NewMarker();
  Fixture fixture("missing");
  fixture.Start({{"A", a}});
  const auto results = fixture.Search(One(NewMarker()), a, NewMarker());
  SKIP_WITHOUT_PRIVILEGE(results);
  EXPECT_EQ(results[2].found, Found::kControlMissing);
}

TEST(SearchCapture, IsNotCleanWithoutItsControl) {
  EXPECT_EQ(SearchCapture({}, "", One(NewMarker()), NewMarker()).found, Found::kControlMissing);
}

}  // namespace
}  // namespace plumbline::assess
