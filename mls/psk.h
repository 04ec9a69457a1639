// Pre-shared keys as proposals and key schedule name them (RFC 9420 §8.4).
#pragma once

#include <cstdint>

#include "common/bytes.h"
#include "common/codec.h"
#include "common/status.h"

namespace plumbline::mls {

enum class PskType : uint8_t { kExternal = 1, kResumption = 2 };
enum class ResumptionPskUsage : uint8_t { kApplication = 1, kReInit = 2, kBranch = 3 };

inline constexpr size_t kMaxPskId = 1024;        // bytes of an external PSK's id
inline constexpr size_t kMaxPskGroupId = 1024;   // bytes
inline constexpr size_t kMaxPskNonce = 255;      // bytes; must be hash_size() of the suite, which the reader cannot know

// struct { PSKType psktype;
//          select (psktype) { case external: opaque psk_id<V>;
//                             case resumption: ResumptionPSKUsage usage; opaque psk_group_id<V>; uint64 psk_epoch; };
//          opaque psk_nonce<V>; } PreSharedKeyID;
struct PreSharedKeyId {
  PskType type = PskType::kExternal;
  Bytes psk_id;                                                // only external
  ResumptionPskUsage usage = ResumptionPskUsage::kApplication;  // only resumption, and the two below
  Bytes psk_group_id;
  uint64_t psk_epoch = 0;
  Bytes psk_nonce;  // fresh and random, hash_size() bytes
  bool operator==(const PreSharedKeyId&) const = default;
};

// INVALID_ARGUMENT on malformed input, unknown types and usages included.
absl::StatusOr<PreSharedKeyId> ReadPreSharedKeyId(Reader& in);
void WritePreSharedKeyId(Writer& out, const PreSharedKeyId& id);

}  // namespace plumbline::mls
