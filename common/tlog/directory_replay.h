// Reads the directory's log from its first leaf and says which is the first that does not follow:
// what an auditor does, and an auditing witness before it cosigns. Learns no name. Whether an entry
// has the authority it claims is not seen here: that takes the openings of its commitments
// (docs/transparency.md).
#pragma once

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
  kBatchSize,   // more than kMaxBatch entries without a map root
  kMapVersion,  // a map root's version is not the next
  kMapRange,    // it is not over the entries since the last one, all of them and no others
  kMapRoot,     // it does not follow from them
  kOpenBatch,   // a checkpoint ends elsewhere than behind a map root
  kTree,        // a checkpoint has another root than these leaves: two roots under one size
};
// "its version does not follow", for after "leaf 17: ".
absl::string_view Describe(ReplayRule rule);

struct ReplayFinding {
  ReplayRule rule;
  uint64_t leaf;  // its place in the log; of a checkpoint, its size
  bool operator==(const ReplayFinding&) const = default;
};

// Not thread-safe. Holds about 250 bytes for each person, and the map in `map`.
class DirectoryReplay final {
 public:
  // Of the log with that name. `map` is empty and outlives it.
  DirectoryReplay(std::string origin, MapStore& map) : origin_(std::move(origin)), map_(map) {}
  DirectoryReplay(const DirectoryReplay&) = delete;
  DirectoryReplay& operator=(const DirectoryReplay&) = delete;

  // Takes leaf number size(). INVALID_ARGUMENT, with a finding, if it does not follow; codes of the
  // map. After a failure it goes no further and repeats it.
  absl::Status Take(ByteView leaf);

  // Holds against these leaves what the log signed: `checkpoint` comes from OpenCheckpoint.
  // FAILED_PRECONDITION if it is ahead of them, INVALID_ARGUMENT without a finding if it is another
  // log's, else as Take.
  absl::Status Check(const Checkpoint& checkpoint);

  const std::optional<ReplayFinding>& finding() const { return finding_; }
  uint64_t size() const { return tree_.size(); }
  const Hash& map_root() const { return map_root_; }  // after the last batch

 private:
  struct Known {
    uint64_t version;
    Hash entry;
  };
  absl::Status Follow(const GenesisLeaf& leaf, const Hash& hash);
  absl::Status Follow(const EntryLeaf& leaf, const Hash& hash);
  absl::Status Follow(const MapRootLeaf& leaf, const Hash& hash);
  absl::Status Find(ReplayRule rule, uint64_t leaf);

  const std::string origin_;
  MapStore& map_;
  Hash map_root_ = EmptyMapRoot();
  uint64_t map_version_ = 0;
  CompactRange tree_;
  std::map<MapIndex, Known> known_;  // the newest entry of each index
  std::map<MapIndex, Hash> batch_;   // what the next map root has to be over
  uint64_t batch_first_ = 1;
  std::map<uint64_t, Hash> ends_;  // the tree's root behind each map root, by size
  absl::Status failure_;
  std::optional<ReplayFinding> finding_;
};

}  // namespace plumbline::tlog
