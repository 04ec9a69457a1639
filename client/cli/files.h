// The commands for files (client/files/files.h).
#pragma once

#include "client/cli/options.h"
#include "client/cli/output.h"
#include "client/cli/session.h"
#include "common/status.h"

namespace plumbline::client {

absl::Status SendFileCommand(const Options& options, Output& output);
absl::Status FilesCommand(const Options& options, Output& output);
absl::Status SaveCommand(const Options& options, Output& output);
absl::Status TakeBackCommand(const Options& options, Output& output);

// type "/" subtype, printable ASCII without spaces, at most 127 bytes.
bool IsMediaType(absl::string_view text);

}  // namespace plumbline::client
