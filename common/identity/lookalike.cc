#include "common/identity/lookalike.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "common/identity/text.h"

namespace plumbline::identity {
namespace {

char Shape(char c) {
  constexpr absl::string_view kFrom = "01l23456789q", kTo = "oiizeasbtbgg";
  const size_t at = kFrom.find(c);
  return at == absl::string_view::npos ? c : kTo[at];
}

struct Pair {
  absl::string_view two;
  char one;
};
constexpr Pair kPairs[] = {{"rn", 'm'}, {"vv", 'w'}, {"cl", 'd'}, {"c1", 'd'}};

// Letters of other alphabets that look like a Latin one, in lower case.
struct Homoglyph {
  uint32_t point;
  char latin;
};
constexpr Homoglyph kHomoglyphs[] = {
    {0x0430, 'a'}, {0x0432, 'b'}, {0x0435, 'e'}, {0x043a, 'k'}, {0x043c, 'm'}, {0x043d, 'h'}, {0x043e, 'o'}, {0x0440, 'p'},
    {0x0441, 'c'}, {0x0442, 't'}, {0x0443, 'y'}, {0x0445, 'x'}, {0x0455, 's'}, {0x0456, 'i'}, {0x0458, 'j'}, {0x04cf, 'l'},
    {0x0501, 'd'}, {0x051b, 'q'}, {0x051d, 'w'}, {0x03b1, 'a'}, {0x03b2, 'b'}, {0x03b5, 'e'}, {0x03b6, 'z'}, {0x03b7, 'h'},
    {0x03b9, 'i'}, {0x03ba, 'k'}, {0x03bc, 'm'}, {0x03bd, 'v'}, {0x03bf, 'o'}, {0x03c1, 'p'}, {0x03c4, 't'}, {0x03c5, 'u'},
    {0x03c7, 'x'}, {0x0131, 'i'}, {0x0251, 'a'}, {0x0261, 'g'}};

uint32_t LowerCase(uint32_t point) {
  if (point < 0x80) return static_cast<uint32_t>(absl::ascii_tolower(static_cast<unsigned char>(point)));
  if ((point >= 0xc0 && point <= 0xde && point != 0xd7) || (point >= 0x391 && point <= 0x3a9) || (point >= 0x410 && point <= 0x42f)) {
    return point + 0x20;
  }
  if (point >= 0x400 && point <= 0x40f) return point + 0x50;
  if (point == 0x04c0) return 0x04cf;
  return point;
}

// Not seen, or only between and upon letters.
bool HasNoShape(uint32_t point) {
  return point == ' ' || point == '\'' || point == ',' || point == '(' || point == ')' || point == 0xad || point == 0xa0 ||
         (point >= 0x300 && point <= 0x36f) || (point >= 0x2000 && point <= 0x206f) || point == 0x3000 || point == 0xfeff ||
         (point >= 0xfe00 && point <= 0xfe0f);
}

// What two unequal names differ in is one letter, or the order of two neighbours (Damerau's distance is 1).
bool OneLetterApart(absl::string_view a, absl::string_view b) {
  while (!a.empty() && !b.empty() && a.front() == b.front()) a.remove_prefix(1), b.remove_prefix(1);
  while (!a.empty() && !b.empty() && a.back() == b.back()) a.remove_suffix(1), b.remove_suffix(1);
  if (a.size() <= 1 && b.size() <= 1) return true;
  return a.size() == 2 && b.size() == 2 && a[0] == b[1] && a[1] == b[0];
}

Likeness CompareSkeletons(absl::string_view a, absl::string_view b) {
  if (a == b) return Likeness::kReadsAlike;
  const bool long_enough = std::min(a.size(), b.size()) >= kMinNear;
  return long_enough && OneLetterApart(a, b) ? Likeness::kOneLetter : Likeness::kNone;
}

}  // namespace

std::string Skeleton(absl::string_view name) {
  std::string out;
  const auto put = [&out](char c) {
    if (out.empty() || out.back() != c) out.push_back(c);
  };
  std::string letters;
  for (const char c : name) {
    if (c != '.' && c != '-' && c != '_') letters.push_back(c);
  }
  for (size_t i = 0; i < letters.size(); ++i) {
    const absl::string_view two = absl::string_view(letters).substr(i, 2);
    const auto pair = std::find_if(std::begin(kPairs), std::end(kPairs), [&](const Pair& p) { return p.two == two; });
    put(pair != std::end(kPairs) ? pair->one : Shape(letters[i]));
    i += pair != std::end(kPairs);
  }
  return out;
}

std::string DisplaySkeleton(absl::string_view display_name) {
  std::string out;
  while (!display_name.empty()) {
    const absl::string_view before = display_name;
    const absl::StatusOr<uint32_t> read = NextCodePoint(display_name);
    if (!read.ok()) break;
    const uint32_t point = LowerCase(*read);
    if (HasNoShape(point)) continue;
    const auto found = std::find_if(std::begin(kHomoglyphs), std::end(kHomoglyphs), [&](const Homoglyph& h) { return h.point == point; });
    if (found != std::end(kHomoglyphs)) {
      out.push_back(found->latin);
    } else if (point < 0x80) {
      out.push_back(static_cast<char>(point));
    } else if (point == *read) {
      out.append(before.data(), before.size() - display_name.size());
    } else {  // all that LowerCase changes have two bytes
      out.push_back(static_cast<char>(0xc0 | (point >> 6)));
      out.push_back(static_cast<char>(0x80 | (point & 0x3f)));
    }
  }
  return Skeleton(out);
}

Likeness Compare(absl::string_view a, absl::string_view b) {
  return a == b ? Likeness::kNone : CompareSkeletons(Skeleton(a), Skeleton(b));
}

Likeness Compare(const UserUri& a, const UserUri& b) {
  if (a.domain == b.domain) return Compare(absl::string_view(a.name), absl::string_view(b.name));
  const Likeness names = CompareSkeletons(Skeleton(a.name), Skeleton(b.name));
  const Likeness domains = CompareSkeletons(Skeleton(a.domain), Skeleton(b.domain));
  if (names == Likeness::kReadsAlike) return std::max(domains, Likeness::kOneLetter);
  return domains == Likeness::kNone ? Likeness::kNone : names;
}

std::vector<Lookalike> Lookalikes(const NamedPerson& person, const std::vector<NamedPerson>& known) {
  const absl::StatusOr<UserUri> own = ParseUserUri(person.user);
  if (!own.ok()) return {};
  const std::string shown = DisplaySkeleton(person.display_name);
  std::vector<Lookalike> found;
  for (const NamedPerson& other : known) {
    if (other.user == person.user) continue;
    const absl::StatusOr<UserUri> uri = ParseUserUri(other.user);
    if (!uri.ok()) continue;
    Likeness why = Compare(*own, *uri);
    if (why == Likeness::kNone && !shown.empty() && DisplaySkeleton(other.display_name) == shown) why = Likeness::kSameDisplayName;
    if (why != Likeness::kNone) found.push_back({other.user, why});
  }
  std::sort(found.begin(), found.end(), [](const Lookalike& a, const Lookalike& b) {
    return std::make_pair(b.why, absl::string_view(a.user)) < std::make_pair(a.why, absl::string_view(b.user));
  });
  if (found.size() > kMaxLookalikes) found.resize(kMaxLookalikes);
  return found;
}

}  // namespace plumbline::identity
