// Credentials (RFC 9420 §5.3): what ties a signature key to an identity, and the interface that judges them.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "common/bytes.h"
#include "common/codec.h"
#include "common/status.h"

namespace plumbline::mls {

// RFC 9420 §17.5.
inline constexpr uint16_t kCredentialBasic = 0x0001;
inline constexpr uint16_t kCredentialX509 = 0x0002;

inline constexpr size_t kMaxCredentialSize = 64 * 1024;  // bytes of `content`
inline constexpr size_t kMaxCertificates = 8;            // in one X.509 credential

// struct { opaque cert_data<V>; } Certificate;
// struct { CredentialType credential_type;
//          select (credential_type) { case basic: opaque identity<V>; case x509: Certificate certificates<V>; };
// } Credential;
// Every known type is one vector, so an unknown type is read as one too, and kept byte for byte.
struct Credential {
  uint16_t type = kCredentialBasic;
  Bytes content;  // inside the vector: the identity, or the certificates one after another
  bool operator==(const Credential&) const = default;

  static Credential Basic(ByteView identity);
  // DER certificates, the leaf first, each one certified by the next; 1..kMaxCertificates.
  static Credential X509(const std::vector<Bytes>& chain);
};

// INVALID_ARGUMENT on malformed input; for type x509 also unless the content is 1..kMaxCertificates non-empty
// certificates. The certificates themselves are not looked at.
absl::StatusOr<Credential> ReadCredential(Reader& in);
void WriteCredential(Writer& out, const Credential& credential);

// The certificates of an X.509 credential, borrowed from it. INVALID_ARGUMENT for any other credential.
absl::StatusOr<std::vector<ByteView>> CertificateChain(const Credential& credential);

// Judges credentials (RFC 9420 §5.3.1; RFC 9750 §3). Implemented by the application, which knows whom it trusts.
// Implementations are called for every leaf that enters a group, so they should be quick; they must not block.
class AuthenticationService {
 public:
  virtual ~AuthenticationService() = default;

  // OK if `credential` is genuine at `now` and speaks for the owner of `signature_key`. UNAUTHENTICATED otherwise.
  virtual absl::Status Validate(const Credential& credential, ByteView signature_key, absl::Time now) const = 0;

  // The same for the credential of a leaf that is in the tree and keeps it: whether it was genuine when it came in, at some time
  // before `now`. That it has ended since takes nobody out of a group, nor keeps others from going on; whether its owner may
  // still be there is for the application to know. Unless overridden, it has to be genuine now.
  virtual absl::Status ValidateMember(const Credential& credential, ByteView signature_key, absl::Time now) const {
    return Validate(credential, signature_key, now);
  }

  // Whether both name the same client. A member may replace its credential by one of the same client only, and a
  // client may be in a group only once. Both were validated before.
  virtual bool SameClient(const Credential& a, const Credential& b) const = 0;
};

}  // namespace plumbline::mls
