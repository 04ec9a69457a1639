// The folder a person's client lives in:
//   store.key         the store's random data key, sealed under the passphrase (common/crypto/sealed_file.h), 0600
//   store.db          everything else, encrypted under that key (client/store/store.h)
//   tls.key, tls.crt  the device's TLS identity, outside the store and therefore worth little (docs/protocols/identity.md)
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
  std::string key_path() const { return folder_ + "/store.key"; }
  std::string store_path() const { return folder_ + "/store.db"; }
  std::string tls_key_path() const { return folder_ + "/tls.key"; }
  std::string tls_certificate_path() const { return folder_ + "/tls.crt"; }

  // True if there is a store key: from then on the passphrase is fixed.
  bool exists() const;

  // Makes the folder (0700), a random data key, and an empty store. The key file is written last but one, so a crash leaves
  // nothing that cannot be made again. ALREADY_EXISTS store_exists; INVALID_ARGUMENT passphrase_weak; UNAVAILABLE.
  absl::StatusOr<std::unique_ptr<Store>> Create(const Secret& passphrase, const crypto::SealCost& cost) const;

  // NOT_FOUND not_enrolled; PERMISSION_DENIED passphrase_wrong; FAILED_PRECONDITION store_in_use, store_key_mismatch,
  // store_too_new; DATA_LOSS store_damaged. Each message says what to do.
  absl::StatusOr<std::unique_ptr<Store>> Open(const Secret& passphrase) const;

 private:
  absl::StatusOr<std::unique_ptr<Store>> OpenStore(const db::Key& key, bool create) const;
  std::string folder_;
};

}  // namespace plumbline::client
