#include "keyserver/store/sqlcipher_token_store.h"

#include "common/identity/fixed.h"
#include "common/identity/revocation.h"
#include "keyserver/store/former_logs.h"

namespace plumbline::keyserver {
namespace {

absl::StatusOr<StoredTokenKey> ReadKey(const db::Statement& row) {
  const absl::StatusOr<tlog::DirectoryLeaf> leaf = tlog::ParseDirectoryLeaf(row.Blob(0));
  if (!leaf.ok() || !std::holds_alternative<tlog::TokenKeyLeaf>(*leaf))
    return absl::DataLossError("a stored token key does not parse");
  return StoredTokenKey{std::get<tlog::TokenKeyLeaf>(*leaf), ToBytes(row.Blob(1)), ToBytes(row.Blob(2)), row.Int64(3) != 0};
}

absl::StatusOr<std::vector<StoredTokenKey>> ReadLive(db::Database& database, int64_t now) {
  ASSIGN_OR_RETURN(db::Statement select,
                   database.Prepare("SELECT leaf, statement, wrapped, void FROM token_key WHERE ends_unix > ? ORDER BY number"));
  select.Bind(1, now);
  std::vector<StoredTokenKey> out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return out;
    ASSIGN_OR_RETURN(out.emplace_back(), ReadKey(select));
  }
}

absl::Status AddIn(db::Transaction& transaction, SqlcipherConnection& connection, const std::vector<StoredTokenKey>& keys)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(connection.mutex()) {
  std::vector<tlog::TokenKeyLeaf> leaves;
  for (const StoredTokenKey& key : keys) {
    ASSIGN_OR_RETURN(db::Statement insert,
                     transaction.database().Prepare("INSERT INTO token_key (leaf, statement, wrapped, void, closes_unix, ends_unix, id) "
                                                    "VALUES (?, ?, ?, 0, ?, ?, ?)"));
    RETURN_IF_ERROR(insert.Bind(1, ByteView(tlog::Encode(key.leaf)))
                        .Bind(2, ByteView(key.statement))
                        .Bind(3, ByteView(key.wrapped_secret))
                        .Bind(4, static_cast<int64_t>(key.leaf.closes))
                        .Bind(5, static_cast<int64_t>(key.leaf.ends))
                        .Bind(6, ByteView(key.leaf.token_key_id))
                        .Run());
    leaves.push_back(key.leaf);
  }
  return connection.directory().AppendTokenKeys(transaction, leaves);
}

}  // namespace

absl::StatusOr<std::optional<tlog::TokenKeyLeaf>> SqlcipherTokenStore::Newest(absl::string_view purpose,
                                                                              absl::string_view token_class) {
  MutexLock lock(connection_.mutex());
  return connection_.directory().NewestTokenKey(purpose, token_class);
}

absl::StatusOr<std::optional<tlog::TokenKeyLeaf>> SqlcipherTokenStore::Restored(absl::string_view purpose, absl::string_view token_class) {
  MutexLock lock(connection_.mutex());
  return FormerLogs(connection_.database()).RestoredTokenKey(purpose, token_class);
}

absl::Status SqlcipherTokenStore::Add(const std::vector<StoredTokenKey>& keys, const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(connection_.database()));
  RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
  RETURN_IF_ERROR(AddIn(transaction, connection_, keys));
  return transaction.Commit();
}

