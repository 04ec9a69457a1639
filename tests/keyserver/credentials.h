// A device that asks for the next certificate of its MLS credential.
#pragma once

#include <functional>

#include "common/identity/credential_renewal.h"
#include "common/identity/labels.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {

inline identity::CredentialRenewal RenewalOf(World& world, const TestDevice& device, absl::string_view user) {
  identity::CredentialRenewal out;
  out.user = std::string(user);
  out.device_id = device.id;
  out.mls_signature_public_key = *identity::ToFixed<32>(device.keys.mls_key.public_key().view());
  out.former_credential_hash = Sha256(device.credential.der());
  out.time_unix = static_cast<uint64_t>(absl::ToUnixSeconds(world.clock().Now()));
  return out;
}

// The device's TLS certificate has ended long before its credential: another one, as renewals in between would have given.
inline void Refresh(World& world, TestDevice& device) {
  const auto csr = *crypto::CertificateRequest::Parse(crypto::CertificateRequest::Create(device.keys.tls_key));
  device.tls = *world.organisation().issuer().DeviceTls(csr, device.id, world.clock().Now());
}

inline keys::v1::RenewCredentialRequest Signed(const identity::CredentialRenewal& renewal, const crypto::Ed25519KeyPair& key) {
  const Bytes encoded = identity::Encode(renewal);
  keys::v1::RenewCredentialRequest out;
  out.set_renewal(ToString(encoded));
  out.set_signature(ToString(key.Sign(identity::kCredentialRenewalLabel, encoded)));
  return out;
}

inline absl::StatusOr<crypto::Certificate> Ask(World& world, TestDevice& device, const keys::v1::RenewCredentialRequest& body) {
  keys::v1::RenewCredentialResponse response;
  RETURN_IF_ERROR(world.credentials().RenewCredential(&device.tls, world.Sign(device, "RenewCredential", body), response));
  CHECK(response.mls_certificates_size() == 2);
  return crypto::Certificate::Parse(AsBytes(response.mls_certificates(0)));
}

inline absl::StatusOr<crypto::Certificate> Renew(World& world, TestDevice& device, absl::string_view user) {
  return Ask(world, device, Signed(RenewalOf(world, device, user), device.keys.working_key));
}

}  // namespace plumbline::keyserver
