#include "keyserver/store/former_logs.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/directory/follow.h"
#include "keyserver/store/adoption.h"
#include "keyserver/store/log_tables.h"

namespace plumbline::keyserver {
namespace {

constexpr db::Migration kTables = {"logs of the directory that were succeeded", R"sql(
CREATE TABLE former_log (
  number INTEGER PRIMARY KEY, size INTEGER NOT NULL, checkpoint TEXT NOT NULL, succession BLOB NOT NULL, follow BLOB NOT NULL,
  log_key BLOB NOT NULL);
CREATE TABLE former_leaf (log INTEGER NOT NULL, place INTEGER NOT NULL, leaf BLOB NOT NULL, PRIMARY KEY (log, place)) WITHOUT ROWID;
CREATE TABLE former_opening (                              -- of records alone; nonce: null once erased
  log INTEGER NOT NULL, place INTEGER NOT NULL, user TEXT NOT NULL, version INTEGER NOT NULL, nonce BLOB,
  PRIMARY KEY (log, place)) WITHOUT ROWID;
CREATE TABLE handed_over (                                 -- where a person is in the next log
  log INTEGER NOT NULL, former_index BLOB NOT NULL, user TEXT NOT NULL, sealed BLOB NOT NULL,
  PRIMARY KEY (log, former_index)) WITHOUT ROWID;
CREATE TABLE restored_token_key (                          -- the newest of each before a copy was restored
  purpose TEXT NOT NULL, token_class TEXT NOT NULL, leaf BLOB NOT NULL, PRIMARY KEY (purpose, token_class)) WITHOUT ROWID;
)sql"};

absl::Status Broken(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("a former log of the directory contradicts itself: ", what));
}

struct Person {
  identity::UserUri user;
  tlog::MapIndex former_index;
};

// Everybody in the log who was not erased.
absl::StatusOr<std::vector<Person>> PeopleOf(db::Database& database, const DirectoryLogKeys& keys) {
  ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT DISTINCT user FROM opening WHERE nonce NOT NULL"));
  std::vector<Person> out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return out;
    const absl::StatusOr<identity::UserUri> user = identity::ParseUserUri(select.Text(0));
    if (!user.ok()) return absl::DataLossError("a stored name is damaged");
    out.push_back({*user, tlog::MapIndex{identity::ComputeDirectoryIndex(keys.vrf, *user)}});
  }
}

// The keys of tokens that the next log begins with: of each purpose and class the newest, and those before it whose tokens still count,
// as far as their epochs follow one another.
absl::StatusOr<std::vector<tlog::TokenKeyLeaf>> TokenKeysOf(db::Database& database, DirectoryLog& log, absl::Time now) {
  std::map<std::pair<std::string, std::string>, std::map<uint64_t, tlog::TokenKeyLeaf>> all;
  {
    ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT leaf FROM token_key WHERE ends_unix > ?"));
    select.Bind(1, absl::ToUnixSeconds(now));
    while (true) {
      ASSIGN_OR_RETURN(const bool more, select.Step());
      if (!more) break;
      const absl::StatusOr<tlog::DirectoryLeaf> leaf = tlog::ParseDirectoryLeaf(select.Blob(0));
      const auto* key = leaf.ok() ? std::get_if<tlog::TokenKeyLeaf>(&*leaf) : nullptr;
      if (key == nullptr) return absl::DataLossError("a stored token key does not parse");
      all[{key->purpose, key->token_class}].emplace(key->epoch, *key);
    }
  }
  std::vector<std::pair<std::string, std::string>> kinds;
  {
    ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT purpose, token_class FROM log_token_key"));
    while (true) {
      ASSIGN_OR_RETURN(const bool more, select.Step());
      if (!more) break;
      kinds.emplace_back(std::string(select.Text(0)), std::string(select.Text(1)));
    }
  }
  std::vector<tlog::TokenKeyLeaf> out;
  for (const auto& kind : kinds) {
    ASSIGN_OR_RETURN(const std::optional<tlog::TokenKeyLeaf> newest, log.NewestTokenKey(kind.first, kind.second));
    if (!newest) return Broken("a key of tokens is missing");
    std::vector<tlog::TokenKeyLeaf> line = {*newest};
    const auto& stored = all[kind];
    for (auto before = stored.find(newest->epoch - 1); before != stored.end(); before = stored.find(line.back().epoch - 1)) line.push_back(before->second);
    out.insert(out.end(), line.rbegin(), line.rend());
  }
  return out;
}

