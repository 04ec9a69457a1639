#include "keyserver/key_ring.h"

#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/crypto/hkdf.h"
#include "common/identity/reason.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

constexpr uint8_t kVersion = 4;  // 1 had no audit key, 2 no keys of the directory's log, 3 none to wrap others under
constexpr size_t kFollowSecret = 32;
constexpr size_t kMaxField = 64 * 1024;

absl::StatusOr<crypto::Certificate> ReadCertificate(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView der, in.Vector(crypto::kMaxCertificateSize));
  return crypto::Certificate::Parse(der);
}

absl::StatusOr<crypto::P256PrivateKey> ReadP256(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView der, in.Vector(kMaxField));
  return crypto::P256PrivateKey::FromDer(der);
}

absl::StatusOr<Secret> ReadSecret(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView bytes, in.Vector(kMaxField));
  return Secret::CopyOf(bytes);
}

absl::StatusOr<RoleKey> ReadRole(Reader& in) {
  ASSIGN_OR_RETURN(Secret seed, ReadSecret(in));
  ASSIGN_OR_RETURN(crypto::Ed25519KeyPair key, crypto::Ed25519KeyPair::FromSeed(std::move(seed)));
  ASSIGN_OR_RETURN(crypto::Certificate certificate, ReadCertificate(in));
  return RoleKey{std::move(key), std::move(certificate)};
}

absl::StatusOr<TransparencyKeys> ReadTransparency(Reader& in) {
  ASSIGN_OR_RETURN(Secret log_seed, ReadSecret(in));
  ASSIGN_OR_RETURN(crypto::Ed25519KeyPair log, crypto::Ed25519KeyPair::FromSeed(std::move(log_seed)));
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

absl::StatusOr<KeyRing> Read(Reader& in) {
  ASSIGN_OR_RETURN(const uint8_t version, in.U8());
  if (version < 1 || version > kVersion) return absl::InvalidArgumentError("unknown version");
  ASSIGN_OR_RETURN(const ByteView domain, in.Vector(253));
  ASSIGN_OR_RETURN(crypto::Certificate root, ReadCertificate(in));
  ASSIGN_OR_RETURN(crypto::Certificate issuing, ReadCertificate(in));
  ASSIGN_OR_RETURN(crypto::P256PrivateKey issuing_key, ReadP256(in));
  ASSIGN_OR_RETURN(RoleKey directory, ReadRole(in));
  ASSIGN_OR_RETURN(RoleKey grants, ReadRole(in));
  ASSIGN_OR_RETURN(RoleKey tokens, ReadRole(in));
  ASSIGN_OR_RETURN(crypto::P256PrivateKey service_key, ReadP256(in));
  ASSIGN_OR_RETURN(crypto::Certificate service_certificate, ReadCertificate(in));
  ASSIGN_OR_RETURN(Secret escrow, ReadSecret(in));
  ASSIGN_OR_RETURN(crypto::SealedBoxKeyPair grant_escrow,
                   crypto::SealedBoxKeyPair::FromPrivateKey(std::move(escrow)));
  std::optional<RoleKey> audit;
  if (version >= 2) {
    ASSIGN_OR_RETURN(audit, ReadRole(in));
  }
  std::optional<TransparencyKeys> transparency;
  std::optional<directory::SignedWitnessPolicy> witnesses;
  if (version >= 3) {
    ASSIGN_OR_RETURN(transparency, ReadTransparency(in));
    ASSIGN_OR_RETURN(witnesses, ReadWitnesses(in));
  }
  Secret wrapping;
  if (version >= 4) {
    ASSIGN_OR_RETURN(wrapping, ReadSecret(in));
    if (wrapping.size() != crypto::kWrappingKeySize) return absl::InvalidArgumentError("the wrapping key has a wrong size");
  }
  ASSIGN_OR_RETURN(Secret database, ReadSecret(in));
  ASSIGN_OR_RETURN(db::Key database_key, db::Key::FromSecret(std::move(database)));
  RETURN_IF_ERROR(in.Done());
  return KeyRing{ToString(domain),        std::move(root),        std::move(issuing),
                 std::move(issuing_key),  std::move(directory),   std::move(grants),
                 std::move(tokens),       std::move(service_key), std::move(service_certificate),
                 std::move(grant_escrow), std::move(audit),           std::move(transparency),
                 std::move(witnesses),    std::move(wrapping),        std::move(database_key)};
}

void WriteRole(Writer& out, const RoleKey& role) {
  out.Vector(role.key.seed()).Vector(role.certificate.der());
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

}  // namespace

Secret KeyRing::Serialize() const {
  Writer out;
  out.U8(!audit ? 1 : !transparency ? 2 : wrapping.empty() ? 3 : kVersion).Vector(AsBytes(domain)).Vector(root.der()).Vector(issuing.der()).Vector(issuing_key.der());
  WriteRole(out, directory);
  WriteRole(out, grants);
  WriteRole(out, tokens);
  out.Vector(service_key.der()).Vector(service_certificate.der()).Vector(grant_escrow.private_key());
  if (audit) WriteRole(out, *audit);
  if (audit && transparency) {
    out.Vector(transparency->log.seed()).Vector(transparency->vrf.seed()).Vector(transparency->follow.view());
    out.Present(witnesses.has_value());
    if (witnesses) out.Vector(witnesses->certificate).Vector(witnesses->policy).Vector(witnesses->signature);
    if (!wrapping.empty()) out.Vector(wrapping.view());
  }
  out.Vector(database_key.view());
  return out.TakeSecret();
}

absl::StatusOr<audit::LogKey> KeyRing::AuditKey() const {
  if (!audit) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "audit_key_missing",
                  "these keys were made before audit records were signed; run plumbline-keyserver make-audit-key once");
  }
  ASSIGN_OR_RETURN(crypto::Ed25519KeyPair key, crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(audit->key.seed())));
  return audit::LogKey::Create(audit::Origin(domain, "keyserver"), std::move(key));
}

