#include "common/identity/text.h"

namespace plumbline::identity {
namespace {

absl::Status Malformed() { return absl::InvalidArgumentError("text is not well-formed UTF-8"); }

bool Unprintable(uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x202a && point <= 0x202e) ||
         (point >= 0x2066 && point <= 0x2069) || point == 0x200e || point == 0x200f || point == 0x061c || point == 0x2028 ||
         point == 0x2029;
}

}  // namespace

absl::StatusOr<uint32_t> NextCodePoint(absl::string_view& text) {
  const auto first = static_cast<uint8_t>(text[0]);
  size_t size = 1;
  uint32_t point = first;
  if (first >= 0x80) {
    if (first >= 0xf0 && first <= 0xf4) {
      size = 4;
      point = first & 0x07;
    } else if (first >= 0xe0 && first < 0xf0) {
      size = 3;
      point = first & 0x0f;
    } else if (first >= 0xc2 && first < 0xe0) {
      size = 2;
      point = first & 0x1f;
    } else {
      return Malformed();
    }
  }
  if (text.size() < size) return Malformed();
  for (size_t i = 1; i < size; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return Malformed();
    point = (point << 6) | (next & 0x3f);
  }
  const bool overlong = (size == 3 && point < 0x800) || (size == 4 && point < 0x10000);
  const bool surrogate = point >= 0xd800 && point <= 0xdfff;
  if (overlong || surrogate || point > 0x10ffff) return Malformed();
  text.remove_prefix(size);
  return point;
}

absl::Status CheckText(absl::string_view text, size_t max_size) {
  if (text.size() > max_size) return absl::InvalidArgumentError("text is longer than its maximum");
  while (!text.empty()) {
    ASSIGN_OR_RETURN(const uint32_t point, NextCodePoint(text));
    if (Unprintable(point)) return absl::InvalidArgumentError("text has a control character");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadText(Reader& in, size_t max_size) {
  ASSIGN_OR_RETURN(const ByteView bytes, in.Vector(max_size));
  std::string text = ToString(bytes);
  RETURN_IF_ERROR(CheckText(text, max_size));
  return text;
}

}  // namespace plumbline::identity
