#include "common/crypto/x509.h"

#include <arpa/inet.h>
#include <openssl/pem.h>

#include <algorithm>
#include <set>

#include "common/check.h"
#include "common/crypto/issue.h"
#include "common/crypto/openssl.h"
#include "common/crypto/x509_oids.h"

namespace plumbline::crypto {
namespace {

constexpr size_t kMaxPemSize = kMaxChain * 2 * kMaxCertificateSize;
constexpr int kMaxNames = 32;

absl::Status Malformed(absl::string_view what) {
  ForgetOpensslErrors();
  return absl::InvalidArgumentError(what);
}

// The text of a name without blanks, control or non-ASCII characters; these have no place in one.
std::optional<std::string> NameText(const ASN1_STRING* value) {
  const uint8_t* data = ASN1_STRING_get0_data(value);
  const int size = ASN1_STRING_length(value);
  if (size <= 0 || std::any_of(data, data + size, [](uint8_t c) { return c <= 0x20 || c >= 0x7f; })) {
    return std::nullopt;
  }
  return std::string(reinterpret_cast<const char*>(data), static_cast<size_t>(size));
}

std::optional<std::string> AddressText(const ASN1_OCTET_STRING* value) {
  const int size = ASN1_STRING_length(value);
  char text[INET6_ADDRSTRLEN];
  if (size != 4 && size != 16) return std::nullopt;
  return inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), text, sizeof text);
}

absl::Status ReadNames(const X509* certificate, std::vector<std::string>& uris,
                       std::vector<std::string>& dns_names, std::vector<std::string>& ip_addresses) {
  int critical = 0;
  const Owned<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
  if (names == nullptr) {
    return critical == -1 ? absl::OkStatus() : Malformed("the certificate's alternative names are malformed");
  }
  if (sk_GENERAL_NAME_num(names.get()) > kMaxNames) return Malformed("the certificate has too many names");
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_IPADD) {
      const std::optional<std::string> address = AddressText(name->d.iPAddress);
      if (!address) return Malformed("an address in the certificate is neither of IPv4 nor of IPv6");
      ip_addresses.push_back(*address);
      continue;
    }
    if (name->type != GEN_URI && name->type != GEN_DNS) continue;
    const std::optional<std::string> text = NameText(name->d.ia5);
    if (!text) return Malformed("a name in the certificate has characters that do not belong there");
    (name->type == GEN_URI ? uris : dns_names).push_back(*text);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Purpose>> ReadPurpose(const X509* certificate) {
  int critical = 0;
  const Owned<EXTENDED_KEY_USAGE> usage(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(certificate, NID_ext_key_usage, &critical, nullptr)));
  if (usage == nullptr) {
    if (critical != -1) return Malformed("the certificate's key usage is malformed");
    return std::nullopt;
  }
  std::set<std::string> oids;
  for (int i = 0; i < sk_ASN1_OBJECT_num(usage.get()); ++i) {
    char oid[128];
    if (OBJ_obj2txt(oid, sizeof oid, sk_ASN1_OBJECT_value(usage.get(), i), 1) <= 0) return std::nullopt;
    oids.insert(oid);
  }
  constexpr char kServer[] = "1.3.6.1.5.5.7.3.1", kClient[] = "1.3.6.1.5.5.7.3.2";
  if (oids == std::set<std::string>{kServer}) return Purpose::kTlsServer;
  if (oids == std::set<std::string>{kClient}) return Purpose::kTlsClient;
  if (oids == std::set<std::string>{kServer, kClient}) return Purpose::kTlsPeer;
  if (oids == std::set<std::string>{kOidMlsCredential}) return Purpose::kMlsCredential;
  if (oids == std::set<std::string>{kOidRoleSignature}) return Purpose::kRoleSignature;
  return std::nullopt;
}

absl::StatusOr<absl::Time> ReadTime(const ASN1_TIME* time) {
  std::tm parts;
  if (ASN1_TIME_to_tm(time, &parts) != 1) return Malformed("the certificate's validity is malformed");
  return absl::FromTM(parts, absl::UTCTimeZone());
}

std::string ReadCommonName(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(const_cast<X509_NAME*>(subject), NID_commonName, -1);
  if (index < 0) return "";
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  if (size < 0) return "";
  std::string out(reinterpret_cast<char*>(text), static_cast<size_t>(size));
  OPENSSL_free(text);
  return out;
}

std::optional<Ed25519PublicKey> ReadEd25519(ByteView spki) {
  constexpr size_t kPrefix = 12;
  if (spki.size() != kPrefix + kEd25519KeySize) return std::nullopt;
  const auto key = Ed25519PublicKey::Parse(spki.subspan(kPrefix));
  if (!key.ok() || !Equal(Ed25519Spki(*key), spki)) return std::nullopt;
  return *key;
}

}  // namespace

