// The public state that all members of an epoch share (RFC 9420 §8.1).
#pragma once

#include <cstdint>

#include "common/bytes.h"
#include "common/codec.h"
#include "common/status.h"
#include "mls/extension.h"

namespace plumbline::mls {

// struct { ProtocolVersion version = mls10; CipherSuite cipher_suite; opaque group_id<V>; uint64
// epoch;
//          opaque tree_hash<V>; opaque confirmed_transcript_hash<V>; Extension extensions<V>; }
//          GroupContext;
struct GroupContext {
  uint16_t cipher_suite = 0;
  Bytes group_id;
  uint64_t epoch = 0;
  Bytes tree_hash;
  Bytes confirmed_transcript_hash;  // empty at epoch 0
  Extensions extensions;
  bool operator==(const GroupContext&) const = default;
};

inline constexpr size_t kMaxGroupIdBytes = 65536;

absl::StatusOr<GroupContext> ReadGroupContext(Reader& in);
void WriteGroupContext(Writer& out, const GroupContext& context);
Bytes Encode(const GroupContext& context);

}  // namespace plumbline::mls
