// X.509 certificates (RFC 5280) as this project uses them: read, requested, verified. issue.h makes them.
// Values; copyable; immutable after parsing.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/bytes.h"
#include "common/crypto/ed25519.h"
#include "common/crypto/fingerprint.h"
#include "common/crypto/p256.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::crypto {

inline constexpr size_t kMaxCertificateSize = 16 * 1024;  // DER bytes
inline constexpr size_t kMaxChain = 4;                    // certificates in one chain, root included

// What a leaf may be used for: exactly one extended key usage each, so no certificate serves two purposes. The last
// two are OIDs under 2.25 (ITU-T X.667), so that a credential is never accepted as a TLS certificate.
enum class Purpose {
  kTlsServer,       // id-kp-serverAuth
  kTlsClient,       // id-kp-clientAuth
  kTlsPeer,         // server and client both: a service that calls other services
  kMlsCredential,   // RFC 9420 §5.3 X.509 credential of a device
  kRoleSignature,   // a role key of the organisation: directory records, grants, token keys
};

class Certificate final {
 public:
  // One certificate that fills `der` exactly. INVALID_ARGUMENT on any other input or an encoding that is not DER.
  static absl::StatusOr<Certificate> Parse(ByteView der);
  // The first certificate in `pem`. INVALID_ARGUMENT if there is none.
  static absl::StatusOr<Certificate> ParsePem(absl::string_view pem);

  const Bytes& der() const { return der_; }
  std::string ToPem() const;
  // SHA-256 of the DER.
  Fingerprint fingerprint() const { return Fingerprint::Of(der_); }
  // SubjectPublicKeyInfo, DER.
  const Bytes& spki() const { return spki_; }
  // Set where the subject key is Ed25519.
  const std::optional<Ed25519PublicKey>& ed25519_key() const { return ed25519_key_; }
  // Subject alternative names, in the certificate's order.
  const std::vector<std::string>& uris() const { return uris_; }
  const std::vector<std::string>& dns_names() const { return dns_names_; }
  const std::vector<std::string>& ip_addresses() const { return ip_addresses_; }  // "127.0.0.1", "::1"
  const std::string& common_name() const { return common_name_; }
  absl::Time not_before() const { return not_before_; }
  absl::Time not_after() const { return not_after_; }
  bool is_ca() const { return is_ca_; }
  // Empty for a CA or a certificate with any other set of extended key usages.
  std::optional<Purpose> purpose() const { return purpose_; }
  // 16 bytes or fewer, most significant first.
  const Bytes& serial() const { return serial_; }

  bool operator==(const Certificate& other) const { return der_ == other.der_; }

 private:
  Certificate() = default;
  Bytes der_, spki_, serial_;
  std::optional<Ed25519PublicKey> ed25519_key_;
  std::vector<std::string> uris_, dns_names_, ip_addresses_;
  std::string common_name_;
  absl::Time not_before_, not_after_;
  bool is_ca_ = false;
  std::optional<Purpose> purpose_;
};

// All certificates of a PEM text, in order. INVALID_ARGUMENT if there is none, one is malformed, or more than `most`.
absl::StatusOr<std::vector<Certificate>> ParsePemChain(absl::string_view pem, size_t most = kMaxChain);
std::string ToPemChain(const std::vector<Certificate>& chain);

// Issuing authorities that were replaced, and when each of them ends before its certificate does. By key, so that no other certificate
// for the same key brings one back. A value.
class ReplacedIssuers final {
 public:
  void Add(const Certificate& issuing, absl::Time end) { ends_.emplace_back(issuing.spki(), end); }
  bool empty() const { return ends_.empty(); }
  // InfiniteFuture for one that was not replaced.
  absl::Time EndOf(const Certificate& issuing) const;

 private:
  std::vector<std::pair<Bytes, absl::Time>> ends_;  // key (SubjectPublicKeyInfo) and end
};

// OK if `leaf` chains through some of `intermediates` to `root` (trusted because the caller says so), every certificate
// is valid at `at`, CA flags and path lengths hold, the leaf's purpose is `purpose`, and no authority in between has been `replaced`.
//   UNAUTHENTICATED  not under this root, or a signature is wrong
//   PERMISSION_DENIED  the certificate is for another purpose
//   FAILED_PRECONDITION  expired, or not yet valid (message names which, and the clock); authority_replaced
absl::Status VerifyChain(const Certificate& leaf, const std::vector<Certificate>& intermediates, const Certificate& root,
                         absl::Time at, Purpose purpose, const ReplacedIssuers& replaced = ReplacedIssuers());

// FAILED_PRECONDITION authority_replaced if the one of `intermediates` that issued `leaf` was replaced and has ended; nothing else is looked at.
absl::Status CheckIssuer(const Certificate& leaf, const std::vector<Certificate>& intermediates, const ReplacedIssuers& replaced, absl::Time at);

// That the root certified `issuing` as an authority that may issue leaves and no authority, and both are valid at `at`. Codes as above.
absl::Status VerifyIssuing(const Certificate& issuing, const Certificate& root, absl::Time at);

// Whether the key of `issuing` signed `certificate`; says nothing else of the two.
bool IsIssuedBy(const Certificate& certificate, const Certificate& issuing);

// A PKCS#10 request (RFC 2986) whose own signature proves possession of the key.
class CertificateRequest final {
 public:
  // With an empty subject and no attributes: names are the issuer's to give. DER.
  static Bytes Create(const P256PrivateKey& key);
  // INVALID_ARGUMENT if malformed, larger than kMaxCertificateSize, not P-256, or with attributes or a subject;
  // UNAUTHENTICATED if the signature does not verify.
  static absl::StatusOr<CertificateRequest> Parse(ByteView der);
  const Bytes& spki() const { return spki_; }

 private:
  Bytes spki_;
};

}  // namespace plumbline::crypto
