// A directory's log that publishes its files and signs, honestly or not.
#pragma once

#include <vector>

#include "tests/common/tlog/directory_logs.h"
#include "tests/common/tlog/published_log.h"

namespace plumbline::tlog {

inline std::vector<Bytes> Encoded(const std::vector<DirectoryLeaf>& leaves) {
  std::vector<Bytes> out;
  for (const DirectoryLeaf& leaf : leaves) out.push_back(Encode(leaf));
  return out;
}

// Whatever the leaves are: the log signs for them.
inline PublishedLog Published(const std::vector<DirectoryLeaf>& leaves, PublishedLog before = {}) {
  before.Publish(Encoded(leaves), LogSigner(kDirectoryOrigin));
  return before;
}

// Its first `batches` map roots and what is before them.
inline std::vector<DirectoryLeaf> Begin(const DirectoryLog& log, size_t batches) {
  return {log.leaves.begin(), log.leaves.begin() + static_cast<ptrdiff_t>(log.checkpoints[batches - 1].size)};
}

}  // namespace plumbline::tlog
