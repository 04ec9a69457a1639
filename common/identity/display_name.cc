#include "common/identity/display_name.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "common/identity/text.h"

namespace plumbline::identity {
namespace {

struct Range {
  uint32_t first, last;
};
template <size_t n>
bool In(const Range (&ranges)[n], uint32_t point) {
  return std::any_of(std::begin(ranges), std::end(ranges), [&](const Range& r) { return point >= r.first && point <= r.last; });
}

constexpr Range kUnseen[] = {{0xad, 0xad},     {0x34f, 0x34f},   {0x115f, 0x1160}, {0x17b4, 0x17b5},   {0x180b, 0x180f},  {0x200b, 0x200d},
                             {0x2060, 0x206f}, {0x2800, 0x2800}, {0x3164, 0x3164}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},  {0xffa0, 0xffa0},
                             {0xfff0, 0xffff}, {0xe000, 0xf8ff}, {0xe0000, 0x10ffff}};
constexpr Range kOtherSpaces[] = {{0xa0, 0xa0}, {0x1680, 0x1680}, {0x2000, 0x200a}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};
constexpr Range kMarks[] = {{0x300, 0x36f}, {0x483, 0x489}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe20, 0xfe2f}};
constexpr Range kDressedUp[] = {{0xff01, 0xff5e}, {0x2460, 0x24ff}, {0x1d400, 0x1d7ff}, {0x1f100, 0x1f1e5}, {0x2100, 0x214f}, {0x1d00, 0x1dbf}};
constexpr Range kLatin[] = {{'A', 'Z'}, {'a', 'z'}, {0xaa, 0xaa}, {0xba, 0xba}, {0xc0, 0xd6}, {0xd8, 0xf6}, {0xf8, 0x2af}, {0x1e00, 0x1eff},
                            {0x2c60, 0x2c7f}, {0xa720, 0xa7ff}, {0xab30, 0xab6f}, {0xfb00, 0xfb06}};
constexpr Range kGreek[] = {{0x370, 0x3ff}, {0x1f00, 0x1fff}};
constexpr Range kCyrillic[] = {{0x400, 0x482}, {0x48a, 0x52f}, {0x1c80, 0x1c8f}, {0x2de0, 0x2dff}, {0xa640, 0xa69f}};
constexpr Range kArmenian[] = {{0x530, 0x58f}, {0xfb13, 0xfb17}};
constexpr Range kCherokee[] = {{0x13a0, 0x13ff}, {0xab70, 0xabbf}};
constexpr Range kJoining[] = {{0x600, 0xdff}};  // Arabic, Syriac, the scripts of India

// Null for letters and signs that are not confused with these.
const char* ScriptOf(uint32_t point) {
  if (In(kLatin, point)) return "Latin";
  if (In(kGreek, point)) return "Greek";
  if (In(kCyrillic, point)) return "Cyrillic";
  if (In(kArmenian, point)) return "Armenian";
  if (In(kCherokee, point)) return "Cherokee";
  return nullptr;
}

absl::Status Refused(absl::string_view why) { return absl::InvalidArgumentError(absl::StrCat("a display name ", why)); }

}  // namespace

absl::Status CheckDisplayName(absl::string_view name) {
  RETURN_IF_ERROR(CheckText(name, kMaxDisplayName));
  if (name.empty()) return Refused("is not empty");
  if (name.front() == ' ' || name.back() == ' ') return Refused("begins and ends with something that is seen");
  const char* script = nullptr;
  uint32_t before = 0;
  int marks = 0;
  while (!name.empty()) {
    ASSIGN_OR_RETURN(const uint32_t point, NextCodePoint(name));
    const bool joins = (point == 0x200c || point == 0x200d) && In(kJoining, before);
    if (In(kUnseen, point) && !joins) return Refused("has no characters that are not seen");
    if (In(kOtherSpaces, point) || (point == ' ' && before == ' ')) return Refused("has single, ordinary spaces between its words");
    if (In(kDressedUp, point)) return Refused("has ordinary letters, not fullwidth, circled or mathematical ones");
    marks = In(kMarks, point) ? marks + 1 : 0;
    if (marks > 2 || (marks > 0 && before == 0)) return Refused("has at most two marks on one letter");
    const char* const own = ScriptOf(point);
    if (own != nullptr && script != nullptr && own != script) {
      return Refused(absl::StrCat("has letters of one alphabet; this one mixes ", script, " and ", own, ", whose letters look alike"));
    }
    if (own != nullptr) script = own;
    before = point;
  }
  return absl::OkStatus();
}

}  // namespace plumbline::identity
