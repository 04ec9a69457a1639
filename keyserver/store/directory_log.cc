#include "keyserver/store/directory_log.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/identity/reason.h"
#include "common/tlog/directory_replay.h"
#include "keyserver/store/former_logs.h"
#include "keyserver/store/log_tables.h"

namespace plumbline::keyserver {
namespace {

constexpr db::Migration kTables = {"the directory's log", R"sql(
CREATE TABLE log_state (
  id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, map_version INTEGER NOT NULL, map_root BLOB NOT NULL,
  checkpoint TEXT NOT NULL,                                -- of all leaves, as this log signed it
  published TEXT NOT NULL,                                 -- as witnesses cosigned it; empty: none yet
  published_map_version INTEGER NOT NULL);
CREATE TABLE log_leaf (place INTEGER PRIMARY KEY, leaf BLOB NOT NULL);
CREATE TABLE log_node (
  level INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, number)) WITHOUT ROWID;
CREATE TABLE map_node (
  tile BLOB NOT NULL,                                      -- four levels and the prefix above them: what changes together is together
  depth INTEGER NOT NULL, prefix BLOB NOT NULL, since INTEGER NOT NULL,  -- the map's version
  is_leaf INTEGER NOT NULL,
  first BLOB NOT NULL, second BLOB NOT NULL,               -- of a leaf: index and value; else the hashes left and right
  PRIMARY KEY (tile, depth, prefix, since)) WITHOUT ROWID;
CREATE TABLE opening (                                     -- what opens an entry's commitments; null once erased
  user TEXT NOT NULL, version INTEGER NOT NULL, place INTEGER NOT NULL, nonce BLOB, cause_nonce BLOB, cause BLOB,
  PRIMARY KEY (user, version));                            -- with rowids: a cause of a kilobyte would take an overflow page each
CREATE UNIQUE INDEX opening_by_place ON opening (place);
)sql"};

constexpr db::Migration kTokenKeyTables = {"keys of anonymous tokens in the directory's log", R"sql(
CREATE TABLE log_token_key (                               -- where the newest of each is
  purpose TEXT NOT NULL, token_class TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (purpose, token_class)) WITHOUT ROWID;
)sql"};

absl::Status Broken(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the directory's log contradicts itself: ", what));
}

}  // namespace

const db::Migration& DirectoryLog::Tables() { return kTables; }
const db::Migration& DirectoryLog::TokenKeyTables() { return kTokenKeyTables; }

absl::StatusOr<std::optional<DirectoryLog::State>> DirectoryLog::ReadState() {
  ASSIGN_OR_RETURN(db::Statement select,
                   database_.Prepare("SELECT size, map_version, map_root, checkpoint, published, published_map_version FROM "
                                     "log_state WHERE id = 1"));
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return std::optional<State>();
  State out;
  out.size = static_cast<uint64_t>(select.Int64(0));
  out.map_version = static_cast<uint64_t>(select.Int64(1));
  RETURN_IF_ERROR(TakeHash(select.Blob(2), out.map_root));
  out.checkpoint = std::string(select.Text(3));
  out.published = std::string(select.Text(4));
  out.published_map_version = static_cast<uint64_t>(select.Int64(5));
  return std::optional<State>(std::move(out));
}

absl::StatusOr<DirectoryLog::State> DirectoryLog::ReadExistingState() {
  ASSIGN_OR_RETURN(std::optional<State> state, ReadState());
  if (!state) return Broken("it has no beginning");
  const absl::StatusOr<tlog::Checkpoint> checkpoint = OpenOwn(state->checkpoint);
  if (!checkpoint.ok()) return Broken(checkpoint.status().message());
  SqlNodes nodes(database_);
  ASSIGN_OR_RETURN(const tlog::Hash root, tlog::Root(nodes, state->size));
  if (checkpoint->root != root) return Broken("its tree is not the one that was signed");
  return *std::move(state);
}

absl::StatusOr<tlog::MapRootLeaf> DirectoryLog::ReadMapRoot(uint64_t place) {
  ASSIGN_OR_RETURN(const std::vector<Bytes> leaves, ReadLeaves(place, place + 1, 1));
  if (leaves.empty()) return Broken("its end is missing");
  const absl::StatusOr<tlog::DirectoryLeaf> leaf = tlog::ParseDirectoryLeaf(leaves[0]);
  if (!leaf.ok() || !std::holds_alternative<tlog::MapRootLeaf>(*leaf)) return Broken("it does not end with a map root");
  return std::get<tlog::MapRootLeaf>(*leaf);
}

