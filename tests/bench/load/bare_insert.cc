#include "tests/bench/load/bare_insert.h"

#include <vector>

#include "common/db/database.h"
#include "server/store/mailbox_chain.h"
#include "tests/bench/load/report.h"
#include "tests/bench/load/target.h"
#include "tests/common/scratch.h"
#include "tests/common/certificates.h"

namespace plumbline::bench {
namespace {

using plumbline::testing::ValueOf;

constexpr size_t kSealed = 1024;

// Its row.
int64_t InsertOne(db::Database& database, ByteView content, ByteView hash) {
  const auto id = identity::RandomFixed<16>();
  const int64_t row = server::RandomRow();
  db::Statement envelope = ValueOf(database.Prepare("INSERT INTO envelopes (row, day, content) VALUES (?, 1, ?)"));
  CHECK(envelope.Bind(1, row).Bind(2, content).Run().ok());
  db::Statement answer = ValueOf(database.Prepare("INSERT INTO answers (row, envelope_id, content_hash, outcome, day) VALUES (?, ?, ?, 1, 1)"));
  CHECK(answer.Bind(1, server::AnswerRow(id)).Bind(2, ByteView(id)).Bind(3, hash).Run().ok());
  return row;
}

}  // namespace

Inserted BareInserts(int rows, bool acknowledge, absl::Duration duration) {
  const testing::ScratchDir scratch;
  const auto database = ValueOf(db::Database::Open(scratch / "floor.db", db::Key::Random()));
  for (const char* sql : {"CREATE TABLE envelopes (row INTEGER PRIMARY KEY, day INTEGER, content BLOB)",
                          "CREATE TABLE answers (row INTEGER PRIMARY KEY, envelope_id BLOB, content_hash BLOB, outcome INTEGER, day INTEGER)"}) {
    CHECK(database->Execute(sql).ok());
  }
  const Bytes content = RandomBytes(kSealed + server::kRowOverhead), hash = RandomBytes(32);
  Inserted out;
  std::vector<absl::Duration> transactions;
  const absl::Time start = absl::Now();
  const absl::Duration cpu = CpuOfThread();
  while (absl::Now() < start + duration) {
    const absl::Time before = absl::Now();
    db::Transaction transaction = ValueOf(db::Transaction::Begin(*database));
    std::vector<int64_t> inserted;
    for (int i = 0; i < rows; ++i) inserted.push_back(InsertOne(*database, content, hash));
    CHECK(transaction.Commit().ok());
    transactions.push_back(absl::Now() - before);
    if (!acknowledge) continue;
    db::Transaction removal = ValueOf(db::Transaction::Begin(*database));
    for (const int64_t row : inserted) {
      db::Statement remove = ValueOf(database->Prepare("DELETE FROM envelopes WHERE row = ?"));
      CHECK(remove.Bind(1, row).Run().ok());
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
