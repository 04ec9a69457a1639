// What the engine knows about its owner while it runs, made from the stored account.
#pragma once

#include <memory>
#include <string>

#include "client/authentication.h"
#include "client/store/account_store.h"
#include "common/crypto/ed25519.h"
#include "common/crypto/live_issuers.h"
#include "common/crypto/x509.h"
#include "mls/credential.h"
#include "mls/crypto/keys.h"

namespace plumbline::client {

// Outlives whatever refers to it; changed by UseCredential alone, in the thread of the engine.
class Self final {
 public:
  // DATA_LOSS if the account does not hold what Enrol wrote.
  static absl::StatusOr<std::unique_ptr<Self>> From(Account account);

  const std::string& user() const { return account_.user; }
  const std::string& domain() const { return domain_; }
  const identity::DeviceId& device() const { return account_.device_id; }
  const Account& account() const { return account_; }
  const crypto::Certificate& root() const { return root_; }
  // Which issuing authorities count no more, for connections: nothing is known of that until somebody says so here.
  const std::shared_ptr<crypto::LiveIssuers>& issuers() const { return issuers_; }
  // When the authority that issued this device's credential ends; InfiniteFuture unless it was replaced. DATA_LOSS.
  absl::StatusOr<absl::Time> IssuerEnds() const;
  const mls::Credential& credential() const { return credential_; }
  // From now on this device is known by a renewed credential, which the store has already. Both are DER.
  void UseCredential(Bytes certificate, Bytes issuing);
  const Authentication& authentication() const { return authentication_; }
  const Bytes& mls_public_key() const { return mls_public_key_; }
  mls::SignatureKeyPair mls_keys() const;
  const crypto::Ed25519KeyPair& working_key() const { return working_key_; }

 private:
  Self(Account account, std::string domain, crypto::Certificate root, crypto::Ed25519KeyPair working_key,
       Bytes mls_public_key);
  Account account_;
  const std::string domain_;
  const crypto::Certificate root_;
  const std::shared_ptr<crypto::LiveIssuers> issuers_ = std::make_shared<crypto::LiveIssuers>();
  const Authentication authentication_;
  const crypto::Ed25519KeyPair working_key_;
  const Bytes mls_public_key_;
  mls::Credential credential_;
};

// "bob" for mimi://example.org/u/bob within example.org, else the whole URI. For people.
std::string ShortName(absl::string_view user, absl::string_view domain);

}  // namespace plumbline::client
