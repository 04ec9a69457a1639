// From one form or key of the record to the next. The chain of hashes that earlier versions kept: audit_record(sequence, encoded, previous, hash), where
// hash = SHA-256(previous || encoded) and the first previous is zeros.
#include "common/audit/audit_log.h"
#include "common/audit/stored_nodes.h"

namespace plumbline::audit {
namespace {

struct ChainRow {
  uint64_t sequence;
  Bytes encoded;
};

// The records, if the chain holds.
absl::StatusOr<std::vector<ChainRow>> ReadChain(db::Database& database) {
  ASSIGN_OR_RETURN(db::Statement query,
                   database.Prepare("SELECT sequence, encoded, previous, hash FROM audit_record ORDER BY sequence"));
  std::vector<ChainRow> rows;
  tlog::Hash previous{};
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return rows;
    const auto sequence = static_cast<uint64_t>(query.Int64(0));
    const ByteView encoded = query.Blob(1);
    if (sequence != rows.size() + 1) return Broken(rows.size() + 1, "is missing");
    const absl::StatusOr<Record> record = DecodeRecord(encoded);
    if (!record.ok()) return Broken(sequence, "was changed: it does not decode");
    if (record->sequence != sequence) return Broken(sequence, "was moved from another place");
    const tlog::Hash hash = Sha256(Concat({previous, encoded}));
    if (!Equal(query.Blob(2), previous) || !Equal(query.Blob(3), hash)) return Broken(sequence, "was changed");
    rows.push_back({sequence, ToBytes(encoded)});
    previous = hash;
  }
}

}  // namespace

absl::Status MigrateChain(db::Database& database, const LogKey& key) {
  ASSIGN_OR_RETURN(const Layout layout, LayoutOf(database));
  if (layout != Layout::kChain) return absl::OkStatus();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  ASSIGN_OR_RETURN(const std::vector<ChainRow> rows, ReadChain(database));
  RETURN_IF_ERROR(database.Execute("DROP TABLE audit_record"));
  for (const char* sql : kTables) RETURN_IF_ERROR(database.Execute(sql));
  StoredNodes nodes(database);
  tlog::CompactRange range;
  for (const ChainRow& row : rows) {
    const tlog::Hash leaf = tlog::LeafHash(row.encoded);
    RETURN_IF_ERROR(tlog::Append(nodes, range.size(), leaf));
    range.Append(leaf);
    ASSIGN_OR_RETURN(const Bytes signature, key.SignRecord(row.sequence, range.Root()));
    RETURN_IF_ERROR(InsertRecord(database, row.sequence, row.encoded, signature));
  }
  ASSIGN_OR_RETURN(const std::string note, key.SignCheckpoint(range.size(), range.Root()));
  RETURN_IF_ERROR(WriteCheckpoint(database, note));
  return transaction.Commit();
}

absl::Status SignAnew(db::Transaction& transaction, const LogKey& before, const LogKey& after) {
  constexpr int64_t kPage = 1000;
  db::Database& database = transaction.database();
  ASSIGN_OR_RETURN(AuditReader reader, AuditReader::Open(database, before.verifier()));
  RETURN_IF_ERROR(reader.Verify().status());
  tlog::CompactRange range;
  while (true) {
    std::vector<std::pair<int64_t, Bytes>> page;  // sequence, signature
    {
      ASSIGN_OR_RETURN(db::Statement query,
                       database.Prepare("SELECT sequence, encoded FROM audit_record WHERE sequence > ? ORDER BY sequence LIMIT ?"));
      query.Bind(1, static_cast<int64_t>(range.size())).Bind(2, kPage);
      while (true) {
        ASSIGN_OR_RETURN(const bool row, query.Step());
        if (!row) break;
        range.Append(tlog::LeafHash(query.Blob(1)));
        ASSIGN_OR_RETURN(Bytes signature, after.SignRecord(range.size(), range.Root()));
        page.emplace_back(query.Int64(0), std::move(signature));
      }
    }
    if (page.empty()) break;
    ASSIGN_OR_RETURN(db::Statement update, database.Prepare("UPDATE audit_record SET signature = ? WHERE sequence = ?"));
    for (const auto& [sequence, signature] : page) {
      update.Reset();
      RETURN_IF_ERROR(update.Bind(1, ByteView(signature)).Bind(2, sequence).Run());
    }
  }
  ASSIGN_OR_RETURN(const std::string note, after.SignCheckpoint(range.size(), range.Root()));
  return WriteCheckpoint(database, note);
}

}  // namespace plumbline::audit