absl::StatusOr<DirectoryLog::PublishedState> DirectoryLog::ReadPublished() {
  ASSIGN_OR_RETURN(std::optional<State> state, ReadState());
  if (!state) return Broken("it has no beginning");
  if (state->published.empty()) {
    return identity::Refuse(absl::StatusCode::kUnavailable, "directory_unwitnessed",
                            "the directory's witnesses have not confirmed it yet; try again in a moment, and if it stays so "
                            "tell the key server's operator");
  }
  const absl::StatusOr<tlog::Checkpoint> checkpoint = OpenOwn(state->published);
  if (!checkpoint.ok()) return Broken(checkpoint.status().message());
  SqlNodes nodes(database_);
  ASSIGN_OR_RETURN(const tlog::Hash root, tlog::Root(nodes, checkpoint->size));
  if (checkpoint->root != root) return Broken("what is published is not of its tree");
  PublishedState out{checkpoint->size, {}, std::move(state->published)};
  ASSIGN_OR_RETURN(out.map_root, ReadMapRoot(out.size - 1));
  if (out.map_root.version != state->published_map_version) return Broken("what is published is another version of the map");
  return out;
}

absl::StatusOr<std::optional<DirectoryLog::Opening>> DirectoryLog::FindNewest(const identity::UserUri& user, uint64_t end) {
  ASSIGN_OR_RETURN(db::Statement select, database_.Prepare("SELECT version, place, nonce FROM opening WHERE user = ? AND place < ? "
                                                           "ORDER BY version DESC LIMIT 1"));
  select.Bind(1, absl::string_view(user.ToString())).Bind(2, static_cast<int64_t>(end));
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return std::optional<Opening>();
  Opening out;
  out.version = static_cast<uint64_t>(select.Int64(0));
  out.place = static_cast<uint64_t>(select.Int64(1));
  out.erased = select.IsNull(2);
  if (!out.erased) RETURN_IF_ERROR(TakeHash(select.Blob(2), out.nonce.bytes));
  return std::optional<Opening>(out);
}

absl::StatusOr<tlog::DirectoryLeaf> DirectoryLog::ReadLeaf(uint64_t place) {
  ASSIGN_OR_RETURN(const std::vector<Bytes> leaves, ReadLeaves(place, place + 1, 1));
  if (leaves.empty()) return Broken("a leaf is missing");
  SqlNodes nodes(database_);
  ASSIGN_OR_RETURN(const tlog::Hash hash, nodes.Read({0, place}));
  if (tlog::LeafHash(leaves[0]) != hash) return Broken("a leaf is not the one in its tree");
  absl::StatusOr<tlog::DirectoryLeaf> leaf = tlog::ParseDirectoryLeaf(leaves[0]);
  if (!leaf.ok()) return Broken("a leaf is none");
  return leaf;
}

absl::StatusOr<tlog::EntryLeaf> DirectoryLog::ReadEntry(uint64_t place) {
  ASSIGN_OR_RETURN(const tlog::DirectoryLeaf leaf, ReadLeaf(place));
  if (!std::holds_alternative<tlog::EntryLeaf>(leaf)) return Broken("an entry is none");
  return std::get<tlog::EntryLeaf>(leaf);
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
  ASSIGN_OR_RETURN(state.checkpoint, tlog::SignCheckpoint(state.size, root, keys_.signer, former()));
  ASSIGN_OR_RETURN(db::Statement replace,
                   database_.Prepare("INSERT OR REPLACE INTO log_state (id, size, map_version, map_root, checkpoint, "
                                     "published, published_map_version) VALUES (1, ?, ?, ?, ?, ?, ?)"));
  return replace.Bind(1, static_cast<int64_t>(state.size))
      .Bind(2, static_cast<int64_t>(state.map_version))
      .Bind(3, ByteView(state.map_root))
      .Bind(4, absl::string_view(state.checkpoint))
      .Bind(5, absl::string_view(state.published))
      .Bind(6, static_cast<int64_t>(state.published_map_version))
      .Run();
}

