#include "server/store/sqlcipher_store.h"

#define SQLITE_HAS_CODEC 1
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "tests/common/audit/logs.h"
#include "tests/server/store/store_contract.h"

namespace plumbline::server {
namespace {

const SystemClock kClock;

const audit::LogKey kLogKey = audit::TestLogKey();

db::Key TestKey() { return *db::Key::FromSecret(Secret::CopyOf(Bytes(32, 0x5A))); }

std::unique_ptr<SqlcipherStore> OpenStore(const std::string& directory, const Quota& quota = Quota()) {
  StoreOptions options;
  options.path = directory + "/server.db";
  options.readers = 4;
  options.mailbox_envelopes = quota.envelopes;
  options.mailbox_bytes = quota.bytes;
  options.max_pages = quota.store_bytes / 4096;
  auto store = SqlcipherStore::Create(options, TestKey(), kLogKey, kClock);
  EXPECT_OK(store);
  CHECK(store.ok());
  return *std::move(store);
}

Stores OpenStores(const std::string& directory, const Quota& quota) {
  std::shared_ptr<SqlcipherStore> store = OpenStore(directory, quota);
  return Stores{store, store.get(), store.get(), store.get(), store.get()};
}

INSTANTIATE_TEST_SUITE_P(Sqlcipher, StoreContract, ::testing::Values(OpenStores));

// The whole decrypted database with its free pages, as bytes.
std::string DecryptedPages(const TemporaryDirectory& directory) {
  const std::string plain = directory.File("plain.db");
  sqlite3 *from = nullptr, *to = nullptr;
  CHECK(sqlite3_open(directory.File("server.db").c_str(), &from) == SQLITE_OK);
  CHECK(sqlite3_open(plain.c_str(), &to) == SQLITE_OK);
  const std::string literal = absl::StrCat("x'", ToHex(TestKey().view()), "'");
  CHECK(sqlite3_key(from, literal.data(), static_cast<int>(literal.size())) == SQLITE_OK);
  CHECK(sqlite3_exec(from, "PRAGMA cipher_page_size = 4096", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_backup* backup = sqlite3_backup_init(to, "main", from, "main");
  CHECK(backup != nullptr);
  const int result = sqlite3_backup_step(backup, -1);
  EXPECT_EQ(result, SQLITE_DONE) << sqlite3_errmsg(to);
  sqlite3_backup_finish(backup);
  sqlite3_close(from);
  sqlite3_close(to);
  std::ifstream file(plain, std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(file)), {});
  std::filesystem::remove(plain);
  return content;
}

std::unique_ptr<db::Database> Reading(const TemporaryDirectory& directory) {
  db::OpenOptions open;
  open.exclusive = false;
  auto database = db::Database::Open(directory.File("server.db"), TestKey(), open);
  EXPECT_OK(database);
  return *std::move(database);
}

// What is stored for each of these rows.
std::vector<std::string> ContentsOf(const TemporaryDirectory& directory, const std::vector<Row>& rows) {
  const std::unique_ptr<db::Database> database = Reading(directory);
  std::vector<std::string> out;
  for (const Row row : rows) {
    db::Statement read = *database->Prepare("SELECT content FROM envelopes WHERE row = ?");
    EXPECT_TRUE(*read.Bind(1, static_cast<int64_t>(row)).Step());
    out.push_back(ToString(read.Blob(0)));
  }
  return out;
}

// Any sixteen bytes of it.
bool HasPartOf(const std::string& pages, const std::string& content) {
  for (size_t at = 0; at + 16 <= content.size(); at += 256) {
    if (pages.find(content.substr(at, 16)) != std::string::npos) return true;
  }
  return false;
}

TEST(SqlcipherStore, WhatWasAcknowledgedIsGoneFromEveryPage) {
  const TemporaryDirectory directory;
  std::vector<std::string> gone, kept;
  {
    const std::unique_ptr<SqlcipherStore> store = OpenStore(directory.path());
    ASSERT_OK(store->Open(SomeMailbox(1)));
    std::vector<Row> acknowledged, waiting;
    for (int i = 0; i < 30; ++i) {
      const Bytes one = RandomBytes(1024 + 4096 * (i % 3)), other = RandomBytes(8192);
      ASSERT_OK_AND_ASSIGN(const SubmitResult result, store->Submit({{SomeDeposit(1, one), SomeDeposit(1, other)}, {}}, kToday));
      acknowledged.push_back(result.stored[0]->row);
      waiting.push_back(result.stored[1]->row);
    }
    ASSERT_OK(store->Erase());
    gone = ContentsOf(directory, acknowledged);
    kept = ContentsOf(directory, waiting);
    std::string pages = DecryptedPages(directory);
    for (const std::string& content : gone) ASSERT_TRUE(HasPartOf(pages, content));  // the search finds what is there ...
    ASSERT_OK(store->Ack(SomeMailbox(1).id, acknowledged));
    ASSERT_OK(store->Erase());
    EXPECT_EQ(std::filesystem::file_size(directory.File("server.db-wal")), 0u);
    // ... and no longer finds what was acknowledged, while the control is still found.
    pages = DecryptedPages(directory);
    for (const std::string& content : kept) EXPECT_TRUE(HasPartOf(pages, content));
    for (const std::string& content : gone) EXPECT_FALSE(HasPartOf(pages, content));
  }
  const std::string pages = DecryptedPages(directory);
  for (const std::string& content : gone) EXPECT_FALSE(HasPartOf(pages, content));
}

// Every value that two submissions left in the table of envelopes, and what is known with all other tables.
TEST(SqlcipherStore, RowsHaveNothingInCommonButTheDayAndNothingWithTheirMailbox) {
  const TemporaryDirectory directory;
  const std::unique_ptr<SqlcipherStore> store = OpenStore(directory.path());
  std::vector<Bytes> sealed;
  for (uint8_t n = 1; n <= 20; ++n) {
    ASSERT_OK(store->Open(SomeMailbox(n)));
    sealed.push_back(RandomBytes(1024));
  }
  std::set<Row> stored;
  for (int round = 0; round < 2; ++round) {
    Submission submission;
    for (uint8_t n = 1; n <= 20; ++n) submission.deposits.push_back(SomeDeposit(n, sealed[n - 1]));
    ASSERT_OK_AND_ASSIGN(const SubmitResult result, store->Submit(submission, kToday));
    for (const auto& each : result.stored) stored.insert(each->row);
  }
  const std::unique_ptr<db::Database> database = Reading(directory);
  ASSERT_OK_AND_ASSIGN(db::Statement columns, database->Prepare("PRAGMA table_info(envelopes)"));
  std::vector<std::string> names;
  for (auto row = columns.Step(); row.ok() && *row; row = columns.Step()) names.emplace_back(columns.Text(1));
  EXPECT_EQ(names, (std::vector<std::string>{"row", "day", "content"}));
  std::multiset<std::string> contents;
  std::set<Row> rows;
  ASSERT_OK_AND_ASSIGN(db::Statement read, database->Prepare("SELECT row, day, content FROM envelopes"));
  for (auto row = read.Step(); row.ok() && *row; row = read.Step()) {
    rows.insert(Row{read.Int64(0)});
    EXPECT_EQ(read.Int64(1), static_cast<int64_t>(kToday));
    contents.insert(ToString(read.Blob(2)));
  }
  EXPECT_EQ(rows, stored);  // forty different ones
  for (const std::string& content : contents) EXPECT_EQ(contents.count(content), 1u);  // though each sealed envelope came twice
  // The place that is stored leads to no row, as far as anybody cares to go.
  ASSERT_OK_AND_ASSIGN(db::Statement places, database->Prepare("SELECT place FROM mailbox_places"));
  int mailboxes = 0;
  for (auto row = places.Step(); row.ok() && *row; row = places.Step(), ++mailboxes) {
    ASSERT_OK_AND_ASSIGN(identity::MailboxPlace place, identity::MailboxPlace::Parse(places.Blob(0)));
    for (int i = 0; i < 1000; ++i) {
      const ChainStep step(place);
      EXPECT_EQ(rows.count(step.row), 0u);
      place = step.next;
    }
  }
  EXPECT_EQ(mailboxes, 20);
  // The control: from where the owner began, it does.
  const ChainStep first(SomeMailbox(1).begin);
  EXPECT_EQ(rows.count(first.row), 1u);
}

// By chance, once in some hundred million rows; here by hand.
TEST(SqlcipherStore, ARowWhoseNumberIsTakenIsPassedOver) {
  const TemporaryDirectory directory;
  const std::unique_ptr<SqlcipherStore> store = OpenStore(directory.path());
  ASSERT_OK(store->Open(SomeMailbox(1)));
  const Bytes sealed = RandomBytes(1024);
  const ChainStep first(SomeMailbox(1).begin), second(first.next);
  {
    const std::unique_ptr<db::Database> database = Reading(directory);
    db::Statement insert = *database->Prepare("INSERT INTO envelopes (row, day, content) VALUES (?, 20000, ?)");
    ASSERT_OK(insert.Bind(1, static_cast<int64_t>(first.row)).Bind(2, ByteView(RandomBytes(1024 + kRowOverhead))).Run());
  }
  ASSERT_OK_AND_ASSIGN(const SubmitResult result, store->Submit({{SomeDeposit(1, sealed)}, {}}, kToday));
  EXPECT_EQ(result.outcomes, std::vector{DepositOutcome::kStored});
  EXPECT_EQ(result.stored[0]->row, second.row);
  EXPECT_EQ(result.stored[0]->before, SomeMailbox(1).begin);
  ASSERT_OK_AND_ASSIGN(const Batch batch, store->ReadBehind(SomeMailbox(1).id, SomeMailbox(1).begin, {10, 1 << 20}, kToday));
  ASSERT_EQ(batch.envelopes.size(), 1u);
  EXPECT_EQ(batch.envelopes[0].sealed, sealed);
  EXPECT_EQ(batch.envelopes[0].step, 2u);
  EXPECT_EQ(batch.reached, second.next);
}

TEST(SqlcipherStore, TheFileIsOpenInOneProcessOnlyAndNeedsItsKey) {
  const TemporaryDirectory directory;
  {
    const std::unique_ptr<SqlcipherStore> store = OpenStore(directory.path());
    StoreOptions options;
    options.path = directory.File("server.db");
    EXPECT_THAT(SqlcipherStore::Create(options, TestKey(), kLogKey, kClock), StatusIs(absl::StatusCode::kFailedPrecondition));
  }
  StoreOptions options;
  options.path = directory.File("server.db");
  EXPECT_THAT(SqlcipherStore::Create(options, db::Key::Random(), kLogKey, kClock), StatusIs(absl::StatusCode::kPermissionDenied));
}

// --- Killed in the middle -------------------------------------------------------------------------------------------------

constexpr int kSenders = 4;
constexpr int kEnvelopesTogether = 3;

// What a sender tells its parent after each acknowledged submission: written to a pipe in one piece.
struct Acknowledged {
  int sender;
  uint64_t epoch;
  identity::EnvelopeId envelopes[kEnvelopesTogether];
};

// Submits until it is killed; each sender moves a gate of its own and sends to three mailboxes with every move.
[[noreturn]] void SendForEver(const std::string& directory, int pipe) {
  const std::unique_ptr<SqlcipherStore> store = OpenStore(directory);
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&, sender] {
      const Bytes sealed = RandomBytes(1024);
      const auto gate = store->FindGate(SomeMove(static_cast<uint8_t>(sender), 0, {}).handle);
      for (uint64_t epoch = gate.ok() && *gate ? (*gate)->epoch : 0;; ++epoch) {
        Submission submission{{}, SomeMove(static_cast<uint8_t>(sender), epoch, sealed)};
        Acknowledged told{sender, epoch, {}};
        for (uint8_t n = 0; n < kEnvelopesTogether; ++n) {
          submission.deposits.push_back(SomeDeposit(n + 1, sealed));
          told.envelopes[n] = submission.deposits.back().envelope_id;
        }
        const auto result = store->Submit(submission, kToday);
        if (!result.ok() || result->move != MoveOutcome::kAccepted) _exit(2);
        if (write(pipe, &told, sizeof told) != sizeof told) _exit(3);
      }
    });
  }
  for (std::thread& sender : senders) sender.join();
  _exit(4);
}

