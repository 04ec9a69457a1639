#include "common/backup/manifest.h"

#include <algorithm>

#include "common/codec.h"
#include "common/crypto/hkdf.h"
#include "common/identity/reason.h"
#include "common/tlog/key_text.h"

namespace plumbline::backup {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kMaxOrigin = 512;
constexpr absl::string_view kProofLabel = "plumbline backup v1 proof";

absl::Status Malformed() { return absl::InvalidArgumentError("not a backup's manifest"); }

Bytes EncodeUnproved(const Manifest& manifest) {
  Writer logs, files, out;
  for (const LogState& log : manifest.logs) logs.Vector(AsBytes(log.origin)).U64(log.size).Fixed(log.root);
  for (const File& file : manifest.files) files.Vector(AsBytes(file.name)).U64(file.size).Fixed(file.sha256);
  out.U8(kVersion).U8(static_cast<uint8_t>(static_cast<int>(manifest.service) + 1)).Vector(AsBytes(manifest.domain));
  out.U64(static_cast<uint64_t>(absl::ToUnixSeconds(manifest.time))).Vector(logs.view()).Vector(files.view());
  return out.TakeBytes();
}

std::array<uint8_t, 32> ProofOf(const Manifest& manifest, const db::Key& key) {
  const Secret proving = crypto::HkdfSha256(key.view(), {}, AsBytes(kProofLabel), 32);
  return crypto::HmacSha256(proving.view(), EncodeUnproved(manifest));
}

bool IsFileName(absl::string_view name) {
  // The dots are inside, so that no name leads out of a folder or is hidden in it.
  return !name.empty() && name.front() != '.' && name.back() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '.'; });
}

absl::StatusOr<std::array<uint8_t, 32>> ReadHash(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView bytes, in.Fixed(32));
  std::array<uint8_t, 32> out;
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

absl::StatusOr<std::vector<LogState>> ReadLogStates(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView bytes, in.Vector(kMaxManifest));
  std::vector<LogState> out;
  for (Reader logs(bytes); !logs.AtEnd();) {
    LogState& log = out.emplace_back();
    ASSIGN_OR_RETURN(const ByteView origin, logs.Vector(kMaxOrigin));
    log.origin = ToString(origin);
    ASSIGN_OR_RETURN(log.size, logs.U64());
    ASSIGN_OR_RETURN(log.root, ReadHash(logs));
    if (!tlog::CheckKeyName(log.origin).ok() || log.size > tlog::kMaxSize || out.size() > kMaxLogs) return Malformed();
  }
  if (out.empty()) return Malformed();
  return out;
}

absl::StatusOr<std::vector<File>> ReadFiles(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView bytes, in.Vector(kMaxManifest));
  std::vector<File> out;
  for (Reader files(bytes); !files.AtEnd();) {
    File file;
    ASSIGN_OR_RETURN(const ByteView name, files.Vector(kMaxFileName));
    file.name = ToString(name);
    ASSIGN_OR_RETURN(file.size, files.U64());
    ASSIGN_OR_RETURN(file.sha256, ReadHash(files));
    const bool known = std::any_of(out.begin(), out.end(), [&](const File& other) { return other.name == file.name; });
    if (!IsFileName(file.name) || known || file.size > kMaxFileSize || out.size() == kMaxFiles) return Malformed();
    out.push_back(std::move(file));
  }
  if (out.empty()) return Malformed();
  return out;
}

}  // namespace

Bytes Encode(const Manifest& manifest) { return Concat({EncodeUnproved(manifest), manifest.proof}); }

absl::StatusOr<Manifest> ParseManifest(ByteView bytes) {
  Reader in(bytes);
  Manifest out;
  ASSIGN_OR_RETURN(const uint8_t version, in.U8());
  if (version != kVersion) {
    return identity::Refuse(absl::StatusCode::kUnimplemented, "backup_too_new",
                            "a newer version of this program made the backup; use that one to restore it");
  }
  ASSIGN_OR_RETURN(const uint8_t service, in.U8());
  if (service < 1 || service > 3) return Malformed();
  out.service = static_cast<identity::Service>(service - 1);
  ASSIGN_OR_RETURN(const ByteView domain, in.Vector(253));
  out.domain = ToString(domain);
  RETURN_IF_ERROR(identity::CheckDomain(out.domain));
  ASSIGN_OR_RETURN(const uint64_t time_unix, in.U64());
  if (time_unix > (uint64_t{1} << 40)) return Malformed();
  out.time = absl::FromUnixSeconds(static_cast<int64_t>(time_unix));
  ASSIGN_OR_RETURN(out.logs, ReadLogStates(in));
  ASSIGN_OR_RETURN(out.files, ReadFiles(in));
  ASSIGN_OR_RETURN(out.proof, ReadHash(in));
  RETURN_IF_ERROR(in.Done());
  return out;
}

void Prove(Manifest& manifest, const db::Key& key) { manifest.proof = ProofOf(manifest, key); }

absl::Status CheckProof(const Manifest& manifest, const db::Key& key) {
  if (ConstantTimeEqual(manifest.proof, ProofOf(manifest, key))) return absl::OkStatus();
  return absl::UnauthenticatedError("the manifest's proof is of another key");
}

}  // namespace plumbline::backup
