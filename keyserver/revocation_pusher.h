// Carries revocations from the queue to the delivery server, in order, until each is confirmed: at
// once when somebody leaves, and again and again while the delivery server does not answer. Knows
// no gRPC.
#pragma once

#include <thread>

#include "absl/time/time.h"
#include "common/crypto/ed25519.h"
#include "common/log.h"
#include "common/mutex.h"
#include "keyserver/store/departure_store.h"

namespace plumbline::keyserver {

// The connection to the delivery server. Used from one thread.
class RevocationSender {
 public:
  virtual ~RevocationSender() = default;
  // A canonical identity::Revocation and the grants role's signature over it; the last sequence
  // that the delivery server has carried out. Any failure: try again later.
  virtual absl::StatusOr<uint64_t> Send(ByteView revocation, ByteView signature) = 0;
  // An encoded SignedOrganisationKeys. FAILED_PRECONDITION if the delivery server knows a newer one; else try again later.
  virtual absl::Status SendKeys(ByteView organisation_keys) = 0;
};

// A thread of its own from construction to destruction. Thread-safe. References outlive it.
class RevocationPusher final {
 public:
  // Without a `sender` nothing is ever pushed. `organisation_keys` are told first, and again and again; empty: there are none.
  RevocationPusher(DepartureStore& store, std::unique_ptr<RevocationSender> sender,
                   const crypto::Ed25519Signer& grants_key, Bytes organisation_keys, Logger& logger);
  ~RevocationPusher();
  RevocationPusher(const RevocationPusher&) = delete;
  RevocationPusher& operator=(const RevocationPusher&) = delete;

  bool configured() const { return sender_ != nullptr; }
  // Something new is in the queue. Returns when all that was there has been confirmed, or
  // `patience` is over.
  void PushAndWait(absl::Duration patience) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  // Which keys count, for the revocations are signed by one of them.
  absl::Status Announce();
  // Pushes until nothing is pending.
  absl::Status Drain();
  // Offers the newest one again: a delivery server that was restored from a backup says that it
  // lacks it.
  absl::Status Probe();
  absl::StatusOr<uint64_t> Send(const QueuedRevocation& revocation);
  void Report(const absl::Status& status);

  DepartureStore& store_;
  const std::unique_ptr<RevocationSender> sender_;
  const crypto::Ed25519Signer& grants_key_;
  const Bytes organisation_keys_;
  Logger& logger_;
  bool failing_ = false;  // of the thread alone, as the next
  bool keys_refused_ = false;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t asked_ ABSL_GUARDED_BY(mutex_) = 0;    // grows with each PushAndWait
  uint64_t settled_ ABSL_GUARDED_BY(mutex_) = 0;  // all asked for up to here is confirmed
  std::thread thread_;
};

}  // namespace plumbline::keyserver
