#include "keyserver/key_ring.h"

#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/crypto/hkdf.h"
#include "common/identity/reason.h"
#include "plumbline/config/v1/keyserver.pb.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

constexpr uint8_t kVersion = 5;  // 1 had no audit key, 2 no keys of the directory's log, 3 none to wrap others under, 4 no statement
constexpr size_t kFollowSecret = 32;
constexpr size_t kMaxField = 64 * 1024;

absl::StatusOr<crypto::Certificate> ReadCertificate(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView der, in.Vector(crypto::kMaxCertificateSize));
  return crypto::Certificate::Parse(der);
}

using Token = std::shared_ptr<pkcs11::Token>;

absl::StatusOr<crypto::P256PrivateKey> ReadP256(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView der, in.Vector(kMaxField));
  return crypto::P256PrivateKey::FromDer(der);
}

absl::StatusOr<Secret> ReadSecret(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView bytes, in.Vector(kMaxField));
  return Secret::CopyOf(bytes);
}

absl::StatusOr<SigningKey> ReadSigning(Reader& in, const Token& token) {
  ASSIGN_OR_RETURN(const ByteView stored, in.Vector(kMaxField));
  return SigningKey::Parse(stored, token);
}

absl::StatusOr<AuthorityKey> ReadAuthority(Reader& in, const Token& token) {
  ASSIGN_OR_RETURN(const ByteView stored, in.Vector(kMaxField));
  return AuthorityKey::Parse(stored, token);
}

absl::StatusOr<RoleKey> ReadRole(Reader& in, const Token& token) {
  ASSIGN_OR_RETURN(SigningKey key, ReadSigning(in, token));
  ASSIGN_OR_RETURN(crypto::Certificate certificate, ReadCertificate(in));
  return RoleKey{std::move(key), std::move(certificate)};
}

absl::StatusOr<TransparencyKeys> ReadTransparency(Reader& in, const Token& token) {
  ASSIGN_OR_RETURN(SigningKey log, ReadSigning(in, token));
  ASSIGN_OR_RETURN(Secret vrf_seed, ReadSecret(in));
  ASSIGN_OR_RETURN(crypto::VrfKeyPair vrf, crypto::VrfKeyPair::FromSeed(std::move(vrf_seed)));
  ASSIGN_OR_RETURN(Secret follow, ReadSecret(in));
  if (follow.view().size() != kFollowSecret) return absl::InvalidArgumentError("the feed's secret has a wrong size");
  return TransparencyKeys{std::move(log), std::move(vrf), std::move(follow)};
}

absl::StatusOr<std::optional<directory::SignedWitnessPolicy>> ReadWitnesses(Reader& in) {
  ASSIGN_OR_RETURN(const bool named, in.Present());
  if (!named) return std::optional<directory::SignedWitnessPolicy>();
  ASSIGN_OR_RETURN(const ByteView certificate, in.Vector(crypto::kMaxCertificateSize));
  ASSIGN_OR_RETURN(const ByteView policy, in.Vector(2 * tlog::kMaxPolicy));
  ASSIGN_OR_RETURN(const ByteView signature, in.Vector(64));
  return std::optional<directory::SignedWitnessPolicy>({ToBytes(certificate), ToBytes(policy), ToBytes(signature)});
}

