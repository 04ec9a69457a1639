#include "common/identity/root_statement.h"

#include "absl/strings/str_cat.h"

namespace plumbline::identity {

absl::Status VerifyRootStatement(absl::string_view what, ByteView certificate, ByteView statement, ByteView signature, absl::string_view label,
                                 const crypto::Certificate& root, absl::string_view domain, Role role, absl::Time at) {
  ASSIGN_OR_RETURN(const crypto::Certificate parsed, crypto::Certificate::Parse(certificate));
  const absl::Status chain = crypto::VerifyChain(parsed, {}, root, at, crypto::Purpose::kRoleSignature);
  if (!chain.ok()) return absl::UnauthenticatedError(absl::StrCat("the certificate of ", what, ": ", chain.message()));
  const std::string uri = RoleUri{std::string(domain), role}.ToString();
  if (parsed.uris() != std::vector<std::string>{uri} || !parsed.ed25519_key())
    return absl::UnauthenticatedError(absl::StrCat("the certificate is not for ", what));
  if (!parsed.ed25519_key()->Verify(label, statement, signature).ok())
    return absl::UnauthenticatedError(absl::StrCat(what, ": the signature does not verify"));
  return absl::OkStatus();
}

}  // namespace plumbline::identity
