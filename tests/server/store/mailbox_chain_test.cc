// What rows are called and how they are sealed, and that former layouts are brought over.
#include "server/store/mailbox_chain.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/server/temporary_directory.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using identity::MailboxId;
using identity::MailboxPlace;

TEST(ChainStep, IsWhatTheHeaderSays) {
  const MailboxPlace place = *MailboxPlace::Parse(Bytes(32, 7));
  uint8_t next_and_key[64], number[16];
  crypto_kdf_derive_from_key(next_and_key, 64, 1, "plmailbx", place.view().data());
  crypto_kdf_derive_from_key(number, 16, 2, "plmailbx", place.view().data());
  const ChainStep step(place);
  EXPECT_TRUE(Equal(step.next.view(), ByteView(next_and_key, 32)));
  EXPECT_TRUE(Equal(step.key, ByteView(next_and_key + 32, 32)));
  const auto row = static_cast<uint64_t>(step.row);
  EXPECT_EQ(row >> 56, number[0] & 0x7f);
  EXPECT_EQ(row & 0xff, number[7]);
}

TEST(ChainStep, OpensWhatItSealedAndNothingElse) {
  const ChainStep step(MailboxPlace::Random()), other(MailboxPlace::Random());
  const auto id = identity::RandomFixed<16>();
  const Bytes sealed = RandomBytes(1024);
  Bytes stored = SealRow(step, id, sealed);
  EXPECT_EQ(stored.size(), sealed.size() + kRowOverhead);
  const auto opened = OpenRow(step, stored);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->envelope_id, id);
  EXPECT_EQ(opened->sealed, sealed);
  EXPECT_FALSE(OpenRow(other, stored).has_value());
  for (size_t size = 0; size < stored.size(); size += 7) EXPECT_FALSE(OpenRow(step, ByteView(stored).first(size)).has_value());
  stored[40] ^= 1;
  EXPECT_FALSE(OpenRow(step, stored).has_value());
}

