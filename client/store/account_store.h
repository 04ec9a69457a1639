// Who this device is: its keys and whom it trusts.
#pragma once

#include <optional>
#include <string>

#include "client/store/store.h"
#include "common/identity/fixed.h"
#include "common/secret.h"

namespace plumbline::client {

struct PendingEnrolment {
  std::string invitation;  // text
  Secret working_seed;     // 32 bytes, Ed25519
  Secret mls_seed;         // 32 bytes, Ed25519
};

struct Account {
  std::string user;  // mimi://example.org/u/alice
  identity::DeviceId device_id{};
  std::string organisation;  // display name
  std::string keyserver_address, device_address, delivery_address;
  Bytes root, issuing;  // certificates, DER
  identity::PublicKey directory_key{}, grants_key{}, tokens_key{};
  Secret working_seed, mls_seed;
  Bytes mls_certificate;  // DER; the credential is [this, issuing]
};

class AccountStore final {
 public:
  explicit AccountStore(Store& store) : store_(store) {}

  absl::StatusOr<std::optional<PendingEnrolment>> Pending();
  // Replaces an earlier one.
  absl::Status SetPending(Change& change, const PendingEnrolment& pending);

  // None before the enrolment is complete.
  absl::StatusOr<std::optional<Account>> Get();
  // Also forgets the pending enrolment. ALREADY_EXISTS if there is an account.
  absl::Status Create(Change& change, const Account& account);
  // The next certificate of the credential, DER. FAILED_PRECONDITION if there is no account.
  absl::Status SetCredential(Change& change, ByteView certificate, ByteView issuing);

 private:
  Store& store_;
};

}  // namespace plumbline::client
