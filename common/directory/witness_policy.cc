#include "common/directory/witness_policy.h"

#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/directory/answer.h"
#include "common/identity/labels.h"
#include "common/identity/root_statement.h"
#include "common/identity/uri.h"

namespace plumbline::directory {
namespace {

constexpr uint8_t kFormat = 1;
constexpr size_t kMaxDomain = 253;

}  // namespace

Bytes Encode(const WitnessPolicy& policy) {
  Writer out;
  out.U8(kFormat).Vector(AsBytes(policy.domain)).U64(policy.number).Vector(AsBytes(policy.text));
  return out.TakeBytes();
}

absl::StatusOr<WitnessPolicy> ParseWitnessPolicy(ByteView wire) {
  Reader in(wire);
  ASSIGN_OR_RETURN(const uint8_t format, in.U8());
  if (format != kFormat) return absl::InvalidArgumentError("a witness policy has an unknown format");
  ASSIGN_OR_RETURN(const ByteView domain, in.Vector(kMaxDomain));
  ASSIGN_OR_RETURN(const uint64_t number, in.U64());
  ASSIGN_OR_RETURN(const ByteView text, in.Vector(tlog::kMaxPolicy));
  RETURN_IF_ERROR(in.Done());
  if (number == 0) return absl::InvalidArgumentError("a witness policy's number counts from 1");
  return WitnessPolicy{ToString(domain), number, ToString(text)};
}

absl::StatusOr<tlog::Policy> ReadPolicyText(absl::string_view text, absl::string_view domain) {
  ASSIGN_OR_RETURN(tlog::Policy policy, tlog::Policy::Parse(text));
  if (policy.logs().size() != 1 || !LogNumber(policy.logs()[0].key.name(), domain).ok())
    return absl::InvalidArgumentError(absl::StrCat("the policy is not for one log alone, of the directory of ", domain));
  if (!policy.needs_witnesses())
    return absl::InvalidArgumentError("the policy has no quorum of witnesses: without one a directory can say anything");
  return policy;
}

absl::StatusOr<VerifiedPolicy> VerifyWitnessPolicy(const SignedWitnessPolicy& offered, const crypto::Certificate& root,
                                                   absl::string_view domain, absl::Time now) {
  RETURN_IF_ERROR(identity::VerifyRootStatement("a policy of this organisation", offered.certificate, offered.policy,
                                                offered.signature, identity::kWitnessPolicyLabel, root, domain, identity::Role::kPolicy, now));
  ASSIGN_OR_RETURN(WitnessPolicy statement, ParseWitnessPolicy(offered.policy));
  if (statement.domain != domain) return absl::InvalidArgumentError("the policy is of another organisation");
  ASSIGN_OR_RETURN(tlog::Policy policy, ReadPolicyText(statement.text, domain));
  ASSIGN_OR_RETURN(const uint64_t log, LogNumber(policy.logs()[0].key.name(), domain));
  return VerifiedPolicy{std::move(statement), std::move(policy), log};
}

}  // namespace plumbline::directory
