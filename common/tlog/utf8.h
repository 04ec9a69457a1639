// Reading UTF-8 (RFC 3629) one character at a time.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"

namespace plumbline::tlog {

// Takes the first character off `text`, which is not empty. Nothing if it is not well-formed: overlong, a surrogate, above
// U+10FFFF or cut off.
inline std::optional<char32_t> TakeCharacter(absl::string_view& text) {
  const auto byte = [&text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  const size_t size = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3
                      : first >= 0xF0 && first < 0xF5 ? 4 : 0;
  if (size == 0 || text.size() < size) return std::nullopt;
  char32_t value = size == 1 ? first : first & (0x7F >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return std::nullopt;
    value = value << 6 | (byte(i) & 0x3F);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return std::nullopt;
  text.remove_prefix(size);
  return value;
}

}  // namespace plumbline::tlog
