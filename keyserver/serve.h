// The running key server: opens its keys, listens, serves until it is told to stop.
#pragma once

#include <memory>
#include <string>

#include "common/clock.h"
#include "common/log.h"
#include "common/status.h"
#include "common/rpc/live_identity.h"
#include "keyserver/key_ring.h"

namespace plumbline::config::v1 {
class KeyserverConfig;
}

namespace plumbline::keyserver {

// A key server that serves from Start to destruction. Needs PinTls13() before. Used by main and by tests
// alike.
class Keyserver final {
 public:
  // `live` is empty; from here on it shows the key server's own certificate. FAILED_PRECONDITION wrong_domain,
  // own_certificate_unusable, address_in_use; codes as db::Database::Open.
  // `clock` and `logger` outlive it.
  static absl::StatusOr<std::unique_ptr<Keyserver>> Start(const config::v1::KeyserverConfig& config,
                                                          KeyRing keys, std::unique_ptr<rpc::LiveIdentity> live,
                                                          const Clock& clock, Logger& logger);
  ~Keyserver();  // as Stop
  int anonymous_port() const;
  int device_port() const;
  int admin_port() const;
  // Refuses new calls, lets running ones end (5 s), records the stop. Idempotent.
  absl::Status Stop();

 private:
  struct Parts;
  explicit Keyserver(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// Reads the configuration, unseals the keys, serves until SIGTERM or SIGINT. Call before any other thread
// exists.
absl::Status Serve(const std::string& config_file);

}  // namespace plumbline::keyserver
