#include "admin/console/waiting.h"

#include "common/crypto/x509.h"
#include "common/identity/codes.h"
#include "common/identity/reason.h"

namespace plumbline::admin {

using identity::Refuse;

absl::StatusOr<identity::JoinRequest> JoinRequestOf(const keys::v1::EnrolRequest& request) {
  identity::JoinRequest out;
  out.user = request.user();
  ASSIGN_OR_RETURN(const auto csr, crypto::CertificateRequest::Parse(AsBytes(request.tls_csr())));
  out.tls_key_hash = Sha256(csr.spki());
  ASSIGN_OR_RETURN(out.working_public_key, identity::ToFixed<32>(AsBytes(request.working_public_key())));
  ASSIGN_OR_RETURN(out.mls_signature_public_key, identity::ToFixed<32>(AsBytes(request.mls_signature_public_key())));
  return out;
}

absl::StatusOr<identity::Hash> FindWaiting(const keys::v1::AccountView& account, absl::string_view typed) {
  const absl::StatusOr<std::string> code = identity::NormaliseCode(typed);
  if (!code.ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "code_malformed",
                  "the code on the device's screen has 16 letters and digits, such as ABCD-EFGH-JKMN-PQRS; look at it again");
  }
  for (const keys::v1::WaitingActivation& waiting : account.waiting()) {
    const absl::StatusOr<identity::JoinRequest> request = JoinRequestOf(waiting.request());
    if (request.ok() && request->user == account.user() && identity::ApprovalCode(*request) == *code) return HashOf(*request);
  }
  return Refuse(absl::StatusCode::kNotFound, "join_unknown",
                "no device of this person that shows this code waits. If you read it from the screen correctly, somebody between that "
                "device and you has put in other keys: do not activate anything, and tell your security officer");
}

}  // namespace plumbline::admin
