// A QR code for a terminal.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/status.h"

namespace plumbline::client {

// Lines of half blocks (U+2580, U+2584, U+2588), two modules to a character, with a quiet zone. Light modules are drawn, dark
// ones left blank: right on a dark terminal; readers also take it inverted. INVALID_ARGUMENT if the text is too long.
absl::StatusOr<std::string> TerminalQr(absl::string_view text);

}  // namespace plumbline::client
