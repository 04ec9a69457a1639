// How far the transfer of a file is: a line that rewrites itself on a terminal, or, where other things are printed meanwhile, a
// line for each quarter; with --json a value for each percent.
#pragma once

#include <string>

#include "client/cli/output.h"
#include "client/files/file_transfer.h"

namespace plumbline::client {

class Progress final {
 public:
  enum class Lines { kOne, kMany };
  // `what`: "Uploading".
  Progress(Output& output, std::string what, Lines lines = Lines::kOne);
  ~Progress() { Clear(); }

  // `name` and `conversation` of the file; empty where the command names them.
  void Show(uint64_t done, uint64_t total, const std::string& name = "", const std::string& conversation = "");
  FileProgress callback() {
    return [this](uint64_t done, uint64_t total) { Show(done, total); };
  }
  // The next file.
  void Clear();

 private:
  Output& output_;
  const std::string what_;
  const Lines lines_;
  const bool on_terminal_;
  int percent_ = -1;
  bool drawn_ = false;
};

}  // namespace plumbline::client
