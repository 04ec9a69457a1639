// Rows tell the order of arrival in one mailbox and nothing else.
#include "server/store/row_places.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/server/temporary_directory.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using identity::MailboxId;

db::Key TestKey(uint8_t n) { return *db::Key::FromSecret(Secret::CopyOf(Bytes(32, n))); }

// The tables as they are, and as they were.
constexpr db::Migration kTables[] = {{"tables", R"sql(
CREATE TABLE envelopes (
  row INTEGER PRIMARY KEY, mailbox BLOB NOT NULL, envelope_id BLOB NOT NULL, day INTEGER NOT NULL, sealed BLOB NOT NULL);
CREATE TABLE unplaced_envelopes (
  row INTEGER PRIMARY KEY, mailbox BLOB NOT NULL, envelope_id BLOB NOT NULL, sealed BLOB NOT NULL, day INTEGER NOT NULL);
CREATE TABLE answers (
  row INTEGER PRIMARY KEY, envelope_id BLOB NOT NULL, content_hash BLOB NOT NULL, outcome INTEGER NOT NULL, day INTEGER NOT NULL);
CREATE TABLE unplaced_answers (
  row INTEGER PRIMARY KEY, envelope_id BLOB NOT NULL, content_hash BLOB NOT NULL, outcome INTEGER NOT NULL, day INTEGER NOT NULL);
CREATE TABLE row_places (row INTEGER PRIMARY KEY CHECK (row = 1), mark BLOB NOT NULL);
)sql"}};

struct World {
  World() : database(*db::Database::Open(directory.File("places.db"), db::Key::Random())) { EXPECT_OK(database->Migrate(kTables)); }

  void Unplaced(const MailboxId& mailbox, uint8_t n) {
    db::Statement insert = *database->Prepare("INSERT INTO unplaced_envelopes (mailbox, envelope_id, sealed, day) VALUES (?, ?, ?, 7)");
    EXPECT_OK(insert.Bind(1, ByteView(mailbox)).Bind(2, ByteView(Bytes(16, n))).Bind(3, ByteView(Bytes(100, n))).Run());
  }
  void Insert(const MailboxId& mailbox, int64_t row) {
    db::Statement insert = *database->Prepare("INSERT INTO envelopes (row, mailbox, envelope_id, day, sealed) VALUES (?, ?, x'00', 7, x'00')");
    EXPECT_OK(insert.Bind(1, row).Bind(2, ByteView(mailbox)).Run());
  }
  // The first byte of each sealed content, in the order of rows.
  std::map<MailboxId, std::vector<int>> Contents() {
    std::map<MailboxId, std::vector<int>> out;
    db::Statement read = *database->Prepare("SELECT mailbox, sealed FROM envelopes ORDER BY row");
    while (*read.Step()) out[*identity::ToFixed<16>(read.Blob(0))].push_back(read.Blob(1)[0]);
    return out;
  }
  int64_t Count(const char* table) {
    db::Statement count = *database->Prepare(std::string("SELECT COUNT(*) FROM ") + table);
    EXPECT_TRUE(*count.Step());
    return count.Int64(0);
  }

  TemporaryDirectory directory;
  std::unique_ptr<db::Database> database;
};

// Two ids that have one place under this key.
std::pair<MailboxId, MailboxId> InOnePlace(const RowPlaces& places) {
  std::map<int64_t, MailboxId> seen;
  for (;;) {
    const auto id = identity::RandomFixed<16>();
    const auto [other, fresh] = seen.emplace(places.Of(id).first, id);
    if (!fresh) return {other->second, id};
  }
}

TEST(RowPlaces, AreNeitherInTheOrderOfIdsNorTheSameUnderAnotherKey) {
  const RowPlaces one(TestKey(1)), again(TestKey(1)), other(TestKey(2));
  std::vector<int64_t> places;
  for (uint8_t n = 0; n < 20; ++n) {
    MailboxId id{};
    id[15] = n;
    EXPECT_EQ(one.Of(id).first, again.Of(id).first);
    EXPECT_NE(one.Of(id).first, other.Of(id).first);
    EXPECT_GE(one.Of(id).first, 0);
    EXPECT_EQ(one.Of(id).last - one.Of(id).first, 0xffffffff);
    places.push_back(one.Of(id).first);
  }
  EXPECT_FALSE(std::is_sorted(places.begin(), places.end()));
  EXPECT_TRUE(Equal(one.mark(), again.mark()));
  EXPECT_FALSE(Equal(one.mark(), other.mark()));
}

TEST(RowNumbers, RiseWithinAMailboxFromARandomOneOn) {
  World w;
  const RowPlaces places(TestKey(1));
  std::set<int64_t> begins;
  for (int i = 0; i < 10; ++i) {
    RowNumbers numbers;
    const RowPlaces::Range range = places.Of(identity::RandomFixed<16>());
    ASSERT_OK_AND_ASSIGN(const int64_t first, numbers.Next(*w.database, range));
    ASSERT_OK_AND_ASSIGN(const int64_t second, numbers.Next(*w.database, range));
    EXPECT_GT(first, range.first);
    EXPECT_EQ(second, first + 1);
    begins.insert(first - range.first);
  }
  EXPECT_GE(begins.size(), 9u);
}

TEST(RowNumbers, AreNotGivenTwiceThoughTheRowIsGone) {
  World w;
  const RowPlaces places(TestKey(1));
  const auto mailbox = identity::RandomFixed<16>();
  RowNumbers numbers;
  ASSERT_OK_AND_ASSIGN(const int64_t first, numbers.Next(*w.database, places.Of(mailbox)));
  ASSERT_OK_AND_ASSIGN(const int64_t second, numbers.Next(*w.database, places.Of(mailbox)));  // the table is empty all the time
  EXPECT_GT(second, first);
  w.Insert(mailbox, second);
  RowNumbers later;  // of the next start
  ASSERT_OK_AND_ASSIGN(const int64_t third, later.Next(*w.database, places.Of(mailbox)));
  EXPECT_GT(third, second);
}

// A row of an earlier life, which a reader has seen in this one.
TEST(RowNumbers, AreAboveWhatIsDeletedBeforeTheFirstIsGiven) {
  World w;
  const RowPlaces places(TestKey(1));
  for (int i = 0; i < 5; ++i) {  // a random beginning could be above it by chance
    const auto mailbox = identity::RandomFixed<16>();
    const int64_t before = places.Of(mailbox).first + 2'000'000'000;
    w.Insert(mailbox, before);
    RowNumbers numbers;
    ASSERT_OK(numbers.Remember(*w.database, places.Of(mailbox)));
    EXPECT_EQ(RowPlaces::Around(before).first, places.Of(mailbox).first);
    db::Statement remove = *w.database->Prepare("DELETE FROM envelopes WHERE row = ?");
    ASSERT_OK(remove.Bind(1, before).Run());
    ASSERT_OK_AND_ASSIGN(const int64_t next, numbers.Next(*w.database, places.Of(mailbox)));
    EXPECT_GT(next, before);
  }
}

TEST(RowNumbers, OfTwoMailboxesInOnePlaceDoNotMeet) {
  World w;
  const RowPlaces places(TestKey(1));
  const auto [a, b] = InOnePlace(places);
  RowNumbers numbers;
  std::set<int64_t> given;
  for (int i = 0; i < 10; ++i) {
    given.insert(*numbers.Next(*w.database, places.Of(a)));
    given.insert(*numbers.Next(*w.database, places.Of(b)));
  }
  EXPECT_EQ(given.size(), 20u);
}

TEST(PlaceRows, BringsTheFormerLayoutOverAndKeepsTheOrderOfEachMailbox) {
  World w;
  const auto a = identity::RandomFixed<16>(), b = identity::RandomFixed<16>();
  for (uint8_t n = 1; n <= 200; ++n) w.Unplaced(n % 2 == 0 ? a : b, n);
  db::Statement answer = *w.database->Prepare("INSERT INTO unplaced_answers (envelope_id, content_hash, outcome, day) VALUES (?, x'01', 2, 9)");
  const auto id = identity::RandomFixed<16>();
  ASSERT_OK(answer.Bind(1, ByteView(id)).Run());
  const RowPlaces places(TestKey(1));
  ASSERT_OK(PlaceRows(*w.database, places));
  EXPECT_EQ(w.Count("unplaced_envelopes"), 0);
  EXPECT_EQ(w.Count("unplaced_answers"), 0);
  const auto contents = w.Contents();
  ASSERT_EQ(contents.at(a).size(), 100u);
  EXPECT_TRUE(std::is_sorted(contents.at(a).begin(), contents.at(a).end()));
  EXPECT_TRUE(std::is_sorted(contents.at(b).begin(), contents.at(b).end()));
  db::Statement read = *w.database->Prepare("SELECT outcome, day FROM answers WHERE row = ?");
  ASSERT_TRUE(*read.Bind(1, AnswerRow(id)).Step());
  EXPECT_EQ(read.Int64(0), 2);
  EXPECT_EQ(read.Int64(1), 9);
}

TEST(PlaceRows, PlacesEverythingAnewUnderAnotherKey) {
  World w;
  const auto a = identity::RandomFixed<16>();
  for (uint8_t n = 1; n <= 50; ++n) w.Unplaced(a, n);
  const RowPlaces former(TestKey(1)), places(TestKey(2));
  ASSERT_OK(PlaceRows(*w.database, former));
  ASSERT_OK(PlaceRows(*w.database, places));
  ASSERT_OK(PlaceRows(*w.database, places));  // nothing to do
  const auto contents = w.Contents();
  ASSERT_EQ(contents.at(a).size(), 50u);
  EXPECT_TRUE(std::is_sorted(contents.at(a).begin(), contents.at(a).end()));
  db::Statement outside = *w.database->Prepare("SELECT COUNT(*) FROM envelopes WHERE row <= ? OR row > ?");
  ASSERT_TRUE(*outside.Bind(1, places.Of(a).first).Bind(2, places.Of(a).last).Step());
  EXPECT_EQ(outside.Int64(0), 0);
}

}  // namespace
}  // namespace plumbline::server
