// Text from other people on its way to a terminal.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace plumbline::client {

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(absl::string_view text);

// `text` with everything that could command a terminal or turn what follows made visible: control characters but line feed
// and tab (U+0000..U+001F, U+007F..U+009F), direction marks (U+200E, U+200F, U+202A..U+202E, U+2066..U+2069, U+061C) and malformed
// UTF-8 become U+FFFD. `multiline` false also replaces line feeds, tabs and the separators U+2028 and U+2029.
std::string ForTerminal(absl::string_view text, bool multiline);

}  // namespace plumbline::client
