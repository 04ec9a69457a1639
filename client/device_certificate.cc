#include "client/device_certificate.h"

#include <vector>

#include "common/file.h"
#include "common/identity/reason.h"

namespace plumbline::client {

absl::StatusOr<bool> RenewDeviceCertificate(const std::string& key_path, const std::string& certificate_path,
                                            const crypto::Certificate& root, Network& network, const Clock& clock) {
  constexpr size_t kMaxPem = 64 * 1024;
  ASSIGN_OR_RETURN(const std::string pem, ReadTextFile(certificate_path, kMaxPem));
  ASSIGN_OR_RETURN(const crypto::Certificate current, crypto::Certificate::ParsePem(pem));
  const absl::Duration life = current.not_after() - current.not_before();
  if (current.not_after() - clock.Now() > life / 2) return false;
  ASSIGN_OR_RETURN(const Secret key_pem, ReadSecretFile(key_path, kMaxPem));
  ASSIGN_OR_RETURN(const crypto::P256PrivateKey key, crypto::P256PrivateKey::FromPem(key_pem));
  keys::v1::RenewCertificateRequest request;
  request.set_tls_csr(ToString(crypto::CertificateRequest::Create(key)));
  ASSIGN_OR_RETURN(const keys::v1::RenewCertificateResponse response, network.RenewCertificate(request));
  std::vector<crypto::Certificate> chain;
  for (const std::string& der : response.tls_certificates()) {
    ASSIGN_OR_RETURN(crypto::Certificate certificate, crypto::Certificate::Parse(AsBytes(der)));
    chain.push_back(std::move(certificate));
  }
  if (chain.size() != 2 || chain[0].spki() != key.spki() || chain[0].uris() != current.uris()) {
    return identity::Refuse(absl::StatusCode::kInternal, "key_server_answer",
                            "the key server sent a renewed certificate that is not this device's; tell its operator");
  }
  RETURN_IF_ERROR(crypto::VerifyChain(chain[0], {chain[1]}, root, clock.Now(), crypto::Purpose::kTlsClient));
  RETURN_IF_ERROR(WriteFileAtomically(certificate_path, AsBytes(crypto::ToPemChain(chain)), 0600));
  return true;
}

}  // namespace plumbline::client
