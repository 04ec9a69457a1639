#include "common/tlog/map_proof.h"

#include <algorithm>

#include "common/codec.h"

namespace plumbline::tlog {
namespace {

constexpr uint8_t kFormat = 1;

absl::StatusOr<Hash> TakeHash(Reader& in) {
  Hash out;
  ASSIGN_OR_RETURN(const ByteView bytes, in.Fixed(out.size()));
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

}  // namespace

Bytes Encode(const MapProof& proof) {
  Writer siblings, out;
  for (const Hash& sibling : proof.siblings) siblings.Fixed(sibling);
  out.U8(kFormat).Vector(siblings.view()).Present(proof.leaf.has_value());
  if (proof.leaf) out.Fixed(proof.leaf->index.bytes).Fixed(proof.leaf->value);
  return out.TakeBytes();
}

absl::StatusOr<MapProof> ParseMapProof(ByteView wire) {
  Reader in(wire);
  ASSIGN_OR_RETURN(const uint8_t format, in.U8());
  if (format != kFormat) return absl::InvalidArgumentError("a map proof has an unknown format");
  MapProof out;
  ASSIGN_OR_RETURN(const ByteView list, in.Vector(size_t{kMapDepth} * sizeof(Hash)));
  Reader siblings(list);
  while (!siblings.AtEnd()) {
    ASSIGN_OR_RETURN(const Hash sibling, TakeHash(siblings));
    out.siblings.push_back(sibling);
  }
  ASSIGN_OR_RETURN(const bool present, in.Present());
  if (present) {
    MapEntry leaf;
    ASSIGN_OR_RETURN(leaf.index.bytes, TakeHash(in));
    ASSIGN_OR_RETURN(leaf.value, TakeHash(in));
    out.leaf = leaf;
  }
  RETURN_IF_ERROR(in.Done());
  return out;
}

absl::StatusOr<MapProof> ProveMap(MapStore& store, const Hash& root, const MapIndex& index) {
  MapProof out;
  Hash hash = root;
  for (MapPlace place;;) {
    ASSIGN_OR_RETURN(const MapNode node, ReadMapNode(store, place, hash));
    if (!node.inner) {
      out.leaf = node.leaf;
      return out;
    }
    const bool right = index.bit(place.depth);  // ReadMapNode gives no inner node at kMapDepth
    out.siblings.push_back(right ? node.inner->left : node.inner->right);
    hash = right ? node.inner->right : node.inner->left;
    place = place.Child(right);
  }
}

absl::StatusOr<std::optional<Hash>> VerifyMapProof(const Hash& root, const MapIndex& index,
                                                   const MapProof& proof) {
  if (proof.siblings.size() > kMapDepth)
    return absl::InvalidArgumentError("the map proof is too long");
  const MapPlace end = MapPlace::Of(index, static_cast<uint16_t>(proof.siblings.size()));
  if (proof.leaf && !end.Holds(proof.leaf->index)) {
    return absl::InvalidArgumentError("the map proof ends in a leaf that does not belong there");
  }
  Hash hash = MapNodeHash(end, {.leaf = proof.leaf, .inner = std::nullopt});
  for (uint16_t depth = end.depth; depth > 0; --depth) {
    const Hash& sibling = proof.siblings[depth - 1];
    const MapPlace place = MapPlace::Of(index, static_cast<uint16_t>(depth - 1));
    const bool right = index.bit(place.depth);
    hash = MapInnerHash(place, right ? MapInner{sibling, hash} : MapInner{hash, sibling});
  }
  if (hash != root) return absl::InvalidArgumentError("the map proof does not lead to the root");
  if (!proof.leaf || proof.leaf->index != index) return std::optional<Hash>();
  return std::optional<Hash>(proof.leaf->value);
}

}  // namespace plumbline::tlog
