#include "assess/demo/narrator.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace plumbline::assess {
namespace {

constexpr char kBold[] = "1", kGreen[] = "32", kRed[] = "31", kYellow[] = "33", kFaint[] = "2";

size_t Characters(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

std::string PadTo(const std::string& text, size_t width) {
  const size_t size = Characters(text);
  return size >= width ? text : text + std::string(width - size, ' ');
}

// The byte length of the first `width` characters.
size_t Prefix(const std::string& text, size_t width) {
  size_t at = 0;
  while (at < text.size() && width > 0) {
    ++at;
    while (at < text.size() && (static_cast<uint8_t>(text[at]) & 0xc0) == 0x80) ++at;
    --width;
  }
  return at;
}

size_t TerminalWidth() {
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) return std::min<size_t>(size.ws_col, 120);
  return 100;
}

}  // namespace

std::vector<std::string> Wrap(const std::string& text, size_t width) {
  std::vector<std::string> lines;
  std::string rest = text;
  while (Characters(rest) > width) {
    const size_t limit = Prefix(rest, width);
    size_t cut = rest.rfind(' ', limit);
    const bool at_space = cut != std::string::npos && cut > limit / 2;
    if (!at_space) cut = limit;
    lines.push_back(rest.substr(0, cut));
    rest = rest.substr(at_space ? cut + 1 : cut);
  }
  lines.push_back(rest);
  return lines;
}

Narrator::Narrator() : colour_(isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr), width_(TerminalWidth()) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
}

std::string Narrator::Styled(const std::string& text, const char* style) const {
  return colour_ ? absl::StrCat("\x1b[", style, "m", text, "\x1b[0m") : text;
}

void Narrator::Title(const std::string& text) { std::printf("\n%s\n", Styled(text, kBold).c_str()); }

void Narrator::Step(const std::string& letter, const std::string& text) {
  std::printf("\n%s\n", Styled(absl::StrCat(letter, "  ", text), kBold).c_str());
}

void Narrator::Say(const std::string& text) {
  for (const std::string& line : Wrap(text, width_ - 3)) std::printf("   %s\n", line.c_str());
}

void Narrator::Result(const Check& check) {
  const bool passed = check.outcome == Outcome::kPassed, failed = check.outcome == Outcome::kFailed;
  const std::string sign = passed ? Styled("✓", kGreen) : failed ? Styled("✕", kRed) : Styled("○", kYellow);
  const std::string word = passed ? "" : failed ? "FAILED: " : "NOT DEMONSTRATED: ";
  bool first = true;
  for (const std::string& line : Wrap(word + check.title, width_ - 5)) {
    std::printf("   %s %s\n", first ? sign.c_str() : " ", line.c_str());
    first = false;
  }
  if (check.detail.empty()) return;
  for (const std::string& line : Wrap(check.detail, width_ - 7)) std::printf("       %s\n", Styled(line, kFaint).c_str());
}

void Narrator::SideBySide(const View& left, const View& right) {
  const size_t column = (width_ - 8) / 2;
  std::vector<std::string> a, b;
  for (const std::string& line : left.lines) {
    for (std::string& part : Wrap(line, column)) a.push_back(std::move(part));
  }
  for (const std::string& line : right.lines) {
    for (std::string& part : Wrap(line, column)) b.push_back(std::move(part));
  }
  std::printf("\n     %s │ %s\n", Styled(PadTo(left.name, column), kBold).c_str(), Styled(right.name, kBold).c_str());
  std::string rule;
  for (size_t i = 0; i < column + 1; ++i) rule += "─";
  std::printf("     %s┼%s\n", rule.c_str(), rule.c_str());
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    std::printf("     %s │ %s\n", PadTo(i < a.size() ? a[i] : "", column).c_str(), i < b.size() ? b[i].c_str() : "");
  }
  std::printf("\n");
}

void Narrator::Verdict(const Assessment& assessment, const std::string& report) {
  size_t passed = 0;
  std::vector<std::string> failed, open;
  for (const Check& check : assessment.checks()) {
    passed += check.outcome == Outcome::kPassed;
    if (check.outcome == Outcome::kFailed) failed.push_back(check.title);
    if (check.outcome == Outcome::kNotDemonstrated) open.push_back(check.title);
  }
  const auto seconds = absl::StrCat(absl::ToInt64Milliseconds(assessment.took) / 100 / 10.0, " s");
  std::printf("\n%s\n", Styled(absl::StrCat(passed, " checks passed, ", failed.size(), " failed, ", open.size(),
                                            " not demonstrated, in ", seconds), kBold).c_str());
  for (const std::string& title : open) std::printf("   NOT DEMONSTRATED: %s\n", title.c_str());
  for (const std::string& title : failed) std::printf("   %s\n", Styled("FAILED: " + title, kRed).c_str());
  std::printf("Report: %s\n", report.c_str());
}

}  // namespace plumbline::assess
