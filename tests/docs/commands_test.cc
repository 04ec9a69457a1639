// Man pages, shell completion and the index of the protocol against what the programs and proto/ have: every verb,
// option and rpc is there, and none that is not.
#include <gmock/gmock.h>

#include <filesystem>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/common/process.h"

namespace plumbline {
namespace {

using Words = std::set<std::string>;

// One command as its --help describes it: "account create" with its own options; those of the program itself have no path.
struct Help {
  std::vector<std::string> path;
  Words verbs, options;
};

Help Ask(const std::string& program, const std::vector<std::string>& path) {
  std::vector<std::string> line = {absl::StrCat(PLUMBLINE_BIN "/", program)};
  line.insert(line.end(), path.begin(), path.end());
  line.push_back("--help");
  const testing::Finished help = testing::RunToEnd(line);
  EXPECT_EQ(help.code, 0) << absl::StrJoin(line, " ");
  Help out{.path = path};
  bool verbs = false;
  for (const absl::string_view text : absl::StrSplit(help.out, '\n')) {
    if (!absl::StartsWith(text, "  ")) verbs = text == "Subcommands:";
    if (!absl::StartsWith(text, "  ") || absl::StartsWith(text, "   ")) continue;
    const std::string first = std::vector<std::string>(absl::StrSplit(text.substr(2), ' ')).front();
    if (verbs) out.verbs.insert(first);
    const size_t dashes = first.find("--");
    if (!verbs && dashes != std::string::npos) out.options.insert(first.substr(dashes));
  }
  return out;
}

// The program and everything below it.
std::vector<Help> AskAll(const std::string& program) {
  std::vector<Help> all = {Ask(program, {})};
  for (size_t i = 0; i < all.size(); ++i) {
    for (const std::string& verb : Words(all[i].verbs)) {
      std::vector<std::string> path = all[i].path;
      path.push_back(verb);
      all.push_back(Ask(program, path));
    }
  }
  return all;
}

struct Described {
  Words verbs, options;
};

// Of a page in mdoc: `.It Cm a b ...` and `Cm` elsewhere name verbs, `Fl -x` an option.
Described ReadPage(const std::string& page) {
  Described described;
  const std::string text = testing::ReadAll(absl::StrCat(PLUMBLINE_SOURCE_DIR "/docs/man/", page));
  EXPECT_NE(text, "") << page;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::StartsWith(line, ".")) continue;
    std::string macro;
    for (const absl::string_view word : absl::StrSplit(line, absl::ByAnyChar(" |"), absl::SkipEmpty())) {
      const bool is_macro = word.size() == 2 && absl::ascii_isupper(static_cast<unsigned char>(word[0]));
      if (is_macro || word[0] == '.') {
        macro = std::string(word[0] == '.' ? word.substr(1) : word);
      } else if (macro == "Fl" && word[0] == '-') {
        described.options.insert(absl::StrCat("-", word));
      } else if (macro == "Cm" && absl::ascii_islower(static_cast<unsigned char>(word[0]))) {
        described.verbs.insert(std::string(word));
      }
    }
  }
  return described;
}

void ExpectPages(const std::string& program, const std::vector<std::string>& pages) {
  Described described, real;
  for (const std::string& page : pages) {
    const Described one = ReadPage(page);
    described.verbs.insert(one.verbs.begin(), one.verbs.end());
    described.options.insert(one.options.begin(), one.options.end());
  }
  for (const Help& help : AskAll(program)) {
    real.verbs.insert(help.verbs.begin(), help.verbs.end());
    real.options.insert(help.options.begin(), help.options.end());
  }
  for (const char* everywhere : {"--help", "--version"}) {
    described.options.erase(everywhere);
    real.options.erase(everywhere);
  }
  EXPECT_GT(real.verbs.size(), 1u);
  EXPECT_THAT(described.verbs, ::testing::ContainerEq(real.verbs)) << "docs/man/" << absl::StrJoin(pages, ", ");
  EXPECT_THAT(described.options, ::testing::ContainerEq(real.options)) << "docs/man/" << absl::StrJoin(pages, ", ");
}