absl::Status DirectoryLog::Begin(db::Transaction& transaction) {
  CHECK(&transaction.database() == &database_);
  ASSIGN_OR_RETURN(const std::optional<State> there, ReadState());
  const tlog::GenesisLeaf genesis{keys_.signer.verifier().name(), keys_.authority, keys_.vrf.public_key()};
  if (there) {
    ASSIGN_OR_RETURN(const std::vector<Bytes> first, ReadLeaves(0, 1, 1));
    if (first.empty() || first[0] != tlog::Encode(genesis)) {
      return identity::Refuse(absl::StatusCode::kFailedPrecondition, "log_key_mismatch",
                              "keys.sealed is older or newer than keyserver.db: the directory's log in the database was begun with other "
                              "keys. Restore both from the same backup");
    }
    if (absl::IsUnauthenticated(OpenOwn(there->checkpoint).status())) {
      return identity::Refuse(absl::StatusCode::kFailedPrecondition, "log_key_mismatch",
                              "keys.sealed is older or newer than keyserver.db: the directory's log in the database is signed with "
                              "another key. Restore both from the same backup");
    }
    return ReadExistingState().status();
  }
  State state;
  state.map_root = tlog::EmptyMapRoot();
  RETURN_IF_ERROR(AppendLeaf(state, genesis));
  return Close(state, state.size);
}

absl::StatusOr<tlog::Checkpoint> DirectoryLog::OpenOwn(absl::string_view note) const {
  absl::StatusOr<tlog::Checkpoint> own = tlog::OpenCheckpoint(note, keys_.signer.verifier());
  if (own.ok() || former() == nullptr) return own;
  return tlog::OpenCheckpoint(note, former()->verifier());
}

absl::StatusOr<bool> DirectoryLog::SignAnew(db::Transaction& transaction) {
  CHECK(&transaction.database() == &database_);
  ASSIGN_OR_RETURN(State state, ReadExistingState());
  const bool replaced = !tlog::OpenCheckpoint(state.checkpoint, keys_.signer.verifier()).ok();
  ASSIGN_OR_RETURN(const tlog::Checkpoint newest, OpenOwn(state.checkpoint));
  ASSIGN_OR_RETURN(state.checkpoint, tlog::SignCheckpoint(newest.size, newest.root, keys_.signer, former()));
  if (!state.published.empty()) {
    ASSIGN_OR_RETURN(const PublishedState published, ReadPublished());
    ASSIGN_OR_RETURN(const tlog::Note said, tlog::ParseNote(published.note));
    ASSIGN_OR_RETURN(const tlog::Checkpoint checkpoint, tlog::ParseCheckpoint(said.text));
    ASSIGN_OR_RETURN(const std::string anew, tlog::SignCheckpoint(checkpoint.size, checkpoint.root, keys_.signer, former()));
    ASSIGN_OR_RETURN(tlog::Note note, tlog::ParseNote(anew));
    for (const tlog::NoteSignature& each : said.signatures) {
      if (each.name != checkpoint.origin) note.signatures.push_back(each);
    }
    state.published = tlog::FormatNote(note);
  }
  ASSIGN_OR_RETURN(db::Statement update, database_.Prepare("UPDATE log_state SET checkpoint = ?, published = ? WHERE id = 1"));
  RETURN_IF_ERROR(update.Bind(1, absl::string_view(state.checkpoint)).Bind(2, absl::string_view(state.published)).Run());
  return replaced;
}

absl::StatusOr<tlog::MapEntry> DirectoryLog::AppendEntry(State& state, const RecordChange& change) {
  ASSIGN_OR_RETURN(const std::optional<Opening> newest, FindNewest(change.user, state.size));
  if (change.version != (newest ? newest->version + 1 : 1))
    return absl::InvalidArgumentError("the record's version is not the next in the directory's log");
  tlog::EntryLeaf entry;
  entry.version = change.version;
  entry.index.bytes = identity::ComputeDirectoryIndex(keys_.vrf, change.user);
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
  SqlMap map(database_, state.map_version + 1, state.published_map_version);
  ASSIGN_OR_RETURN(state.map_root, tlog::UpdateMap(map, state.map_root, std::move(entries)));
  return Close(state, first);
}

