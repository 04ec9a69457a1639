// Reader and Writer for the one canonical binary encoding of the project: the presentation language of
// RFC 8446 §3 as extended by RFC 9420 §2.1 (optional<T>, variable-length vectors with minimal varint lengths).
// Total: every length is checked against the remaining input and a named maximum before anything is allocated.
#pragma once

#include <cstdint>
#include <optional>

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline {

// Largest length a varint header may state (RFC 9420 §2.1.2): 2^30 - 1 bytes.
inline constexpr size_t kMaxVarint = (size_t{1} << 30) - 1;

// A cursor over borrowed bytes that only advances. After a failed read the position is unspecified: give up.
// Every function returns INVALID_ARGUMENT on malformed input.
class Reader {
 public:
  explicit Reader(ByteView input) : rest_(input) {}

  absl::StatusOr<uint8_t> U8();
  absl::StatusOr<uint16_t> U16();
  absl::StatusOr<uint32_t> U32();
  absl::StatusOr<uint64_t> U64();
  // Exactly `size` bytes, borrowed from the input.
  absl::StatusOr<ByteView> Fixed(size_t size);
  // opaque v<V>: a minimal varint length, then that many bytes; refuses more than `max_size`.
  absl::StatusOr<ByteView> Vector(size_t max_size);
  // optional<T>: the presence octet, 0 or 1 and nothing else.
  absl::StatusOr<bool> Present();
  // A minimal varint (RFC 9420 §2.1.2).
  absl::StatusOr<uint32_t> Varint();

  // OK if and only if all input was read.
  absl::Status Done() const;
  bool AtEnd() const { return rest_.empty(); }
  ByteView rest() const { return rest_; }

 private:
  ByteView rest_;
};

// Appends to a buffer that is wiped when it is freed, so it may carry secrets.
class Writer {
 public:
  // Grows as needed; `expected` bytes without moving what was written.
  explicit Writer(size_t expected = 256) { buffer_.Reserve(expected); }
  Writer& U8(uint8_t value);
  Writer& U16(uint16_t value);
  Writer& U32(uint32_t value);
  Writer& U64(uint64_t value);
  Writer& Fixed(ByteView bytes);
  // opaque v<V>. `bytes` is at most kMaxVarint long.
  Writer& Vector(ByteView bytes);
  Writer& Present(bool present) { return U8(present ? 1 : 0); }
  Writer& Varint(uint32_t value);

  ByteView view() const { return ByteView(buffer_.data(), buffer_.size()); }
  size_t size() const { return buffer_.size(); }
  Bytes TakeBytes() { return ToBytes(view()); }
  Secret TakeSecret() { return Secret::CopyOf(view()); }

 private:
  WipedBytes buffer_;
};

}  // namespace plumbline
