#include "common/db/salvage.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/common/certificates.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline::db {
namespace {

using plumbline::testing::ScratchDir;
using plumbline::testing::StatusIs;
using plumbline::testing::ValueOf;
using ::testing::HasSubstr;

constexpr size_t kPage = 4096;
constexpr Migration kSchema[] = {
    {"first", "CREATE TABLE notes (row INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, body BLOB NOT NULL);"
              "CREATE INDEX notes_by_body ON notes (body);"
              "CREATE TABLE others (row INTEGER PRIMARY KEY, name TEXT NOT NULL)"}};

// `size` bytes of body each; every tenth of several pages.
void Fill(const std::string& path, const Key& key, int count, size_t size) {
  const auto database = ValueOf(Database::Open(path, key));
  ASSERT_OK(database->Migrate(kSchema));
  auto transaction = ValueOf(Transaction::Begin(*database));
  for (int i = 1; i <= count; ++i) {
    auto insert = ValueOf(database->Prepare("INSERT INTO notes (name, body) VALUES (?, ?)"));
    ASSERT_OK(insert.Bind(1, absl::string_view(absl::StrCat("note ", i))).Bind(2, ByteView(RandomBytes(i % 10 == 0 ? 20000 : size))).Run());
    auto other = ValueOf(database->Prepare("INSERT INTO others (name) VALUES (?)"));
    ASSERT_OK(other.Bind(1, absl::string_view(absl::StrCat("other ", i))).Run());
  }
  ASSERT_OK(transaction.Commit());
  ASSERT_OK(database->Checkpoint());
}

void FlipByte(const std::string& path, size_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(byte);
}

int64_t Count(Database& database, const std::string& sql) {
  auto query = ValueOf(database.Prepare(sql));
  EXPECT_TRUE(ValueOf(query.Step()));
  return query.Int64(0);
}

TEST(Salvage, AWholeDatabaseIsNotDamaged) {
  const ScratchDir dir;
  const Key key = Key::Random();
  Fill(dir / "store", key, 100, 300);
  const auto database = ValueOf(Database::Open(dir / "store", key));
  ASSERT_OK_AND_ASSIGN(const SalvageReport report, Salvage::Survey(*database));
  EXPECT_EQ(report.Damaged(), "");
  ASSERT_EQ(report.tables.size(), 2u);
  EXPECT_EQ(report.tables[0].rows, 100);
}

// Each page in turn: what is not on it, or reached through it, is kept.
TEST(Salvage, KeepsEveryRowThatCanBeReadWhicheverPageIsDamaged) {
  const ScratchDir dir;
  const Key key = Key::Random();
  constexpr int kRows = 120;
  Fill(dir / "whole", key, kRows, 300);
  const size_t pages = std::filesystem::file_size(dir / "whole") / kPage;
  ASSERT_GT(pages, 40u);
  int few_lost = 0, refused = 0;
  for (size_t page = 1; page < pages; ++page) {  // without the first, the key does not open it
    SCOPED_TRACE(page);
    const std::string path = dir / absl::StrCat("store", page);
    std::filesystem::copy(dir / "whole", path);
    FlipByte(path, page * kPage + 100);
    const auto replaced = Salvage::Replace(path, key, absl::FromUnixSeconds(7), {});
    if (!replaced.ok()) {
      EXPECT_THAT(replaced, StatusIs(absl::StatusCode::kDataLoss, HasSubstr("store_damaged")));
      ++refused;
      continue;
    }
    const auto database = ValueOf(Database::Open(path, key));
    EXPECT_OK(database->CheckIntegrity());
    ASSERT_OK_AND_ASSIGN(const int version, database->SchemaVersion());
    EXPECT_EQ(version, 1);
    for (const SalvagedTable& table : replaced->tables) {
      EXPECT_EQ(Count(*database, "SELECT count(*) FROM " + table.name), table.rows);
      EXPECT_EQ(table.rows == kRows, !table.damaged) << table.name;
      few_lost += table.damaged && table.rows >= kRows - 40;
    }
    EXPECT_TRUE(std::filesystem::exists(path + ".damaged-7"));
    EXPECT_EQ(std::filesystem::file_size(path + ".damaged-7"), pages * kPage);
    // It works on: the indexes are there again.
    EXPECT_OK(database->Execute("INSERT INTO notes (name, body) VALUES ('new', x'00')"));
    EXPECT_THAT(database->Execute("INSERT INTO notes (name, body) VALUES ('new', x'00')"), StatusIs(absl::StatusCode::kAlreadyExists));
  }
  EXPECT_GT(few_lost, 20);
  EXPECT_LT(refused, 3);
}

TEST(Salvage, DoesNotReplaceWhatIsRequiredAndDamaged) {
  const ScratchDir dir;
  const Key key = Key::Random();
  Fill(dir / "store", key, 120, 300);
  for (size_t page = 6; page < 30; ++page) FlipByte(dir / "store", page * kPage + 100);
  EXPECT_THAT(Salvage::Replace(dir / "store", key, absl::FromUnixSeconds(7), {"notes"}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("table notes")));
  EXPECT_FALSE(std::filesystem::exists(dir / "store.damaged-7"));
  const auto database = ValueOf(Database::Open(dir / "store", key));
  EXPECT_FALSE(database->CheckIntegrity().ok());  // as it was
}

}  // namespace
}  // namespace plumbline::db
