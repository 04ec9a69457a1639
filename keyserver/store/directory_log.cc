#include "keyserver/store/directory_log.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "keyserver/store/log_tables.h"

namespace plumbline::keyserver {
namespace {

constexpr db::Migration kTables = {"the directory's log", R"sql(
CREATE TABLE log_state (
  id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, map_version INTEGER NOT NULL, map_root BLOB NOT NULL,
  checkpoint TEXT NOT NULL);
CREATE TABLE log_leaf (place INTEGER PRIMARY KEY, leaf BLOB NOT NULL);
CREATE TABLE log_node (
  level INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, number)) WITHOUT ROWID;
CREATE TABLE map_node (
  depth INTEGER NOT NULL, prefix BLOB NOT NULL, is_leaf INTEGER NOT NULL,
  first BLOB NOT NULL, second BLOB NOT NULL,               -- of a leaf: index and value; else the hashes left and right
  PRIMARY KEY (depth, prefix)) WITHOUT ROWID;
CREATE TABLE opening (                                     -- what opens an entry's commitments; null once erased
  user TEXT NOT NULL, version INTEGER NOT NULL, place INTEGER NOT NULL, nonce BLOB, cause_nonce BLOB, cause BLOB,
  PRIMARY KEY (user, version)) WITHOUT ROWID;
)sql"};

absl::Status Broken(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the directory's log contradicts itself: ", what));
}

}  // namespace

const db::Migration& DirectoryLog::Tables() { return kTables; }

absl::StatusOr<std::optional<DirectoryLog::State>> DirectoryLog::ReadState() {
  ASSIGN_OR_RETURN(db::Statement select,
                   database_.Prepare("SELECT size, map_version, map_root, checkpoint FROM log_state WHERE id = 1"));
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return std::optional<State>();
  State out;
  out.size = static_cast<uint64_t>(select.Int64(0));
  out.map_version = static_cast<uint64_t>(select.Int64(1));
  RETURN_IF_ERROR(TakeHash(select.Blob(2), out.map_root));
  out.checkpoint = std::string(select.Text(3));
  return std::optional<State>(std::move(out));
}

absl::StatusOr<DirectoryLog::State> DirectoryLog::ReadExistingState() {
  ASSIGN_OR_RETURN(std::optional<State> state, ReadState());
  if (!state) return Broken("it has no beginning");
  const absl::StatusOr<tlog::Checkpoint> checkpoint = tlog::OpenCheckpoint(state->checkpoint, keys_.signer.verifier());
  if (!checkpoint.ok()) return Broken(checkpoint.status().message());
  SqlNodes nodes(database_);
  ASSIGN_OR_RETURN(const tlog::Hash root, tlog::Root(nodes, state->size));
  if (checkpoint->size != state->size || checkpoint->root != root) return Broken("its tree is not the one that was signed");
  return *std::move(state);
}

absl::StatusOr<std::optional<DirectoryLog::Newest>> DirectoryLog::FindNewest(const identity::UserUri& user) {
  ASSIGN_OR_RETURN(db::Statement select,
                   database_.Prepare("SELECT version, place, nonce FROM opening WHERE user = ? ORDER BY version DESC LIMIT 1"));
  ASSIGN_OR_RETURN(const bool found, select.Bind(1, absl::string_view(user.ToString())).Step());
  if (!found) return std::optional<Newest>();
  Newest out;
  out.version = static_cast<uint64_t>(select.Int64(0));
  out.place = static_cast<uint64_t>(select.Int64(1));
  out.erased = select.IsNull(2);
  if (!out.erased) RETURN_IF_ERROR(TakeHash(select.Blob(2), out.nonce.bytes));
  return std::optional<Newest>(out);
}

absl::StatusOr<tlog::EntryLeaf> DirectoryLog::ReadEntry(uint64_t place) {
  ASSIGN_OR_RETURN(const std::vector<Bytes> leaves, ReadLeaves(place, 1));
  if (leaves.empty()) return Broken("an entry is missing");
  SqlNodes nodes(database_);
  ASSIGN_OR_RETURN(const tlog::Hash hash, nodes.Read({0, place}));
  if (tlog::LeafHash(leaves[0]) != hash) return Broken("an entry is not the one in its tree");
  const absl::StatusOr<tlog::DirectoryLeaf> leaf = tlog::ParseDirectoryLeaf(leaves[0]);
  if (!leaf.ok() || !std::holds_alternative<tlog::EntryLeaf>(*leaf)) return Broken("an entry is none");
  return std::get<tlog::EntryLeaf>(*leaf);
}

