// A log's files (C2SP tlog-tiles) to test with.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/tlog/log_reader.h"

namespace plumbline::tlog {

inline NoteSigner LogSigner(absl::string_view name, uint8_t seed = 1) {
  return *NoteSigner::Create(name, *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, seed))));
}

// What a log has published; each Publish adds to what is there.
class PublishedLog final : public TileSource {
 public:
  void Publish(const std::vector<Bytes>& leaves, const NoteSigner& signer) {
    MemoryNodes nodes;
    for (size_t i = 0; i < leaves.size(); ++i) CHECK(Append(nodes, i, LeafHash(leaves[i])).ok());
    const auto tiles = TilesOf(0, leaves.size());
    for (const TileId& tile : *tiles) files[TilePath(tile)] = *MakeTile(nodes, tile);
    for (size_t first = 0; first < leaves.size(); first += kTileWidth) {
      const size_t end = std::min<size_t>(leaves.size(), first + kTileWidth);
      const TileId bundle{true, 0, first / kTileWidth, static_cast<uint16_t>(end - first)};
      files[TilePath(bundle)] =
          MakeBundle({leaves.begin() + static_cast<ptrdiff_t>(first), leaves.begin() + static_cast<ptrdiff_t>(end)});
    }
    checkpoint = {signer.verifier().name(), leaves.size(), *Root(nodes, leaves.size())};
    note = *SignCheckpoint(leaves.size(), checkpoint.root, signer);
    files["checkpoint"] = ToBytes(AsBytes(note));
  }
  absl::StatusOr<Bytes> Fetch(const std::string& path, size_t max_size) override {
    ++fetched;
    const auto found = files.find(path);
    if (found == files.end()) return absl::NotFoundError("there is no such file");
    if (found->second.size() > max_size) return absl::UnavailableError("it is too long");
    return found->second;
  }
  // Into a folder, over what is there.
  void WriteTo(const std::string& folder) const {
    for (const auto& [path, bytes] : files) {
      const std::filesystem::path file = std::filesystem::path(folder) / path;
      std::filesystem::create_directories(file.parent_path());
      std::ofstream(file, std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
  }

  std::map<std::string, Bytes> files;
  Checkpoint checkpoint;  // of the last Publish
  std::string note;
  int fetched = 0;
};

}  // namespace plumbline::tlog
