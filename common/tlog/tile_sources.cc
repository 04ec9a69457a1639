#include "common/tlog/tile_sources.h"

#include "absl/strings/str_cat.h"
#include "common/file.h"

namespace plumbline::tlog {
namespace {

class Folder final : public TileSource {
 public:
  explicit Folder(std::string path) : path_(std::move(path)) {}
  absl::StatusOr<Bytes> Fetch(const std::string& path, size_t max_size) override {
    ASSIGN_OR_RETURN(const std::string file, ReadTextFile(absl::StrCat(path_, "/", path), max_size));
    return ToBytes(AsBytes(file));
  }

 private:
  const std::string path_;
};

}  // namespace

std::unique_ptr<TileSource> FileTiles(const std::string& folder) { return std::make_unique<Folder>(folder); }

absl::StatusOr<std::unique_ptr<TileSource>> OpenTileSource(const std::string& where) {
  if (where.empty()) return absl::InvalidArgumentError("a log's files are in a folder or at an http:// address; this is empty");
  if (where.find("://") != std::string::npos) return HttpTiles(where);
  return FileTiles(where);
}

}  // namespace plumbline::tlog