TEST(SqlcipherStore, KilledAtAnyMomentItKeepsWhatItAcknowledgedOnceAndNothingHalf) {
  const TemporaryDirectory directory;
  {
    const std::unique_ptr<SqlcipherStore> store = OpenStore(directory.path());
    for (uint8_t n = 1; n <= kEnvelopesTogether; ++n) {
      NewMailbox mailbox = SomeMailbox(n);
      ASSERT_OK(store->Open(mailbox));
    }
  }
  std::map<int, uint64_t> last_epoch;  // acknowledged
  std::set<identity::EnvelopeId> acknowledged;
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(round);
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(pipe_ends[0]);
      SendForEver(directory.path(), pipe_ends[1]);
    }
    close(pipe_ends[1]);
    // Let it acknowledge some, then kill it at a random moment of what it does next.
    Acknowledged told;
    const uint32_t rounds = 5 + randombytes_uniform(60);
    for (uint32_t i = 0; i < rounds && read(pipe_ends[0], &told, sizeof told) == sizeof told; ++i) {
      last_epoch[told.sender] = told.epoch + 1;
      acknowledged.insert(std::begin(told.envelopes), std::end(told.envelopes));
    }
    absl::SleepFor(absl::Microseconds(randombytes_uniform(3000)));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the sender failed: " << WEXITSTATUS(status);
    while (read(pipe_ends[0], &told, sizeof told) == sizeof told) {
      last_epoch[told.sender] = told.epoch + 1;
      acknowledged.insert(std::begin(told.envelopes), std::end(told.envelopes));
    }
    close(pipe_ends[0]);

    const std::unique_ptr<SqlcipherStore> store = OpenStore(directory.path());
    std::map<identity::EnvelopeId, int> held;
    size_t in_mailbox[kEnvelopesTogether];
    for (uint8_t n = 0; n < kEnvelopesTogether; ++n) {
      ASSERT_OK_AND_ASSIGN(const Batch batch, store->ReadBehind(SomeMailbox(n + 1).id, SomeMailbox(n + 1).begin, {1'000'000, 1 << 30}, kToday));
      in_mailbox[n] = batch.envelopes.size();
      for (const StoredEnvelope& envelope : batch.envelopes) ++held[envelope.envelope_id];
    }
    for (const identity::EnvelopeId& id : acknowledged) ASSERT_EQ(held[id], 1);
    uint64_t moves = 0;
    for (int sender = 0; sender < kSenders; ++sender) {
      ASSERT_OK_AND_ASSIGN(const auto gate, store->FindGate(SomeMove(static_cast<uint8_t>(sender), 0, {}).handle));
      const uint64_t epoch = gate ? gate->epoch : 0;
      EXPECT_GE(epoch, last_epoch[sender]);      // nothing acknowledged is lost
      EXPECT_LE(epoch, last_epoch[sender] + 1);  // at most the one that was under way is there besides
      for (uint64_t e = 0; e < epoch; ++e) EXPECT_OK(store->ReadCommit(SomeMove(static_cast<uint8_t>(sender), 0, {}).handle, e));
      last_epoch[sender] = epoch;
      moves += epoch;
    }
    for (const size_t count : in_mailbox) EXPECT_EQ(count, moves);  // gates and envelopes moved together
  }
  EXPECT_GT(acknowledged.size(), 100u);
}

}  // namespace
}  // namespace plumbline::server
