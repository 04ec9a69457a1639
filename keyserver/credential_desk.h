// Gives devices the next certificate of their MLS credential, and the directory a record that names it. Knows no gRPC. Thread-safe;
// references outlive it.
#pragma once

#include "common/clock.h"
#include "common/crypto/x509.h"
#include "common/identity/credential_renewal.h"
#include "common/status.h"
#include "keyserver/device_desk.h"
#include "keyserver/organisation.h"
#include "keyserver/publisher.h"
#include "keyserver/store/account_store.h"

namespace plumbline::keys::v1 {
class RenewCredentialRequest;
class RenewCredentialResponse;
class SignedRequest;
}  // namespace plumbline::keys::v1

namespace plumbline::keyserver {

// Between a device's clock and ours: a renewal is of now, and one that is a little early is taken.
inline constexpr absl::Duration kRenewalSkew = absl::Minutes(10);

class CredentialDesk final {
 public:
  CredentialDesk(const Organisation& organisation, const Clock& clock, AccountStore& accounts, Publisher& publisher,
                 DeviceDesk& devices)
      : organisation_(organisation), clock_(clock), accounts_(accounts), publisher_(publisher), devices_(devices) {}

  // `caller` as DeviceDesk. Codes: keys.proto, docs/protocols/errors.md.
  absl::Status RenewCredential(const crypto::Certificate* caller, const keys::v1::SignedRequest& request,
                               keys::v1::RenewCredentialResponse& response);

 private:
  // What the device asks for, as it goes into the log.
  absl::StatusOr<directory::Renewed> Read(const Device& device, const keys::v1::RenewCredentialRequest& body,
                                          identity::CredentialRenewal& renewal) const;
  // The credential that the device has from now on; the present one if it is not the one to be succeeded.
  absl::StatusOr<Bytes> Renew(const identity::CredentialRenewal& renewal, directory::Renewed cause);

  const Organisation& organisation_;
  const Clock& clock_;
  AccountStore& accounts_;
  Publisher& publisher_;
  DeviceDesk& devices_;
};

}  // namespace plumbline::keyserver
