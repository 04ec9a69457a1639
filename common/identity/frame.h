// The frame inside an MLS application message: order and completeness, per sender
// (docs/protocols/delivery.md).
#pragma once

#include <cstdint>
#include <string>

#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::identity {

inline constexpr size_t kMaxMediaType = 127;         // bytes of printable ASCII
inline constexpr size_t kMaxFrameBody = 960 * 1024;  // bytes
inline constexpr char kTextMediaType[] = "text/plain;charset=utf-8";
// Between clients, shown to nobody; the body is a LeaveRequest (common/identity/group_profile.h).
inline constexpr char kControlMediaType[] = "application/vnd.plumbline.control";

// struct { uint8 version = 1; uint64 sequence; opaque previous_hash[32]; opaque media_type<V>;
//          opaque body<V>; } Frame;
struct Frame {
  uint64_t sequence = 0;   // per sender and conversation, from 1
  Hash previous_hash{};    // SHA-256 of the sender's previous frame, zeros in the first
  std::string media_type;  // "text/plain;charset=utf-8"
  Bytes body;
  bool operator==(const Frame&) const = default;
};
Bytes Encode(const Frame& frame);
absl::StatusOr<Frame> ParseFrame(ByteView wire);

}  // namespace plumbline::identity
