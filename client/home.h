// The folder a person's client lives in:
//   store.header      what stands before the store (client/unlock/header_file.h): with the passphrase and the key server's answer it
//                     gives the store's random data key; 0600
//   store.db          everything else, encrypted under that key (client/store/store.h)
//   tls.key, tls.crt  the device's TLS identity, outside the store and therefore worth little (docs/protocols/identity.md)
//   unlock.crt        its certificate for unlocking alone (client/unlock/unlock_certificate.h)
//   agent.sock        while the device is unlocked for the commands to come (client/agent/agent.h)
// Until the device is enrolled, and its unlock key in force, there is instead of store.header:
//   store.key         another data key, sealed under the passphrase (common/crypto/sealed_file.h), 0600
// and on the way from one to the other (TakeOver):
//   store.next        the store's copy under the header's key
//   store.key.old     what is left of store.key
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/crypto/sealed_file.h"
#include "common/secret.h"
#include "common/status.h"
#include "client/store/store.h"

namespace plumbline::client {

class Home final {
 public:
  explicit Home(std::string folder) : folder_(std::move(folder)) {}

  const std::string& folder() const { return folder_; }
  std::string header_path() const { return folder_ + "/store.header"; }
  std::string key_path() const { return folder_ + "/store.key"; }
  std::string store_path() const { return folder_ + "/store.db"; }
  std::string tls_key_path() const { return folder_ + "/tls.key"; }
  std::string tls_certificate_path() const { return folder_ + "/tls.crt"; }
  std::string unlock_certificate_path() const { return folder_ + "/unlock.crt"; }
  std::string agent_path() const { return folder_ + "/agent.sock"; }

  // True if there is a store: from then on the passphrase is fixed.
  bool exists() const { return locked() || sealed(); }
  // It opens with the passphrase alone.
  bool sealed() const;
  // It opens with the key server's help alone.
  bool locked() const;

  // Makes the folder (0700), a random data key, and an empty store. The key file is written last but one, so a crash leaves
  // nothing that cannot be made again. ALREADY_EXISTS store_exists; INVALID_ARGUMENT passphrase_weak; UNAVAILABLE.
  absl::StatusOr<std::unique_ptr<Store>> Create(const Secret& passphrase, const crypto::SealCost& cost) const;

  // A sealed one. NOT_FOUND not_enrolled; PERMISSION_DENIED passphrase_wrong; FAILED_PRECONDITION store_in_use, store_key_mismatch,
  // store_too_new; DATA_LOSS store_damaged. Each message says what to do.
  absl::StatusOr<std::unique_ptr<Store>> OpenSealed(const Secret& passphrase) const;

  // A locked one, with what its header gave (32 bytes); a take-over that was broken off is completed first. NOT_FOUND not_enrolled;
  // otherwise as OpenSealed.
  absl::StatusOr<std::unique_ptr<Store>> OpenUnlocked(const Secret& data_key) const;

  // Makes a sealed store a locked one whose header, which is on disk, gives `data_key`: everything is encrypted anew under it, and
  // what the passphrase alone opened is overwritten. Whatever moment this is broken off at, the store is either still sealed, or
  // locked and opened by OpenUnlocked. Codes as there.
  absl::StatusOr<std::unique_ptr<Store>> TakeOver(std::unique_ptr<Store> store, const Secret& data_key) const;

 private:
  std::string next_path() const { return folder_ + "/store.next"; }
  std::string old_key_path() const { return folder_ + "/store.key.old"; }
  absl::StatusOr<std::unique_ptr<Store>> OpenStore(const db::Key& key, bool create, const std::string& opened_by) const;
  absl::StatusOr<std::unique_ptr<Store>> FinishTakeOver(const db::Key& key) const;
  absl::Status NothingHere() const;
  std::string folder_;
};

}  // namespace plumbline::client
