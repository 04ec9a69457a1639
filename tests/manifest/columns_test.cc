// Databases against what is declared of them.
#include "common/manifest/columns.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>

#include "absl/strings/str_split.h"
#include "common/check.h"
#include "tests/common/certificates.h"
#include "tests/common/scratch.h"

namespace plumbline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Columns : public ::testing::Test {
 protected:
  Columns() : database_(testing::ValueOf(db::Database::Open(scratch_ / "x.db", db::Key::Random(), {.create = true}))) {
    CHECK(google::protobuf::TextFormat::ParseFromString(
        R"(process { name: "p" database { file: "x.db" table { name: "t" column { name: "a" is: MAILBOX_ID } column { name: "b" is: MAILBOX_ID } } } })",
        &manifest_));
  }
  std::vector<std::string> Compare(const std::string& sql, const std::string& file = "x.db") {
    for (const absl::string_view each : absl::StrSplit(sql, ";")) CHECK(database_->Execute(std::string(each)).ok());
    return testing::ValueOf(manifest::CompareColumns(manifest_, "p", file, *database_));
  }

  const testing::ScratchDir scratch_;
  const std::unique_ptr<db::Database> database_;
  metadata::v1::Manifest manifest_;
};

TEST_F(Columns, AreAsDeclared) { EXPECT_THAT(Compare("CREATE TABLE t (a BLOB, b BLOB)"), IsEmpty()); }
TEST_F(Columns, OneMore) { EXPECT_THAT(Compare("CREATE TABLE t (a BLOB, b BLOB, c BLOB)"), ElementsAre(HasSubstr("t.c is not declared"))); }
TEST_F(Columns, OneLess) { EXPECT_THAT(Compare("CREATE TABLE t (a BLOB)"), ElementsAre(HasSubstr("t.b is declared, and there is no such column"))); }
TEST_F(Columns, AnotherTable) { EXPECT_THAT(Compare("CREATE TABLE t (a BLOB, b BLOB); CREATE TABLE u (z BLOB)"), ElementsAre(HasSubstr("u.z is not declared"))); }
TEST_F(Columns, AColumnAddedLater) {
  EXPECT_THAT(Compare("CREATE TABLE t (a BLOB, b BLOB); ALTER TABLE t ADD COLUMN late INTEGER"), ElementsAre(HasSubstr("t.late is not declared")));
}
TEST_F(Columns, AnUndeclaredDatabase) { EXPECT_THAT(Compare("CREATE TABLE t (a BLOB, b BLOB)", "y.db"), ElementsAre(HasSubstr("this database is not declared"))); }

}  // namespace
}  // namespace plumbline
