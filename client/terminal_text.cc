#include "client/terminal_text.h"

#include <cstdint>

namespace plumbline::client {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";  // U+FFFD

// The code point at `at` and its length in bytes; length 0 if it is malformed.
struct CodePoint {
  uint32_t value = 0;
  size_t size = 0;
};

CodePoint Decode(absl::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[at + i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() - at < size) return {};
  uint32_t value = first & (0x7F >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3F);
  }
  const uint32_t least = size == 4 ? 0x10000 : size == 3 ? 0x800 : 0x80;
  if (value < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
  return {value, size};
}

bool IsHarmless(uint32_t c, bool multiline) {
  if (c == '\n' || c == '\t' || c == 0x2028 || c == 0x2029) return multiline;
  if (c < 0x20 || (c >= 0x7F && c <= 0x9F)) return false;
  if (c == 0x200E || c == 0x200F || c == 0x061C) return false;
  return !(c >= 0x202A && c <= 0x202E) && !(c >= 0x2066 && c <= 0x2069);
}

}  // namespace

bool IsUtf8(absl::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = Decode(text, at);
    if (point.size == 0) return false;
    at += point.size;
  }
  return true;
}

std::string ForTerminal(absl::string_view text, bool multiline) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = Decode(text, at);
    if (point.size > 0 && IsHarmless(point.value, multiline)) {
      out.append(text.data() + at, point.size);
    } else {
      out.append(kReplacement);
    }
    at += point.size > 0 ? point.size : 1;
  }
  return out;
}

}  // namespace plumbline::client