// The tables as they are, and as they were.
constexpr db::Migration kTables[] = {{"tables", R"sql(
CREATE TABLE mailboxes (row INTEGER PRIMARY KEY, mailbox BLOB NOT NULL UNIQUE);
CREATE TABLE mailbox_places (row INTEGER PRIMARY KEY, place BLOB NOT NULL);
CREATE TABLE store_id (row INTEGER PRIMARY KEY CHECK (row = 1), id BLOB NOT NULL);
CREATE TABLE envelopes (row INTEGER PRIMARY KEY, day INTEGER NOT NULL, content BLOB NOT NULL);
CREATE TABLE placed_envelopes (
  row INTEGER PRIMARY KEY, mailbox BLOB NOT NULL, envelope_id BLOB NOT NULL, day INTEGER NOT NULL, sealed BLOB NOT NULL);
CREATE TABLE unplaced_envelopes (
  row INTEGER PRIMARY KEY, mailbox BLOB NOT NULL, envelope_id BLOB NOT NULL, sealed BLOB NOT NULL, day INTEGER NOT NULL);
CREATE TABLE answers (
  row INTEGER PRIMARY KEY, envelope_id BLOB NOT NULL, content_hash BLOB NOT NULL, outcome INTEGER NOT NULL, day INTEGER NOT NULL);
CREATE TABLE unplaced_answers (
  row INTEGER PRIMARY KEY, envelope_id BLOB NOT NULL, content_hash BLOB NOT NULL, outcome INTEGER NOT NULL, day INTEGER NOT NULL);
)sql"}};

struct World {
  World() : database(*db::Database::Open(directory.File("places.db"), db::Key::Random())) { EXPECT_OK(database->Migrate(kTables)); }

  void Mailbox(const MailboxId& id) {
    db::Statement insert = *database->Prepare("INSERT INTO mailboxes (row, mailbox) VALUES (?, ?)");
    EXPECT_OK(insert.Bind(1, RandomRow()).Bind(2, ByteView(id)).Run());
  }
  void Former(const char* table, const MailboxId& mailbox, uint8_t n) {
    db::Statement insert = *database->Prepare(std::string("INSERT INTO ") + table + " (mailbox, envelope_id, sealed, day) VALUES (?, ?, ?, 7)");
    EXPECT_OK(insert.Bind(1, ByteView(mailbox)).Bind(2, ByteView(Bytes(16, n))).Bind(3, ByteView(Bytes(100, n))).Run());
  }
  // The first byte of each content, from where the mailbox's former place leads to.
  std::vector<int> Contents(const MailboxId& mailbox) {
    std::vector<int> out;
    for (MailboxPlace place = MailboxPlace::Former(mailbox);;) {
      const ChainStep step(place);
      db::Statement read = *database->Prepare("SELECT content, day FROM envelopes WHERE row = ?");
      if (!*read.Bind(1, static_cast<int64_t>(step.row)).Step()) return out;
      EXPECT_EQ(read.Int64(1), 7);
      const auto content = OpenRow(step, read.Blob(0));
      EXPECT_EQ(content->sealed, Bytes(100, content->envelope_id[0]));
      out.push_back(content->envelope_id[0]);
      place = step.next;
    }
  }
  int64_t Count(const char* table) {
    db::Statement count = *database->Prepare(std::string("SELECT COUNT(*) FROM ") + table);
    EXPECT_TRUE(*count.Step());
    return count.Int64(0);
  }

  TemporaryDirectory directory;
  std::unique_ptr<db::Database> database;
};

TEST(ChainRows, BringsFormerLayoutsOverAndKeepsTheOrderOfEachMailbox) {
  World w;
  const auto a = identity::RandomFixed<16>(), b = identity::RandomFixed<16>(), gone = identity::RandomFixed<16>();
  w.Mailbox(a);
  w.Mailbox(b);
  for (uint8_t n = 1; n <= 100; ++n) w.Former("unplaced_envelopes", n % 2 == 0 ? a : b, n);
  for (uint8_t n = 101; n <= 200; ++n) w.Former("placed_envelopes", n % 2 == 0 ? a : b, n);
  w.Former("placed_envelopes", gone, 201);
  db::Statement answer = *w.database->Prepare("INSERT INTO unplaced_answers (envelope_id, content_hash, outcome, day) VALUES (?, x'01', 2, 9)");
  const auto id = identity::RandomFixed<16>();
  ASSERT_OK(answer.Bind(1, ByteView(id)).Run());
  ASSERT_OK(ChainRows(*w.database));
  ASSERT_OK(ChainRows(*w.database));  // nothing to do
  for (const char* table : {"unplaced_envelopes", "placed_envelopes", "unplaced_answers"}) EXPECT_EQ(w.Count(table), 0) << table;
  EXPECT_EQ(w.Count("envelopes"), 200);
  for (const MailboxId& mailbox : {a, b}) {
    const std::vector<int> contents = w.Contents(mailbox);
    ASSERT_EQ(contents.size(), 100u);
    EXPECT_TRUE(std::is_sorted(contents.begin(), contents.end()));
  }
  db::Statement read = *w.database->Prepare("SELECT outcome, day FROM answers WHERE row = ?");
  ASSERT_TRUE(*read.Bind(1, AnswerRow(id)).Step());
  EXPECT_EQ(read.Int64(0), 2);
  EXPECT_EQ(read.Int64(1), 9);
}

// With a damaged page, say. Nobody could find what came from then on.
TEST(ChainRows, AMailboxWhosePlaceIsLostIsDeleted) {
  World w;
  const auto a = identity::RandomFixed<16>(), b = identity::RandomFixed<16>();
  w.Mailbox(a);
  ASSERT_OK(ChainRows(*w.database));
  ASSERT_OK(w.database->Execute("INSERT INTO store_id (row, id) VALUES (1, x'01')"));
  w.Mailbox(b);
  ASSERT_OK(ChainRows(*w.database));
  db::Statement left = *w.database->Prepare("SELECT mailbox FROM mailboxes");
  ASSERT_TRUE(*left.Step());
  EXPECT_TRUE(Equal(left.Blob(0), a));
  EXPECT_FALSE(*left.Step());
}

// More than one transaction moves at a time.
TEST(ChainRows, GoesOnWhereItWasInterrupted) {
  World w;
  const auto a = identity::RandomFixed<16>();
  w.Mailbox(a);
  for (int i = 0; i < 2500; ++i) w.Former("placed_envelopes", a, static_cast<uint8_t>(i / 10));
  ASSERT_OK(w.database->Execute("CREATE TRIGGER stop BEFORE DELETE ON placed_envelopes WHEN old.row = 1500 BEGIN SELECT RAISE(ABORT, 'stop'); END"));
  EXPECT_FALSE(ChainRows(*w.database).ok());
  EXPECT_EQ(w.Count("placed_envelopes"), 1500);
  ASSERT_OK(w.database->Execute("DROP TRIGGER stop"));
  ASSERT_OK(ChainRows(*w.database));
  const std::vector<int> contents = w.Contents(a);
  EXPECT_EQ(contents.size(), 2500u);
  EXPECT_TRUE(std::is_sorted(contents.begin(), contents.end()));
}

}  // namespace
}  // namespace plumbline::server
