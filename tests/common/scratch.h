// A directory of its own for one test, removed with all it holds.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "common/check.h"

namespace plumbline::testing {

class ScratchDir final {
 public:
  ScratchDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "plumbline-test-XXXXXX").string();
    CHECK(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~ScratchDir() { std::filesystem::remove_all(path_); }
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace plumbline::testing