absl::Status SqlcipherTokenStore::EndEpoch(const std::vector<StoredTokenKey>& keys, const IntentTrace& trace) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(connection_.Record(transaction, trace));
  ASSIGN_OR_RETURN(const std::vector<StoredTokenKey> all, ReadLive(database, 0));
  std::vector<identity::VoidTokenKey> over;
  absl::Time last = absl::UnixEpoch();
  for (const StoredTokenKey& key : all) {
    if (key.is_void) continue;
    over.push_back({key.leaf.token_key_id, key.leaf.ends});
    last = std::max(last, absl::FromUnixSeconds(static_cast<int64_t>(key.leaf.ends)));
  }
  for (const identity::RevokedItems& items : identity::SplitItems({}, std::move(over))) {
    ASSIGN_OR_RETURN(db::Statement queue, database.Prepare("INSERT INTO revocation (user, items, keep_until_day, confirmed) "
                                                           "VALUES ('', ?, ?, 0)"));
    RETURN_IF_ERROR(queue.Bind(1, ByteView(identity::Encode(items))).Bind(2, int64_t{identity::DayOf(last)}).Run());
  }
  RETURN_IF_ERROR(database.Execute("UPDATE token_key SET void = 1, wrapped = x''"));
  RETURN_IF_ERROR(AddIn(transaction, connection_, keys));
  return transaction.Commit();
}

absl::StatusOr<std::vector<StoredTokenKey>> SqlcipherTokenStore::Live(absl::Time now) {
  MutexLock lock(connection_.mutex());
  return ReadLive(connection_.database(), absl::ToUnixSeconds(now));
}

absl::Status SqlcipherTokenStore::Forget(absl::Time closed, absl::Time ended) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  for (const auto& [sql, bound] : {std::pair("UPDATE token_key SET wrapped = x'' WHERE closes_unix <= ?", closed),
                                   std::pair("DELETE FROM token_key WHERE ends_unix <= ?", ended)}) {
    ASSIGN_OR_RETURN(db::Statement forget, database.Prepare(sql));
    RETURN_IF_ERROR(forget.Bind(1, absl::ToUnixSeconds(bound)).Run());
  }
  return transaction.Commit();
}

absl::Status SqlcipherTokenStore::WrapAnew(db::Database& database, const crypto::KeyWrap& before, const crypto::KeyWrap& after) {
  std::vector<std::pair<Bytes, Bytes>> all;  // id, wrapped
  {
    ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT id, wrapped FROM token_key WHERE wrapped <> x''"));
    while (true) {
      ASSIGN_OR_RETURN(const bool more, select.Step());
      if (!more) break;
      all.emplace_back(ToBytes(select.Blob(0)), ToBytes(select.Blob(1)));
    }
  }
  ASSIGN_OR_RETURN(db::Statement update, database.Prepare("UPDATE token_key SET wrapped = ? WHERE id = ?"));
  for (const auto& [id, wrapped] : all) {
    const absl::StatusOr<Secret> secret = before.Unwrap(wrapped, id);
    if (!secret.ok()) return absl::DataLossError("the secret of a token key cannot be unwrapped");
    ASSIGN_OR_RETURN(const Bytes anew, after.Wrap(*secret, id));
    update.Reset();
    RETURN_IF_ERROR(update.Bind(1, ByteView(anew)).Bind(2, ByteView(id)).Run());
  }
  return absl::OkStatus();
}

absl::Status SqlcipherTokenStore::SignAnew(db::Database& database, absl::string_view domain, const crypto::Ed25519PublicKey& before,
                                           const crypto::Ed25519Signer& after) {
  std::vector<std::pair<int64_t, Bytes>> all;  // number, statement
  {
    ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT number, statement FROM token_key"));
    while (true) {
      ASSIGN_OR_RETURN(const bool more, select.Step());
      if (!more) break;
      const absl::StatusOr<tokens::TokenKey> key = tokens::OpenTokenKey(select.Blob(1), before, domain);
      if (!key.ok()) return absl::DataLossError("the statement of a token key is not signed by the key that is replaced");
      ASSIGN_OR_RETURN(Bytes statement, tokens::SignTokenKey(*key, after));
      all.emplace_back(select.Int64(0), std::move(statement));
    }
  }
  ASSIGN_OR_RETURN(db::Statement update, database.Prepare("UPDATE token_key SET statement = ? WHERE number = ?"));
  for (const auto& [number, statement] : all) {
    update.Reset();
    RETURN_IF_ERROR(update.Bind(1, ByteView(statement)).Bind(2, number).Run());
  }
  return absl::OkStatus();
}

}  // namespace plumbline::keyserver
