#include "client/terminal_text.h"

#include <gmock/gmock.h>

namespace plumbline::client {
namespace {

constexpr char kMark[] = "\xEF\xBF\xBD";

TEST(ForTerminal, LeavesTextAlone) {
  const std::string text = "Grüße, 你好, 👋 ÿ";
  EXPECT_EQ(ForTerminal(text, true), text);
}

TEST(ForTerminal, DisarmsEscapeSequences) {
  EXPECT_EQ(ForTerminal("\x1b[2J\x07", true), std::string(kMark) + "[2J" + kMark);
  EXPECT_EQ(ForTerminal("\xC2\x9B" "2J", true), std::string(kMark) + "2J");  // C1 control sequence introducer
}

TEST(ForTerminal, DisarmsEveryControlCharacter) {
  for (int c = 0; c < 0x20; ++c) {
    if (c == '\n' || c == '\t') continue;
    EXPECT_EQ(ForTerminal(std::string(1, static_cast<char>(c)), true), kMark) << c;
  }
  EXPECT_EQ(ForTerminal("\x7f", true), kMark);
}

TEST(ForTerminal, KeepsLinesOnlyWhereAsked) {
  EXPECT_EQ(ForTerminal("a\nb\tc", true), "a\nb\tc");
  EXPECT_EQ(ForTerminal("a\nb", false), std::string("a") + kMark + "b");
  for (const char* separator : {"\u2028", "\u2029"}) {
    EXPECT_EQ(ForTerminal(separator, true), separator);
    EXPECT_EQ(ForTerminal(separator, false), kMark);
  }
}

TEST(ForTerminal, DisarmsDirectionMarks) {
  for (const char* mark : {"\u202E", "\u2066", "\u200F", "\u061C"}) EXPECT_EQ(ForTerminal(mark, true), kMark);
}

TEST(ForTerminal, MarksMalformedUtf8) {
  EXPECT_EQ(ForTerminal("a\xFFz", true), std::string("a") + kMark + "z");
  EXPECT_EQ(ForTerminal("\xE2\x82", true), std::string(kMark) + kMark);  // cut off
}

TEST(IsUtf8, RefusesOverlongFormsSurrogatesAndWhatIsTooLarge) {
  EXPECT_TRUE(IsUtf8("Grüße 👋"));
  for (const char* bad : {"\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80", "\xF8\x88\x80\x80\x80"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

}  // namespace
}  // namespace plumbline::client
