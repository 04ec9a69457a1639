// Paths, tiles and bundles of a log's static resources: read in one way, and no node comes out that no tile holds.
#include "common/check.h"
#include "common/tlog/tiles.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {

// The first byte says what the rest is; of tiles and bundles the second is their width.
void Fuzz(ByteView input) {
  if (input.size() < 2) return;
  const uint16_t width = static_cast<uint16_t>(input[1] + 1);
  const ByteView body = input.subspan(2);
  if (input[0] == 0) {
    const std::string path = ToString(input.subspan(1));
    const auto tile = tlog::ParseTilePath(path);
    if (tile.ok()) CHECK(tlog::TilePath(*tile) == path);
  } else if (input[0] == 1) {
    const auto bundle = tlog::ParseBundle(body, width);
    if (!bundle.ok()) return;
    CHECK(bundle->size() == width && Equal(tlog::MakeBundle(*bundle), body));
  } else if (input[0] == 2) {
    const auto tile = tlog::ParseTile(body, width);
    if (!tile.ok()) return;
    tlog::TileNodes nodes(width, [&](const std::string&) { return ToBytes(body); });
    CHECK(tlog::Root(nodes, width).ok());
  }
}

std::vector<Bytes> Seeds() {
  const auto path = [](absl::string_view text) { return Concat({Bytes{0}, AsBytes(text)}); };
  return {path("tile/0/x001/x234/067"), path("tile/entries/000.p/7"),
          Concat({Bytes{1, 1}, tlog::MakeBundle({Bytes(), Bytes(3, 5)})}), Concat({Bytes{2, 2}, Bytes(96, 1)})};
}

}  // namespace plumbline::fuzz
