#include "common/identity/enrolment_proof.h"

#include "common/identity/uri.h"

namespace plumbline::identity {

Bytes Encode(const EnrolmentProof& proof) {
  Writer out;
  out.Vector(AsBytes(proof.user))
      .Fixed(proof.code_key)
      .Fixed(proof.tls_csr_hash)
      .Fixed(proof.working_public_key)
      .Fixed(proof.mls_signature_public_key);
  return out.TakeBytes();
}

absl::StatusOr<EnrolmentProof> ParseEnrolmentProof(ByteView wire) {
  Reader in(wire);
  EnrolmentProof out;
  ASSIGN_OR_RETURN(out.user, ReadUserUri(in));
  ASSIGN_OR_RETURN(out.code_key, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.tls_csr_hash, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.working_public_key, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.mls_signature_public_key, ReadFixed<32>(in));
  RETURN_IF_ERROR(in.Done());
  return out;
}

Bytes Encode(const AdministratorProof& proof) {
  Writer out;
  out.Vector(AsBytes(proof.domain)).Vector(AsBytes(proof.name)).Fixed(proof.public_key);
  return out.TakeBytes();
}

}  // namespace plumbline::identity
