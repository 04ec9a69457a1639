#include "keyserver/key_ring.h"

#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/identity/reason.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

constexpr uint8_t kVersion = 2;  // 1 had no audit key
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

absl::StatusOr<KeyRing> Read(Reader& in) {
  ASSIGN_OR_RETURN(const uint8_t version, in.U8());
  if (version != kVersion && version != 1) return absl::InvalidArgumentError("unknown version");
  ASSIGN_OR_RETURN(const ByteView domain, in.Vector(253));
  ASSIGN_OR_RETURN(crypto::Certificate root, ReadCertificate(in));
  ASSIGN_OR_RETURN(crypto::Certificate issuing, ReadCertificate(in));
  ASSIGN_OR_RETURN(crypto::P256PrivateKey issuing_key, ReadP256(in));
  ASSIGN_OR_RETURN(RoleKey directory, ReadRole(in));
  ASSIGN_OR_RETURN(RoleKey grants, ReadRole(in));
  ASSIGN_OR_RETURN(RoleKey passes, ReadRole(in));
  ASSIGN_OR_RETURN(crypto::P256PrivateKey service_key, ReadP256(in));
  ASSIGN_OR_RETURN(crypto::Certificate service_certificate, ReadCertificate(in));
  ASSIGN_OR_RETURN(Secret escrow, ReadSecret(in));
  ASSIGN_OR_RETURN(crypto::SealedBoxKeyPair grant_escrow,
                   crypto::SealedBoxKeyPair::FromPrivateKey(std::move(escrow)));
  std::optional<RoleKey> audit;
  if (version == kVersion) {
    ASSIGN_OR_RETURN(audit, ReadRole(in));
  }
  ASSIGN_OR_RETURN(Secret database, ReadSecret(in));
  ASSIGN_OR_RETURN(db::Key database_key, db::Key::FromSecret(std::move(database)));
  RETURN_IF_ERROR(in.Done());
  return KeyRing{ToString(domain),        std::move(root),        std::move(issuing),
                 std::move(issuing_key),  std::move(directory),   std::move(grants),
                 std::move(passes),       std::move(service_key), std::move(service_certificate),
                 std::move(grant_escrow), std::move(audit),           std::move(database_key)};
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
  out.U8(audit ? kVersion : 1).Vector(AsBytes(domain)).Vector(root.der()).Vector(issuing.der()).Vector(issuing_key.der());
  WriteRole(out, directory);
  WriteRole(out, grants);
  WriteRole(out, passes);
  out.Vector(service_key.der()).Vector(service_certificate.der()).Vector(grant_escrow.private_key());
  if (audit) WriteRole(out, *audit);
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

absl::StatusOr<KeyRing> KeyRing::Parse(ByteView stored) {
  Reader in(stored);
  absl::StatusOr<KeyRing> out = Read(in);
  if (!out.ok())
    return absl::DataLossError(absl::StrCat("the sealed keys do not decode: ", out.status().message()));
  return out;
}

std::string KeyRing::ServiceChainPem() const {
  return crypto::ToPemChain({service_certificate, issuing, root});
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
