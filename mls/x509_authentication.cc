#include "mls/x509_authentication.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <climits>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "mls/crypto/openssl_handles.h"
#include "mls/crypto/primitives.h"

namespace plumbline::mls {
namespace {

constexpr size_t kMaxIntermediates = kMaxCertificates;
constexpr int kSecurityLevel = 2;  // OpenSSL's: 112 bits, no SHA-1

using CertificatePtr = std::unique_ptr<X509, OpensslFree<X509_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>>;
using UsagePtr = std::unique_ptr<EXTENDED_KEY_USAGE, OpensslFree<EXTENDED_KEY_USAGE_free>>;
using ObjectPtr = std::unique_ptr<ASN1_OBJECT, OpensslFree<ASN1_OBJECT_free>>;
using VerifyPtr = std::unique_ptr<X509_STORE_CTX, OpensslFree<X509_STORE_CTX_free>>;
void FreeStack(STACK_OF(X509) * stack) { sk_X509_free(stack); }  // borrows its certificates
using StackPtr = std::unique_ptr<STACK_OF(X509), OpensslFree<FreeStack>>;

absl::Status Refused(absl::string_view why) { return absl::UnauthenticatedError(why); }

// One certificate that fills `der` exactly, in DER (no other BER form encodes back to the same bytes).
absl::StatusOr<CertificatePtr> ParseCertificate(ByteView der) {
  const uint8_t* at = der.data();
  if (der.size() > kMaxCredentialSize) return absl::InvalidArgumentError("certificate is too large");
  CertificatePtr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  uint8_t* encoded = nullptr;
  const int size = certificate == nullptr ? -1 : i2d_X509(certificate.get(), &encoded);
  const bool same = size >= 0 && Equal(ByteView(encoded, static_cast<size_t>(size)), der);
  OPENSSL_free(encoded);
  if (!same) return absl::InvalidArgumentError("credential holds something that is no certificate in DER");
  return certificate;
}

absl::StatusOr<std::vector<CertificatePtr>> ParseChain(const Credential& credential) {
  ASSIGN_OR_RETURN(const std::vector<ByteView> encoded, CertificateChain(credential));
  std::vector<CertificatePtr> chain;
  for (const ByteView der : encoded) {
    ASSIGN_OR_RETURN(CertificatePtr certificate, ParseCertificate(der));
    chain.push_back(std::move(certificate));
  }
  return chain;
}

absl::StatusOr<absl::Time> ToTime(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InvalidArgumentError("certificate has a malformed date");
  return absl::FromTM(parts, absl::UTCTimeZone());
}

absl::StatusOr<std::vector<std::string>> Uris(const X509* certificate) {
  std::vector<std::string> uris;
  int found = 0;
  const NamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, nullptr)));
  if (names == nullptr) {
    if (found == -1) return uris;  // no such extension
    return absl::InvalidArgumentError("certificate has malformed alternative names");
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* const text = name->d.uniformResourceIdentifier;
    std::string uri(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), ASN1_STRING_length(text));
    const bool printable = std::all_of(uri.begin(), uri.end(), [](char c) { return c > ' ' && c <= '~'; });
    if (uri.empty() || !printable || uris.size() == kMaxSubjectUris) {
      return absl::InvalidArgumentError("certificate names its subject by an unusable URI, or by too many");
    }
    uris.push_back(std::move(uri));
  }
  return uris;
}

bool IsEcdsaCurve(const EVP_PKEY* key) {
  std::array<char, 32> name{};
  size_t size = 0;
  if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1) return false;
  const absl::string_view curve(name.data(), size);
  return curve == "prime256v1" || curve == "secp384r1" || curve == "secp521r1";
}

// The public key as leaf nodes have it (RFC 9420 §5.1.1).
std::optional<Bytes> SignatureKey(X509* certificate) {
  EVP_PKEY* const key = X509_get0_pubkey(certificate);
  if (key == nullptr) return std::nullopt;
  const int type = EVP_PKEY_get_id(key);
  if (type != EVP_PKEY_ED25519 && type != EVP_PKEY_ED448 && !(type == EVP_PKEY_EC && IsEcdsaCurve(key))) {
    return std::nullopt;
  }
  Bytes encoded(1 + 2 * 66);
  size_t size = encoded.size();
  const int ok = type == EVP_PKEY_EC ? EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, encoded.data(),
                                                                       encoded.size(), &size)
                                     : EVP_PKEY_get_raw_public_key(key, encoded.data(), &size);
  if (ok != 1) return std::nullopt;
  encoded.resize(size);
  return encoded;
}

absl::StatusOr<CertificateSubject> SubjectOf(X509* certificate) {
  CertificateSubject subject;
  ASSIGN_OR_RETURN(subject.uris, Uris(certificate));
  subject.signature_key = SignatureKey(certificate);
  if (subject.signature_key && subject.signature_key->size() == kEd25519PublicKeySize) subject.ed25519_key = subject.signature_key;
  ASSIGN_OR_RETURN(subject.not_before, ToTime(X509_get0_notBefore(certificate)));
  ASSIGN_OR_RETURN(subject.not_after, ToTime(X509_get0_notAfter(certificate)));
  return subject;
}

