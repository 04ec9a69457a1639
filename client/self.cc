#include "client/self.h"

#include "common/identity/uri.h"

namespace plumbline::client {

absl::StatusOr<std::unique_ptr<Self>> Self::From(Account account) {
  absl::StatusOr<identity::UserUri> user = identity::ParseUserUri(account.user);
  absl::StatusOr<crypto::Certificate> root = crypto::Certificate::Parse(account.root);
  absl::StatusOr<crypto::Ed25519KeyPair> working =
      crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(account.working_seed.view()));
  absl::StatusOr<crypto::Ed25519KeyPair> mls_key =
      crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(account.mls_seed.view()));
  if (!user.ok() || !root.ok() || !working.ok() || !mls_key.ok()) {
    return absl::DataLossError("the account in the client's store is malformed");
  }
  Bytes mls_public = mls_key->public_key().ToBytes();
  return std::unique_ptr<Self>(
      new Self(std::move(account), user->domain, *std::move(root), *std::move(working), std::move(mls_public)));
}

Self::Self(Account account, std::string domain, crypto::Certificate root, crypto::Ed25519KeyPair working_key,
           Bytes mls_public_key)
    : account_(std::move(account)),
      domain_(std::move(domain)),
      root_(root),
      authentication_(std::move(root), domain_),
      working_key_(std::move(working_key)),
      mls_public_key_(std::move(mls_public_key)),
      credential_(mls::Credential::X509({account_.mls_certificate, account_.issuing})) {}

void Self::UseCredential(Bytes certificate, Bytes issuing) {
  account_.mls_certificate = std::move(certificate);
  account_.issuing = std::move(issuing);
  credential_ = mls::Credential::X509({account_.mls_certificate, account_.issuing});
}

absl::StatusOr<absl::Time> Self::IssuerEnds() const {
  const absl::StatusOr<crypto::Certificate> issuing = crypto::Certificate::Parse(account_.issuing);
  if (!issuing.ok()) return absl::DataLossError("the issuing certificate in the client's store is malformed");
  return issuers_->replaced().EndOf(*issuing);
}

mls::SignatureKeyPair Self::mls_keys() const {
  return {mls::SignaturePrivateKey{Secret::CopyOf(account_.mls_seed.view())}, mls_public_key_};
}

std::string ShortName(absl::string_view user, absl::string_view domain) {
  const absl::StatusOr<identity::UserUri> parsed = identity::ParseUserUri(user);
  if (!parsed.ok() || parsed->domain != domain) return std::string(user);
  return parsed->name;
}

}  // namespace plumbline::client
