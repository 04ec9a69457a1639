// The frame inside an MLS application message: order and completeness, per sender
// (docs/protocols/delivery.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::identity {

inline constexpr size_t kMaxMediaType = 127;         // bytes of printable ASCII
inline constexpr size_t kMaxFrameBody = 960 * 1024;  // bytes
inline constexpr char kTextMediaType[] = "text/plain;charset=utf-8";
// Between clients, shown to nobody; the body is a LeaveRequest (common/identity/group_profile.h).
inline constexpr char kControlMediaType[] = "application/vnd.plumbline.control";

// The newest checkpoint of the directory's log that the sender has seen, so that whoever was shown another log notices
// (docs/transparency.md). With the log's name it is the note that the log signed.
struct SeenCheckpoint {
  uint64_t size = 0;  // leaves
  Hash root{};
  Signature signature{};  // the log's, over the note's text
  bool operator==(const SeenCheckpoint&) const = default;
};

// struct { uint8 version; uint64 sequence; opaque previous_hash[32]; opaque media_type<V>; opaque body<V>;
//          select (version) { case 1: struct {}; case 2: struct { uint64 size; opaque root[32]; opaque signature[64]; } seen; };
// } Frame;
struct Frame {
  uint64_t sequence = 0;   // per sender and conversation, from 1
  Hash previous_hash{};    // SHA-256 of the sender's previous frame, zeros in the first
  std::string media_type;  // "text/plain;charset=utf-8"
  Bytes body;
  std::optional<SeenCheckpoint> seen;  // none in version 1
  bool operator==(const Frame&) const = default;
};
Bytes Encode(const Frame& frame);
absl::StatusOr<Frame> ParseFrame(ByteView wire);

}  // namespace plumbline::identity
