// Certificates made on the spot, good ones and bad ones, for tests of X.509 credentials.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/bytes.h"

namespace plumbline::mls {

struct TestKey {
  std::shared_ptr<EVP_PKEY> pkey;
  static TestKey P256();
  static TestKey OfCurve(const char* name);
  static TestKey Ed448();
  static TestKey Ed25519();
  static TestKey Ed25519From(ByteView seed);  // 32 bytes
};

struct TestCertificateParams {
  std::string common_name = "subject";
  std::vector<std::string> uris;
  absl::Time not_before = absl::FromUnixSeconds(1'700'000'000);
  absl::Time not_after = absl::FromUnixSeconds(1'800'000'000);
  bool ca = false;
  std::string key_usage = "critical,digitalSignature";  // of a leaf
  std::string extended_key_usage;                       // OID; empty for none
};

struct TestCertificate {
  Bytes der;
  TestKey key;
  std::shared_ptr<X509> x509;
};

// Self-signed if `issuer` is null. Aborts if OpenSSL refuses.
TestCertificate MakeTestCertificate(const TestKey& key, const TestCertificate* issuer, const TestCertificateParams& params);

}  // namespace plumbline::mls
