#include "common/crypto/issue.h"

#include <openssl/objects.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/openssl.h"
#include "common/crypto/x509_oids.h"

namespace plumbline::crypto {
namespace {

constexpr size_t kSerialSize = 16;
constexpr size_t kKeyIdSize = 20;
constexpr size_t kMaxNameSize = 64;
constexpr size_t kMaxNames = 8;
constexpr size_t kMaxUriSize = 512;

absl::StatusOr<Owned<EVP_PKEY>> PublicKey(ByteView spki) {
  const unsigned char* cursor = spki.data();
  Owned<EVP_PKEY> out(d2i_PUBKEY(nullptr, &cursor, static_cast<long>(spki.size())));
  if (out == nullptr || cursor != spki.data() + spki.size()) {
    ForgetOpensslErrors();
    return absl::InvalidArgumentError("not a public key");
  }
  return out;
}

Owned<X509> Decode(const Certificate& certificate) {
  const unsigned char* cursor = certificate.der().data();
  Owned<X509> out(d2i_X509(nullptr, &cursor, static_cast<long>(certificate.der().size())));
  CHECK(out != nullptr);
  return out;
}

template <typename T>
void AddExtension(X509* certificate, int nid, T* value, bool critical) {
  CHECK(X509_add1_ext_i2d(certificate, nid, value, critical ? 1 : 0, X509V3_ADD_DEFAULT) == 1);
}

// The first 20 bytes of SHA-256 over the SubjectPublicKeyInfo (RFC 7093 §2 method 4).
Bytes KeyId(ByteView spki) {
  const auto hash = Sha256(spki);
  return Bytes(hash.begin(), hash.begin() + kKeyIdSize);
}

void AddKeyIds(X509* certificate, ByteView spki, ByteView issuer_spki) {
  const Bytes own = KeyId(spki), issuer = KeyId(issuer_spki);
  ASN1_OCTET_STRING* subject_id = ASN1_OCTET_STRING_new();
  CHECK(ASN1_OCTET_STRING_set(subject_id, own.data(), static_cast<int>(own.size())) == 1);
  AddExtension(certificate, NID_subject_key_identifier, subject_id, false);
  ASN1_OCTET_STRING_free(subject_id);
  AUTHORITY_KEYID* authority = AUTHORITY_KEYID_new();
  authority->keyid = ASN1_OCTET_STRING_new();
  CHECK(ASN1_OCTET_STRING_set(authority->keyid, issuer.data(), static_cast<int>(issuer.size())) == 1);
  AddExtension(certificate, NID_authority_key_identifier, authority, false);
  AUTHORITY_KEYID_free(authority);
}

void AddBasicConstraints(X509* certificate, bool ca, int path_length) {
  BASIC_CONSTRAINTS* constraints = BASIC_CONSTRAINTS_new();
  constraints->ca = ca ? 0xff : 0;
  if (ca) {
    constraints->pathlen = ASN1_INTEGER_new();
    CHECK(ASN1_INTEGER_set(constraints->pathlen, path_length) == 1);
  }
  AddExtension(certificate, NID_basic_constraints, constraints, true);
  BASIC_CONSTRAINTS_free(constraints);
}

void AddKeyUsage(X509* certificate, std::initializer_list<int> bits) {
  ASN1_BIT_STRING* usage = ASN1_BIT_STRING_new();
  for (const int bit : bits) CHECK(ASN1_BIT_STRING_set_bit(usage, bit, 1) == 1);
  AddExtension(certificate, NID_key_usage, usage, true);
  ASN1_BIT_STRING_free(usage);
}

constexpr int kDigitalSignature = 0, kKeyCertSign = 5, kCrlSign = 6;  // RFC 5280 §4.2.1.3

void AddPurpose(X509* certificate, Purpose purpose) {
  const Owned<EXTENDED_KEY_USAGE> usage(EXTENDED_KEY_USAGE_new());
  const auto add = [&](const char* oid) {
    CHECK(sk_ASN1_OBJECT_push(usage.get(), OBJ_txt2obj(oid, 1)) > 0);
  };
  if (purpose == Purpose::kTlsServer || purpose == Purpose::kTlsPeer) add("1.3.6.1.5.5.7.3.1");
  if (purpose == Purpose::kTlsClient || purpose == Purpose::kTlsPeer) add("1.3.6.1.5.5.7.3.2");
  if (purpose == Purpose::kMlsCredential) add(kOidMlsCredential);
  if (purpose == Purpose::kRoleSignature) add(kOidRoleSignature);
  AddExtension(certificate, NID_ext_key_usage, usage.get(), false);
}

absl::Status AddText(GENERAL_NAMES* names, int type, const std::string& text) {
  if (text.empty() || text.size() > kMaxUriSize ||
      std::any_of(text.begin(), text.end(), [](char c) { return c <= 0x20 || c >= 0x7f; })) {
    return absl::InvalidArgumentError("a certificate name is printable ASCII without blanks, at most 512 bytes");
  }
  GENERAL_NAME* name = GENERAL_NAME_new();
  ASN1_IA5STRING* value = ASN1_IA5STRING_new();
  CHECK(ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) == 1);
  GENERAL_NAME_set0_value(name, type, value);
  CHECK(sk_GENERAL_NAME_push(names, name) > 0);
  return absl::OkStatus();
}

absl::Status AddIp(GENERAL_NAMES* names, const std::string& text) {
  ASN1_OCTET_STRING* address = a2i_IPADDRESS(text.c_str());
  if (address == nullptr) {
    ForgetOpensslErrors();
    return absl::InvalidArgumentError("not an IP address in a certificate specification");
  }
  GENERAL_NAME* name = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(name, GEN_IPADD, address);
  CHECK(sk_GENERAL_NAME_push(names, name) > 0);
  return absl::OkStatus();
}

absl::Status AddNames(X509* certificate, const LeafSpec& spec) {
  const Owned<GENERAL_NAMES> names(GENERAL_NAMES_new());
  const size_t total = spec.uris.size() + spec.dns_names.size() + spec.ip_addresses.size();
  if (total == 0) return absl::InvalidArgumentError("a certificate needs a name");
  if (std::max({spec.uris.size(), spec.dns_names.size(), spec.ip_addresses.size()}) > kMaxNames) {
    return absl::InvalidArgumentError("too many names for a certificate");
  }
  for (const std::string& uri : spec.uris) RETURN_IF_ERROR(AddText(names.get(), GEN_URI, uri));
  for (const std::string& dns : spec.dns_names) RETURN_IF_ERROR(AddText(names.get(), GEN_DNS, dns));
  for (const std::string& ip : spec.ip_addresses) RETURN_IF_ERROR(AddIp(names.get(), ip));
  AddExtension(certificate, NID_subject_alt_name, names.get(), spec.common_name.empty());
  return absl::OkStatus();
}

absl::Status SetSubject(X509* certificate, absl::string_view common_name) {
  if (common_name.empty()) return absl::OkStatus();
  const auto text = reinterpret_cast<const unsigned char*>(common_name.data());
  if (common_name.size() > kMaxNameSize ||
      X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
                                 const_cast<unsigned char*>(text), static_cast<int>(common_name.size()), -1, 0) != 1) {
    ForgetOpensslErrors();
    return absl::InvalidArgumentError("a common name is UTF-8 text of at most 64 bytes");
  }
  return absl::OkStatus();
}

