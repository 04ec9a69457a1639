#include "common/tlog/directory_replay.h"

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace plumbline::tlog {

absl::string_view Describe(ReplayRule rule) {
  switch (rule) {
    case ReplayRule::kLeaf:
      return "it is not a leaf of a directory's log";
    case ReplayRule::kGenesis:
      return "a log begins with the one leaf that names it, and this is not that";
    case ReplayRule::kVersion:
      return "an entry's version is not the next after the one before it";
    case ReplayRule::kPrevious:
      return "an entry does not follow the one that stands before it";
    case ReplayRule::kBatchSize:
      return "there are too many entries without a map root";
    case ReplayRule::kMapVersion:
      return "a map root's version is not the next";
    case ReplayRule::kMapRange:
      return "a map root is not over the entries since the last one";
    case ReplayRule::kMapRoot:
      return "a map root does not follow from its entries";
    case ReplayRule::kOpenBatch:
      return "the checkpoint of this size does not end with a map root";
    case ReplayRule::kTree:
      return "the checkpoint of this size is of other leaves";
  }
  return "";
}

absl::Status DirectoryReplay::Find(ReplayRule rule, uint64_t leaf) {
  finding_ = ReplayFinding{rule, leaf};
  return absl::InvalidArgumentError(absl::StrCat("leaf ", leaf, ": ", Describe(rule)));
}

absl::Status DirectoryReplay::Take(ByteView leaf) {
  RETURN_IF_ERROR(failure_);
  const absl::StatusOr<DirectoryLeaf> parsed = ParseDirectoryLeaf(leaf);
  if (!parsed.ok()) return failure_ = Find(ReplayRule::kLeaf, size());
  if ((size() == 0) != std::holds_alternative<GenesisLeaf>(*parsed))
    return failure_ = Find(ReplayRule::kGenesis, size());
  const Hash hash = LeafHash(leaf);
  failure_ = std::visit([&](const auto& known) { return Follow(known, hash); }, *parsed);
  RETURN_IF_ERROR(failure_);
  tree_.Append(hash);
  if (std::holds_alternative<MapRootLeaf>(*parsed)) {
    ends_[size()] = tree_.Root();
    batch_first_ = size();
  }
  return absl::OkStatus();
}

absl::Status DirectoryReplay::Follow(const GenesisLeaf& leaf, const Hash&) {
  return leaf.origin == origin_ ? absl::OkStatus() : Find(ReplayRule::kGenesis, size());
}

absl::Status DirectoryReplay::Follow(const EntryLeaf& leaf, const Hash& hash) {
  if (size() - batch_first_ == kMaxBatch) return Find(ReplayRule::kBatchSize, size());
  const auto last = known_.find(leaf.index);
  if (leaf.version != (last == known_.end() ? 1 : last->second.version + 1))
    return Find(ReplayRule::kVersion, size());
  if (last != known_.end() && leaf.previous != last->second.entry)
    return Find(ReplayRule::kPrevious, size());
  known_[leaf.index] = {leaf.version, hash};
  batch_[leaf.index] = hash;
  return absl::OkStatus();
}

absl::Status DirectoryReplay::Follow(const MapRootLeaf& leaf, const Hash&) {
  if (leaf.version != map_version_ + 1) return Find(ReplayRule::kMapVersion, size());
  if (leaf.first != batch_first_ || leaf.end != size()) return Find(ReplayRule::kMapRange, size());
  std::vector<MapEntry> changes;
  for (const auto& [index, entry] : batch_) changes.push_back({index, entry});
  ASSIGN_OR_RETURN(const Hash root, UpdateMap(map_, map_root_, std::move(changes)));
  if (leaf.root != root) return Find(ReplayRule::kMapRoot, size());
  map_root_ = root;
  map_version_ = leaf.version;
  batch_.clear();
  return absl::OkStatus();
}

absl::Status DirectoryReplay::Check(const Checkpoint& checkpoint) {
  RETURN_IF_ERROR(failure_);
  if (checkpoint.origin != origin_)
    return absl::InvalidArgumentError("the checkpoint is another log's");
  if (checkpoint.size > size())
    return absl::FailedPreconditionError("the checkpoint is of more leaves than were read");
  if (checkpoint.size == 0) return absl::OkStatus();
  const auto end = ends_.find(checkpoint.size);
  if (end == ends_.end()) return failure_ = Find(ReplayRule::kOpenBatch, checkpoint.size);
  if (end->second != checkpoint.root) return failure_ = Find(ReplayRule::kTree, checkpoint.size);
  return absl::OkStatus();
}

}  // namespace plumbline::tlog
