#include "server/keys.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/crypto/hkdf.h"
#include "common/crypto/key_wrap.h"
#include "common/identity/labels.h"
#include "common/crypto/x509.h"
#include "common/file.h"
#include "common/identity/attachment.h"
#include "common/identity/reason.h"

namespace plumbline::server {
namespace {

using identity::Refuse;

constexpr uint8_t kVersion = 2;  // 1 had no audit key
constexpr size_t kMaxTlsKey = 1024;

absl::StatusOr<ServerKeys> ParseKeys(ByteView content) {
  Reader in(content);
  ASSIGN_OR_RETURN(const uint8_t version, in.U8());
  if (version != kVersion && version != 1) return absl::InvalidArgumentError("unknown version");
  ASSIGN_OR_RETURN(const ByteView database, in.Fixed(db::Key::kSize));
  ASSIGN_OR_RETURN(const ByteView tls, in.Vector(kMaxTlsKey));
  std::optional<crypto::Ed25519KeyPair> audit;
  if (version == kVersion) {
    ASSIGN_OR_RETURN(const ByteView seed, in.Fixed(crypto::kEd25519SeedSize));
    ASSIGN_OR_RETURN(audit, crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(seed)));
  }
  RETURN_IF_ERROR(in.Done());
  ASSIGN_OR_RETURN(db::Key database_key, db::Key::FromSecret(Secret::CopyOf(database)));
  ASSIGN_OR_RETURN(crypto::P256PrivateKey tls_key, crypto::P256PrivateKey::FromDer(tls));
  return ServerKeys{std::move(database_key), std::move(tls_key), std::move(audit)};
}

absl::Status Seal(const std::string& path, const Secret& passphrase, const ServerKeys& keys, const crypto::SealCost& cost) {
  Writer content;
  content.U8(kVersion).Fixed(keys.database.view()).Vector(keys.tls.der()).Fixed(keys.audit->seed());
  return crypto::SealToFile(path, passphrase, content.view(), cost);
}

}  // namespace

absl::Status InitialiseKeys(const std::string& data_dir, const Secret& passphrase, const crypto::SealCost& cost) {
  if (mkdir(data_dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::UnavailableError(absl::StrCat("cannot make ", data_dir, ": ", std::strerror(errno)));
  }
  const std::string keys_path = absl::StrCat(data_dir, "/", kKeysFile);
  struct stat there;
  if (lstat(keys_path.c_str(), &there) == 0) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "already_initialised",
                  absl::StrCat(keys_path, " is there; keys are never replaced, choose another data_dir for a new server"));
  }
  const ServerKeys keys{db::Key::Random(), crypto::P256PrivateKey::Generate(), crypto::Ed25519KeyPair::Generate()};
  RETURN_IF_ERROR(Seal(keys_path, passphrase, keys, cost));
  return WriteFileAtomically(absl::StrCat(data_dir, "/", kRequestFile), crypto::CertificateRequest::Create(keys.tls), 0644);
}

absl::Status AddAuditKey(const std::string& data_dir, const Secret& passphrase, const crypto::SealCost& cost) {
  ASSIGN_OR_RETURN(ServerKeys keys, OpenKeys(data_dir, passphrase));
  if (keys.audit) return absl::OkStatus();
  keys.audit = crypto::Ed25519KeyPair::Generate();
  return Seal(absl::StrCat(data_dir, "/", kKeysFile), passphrase, keys, cost);
}

absl::StatusOr<audit::LogKey> ServerKeys::AuditKey(absl::string_view domain) const {
  if (!audit) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "audit_key_missing",
                  "these keys were made before audit records were signed; run plumbline-server audit make-key once");
  }
  ASSIGN_OR_RETURN(crypto::Ed25519KeyPair key, crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(audit->seed())));
  return audit::LogKey::Create(audit::Origin(domain, "delivery"), std::move(key));
}

absl::StatusOr<ServerKeys> OpenKeys(const std::string& data_dir, const Secret& passphrase) {
  const absl::StatusOr<Secret> content = crypto::OpenSealedFile(absl::StrCat(data_dir, "/", kKeysFile), passphrase);
  if (absl::IsNotFound(content.status())) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "not_initialised",
                  absl::StrCat("there are no keys in ", data_dir, "; run plumbline-server init first"));
  }
  if (!content.ok()) return content.status();
  absl::StatusOr<ServerKeys> keys = ParseKeys(content->view());
  if (!keys.ok()) return absl::DataLossError("the sealed keys are damaged; restore server.keys from a backup");
  return keys;
}

db::Key AttachmentsKey(const db::Key& database) {
  return *db::Key::FromSecret(
      crypto::HkdfSha256(database.view(), {}, AsBytes(identity::kAttachmentsKeyLabel), db::Key::kSize));
}

Secret CertificateWrapping(const db::Key& database) {
  return crypto::HkdfSha256(database.view(), {}, AsBytes(identity::kServiceKeysAtRestLabel), crypto::kWrappingKeySize);
}

}  // namespace plumbline::server
