// Byte strings. Bytes owns, ByteView borrows; text is std::string or absl::string_view.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace plumbline {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;

inline Bytes ToBytes(ByteView view) { return Bytes(view.begin(), view.end()); }

// The bytes of `text`, borrowed: valid as long as the text is.
inline ByteView AsBytes(absl::string_view text) {
  return ByteView(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

// The bytes as a std::string, for protobuf `bytes` fields and SQL blobs.
inline std::string ToString(ByteView view) {
  return std::string(reinterpret_cast<const char*>(view.data()), view.size());
}

Bytes Concat(std::initializer_list<ByteView> parts);

// Same length and same bytes. Not constant time: for public values only.
bool Equal(ByteView a, ByteView b);

// Constant time in the contents; lengths are public.
bool ConstantTimeEqual(ByteView a, ByteView b);

// Lower-case hexadecimal.
std::string ToHex(ByteView view);

// `size` bytes from the system's generator.
Bytes RandomBytes(size_t size);

// SHA-256 of `data`: 32 bytes.
std::array<uint8_t, 32> Sha256(ByteView data);

}  // namespace plumbline
