#include "keyserver/issuer.h"

namespace plumbline::keyserver {

crypto::Validity ValidFrom(absl::Time now, absl::Duration life) {
  return crypto::Validity{now - kBackdate, now + life};
}

absl::StatusOr<crypto::Certificate> Issuer::DeviceTls(const crypto::CertificateRequest& request,
                                                      const identity::DeviceId& device,
                                                      absl::Time now) const {
  crypto::LeafSpec spec;
  spec.spki = request.spki();
  spec.uris = {identity::DeviceUri{domain_, device}.ToString()};
  spec.purpose = crypto::Purpose::kTlsClient;
  spec.validity = ValidFrom(now, kDeviceTlsLife);
  return crypto::IssueLeaf(issuing_, issuing_key_, spec);
}

absl::StatusOr<crypto::Certificate> Issuer::UnlockTls(ByteView spki, const identity::DeviceId& device, absl::Time now) const {
  crypto::LeafSpec spec;
  spec.spki = ToBytes(spki);
  spec.uris = {identity::UnlockUri{domain_, device}.ToString()};
  spec.purpose = crypto::Purpose::kTlsClient;
  spec.validity = ValidFrom(now, kUnlockTlsLife);
  return crypto::IssueLeaf(issuing_, issuing_key_, spec);
}

absl::StatusOr<crypto::Certificate> Issuer::Credential(const crypto::Ed25519PublicKey& key,
                                                       absl::string_view user,
                                                       const identity::DeviceId& device,
                                                       absl::Time now) const {
  crypto::LeafSpec spec;
  spec.spki = crypto::Ed25519Spki(key);
  spec.uris = {std::string(user), identity::DeviceUri{domain_, device}.ToString()};
  spec.purpose = crypto::Purpose::kMlsCredential;
  spec.validity = ValidFrom(now, kCredentialLife);
  return crypto::IssueLeaf(issuing_, issuing_key_, spec);
}

absl::StatusOr<crypto::Certificate> Issuer::ServiceTls(ByteView spki, identity::Service service,
                                                       const std::vector<std::string>& dns_names,
                                                       const std::vector<std::string>& ip_addresses, absl::Time now,
                                                       absl::Duration life) const {
  if (dns_names.empty() && ip_addresses.empty()) {
    return absl::InvalidArgumentError("a service's certificate needs a DNS name or an IP address");
  }
  crypto::LeafSpec spec;
  spec.spki = ToBytes(spki);
  spec.uris = {identity::ServiceUri{domain_, service}.ToString()};
  spec.dns_names = dns_names;
  spec.ip_addresses = ip_addresses;
  spec.purpose = crypto::Purpose::kTlsPeer;
  spec.validity = ValidFrom(now, life);
  return crypto::IssueLeaf(issuing_, issuing_key_, spec);
}

}  // namespace plumbline::keyserver