absl::StatusOr<std::optional<tlog::TokenKeyLeaf>> DirectoryLog::NewestTokenKey(absl::string_view purpose,
                                                                               absl::string_view token_class) {
  uint64_t place = 0;
  {
    ASSIGN_OR_RETURN(db::Statement select,
                     database_.Prepare("SELECT place FROM log_token_key WHERE purpose = ? AND token_class = ?"));
    ASSIGN_OR_RETURN(const bool found, select.Bind(1, purpose).Bind(2, token_class).Step());
    if (!found) return std::optional<tlog::TokenKeyLeaf>();
    place = static_cast<uint64_t>(select.Int64(0));
  }
  ASSIGN_OR_RETURN(const tlog::DirectoryLeaf leaf, ReadLeaf(place));
  const auto* key = std::get_if<tlog::TokenKeyLeaf>(&leaf);
  if (key == nullptr || key->purpose != purpose || key->token_class != token_class) return Broken("a token key is none");
  return std::optional<tlog::TokenKeyLeaf>(*key);
}

absl::Status DirectoryLog::AppendTokenKeys(db::Transaction& transaction, const std::vector<tlog::TokenKeyLeaf>& keys) {
  CHECK(&transaction.database() == &database_);
  if (keys.empty() || keys.size() > tlog::kMaxBatch) return absl::InvalidArgumentError("a batch has 1 to 65,536 token keys");
  ASSIGN_OR_RETURN(State state, ReadExistingState());
  const uint64_t first = state.size;
  for (const tlog::TokenKeyLeaf& key : keys) {
    ASSIGN_OR_RETURN(const std::optional<tlog::TokenKeyLeaf> last, NewestTokenKey(key.purpose, key.token_class));
    tlog::TokenKeys newest;
    if (last) newest.emplace(std::pair(last->purpose, last->token_class), *last);
    RETURN_IF_ERROR(tlog::TakeTokenKey(key, newest, tlog::FollowsAnother(keys_.signer.verifier().name())));
    ASSIGN_OR_RETURN(db::Statement place,
                     database_.Prepare("INSERT OR REPLACE INTO log_token_key (purpose, token_class, place) VALUES (?, ?, ?)"));
    RETURN_IF_ERROR(place.Bind(1, absl::string_view(key.purpose))
                        .Bind(2, absl::string_view(key.token_class))
                        .Bind(3, static_cast<int64_t>(state.size))
                        .Run());
    RETURN_IF_ERROR(AppendLeaf(state, key));
  }
  return Close(state, first);
}

absl::StatusOr<std::optional<uint64_t>> DirectoryLog::PublishedVersion(const identity::UserUri& user) {
  ASSIGN_OR_RETURN(const PublishedState published, ReadPublished());
  ASSIGN_OR_RETURN(const std::optional<Opening> newest, FindNewest(user, published.size));
  if (!newest) return std::optional<uint64_t>();
  if (newest->erased) return absl::NotFoundError("this person was erased");
  return std::optional<uint64_t>(newest->version);
}

absl::StatusOr<directory::Answer> DirectoryLog::AnswerFor(const identity::UserUri& user, ByteView record) {
  ASSIGN_OR_RETURN(const PublishedState published, ReadPublished());
  const identity::DirectoryIndex index = identity::MakeDirectoryIndex(keys_.vrf, user);
  SqlNodes nodes(database_);
  SqlMap map(database_, published.map_root.version, published.map_root.version);
  directory::Answer out{published.note,
                        {keys_.signer.verifier().name(), keys_.authority, keys_.vrf.public_key()},
                        {},
                        ToBytes(index.proof),
                        {},
                        {}};
  ASSIGN_OR_RETURN(out.genesis_inclusion, tlog::ProveInclusion(nodes, 0, published.size));
  out.map.root = published.map_root;
  ASSIGN_OR_RETURN(out.map.inclusion, tlog::ProveInclusion(nodes, published.size - 1, published.size));
  ASSIGN_OR_RETURN(out.map.proof, tlog::ProveMap(map, published.map_root.root, tlog::MapIndex{index.index}));
  ASSIGN_OR_RETURN(const std::optional<Opening> newest, FindNewest(user, published.size));
  if (!newest) return record.empty() ? absl::StatusOr<directory::Answer>(std::move(out)) : Broken("it has no entry of a record");
  if (newest->erased) return absl::NotFoundError("this person was erased");
  ASSIGN_OR_RETURN(const tlog::EntryLeaf entry, ReadEntry(newest->place));
  if (identity::CommitToRecord(record, newest->nonce) != entry.commitment) return Broken("its entry is of another record");
  out.found = directory::FoundRecord{entry, newest->nonce, ToBytes(record)};
  return out;
}

