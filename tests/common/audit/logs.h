// Audit logs to test with, and the surgery that somebody with the database's own key can do.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "common/audit/audit_log.h"
#include "common/audit/stored_nodes.h"
#include "tests/common/scratch.h"

namespace plumbline::audit {

class FixedClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::FromUnixSeconds(1'800'000'000); }
};

inline LogKey TestLogKey(uint8_t seed = 1) {
  return *LogKey::Create("example.org/audit/test", *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, seed))));
}

inline Entry Numbered(uint64_t n) {
  return {.event = Event::kAccountCreated, .actor = "admin", .subject = std::to_string(n), .details = {{"n", std::to_string(n)}}};
}

// A database with five records in a directory of its own.
struct FiveRecords {
  FiveRecords() {
    database = *db::Database::Open(folder / "a.db", key);
    log.emplace(*AuditLog::Open(*database, clock, log_key));
    for (uint64_t n = 1; n <= 5; ++n) EXPECT_EQ(*log->Append(Numbered(n)), n);
  }
  AuditReader reader() { return *AuditReader::Open(*database, log_key.verifier()); }
  absl::Status Verify() { return reader().Verify().status(); }

  testing::ScratchDir folder;
  FixedClock clock;
  db::Key key = db::Key::Random();
  const LogKey log_key = TestLogKey();
  std::unique_ptr<db::Database> database;
  std::optional<AuditLog> log;
};

// Another subject in record `n`; nothing else is touched.
inline void ChangeRecord(db::Database& database, uint64_t n) {
  db::Statement read = *database.Prepare("SELECT encoded FROM audit_record WHERE sequence = ?");
  ASSERT_TRUE(*read.Bind(1, static_cast<int64_t>(n)).Step());
  Record record = *DecodeRecord(read.Blob(0));
  read.Reset();
  record.subject = "somebody else";
  db::Statement update = *database.Prepare("UPDATE audit_record SET encoded = ? WHERE sequence = ?");
  ASSERT_TRUE(update.Bind(1, ByteView(EncodeRecord(record))).Bind(2, static_cast<int64_t>(n)).Run().ok());
}

// The chain of version 0.1 instead of whatever there is.
inline void PutOldChain(db::Database& database, uint64_t size) {
  for (const char* table : {"audit_record", "audit_node", "audit_checkpoint"}) {
    ASSERT_TRUE(database.Execute(std::string("DROP TABLE IF EXISTS ") + table).ok());
  }
  ASSERT_TRUE(database
                  .Execute("CREATE TABLE IF NOT EXISTS audit_record ("
                           "sequence INTEGER PRIMARY KEY, encoded BLOB NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL)")
                  .ok());
  tlog::Hash previous{};
  for (uint64_t n = 1; n <= size; ++n) {
    Record record{};
    record.sequence = n;
    record.time = absl::FromUnixSeconds(1'700'000'000);
    record.name = "account.created";
    record.subject = std::to_string(n);
    record.outcome = Outcome::kSuccess;
    const Bytes encoded = EncodeRecord(record);
    const tlog::Hash hash = Sha256(Concat({previous, encoded}));
    db::Statement insert =
        *database.Prepare("INSERT INTO audit_record (sequence, encoded, previous, hash) VALUES (?, ?, ?, ?)");
    insert.Bind(1, static_cast<int64_t>(n)).Bind(2, ByteView(encoded)).Bind(3, ByteView(previous)).Bind(4, ByteView(hash));
    ASSERT_TRUE(insert.Run().ok());
    previous = hash;
  }
}

inline void SwapRecords(db::Database& database, uint64_t a, uint64_t b) {
  const auto move = [&](int64_t from, int64_t to) {
    db::Statement update = *database.Prepare("UPDATE audit_record SET sequence = ? WHERE sequence = ?");
    ASSERT_TRUE(update.Bind(1, to).Bind(2, from).Run().ok());
  };
  move(static_cast<int64_t>(a), 1'000'000);
  move(static_cast<int64_t>(b), static_cast<int64_t>(a));
  move(1'000'000, static_cast<int64_t>(b));
}

// Makes the stored tree that of the records as they are now, as somebody would who knows the format.
inline void RebuildTree(db::Database& database) {
  ASSERT_TRUE(database.Execute("DELETE FROM audit_node").ok());
  std::vector<tlog::Hash> leaves;
  {
    db::Statement read = *database.Prepare("SELECT encoded FROM audit_record ORDER BY sequence");
    while (*read.Step()) leaves.push_back(tlog::LeafHash(read.Blob(0)));
  }
  StoredNodes nodes(database);
  for (uint64_t i = 0; i < leaves.size(); ++i) ASSERT_TRUE(tlog::Append(nodes, i, leaves[i]).ok());
}

inline void CutOff(db::Database& database, uint64_t last) {
  db::Statement remove = *database.Prepare("DELETE FROM audit_record WHERE sequence > ?");
  ASSERT_TRUE(remove.Bind(1, static_cast<int64_t>(last)).Run().ok());
  RebuildTree(database);
}

// From record `from` on: other records, the tree over them, and signatures and a checkpoint by a key that is not the log's.
inline void RewriteEnd(db::Database& database, uint64_t from, const LogKey& forger) {
  int64_t size = 0;
  {
    db::Statement count = *database.Prepare("SELECT MAX(sequence) FROM audit_record");
    ASSERT_TRUE(*count.Step());
    size = count.Int64(0);
  }
  for (uint64_t n = from; n <= static_cast<uint64_t>(size); ++n) ChangeRecord(database, n);
  RebuildTree(database);
  StoredNodes nodes(database);
  for (uint64_t n = from; n <= static_cast<uint64_t>(size); ++n) {
    db::Statement update = *database.Prepare("UPDATE audit_record SET signature = ? WHERE sequence = ?");
    const Bytes signature = *forger.SignRecord(n, *tlog::Root(nodes, n));
    ASSERT_TRUE(update.Bind(1, ByteView(signature)).Bind(2, static_cast<int64_t>(n)).Run().ok());
  }
  const auto all = static_cast<uint64_t>(size);
  ASSERT_TRUE(WriteCheckpoint(database, *forger.SignCheckpoint(all, *tlog::Root(nodes, all))).ok());
}

}  // namespace plumbline::audit