// The demanded OID, and no other.
bool HasOnlyUsage(const X509* certificate, const std::string& oid) {
  const UsagePtr usages(
      static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(certificate, NID_ext_key_usage, nullptr, nullptr)));
  const ObjectPtr wanted(OBJ_txt2obj(oid.c_str(), /*no_name=*/1));
  CHECK(wanted != nullptr);
  return usages != nullptr && sk_ASN1_OBJECT_num(usages.get()) == 1 &&
         OBJ_cmp(sk_ASN1_OBJECT_value(usages.get(), 0), wanted.get()) == 0;
}

absl::Status CheckLeaf(X509* leaf, ByteView signature_key, const std::string& extended_key_usage) {
  ASSIGN_OR_RETURN(const CertificateSubject subject, SubjectOf(leaf));
  if (!subject.signature_key) return Refused("certificate's key is of no signature scheme of MLS");
  if (!Equal(*subject.signature_key, signature_key)) return Refused("certificate is for another signature key");
  if (subject.uris.empty()) return Refused("certificate does not name its subject by a URI");
  if (X509_check_ca(leaf) != 0) return Refused("a certificate authority cannot be a member");
  if ((X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) == 0) return Refused("certificate's key may not sign");
  if (!extended_key_usage.empty() && !HasOnlyUsage(leaf, extended_key_usage)) {
    return Refused("certificate is for another purpose");
  }
  return absl::OkStatus();
}

absl::Status VerifyToRoot(X509_STORE* roots, const std::vector<CertificatePtr>& chain, absl::Time now) {
  const StackPtr intermediates(sk_X509_new_null());
  const VerifyPtr context(X509_STORE_CTX_new());
  CHECK(intermediates != nullptr && context != nullptr);
  for (size_t i = 1; i < chain.size(); ++i) {
    if (X509_check_issued(chain[i].get(), chain[i - 1].get()) != X509_V_OK) {
      return Refused("certificates of the credential are not each issued by the next");
    }
    CHECK(sk_X509_push(intermediates.get(), chain[i].get()) > 0);
  }
  CHECK(X509_STORE_CTX_init(context.get(), roots, chain[0].get(), intermediates.get()) == 1);
  X509_VERIFY_PARAM* const rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(rules, absl::ToTimeT(now));
  X509_VERIFY_PARAM_set_depth(rules, static_cast<int>(kMaxIntermediates));
  X509_VERIFY_PARAM_set_auth_level(rules, kSecurityLevel);
  CHECK(X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_X509_STRICT) == 1);
  if (X509_verify_cert(context.get()) == 1) return absl::OkStatus();
  const int error = X509_STORE_CTX_get_error(context.get());
  return Refused(absl::StrCat("certificate chain is refused: ", X509_verify_cert_error_string(error)));
}

}  // namespace

absl::StatusOr<CertificateSubject> ReadSubject(const Credential& credential) {
  const ErrorQueueScope errors;
  ASSIGN_OR_RETURN(const std::vector<CertificatePtr> chain, ParseChain(credential));
  return SubjectOf(chain[0].get());
}

void X509AuthenticationService::StoreFree::operator()(X509_STORE* store) const { X509_STORE_free(store); }

X509AuthenticationService::X509AuthenticationService(std::string extended_key_usage)
    : roots_(X509_STORE_new()), extended_key_usage_(std::move(extended_key_usage)) {
  CHECK(roots_ != nullptr);
}

X509AuthenticationService::~X509AuthenticationService() = default;

absl::StatusOr<std::unique_ptr<X509AuthenticationService>> X509AuthenticationService::Create(
    const X509AuthenticationOptions& options) {
  const ErrorQueueScope errors;
  if (options.roots.empty()) return absl::InvalidArgumentError("no root certificate to trust");
  if (!options.extended_key_usage.empty() &&
      ObjectPtr(OBJ_txt2obj(options.extended_key_usage.c_str(), 1)) == nullptr) {
    return absl::InvalidArgumentError("extended key usage is not an object identifier");
  }
  std::unique_ptr<X509AuthenticationService> service(new X509AuthenticationService(options.extended_key_usage));
  for (const Bytes& der : options.roots) {
    ASSIGN_OR_RETURN(const CertificatePtr root, ParseCertificate(der));
    CHECK(X509_STORE_add_cert(service->roots_.get(), root.get()) == 1);
  }
  return service;
}

absl::Status X509AuthenticationService::Validate(const Credential& credential, ByteView signature_key,
                                                 absl::Time now) const {
  const ErrorQueueScope errors;
  const absl::StatusOr<std::vector<CertificatePtr>> chain = ParseChain(credential);
  if (!chain.ok()) return Refused(chain.status().message());
  const absl::Status leaf = CheckLeaf((*chain)[0].get(), signature_key, extended_key_usage_);
  if (!leaf.ok()) return Refused(leaf.message());
  return VerifyToRoot(roots_.get(), *chain, now);
}

absl::Status X509AuthenticationService::ValidateMember(const Credential& credential, ByteView signature_key, absl::Time now) const {
  const absl::StatusOr<CertificateSubject> subject = ReadSubject(credential);
  if (!subject.ok()) return Refused(subject.status().message());
  return Validate(credential, signature_key, std::min(now, subject->not_after - absl::Seconds(1)));
}

bool X509AuthenticationService::SameClient(const Credential& a, const Credential& b) const {
  return uris_.Same(a, b, [](const Credential& credential) -> absl::StatusOr<std::vector<std::string>> {
    ASSIGN_OR_RETURN(CertificateSubject subject, ReadSubject(credential));
    if (subject.uris.empty()) return absl::InvalidArgumentError("certificate does not name its subject by a URI");
    return std::move(subject.uris);
  });
}

}  // namespace plumbline::mls