absl::StatusOr<DirectoryLogKeys> KeyRing::LogKeys() const {
  if (!transparency) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "directory_log_key_missing",
                  "these keys were made before the directory had a log; run plumbline-keyserver make-log-key once");
  }
  ASSIGN_OR_RETURN(tlog::NoteSigner signer, tlog::NoteSigner::Create(directory::LogOrigin(domain), transparency->log));
  ASSIGN_OR_RETURN(crypto::VrfKeyPair vrf, crypto::VrfKeyPair::FromSeed(Secret::CopyOf(transparency->vrf.seed())));
  return DirectoryLogKeys{std::move(signer), std::move(vrf), Sha256(root.der())};
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

TransparencyKeys TransparencyKeys::Generate() {
  return {crypto::Ed25519KeyPair::Generate(), crypto::VrfKeyPair::Generate(), Secret::Random(kFollowSecret)};
}

absl::StatusOr<KeyRing> KeyRing::Parse(ByteView stored) {
  Reader in(stored);
  absl::StatusOr<KeyRing> out = Read(in);
  if (!out.ok())
    return absl::DataLossError(absl::StrCat("the sealed keys do not decode: ", out.status().message()));
  return out;
}

std::string KeysPath(const std::string& data_dir) { return absl::StrCat(data_dir, "/keys.sealed"); }
std::string RootPath(const std::string& data_dir) { return absl::StrCat(data_dir, "/root.sealed"); }
std::string DatabasePath(const std::string& data_dir) { return absl::StrCat(data_dir, "/keyserver.db"); }

absl::Status SealKeyRing(const std::string& data_dir, const Secret& passphrase, const KeyRing& keys,
                         const crypto::SealCost& cost) {
  return crypto::SealToFile(KeysPath(data_dir), passphrase, keys.Serialize().view(), cost);
}

absl::StatusOr<KeyRing> UnsealKeyRing(const std::string& data_dir, const Secret& passphrase) {
  ASSIGN_OR_RETURN(const Secret stored, Open(KeysPath(data_dir), passphrase));
  return KeyRing::Parse(stored.view());
}

absl::Status SealRootKey(const std::string& data_dir, const Secret& passphrase,
                         const crypto::P256PrivateKey& key, const crypto::SealCost& cost) {
  return crypto::SealToFile(RootPath(data_dir), passphrase, key.der(), cost);
}

absl::StatusOr<crypto::P256PrivateKey> UnsealRootKey(const std::string& data_dir, const Secret& passphrase) {
  ASSIGN_OR_RETURN(const Secret stored, Open(RootPath(data_dir), passphrase));
  return crypto::P256PrivateKey::FromDer(stored.view());
}

}  // namespace plumbline::keyserver
