// The commands of `plumbline`, one function each. They print their result; a refusal is returned and printed by main.
#pragma once

#include "client/cli/options.h"
#include "client/cli/output.h"
#include "common/status.h"

namespace plumbline::client {

absl::Status EnrolCommand(const Options& options, Output& output);
absl::Status SendCommand(const Options& options, Output& output);
absl::Status ReadCommand(const Options& options, Output& output);
absl::Status SyncCommand(const Options& options, Output& output);
absl::Status ListenCommand(const Options& options, Output& output);
absl::Status ChatCommand(const Options& options, Output& output);
absl::Status HistoryCommand(const Options& options, Output& output);
absl::Status ConversationsCommand(const Options& options, Output& output);
absl::Status VerifyCommand(const Options& options, Output& output);
absl::Status GroupCreateCommand(const Options& options, Output& output);
absl::Status GroupAddCommand(const Options& options, Output& output);
absl::Status GroupRemoveCommand(const Options& options, Output& output);
absl::Status GroupPromoteCommand(const Options& options, Output& output);
absl::Status GroupDemoteCommand(const Options& options, Output& output);
absl::Status GroupRenameCommand(const Options& options, Output& output);
absl::Status GroupRenewCommand(const Options& options, Output& output);
absl::Status GroupLeaveCommand(const Options& options, Output& output);
absl::Status GroupShowCommand(const Options& options, Output& output);
absl::Status StatusCommand(const Options& options, Output& output);

}  // namespace plumbline::client
