// The shred key: a random key in a file of its own, under which (and the sealed wrapping secret) all unlock keys in the database
// are wrapped. Replacing it is what destroys an unlock key: a copy of the database from before cannot be read by the new one,
// and a copy from after does not have the key. docs/protocols/unlock.md, "Destroying a key".
//
//   struct { opaque magic[8] = "PLSHRED1"; uint64 generation; opaque key[32]; } KeptShredKey;   // shred.key, shred.next; 0600
//
// The generation in the database says which file counts. A replacement is: shred.next written; the database's transaction with
// the next generation; shred.key overwritten, and shred.next in its place.
#pragma once

#include <string>

#include "common/secret.h"
#include "common/status.h"

namespace plumbline::keyserver {

inline constexpr size_t kShredKeySize = 32;

struct KeptShredKey {
  uint64_t generation = 0;  // 1 and up
  Secret key;
};
Secret Encode(const KeptShredKey& file);
// INVALID_ARGUMENT for any other input than Encode's.
absl::StatusOr<KeptShredKey> ParseKeptShredKey(ByteView wire);

// The files in one data directory. Not thread-safe. Codes of common/file.h.
class ShredKey final {
 public:
  explicit ShredKey(const std::string& data_dir) : folder_(data_dir), path_(data_dir + "/shred.key"), next_path_(data_dir + "/shred.next") {}

  // The key of that generation, after finishing or undoing a replacement that was broken off. FAILED_PRECONDITION
  // shred_key_missing, with the remedy, if there is no file of it.
  absl::StatusOr<Secret> Recover(uint64_t generation);
  // The file of the generation after `generation`, on disk on return.
  absl::StatusOr<Secret> WriteNext(uint64_t generation);
  // The database has the next generation: the former key is gone on return.
  absl::Status Replace();
  // Removes all files of it.
  absl::Status RemoveAll();

 private:
  absl::Status RemoveUnfinished();
  const std::string folder_, path_, next_path_;
};

}  // namespace plumbline::keyserver
