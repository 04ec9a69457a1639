#include "common/identity/revocation.h"

#include <algorithm>

#include "common/identity/version.h"

namespace plumbline::identity {
namespace {

constexpr uint8_t kVersion = 2;
constexpr size_t kGrantSize = 16 + 4;
constexpr size_t kTokenKeySize = 32 + 8;

absl::StatusOr<RevokedItems> ReadItems(Reader& in) {
  RevokedItems out;
  ASSIGN_OR_RETURN(const ByteView grants, in.Vector(kMaxRevokedGrants * kGrantSize));
  for (Reader list(grants); !list.AtEnd();) {
    RevokedGrant grant;
    ASSIGN_OR_RETURN(grant.serial, ReadFixed<16>(list));
    ASSIGN_OR_RETURN(grant.expires_day, list.U32());
    if (!out.grants.empty() && !(out.grants.back().serial < grant.serial)) {
      return absl::InvalidArgumentError("revoked grants are not in order");
    }
    out.grants.push_back(grant);
  }
  ASSIGN_OR_RETURN(const ByteView token_keys, in.Vector(kMaxVoidTokenKeys * kTokenKeySize));
  for (Reader list(token_keys); !list.AtEnd();) {
    VoidTokenKey key;
    ASSIGN_OR_RETURN(key.token_key_id, ReadFixed<32>(list));
    ASSIGN_OR_RETURN(key.ends_unix, list.U64());
    if (!out.token_keys.empty() && !(out.token_keys.back().token_key_id < key.token_key_id)) {
      return absl::InvalidArgumentError("void token keys are not in order");
    }
    out.token_keys.push_back(key);
  }
  if (out.grants.empty() && out.token_keys.empty())
    return absl::InvalidArgumentError("a revocation revokes something");
  return out;
}

template <typename T, typename Key>
void SortUnique(std::vector<T>& all, Key key) {
  std::sort(all.begin(), all.end(), [&](const T& a, const T& b) { return key(a) < key(b); });
  all.erase(
      std::unique(all.begin(), all.end(), [&](const T& a, const T& b) { return key(a) == key(b); }),
      all.end());
}

}  // namespace

Bytes Encode(const RevokedItems& items) {
  Writer grants, token_keys, out;
  for (const RevokedGrant& grant : items.grants) grants.Fixed(grant.serial).U32(grant.expires_day);
  for (const VoidTokenKey& key : items.token_keys)
    token_keys.Fixed(key.token_key_id).U64(key.ends_unix);
  return out.Vector(grants.view()).Vector(token_keys.view()).TakeBytes();
}

absl::StatusOr<RevokedItems> ParseRevokedItems(ByteView wire) {
  Reader in(wire);
  ASSIGN_OR_RETURN(RevokedItems out, ReadItems(in));
  RETURN_IF_ERROR(in.Done());
  return out;
}

std::vector<RevokedItems> SplitItems(std::vector<RevokedGrant> grants,
                                     std::vector<VoidTokenKey> token_keys) {
  SortUnique(grants, [](const RevokedGrant& grant) { return grant.serial; });
  SortUnique(token_keys, [](const VoidTokenKey& key) { return key.token_key_id; });
  std::vector<RevokedItems> out;
  for (size_t grant = 0, key = 0; grant < grants.size() || key < token_keys.size();) {
    RevokedItems items;
    for (; grant < grants.size() && items.grants.size() < kMaxRevokedGrants; ++grant)
      items.grants.push_back(grants[grant]);
    for (; key < token_keys.size() && items.token_keys.size() < kMaxVoidTokenKeys; ++key)
      items.token_keys.push_back(token_keys[key]);
    out.push_back(std::move(items));
  }
  return out;
}

Bytes Encode(const Revocation& revocation) {
  Writer out;
  out.U8(kVersion)
      .U64(revocation.sequence)
      .U64(revocation.previous)
      .Fixed(Encode(revocation.items));
  return out.TakeBytes();
}

absl::StatusOr<Revocation> ParseRevocation(ByteView wire) {
  Reader in(wire);
  RETURN_IF_ERROR(TakeVersion(in, kVersion, "a revocation"));
  Revocation out;
  ASSIGN_OR_RETURN(out.sequence, in.U64());
  ASSIGN_OR_RETURN(out.previous, in.U64());
  ASSIGN_OR_RETURN(out.items, ReadItems(in));
  RETURN_IF_ERROR(in.Done());
  if (out.sequence > (uint64_t{1} << 62) || out.previous >= out.sequence) {
    return absl::InvalidArgumentError("a revocation's numbers do not follow");
  }
  return out;
}

}  // namespace plumbline::identity
