// Base 64 of RFC 4648 §4, strictly: padded, no white space, unused bits zero.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::tlog {

std::string ToBase64(ByteView bytes);
// INVALID_ARGUMENT unless `text` is what ToBase64 makes of the result.
absl::StatusOr<Bytes> FromBase64(absl::string_view text);

}  // namespace plumbline::tlog