absl::StatusOr<std::vector<Bytes>> DirectoryLog::ReadLeaves(uint64_t from, uint64_t end, size_t limit) {
  std::vector<Bytes> out;
  end = std::min(end, tlog::kMaxSize);
  if (from >= end) return out;
  ASSIGN_OR_RETURN(db::Statement select,
                   database_.Prepare("SELECT place, leaf FROM log_leaf WHERE place >= ? AND place < ? ORDER BY place LIMIT ?"));
  select.Bind(1, static_cast<int64_t>(from))
      .Bind(2, static_cast<int64_t>(end))
      .Bind(3, static_cast<int64_t>(std::min<size_t>(limit, tlog::kMaxBatch)));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return out;
    if (static_cast<uint64_t>(select.Int64(0)) != from + out.size()) return Broken("a leaf is missing");
    out.push_back(ToBytes(select.Blob(1)));
  }
}

absl::StatusOr<std::optional<DirectoryLog::Owner>> DirectoryLog::OwnerOf(uint64_t place) {
  ASSIGN_OR_RETURN(db::Statement select, database_.Prepare("SELECT user, version, nonce FROM opening WHERE place = ? AND nonce NOT NULL"));
  ASSIGN_OR_RETURN(const bool found, select.Bind(1, static_cast<int64_t>(place)).Step());
  if (!found) return std::optional<Owner>();
  Owner out{std::string(select.Text(0)), static_cast<uint64_t>(select.Int64(1)), {}};
  RETURN_IF_ERROR(TakeHash(select.Blob(2), out.nonce.bytes));
  return std::optional<Owner>(std::move(out));
}

absl::StatusOr<DirectoryLog::Head> DirectoryLog::Newest() {
  ASSIGN_OR_RETURN(State state, ReadExistingState());
  return Head{state.size, std::move(state.checkpoint)};
}

absl::StatusOr<DirectoryLog::Head> DirectoryLog::Published() {
  absl::StatusOr<Head> published = RequirePublished();
  if (absl::IsUnavailable(published.status())) return Head{};
  return published;
}

absl::StatusOr<DirectoryLog::Head> DirectoryLog::RequirePublished() {
  ASSIGN_OR_RETURN(PublishedState published, ReadPublished());
  return Head{published.size, std::move(published.note)};
}

absl::StatusOr<std::vector<tlog::Hash>> DirectoryLog::ProveConsistency(uint64_t from, uint64_t size) {
  SqlNodes nodes(database_);
  return tlog::ProveConsistency(nodes, from, size);
}

absl::Status DirectoryLog::Publish(db::Transaction& transaction, absl::string_view note) {
  CHECK(&transaction.database() == &database_);
  const absl::StatusOr<tlog::Checkpoint> checkpoint = tlog::OpenCheckpoint(note, keys_.signer.verifier());
  if (!checkpoint.ok()) return absl::InvalidArgumentError(checkpoint.status().message());
  ASSIGN_OR_RETURN(const State state, ReadExistingState());
  if (checkpoint->size == 0 || checkpoint->size > state.size)
    return absl::InvalidArgumentError("this log has not signed a checkpoint of that size");
  SqlNodes nodes(database_);
  ASSIGN_OR_RETURN(const tlog::Hash root, tlog::Root(nodes, checkpoint->size));
  if (root != checkpoint->root) return absl::InvalidArgumentError("this log has another root at that size");
  ASSIGN_OR_RETURN(const tlog::MapRootLeaf map_root, ReadMapRoot(checkpoint->size - 1));
  if (map_root.version < state.published_map_version)
    return absl::InvalidArgumentError("a later checkpoint is published already");
  ASSIGN_OR_RETURN(db::Statement update,
                   database_.Prepare("UPDATE log_state SET published = ?, published_map_version = ? WHERE id = 1"));
  return update.Bind(1, note).Bind(2, static_cast<int64_t>(map_root.version)).Run();
}

absl::Status DirectoryLog::Erase(db::Transaction& transaction, const identity::UserUri& user) {
  CHECK(&transaction.database() == &database_);
  ASSIGN_OR_RETURN(db::Statement update,
                   database_.Prepare("UPDATE opening SET nonce = NULL, cause_nonce = NULL, cause = NULL WHERE user = ?"));
  RETURN_IF_ERROR(update.Bind(1, absl::string_view(user.ToString())).Run());
  return FormerLogs(database_).Erase(transaction, user);
}

}  // namespace plumbline::keyserver
