#include "doctor/words.h"

#include "absl/strings/str_cat.h"

namespace plumbline::doctor {

std::string AgeText(absl::Duration duration) {
  const int64_t seconds = absl::ToInt64Seconds(absl::AbsDuration(duration));
  const auto say = [](int64_t number, const char* unit) {
    return absl::StrCat(number, " ", unit, number == 1 ? "" : "s");
  };
  if (seconds >= 3 * 86400) return say(seconds / 86400, "day");
  if (seconds >= 2 * 3600) return say(seconds / 3600, "hour");
  if (seconds >= 2 * 60) return say(seconds / 60, "minute");
  return say(seconds, "second");
}

}  // namespace plumbline::doctor