// The later of a kind comes later in `keys`.
absl::Status LayAsideTokenKeys(db::Database& database, const std::vector<tlog::TokenKeyLeaf>& keys) {
  for (const tlog::TokenKeyLeaf& key : keys) {
    ASSIGN_OR_RETURN(db::Statement replace,
                     database.Prepare("INSERT OR REPLACE INTO restored_token_key (purpose, token_class, leaf) VALUES (?, ?, ?)"));
    RETURN_IF_ERROR(replace.Bind(1, absl::string_view(key.purpose))
                        .Bind(2, absl::string_view(key.token_class))
                        .Bind(3, ByteView(tlog::Encode(key)))
                        .Run());
  }
  return database.Execute("UPDATE token_key SET void = 1, wrapped = x''");
}

}  // namespace

const db::Migration& FormerLogs::Tables() { return kTables; }

absl::Status FormerLogs::TakeOver(db::Transaction& transaction, const FormerLog& former) {
  CHECK(&transaction.database() == &database_);
  const auto number = static_cast<int64_t>(former.number);
  ASSIGN_OR_RETURN(db::Statement insert, database_.Prepare("INSERT INTO former_log (number, size, checkpoint, succession, follow, log_key) "
                                                           "VALUES (?, ?, ?, ?, ?, ?)"));
  RETURN_IF_ERROR(insert.Bind(1, number)
                      .Bind(2, static_cast<int64_t>(former.size))
                      .Bind(3, absl::string_view(former.checkpoint))
                      .Bind(4, ByteView(former.succession))
                      .Bind(5, former.follow.view())
                      .Bind(6, ByteView(former.log_key))
                      .Run());
  for (const char* sql : {"INSERT INTO former_leaf (log, place, leaf) SELECT ?, place, leaf FROM log_leaf",
                          "INSERT INTO former_opening (log, place, user, version, nonce) SELECT ?, place, user, version, nonce FROM opening"}) {
    ASSIGN_OR_RETURN(db::Statement copy, database_.Prepare(sql));
    RETURN_IF_ERROR(copy.Bind(1, number).Run());
  }
  for (const char* table : {"log_state", "log_leaf", "log_node", "map_node", "opening", "log_token_key"}) {
    RETURN_IF_ERROR(database_.Execute(absl::StrCat("DELETE FROM ", table)));
  }
  return absl::OkStatus();
}

absl::Status FormerLogs::Add(db::Transaction& transaction, uint64_t number, const std::string& user, const HandedOver& handed_over) {
  CHECK(&transaction.database() == &database_);
  ASSIGN_OR_RETURN(db::Statement insert, database_.Prepare("INSERT INTO handed_over (log, former_index, user, sealed) VALUES (?, ?, ?, ?)"));
  return insert.Bind(1, static_cast<int64_t>(number))
      .Bind(2, ByteView(handed_over.former_index))
      .Bind(3, absl::string_view(user))
      .Bind(4, ByteView(handed_over.sealed))
      .Run();
}

absl::StatusOr<std::optional<FormerLog>> FormerLogs::Find(uint64_t number) {
  ASSIGN_OR_RETURN(db::Statement select,
                   database_.Prepare("SELECT size, checkpoint, succession, follow, log_key FROM former_log WHERE number = ?"));
  ASSIGN_OR_RETURN(const bool found, select.Bind(1, static_cast<int64_t>(number)).Step());
  if (!found) return std::optional<FormerLog>();
  FormerLog out{number,
                static_cast<uint64_t>(select.Int64(0)),
                std::string(select.Text(1)),
                ToBytes(select.Blob(2)),
                Secret::CopyOf(select.Blob(3)),
                ToBytes(select.Blob(4))};
  return std::optional<FormerLog>(std::move(out));
}

absl::StatusOr<std::vector<Bytes>> FormerLogs::ReadLeaves(const FormerLog& log, uint64_t from, size_t limit) {
  std::vector<Bytes> out;
  if (from >= log.size) return out;
  ASSIGN_OR_RETURN(db::Statement select,
                   database_.Prepare("SELECT place, leaf FROM former_leaf WHERE log = ? AND place >= ? AND place < ? ORDER BY place LIMIT ?"));
  select.Bind(1, static_cast<int64_t>(log.number))
      .Bind(2, static_cast<int64_t>(from))
      .Bind(3, static_cast<int64_t>(log.size))
      .Bind(4, static_cast<int64_t>(std::min<size_t>(limit, tlog::kMaxBatch)));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return out;
    if (static_cast<uint64_t>(select.Int64(0)) != from + out.size()) return Broken("a leaf is missing");
    out.push_back(ToBytes(select.Blob(1)));
  }
}

