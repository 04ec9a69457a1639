// The commands of `plumbline`, one function each. They print their result; a refusal is returned and printed by main.
#pragma once

#include "client/cli/options.h"
#include <nlohmann/json_fwd.hpp>

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
absl::Status StatusCommand(const Options& options, Output& output);

// What became of a message: {"id", "conversation", "state"}; and why it is not away, with the remedy.
nlohmann::json OutcomeJson(const SendOutcome& outcome, const std::string& user);
absl::Status NotYetSent(const SendOutcome& outcome);

}  // namespace plumbline::client
