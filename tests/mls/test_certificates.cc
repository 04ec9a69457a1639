#include "tests/mls/test_certificates.h"

#include <openssl/x509v3.h>

#include "common/check.h"

namespace plumbline::mls {
namespace {

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  CHECK(extension != nullptr);
  CHECK(X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

}  // namespace

TestKey TestKey::P256() { return OfCurve("P-256"); }

TestKey TestKey::OfCurve(const char* name) { return {std::shared_ptr<EVP_PKEY>(EVP_EC_gen(name), EVP_PKEY_free)}; }

TestKey TestKey::Ed448() {
  return {std::shared_ptr<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448"), EVP_PKEY_free)};
}

TestKey TestKey::Ed25519() { return Ed25519From(RandomBytes(32)); }

TestKey TestKey::Ed25519From(ByteView seed) {
  return {std::shared_ptr<EVP_PKEY>(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()),
                                    EVP_PKEY_free)};
}

TestCertificate MakeTestCertificate(const TestKey& key, const TestCertificate* issuer,
                                    const TestCertificateParams& params) {
  TestCertificate made{{}, key, std::shared_ptr<X509>(X509_new(), X509_free)};
  X509* const x509 = made.x509.get();
  X509* const signer = issuer == nullptr ? x509 : issuer->x509.get();
  const TestKey& signer_key = issuer == nullptr ? key : issuer->key;
  CHECK(X509_set_version(x509, X509_VERSION_3) == 1);
  CHECK(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), 42) == 1);
  CHECK(ASN1_TIME_set(X509_getm_notBefore(x509), absl::ToTimeT(params.not_before)) != nullptr);
  CHECK(ASN1_TIME_set(X509_getm_notAfter(x509), absl::ToTimeT(params.not_after)) != nullptr);
  CHECK(X509_set_pubkey(x509, key.pkey.get()) == 1);
  CHECK(X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const uint8_t*>(params.common_name.c_str()), -1, -1, 0) == 1);
  CHECK(X509_set_issuer_name(x509, X509_get_subject_name(signer)) == 1);
  AddExtension(x509, signer, NID_basic_constraints, params.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (params.ca || !params.key_usage.empty()) {
    AddExtension(x509, signer, NID_key_usage, params.ca ? "critical,keyCertSign,cRLSign" : params.key_usage);
  }
  AddExtension(x509, signer, NID_subject_key_identifier, "hash");
  if (issuer != nullptr) AddExtension(x509, signer, NID_authority_key_identifier, "keyid:always");
  if (!params.extended_key_usage.empty()) AddExtension(x509, signer, NID_ext_key_usage, params.extended_key_usage);
  std::string names;
  for (const std::string& uri : params.uris) names += (names.empty() ? "URI:" : ",URI:") + uri;
  if (!names.empty()) AddExtension(x509, signer, NID_subject_alt_name, names);
  const bool pure = EVP_PKEY_get_id(signer_key.pkey.get()) == EVP_PKEY_ED25519;
  CHECK(X509_sign(x509, signer_key.pkey.get(), pure ? nullptr : EVP_sha256()) > 0);
  const int size = i2d_X509(x509, nullptr);
  CHECK(size > 0);
  made.der.resize(static_cast<size_t>(size));
  uint8_t* out = made.der.data();
  CHECK(i2d_X509(x509, &out) == size);
  return made;
}

}  // namespace plumbline::mls
