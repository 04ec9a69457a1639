// Asking the person at the keyboard.
#pragma once

#include <string>

#include "common/secret.h"
#include "common/status.h"

namespace plumbline::admin {

// The passphrase from the file if `path` is not empty (rules of config::ReadPassphraseFile), otherwise typed
// without echo; `again` asks twice. FAILED_PRECONDITION no_terminal if there is neither a file nor a
// terminal.
absl::StatusOr<Secret> GetPassphrase(const std::string& path, const std::string& prompt, bool again);

// One line, shown as typed. FAILED_PRECONDITION no_terminal.
absl::StatusOr<std::string> AskLine(const std::string& prompt);

// True if the person types "y" or "yes". FAILED_PRECONDITION no_terminal: scripts say --yes.
absl::StatusOr<bool> AskYes(const std::string& prompt);

}  // namespace plumbline::admin
