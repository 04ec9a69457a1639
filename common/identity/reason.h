// How a refusal is worded: "<reason_id>: <cause and remedy>" (docs/protocols/errors.md). Machines branch on
// the id.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace plumbline::identity {

// A status whose message is "<reason_id>: <text>".
absl::Status Refuse(absl::StatusCode code, absl::string_view reason_id, absl::string_view text);

// The reason id of a refusal: the message up to the first ": " if that is one word of a-z, 0-9 and _; else
// empty.
std::string ReasonOf(const absl::Status& status);
// The message without its reason id.
std::string TextOf(const absl::Status& status);

}  // namespace plumbline::identity
