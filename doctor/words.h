// How long something lasts or is ago, as people say it.
#pragma once

#include <string>

#include "absl/time/time.h"

namespace plumbline::doctor {

// "3 days", "26 hours", "4 minutes", "12 seconds"; of a negative duration its length.
std::string AgeText(absl::Duration duration);

}  // namespace plumbline::doctor
