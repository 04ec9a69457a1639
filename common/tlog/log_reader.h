// A log's leaves and proofs out of its files (C2SP tlog-tiles), each held against a signed root before it is given out. All that
// a source of files can do is not to have them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/tlog/checkpoint.h"
#include "common/tlog/tiles.h"

namespace plumbline::tlog {

// Where a log's files are.
class TileSource {
 public:
  virtual ~TileSource() = default;
  // The file at `path`, at most `max_size` bytes. NOT_FOUND if there is none; other codes of the source.
  virtual absl::StatusOr<Bytes> Fetch(const std::string& path, size_t max_size) = 0;
};

// The log's newest note. Nothing is verified. Codes of the source.
absl::StatusOr<std::string> FetchCheckpoint(TileSource& source);

// The tree under one signed root. As a NodeStore it gives nodes of this tree and no others, so Root() over fewer leaves and
// ProveConsistency() say what that root commits to. Holds two tiles a level. Not thread-safe.
class LogReader final : public NodeStore {
 public:
  using TakeLeaf = std::function<absl::Status(uint64_t place, ByteView leaf)>;

  // `checkpoint` comes from OpenCheckpoint; `source` outlives the reader. DATA_LOSS if the files are not those of its root;
  // NOT_FOUND if one is missing; codes of the source.
  static absl::StatusOr<LogReader> Open(TileSource& source, const Checkpoint& checkpoint);

  absl::StatusOr<Hash> Read(NodeId node) override;             // as Open
  absl::Status Write(NodeId node, const Hash& hash) override;  // UNIMPLEMENTED

  // Gives the leaves [from, end) to `take`, a bundle at a time; ends with what it fails with. Else as Open; DATA_LOSS names the
  // first leaf that is not the signed one.
  absl::Status ReadLeaves(uint64_t from, uint64_t end, const TakeLeaf& take);

 private:
  using Row = std::vector<Hash>;
  LogReader(TileSource& source, uint64_t size) : source_(&source), size_(size) {}
  absl::StatusOr<const Row*> Tile(uint8_t level, uint64_t index);

  TileSource* source_;
  uint64_t size_;
  std::map<uint8_t, Row> edge_;                        // by level: the partial tile, which the root is over
  std::map<uint8_t, std::pair<uint64_t, Row>> known_;  // the whole tile that was read last, with its index
};

}  // namespace plumbline::tlog
