#include "common/identity/trust.h"

#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/identity/uri.h"

namespace plumbline::identity {
namespace {

constexpr char kBegin[] = "-----BEGIN PLUMBLINE ORGANISATION KEYS-----\n";
constexpr char kEnd[] = "-----END PLUMBLINE ORGANISATION KEYS-----\n";
constexpr size_t kLine = 64;

std::string ToBlock(ByteView keys) {
  const std::string text = absl::Base64Escape(ToString(keys));
  std::string out = kBegin;
  for (size_t at = 0; at < text.size(); at += kLine) absl::StrAppend(&out, text.substr(at, kLine), "\n");
  return out + kEnd;
}

absl::Status NotCurrent() { return absl::InvalidArgumentError("the role certificates are not the ones that the root's statement lists"); }

}  // namespace

TrustedKeys OrganisationTrust::Keys() const {
  return statement ? TrustedKeys(*statement) : TrustedKeys(directory_key, grants_key, tokens_key);
}

absl::StatusOr<OrganisationTrust> VerifyTrust(const crypto::Certificate& root,
                                              const std::vector<crypto::Certificate>& role_certificates,
                                              ByteView organisation_keys, absl::string_view domain, absl::Time now) {
  std::map<Role, crypto::Ed25519PublicKey> keys;
  for (const crypto::Certificate& certificate : role_certificates) {
    RETURN_IF_ERROR(crypto::VerifyChain(certificate, {}, root, now, crypto::Purpose::kRoleSignature));
    if (certificate.uris().size() != 1 || !certificate.ed25519_key()) {
      return absl::InvalidArgumentError("a role certificate has one URI and an Ed25519 key");
    }
    ASSIGN_OR_RETURN(const RoleUri uri, ParseRoleUri(certificate.uris()[0]));
    if (uri.domain != domain)
      return absl::InvalidArgumentError("a role certificate is of another organisation");
    // The audit log's key proves nothing to a service or a client; that of a statement comes with the statement.
    if (uri.role != Role::kDirectory && uri.role != Role::kGrants && uri.role != Role::kTokens)
      return absl::InvalidArgumentError("the roles audit, policy, keys and succession have no place among these");
    if (!keys.emplace(uri.role, *certificate.ed25519_key()).second) {
      return absl::InvalidArgumentError("two certificates for one role");
    }
  }
  if (keys.size() != 3) return absl::InvalidArgumentError("the certificate of a role is missing");
  OrganisationTrust out{std::string(domain), root, keys.at(Role::kDirectory), keys.at(Role::kGrants), keys.at(Role::kTokens), std::nullopt};
  if (organisation_keys.empty()) return out;
  ASSIGN_OR_RETURN(out.statement, VerifyOrganisationKeys(organisation_keys, root, domain, now));
  size_t current = 0;
  for (const ListedKey& listed : out.statement->keys) {
    if (listed.ends_unix != 0) continue;
    const auto known = keys.find(kListedRoles[current++]);  // the audit key is in the statement alone
    if (known != keys.end() && known->second != listed.certificate.ed25519_key()) return NotCurrent();
  }
  return out;
}

std::string ToText(const TrustBundle& bundle) {
  std::string out = crypto::ToPemChain(bundle.certificates);
  if (!bundle.organisation_keys.empty()) out += ToBlock(bundle.organisation_keys);
  return out;
}

absl::StatusOr<TrustBundle> ReadTrustBundle(absl::string_view text) {
  TrustBundle out;
  const size_t at = text.find(kBegin);
  if (at != absl::string_view::npos) {
    absl::string_view block = text.substr(at + sizeof(kBegin) - 1);
    std::string bytes;
    if (!absl::ConsumeSuffix(&block, kEnd) || block.size() > 2 * kMaxOrganisationKeys ||
        !absl::Base64Unescape(absl::StrReplaceAll(block, {{"\n", ""}}), &bytes) || bytes.empty()) {
      return absl::InvalidArgumentError("the organisation's keys at the end of the trust file are damaged or cut off");
    }
    out.organisation_keys = ToBytes(AsBytes(bytes));
    if (ToBlock(out.organisation_keys) != text.substr(at))
      return absl::InvalidArgumentError("the organisation's keys at the end of the trust file are written in another way");
  }
  ASSIGN_OR_RETURN(out.certificates, crypto::ParsePemChain(text.substr(0, at)));
  return out;
}

absl::StatusOr<OrganisationTrust> ParseTrustBundle(absl::string_view text, absl::string_view domain,
                                                   absl::Time now) {
  ASSIGN_OR_RETURN(TrustBundle bundle, ReadTrustBundle(text));
  const crypto::Certificate root = bundle.certificates.front();
  bundle.certificates.erase(bundle.certificates.begin());
  return VerifyTrust(root, bundle.certificates, bundle.organisation_keys, domain, now);
}

}  // namespace plumbline::identity
