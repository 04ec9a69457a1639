// An intent in words. What is shown is read back from the very bytes that are signed, never from what the
// tool meant.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::admin {

struct DescribedField {
  std::string name;  // "action", "person", "because"
  std::string value;
};

// Every field of the intent; two intents that differ anywhere differ in the description. The last field,
// "intent", is the SHA-256 of `intent` in hex, as the audit records of both services show it.
// INVALID_ARGUMENT if it does not parse.
absl::StatusOr<std::vector<DescribedField>> DescribeIntent(ByteView intent);

// One line for each field, aligned.
std::string ToText(const std::vector<DescribedField>& description);

// `text` if it can be shown as it is, otherwise with everything but printable ASCII escaped: for text from
// elsewhere.
std::string Printable(absl::string_view text);

// 2026-11-23 22:10:05 UTC
std::string ShowTime(uint64_t unix_seconds);

}  // namespace plumbline::admin