absl::StatusOr<std::optional<DirectoryLog::Owner>> FormerLogs::OwnerOf(const FormerLog& log, uint64_t place) {
  ASSIGN_OR_RETURN(db::Statement select, database_.Prepare("SELECT user, version, nonce FROM former_opening WHERE log = ? AND place = ? "
                                                           "AND nonce NOT NULL"));
  ASSIGN_OR_RETURN(const bool found, select.Bind(1, static_cast<int64_t>(log.number)).Bind(2, static_cast<int64_t>(place)).Step());
  if (!found) return std::optional<DirectoryLog::Owner>();
  DirectoryLog::Owner out{std::string(select.Text(0)), static_cast<uint64_t>(select.Int64(1)), {}};
  RETURN_IF_ERROR(TakeHash(select.Blob(2), out.nonce.bytes));
  return std::optional<DirectoryLog::Owner>(std::move(out));
}

absl::StatusOr<std::vector<HandedOver>> FormerLogs::HandedOverAfter(const FormerLog& log, uint64_t after, size_t limit) {
  ASSIGN_OR_RETURN(db::Statement select,
                   database_.Prepare("SELECT former_index, sealed FROM handed_over WHERE log = ? ORDER BY former_index LIMIT ? OFFSET ?"));
  select.Bind(1, static_cast<int64_t>(log.number))
      .Bind(2, static_cast<int64_t>(std::min<size_t>(limit, tlog::kMaxBatch)))
      .Bind(3, static_cast<int64_t>(std::min(after, tlog::kMaxSize)));
  std::vector<HandedOver> out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return out;
    out.push_back({ToBytes(select.Blob(0)), ToBytes(select.Blob(1))});
  }
}

absl::StatusOr<std::optional<tlog::TokenKeyLeaf>> FormerLogs::RestoredTokenKey(absl::string_view purpose, absl::string_view token_class) {
  ASSIGN_OR_RETURN(db::Statement select, database_.Prepare("SELECT leaf FROM restored_token_key WHERE purpose = ? AND token_class = ?"));
  ASSIGN_OR_RETURN(const bool found, select.Bind(1, purpose).Bind(2, token_class).Step());
  if (!found) return std::optional<tlog::TokenKeyLeaf>();
  const absl::StatusOr<tlog::DirectoryLeaf> leaf = tlog::ParseDirectoryLeaf(select.Blob(0));
  const auto* key = leaf.ok() ? std::get_if<tlog::TokenKeyLeaf>(&*leaf) : nullptr;
  if (key == nullptr) return Broken("a key of tokens does not parse");
  return std::optional<tlog::TokenKeyLeaf>(*key);
}

absl::Status FormerLogs::Erase(db::Transaction& transaction, const identity::UserUri& user) {
  CHECK(&transaction.database() == &database_);
  for (const char* sql : {"UPDATE former_opening SET nonce = NULL WHERE user = ?", "DELETE FROM handed_over WHERE user = ?"}) {
    ASSIGN_OR_RETURN(db::Statement erase, database_.Prepare(sql));
    RETURN_IF_ERROR(erase.Bind(1, absl::string_view(user.ToString())).Run());
  }
  return absl::OkStatus();
}

absl::Status BeginNextLog(db::Transaction& transaction, DirectoryLog& before, const Succession& succession, absl::Time now) {
  db::Database& database = transaction.database();
  FormerLogs former(database);
  ASSIGN_OR_RETURN(const std::vector<Person> people, PeopleOf(database, before.keys()));
  ASSIGN_OR_RETURN(const std::vector<tlog::TokenKeyLeaf> token_keys, TokenKeysOf(database, before, now));
  ASSIGN_OR_RETURN(const directory::SignedLogSuccession said, directory::ParseSignedLogSuccession(succession.former.succession));
  RETURN_IF_ERROR(former.TakeOver(transaction, succession.former));
  if (succession.hand_over) {
    for (const Person& person : people) {
      const identity::DirectoryIndex index = identity::MakeDirectoryIndex(succession.next.vrf, person.user);
      const directory::Handover handover{index.proof, directory::FollowKey(succession.follow, tlog::MapIndex{index.index})};
      const Secret key = directory::FollowKey(succession.former.follow, person.former_index);
      RETURN_IF_ERROR(former.Add(transaction, succession.former.number, person.user.ToString(),
                                 {ToBytes(person.former_index.bytes), directory::SealHandover(handover, key, said.statement)}));
    }
  }
  DirectoryLog next(database, succession.next);
  RETURN_IF_ERROR(next.Begin(transaction));
  RETURN_IF_ERROR(AdoptRecords(transaction, next));
  if (succession.restored) return LayAsideTokenKeys(database, token_keys);
  return token_keys.empty() ? absl::OkStatus() : next.AppendTokenKeys(transaction, token_keys);
}

}  // namespace plumbline::keyserver
