#include "common/identity/enrolment_proof.h"

namespace plumbline::identity {

Bytes Encode(const EnrolmentProof& proof) {
  Writer out;
  out.Vector(AsBytes(proof.user))
      .Fixed(proof.code_hash)
      .Fixed(proof.tls_csr_hash)
      .Fixed(proof.working_public_key)
      .Fixed(proof.mls_signature_public_key);
  return out.TakeBytes();
}

Bytes Encode(const AdministratorProof& proof) {
  Writer out;
  out.Vector(AsBytes(proof.domain)).Vector(AsBytes(proof.name)).Fixed(proof.public_key);
  return out.TakeBytes();
}

}  // namespace plumbline::identity
