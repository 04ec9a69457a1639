// What a person is called, beside the address: given by the administrator who makes the account, shown to everybody.
#pragma once

#include "absl/strings/string_view.h"
#include "common/status.h"

namespace plumbline::identity {

// INVALID_ARGUMENT, with the rule in plain words, unless `name` is 1 to kMaxDisplayName bytes that CheckText takes and that can
// pass for one name only:
//   - words with single spaces (U+0020) between them;
//   - nothing that is not seen (zero-width joiners only inside of scripts that need them, U+0600 to U+0DFF), and at most two
//     combining marks on one letter;
//   - letters of one of Latin, Greek, Cyrillic, Armenian and Cherokee, whose letters look alike (Unicode TR39, mixed scripts);
//   - no letters that only dress up as others: fullwidth, circled, mathematical.
absl::Status CheckDisplayName(absl::string_view name);

}  // namespace plumbline::identity
