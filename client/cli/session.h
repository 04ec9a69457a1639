// A command's working set: the unlocked store, the account, the network, the engine.
#pragma once

#include <memory>
#include <string>

#include "client/cli/options.h"
#include "client/cli/output.h"
#include "client/devices_network.h"
#include "client/engine.h"
#include "client/home.h"
#include "client/net/grpc_network.h"
#include "client/network.h"
#include "client/stores.h"
#include "common/clock.h"

namespace plumbline::client {

// ~/.plumbline unless another folder is given. FAILED_PRECONDITION home_unknown without $HOME.
absl::StatusOr<Home> HomeOf(const Options& options);

// From the file given, or asked for on the terminal (twice if it is new). FAILED_PRECONDITION passphrase_missing without a
// terminal; otherwise as config::ReadPassphraseFile.
absl::StatusOr<Secret> PassphraseFor(const Options& options, bool is_new);

class Session;
// The conversation of "bob" or "group:Planning", from the store alone. Codes as Engine::FindGroup and ParseUserName.
absl::StatusOr<std::string> ConversationTyped(Session& session, const std::string& typed);

// The members are used in their order and destroyed in reverse.
class Session final {
 public:
  // Unlocks the store. NOT_FOUND not_enrolled; otherwise as Home::Open. Also tells `output` who this is.
  static absl::StatusOr<std::unique_ptr<Session>> Open(const Options& options, Output& output);

  Stores& stores() { return *stores_; }
  const Self& self() const { return *self_; }
  const Home& home() const { return home_; }
  const Clock& clock() const { return clock_; }

  // The engine, with the network. Renews the TLS certificate when its time has come. FAILED_PRECONDITION tls_files if the
  // TLS identity cannot be read.
  absl::StatusOr<Engine*> Online();
  // After Online(): the same renewal, for a command that stays online; what follows shows the new certificate. Codes as
  // Supplies::RenewCertificate, and tls_files.
  absl::Status RenewCertificate();
  // After Online().
  Network& network() { return *network_; }
  // The key server's rpcs about this person's devices. FAILED_PRECONDITION tls_files.
  absl::StatusOr<std::unique_ptr<DevicesNetwork>> ConnectDevices() const;

 private:
  explicit Session(Home home) : home_(std::move(home)) {}
  absl::StatusOr<NetworkOptions> Addresses() const;

  const Home home_;
  const SystemClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Stores> stores_;
  std::unique_ptr<Self> self_;
  std::unique_ptr<GrpcNetwork> network_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace plumbline::client
