// The directory's transparency log in the key server's database (docs/transparency.md): each batch of records becomes entries, a
// map root and a checkpoint in the caller's transaction, so that no record is durable that the log does not have. What it says to
// anybody is what is published: the newest checkpoint that enough witnesses have cosigned.
#pragma once

#include <optional>
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
  std::optional<tlog::NoteSigner> former;  // the one before `signer`, as long as it signs too
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
  static const db::Migration& TokenKeyTables();

  DirectoryLog(db::Database& database, const DirectoryLogKeys& keys) : database_(database), keys_(keys) {}

  const DirectoryLogKeys& keys() const { return keys_; }

  // The genesis and an empty map, where there is no log yet. FAILED_PRECONDITION if the log is of other keys; log_key_mismatch if it
  // was signed by another than these.
  absl::Status Begin(db::Transaction& transaction);
  // Has the checkpoints that are kept signed by these keys and no others; what witnesses said stays with them, since it is over the
  // text. True if `signer` had not signed them: it is another key than the last time.
  absl::StatusOr<bool> SignAnew(db::Transaction& transaction);
  // One batch, with its map root and checkpoint. INVALID_ARGUMENT if a version is not the next of its person, or a person is
  // there twice.
  absl::Status Append(db::Transaction& transaction, const std::vector<RecordChange>& changes);

  // One batch of keys for anonymous tokens. INVALID_ARGUMENT if one does not follow the newest of its purpose and class.
  absl::Status AppendTokenKeys(db::Transaction& transaction, const std::vector<tlog::TokenKeyLeaf>& keys);
  // None if there is none of that purpose and class.
  absl::StatusOr<std::optional<tlog::TokenKeyLeaf>> NewestTokenKey(absl::string_view purpose, absl::string_view token_class);

  // The version of a person's record that is published; none for nobody. UNAVAILABLE if nothing is published yet; NOT_FOUND for
  // a person who was erased.
  absl::StatusOr<std::optional<uint64_t>> PublishedVersion(const identity::UserUri& user);
  // About a person whose record of that version is `record`; an empty one for nobody. DATA_LOSS if the log has another; else as
  // PublishedVersion.
  absl::StatusOr<directory::Answer> AnswerFor(const identity::UserUri& user, ByteView record);
  // The leaves from `from` on and before `end`, at most `limit`, as bytes.
  absl::StatusOr<std::vector<Bytes>> ReadLeaves(uint64_t from, uint64_t end, size_t limit);
  // Whose entry is at a place. None if it is no entry, or of a person who was erased.
  struct Owner {
    std::string user;
    uint64_t version = 0;
    identity::CommitmentNonce nonce;  // of its record
  };
  absl::StatusOr<std::optional<Owner>> OwnerOf(uint64_t place);

  // A checkpoint, as a signed note.
  struct Head {
    uint64_t size = 0;
    std::string note;
  };
  // The newest that this log signed; the newest that is published, of size 0 if none is.
  absl::StatusOr<Head> Newest();
  absl::StatusOr<Head> Published();
  absl::StatusOr<Head> RequirePublished();  // UNAVAILABLE if none is
  // A checkpoint that one of these keys signed. Codes of tlog::OpenCheckpoint.
  absl::StatusOr<tlog::Checkpoint> OpenOwn(absl::string_view note) const;
  // From the tree of `from` leaves to that of `size`. INVALID_ARGUMENT unless 0 < from <= size.
  absl::StatusOr<std::vector<tlog::Hash>> ProveConsistency(uint64_t from, uint64_t size);
  // Publishes a checkpoint of this log with its witnesses' signatures. INVALID_ARGUMENT unless it is one that this log signed,
  // and not before the published one. That the witnesses are enough is for the caller to know.
  absl::Status Publish(db::Transaction& transaction, absl::string_view note);

  // Forgets nonces and causes of a person, all versions: what is left in the log is a pseudonym, and every proof still verifies.
  absl::Status Erase(db::Transaction& transaction, const identity::UserUri& user);

 private:
  struct State {
    uint64_t size = 0;
    uint64_t map_version = 0;
    tlog::Hash map_root{};
    std::string checkpoint;
    uint64_t published_map_version = 0;  // 0: nothing
    std::string published;               // empty: nothing
  };
  struct PublishedState {
    uint64_t size = 0;
    tlog::MapRootLeaf map_root;
    std::string note;
  };
  struct Opening {
    uint64_t version = 0;
    uint64_t place = 0;  // of its entry
    identity::CommitmentNonce nonce;
    bool erased = false;
  };
  absl::StatusOr<std::optional<State>> ReadState();
  absl::StatusOr<State> ReadExistingState();
  absl::StatusOr<PublishedState> ReadPublished();
  // Of the newest entry of a person before place `end`.
  absl::StatusOr<std::optional<Opening>> FindNewest(const identity::UserUri& user, uint64_t end);
  absl::StatusOr<tlog::MapRootLeaf> ReadMapRoot(uint64_t place);
  absl::StatusOr<tlog::DirectoryLeaf> ReadLeaf(uint64_t place);  // that is the one in the tree
  absl::StatusOr<tlog::EntryLeaf> ReadEntry(uint64_t place);
  absl::StatusOr<tlog::MapEntry> AppendEntry(State& state, const RecordChange& change);
  absl::Status AppendLeaf(State& state, const tlog::DirectoryLeaf& leaf);
  absl::Status Close(State& state, uint64_t first);  // map root, checkpoint, state
  const tlog::NoteSigner* former() const { return keys_.former ? &*keys_.former : nullptr; }

  db::Database& database_;
  const DirectoryLogKeys& keys_;
};

}  // namespace plumbline::keyserver