absl::StatusOr<KeyRing> Read(Reader& in, const Token& token) {
  ASSIGN_OR_RETURN(const uint8_t version, in.U8());
  if (version < 1 || version > kVersion) return absl::InvalidArgumentError("unknown version");
  ASSIGN_OR_RETURN(const ByteView domain, in.Vector(253));
  ASSIGN_OR_RETURN(crypto::Certificate root, ReadCertificate(in));
  ASSIGN_OR_RETURN(crypto::Certificate issuing, ReadCertificate(in));
  ASSIGN_OR_RETURN(AuthorityKey issuing_key, ReadAuthority(in, token));
  ASSIGN_OR_RETURN(RoleKey directory, ReadRole(in, token));
  ASSIGN_OR_RETURN(RoleKey grants, ReadRole(in, token));
  ASSIGN_OR_RETURN(RoleKey tokens, ReadRole(in, token));
  ASSIGN_OR_RETURN(crypto::P256PrivateKey service_key, ReadP256(in));
  ASSIGN_OR_RETURN(crypto::Certificate service_certificate, ReadCertificate(in));
  ASSIGN_OR_RETURN(Secret escrow, ReadSecret(in));
  ASSIGN_OR_RETURN(crypto::SealedBoxKeyPair grant_escrow,
                   crypto::SealedBoxKeyPair::FromPrivateKey(std::move(escrow)));
  std::optional<RoleKey> audit;
  if (version >= 2) {
    ASSIGN_OR_RETURN(audit, ReadRole(in, token));
  }
  std::optional<TransparencyKeys> transparency;
  std::optional<directory::SignedWitnessPolicy> witnesses;
  if (version >= 3) {
    ASSIGN_OR_RETURN(transparency, ReadTransparency(in, token));
    ASSIGN_OR_RETURN(witnesses, ReadWitnesses(in));
  }
  Secret wrapping;
  if (version >= 4) {
    ASSIGN_OR_RETURN(wrapping, ReadSecret(in));
    if (wrapping.size() != crypto::kWrappingKeySize) return absl::InvalidArgumentError("the wrapping key has a wrong size");
  }
  Bytes organisation_keys;
  if (version >= 5) {
    ASSIGN_OR_RETURN(const ByteView statement, in.Vector(identity::kMaxOrganisationKeys));
    if (statement.empty()) return absl::InvalidArgumentError("the statement of the organisation's keys is missing");
    organisation_keys = ToBytes(statement);
  }
  ASSIGN_OR_RETURN(Secret database, ReadSecret(in));
  ASSIGN_OR_RETURN(db::Key database_key, db::Key::FromSecret(std::move(database)));
  RETURN_IF_ERROR(in.Done());
  return KeyRing{ToString(domain),        std::move(root),        std::move(issuing),
                 std::move(issuing_key),  std::move(directory),   std::move(grants),
                 std::move(tokens),       std::move(service_key), std::move(service_certificate),
                 std::move(grant_escrow), std::move(audit),           std::move(transparency),
                 std::move(witnesses),    std::move(wrapping),        std::move(database_key), nullptr, std::move(organisation_keys)};
}

void WriteRole(Writer& out, const RoleKey& role) {
  out.Vector(role.key.Serialize().view()).Vector(role.certificate.der());
}

absl::StatusOr<Secret> Open(const std::string& path, const Secret& passphrase) {
  absl::StatusOr<Secret> opened = crypto::OpenSealedFile(path, passphrase);
  if (opened.ok()) return opened;
  if (absl::IsNotFound(opened.status())) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "not_initialised",
                  absl::StrCat("there is no ", path, "; run plumbline-keyserver init first"));
  }
  if (absl::IsPermissionDenied(opened.status())) {
    return Refuse(absl::StatusCode::kPermissionDenied, "passphrase_wrong",
                  absl::StrCat("the passphrase does not open ", path));
  }
  return opened.status();
}

// Whoever put the keys into a token finds none that signs beside it.
absl::Status CheckInToken(const KeyRing& keys) {
  bool all = keys.issuing_key.in_token() && keys.directory.key.in_token() && keys.grants.key.in_token() && keys.tokens.key.in_token();
  all = all && keys.audit && keys.audit->key.in_token() && keys.transparency && keys.transparency->log.in_token();
  if (all) return absl::OkStatus();
  return Refuse(absl::StatusCode::kFailedPrecondition, "keys_not_in_token",
                "a key that signs would be kept outside of the token, and is not; nothing was written");
}

}  // namespace

Secret KeyRing::Serialize() const {
  Writer out;
  out.U8(!audit ? 1 : !transparency ? 2 : wrapping.empty() ? 3 : organisation_keys.empty() ? 4 : kVersion);
  out.Vector(AsBytes(domain)).Vector(root.der()).Vector(issuing.der()).Vector(issuing_key.Serialize().view());
  WriteRole(out, directory);
  WriteRole(out, grants);
  WriteRole(out, tokens);
  out.Vector(service_key.der()).Vector(service_certificate.der()).Vector(grant_escrow.private_key());
  if (audit) WriteRole(out, *audit);
  if (audit && transparency) {
    out.Vector(transparency->log.Serialize().view()).Vector(transparency->vrf.seed()).Vector(transparency->follow.view());
    out.Present(witnesses.has_value());
    if (witnesses) out.Vector(witnesses->certificate).Vector(witnesses->policy).Vector(witnesses->signature);
    if (!wrapping.empty()) out.Vector(wrapping.view());
    if (!wrapping.empty() && !organisation_keys.empty()) out.Vector(organisation_keys);
  }
  out.Vector(database_key.view());
  return out.TakeSecret();
}

absl::StatusOr<audit::LogKey> KeyRing::AuditKey() const {
  if (!audit) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "audit_key_missing",
                  "these keys were made before audit records were signed; run plumbline-keyserver make-audit-key once");
  }
  return audit::LogKey::Create(audit::Origin(domain, "keyserver"), audit->key.share());
}