absl::Status DirectoryLog::AppendLeaf(State& state, const tlog::DirectoryLeaf& leaf) {
  const Bytes bytes = tlog::Encode(leaf);
  ASSIGN_OR_RETURN(db::Statement insert, database_.Prepare("INSERT INTO log_leaf (place, leaf) VALUES (?, ?)"));
  RETURN_IF_ERROR(insert.Bind(1, static_cast<int64_t>(state.size)).Bind(2, ByteView(bytes)).Run());
  SqlNodes nodes(database_);
  RETURN_IF_ERROR(tlog::Append(nodes, state.size, tlog::LeafHash(bytes)));
  ++state.size;
  return absl::OkStatus();
}

absl::Status DirectoryLog::Close(State& state, uint64_t first) {
  ++state.map_version;
  RETURN_IF_ERROR(AppendLeaf(state, tlog::MapRootLeaf{state.map_version, first, state.size, state.map_root}));
  SqlNodes nodes(database_);
  ASSIGN_OR_RETURN(const tlog::Hash root, tlog::Root(nodes, state.size));
  ASSIGN_OR_RETURN(state.checkpoint, tlog::SignCheckpoint(state.size, root, keys_.signer));
  ASSIGN_OR_RETURN(db::Statement replace,
                   database_.Prepare("INSERT OR REPLACE INTO log_state (id, size, map_version, map_root, checkpoint) "
                                     "VALUES (1, ?, ?, ?, ?)"));
  return replace.Bind(1, static_cast<int64_t>(state.size))
      .Bind(2, static_cast<int64_t>(state.map_version))
      .Bind(3, ByteView(state.map_root))
      .Bind(4, absl::string_view(state.checkpoint))
      .Run();
}

absl::Status DirectoryLog::Begin(db::Transaction& transaction) {
  CHECK(&transaction.database() == &database_);
  ASSIGN_OR_RETURN(const std::optional<State> there, ReadState());
  const tlog::GenesisLeaf genesis{keys_.signer.verifier().name(), keys_.authority, keys_.vrf.public_key()};
  if (there) {
    ASSIGN_OR_RETURN(const std::vector<Bytes> first, ReadLeaves(0, 1));
    if (first.empty() || first[0] != tlog::Encode(genesis))
      return absl::FailedPreconditionError("the directory's log in this database was begun with other keys");
    return ReadExistingState().status();
  }
  State state;
  state.map_root = tlog::EmptyMapRoot();
  RETURN_IF_ERROR(AppendLeaf(state, genesis));
  return Close(state, state.size);
}

absl::StatusOr<tlog::MapEntry> DirectoryLog::AppendEntry(State& state, const RecordChange& change) {
  ASSIGN_OR_RETURN(const std::optional<Newest> newest, FindNewest(change.user));
  if (change.version != (newest ? newest->version + 1 : 1))
    return absl::InvalidArgumentError("the record's version is not the next in the directory's log");
  tlog::EntryLeaf entry;
  entry.version = change.version;
  entry.index.bytes = identity::MakeDirectoryIndex(keys_.vrf, change.user).index;
  if (newest) {
    ASSIGN_OR_RETURN(const tlog::EntryLeaf before, ReadEntry(newest->place));
    if (before.index != entry.index || before.version != newest->version) return Broken("an entry is somebody else's");
    entry.previous = tlog::LeafHashOf(before);
  }
  const auto nonce = identity::CommitmentNonce::Random(), cause_nonce = identity::CommitmentNonce::Random();
  entry.commitment = identity::CommitToRecord(change.record, nonce);
  entry.cause = identity::CommitToCause(change.cause, cause_nonce);
  ASSIGN_OR_RETURN(db::Statement insert,
                   database_.Prepare("INSERT INTO opening (user, version, place, nonce, cause_nonce, cause) VALUES (?, ?, ?, ?, ?, ?)"));
  RETURN_IF_ERROR(insert.Bind(1, absl::string_view(change.user.ToString()))
                      .Bind(2, static_cast<int64_t>(change.version))
                      .Bind(3, static_cast<int64_t>(state.size))
                      .Bind(4, ByteView(nonce.bytes))
                      .Bind(5, ByteView(cause_nonce.bytes))
                      .Bind(6, ByteView(change.cause))
                      .Run());
  RETURN_IF_ERROR(AppendLeaf(state, entry));
  return tlog::MapEntry{entry.index, tlog::LeafHashOf(entry)};
}

