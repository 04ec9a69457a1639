#include "common/identity/organisation_keys.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/identity/root_statement.h"

namespace plumbline::identity {
namespace {

constexpr uint8_t kWithoutAuthorities = 1, kFormat = 2;
constexpr size_t kMaxDomain = 253;
constexpr uint64_t kMaxUnix = uint64_t{1} << 40;

absl::Status Malformed(absl::string_view why) { return absl::InvalidArgumentError(absl::StrCat("organisation keys: ", why)); }

size_t PlaceOf(Role role) { return static_cast<size_t>(std::find(std::begin(kListedRoles), std::end(kListedRoles), role) - kListedRoles); }

// A role certificate of `domain`.
absl::StatusOr<Role> RoleOf(const crypto::Certificate& certificate, absl::string_view domain) {
  if (certificate.uris().size() != 1 || !certificate.ed25519_key()) return Malformed("a certificate is not a role's");
  ASSIGN_OR_RETURN(const RoleUri uri, ParseRoleUri(certificate.uris()[0]));
  if (uri.domain != domain) return Malformed("a certificate is of another organisation");
  if (PlaceOf(uri.role) == std::size(kListedRoles)) return Malformed("a role that has no place among these");
  return uri.role;
}

// One current key of each role, each followed by at most one other key that it replaced.
absl::Status CheckComplete(const OrganisationKeys& keys) {
  size_t next = 0;  // the role whose current key comes
  for (size_t i = 0; i < keys.keys.size(); ++i) {
    const ListedKey& key = keys.keys[i];
    ASSIGN_OR_RETURN(const Role role, RoleOf(key.certificate, keys.domain));
    const size_t place = PlaceOf(role);
    if (key.ends_unix == 0) {
      if (place != next) return Malformed("there is not one current key of each role, in order");
      ++next;
      continue;
    }
    if (key.ends_unix > kMaxUnix) return Malformed("an end is out of range");
    const bool follows = i > 0 && place + 1 == next && keys.keys[i - 1].ends_unix == 0;
    if (!follows) return Malformed("a replaced key does not follow the one that replaced it");
    if (key.certificate.ed25519_key() == keys.keys[i - 1].certificate.ed25519_key()) return Malformed("a key replaces itself");
  }
  return next == std::size(kListedRoles) ? absl::OkStatus() : Malformed("the current key of a role is missing");
}

// The current authority, then those that were replaced: each certificate another one's, newest first.
absl::Status CheckAuthorities(const std::vector<ListedKey>& authorities) {
  for (size_t i = 0; i < authorities.size(); ++i) {
    const ListedKey& each = authorities[i];
    if (!each.certificate.is_ca()) return Malformed("a certificate is not an authority's");
    if ((each.ends_unix == 0) != (i == 0)) return Malformed("there is one current authority, and it is the first");
    if (each.ends_unix > kMaxUnix) return Malformed("an end is out of range");
    for (size_t j = 0; j < i; ++j) {
      if (authorities[j].certificate.spki() == each.certificate.spki()) return Malformed("an authority replaces itself");
    }
    if (i > 0 && each.certificate.not_before() > authorities[i - 1].certificate.not_before()) return Malformed("an authority replaced an older one");
  }
  return absl::OkStatus();
}

Bytes EncodeListed(const std::vector<ListedKey>& keys) {
  Writer out;
  for (const ListedKey& key : keys) out.Vector(key.certificate.der()).U64(key.ends_unix);
  return out.TakeBytes();
}

absl::StatusOr<std::vector<ListedKey>> ReadListed(Reader& in, size_t most) {
  ASSIGN_OR_RETURN(const ByteView keys, in.Vector(kMaxOrganisationKeys));
  Reader listed(keys);
  std::vector<ListedKey> out;
  while (!listed.AtEnd()) {
    if (out.size() == most) return Malformed("too many");
    ASSIGN_OR_RETURN(const ByteView der, listed.Vector(crypto::kMaxCertificateSize));
    ASSIGN_OR_RETURN(crypto::Certificate certificate, crypto::Certificate::Parse(der));
    ASSIGN_OR_RETURN(const uint64_t ends, listed.U64());
    out.push_back({std::move(certificate), ends});
  }
  return out;
}

absl::Time EndOf(const ListedKey& listed) {
  if (listed.ends_unix == 0) return listed.certificate.not_after();
  return std::min(listed.certificate.not_after(), absl::FromUnixSeconds(static_cast<int64_t>(listed.ends_unix)));
}

}  // namespace

Bytes Encode(const OrganisationKeys& keys) {
  Writer out;
  out.U8(keys.authorities.empty() ? kWithoutAuthorities : kFormat).Vector(AsBytes(keys.domain)).U64(keys.number).Vector(EncodeListed(keys.keys));
  if (!keys.authorities.empty()) out.Vector(EncodeListed(keys.authorities));
  return out.TakeBytes();
}

absl::StatusOr<OrganisationKeys> ParseOrganisationKeys(ByteView wire) {
  Reader in(wire);
  ASSIGN_OR_RETURN(const uint8_t format, in.U8());
  if (format != kWithoutAuthorities && format != kFormat) return Malformed("an unknown format");
  OrganisationKeys out;
  ASSIGN_OR_RETURN(const ByteView domain, in.Vector(kMaxDomain));
  out.domain = ToString(domain);
  ASSIGN_OR_RETURN(out.number, in.U64());
  if (out.number == 0) return Malformed("their number counts from 1");
  ASSIGN_OR_RETURN(out.keys, ReadListed(in, 2 * std::size(kListedRoles)));
  if (format == kFormat) {
    ASSIGN_OR_RETURN(out.authorities, ReadListed(in, kMaxAuthorities));
    if (out.authorities.empty()) return Malformed("no authority, where there is one");
  }
  RETURN_IF_ERROR(in.Done());
  RETURN_IF_ERROR(CheckAuthorities(out.authorities));
  RETURN_IF_ERROR(CheckComplete(out));
  return out;
}

Bytes Encode(const SignedOrganisationKeys& keys) {
  return Writer().Vector(keys.certificate).Vector(keys.statement).Fixed(keys.signature).TakeBytes();
}

absl::StatusOr<SignedOrganisationKeys> ParseSignedOrganisationKeys(ByteView wire) {
  Reader in(wire);
  ASSIGN_OR_RETURN(const ByteView certificate, in.Vector(crypto::kMaxCertificateSize));
  ASSIGN_OR_RETURN(const ByteView statement, in.Vector(kMaxOrganisationKeys));
  SignedOrganisationKeys out{ToBytes(certificate), ToBytes(statement), {}};
  ASSIGN_OR_RETURN(out.signature, ReadFixed<64>(in));
  RETURN_IF_ERROR(in.Done());
  return out;
}

absl::StatusOr<OrganisationKeys> VerifyOrganisationKeys(ByteView wire, const crypto::Certificate& root, absl::string_view domain,
                                                        absl::Time now) {
  ASSIGN_OR_RETURN(const SignedOrganisationKeys offered, ParseSignedOrganisationKeys(wire));
  RETURN_IF_ERROR(VerifyRootStatement("the keys of this organisation", offered.certificate, offered.statement, offered.signature,
                                      kOrganisationKeysLabel, root, domain, Role::kKeys, now));
  ASSIGN_OR_RETURN(OrganisationKeys keys, ParseOrganisationKeys(offered.statement));
  if (keys.domain != domain) return Malformed("they are another organisation's");
  for (const ListedKey& key : keys.keys) {
    // At its own beginning: a former one may have ended.
    const absl::Status listed =
        crypto::VerifyChain(key.certificate, {}, root, key.certificate.not_before(), crypto::Purpose::kRoleSignature);
    if (!listed.ok()) return absl::UnauthenticatedError(absl::StrCat("a key of the organisation: ", listed.message()));
  }
  for (const ListedKey& each : keys.authorities) {
    const absl::Status listed = crypto::VerifyIssuing(each.certificate, root, each.certificate.not_before());
    if (!listed.ok()) return absl::UnauthenticatedError(absl::StrCat("an issuing authority of the organisation: ", listed.message()));
  }
  return keys;
}

absl::StatusOr<bool> Supersedes(const OrganisationKeys& offered, const OrganisationKeys& held) {
  if (offered.number > held.number) return true;
  if (offered.number < held.number) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "organisation_keys_replaced",
                  absl::StrCat("number ", offered.number, " of the organisation's keys was replaced by number ", held.number,
                               " and does not come back; the key server may have been restored from an old backup: rotate again there"));
  }
  if (offered == held) return false;
  return Refuse(absl::StatusCode::kFailedPrecondition, "organisation_keys_contradict",
                absl::StrCat("the organisation's root has signed two different sets of keys under number ", held.number,
                             "; tell the security officer. Rotating once more, at the right key server, ends it"));
}

