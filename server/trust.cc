#include "server/trust.h"

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"
#include "common/identity/trust.h"
#include "common/identity/uri.h"

namespace plumbline::server {
namespace {

using crypto::Certificate;
using identity::Refuse;

absl::Status BadCertificate(absl::string_view cause) {
  return Refuse(absl::StatusCode::kFailedPrecondition, "certificate_invalid",
                absl::StrCat("the server's certificate cannot be used: ", cause,
                             "; sign server.csr again with plumbline-keyserver sign-service"));
}

}  // namespace

absl::StatusOr<Trust> ReadTrust(absl::string_view pem, const crypto::Fingerprint& root, absl::string_view domain,
                                absl::Time now) {
  const absl::StatusOr<identity::TrustBundle> bundle = identity::ReadTrustBundle(pem);
  if (!bundle.ok()) {
    return Refuse(absl::StatusCode::kUnauthenticated, "trust_invalid",
                  absl::StrCat("the trust file does not parse: ", bundle.status().message()));
  }
  const std::vector<Certificate>& all = bundle->certificates;
  if (all.front().fingerprint() != root) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "root_mismatch",
                  "the trust file does not begin with a root of the configured fingerprint; compare it with the one that "
                  "plumbline-keyserver init printed, and find out where this file came from");
  }
  const std::vector<Certificate> roles(all.begin() + 1, all.end());
  const absl::StatusOr<identity::OrganisationTrust> trust = identity::VerifyTrust(all.front(), roles, bundle->organisation_keys, domain, now);
  if (!trust.ok()) {
    return Refuse(absl::StatusCode::kUnauthenticated, "trust_invalid",
                  absl::StrCat("the organisation's keys are not good: ", trust.status().message(),
                               "; check the clock, then export the trust file again from the key server"));
  }
  return Trust{trust->root.ToPem(), FileKeys{trust->Keys(), bundle->organisation_keys, trust->statement}};
}

absl::StatusOr<rpc::TlsIdentity> CheckCertificate(absl::string_view chain_pem, const crypto::P256PrivateKey& key,
                                                  const Trust& trust, absl::string_view domain, absl::Time now) {
  const absl::StatusOr<std::vector<Certificate>> chain = crypto::ParsePemChain(chain_pem);
  if (!chain.ok()) return BadCertificate(chain.status().message());
  const Certificate& leaf = chain->front();
  if (leaf.spki() != key.spki()) return BadCertificate("it is for another key");
  ASSIGN_OR_RETURN(const Certificate root, Certificate::ParsePem(trust.root_pem));
  const std::vector<Certificate> rest(chain->begin() + 1, chain->end());
  for (const crypto::Purpose purpose : {crypto::Purpose::kTlsPeer, crypto::Purpose::kTlsServer}) {
    if (leaf.purpose() != purpose) continue;
    const absl::Status status = crypto::VerifyChain(leaf, rest, root, now, purpose, trust.keys.keys.replaced());
    if (!status.ok()) return BadCertificate(status.message());
    const std::string uri = identity::ServiceUri{std::string(domain), identity::Service::kDelivery}.ToString();
    if (leaf.uris() != std::vector<std::string>{uri}) return BadCertificate("it is not in the name of the delivery service");
    // Leaf, issuing, root: a newcomer who knows only the root's fingerprint finds it in the handshake.
    std::string presented(chain_pem);
    if (!(chain->back() == root)) presented += trust.root_pem;
    return rpc::TlsIdentity{std::move(presented), key.ToPem()};
  }
  return BadCertificate("it is not for TLS servers");
}

}  // namespace plumbline::server
