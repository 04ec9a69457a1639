// Reads the directory's log from its first leaf and says which is the first that does not follow:
// what an auditor does, and an auditing witness before it cosigns. Learns no name. Whether an entry
// has the authority it claims is for an EntryCheck to say: that takes the openings of its
// commitments (docs/transparency.md).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/tlog/checkpoint.h"
#include "common/tlog/directory_leaf.h"

namespace plumbline::tlog {

enum class ReplayRule {
  kLeaf,        // it cannot be parsed
  kGenesis,     // the first leaf is no genesis, a later one is, or it is of another log
  kVersion,     // an entry's version is not the next of its index: a skip or a repeat
  kPrevious,    // an entry does not hold the leaf hash of the one before it
  kBatchSize,   // more than kMaxBatch leaves without a map root
  kMapVersion,  // a map root's version is not the next
  kMapRange,    // it is not over the leaves since the last one, all of them and no others
  kMapRoot,     // it does not follow from them
  kOpenBatch,   // a checkpoint ends elsewhere than behind a map root
  kTree,        // a checkpoint has another root than these leaves: two roots under one size
  kAuthority,   // an entry's EntryCheck refused it
  kTokenKey,    // a token key is not of the next epoch of its purpose and class, or opens too soon
};
// "version", for machines.
absl::string_view NameOf(ReplayRule rule);
// "its version does not follow", for after "leaf 17: ".
absl::string_view Describe(ReplayRule rule);

struct ReplayFinding {
  ReplayRule rule;
  uint64_t leaf;  // its place in the log; of a checkpoint, its size
  bool operator==(const ReplayFinding&) const = default;
};

// The newest token key of each purpose and class.
using TokenKeys = std::map<std::pair<std::string, std::string>, TokenKeyLeaf>;
// Whether a directory's log of that name follows another one: then it ends with a number.
bool FollowsAnother(absl::string_view origin);
// Takes the next one of its purpose and class. The first is of epoch 1; in a log that follows
// another one (`follows`) it goes on with whichever. INVALID_ARGUMENT if it is not of the next
// epoch, or opens less than kMinTokenEpoch after the one before it: many small epochs would tell people
// apart.
absl::Status TakeTokenKey(const TokenKeyLeaf& leaf, TokenKeys& keys, bool follows);

// Called with each entry that keeps the other rules, and its place. INVALID_ARGUMENT, with the
// reason, if it has not the authority that it claims; other codes if that cannot be said now.
using EntryCheck = std::function<absl::Status(uint64_t place, const EntryLeaf& entry)>;

// Not thread-safe. Holds about 250 bytes for each person, and the map in `map`.
class DirectoryReplay final {
 public:
  // Of the log with that name. `map` is empty and outlives it.
  DirectoryReplay(std::string origin, MapStore& map, EntryCheck check = nullptr)
      : origin_(std::move(origin)), map_(map), check_(std::move(check)) {}
  DirectoryReplay(const DirectoryReplay&) = delete;
  DirectoryReplay& operator=(const DirectoryReplay&) = delete;

  // Takes leaf number size(). INVALID_ARGUMENT, with a finding, if it does not follow; codes of the
  // map and of the EntryCheck. After a failure it goes no further and repeats it.
  absl::Status Take(ByteView leaf);

  // Holds against these leaves what the log signed: `checkpoint` comes from OpenCheckpoint.
  // FAILED_PRECONDITION if it is ahead of them, INVALID_ARGUMENT without a finding if it is another
  // log's, else as Take.
  absl::Status Check(const Checkpoint& checkpoint);

  // What has to be known to go on from here, 72 bytes for each person; names nobody.
  // FAILED_PRECONDITION unless a map root was taken last.
  //   struct { uint8 version = 2; opaque genesis<V>; uint64 map_version; opaque map_root[32];
  //            uint64 size; opaque peaks[32 * popcount(size)]; opaque token_keys<V>;
  //            Known known[]; } ReplayState;   // of whole leaves with their lengths, the newest of
  //            // each purpose and class, ascending; known to the end, indices ascending
  //   struct { opaque index[32]; uint64 version; opaque entry[32]; } Known;
  // Version 1, of before there were token keys, has no token_keys; it is restored too.
  absl::StatusOr<Bytes> Save() const;
  // On one that took nothing yet: goes on from there, with the map made anew. INVALID_ARGUMENT for
  // anything that Save did not make for this log; it is of no use afterwards. Codes of the map.
  absl::Status Restore(ByteView state);

  const std::optional<ReplayFinding>& finding() const { return finding_; }
  uint64_t size() const { return tree_.size(); }
  const Hash& map_root() const { return map_root_; }  // after the last batch
  const std::optional<GenesisLeaf>& genesis() const { return genesis_; }
  // The newest token key of each purpose and class.
  const TokenKeys& token_keys() const { return token_keys_; }
  size_t people() const { return known_.size(); }

 private:
  struct Known {
    uint64_t version;
    Hash entry;
  };
  absl::Status Follow(const GenesisLeaf& leaf, const Hash& hash);
  absl::Status Follow(const EntryLeaf& leaf, const Hash& hash);
  absl::Status Follow(const MapRootLeaf& leaf, const Hash& hash);
  absl::Status Follow(const TokenKeyLeaf& leaf, const Hash& hash);
  absl::Status Find(ReplayRule rule, uint64_t leaf);

  const std::string origin_;
  MapStore& map_;
  const EntryCheck check_;
  std::optional<GenesisLeaf> genesis_;
  Hash map_root_ = EmptyMapRoot();
  uint64_t map_version_ = 0;
  CompactRange tree_;
  std::map<MapIndex, Known> known_;  // the newest entry of each index
  TokenKeys token_keys_;
  std::map<MapIndex, Hash> batch_;   // what the next map root has to be over
  uint64_t batch_first_ = 1;
  std::map<uint64_t, Hash> ends_;  // the tree's root behind each map root, by size
  absl::Status failure_;
  std::optional<ReplayFinding> finding_;
};

}  // namespace plumbline::tlog
