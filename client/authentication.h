// Whom this client believes: X.509 MLS credentials of its own organisation, up to the root its invitation pinned.
#pragma once

#include <string>

#include "common/crypto/x509.h"
#include "common/identity/fixed.h"
#include "common/status.h"
#include "mls/credential.h"
#include "mls/credential_memory.h"

namespace plumbline::client {

// What a credential certificate names.
struct CredentialNames {
  std::string user;  // user URI
  identity::DeviceId device{};
  bool operator==(const CredentialNames&) const = default;
};

// The certificate that an X.509 credential begins with. INVALID_ARGUMENT for any other.
absl::StatusOr<crypto::Certificate> LeafOf(const mls::Credential& credential);

// `now`, or the certificate's last second if that is over: when to judge what was genuine once.
absl::Time WithinLife(const crypto::Certificate& leaf, absl::Time now);

// The names in a credential certificate: exactly one user URI and one device URI, of the same domain, and nothing else.
// INVALID_ARGUMENT otherwise. Says nothing about whether the certificate is genuine.
absl::StatusOr<CredentialNames> NamesOf(const crypto::Certificate& leaf);
absl::StatusOr<CredentialNames> NamesOf(const mls::Credential& credential);

// Thread-safe.
class Authentication final : public mls::AuthenticationService {
 public:
  Authentication(crypto::Certificate root, std::string domain) : root_(std::move(root)), domain_(std::move(domain)) {}

  // An X.509 credential whose chain ends at the root, for the purpose of MLS credentials, naming one user and one device of
  // this organisation, for exactly this key. UNAUTHENTICATED otherwise; the message names the rule.
  absl::Status Validate(const mls::Credential& credential, ByteView signature_key, absl::Time now) const override;
  // The same, but that the certificate may have ended before `now`.
  absl::Status ValidateMember(const mls::Credential& credential, ByteView signature_key, absl::Time now) const override;
  // The same device of the same user.
  bool SameClient(const mls::Credential& a, const mls::Credential& b) const override;

 private:
  const crypto::Certificate root_;
  const std::string domain_;
  mutable mls::CredentialMemory<CredentialNames> names_;
};

}  // namespace plumbline::client
