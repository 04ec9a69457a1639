// A member who breaks the rules: a person's own device, opened with its passphrase in this process, that sends the delivery server
// what no honest client makes. What every member knows it knows, the key of the gate included.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "assess/demo/people.h"
#include "client/engine.h"
#include "client/home.h"
#include "client/net/open_device.h"
#include "common/clock.h"
#include "common/crypto/ed25519.h"

namespace plumbline::client {

// While it exists, the person's own program finds the store in use. Used from one thread.
class HostileMember final {
 public:
  explicit HostileMember(const assess::Person& person);
  ~HostileMember();

  // As the person's own client does it: messages, commits, Welcomes. False if it could not.
  bool Synchronise();

  using Outcome = delivery::v1::CommitOutcome::Outcome;
  // Moves the gate of the group that carries `name` now, with ...
  Outcome SendRandomBytes(const std::string& name);            // ... what is no change at all
  Outcome SendOtherGateKey(const std::string& name);           // ... a change that is one, and a key that it does not lead to
  Outcome SendForbiddenChange(const std::string& name);        // ... another name of the group
  Outcome SendSpoiledPath(const std::string& name, const std::string& victim);  // ... one whose path does not open for that person
  // Takes the next epoch with a change that every member accepts, as fast as it can. False if somebody else was faster.
  bool TakeEpoch(const std::string& name);

  // The state of the group as it is here now: for whoever is taken out later and remembers.
  struct Memory {
    identity::GroupHandle handle{};
    uint64_t epoch = 0;
    Secret gate_seed;
  };
  Memory Remember(const std::string& name);
  // A move of `epoch` under the key of a remembered epoch.
  Outcome SendUnderFormerKey(const Memory& memory, uint64_t epoch);

 private:
  struct Move {
    identity::GroupHandle handle{};
    uint64_t epoch = 0;
    const crypto::Ed25519KeyPair& key;
    Bytes sealed_commit;
    identity::PublicKey next_key{};
    identity::Hash read_token_hash{};
  };
  OpenGroup GroupOf(const std::string& name);
  Outcome Submit(const Move& move);
  // `next_key`: null for the one that the commit leads to.
  Outcome SubmitCommit(const OpenGroup& group, ByteView message, const mls::GroupView& next, const crypto::Ed25519PublicKey* next_key);

  const SystemClock clock_;
  const Home home_;
  OpenedDevice device_;
  std::unique_ptr<Stores> stores_;
  std::unique_ptr<GrpcNetwork> network_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace plumbline::client
