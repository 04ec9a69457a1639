// A command's working set: the unlocked store, the account, the network, the engine.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "client/agent/agent_state.h"
#include "client/cli/options.h"
#include "client/cli/output.h"
#include "client/devices_network.h"
#include "client/engine.h"
#include "client/home.h"
#include "client/net/grpc_network.h"
#include "client/net/open_device.h"
#include "client/network.h"
#include "client/stores.h"
#include "common/clock.h"

namespace plumbline::client {

// ~/.plumbline unless another folder is given. FAILED_PRECONDITION home_unknown without $HOME.
absl::StatusOr<Home> HomeOf(const Options& options);

// From the file given, or asked for on the terminal (twice if it is new). FAILED_PRECONDITION passphrase_missing without a
// terminal; otherwise as config::ReadPassphraseFile.
absl::StatusOr<Secret> PassphraseFor(const Options& options, bool is_new);

// Another one than the present: from the file given, or asked for twice. Codes as PassphraseFor.
absl::StatusOr<Secret> NewPassphraseFor(const Options& options);

// libsodium's "interactive" cost: about 0.1 s and 64 MiB a guess.
inline constexpr crypto::SealCost kQuickUnlock{2, 64 * 1024};
inline crypto::SealCost CostFor(const Options& options) { return options.quick_unlock ? kQuickUnlock : crypto::SealCost(); }

class Session;
// The conversation of "bob" or "group:Planning", from the store alone. Codes as Engine::FindGroup and ParseUserName.
absl::StatusOr<std::string> ConversationTyped(Session& session, const std::string& typed);

// The members are used in their order and destroyed in reverse.
class Session final {
 public:
  // Opens the store: by the agent if there is one, else with the passphrase. NOT_FOUND not_enrolled; otherwise as OpenDevice. Also tells
  // `output` who this is.
  static absl::StatusOr<std::unique_ptr<Session>> Open(const Options& options, Output& output);
  // With this passphrase, whether there is an agent or not.
  static absl::StatusOr<std::unique_ptr<Session>> OpenWith(const Options& options, const Secret& passphrase, Output& output);

  Store& store() { return *store_; }
  Stores& stores() { return *stores_; }
  const Self& self() const { return *self_; }
  const Home& home() const { return home_; }
  const Clock& clock() const { return clock_; }

  // The engine, with the network. Asks the key server first whether this store is the newest state of its device and the only one;
  // while it is away, only what the agent has seen since then counts as that. Renews the certificates when their time has come.
  // FAILED_PRECONDITION tls_files, store_copied, store_rolled_back; UNAVAILABLE; the key server's refusals of a device.
  absl::StatusOr<Engine*> Online();
  // After Online(): the same renewal, for a command that stays online; what follows shows the new certificates. All are tried; the
  // first failure is told. Codes as RenewDeviceCertificate, Supplies::RenewCredential and RenewUnlockCertificate, and tls_files.
  absl::Status RenewCertificates();
  // After Online().
  Network& network() { return *network_; }
  // What the store is encrypted under.
  const Secret& data_key() const { return data_key_; }
  // As the agent said; none if the passphrase was asked for.
  const std::optional<AgentState>& agent() const { return agent_; }
  // The key server's rpcs about this person's devices. FAILED_PRECONDITION tls_files.
  absl::StatusOr<std::unique_ptr<DevicesNetwork>> ConnectDevices() const;

 private:
  explicit Session(Home home) : home_(std::move(home)) {}
  absl::Status Take(OpenedDevice opened, Output& output);
  absl::Status CheckIn();
  // Once a day: whether the services still say what its owner agreed to.
  absl::Status AskForNotice();
  absl::Status RenewOwnCertificate();
  absl::Status RenewForUnlocking();
  absl::Status RenewCredential();
  // For its owner, if renewal has failed for long.
  absl::Status WarnOfCredential();

  const Home home_;
  const SystemClock clock_;
  Output* output_ = nullptr;  // of the command
  std::optional<AgentState> agent_;
  Secret data_key_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Stores> stores_;
  std::unique_ptr<Self> self_;
  std::unique_ptr<GrpcNetwork> network_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace plumbline::client
