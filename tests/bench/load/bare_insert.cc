#include "tests/bench/load/bare_insert.h"

#include <vector>

#include "common/db/database.h"
#include "server/store/row_places.h"
#include "tests/bench/load/report.h"
#include "tests/bench/load/target.h"
#include "tests/common/scratch.h"
#include "tests/common/certificates.h"

namespace plumbline::bench {
namespace {

using plumbline::testing::ValueOf;

constexpr size_t kSealed = 1024;

void InsertOne(db::Database& database, int64_t row, ByteView mailbox, ByteView sealed, ByteView hash) {
  const auto id = identity::RandomFixed<16>();
  db::Statement envelope = ValueOf(database.Prepare("INSERT INTO envelopes (row, mailbox, envelope_id, day, sealed) VALUES (?, ?, ?, 1, ?)"));
  CHECK(envelope.Bind(1, row).Bind(2, mailbox).Bind(3, ByteView(id)).Bind(4, sealed).Run().ok());
  db::Statement answer = ValueOf(database.Prepare("INSERT INTO answers (row, envelope_id, content_hash, outcome, day) VALUES (?, ?, ?, 1, 1)"));
  CHECK(answer.Bind(1, server::AnswerRow(id)).Bind(2, ByteView(id)).Bind(3, hash).Run().ok());
}

}  // namespace

Inserted BareInserts(int rows, bool acknowledge, absl::Duration duration) {
  const testing::ScratchDir scratch;
  const auto database = ValueOf(db::Database::Open(scratch / "floor.db", db::Key::Random()));
  for (const char* sql : {"CREATE TABLE envelopes (row INTEGER PRIMARY KEY, mailbox BLOB, envelope_id BLOB, day INTEGER, sealed BLOB)",
                          "CREATE TABLE answers (row INTEGER PRIMARY KEY, envelope_id BLOB, content_hash BLOB, outcome INTEGER, day INTEGER)"}) {
    CHECK(database->Execute(sql).ok());
  }
  std::vector<Bytes> mailboxes;
  for (int i = 0; i < 50; ++i) mailboxes.push_back(RandomBytes(16));
  const auto place = [&](int64_t n) { return ((n % 50 + 1) << 32) + n; };
  const Bytes sealed = RandomBytes(kSealed), hash = RandomBytes(32);
  Inserted out;
  std::vector<absl::Duration> transactions;
  const absl::Time start = absl::Now();
  const absl::Duration cpu = CpuOfThread();
  for (int64_t row = 0; absl::Now() < start + duration; row += rows) {
    const absl::Time before = absl::Now();
    db::Transaction transaction = ValueOf(db::Transaction::Begin(*database));
    for (int i = 0; i < rows; ++i) InsertOne(*database, place(row + i), mailboxes[(row + i) % mailboxes.size()], sealed, hash);
    CHECK(transaction.Commit().ok());
    transactions.push_back(absl::Now() - before);
    if (!acknowledge) continue;
    db::Transaction removal = ValueOf(db::Transaction::Begin(*database));
    for (int i = 0; i < rows; ++i) {
      db::Statement remove = ValueOf(database->Prepare("DELETE FROM envelopes WHERE row = ?"));
      CHECK(remove.Bind(1, place(row + i)).Run().ok());
    }
    CHECK(removal.Commit().ok());
  }
  out.envelopes = static_cast<int64_t>(transactions.size()) * rows;
  out.wall = absl::Now() - start;
  out.cpu = CpuOfThread() - cpu;
  out.p50 = absl::Microseconds(Percentile(std::move(transactions), 50));
  return out;
}

}  // namespace plumbline::bench
