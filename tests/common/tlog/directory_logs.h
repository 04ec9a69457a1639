// Logs of a directory to test with.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/tlog/checkpoint.h"
#include "common/tlog/directory_leaf.h"
#include "tests/common/tlog/maps.h"

namespace plumbline::tlog {

inline constexpr char kDirectoryOrigin[] = "example.org/directory";

inline GenesisLeaf AGenesis(const std::string& origin = kDirectoryOrigin) {
  const auto key = crypto::VrfKeyPair::FromSeed(Secret::CopyOf(Bytes(crypto::kVrfSeedSize, 1)));
  return {origin, HashOf("authority"), key->public_key()};
}

// Of that epoch; an epoch is an hour.
inline TokenKeyLeaf ATokenKey(uint64_t epoch, const std::string& purpose = "delivery") {
  return {purpose,      "member",     epoch, 3600 * epoch, 3600 * (epoch + 1), 3600 * (epoch + 1) + 480,
          HashOf("key " + purpose + std::to_string(epoch))};
}

// What an honest key server writes.
class DirectoryLog final {
 public:
  DirectoryLog() {
    leaves.push_back(AGenesis());
    End();
  }
  // The next version of what is at `index`, with a record that nobody else has.
  void Add(const MapIndex& index, const std::string& record) {
    EntryLeaf leaf{index, 1, {}, HashOf("record " + record), HashOf("cause " + record)};
    const auto last = newest.find(index);
    if (last != newest.end()) {
      leaf.version = last->second.version + 1;
      leaf.previous = LeafHashOf(last->second);
    }
    newest.insert_or_assign(index, leaf);
    content[index] = LeafHashOf(leaf);
    leaves.push_back(leaf);
  }
  // The key of the next epoch of a purpose.
  void AddTokenKey(const std::string& purpose) {
    leaves.push_back(ATokenKey(++epochs[purpose], purpose));
  }
  // Ends the batch; signs, as it were.
  void End() {
    const MapRootLeaf leaf{++map_version, first, leaves.size(),
                           *UpdateMap(map, map_root, EntriesOf(content))};
    map_root = leaf.root;
    leaves.push_back(leaf);
    first = leaves.size();
    checkpoints.push_back(CheckpointOf(leaves));
  }
  static Checkpoint CheckpointOf(const std::vector<DirectoryLeaf>& leaves) {
    CompactRange tree;
    for (const DirectoryLeaf& leaf : leaves) tree.Append(LeafHashOf(leaf));
    return {kDirectoryOrigin, tree.size(), tree.Root()};
  }
  static DirectoryLog Random(uint64_t seed, int batches) {
    EntryMaker maker(seed);
    DirectoryLog log;
    for (int batch = 0; batch < batches; ++batch) {
      for (uint64_t i = maker.Below(4) + 1; i > 0; --i) {
        log.Add(maker.Index(log.content), std::to_string(maker.Below(1 << 30)));
      }
      if (maker.Below(2) == 0) log.AddTokenKey(maker.Below(2) == 0 ? "delivery" : "directory");
      log.End();
    }
    return log;
  }

  std::vector<DirectoryLeaf> leaves;
  std::vector<Checkpoint> checkpoints;  // one behind each map root
  MemoryMap map;
  MapContent content;
  Hash map_root = EmptyMapRoot();
  uint64_t map_version = 0, first = 1;
  std::map<MapIndex, EntryLeaf> newest;
  std::map<std::string, uint64_t> epochs;
};

}  // namespace plumbline::tlog
