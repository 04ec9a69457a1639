#include "common/tlog/directory_replay.h"

#include <algorithm>
#include <bit>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/codec.h"

namespace plumbline::tlog {
namespace {

constexpr uint8_t kStateVersion = 2;  // 1 had no token keys
constexpr size_t kMaxTokenKeys = 1 << 16;  // bytes

absl::Status NotAState() {
  return absl::InvalidArgumentError("not what a replay of this log left");
}

absl::StatusOr<Hash> ReadHash(Reader& in) {
  Hash out;
  ASSIGN_OR_RETURN(const ByteView bytes, in.Fixed(out.size()));
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

absl::Status ReadTokenKeys(Reader& in, TokenKeys& out) {
  ASSIGN_OR_RETURN(const ByteView keys, in.Vector(kMaxTokenKeys));
  for (Reader list(keys); !list.AtEnd();) {
    ASSIGN_OR_RETURN(const ByteView bytes, list.Vector(kMaxDirectoryLeaf));
    const absl::StatusOr<DirectoryLeaf> leaf = ParseDirectoryLeaf(bytes);
    const auto* key = leaf.ok() ? std::get_if<TokenKeyLeaf>(&*leaf) : nullptr;
    if (key == nullptr) return NotAState();
    const std::pair purpose(key->purpose, key->token_class);
    if (!out.empty() && purpose <= out.rbegin()->first) return NotAState();
    out.emplace_hint(out.end(), purpose, *key);
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view NameOf(ReplayRule rule) {
  switch (rule) {
    case ReplayRule::kLeaf:
      return "leaf";
    case ReplayRule::kGenesis:
      return "genesis";
    case ReplayRule::kVersion:
      return "version";
    case ReplayRule::kPrevious:
      return "previous";
    case ReplayRule::kBatchSize:
      return "batch_size";
    case ReplayRule::kMapVersion:
      return "map_version";
    case ReplayRule::kMapRange:
      return "map_range";
    case ReplayRule::kMapRoot:
      return "map_root";
    case ReplayRule::kOpenBatch:
      return "open_batch";
    case ReplayRule::kTree:
      return "tree";
    case ReplayRule::kAuthority:
      return "authority";
    case ReplayRule::kTokenKey:
      return "token_key";
  }
  return "";
}

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
      return "there are too many leaves without a map root";
    case ReplayRule::kMapVersion:
      return "a map root's version is not the next";
    case ReplayRule::kMapRange:
      return "a map root is not over the leaves since the last one";
    case ReplayRule::kMapRoot:
      return "a map root does not follow from its entries";
    case ReplayRule::kOpenBatch:
      return "the checkpoint of this size does not end with a map root";
    case ReplayRule::kTree:
      return "the checkpoint of this size is of other leaves";
    case ReplayRule::kAuthority:
      return "an entry has not the authority that it claims";
    case ReplayRule::kTokenKey:
      return "a token key does not follow the one before it";
  }
  return "";
}

bool FollowsAnother(absl::string_view origin) {
  const absl::string_view last = origin.substr(origin.rfind('/') + 1);
  return !last.empty() && std::all_of(last.begin(), last.end(), absl::ascii_isdigit);
}

absl::Status TakeTokenKey(const TokenKeyLeaf& leaf, TokenKeys& keys, bool follows) {
  TokenKeyLeaf& last = keys[{leaf.purpose, leaf.token_class}];  // epoch 0 where there was none
  const bool first = last.epoch == 0;
  const bool next = leaf.epoch == last.epoch + 1 || (first && follows);
  if (!next || (!first && leaf.opens < last.opens + kMinTokenEpoch))
    return absl::InvalidArgumentError("a token key does not follow the one before it");
  last = leaf;
  return absl::OkStatus();
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
  if (leaf.origin != origin_) return Find(ReplayRule::kGenesis, size());
  genesis_ = leaf;
  return absl::OkStatus();
}

absl::Status DirectoryReplay::Follow(const EntryLeaf& leaf, const Hash& hash) {
  if (size() - batch_first_ == kMaxBatch) return Find(ReplayRule::kBatchSize, size());
  const auto last = known_.find(leaf.index);
  if (leaf.version != (last == known_.end() ? 1 : last->second.version + 1))
    return Find(ReplayRule::kVersion, size());
  if (last != known_.end() && leaf.previous != last->second.entry)
    return Find(ReplayRule::kPrevious, size());
  if (const absl::Status checked = check_ ? check_(size(), leaf) : absl::OkStatus();
      !checked.ok()) {
    if (!absl::IsInvalidArgument(checked)) return checked;
    return absl::InvalidArgumentError(
        absl::StrCat(Find(ReplayRule::kAuthority, size()).message(), ": ", checked.message()));
  }
  known_[leaf.index] = {leaf.version, hash};
  batch_[leaf.index] = hash;
  return absl::OkStatus();
}

absl::Status DirectoryReplay::Follow(const TokenKeyLeaf& leaf, const Hash&) {
  if (size() - batch_first_ == kMaxBatch) return Find(ReplayRule::kBatchSize, size());
  return TakeTokenKey(leaf, token_keys_, FollowsAnother(origin_)).ok() ? absl::OkStatus() : Find(ReplayRule::kTokenKey, size());
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

absl::StatusOr<Bytes> DirectoryReplay::Save() const {
  if (!failure_.ok() || map_version_ == 0 || batch_first_ != size())
    return absl::FailedPreconditionError("a replay is kept behind a map root only");
  Writer out(200 + 72 * known_.size());
  out.U8(kStateVersion).Vector(Encode(*genesis_)).U64(map_version_).Fixed(map_root_).U64(size());
  for (const Hash& peak : tree_.peaks()) out.Fixed(peak);
  Writer keys;
  for (const auto& [purpose, key] : token_keys_) keys.Vector(Encode(key));
  out.Vector(keys.view());
  for (const auto& [index, known] : known_)
    out.Fixed(index.bytes).U64(known.version).Fixed(known.entry);
  return out.TakeBytes();
}

absl::Status DirectoryReplay::Restore(ByteView state) {
  if (size() > 0 || !failure_.ok())
    return absl::FailedPreconditionError("this replay has begun already");
  failure_ = NotAState();  // until the end
  Reader in(state);
  ASSIGN_OR_RETURN(const uint8_t version, in.U8());
  ASSIGN_OR_RETURN(const ByteView genesis, in.Vector(kMaxDirectoryLeaf));
  const absl::StatusOr<DirectoryLeaf> leaf = ParseDirectoryLeaf(genesis);
  if (version < 1 || version > kStateVersion || !leaf.ok() || !std::holds_alternative<GenesisLeaf>(*leaf))
    return NotAState();
  genesis_ = std::get<GenesisLeaf>(*leaf);
  ASSIGN_OR_RETURN(map_version_, in.U64());
  ASSIGN_OR_RETURN(map_root_, ReadHash(in));
  ASSIGN_OR_RETURN(const uint64_t leaves, in.U64());
  if (genesis_->origin != origin_ || map_version_ == 0 || leaves < 2) return NotAState();
  std::vector<Hash> peaks(static_cast<size_t>(std::popcount(leaves)));
  for (Hash& peak : peaks) {
    ASSIGN_OR_RETURN(peak, ReadHash(in));
  }
  ASSIGN_OR_RETURN(tree_, CompactRange::Of(leaves, std::move(peaks)));
  if (version >= 2) RETURN_IF_ERROR(ReadTokenKeys(in, token_keys_));
  std::vector<MapEntry> content;
  while (!in.AtEnd()) {
    MapIndex index;
    Known known;
    ASSIGN_OR_RETURN(index.bytes, ReadHash(in));
    ASSIGN_OR_RETURN(known.version, in.U64());
    ASSIGN_OR_RETURN(known.entry, ReadHash(in));
    if (known.version == 0 || (!known_.empty() && index <= known_.rbegin()->first))
      return NotAState();
    known_.emplace_hint(known_.end(), index, known);
    content.push_back({index, known.entry});
  }
  ASSIGN_OR_RETURN(const Hash root, UpdateMap(map_, EmptyMapRoot(), std::move(content)));
  if (root != map_root_) return NotAState();
  batch_first_ = size();
  ends_[size()] = tree_.Root();
  failure_ = absl::OkStatus();
  return absl::OkStatus();
}

}  // namespace plumbline::tlog
