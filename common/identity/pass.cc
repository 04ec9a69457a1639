#include "common/identity/pass.h"

#include "common/identity/labels.h"
#include "common/identity/reason.h"

namespace plumbline::identity {
namespace {

Writer SignedPart(const Pass& pass) {
  Writer out;
  out.U16(kPassTokenType)
      .Fixed(pass.nonce)
      .Fixed(pass.challenge_digest)
      .Fixed(pass.token_key_id)
      .U64(pass.expires_unix);
  return out;
}

absl::Status Invalid(absl::string_view why) {
  return Refuse(absl::StatusCode::kUnauthenticated, "token_invalid", why);
}

}  // namespace

bool IsPurpose(absl::string_view purpose) {
  return purpose == kPurposeDelivery || purpose == kPurposeDirectory;
}

Hash ChallengeDigest(absl::string_view domain, absl::string_view purpose) {
  Writer out;
  out.Vector(AsBytes(kChallengeLabel)).Vector(AsBytes(domain)).Vector(AsBytes(purpose));
  return Sha256(out.view());
}

Bytes Encode(const Pass& pass) { return SignedPart(pass).Fixed(pass.signature).TakeBytes(); }

absl::StatusOr<Pass> ParsePass(ByteView wire) {
  Reader in(wire);
  ASSIGN_OR_RETURN(const uint16_t type, in.U16());
  if (type != kPassTokenType) return absl::InvalidArgumentError("unknown token type");
  Pass out;
  ASSIGN_OR_RETURN(out.nonce, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.challenge_digest, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.token_key_id, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.expires_unix, in.U64());
  ASSIGN_OR_RETURN(out.signature, ReadFixed<64>(in));
  RETURN_IF_ERROR(in.Done());
  return out;
}

Pass IssuePass(const crypto::Ed25519KeyPair& passes_key, const Hash& challenge_digest, absl::Time now) {
  Pass out;
  out.nonce = RandomFixed<32>();
  out.challenge_digest = challenge_digest;
  out.token_key_id = Sha256(passes_key.public_key().view());
  const auto end = static_cast<uint64_t>(absl::ToUnixSeconds(now + kPassLife));
  out.expires_unix = (end + 59) / 60 * 60;
  out.signature = *ToFixed<64>(passes_key.Sign(kPassLabel, SignedPart(out).view()));
  return out;
}

absl::StatusOr<Pass> CheckPass(ByteView wire, const crypto::Ed25519PublicKey& passes_key,
                               const Hash& challenge_digest, absl::Time now) {
  absl::StatusOr<Pass> pass = ParsePass(wire);
  if (!pass.ok()) return Invalid("this is not a pass; draw new ones");
  if (pass->challenge_digest != challenge_digest)
    return Invalid("the pass is for another service or organisation");
  if (pass->token_key_id != Hash(Sha256(passes_key.view()))) return Invalid("the pass is under another key");
  if (!passes_key.Verify(kPassLabel, SignedPart(*pass).view(), pass->signature).ok()) {
    return Invalid("the pass's signature does not verify");
  }
  const int64_t seconds = absl::ToUnixSeconds(now);
  if (seconds < 0 || pass->expires_unix <= static_cast<uint64_t>(seconds)) {
    return Refuse(absl::StatusCode::kUnauthenticated, "token_expired", "the pass has expired; draw new ones");
  }
  return pass;
}

}  // namespace plumbline::identity
