#include "common/identity/display_name.h"

#include <gmock/gmock.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/identity/text.h"
#include "tests/status_matchers.h"

namespace plumbline::identity {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(DisplayName, NamesOfManyAlphabetsAreTaken) {
  for (const char* name :
       {"Alice Archer", "Zoë Müller-Lüdenscheidt", "Søren Ångström", "Mary-Ann O'Neill", "Jean-Luc d’Arc", "Иван Петров", "Αθηνά Παπαδοπούλου",
        "王小明", "Tanaka 田中", "אבי כהן", "محمد علي", "می\u200cخواهم" /* a joiner that Persian needs */, "ක්\u200Dෂ", "Nguyễn Văn Ân",
        "Reception (2nd floor)", "J. R. R. T.", "Ada 3", "Łukasz", "Hervé", "e\u0301lan", "Dr. med. Æ"}) {
    EXPECT_OK(CheckDisplayName(name)) << name;
  }
  EXPECT_OK(CheckDisplayName(std::string(kMaxDisplayName, 'a')));
  EXPECT_THAT(CheckDisplayName(std::string(kMaxDisplayName + 1, 'a')), StatusIs(kInvalid));
}

// The homograph attack, in a name that is shown beside the address.
TEST(DisplayName, AlphabetsThatLookAlikeAreNotMixed) {
  EXPECT_THAT(CheckDisplayName("\u0410lice Archer"), StatusIs(kInvalid, HasSubstr("Cyrillic and Latin")));
  for (const char* name : {"Alice Аrcher", "B\u03BFb", "Alice Archer (Рое)", "Иван Petrov", "Αλιcε", "\u13AAlice", "Bob \u0555", "аlicе"}) {
    EXPECT_THAT(CheckDisplayName(name), StatusIs(kInvalid)) << name;
  }
}

// CVE-2021-42574 and its class: what is read is not what is shown.
TEST(DisplayName, NothingThatTurnsTextOrIsNotSeen) {
  for (const char* hidden : {"\u202E", "\u2066", "\u200F", "\u061C", "\u200B", "\u200C", "\u200D", "\u2060", "\uFEFF", "\u00AD", "\u034F",
                             "\u115F", "\u3164", "\u180E", "\uFE0F", "\u2800", "\uE000", "\uFFFC", "\U000E0061", "\u2028"}) {
    EXPECT_THAT(CheckDisplayName(absl::StrCat("Ali", hidden, "ce")), StatusIs(kInvalid)) << hidden;
    EXPECT_THAT(CheckDisplayName(hidden), StatusIs(kInvalid)) << hidden;
  }
}

TEST(DisplayName, SpacesAreSingleAndOrdinary) {
  for (const char* name : {"", " ", " Alice", "Alice ", "Alice  Archer", "Alice\u00A0Archer", "Alice\u2003Archer", "Alice\u3000Archer", "Alice\tArcher"}) {
    EXPECT_THAT(CheckDisplayName(name), StatusIs(kInvalid)) << name;
  }
}

TEST(DisplayName, LettersThatDressUpAndMarksThatPileUp) {
  for (const char* name : {"\uFF21lice", "\u24B6lice", "\U0001D400lice", "\u212Aate", "\u1D2C", "a\u0301\u0302\u0303", "\u0301a"}) {
    EXPECT_THAT(CheckDisplayName(name), StatusIs(kInvalid)) << name;
  }
}

}  // namespace
}  // namespace plumbline::identity
