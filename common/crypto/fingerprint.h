// A fingerprint is a SHA-256 that people read aloud, compare and type: the organisation's root, a certificate.
#pragma once

#include <array>
#include <string>

#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::crypto {

class Fingerprint final {
 public:
  static Fingerprint Of(ByteView data) { return Fingerprint(Sha256(data)); }
  // From 32 raw bytes. INVALID_ARGUMENT otherwise.
  static absl::StatusOr<Fingerprint> FromBytes(ByteView bytes);
  // From text as people type it: 64 hexadecimal digits in either case; spaces, dashes and colons between digits
  // do not count. INVALID_ARGUMENT otherwise, with the number of digits seen.
  static absl::StatusOr<Fingerprint> FromText(absl::string_view text);

  // 16 groups of 4 lower-case digits: "0f3a 91bc ...", 79 characters.
  std::string ToText() const;
  ByteView view() const { return bytes_; }
  auto operator<=>(const Fingerprint&) const = default;

 private:
  explicit Fingerprint(std::array<uint8_t, 32> bytes) : bytes_(bytes) {}
  std::array<uint8_t, 32> bytes_;
};

}  // namespace plumbline::crypto
