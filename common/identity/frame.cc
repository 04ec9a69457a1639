#include "common/identity/frame.h"

namespace plumbline::identity {
namespace {
constexpr uint8_t kBare = 1, kWithCheckpoint = 2;
}  // namespace

Bytes Encode(const Frame& frame) {
  Writer out;
  out.U8(frame.seen ? kWithCheckpoint : kBare)
      .U64(frame.sequence)
      .Fixed(frame.previous_hash)
      .Vector(AsBytes(frame.media_type))
      .Vector(frame.body);
  if (frame.seen) out.U64(frame.seen->size).Fixed(frame.seen->root).Fixed(frame.seen->signature);
  return out.TakeBytes();
}

absl::StatusOr<Frame> ParseFrame(ByteView wire) {
  Reader in(wire);
  ASSIGN_OR_RETURN(const uint8_t version, in.U8());
  if (version != kBare && version != kWithCheckpoint) return absl::InvalidArgumentError("a frame has a version that is not known");
  Frame out;
  ASSIGN_OR_RETURN(out.sequence, in.U64());
  ASSIGN_OR_RETURN(out.previous_hash, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(const ByteView media_type, in.Vector(kMaxMediaType));
  ASSIGN_OR_RETURN(const ByteView body, in.Vector(kMaxFrameBody));
  if (version == kWithCheckpoint) {
    out.seen.emplace();
    ASSIGN_OR_RETURN(out.seen->size, in.U64());
    ASSIGN_OR_RETURN(out.seen->root, ReadFixed<32>(in));
    ASSIGN_OR_RETURN(out.seen->signature, ReadFixed<64>(in));
  }
  RETURN_IF_ERROR(in.Done());
  for (const uint8_t c : media_type) {
    if (c < 0x20 || c > 0x7e) return absl::InvalidArgumentError("a media type is printable ASCII");
  }
  if (out.sequence == 0 || (out.sequence == 1) != (out.previous_hash == Hash{})) {
    return absl::InvalidArgumentError("a frame's sequence and previous hash do not fit");
  }
  out.media_type = ToString(media_type);
  out.body = ToBytes(body);
  return out;
}

}  // namespace plumbline::identity
