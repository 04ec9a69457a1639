#include "admin/console/profile.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/crypto/x509.h"
#include "common/file.h"
#include "common/identity/organisation_keys.h"
#include "common/identity/reason.h"
#include "common/identity/uri.h"
#include "plumbline/config/v1/admin.pb.h"

namespace plumbline::admin {
namespace {

using identity::Refuse;

constexpr size_t kMaxRoot = 32 << 10;  // bytes of PEM

std::string ProfilePath(const std::string& home) { return home + "/profile.yaml"; }
std::string RootPath(const std::string& home) { return home + "/root.pem"; }
std::string KeyPath(const std::string& home) { return home + "/administrator.key"; }
std::string OrganisationKeysPath(const std::string& home) { return home + "/organisation.keys"; }

// Number 0 if there are none.
absl::StatusOr<identity::OrganisationKeys> KeptOrganisationKeys(const std::string& home) {
  const absl::StatusOr<std::string> kept = ReadTextFile(OrganisationKeysPath(home), identity::kMaxOrganisationKeys);
  if (absl::IsNotFound(kept.status())) return identity::OrganisationKeys();
  const auto parsed = kept.ok() ? identity::ParseSignedOrganisationKeys(AsBytes(*kept)) : kept.status();
  absl::StatusOr<identity::OrganisationKeys> keys = parsed.ok() ? identity::ParseOrganisationKeys(parsed->statement) : parsed.status();
  if (keys.ok()) return keys;
  return Refuse(absl::StatusCode::kDataLoss, "profile_damaged",
                absl::StrCat(OrganisationKeysPath(home), " is damaged (", keys.status().message(),
                             "); remove it: the next plumbline-admin audit verify fetches it again"));
}

absl::Status MakeHome(const std::string& home) {
  if (::mkdir(home.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return Refuse(absl::StatusCode::kFailedPrecondition, "home_unusable",
                absl::StrCat("cannot make the folder ", home, ": ", std::strerror(errno),
                             "; choose another with --home"));
}

absl::Status CheckRoot(const Profile& profile) {
  ASSIGN_OR_RETURN(const crypto::Certificate root, crypto::Certificate::ParsePem(profile.root_pem));
  if (root.fingerprint() == profile.organisation) return absl::OkStatus();
  return Refuse(absl::StatusCode::kPermissionDenied, "root_mismatch",
                absl::StrCat("the root certificate's fingerprint is ", root.fingerprint().ToText(),
                             ", not the one you gave; compare it with the one from the ceremony"));
}

absl::Status CheckNames(const Profile& profile) {
  if (const absl::Status address = identity::CheckAddress(profile.server); !address.ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "address_wrong",
                  "the admin service's address must be host:port, such as admin.example.org:7446");
  }
  if (!profile.server_name.empty() && !identity::CheckAddress(profile.server_name + ":1").ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "address_wrong",
                  "the server name must be a host name or an IP address");
  }
  if (!identity::CheckDomain(profile.domain).ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "domain_wrong",
                  "the organisation's domain must be written in lower case, such as example.org");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SaveProfile(const std::string& home, const Profile& profile) {
  RETURN_IF_ERROR(CheckNames(profile));
  RETURN_IF_ERROR(CheckRoot(profile));
  RETURN_IF_ERROR(MakeHome(home));
  // The texts passed CheckNames, so none can break out of its quotes.
  std::string yaml = absl::StrCat("# Written by plumbline-admin setup.\nserver: \"", profile.server,
                                  "\"\norganisation_domain: \"", profile.domain, "\"\nroot_fingerprint: \"",
                                  profile.organisation.ToText(), "\"\n");
  if (!profile.server_name.empty()) absl::StrAppend(&yaml, "server_name: \"", profile.server_name, "\"\n");
  RETURN_IF_ERROR(WriteFileAtomically(RootPath(home), AsBytes(profile.root_pem), 0600));
  return WriteFileAtomically(ProfilePath(home), AsBytes(yaml), 0600);
}

absl::StatusOr<Profile> LoadProfile(const std::string& home) {
  config::v1::AdminProfile stored;
  const absl::Status loaded = config::Load(ProfilePath(home), stored);
  if (absl::IsNotFound(loaded)) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "not_set_up",
                  absl::StrCat("there is no profile in ", home,
                               "; run plumbline-admin setup, or name its folder with --home"));
  }
  RETURN_IF_ERROR(loaded);
  ASSIGN_OR_RETURN(const crypto::Fingerprint organisation,
                   crypto::Fingerprint::FromText(stored.root_fingerprint()));
  ASSIGN_OR_RETURN(std::string root_pem, ReadTextFile(RootPath(home), kMaxRoot));
  Profile profile{.server = stored.server(),
                  .server_name = stored.server_name(),
                  .domain = stored.organisation_domain(),
                  .organisation = organisation,
                  .root_pem = std::move(root_pem)};
  if (!CheckNames(profile).ok() || !CheckRoot(profile).ok()) {
    return Refuse(absl::StatusCode::kDataLoss, "profile_damaged",
                  absl::StrCat("the profile and the root certificate in ", home,
                               " do not belong together; run "
                               "plumbline-admin setup again"));
  }
  ASSIGN_OR_RETURN(const identity::OrganisationKeys keys, KeptOrganisationKeys(home));
  profile.replaced = identity::TrustedKeys(keys).replaced();
  return profile;
}

absl::Status KeepOrganisationKeys(const std::string& home, ByteView keys) {
  if (keys.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const identity::SignedOrganisationKeys offered, identity::ParseSignedOrganisationKeys(keys));
  ASSIGN_OR_RETURN(const identity::OrganisationKeys statement, identity::ParseOrganisationKeys(offered.statement));
  ASSIGN_OR_RETURN(const identity::OrganisationKeys kept, KeptOrganisationKeys(home));
  if (statement.number <= kept.number) return absl::OkStatus();
  return WriteFileAtomically(OrganisationKeysPath(home), keys, 0600);
}

absl::StatusOr<crypto::Ed25519PublicKey> CreateAdministratorKey(const std::string& home,
                                                                const Secret& passphrase,
                                                                const crypto::SealCost& cost) {
  RETURN_IF_ERROR(MakeHome(home));
  struct stat info;
  if (::stat(KeyPath(home).c_str(), &info) == 0) {
    return Refuse(absl::StatusCode::kAlreadyExists, "key_exists",
                  absl::StrCat(KeyPath(home),
                               " is there already and is not overwritten; use it, or choose another --home"));
  }
  const crypto::Ed25519KeyPair key = crypto::Ed25519KeyPair::Generate();
  RETURN_IF_ERROR(crypto::SealToFile(KeyPath(home), passphrase, key.seed(), cost));
  return key.public_key();
}

absl::StatusOr<crypto::Ed25519KeyPair> OpenAdministratorKey(const std::string& home,
                                                            const Secret& passphrase) {
  absl::StatusOr<Secret> seed = crypto::OpenSealedFile(KeyPath(home), passphrase);
  if (absl::IsNotFound(seed.status())) {
    return Refuse(
        absl::StatusCode::kFailedPrecondition, "no_key",
        absl::StrCat("there is no administrator's key in ", home, "; run plumbline-admin key create"));
  }
  if (absl::IsPermissionDenied(seed.status())) {
    return Refuse(absl::StatusCode::kPermissionDenied, "passphrase_wrong",
                  absl::StrCat("the passphrase does not open ", KeyPath(home), "; try again"));
  }
  RETURN_IF_ERROR(seed.status());
  return crypto::Ed25519KeyPair::FromSeed(*std::move(seed));
}

std::string KeyId(const crypto::Ed25519PublicKey& key) { return ToHex(Sha256(key.view())); }

}  // namespace plumbline::admin
