// X.509 credentials (RFC 9420 §5.3; RFC 5280) judged against trust anchors that the application names.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/bytes.h"
#include "common/status.h"
#include "mls/credential.h"
#include "mls/credential_memory.h"

typedef struct x509_store_st X509_STORE;  // OpenSSL's

namespace plumbline::mls {

inline constexpr size_t kMaxSubjectUris = 16;

// What the leaf certificate of a credential says. Nothing of it is verified by reading it.
struct CertificateSubject {
  std::vector<std::string> uris;  // subject alternative names of type URI, in order; printable ASCII; maybe empty
  std::optional<Bytes> signature_key;  // Ed25519, Ed448 or an uncompressed ECDSA point; none for other kinds of key
  std::optional<Bytes> ed25519_key;    // the same if it is an Ed25519 key: 32 bytes
  absl::Time not_before;
  absl::Time not_after;
};

// The subject of an X.509 credential's first certificate. INVALID_ARGUMENT for any other credential, and for a
// certificate that is not DER through to its last byte.
absl::StatusOr<CertificateSubject> ReadSubject(const Credential& credential);

struct X509AuthenticationOptions {
  std::vector<Bytes> roots;        // DER certificates; at least one
  std::string extended_key_usage;  // OID in dots that must be the leaf's only one; empty for no demand
};

// Remembers what certificates it was asked about say (mls/credential_memory.h), and nothing else. Thread-safe.
class X509AuthenticationService final : public AuthenticationService {
 public:
  // INVALID_ARGUMENT if there is no root, one is not a certificate, or the OID is none.
  static absl::StatusOr<std::unique_ptr<X509AuthenticationService>> Create(const X509AuthenticationOptions& options);
  ~X509AuthenticationService() override;

  // OK if all of this holds at `now`: the credential is X.509; each certificate is signed by the next, the last by a
  // root (or is one); all are valid in time, with CA rights where they sign; the leaf is no CA, has the key
  // `signature_key`, may sign, has the demanded extended key usage, and names its subject by at least one URI.
  absl::Status Validate(const Credential& credential, ByteView signature_key, absl::Time now) const override;

  // The same in the leaf certificate's last second, where that is over.
  absl::Status ValidateMember(const Credential& credential, ByteView signature_key, absl::Time now) const override;

  // The same URIs in the same order, at least one.
  bool SameClient(const Credential& a, const Credential& b) const override;

 private:
  explicit X509AuthenticationService(std::string extended_key_usage);
  struct StoreFree {
    void operator()(X509_STORE* store) const;
  };
  std::unique_ptr<X509_STORE, StoreFree> roots_;
  std::string extended_key_usage_;
  mutable CredentialMemory<std::vector<std::string>> uris_;
};

}  // namespace plumbline::mls
