// A device's locked store as its client would keep it, against the key server's desk.
#pragma once

#include "common/unlock/derivation.h"
#include "common/unlock/messages.h"
#include "common/unlock/store_header.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {

inline constexpr char kRightPassphrase[] = "the right passphrase";

struct LockedStore {
  Secret device_secret = Secret::Random(unlock::kDeviceSecretSize);
  identity::Fixed<16> salt = identity::RandomFixed<16>();
  uint32_t version = 0;
  std::optional<crypto::VoprfPublicKey> key;

  // What this store expects and the key server answered; the evaluation's output, if its proof holds.
  struct Guess {
    keys::v1::EvaluateResponse response;
    absl::StatusOr<Secret> output = absl::UnknownError("none");
  };
};

// k's last word: evaluated, and both keys derived.
absl::StatusOr<LockedStore::Guess> Evaluate(World& world, const TestDevice& device, const LockedStore& store,
                                            absl::string_view passphrase);
unlock::Keys KeysOf(const LockedStore& store, const LockedStore::Guess& guess);
keys::v1::ProveUnlockedRequest ProofOf(const TestDevice& device, const LockedStore& store, const LockedStore::Guess& guess);
absl::Status Prove(World& world, const TestDevice& device, const keys::v1::ProveUnlockedRequest& request);
// Evaluates, and proves it where the passphrase is the right one.
absl::Status Unlock(World& world, const TestDevice& device, const LockedStore& store, absl::string_view passphrase = kRightPassphrase);

absl::StatusOr<keys::v1::UnlockKeyView> Begin(World& world, TestDevice& device);
absl::Status Confirm(World& world, TestDevice& device, uint32_t version, ByteView proof_key, ByteView proof);
// A new unlock key under `passphrase`, in force. CHECKs that it succeeds.
LockedStore SetUpLock(World& world, TestDevice& device, absl::string_view passphrase = kRightPassphrase);
keys::v1::GetLockStateResponse LockState(World& world, const TestDevice& device);

}  // namespace plumbline::keyserver
