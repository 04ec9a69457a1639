#include "client/cli/progress.h"

#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "client/terminal_text.h"

namespace plumbline::client {

Progress::Progress(Output& output, std::string what, Lines lines)
    : output_(output), what_(std::move(what)), lines_(lines), on_terminal_(!output.json() && isatty(STDERR_FILENO) != 0) {}

void Progress::Clear() {
  if (drawn_) std::fprintf(stderr, "\r\033[K");
  drawn_ = false;
  percent_ = -1;
}

void Progress::Show(uint64_t done, uint64_t total, const std::string& name, const std::string& conversation) {
  constexpr int kQuarter = 25;
  const int percent = static_cast<int>(total == 0 ? 100 : done * 100 / total);
  if (percent == percent_) return;
  const bool quarter = percent_ < 0 || percent / kQuarter != percent_ / kQuarter;
  percent_ = percent;
  nlohmann::json value = {{"kind", "progress"}, {"done", done}, {"total", total}};
  if (!name.empty()) value.update({{"file", Output::Safe(name)}, {"conversation", conversation}});
  output_.Value(value);
  const std::string file = name.empty() ? "" : absl::StrCat(" ", Output::Safe(name));
  if (lines_ == Lines::kMany) {
    if (quarter) output_.Aside(absl::StrCat(what_, file, ": ", percent, " % of ", FileSizeText(total)));
    return;
  }
  if (!on_terminal_) return;
  std::fprintf(stderr, "\r%s%s %3d %% of %s", what_.c_str(), file.c_str(), percent, FileSizeText(total).c_str());
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace plumbline::client