absl::Status RoleKeys::Verify(absl::string_view label, ByteView message, ByteView signature) const {
  absl::Status out = absl::UnauthenticatedError("no key of this role counts now");
  for (const crypto::Ed25519PublicKey& key : keys_) {
    out = key.Verify(label, message, signature);
    if (out.ok()) return out;
  }
  return out;
}

TrustedKeys::TrustedKeys(const crypto::Ed25519PublicKey& directory, const crypto::Ed25519PublicKey& grants,
                         const crypto::Ed25519PublicKey& tokens)
    : keys_{{Role::kDirectory, directory, absl::InfiniteFuture()},
            {Role::kGrants, grants, absl::InfiniteFuture()},
            {Role::kTokens, tokens, absl::InfiniteFuture()}} {}

TrustedKeys::TrustedKeys(const OrganisationKeys& keys) : number_(keys.number) {
  for (const ListedKey& listed : keys.keys) {
    const absl::StatusOr<Role> role = RoleOf(listed.certificate, keys.domain);
    if (!role.ok()) continue;  // the parser lets none through
    keys_.push_back({*role, *listed.certificate.ed25519_key(), EndOf(listed)});
  }
  for (const ListedKey& each : keys.authorities) {
    authorities_.push_back(each.certificate);
    if (each.ends_unix > 0) replaced_.Add(each.certificate, EndOf(each));
  }
}

RoleKeys TrustedKeys::Of(Role role, absl::Time now) const {
  std::vector<crypto::Ed25519PublicKey> out;
  for (const Key& key : keys_) {
    if (key.role == role && now < key.end) out.push_back(key.key);
  }
  return RoleKeys(std::move(out));
}

}  // namespace plumbline::identity
