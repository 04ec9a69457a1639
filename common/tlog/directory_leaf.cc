#include "common/tlog/directory_leaf.h"

#include <algorithm>

#include "common/codec.h"
#include "common/tlog/note_key.h"

namespace plumbline::tlog {
namespace {

constexpr uint8_t kFormat = 1;
enum Kind : uint8_t { kGenesis = 1, kEntry = 2, kMapRoot = 3, kTokenKey = 4 };

absl::Status Malformed(absl::string_view what) { return absl::InvalidArgumentError(what); }

absl::StatusOr<Hash> TakeHash(Reader& in) {
  Hash out;
  ASSIGN_OR_RETURN(const ByteView bytes, in.Fixed(out.size()));
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

absl::StatusOr<DirectoryLeaf> TakeGenesis(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView origin, in.Vector(kMaxKeyName));
  RETURN_IF_ERROR(CheckKeyName(ToString(origin)));
  ASSIGN_OR_RETURN(const Hash authority, TakeHash(in));
  ASSIGN_OR_RETURN(const ByteView key, in.Fixed(crypto::kVrfKeySize));
  ASSIGN_OR_RETURN(const crypto::VrfPublicKey vrf_key, crypto::VrfPublicKey::Parse(key));
  return GenesisLeaf{ToString(origin), authority, vrf_key};
}

absl::StatusOr<DirectoryLeaf> TakeEntry(Reader& in) {
  EntryLeaf out;
  ASSIGN_OR_RETURN(out.index.bytes, TakeHash(in));
  ASSIGN_OR_RETURN(out.version, in.U64());
  ASSIGN_OR_RETURN(out.previous, TakeHash(in));
  ASSIGN_OR_RETURN(out.commitment, TakeHash(in));
  ASSIGN_OR_RETURN(out.cause, TakeHash(in));
  if (out.version == 0 || (out.version == 1) != (out.previous == Hash{})) {
    return Malformed("an entry's version and previous hash do not fit");
  }
  return out;
}

absl::StatusOr<DirectoryLeaf> TakeMapRoot(Reader& in) {
  MapRootLeaf out;
  ASSIGN_OR_RETURN(out.version, in.U64());
  ASSIGN_OR_RETURN(out.first, in.U64());
  ASSIGN_OR_RETURN(out.end, in.U64());
  ASSIGN_OR_RETURN(out.root, TakeHash(in));
  if (out.version == 0) return Malformed("a map root has no version");
  // The genesis comes before every entry.
  const bool empty = out.first == out.end;
  if (out.first == 0 || out.end < out.first || out.end - out.first > kMaxBatch ||
      out.end >= kMaxSize || (empty && out.version != 1)) {
    return Malformed("a map root is over a range of leaves that cannot be");
  }
  return out;
}

absl::StatusOr<std::string> TakeTokenName(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView name, in.Vector(kMaxTokenName));
  const auto allowed = [](uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (name.empty() || !std::all_of(name.begin(), name.end(), allowed))
    return Malformed("a token key's purpose or class is no name");
  return ToString(name);
}

absl::StatusOr<DirectoryLeaf> TakeTokenKey(Reader& in) {
  TokenKeyLeaf out;
  ASSIGN_OR_RETURN(out.purpose, TakeTokenName(in));
  ASSIGN_OR_RETURN(out.token_class, TakeTokenName(in));
  ASSIGN_OR_RETURN(out.epoch, in.U64());
  ASSIGN_OR_RETURN(out.opens, in.U64());
  ASSIGN_OR_RETURN(out.closes, in.U64());
  ASSIGN_OR_RETURN(out.ends, in.U64());
  ASSIGN_OR_RETURN(out.token_key_id, TakeHash(in));
  if (out.epoch == 0 || out.closes <= out.opens || out.ends < out.closes ||
      out.ends - out.opens > kMaxTokenLife || out.ends >= uint64_t{1} << 40) {
    return Malformed("a token key has times that cannot be");
  }
  return out;
}

struct Encoder {
  void operator()(const GenesisLeaf& leaf) {
    out.U8(kGenesis).Vector(AsBytes(leaf.origin)).Fixed(leaf.authority).Fixed(leaf.vrf_key.view());
  }
  void operator()(const EntryLeaf& leaf) {
    out.U8(kEntry)
        .Fixed(leaf.index.bytes)
        .U64(leaf.version)
        .Fixed(leaf.previous)
        .Fixed(leaf.commitment)
        .Fixed(leaf.cause);
  }
  void operator()(const MapRootLeaf& leaf) {
    out.U8(kMapRoot).U64(leaf.version).U64(leaf.first).U64(leaf.end).Fixed(leaf.root);
  }
  void operator()(const TokenKeyLeaf& leaf) {
    out.U8(kTokenKey)
        .Vector(AsBytes(leaf.purpose))
        .Vector(AsBytes(leaf.token_class))
        .U64(leaf.epoch)
        .U64(leaf.opens)
        .U64(leaf.closes)
        .U64(leaf.ends)
        .Fixed(leaf.token_key_id);
  }
  Writer& out;
};

absl::StatusOr<DirectoryLeaf> TakeLeaf(Reader& in) {
  ASSIGN_OR_RETURN(const uint8_t format, in.U8());
  ASSIGN_OR_RETURN(const uint8_t kind, in.U8());
  if (format != kFormat) return Malformed("a leaf has an unknown format");
  if (kind == kGenesis) return TakeGenesis(in);
  if (kind == kEntry) return TakeEntry(in);
  if (kind == kMapRoot) return TakeMapRoot(in);
  if (kind == kTokenKey) return TakeTokenKey(in);
  return Malformed("a leaf is of an unknown kind");
}

}  // namespace

Bytes Encode(const DirectoryLeaf& leaf) {
  Writer out;
  out.U8(kFormat);
  std::visit(Encoder{out}, leaf);
  return out.TakeBytes();
}

absl::StatusOr<DirectoryLeaf> ParseDirectoryLeaf(ByteView wire) {
  if (wire.size() > kMaxDirectoryLeaf) return Malformed("a leaf is too long");
  Reader in(wire);
  ASSIGN_OR_RETURN(DirectoryLeaf out, TakeLeaf(in));
  RETURN_IF_ERROR(in.Done());
  return out;
}

}  // namespace plumbline::tlog