absl::StatusOr<uint64_t> KeyRing::LogNumber() const {
  if (!witnesses) return 1;
  const absl::StatusOr<directory::WitnessPolicy> policy = directory::ParseWitnessPolicy(witnesses->policy);
  const absl::StatusOr<tlog::Policy> read = policy.ok() ? directory::ReadPolicyText(policy->text, domain) : policy.status();
  if (!read.ok()) return absl::DataLossError("the sealed witness policy does not parse");
  return directory::LogNumber(read->logs()[0].key.name(), domain);
}

absl::StatusOr<DirectoryLogKeys> KeyRing::LogKeys() const {
  if (!transparency) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "directory_log_key_missing",
                  "these keys were made before the directory had a log; run plumbline-keyserver make-log-key once");
  }
  ASSIGN_OR_RETURN(const uint64_t number, LogNumber());
  const std::string origin = directory::LogOrigin(domain, number);
  ASSIGN_OR_RETURN(tlog::NoteSigner signer, tlog::NoteSigner::Create(origin, transparency->log.share()));
  ASSIGN_OR_RETURN(crypto::VrfKeyPair vrf, crypto::VrfKeyPair::FromSeed(Secret::CopyOf(transparency->vrf.seed())));
  DirectoryLogKeys out{std::move(signer), std::move(vrf), Sha256(root.der()), std::nullopt};
  // The same key: its replacement was broken off.
  if (former_log && former_log->key.public_key() != transparency->log.public_key()) {
    ASSIGN_OR_RETURN(out.former, tlog::NoteSigner::Create(origin, former_log->key.share()));
  }
  return out;
}

absl::StatusOr<identity::OrganisationKeys> KeyRing::Statement() const {
  if (organisation_keys.empty()) return identity::OrganisationKeys{domain, 0, {}};
  const absl::StatusOr<identity::SignedOrganisationKeys> kept = identity::ParseSignedOrganisationKeys(organisation_keys);
  absl::StatusOr<identity::OrganisationKeys> keys = kept.ok() ? identity::ParseOrganisationKeys(kept->statement) : kept.status();
  if (!keys.ok()) return absl::DataLossError("the sealed statement of the organisation's keys does not parse");
  return keys;
}

absl::StatusOr<std::vector<crypto::Certificate>> KeyRing::Authorities() const {
  ASSIGN_OR_RETURN(const identity::TrustedKeys trusted, Trusted());
  return trusted.authorities().empty() ? std::vector<crypto::Certificate>{issuing} : trusted.authorities();
}

absl::StatusOr<identity::TrustedKeys> KeyRing::Trusted() const {
  ASSIGN_OR_RETURN(const identity::OrganisationKeys statement, Statement());
  if (statement.number > 0) return identity::TrustedKeys(statement);
  return identity::TrustedKeys(directory.key.public_key(), grants.key.public_key(), tokens.key.public_key());
}

absl::StatusOr<directory::VerifiedPolicy> KeyRing::Witnesses(absl::Time now) const {
  if (!witnesses) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "witnesses_missing",
                  "the directory has no witnesses, so nobody could believe it; run plumbline-keyserver set-witnesses");
  }
  return directory::VerifyWitnessPolicy(*witnesses, root, domain, now);
}

absl::StatusOr<crypto::KeyWrap> KeyRing::WrapFor(absl::string_view label, ByteView salt) const {
  if (wrapping.empty()) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "wrapping_key_missing",
                  "these keys were made before secret keys were kept in the database; run plumbline-keyserver make-log-key once");
  }
  return crypto::KeyWrap::Create(crypto::HkdfSha256(wrapping.view(), salt, AsBytes(label), crypto::kWrappingKeySize));
}

TransparencyKeys TransparencyKeys::Generate(SigningKey log) {
  return {std::move(log), crypto::VrfKeyPair::Generate(), Secret::Random(kFollowSecret)};
}

absl::StatusOr<KeyRing> KeyRing::Parse(ByteView stored, const Token& token) {
  Reader in(stored);
  absl::StatusOr<KeyRing> out = Read(in, token);
  if (!out.ok() && identity::ReasonOf(out.status()).empty())
    return absl::DataLossError(absl::StrCat("the sealed keys do not decode: ", out.status().message()));
  return out;
}

std::string KeysPath(const std::string& data_dir) { return absl::StrCat(data_dir, "/keys.sealed"); }
std::string NextKeysPath(const std::string& data_dir) { return absl::StrCat(data_dir, "/keys.next"); }
std::string NextLogPath(const std::string& data_dir) { return absl::StrCat(data_dir, "/log.next"); }
std::string RootPath(const std::string& data_dir) { return absl::StrCat(data_dir, "/root.sealed"); }
std::string DatabasePath(const std::string& data_dir) { return absl::StrCat(data_dir, "/keyserver.db"); }

