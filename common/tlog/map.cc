#include "common/tlog/map.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/codec.h"

namespace plumbline::tlog {
namespace {

constexpr uint8_t kEmpty = 2, kLeaf = 3, kInner = 4;

using Changes = std::span<const MapEntry>;  // ascending by index, each once

Writer Begin(uint8_t kind, uint16_t depth) {
  Writer out;
  out.U8(kind).U16(depth);
  return out;
}

// The changes on the left of a node at `depth`, and those on its right.
std::pair<Changes, Changes> Split(Changes changes, uint16_t depth) {
  const auto middle = std::partition_point(
      changes.begin(), changes.end(), [depth](const MapEntry& e) { return !e.index.bit(depth); });
  const auto left = static_cast<size_t>(middle - changes.begin());
  return {changes.first(left), changes.subspan(left)};
}

// Puts `inner` at `place`.
absl::StatusOr<Hash> WriteInner(MapStore& store, const MapPlace& place, const MapInner& inner) {
  RETURN_IF_ERROR(store.Write(place, {.leaf = std::nullopt, .inner = inner}));
  return MapInnerHash(place, inner);
}

// Makes the subtree at an empty place. Ends by kMapDepth, where no two indices are alike.
absl::StatusOr<Hash> Build(MapStore& store, const MapPlace& place, Changes changes) {
  if (changes.empty()) return EmptyMapHash(place);
  if (changes.size() == 1) {
    RETURN_IF_ERROR(store.Write(place, {.leaf = changes[0], .inner = std::nullopt}));
    return MapLeafHash(place.depth, changes[0]);
  }
  const auto [left, right] = Split(changes, place.depth);
  MapInner inner;
  ASSIGN_OR_RETURN(inner.left, Build(store, place.Child(false), left));
  ASSIGN_OR_RETURN(inner.right, Build(store, place.Child(true), right));
  return WriteInner(store, place, inner);
}

// `changes` and, where none of them is about it, the leaf that stood at their place.
std::vector<MapEntry> WithLeaf(Changes changes, const MapEntry& leaf) {
  std::vector<MapEntry> out(changes.begin(), changes.end());
  const auto at =
      std::lower_bound(out.begin(), out.end(), leaf,
                       [](const MapEntry& a, const MapEntry& b) { return a.index < b.index; });
  if (at == out.end() || at->index != leaf.index) out.insert(at, leaf);
  return out;
}

// Changes the subtree at `place` that has `hash`; all of `changes` belong there. No deeper than
// kMapDepth.
absl::StatusOr<Hash> Update(MapStore& store, const MapPlace& place, const Hash& hash,
                            Changes changes) {
  if (changes.empty()) return hash;
  ASSIGN_OR_RETURN(const MapNode node, ReadMapNode(store, place, hash));
  if (node.leaf) return Build(store, place, WithLeaf(changes, *node.leaf));
  if (!node.inner) return Build(store, place, changes);
  const auto [left, right] = Split(changes, place.depth);
  MapInner inner;
  ASSIGN_OR_RETURN(inner.left, Update(store, place.Child(false), node.inner->left, left));
  ASSIGN_OR_RETURN(inner.right, Update(store, place.Child(true), node.inner->right, right));
  return WriteInner(store, place, inner);
}

}  // namespace

MapPlace MapPlace::Of(const MapIndex& index, uint16_t depth) {
  CHECK(depth <= kMapDepth);
  MapPlace out{depth, index};
  for (size_t byte = (depth + 7) / 8; byte < out.prefix.bytes.size(); ++byte)
    out.prefix.bytes[byte] = 0;
  if (depth % 8 != 0) out.prefix.bytes[depth / 8] &= static_cast<uint8_t>(0xff << (8 - depth % 8));
  return out;
}

MapPlace MapPlace::Child(bool right) const {
  CHECK(depth < kMapDepth);
  MapPlace out{static_cast<uint16_t>(depth + 1), prefix};
  if (right) out.prefix.bytes[depth / 8] |= static_cast<uint8_t>(0x80 >> (depth % 8));
  return out;
}

Hash EmptyMapHash(const MapPlace& place) {
  return Sha256(Begin(kEmpty, place.depth).Fixed(place.prefix.bytes).view());
}

Hash MapLeafHash(uint16_t depth, const MapEntry& leaf) {
  return Sha256(Begin(kLeaf, depth).Fixed(leaf.index.bytes).Fixed(leaf.value).view());
}

Hash MapInnerHash(const MapPlace& place, const MapInner& inner) {
  return Sha256(Begin(kInner, place.depth)
                    .Fixed(place.prefix.bytes)
                    .Fixed(inner.left)
                    .Fixed(inner.right)
                    .view());
}

Hash MapNodeHash(const MapPlace& place, const MapNode& node) {
  if (node.leaf) return MapLeafHash(place.depth, *node.leaf);
  if (node.inner) return MapInnerHash(place, *node.inner);
  return EmptyMapHash(place);
}

absl::StatusOr<MapNode> MemoryMap::Read(const MapPlace& place) {
  const auto found = nodes_.find(place);
  return found == nodes_.end() ? MapNode{} : found->second;
}

absl::Status MemoryMap::Write(const MapPlace& place, const MapNode& node) {
  nodes_[place] = node;
  return absl::OkStatus();
}

absl::StatusOr<MapNode> ReadMapNode(MapStore& store, const MapPlace& place, const Hash& hash) {
  if (hash == EmptyMapHash(place)) return MapNode{};
  ASSIGN_OR_RETURN(MapNode node, store.Read(place));
  const bool possible = !(node.leaf && node.inner) &&
                        (!node.leaf || place.Holds(node.leaf->index)) &&
                        (!node.inner || place.depth < kMapDepth);
  if (!possible || MapNodeHash(place, node) != hash) {
    return absl::DataLossError(absl::StrCat("the map has a node at depth ", place.depth,
                                            " that is not the one its root states"));
  }
  return node;
}

absl::StatusOr<Hash> UpdateMap(MapStore& store, const Hash& root, std::vector<MapEntry> changes) {
  std::sort(changes.begin(), changes.end(),
            [](const MapEntry& a, const MapEntry& b) { return a.index < b.index; });
  const auto same = [](const MapEntry& a, const MapEntry& b) { return a.index == b.index; };
  if (std::adjacent_find(changes.begin(), changes.end(), same) != changes.end()) {
    return absl::InvalidArgumentError("an index is changed twice at once");
  }
  return Update(store, {}, root, changes);
}

}  // namespace plumbline::tlog
