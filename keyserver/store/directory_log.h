// The directory's transparency log in the key server's database (docs/transparency.md): each batch of records becomes entries, a
// map root and a checkpoint in the caller's transaction, so that no record is durable that the log does not have.
#pragma once

#include <string>
#include <vector>

#include "common/db/database.h"
#include "common/directory/answer.h"

namespace plumbline::keyserver {

// What the log is signed and its indices are made with. Move-only.
struct DirectoryLogKeys {
  tlog::NoteSigner signer;  // its name is the log's origin
  crypto::VrfKeyPair vrf;
  tlog::Hash authority{};  // SHA-256 of the root certificate's DER
};

// A new version of somebody's record, and what made it.
struct RecordChange {
  identity::UserUri user;
  uint64_t version = 0;
  Bytes record;  // encoded identity::DirectoryRecord of that version
  Bytes cause;   // with its signatures: an intent, an enrolment proof, a device decision
};

// Over one connection, and as little thread-safe as that; database and keys outlive it. DATA_LOSS if what is stored contradicts
// itself: nothing is signed on it. Else codes of the engine.
class DirectoryLog final {
 public:
  static const db::Migration& Tables();

  DirectoryLog(db::Database& database, const DirectoryLogKeys& keys) : database_(database), keys_(keys) {}

  // The genesis and an empty map, where there is no log yet. FAILED_PRECONDITION if the log is of other keys.
  absl::Status Begin(db::Transaction& transaction);
  // One batch, with its map root and checkpoint. INVALID_ARGUMENT if a version is not the next of its person, or a person is
  // there twice.
  absl::Status Append(db::Transaction& transaction, const std::vector<RecordChange>& changes);

  // About a person whose newest record is `record`; an empty one for nobody. DATA_LOSS if the log has another.
  absl::StatusOr<directory::Answer> AnswerFor(const identity::UserUri& user, ByteView record);
  // The leaves from `from` on, at most `limit`, as bytes.
  absl::StatusOr<std::vector<Bytes>> ReadLeaves(uint64_t from, size_t limit);
  // The newest signed note.
  absl::StatusOr<std::string> Checkpoint();

  // Forgets nonces and causes of a person, all versions: what is left in the log is a pseudonym, and every proof still verifies.
  absl::Status Erase(db::Transaction& transaction, const identity::UserUri& user);

 private:
  struct State {
    uint64_t size = 0;
    uint64_t map_version = 0;
    tlog::Hash map_root{};
    std::string checkpoint;
  };
  struct Newest {
    uint64_t version = 0;
    uint64_t place = 0;  // of its entry
    identity::CommitmentNonce nonce;
    bool erased = false;
  };
  absl::StatusOr<std::optional<State>> ReadState();
  absl::StatusOr<State> ReadExistingState();
  absl::StatusOr<std::optional<Newest>> FindNewest(const identity::UserUri& user);
  absl::StatusOr<tlog::EntryLeaf> ReadEntry(uint64_t place);
  absl::StatusOr<tlog::MapEntry> AppendEntry(State& state, const RecordChange& change);
  absl::Status AppendLeaf(State& state, const tlog::DirectoryLeaf& leaf);
  absl::Status Close(State& state, uint64_t first);  // map root, checkpoint, state

  db::Database& database_;
  const DirectoryLogKeys& keys_;
};

}  // namespace plumbline::keyserver