namespace {

absl::Status SealTo(const std::string& path, const Secret& passphrase, const KeyRing& keys, const crypto::SealCost& cost) {
  const Secret ring = keys.Serialize();
  if (keys.bound_to) RETURN_IF_ERROR(CheckInToken(keys));
  if (!keys.bound_to) return crypto::SealToFile(path, passphrase, ring.view(), cost);
  ASSIGN_OR_RETURN(const Bytes bound, Bind(*keys.bound_to, ring));
  return crypto::SealToFile(path, passphrase, bound, cost);
}

absl::StatusOr<KeyRing> ParseStored(const std::string& path, const Secret& stored, const Token& token) {
  if (IsBound(stored.view())) {
    ASSIGN_OR_RETURN(Unbound unbound, Unbind(token, stored.view()));
    ASSIGN_OR_RETURN(KeyRing out, KeyRing::Parse(unbound.ring.view(), token));
    out.bound_to = std::move(unbound.key);
    return out;
  }
  if (token != nullptr) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "keys_not_in_token",
                  absl::StrCat("the configuration names a token, but the keys in ", path,
                               " open without it; they stay as the ceremony made them: leave the section pkcs11 out"));
  }
  return KeyRing::Parse(stored.view());
}

absl::StatusOr<KeyRing> UnsealFrom(const std::string& path, const config::v1::KeyserverConfig& config, const Secret& passphrase) {
  ASSIGN_OR_RETURN(const Secret stored, crypto::OpenSealedFile(path, passphrase));
  ASSIGN_OR_RETURN(const Token token, OpenToken(config));
  return ParseStored(path, stored, token);
}

}  // namespace

absl::Status SealKeyRing(const std::string& data_dir, const Secret& passphrase, const KeyRing& keys,
                         const crypto::SealCost& cost) {
  return SealTo(KeysPath(data_dir), passphrase, keys, cost);
}

absl::Status SealNextKeyRing(const std::string& data_dir, const Secret& passphrase, const KeyRing& keys, const crypto::SealCost& cost) {
  return SealTo(NextKeysPath(data_dir), passphrase, keys, cost);
}

absl::Status SealNextLogRing(const std::string& data_dir, const Secret& passphrase, const KeyRing& keys, const crypto::SealCost& cost) {
  return SealTo(NextLogPath(data_dir), passphrase, keys, cost);
}

absl::StatusOr<KeyRing> UnsealKeyRing(const std::string& data_dir, const Secret& passphrase, const Token& token) {
  ASSIGN_OR_RETURN(const Secret stored, Open(KeysPath(data_dir), passphrase));
  ASSIGN_OR_RETURN(KeyRing out, ParseStored(KeysPath(data_dir), stored, token));
  ASSIGN_OR_RETURN(out.former_log, UnsealFormerLogKey(data_dir, passphrase, token));
  return out;
}

absl::StatusOr<KeyRing> UnsealKeyRing(const config::v1::KeyserverConfig& config, const Secret& passphrase) {
  ASSIGN_OR_RETURN(const Token token, OpenToken(config));
  return UnsealKeyRing(config.data_dir(), passphrase, token);
}

absl::StatusOr<KeyRing> UnsealNextKeyRing(const config::v1::KeyserverConfig& config, const Secret& passphrase) {
  return UnsealFrom(NextKeysPath(config.data_dir()), config, passphrase);
}

absl::StatusOr<KeyRing> UnsealNextLogRing(const config::v1::KeyserverConfig& config, const Secret& passphrase) {
  return UnsealFrom(NextLogPath(config.data_dir()), config, passphrase);
}

absl::Status SealRootKey(const std::string& data_dir, const Secret& passphrase,
                         const crypto::P256PrivateKey& key, const crypto::SealCost& cost) {
  return crypto::SealToFile(RootPath(data_dir), passphrase, key.der(), cost);
}

absl::StatusOr<crypto::P256PrivateKey> UnsealRootKey(const std::string& data_dir, const Secret& passphrase) {
  const absl::StatusOr<Secret> stored = Open(RootPath(data_dir), passphrase);
  if (identity::ReasonOf(stored.status()) == "not_initialised") {
    return Refuse(absl::StatusCode::kFailedPrecondition, "root_key_missing",
                  absl::StrCat("there is no ", RootPath(data_dir), "; put it back from where it is kept, for this ceremony alone"));
  }
  RETURN_IF_ERROR(stored.status());
  return crypto::P256PrivateKey::FromDer(stored->view());
}

}  // namespace plumbline::keyserver