absl::Status DirectoryLog::Append(db::Transaction& transaction, const std::vector<RecordChange>& changes) {
  CHECK(&transaction.database() == &database_);
  if (changes.empty() || changes.size() > tlog::kMaxBatch)
    return absl::InvalidArgumentError("a batch has 1 to 65,536 records");
  ASSIGN_OR_RETURN(State state, ReadExistingState());
  const uint64_t first = state.size;
  std::vector<tlog::MapEntry> entries;
  for (const RecordChange& change : changes) {
    ASSIGN_OR_RETURN(entries.emplace_back(), AppendEntry(state, change));
  }
  SqlMap map(database_);
  ASSIGN_OR_RETURN(state.map_root, tlog::UpdateMap(map, state.map_root, std::move(entries)));
  return Close(state, first);
}

absl::StatusOr<directory::Answer> DirectoryLog::AnswerFor(const identity::UserUri& user, ByteView record) {
  ASSIGN_OR_RETURN(const State state, ReadExistingState());
  const identity::DirectoryIndex index = identity::MakeDirectoryIndex(keys_.vrf, user);
  SqlNodes nodes(database_);
  SqlMap map(database_);
  directory::Answer out{state.checkpoint,
                        {keys_.signer.verifier().name(), keys_.authority, keys_.vrf.public_key()},
                        {},
                        ToBytes(index.proof),
                        {},
                        {}};
  ASSIGN_OR_RETURN(out.genesis_inclusion, tlog::ProveInclusion(nodes, 0, state.size));
  ASSIGN_OR_RETURN(const std::vector<Bytes> last, ReadLeaves(state.size - 1, 1));
  if (last.empty()) return Broken("its end is missing");
  const absl::StatusOr<tlog::DirectoryLeaf> root = tlog::ParseDirectoryLeaf(last[0]);
  if (!root.ok() || !std::holds_alternative<tlog::MapRootLeaf>(*root)) return Broken("it does not end with a map root");
  out.map.root = std::get<tlog::MapRootLeaf>(*root);
  ASSIGN_OR_RETURN(out.map.inclusion, tlog::ProveInclusion(nodes, state.size - 1, state.size));
  ASSIGN_OR_RETURN(out.map.proof, tlog::ProveMap(map, state.map_root, tlog::MapIndex{index.index}));
  ASSIGN_OR_RETURN(const std::optional<Newest> newest, FindNewest(user));
  if (!newest) return record.empty() ? absl::StatusOr<directory::Answer>(std::move(out)) : Broken("it has no entry of a record");
  if (newest->erased) return absl::NotFoundError("this person was erased");
  ASSIGN_OR_RETURN(const tlog::EntryLeaf entry, ReadEntry(newest->place));
  if (identity::CommitToRecord(record, newest->nonce) != entry.commitment) return Broken("its entry is of another record");
  out.found = directory::FoundRecord{entry, newest->nonce, ToBytes(record)};
  return out;
}

absl::StatusOr<std::vector<Bytes>> DirectoryLog::ReadLeaves(uint64_t from, size_t limit) {
  std::vector<Bytes> out;
  if (from > tlog::kMaxSize) return out;
  ASSIGN_OR_RETURN(db::Statement select,
                   database_.Prepare("SELECT place, leaf FROM log_leaf WHERE place >= ? ORDER BY place LIMIT ?"));
  select.Bind(1, static_cast<int64_t>(from)).Bind(2, static_cast<int64_t>(std::min<size_t>(limit, tlog::kMaxBatch)));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return out;
    if (static_cast<uint64_t>(select.Int64(0)) != from + out.size()) return Broken("a leaf is missing");
    out.push_back(ToBytes(select.Blob(1)));
  }
}

absl::StatusOr<std::string> DirectoryLog::Checkpoint() {
  ASSIGN_OR_RETURN(State state, ReadExistingState());
  return std::move(state.checkpoint);
}

absl::Status DirectoryLog::Erase(db::Transaction& transaction, const identity::UserUri& user) {
  CHECK(&transaction.database() == &database_);
  ASSIGN_OR_RETURN(db::Statement update,
                   database_.Prepare("UPDATE opening SET nonce = NULL, cause_nonce = NULL, cause = NULL WHERE user = ?"));
  return update.Bind(1, absl::string_view(user.ToString())).Run();
}

}  // namespace plumbline::keyserver
