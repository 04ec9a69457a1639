// The commands of `plumbline`, one function each. They print their result; a refusal is returned and printed by main.
#pragma once

#include "client/cli/options.h"
#include "client/cli/output.h"
#include "common/status.h"

namespace plumbline::client {

absl::Status EnrolCommand(const Options& options, Output& output);
absl::Status DevicesCommand(const Options& options, Output& output);
absl::Status InviteDeviceCommand(const Options& options, Output& output);
absl::Status ApproveDeviceCommand(const Options& options, Output& output);
absl::Status RefuseDeviceCommand(const Options& options, Output& output);
absl::Status RemoveDeviceCommand(const Options& options, Output& output);
absl::Status SendCommand(const Options& options, Output& output);
absl::Status ReadCommand(const Options& options, Output& output);
absl::Status SyncCommand(const Options& options, Output& output);
absl::Status ListenCommand(const Options& options, Output& output);
absl::Status ChatCommand(const Options& options, Output& output);
absl::Status HistoryCommand(const Options& options, Output& output);
absl::Status ConversationsCommand(const Options& options, Output& output);
absl::Status VerifyCommand(const Options& options, Output& output);
absl::Status StatusCommand(const Options& options, Output& output);

}  // namespace plumbline::client
