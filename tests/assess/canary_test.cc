#include "assess/tools/canary.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/ascii.h"

namespace plumbline::assess {
namespace {

const char kMarker[] = "abcdefghijkmnpqrstuvwxyz23456789";

std::vector<Hit> SearchFor(const std::string& marker, const std::string& text) {
  PatternSet patterns;
  patterns.AddMarker("it", marker);
  std::vector<Hit> hits;
  patterns.Search(AsBytes(text), [&](const Hit& hit) { hits.push_back(hit); });
  return hits;
}

TEST(Canary, MarkersAreNeverTheSame) {
  EXPECT_NE(NewMarker(), NewMarker());
  EXPECT_EQ(NewMarker().size(), 32u);
}

TEST(Canary, FindsTheMarkerAsItIs) {
  const auto hits = SearchFor(kMarker, absl::StrCat("before ", kMarker, " after"));
  ASSERT_EQ(hits.size(), 2u);  // both halves
  EXPECT_EQ(hits[0].form, "raw");
  EXPECT_EQ(hits[0].offset, 7u);
}

TEST(Canary, FindsEitherHalfAlone) {
  EXPECT_FALSE(SearchFor(kMarker, std::string(kMarker).substr(0, 16)).empty());
  EXPECT_FALSE(SearchFor(kMarker, std::string(kMarker).substr(16)).empty());
}

TEST(Canary, FindsBase64AtEveryAlignment) {
  for (size_t before = 0; before < 3; ++before) {
    for (size_t after = 0; after < 3; ++after) {
      SCOPED_TRACE(absl::StrCat(before, " ", after));
      const std::string text = std::string(before, '\xff') + kMarker + std::string(after, '\xff');
      EXPECT_FALSE(SearchFor(kMarker, absl::Base64Escape(text)).empty());
      EXPECT_FALSE(SearchFor(kMarker, absl::WebSafeBase64Escape(text)).empty());
    }
  }
}

TEST(Canary, FindsHexInBothCases) {
  const std::string hex = ToHex(AsBytes(kMarker));
  EXPECT_FALSE(SearchFor(kMarker, "x" + hex).empty());
  EXPECT_FALSE(SearchFor(kMarker, absl::AsciiStrToUpper(hex)).empty());
}

TEST(Canary, FindsUtf16InBothByteOrders) {
  std::string little, big;
  for (const char c : std::string(kMarker)) {
    little.append({c, '\0'});
    big.append({'\0', c});
  }
  EXPECT_FALSE(SearchFor(kMarker, little).empty());
  EXPECT_FALSE(SearchFor(kMarker, big).empty());
}

TEST(Canary, FindsNothingInOtherText) {
  EXPECT_TRUE(SearchFor(kMarker, "abcdefghijkmnpq").empty());  // one short of a half
  EXPECT_TRUE(SearchFor(kMarker, "").empty());
}

TEST(Canary, FindsNamesInAnyUsualCase) {
  PatternSet patterns;
  patterns.AddText("name", "Alice Archer");
  for (const char* text : {"Alice Archer", "alice archer", "ALICE ARCHER"}) {
    size_t found = 0;
    patterns.Search(AsBytes(text), [&](const Hit&) { ++found; });
    EXPECT_EQ(found, 1u) << text;
  }
}

}  // namespace
}  // namespace plumbline::assess
