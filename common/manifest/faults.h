// What is wrong with the declarations: all of it, so that one build tells everything.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace plumbline::manifest {

struct Faults {
  void Add(absl::string_view where, absl::string_view what) { lines.push_back(absl::StrCat("metadata: ", where, ": ", what)); }
  std::vector<std::string> lines;
};

}  // namespace plumbline::manifest
