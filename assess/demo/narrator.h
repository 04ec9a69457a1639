// What the demonstration prints for people.
#pragma once

#include <string>
#include <vector>

#include "assess/report/assessment.h"

namespace plumbline::assess {

// Writes to standard output. Colour only on a terminal (and not where NO_COLOR is set); every result has a sign and words.
class Narrator {
 public:
  Narrator();
  void Title(const std::string& text);
  void Step(const std::string& letter, const std::string& text);
  void Say(const std::string& text);
  void Result(const Check& check);
  // Two columns: what somebody sees beside what a service stores.
  void SideBySide(const View& left, const View& right);
  void Verdict(const Assessment& assessment, const std::string& report);

 private:
  std::string Styled(const std::string& text, const char* style) const;
  bool colour_;
  size_t width_;
};

// `text` in lines of at most `width` characters (UTF-8), broken at spaces where there are any.
std::vector<std::string> Wrap(const std::string& text, size_t width);

}  // namespace plumbline::assess