// Version, serial, subject, validity and key: what all certificates have before their extensions.
absl::StatusOr<Owned<X509>> Begin(ByteView spki, absl::string_view common_name, const Validity& validity) {
  if (validity.not_before >= validity.not_after) {
    return absl::InvalidArgumentError("a certificate must end after it begins, and not after its issuer");
  }
  ASSIGN_OR_RETURN(const Owned<EVP_PKEY> key, PublicKey(spki));
  Owned<X509> out(X509_new());
  CHECK(out != nullptr && X509_set_version(out.get(), X509_VERSION_3) == 1);
  Bytes serial = RandomBytes(kSerialSize);
  serial[0] |= 0x01;  // never zero, always 16 bytes
  const Owned<BIGNUM> number(BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
  CHECK(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(out.get())) != nullptr);
  CHECK(ASN1_TIME_set(X509_getm_notBefore(out.get()), absl::ToTimeT(validity.not_before)) != nullptr);
  CHECK(ASN1_TIME_set(X509_getm_notAfter(out.get()), absl::ToTimeT(validity.not_after)) != nullptr);
  CHECK(X509_set_pubkey(out.get(), key.get()) == 1);
  RETURN_IF_ERROR(SetSubject(out.get(), common_name));
  return out;
}

// AlgorithmIdentifier of ecdsa-with-SHA256 (RFC 5758 §3.2).
constexpr uint8_t kEcdsaSha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};

