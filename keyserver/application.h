// What a new device asks with, whichever way it joins: its form is right and its keys' proofs
// verify.
#pragma once

#include <string>

#include "common/crypto/ed25519.h"
#include "common/crypto/x509.h"
#include "common/directory/cause.h"
#include "common/identity/device_decision.h"
#include "common/identity/fixed.h"
#include "common/status.h"
#include "keyserver/organisation.h"
#include "keyserver/store/types.h"

namespace plumbline::keys::v1 {
class EnrolRequest;
class EnrolResponse;
}  // namespace plumbline::keys::v1

namespace plumbline::keyserver {

struct VerifiedApplication {
  std::string user;
  identity::PublicKey code_key{};
  directory::Enrolment cause;   // the proof and its signatures
  identity::Hash tls_key_hash;  // SHA-256 of the SubjectPublicKeyInfo
  crypto::CertificateRequest csr;
  crypto::Ed25519PublicKey working_key;
  crypto::Ed25519PublicKey mls_key;
  std::string label;
};

// INVALID_ARGUMENT enrolment_malformed, wrong_domain, proof_invalid. That the code is one that was issued is not known yet.
absl::StatusOr<VerifiedApplication> ReadApplication(const keys::v1::EnrolRequest& request,
                                                    absl::string_view domain);

// One that was kept after ReadApplication had taken it. DATA_LOSS if it does not parse.
absl::StatusOr<VerifiedApplication> ReadKeptApplication(ByteView kept);

// As which the device asks another one, or a registrar.
identity::JoinRequest JoinRequestOf(const VerifiedApplication& application);

// A device for the application, with the certificates it gets.
struct NewDevice {
  Device device;
  crypto::Certificate tls;
};
absl::StatusOr<NewDevice> Certify(const Organisation& organisation,
                                  const VerifiedApplication& application,
                                  const identity::DeviceId& id, absl::Time now);
// Puts the device among the account's, in order.
void AddTo(Account& account, const Device& device);
// The answer to a device that has joined. `account` has it.
// DATA_LOSS if a certificate is of no authority there is or was.
absl::Status FillEnrolled(const Organisation& organisation, const Account& account, const Device& device,
                  ByteView tls_certificate, keys::v1::EnrolResponse& response);

}  // namespace plumbline::keyserver
