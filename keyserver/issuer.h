// Which certificate says what: the one place where the key server signs certificates.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/crypto/issue.h"
#include "common/crypto/x509.h"
#include "common/identity/fixed.h"
#include "common/identity/uri.h"
#include "common/status.h"

namespace plumbline::keyserver {

inline constexpr absl::Duration kRootLife = absl::Hours(24 * 3650);
inline constexpr absl::Duration kIssuingLife = absl::Hours(24 * 730);
inline constexpr absl::Duration kRoleLife = absl::Hours(24 * 365);
inline constexpr absl::Duration kDeviceTlsLife = absl::Hours(24 * 7);
inline constexpr absl::Duration kUnlockTlsLife = absl::Hours(24 * 400);
inline constexpr absl::Duration kCredentialLife = absl::Hours(24 * 365);
using crypto::kBackdate;

// Begins kBackdate before `now`, ends `life` after it.
crypto::Validity ValidFrom(absl::Time now, absl::Duration life);

// Signs leaves with the issuing key. Holds references: certificate and key outlive it. Thread-safe.
// Each passes on what the signer says.
class Issuer final {
 public:
  Issuer(absl::string_view domain, const crypto::Certificate& issuing,
         const crypto::P256Signer& issuing_key)
      : domain_(domain), issuing_(issuing), issuing_key_(issuing_key) {}

  // A device's TLS client certificate for the key in `request`.
  absl::StatusOr<crypto::Certificate> DeviceTls(const crypto::CertificateRequest& request,
                                                const identity::DeviceId& device, absl::Time now) const;
  // For the same TLS key, for unlocking alone.
  absl::StatusOr<crypto::Certificate> UnlockTls(ByteView spki, const identity::DeviceId& device, absl::Time now) const;
  // A device's MLS credential: user and device in its names, the MLS signature key as its subject key.
  absl::StatusOr<crypto::Certificate> Credential(const crypto::Ed25519PublicKey& key, absl::string_view user,
                                                 const identity::DeviceId& device, absl::Time now) const;
  // A service's TLS certificate. INVALID_ARGUMENT without any name.
  absl::StatusOr<crypto::Certificate> ServiceTls(ByteView spki, identity::Service service,
                                                 const std::vector<std::string>& dns_names,
                                                 const std::vector<std::string>& ip_addresses, absl::Time now,
                                                 absl::Duration life) const;

  const crypto::Certificate& issuing() const { return issuing_; }
  const std::string& domain() const { return domain_; }

 private:
  const std::string domain_;
  const crypto::Certificate& issuing_;
  const crypto::P256Signer& issuing_key_;
};

}  // namespace plumbline::keyserver
