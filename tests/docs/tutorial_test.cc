// The tutorial of README.md, line by line: whatever it tells a reader to type is typed, and prints what it says.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/file.h"
#include "tests/common/process.h"
#include "tests/common/scratch.h"

namespace plumbline {
namespace {

constexpr char kExpects[] = "# -> ", kRefuses[] = "# refused -> ";

struct Line {
  std::string command;
  std::string expected;  // in what it prints; empty: anything
  bool refused = false;
};

// The lines of the blocks ```sh of one section.
std::vector<Line> Commands(const std::string& readme, const std::string& heading) {
  std::vector<Line> lines;
  bool in_section = false, in_block = false;
  for (const absl::string_view text : absl::StrSplit(readme, '\n')) {
    if (absl::StartsWith(text, "## ")) in_section = text == heading;
    if (absl::StartsWith(text, "```")) {
      in_block = text == "```sh";
    } else if (in_section && in_block) {
      const size_t comment = text.find("# ");
      Line line{.command = std::string(absl::StripTrailingAsciiWhitespace(text.substr(0, comment)))};
      if (comment != absl::string_view::npos) {
        absl::string_view rest = text.substr(comment);
        line.refused = absl::ConsumePrefix(&rest, kRefuses);
        EXPECT_TRUE(line.refused || absl::ConsumePrefix(&rest, kExpects)) << text;
        line.expected = std::string(rest);
      }
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

TEST(Tutorial, DoesWhatItSays) {
  const testing::ScratchDir scratch;
  std::filesystem::create_symlink(PLUMBLINE_SOURCE_DIR "/dev", scratch / "dev");
  const std::vector<Line> lines =
      Commands(testing::ReadAll(PLUMBLINE_SOURCE_DIR "/README.md"), "## Ten minutes with it");
  ASSERT_GE(lines.size(), 15u);
  // One shell for all of it, as a reader has; what each command prints goes to a file of its own.
  std::string script = absl::StrCat("cd ", scratch.path(), "\nexport PLUMBLINE_BIN=" PLUMBLINE_BIN "\n",
                                    "trap './dev reset >/dev/null 2>&1' EXIT\n");
  for (size_t i = 0; i < lines.size(); ++i) {
    absl::StrAppend(&script, "{ ", lines[i].command, "; } >", i, ".out 2>&1 </dev/null; echo $? >", i, ".code\n");
  }
  ASSERT_TRUE(WriteFileAtomically(scratch / "tutorial.sh", AsBytes(script), 0700).ok());
  EXPECT_EQ(testing::RunToEnd({"/bin/bash", scratch / "tutorial.sh"}, absl::Minutes(3)).code, 0);
  for (size_t i = 0; i < lines.size(); ++i) {
    SCOPED_TRACE(lines[i].command);
    const std::string printed = testing::ReadAll(scratch / absl::StrCat(i, ".out"));
    const std::string code = testing::ReadAll(scratch / absl::StrCat(i, ".code"));
    EXPECT_EQ(code == "0\n", !lines[i].refused) << "exit code " << code << printed;
    EXPECT_TRUE(absl::StrContains(printed, lines[i].expected)) << "expected: " << lines[i].expected << "\nprinted: " << printed;
  }
}

}  // namespace
}  // namespace plumbline
