// Making certificates: root, issuing authority, leaves. Signatures are ECDSA P-256 with SHA-256; serials are 128 random
// bits; every certificate carries key identifiers. All pass on what the signer says (signer.h).
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/crypto/signer.h"
#include "common/crypto/x509.h"

namespace plumbline::crypto {

struct Validity {
  absl::Time not_before;
  absl::Time not_after;  // later than not_before
};

// Self-signed, CA, path length 1: one issuing level below it. `name` is the common name, 1..64 bytes of UTF-8.
// INVALID_ARGUMENT for a bad name or validity.
absl::StatusOr<Certificate> MakeRoot(const P256Signer& key, absl::string_view name, const Validity& validity);

// CA with path length 0 for `subject_spki` (P-256), signed by the root. Not valid beyond the root's own end.
absl::StatusOr<Certificate> MakeIssuing(const Certificate& root, const P256Signer& root_key, ByteView subject_spki,
                                        absl::string_view name, const Validity& validity);

// Certificates begin a little in the past, for clocks that are a little behind.
inline constexpr absl::Duration kBackdate = absl::Minutes(10);
// What a short-lived certificate has to live from when it was signed, and when half of that is over: time to renew it.
absl::Duration LifeOf(const Certificate& certificate);
absl::Time RenewalTime(const Certificate& certificate);

struct LeafSpec {
  Bytes spki;                          // P-256 or Ed25519, DER; Ed25519Spki() below
  std::string common_name;             // may be empty; at most 64 bytes
  std::vector<std::string> uris;       // at most 8 subject alternative names of each kind; one name at least in all
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;  // "127.0.0.1", "::1"
  Purpose purpose = Purpose::kTlsClient;
  Validity validity;                   // cut to the issuer's own
};

// A leaf signed by `issuer`. INVALID_ARGUMENT for a spec that breaks a rule above or a key that is not the issuer's.
absl::StatusOr<Certificate> IssueLeaf(const Certificate& issuer, const P256Signer& issuer_key, const LeafSpec& spec);

// SubjectPublicKeyInfo of an Ed25519 key (RFC 8410): 44 bytes of DER.
Bytes Ed25519Spki(const Ed25519PublicKey& key);

}  // namespace plumbline::crypto