// One DER element of less than 64 KiB.
Bytes Element(uint8_t tag, std::initializer_list<ByteView> parts) {
  const Bytes content = Concat(parts);
  const size_t size = content.size();
  CHECK(size < 0x10000);
  Bytes out = {tag};
  if (size >= 0x100) out.insert(out.end(), {0x82, static_cast<uint8_t>(size >> 8)});
  if (size >= 0x80 && size < 0x100) out.push_back(0x81);
  out.push_back(static_cast<uint8_t>(size));
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

// Certificate (RFC 5280 §4.1): what is to be signed, the algorithm that it names, the signature. Put together here, because OpenSSL
// signs only with keys that it has.
absl::StatusOr<Certificate> Finish(X509* certificate, const X509_NAME* issuer, const P256Signer& key) {
  CHECK(X509_set_issuer_name(certificate, const_cast<X509_NAME*>(issuer)) == 1);
  CHECK(X509_ALGOR_set0(const_cast<X509_ALGOR*>(X509_get0_tbs_sigalg(certificate)), OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF,
                        nullptr) == 1);
  const Bytes to_be_signed =
      ToDer(certificate, [](const X509* x, unsigned char** out) { return i2d_re_X509_tbs(const_cast<X509*>(x), out); });
  ASSIGN_OR_RETURN(const Bytes signature, key.Sign(to_be_signed));
  constexpr uint8_t kNoUnusedBits[] = {0};
  return Certificate::Parse(Element(0x30, {to_be_signed, kEcdsaSha256, Element(0x03, {kNoUnusedBits, signature})}));
}

absl::Status CheckIssuer(const Certificate& issuer, const P256Signer& key) {
  if (!issuer.is_ca()) return absl::InvalidArgumentError("the issuer is not a certificate authority");
  if (issuer.spki() != key.spki()) {
    return absl::InvalidArgumentError("the issuing key does not belong to the issuing certificate");
  }
  return absl::OkStatus();
}

Validity CutTo(const Certificate& issuer, const Validity& wanted) {
  return Validity{std::max(wanted.not_before, issuer.not_before()), std::min(wanted.not_after, issuer.not_after())};
}

absl::Status CheckAuthorityName(absl::string_view name) {
  if (!name.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("a certificate authority needs a name");
}

}  // namespace

absl::Duration LifeOf(const Certificate& certificate) {
  return std::max(absl::ZeroDuration(), certificate.not_after() - certificate.not_before() - kBackdate);
}

absl::Time RenewalTime(const Certificate& certificate) { return certificate.not_after() - LifeOf(certificate) / 2; }

absl::StatusOr<Certificate> MakeRoot(const P256Signer& key, absl::string_view name, const Validity& validity) {
  RETURN_IF_ERROR(CheckAuthorityName(name));
  ASSIGN_OR_RETURN(const Owned<X509> out, Begin(key.spki(), name, validity));
  AddBasicConstraints(out.get(), true, 1);
  AddKeyUsage(out.get(), {kKeyCertSign, kCrlSign});
  AddKeyIds(out.get(), key.spki(), key.spki());
  return Finish(out.get(), X509_get_subject_name(out.get()), key);
}

absl::StatusOr<Certificate> MakeIssuing(const Certificate& root, const P256Signer& root_key, ByteView subject_spki,
                                        absl::string_view name, const Validity& validity) {
  RETURN_IF_ERROR(CheckAuthorityName(name));
  RETURN_IF_ERROR(CheckIssuer(root, root_key));
  if (!IsP256Spki(subject_spki)) return absl::InvalidArgumentError("a certificate authority needs a P-256 key");
  ASSIGN_OR_RETURN(const Owned<X509> out, Begin(subject_spki, name, CutTo(root, validity)));
  AddBasicConstraints(out.get(), true, 0);
  AddKeyUsage(out.get(), {kKeyCertSign, kCrlSign});
  AddKeyIds(out.get(), subject_spki, root.spki());
  return Finish(out.get(), X509_get_subject_name(Decode(root).get()), root_key);
}

absl::StatusOr<Certificate> IssueLeaf(const Certificate& issuer, const P256Signer& issuer_key,
                                      const LeafSpec& spec) {
  RETURN_IF_ERROR(CheckIssuer(issuer, issuer_key));
  const bool ed25519 = spec.spki.size() == 44 && spec.spki[1] == 0x2a;
  if (!ed25519 && !IsP256Spki(spec.spki)) {
    return absl::InvalidArgumentError("a certificate needs a P-256 or an Ed25519 key");
  }
  ASSIGN_OR_RETURN(const Owned<X509> out, Begin(spec.spki, spec.common_name, CutTo(issuer, spec.validity)));
  AddBasicConstraints(out.get(), false, 0);
  AddKeyUsage(out.get(), {kDigitalSignature});
  AddPurpose(out.get(), spec.purpose);
  RETURN_IF_ERROR(AddNames(out.get(), spec));
  AddKeyIds(out.get(), spec.spki, issuer.spki());
  ASSIGN_OR_RETURN(Certificate certificate,
                   Finish(out.get(), X509_get_subject_name(Decode(issuer).get()), issuer_key));
  if (ed25519 && !certificate.ed25519_key()) return absl::InvalidArgumentError("not a valid Ed25519 public key");
  return certificate;
}

Bytes Ed25519Spki(const Ed25519PublicKey& key) {
  constexpr uint8_t kPrefix[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
  return Concat({ByteView(kPrefix), key.view()});
}

}  // namespace plumbline::crypto