TEST(ManPages, DescribeEveryVerbAndOptionOfTheClient) { ExpectPages("plumbline", {"plumbline.1"}); }
TEST(ManPages, DescribeEveryVerbAndOptionOfTheAdministratorsTool) {
  ExpectPages("plumbline-admin", {"plumbline-admin.1", "plumbline-admin.8"});
}
TEST(ManPages, DescribeEveryVerbAndOptionOfTheKeyServer) { ExpectPages("plumbline-keyserver", {"plumbline-keyserver.8"}); }
TEST(ManPages, DescribeEveryVerbAndOptionOfTheDeliveryServer) { ExpectPages("plumbline-server", {"plumbline-server.8"}); }
TEST(ManPages, DescribeEveryVerbAndOptionOfTheWitness) { ExpectPages("plumbline-witness", {"plumbline-witness.8"}); }
TEST(ManPages, DescribeEveryVerbAndOptionOfTheAuditor) { ExpectPages("plumbline-auditor", {"plumbline-auditor.1"}); }

// What the shell offers after `line`.
Words Offered(const std::vector<std::string>& line) {
  std::string words;
  for (const std::string& word : line) absl::StrAppend(&words, " '", word, "'");
  const testing::Finished shell = testing::RunToEnd(
      {"/bin/bash", "-c",
       absl::StrCat("PATH=" PLUMBLINE_BIN ":$PATH; . " PLUMBLINE_SOURCE_DIR "/deploy/completion/plumbline; COMP_WORDS=(", words,
                    "); COMP_CWORD=", line.size() - 1, "; _plumbline; printf '%s\\n' \"${COMPREPLY[@]}\"")});
  EXPECT_EQ(shell.err, "");
  return Words(absl::StrSplit(shell.out, '\n', absl::SkipEmpty()));
}

TEST(Completion, OffersEveryVerbAndOptionThatTheProgramHas) {
  for (const std::string program : {"plumbline", "plumbline-admin", "plumbline-keyserver", "plumbline-server", "plumbline-witness", "plumbline-auditor"}) {
    const std::vector<Help> all = AskAll(program);
    for (const Help& help : all) {
      std::vector<std::string> line = {program};
      line.insert(line.end(), help.path.begin(), help.path.end());
      SCOPED_TRACE(absl::StrJoin(line, " "));
      line.push_back("");
      EXPECT_THAT(Offered(line), ::testing::ContainerEq(help.verbs));
      Words options = help.options;
      options.insert(all.front().options.begin(), all.front().options.end());
      line.back() = "--";
      EXPECT_THAT(Offered(line), ::testing::ContainerEq(options));
    }
  }
}

TEST(Completion, StepsOverOptionsAndTheirValuesAndKnowsBeginnings) {
  EXPECT_EQ(Offered({"plumbline-admin", "--home", "account", "--json", "acc"}), Words({"account"}));
  EXPECT_EQ(Offered({"plumbline-admin", "account", "suspend", "--reason", "list", "--rea"}), Words({"--reason"}));
  EXPECT_EQ(Offered({"plumbline", "--pass"}), Words({"--passphrase-file"}));
  EXPECT_EQ(Offered({"plumbline", "--home", ""}), Words());  // the shell's own: files
  EXPECT_EQ(Offered({"no-such-program", ""}), Words());
}

TEST(ProtocolIndex, NamesEveryServiceAndRpc) {
  const std::string index = testing::ReadAll(PLUMBLINE_SOURCE_DIR "/docs/protocol.md");
  int found = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(PLUMBLINE_SOURCE_DIR "/proto")) {
    if (file.path().extension() != ".proto") continue;
    for (absl::string_view line : absl::StrSplit(testing::ReadAll(file.path()), '\n')) {
      line = absl::StripLeadingAsciiWhitespace(line);
      if (!absl::ConsumePrefix(&line, "rpc ") && !absl::ConsumePrefix(&line, "service ")) continue;
      const std::string name(line.substr(0, line.find_first_of("( {")));
      EXPECT_TRUE(absl::StrContains(index, absl::StrCat("`", name, "`"))) << name << " of " << file.path();
      ++found;
    }
  }
  EXPECT_GT(found, 20);
}

}  // namespace
}  // namespace plumbline