absl::StatusOr<Certificate> Certificate::Parse(ByteView der) {
  if (der.empty() || der.size() > kMaxCertificateSize) return Malformed("not a certificate: wrong size");
  const unsigned char* cursor = der.data();
  const Owned<X509> parsed(d2i_X509(nullptr, &cursor, static_cast<long>(der.size())));
  if (parsed == nullptr || cursor != der.data() + der.size()) return Malformed("not a certificate");
  Certificate out;
  out.der_ = ToDer(parsed.get(), i2d_X509);
  if (!Equal(out.der_, der)) return Malformed("the certificate is not in its distinguished encoding");
  out.spki_ = ToDer(X509_get_X509_PUBKEY(parsed.get()), i2d_X509_PUBKEY);
  out.ed25519_key_ = ReadEd25519(out.spki_);
  const ASN1_INTEGER* serial = X509_get0_serialNumber(parsed.get());
  const uint8_t* serial_data = ASN1_STRING_get0_data(serial);
  out.serial_.assign(serial_data, serial_data + ASN1_STRING_length(serial));
  RETURN_IF_ERROR(ReadNames(parsed.get(), out.uris_, out.dns_names_, out.ip_addresses_));
  out.common_name_ = ReadCommonName(parsed.get());
  ASSIGN_OR_RETURN(out.not_before_, ReadTime(X509_get0_notBefore(parsed.get())));
  ASSIGN_OR_RETURN(out.not_after_, ReadTime(X509_get0_notAfter(parsed.get())));
  out.is_ca_ = X509_check_ca(parsed.get()) == 1;
  ASSIGN_OR_RETURN(out.purpose_, ReadPurpose(parsed.get()));
  if (out.is_ca_) out.purpose_.reset();
  ForgetOpensslErrors();
  return out;
}

absl::StatusOr<Certificate> Certificate::ParsePem(absl::string_view pem) {
  if (pem.size() > kMaxPemSize) return Malformed("too long for a certificate");
  const Owned<BIO> bio = ReadBio(AsBytes(pem));
  const Owned<X509> parsed(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (parsed == nullptr) return Malformed("no certificate in PEM form");
  return Parse(ToDer(parsed.get(), i2d_X509));
}

std::string Certificate::ToPem() const {
  const unsigned char* cursor = der_.data();
  const Owned<X509> parsed(d2i_X509(nullptr, &cursor, static_cast<long>(der_.size())));
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  CHECK(parsed != nullptr && bio != nullptr && PEM_write_bio_X509(bio.get(), parsed.get()) == 1);
  return ToString(TakeBio(bio.get()).view());
}

absl::StatusOr<std::vector<Certificate>> ParsePemChain(absl::string_view pem, size_t most) {
  if (pem.size() > kMaxPemSize) return Malformed("too long for a certificate chain");
  const Owned<BIO> bio = ReadBio(AsBytes(pem));
  std::vector<Certificate> out;
  while (true) {
    const Owned<X509> parsed(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (parsed == nullptr) break;
    if (out.size() == most) return Malformed("more certificates than a chain has");
    ASSIGN_OR_RETURN(Certificate certificate, Certificate::Parse(ToDer(parsed.get(), i2d_X509)));
    out.push_back(std::move(certificate));
  }
  ForgetOpensslErrors();
  const size_t announced = [&] {
    size_t count = 0;
    for (size_t at = pem.find("-----BEGIN"); at != absl::string_view::npos; at = pem.find("-----BEGIN", at + 1)) ++count;
    return count;
  }();
  if (out.empty() || out.size() != announced) return Malformed("not a chain of certificates in PEM form");
  return out;
}

std::string ToPemChain(const std::vector<Certificate>& chain) {
  std::string out;
  for (const Certificate& certificate : chain) out += certificate.ToPem();
  return out;
}

Bytes CertificateRequest::Create(const P256PrivateKey& key) {
  const unsigned char* cursor = key.der().data();
  const Owned<PKCS8_PRIV_KEY_INFO> info(
      d2i_PKCS8_PRIV_KEY_INFO(nullptr, &cursor, static_cast<long>(key.der().size())));
  CHECK(info != nullptr);
  const Owned<EVP_PKEY> private_key(EVP_PKCS82PKEY(info.get()));
  const Owned<X509_REQ> request(X509_REQ_new());
  CHECK(private_key != nullptr && request != nullptr);
  CHECK(X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1);
  CHECK(X509_REQ_set_pubkey(request.get(), private_key.get()) == 1);
  CHECK(X509_REQ_sign(request.get(), private_key.get(), EVP_sha256()) > 0);
  return ToDer(request.get(), i2d_X509_REQ);
}

absl::StatusOr<CertificateRequest> CertificateRequest::Parse(ByteView der) {
  if (der.empty() || der.size() > kMaxCertificateSize) return Malformed("not a certificate request: wrong size");
  const unsigned char* cursor = der.data();
  const Owned<X509_REQ> parsed(d2i_X509_REQ(nullptr, &cursor, static_cast<long>(der.size())));
  if (parsed == nullptr || cursor != der.data() + der.size() ||
      !Equal(ToDer(parsed.get(), i2d_X509_REQ), der)) {
    return Malformed("not a certificate request");
  }
  if (X509_NAME_entry_count(X509_REQ_get_subject_name(parsed.get())) != 0 ||
      X509_REQ_get_attr_count(parsed.get()) > 0) {
    return Malformed("a certificate request carries a key and nothing else");
  }
  CertificateRequest out;
  out.spki_ = ToDer(X509_REQ_get_X509_PUBKEY(parsed.get()), i2d_X509_PUBKEY);
  EVP_PKEY* key = X509_REQ_get0_pubkey(parsed.get());
  if (!IsP256Spki(out.spki_) || key == nullptr) return Malformed("a certificate request needs a P-256 key");
  if (X509_REQ_verify(parsed.get(), key) != 1) {
    ForgetOpensslErrors();
    return absl::UnauthenticatedError("the certificate request is not signed by the key it carries");
  }
  return out;
}

}  // namespace plumbline::crypto
