#include "mls/credential.h"

#include "common/check.h"

namespace plumbline::mls {
namespace {

absl::StatusOr<std::vector<ByteView>> SplitCertificates(ByteView content) {
  std::vector<ByteView> chain;
  Reader in(content);
  while (!in.AtEnd()) {
    if (chain.size() == kMaxCertificates) return absl::InvalidArgumentError("credential has too many certificates");
    ASSIGN_OR_RETURN(const ByteView certificate, in.Vector(kMaxCredentialSize));
    if (certificate.empty()) return absl::InvalidArgumentError("credential has an empty certificate");
    chain.push_back(certificate);
  }
  if (chain.empty()) return absl::InvalidArgumentError("X.509 credential without a certificate");
  return chain;
}

}  // namespace

Credential Credential::Basic(ByteView identity) { return {kCredentialBasic, ToBytes(identity)}; }

Credential Credential::X509(const std::vector<Bytes>& chain) {
  CHECK(!chain.empty() && chain.size() <= kMaxCertificates);
  Writer content;
  for (const Bytes& certificate : chain) content.Vector(certificate);
  return {kCredentialX509, content.TakeBytes()};
}

absl::StatusOr<Credential> ReadCredential(Reader& in) {
  Credential credential;
  ASSIGN_OR_RETURN(credential.type, in.U16());
  ASSIGN_OR_RETURN(const ByteView content, in.Vector(kMaxCredentialSize));
  if (credential.type == kCredentialX509) RETURN_IF_ERROR(SplitCertificates(content).status());
  credential.content = ToBytes(content);
  return credential;
}

void WriteCredential(Writer& out, const Credential& credential) {
  out.U16(credential.type).Vector(credential.content);
}

absl::StatusOr<std::vector<ByteView>> CertificateChain(const Credential& credential) {
  if (credential.type != kCredentialX509) return absl::InvalidArgumentError("not an X.509 credential");
  return SplitCertificates(credential.content);
}

}  // namespace plumbline::mls
