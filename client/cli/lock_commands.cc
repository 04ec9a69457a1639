// Commands about the lock of this device: unlock, lock, passphrase.
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "client/agent/agent.h"
#include "client/agent/agent_client.h"
#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/store/check_in_store.h"

namespace plumbline::client {

absl::Status UnlockCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const Home home, HomeOf(options));
  if (!home.exists()) return home.OpenSealed(Secret()).status();  // not_enrolled, before asking anything
  ASSIGN_OR_RETURN(const Secret passphrase, PassphraseFor(options, /*is_new=*/false));
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::OpenWith(options, passphrase, output));
  RETURN_IF_ERROR(session->Online().status());  // that this store is the newest
  ASSIGN_OR_RETURN(const identity::Fixed<16> checked_in, CheckInStore(session->store()).Last());
  const AgentState state{Secret::CopyOf(session->data_key().view()), checked_in, absl::Minutes(options.idle_minutes),
                         absl::Minutes(options.longest_minutes)};
  const std::string folder = std::filesystem::absolute(home.folder()).string();
  RETURN_IF_ERROR(StartAgent(folder, {"--home", folder, "agent"}, state));
  output.Value({{"unlocked", true}, {"idle_minutes", options.idle_minutes}, {"longest_minutes", options.longest_minutes}});
  output.Line(absl::StrCat("Unlocked: no command asks for the passphrase until ", options.idle_minutes,
                           " minutes pass without one, or until ",
                           absl::FormatTime("%H:%M", session->clock().Now() + state.longest, absl::LocalTimeZone()),
                           ". End it with `plumbline lock`."));
  return absl::OkStatus();
}

absl::Status LockCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const Home home, HomeOf(options));
  if (!home.exists()) return home.OpenSealed(Secret()).status();
  const bool was_unlocked = LockAgent(home.folder());
  output.Value({{"unlocked", false}, {"was_unlocked", was_unlocked}});
  output.Line(was_unlocked ? "Locked." : "Locked; it was before.");
  return absl::OkStatus();
}

absl::Status PassphraseCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const Home home, HomeOf(options));
  if (!home.exists()) return home.OpenSealed(Secret()).status();
  // The present one in any case: an unlocked device that was left alone must not get another passphrase.
  ASSIGN_OR_RETURN(const Secret present, PassphraseFor(options, /*is_new=*/false));
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::OpenWith(options, present, output));
  RETURN_IF_ERROR(session->Online().status());  // that this store is the newest: a copy's change would lock its original out
  ASSIGN_OR_RETURN(const Secret passphrase, NewPassphraseFor(options));
  RETURN_IF_ERROR(ChangeDevicePassphrase(home, session->self(), session->data_key(), passphrase, session->clock()));
  output.Value({{"changed", true}});
  output.Line("Changed. From now on the new passphrase alone opens this device; the former one opens nothing, not even a copy made before.");
  return absl::OkStatus();
}

absl::Status AgentCommand(const Options& options, Output&) {
  if (chdir("/") != 0) return absl::UnavailableError("the agent cannot leave its folder");
  return RunAgent(options.home, kAgentStart);
}

}  // namespace plumbline::client
