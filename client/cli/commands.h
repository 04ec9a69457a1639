// The commands of `plumbline`, one function each. They print their result; a refusal is returned and printed by main.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "client/cli/options.h"
#include "client/cli/output.h"
#include "common/status.h"

namespace plumbline::client {

absl::Status EnrolCommand(const Options& options, Output& output);
// What the services do with data about this person, and whether they agreed to it.
absl::Status NoticeCommand(const Options& options, Output& output);
absl::Status UnlockCommand(const Options& options, Output& output);
absl::Status LockCommand(const Options& options, Output& output);
absl::Status PassphraseCommand(const Options& options, Output& output);
// Not for people: what UnlockCommand starts.
absl::Status AgentCommand(const Options& options, Output& output);
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
absl::Status EvidenceCommand(const Options& options, Output& output);

// What became of a message: {"id", "conversation", "state"}; and why it is not away, with the remedy.
nlohmann::json OutcomeJson(const SendOutcome& outcome, const std::string& user);
absl::Status NotYetSent(const SendOutcome& outcome);

// What a person should know of those a message is for, before it goes: printed, remembered as shown, and put into `result`.
// FAILED_PRECONDITION devices_changed if somebody verified has other devices now, unless `accept_changes`.
absl::Status ShowPeople(Engine& engine, const Target& target, const std::vector<PersonView>& people, bool accept_changes,
                        Output& output, nlohmann::json& result);

}  // namespace plumbline::client
