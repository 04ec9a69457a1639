#include "client/authentication.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/identity/uri.h"

namespace plumbline::client {
namespace {

absl::Status Unauthenticated(absl::string_view rule) {
  return absl::UnauthenticatedError(absl::StrCat("the credential ", rule));
}

}  // namespace

absl::StatusOr<crypto::Certificate> LeafOf(const mls::Credential& credential) {
  ASSIGN_OR_RETURN(const std::vector<ByteView> chain, mls::CertificateChain(credential));
  return crypto::Certificate::Parse(chain.front());
}

absl::Time WithinLife(const crypto::Certificate& leaf, absl::Time now) {
  return std::min(now, leaf.not_after() - absl::Seconds(1));  // at its very end it is over
}

absl::StatusOr<CredentialNames> NamesOf(const crypto::Certificate& leaf) {
  if (leaf.uris().size() != 2) return absl::InvalidArgumentError("a credential names one user and one device");
  std::optional<identity::UserUri> user;
  std::optional<identity::DeviceUri> device;
  for (const std::string& uri : leaf.uris()) {
    if (absl::StatusOr<identity::UserUri> parsed = identity::ParseUserUri(uri); parsed.ok()) user = *std::move(parsed);
    if (absl::StatusOr<identity::DeviceUri> parsed = identity::ParseDeviceUri(uri); parsed.ok()) {
      device = *std::move(parsed);
    }
  }
  if (!user.has_value() || !device.has_value() || user->domain != device->domain) {
    return absl::InvalidArgumentError("a credential names one user and one device of one organisation");
  }
  return CredentialNames{user->ToString(), device->id};
}

absl::StatusOr<CredentialNames> NamesOf(const mls::Credential& credential) {
  ASSIGN_OR_RETURN(const crypto::Certificate leaf, LeafOf(credential));
  return NamesOf(leaf);
}

absl::Status Authentication::Validate(const mls::Credential& credential, ByteView signature_key, absl::Time now) const {
  const absl::StatusOr<std::vector<ByteView>> encoded = mls::CertificateChain(credential);
  if (!encoded.ok()) return Unauthenticated("is not an X.509 credential");
  if (encoded->size() > crypto::kMaxChain) return Unauthenticated("has too many certificates");
  std::vector<crypto::Certificate> chain;
  for (const ByteView der : *encoded) {
    absl::StatusOr<crypto::Certificate> certificate = crypto::Certificate::Parse(der);
    if (!certificate.ok()) return Unauthenticated("has a malformed certificate");
    chain.push_back(*std::move(certificate));
  }
  const crypto::Certificate leaf = chain.front();
  chain.erase(chain.begin());
  if (const absl::Status verified = crypto::VerifyChain(leaf, chain, root_, now, crypto::Purpose::kMlsCredential);
      !verified.ok()) {
    return Unauthenticated(absl::StrCat("is not accepted: ", verified.message()));
  }
  if (!leaf.ed25519_key().has_value() || !Equal(leaf.ed25519_key()->view(), signature_key)) {
    return Unauthenticated("certifies another signature key");
  }
  const absl::StatusOr<CredentialNames> names = NamesOf(leaf);
  if (!names.ok()) return Unauthenticated("does not name one user and one device");
  const absl::StatusOr<identity::UserUri> user = identity::ParseUserUri(names->user);
  if (!user.ok() || user->domain != domain_) return Unauthenticated("names somebody of another organisation");
  return absl::OkStatus();
}

absl::Status Authentication::ValidateMember(const mls::Credential& credential, ByteView signature_key, absl::Time now) const {
  const absl::StatusOr<crypto::Certificate> leaf = LeafOf(credential);
  if (!leaf.ok()) return Unauthenticated("has a malformed certificate");
  return Validate(credential, signature_key, WithinLife(*leaf, now));
}

bool Authentication::SameClient(const mls::Credential& a, const mls::Credential& b) const {
  return names_.Same(a, b, [](const mls::Credential& credential) { return NamesOf(credential); });
}

}  // namespace plumbline::client
