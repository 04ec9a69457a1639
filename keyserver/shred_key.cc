#include "keyserver/shred_key.h"

#include <filesystem>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/file.h"
#include "common/identity/reason.h"

namespace plumbline::keyserver {
namespace {

constexpr absl::string_view kMagic = "PLSHRED1";
constexpr size_t kFileSize = 8 + 8 + kShredKeySize;

// None if there is no file of that name, or what is left of one that was overwritten.
absl::StatusOr<std::optional<KeptShredKey>> Read(const std::string& path) {
  const absl::StatusOr<Secret> content = ReadSecretFile(path, kFileSize);
  if (absl::IsNotFound(content.status())) return std::optional<KeptShredKey>();
  RETURN_IF_ERROR(content.status());
  absl::StatusOr<KeptShredKey> file = ParseKeptShredKey(content->view());
  if (!file.ok()) return std::optional<KeptShredKey>();
  return std::optional<KeptShredKey>(*std::move(file));
}

}  // namespace

Secret Encode(const KeptShredKey& file) {
  return Writer().Fixed(AsBytes(kMagic)).U64(file.generation).Fixed(file.key.view()).TakeSecret();
}

absl::StatusOr<KeptShredKey> ParseKeptShredKey(ByteView wire) {
  Reader in(wire);
  ASSIGN_OR_RETURN(const ByteView magic, in.Fixed(kMagic.size()));
  if (!Equal(magic, AsBytes(kMagic))) return absl::InvalidArgumentError("this is not a shred key");
  KeptShredKey out;
  ASSIGN_OR_RETURN(out.generation, in.U64());
  if (out.generation == 0) return absl::InvalidArgumentError("generations count from 1");
  ASSIGN_OR_RETURN(const ByteView key, in.Fixed(kShredKeySize));
  RETURN_IF_ERROR(in.Done());
  out.key = Secret::CopyOf(key);
  return out;
}

absl::StatusOr<Secret> ShredKey::Recover(uint64_t generation) {
  RETURN_IF_ERROR(RemoveUnfinished());
  ASSIGN_OR_RETURN(std::optional<KeptShredKey> next, Read(next_path_));
  if (next && next->generation == generation) {
    RETURN_IF_ERROR(Replace());
    return std::move(next->key);
  }
  RETURN_IF_ERROR(ShredFile(next_path_));
  ASSIGN_OR_RETURN(std::optional<KeptShredKey> current, Read(path_));
  if (!current || current->generation != generation) {
    return identity::Refuse(absl::StatusCode::kFailedPrecondition, "shred_key_missing",
                            absl::StrCat(path_, " does not belong to this database, so no unlock key in it can be read. Restore both from "
                                         "the same backup; if that is lost, plumbline-keyserver abandon-unlock-keys gives all of them up"));
  }
  return std::move(current->key);
}

absl::StatusOr<Secret> ShredKey::WriteNext(uint64_t generation) {
  KeptShredKey next{generation + 1, Secret::Random(kShredKeySize)};
  RETURN_IF_ERROR(WriteFileAtomically(next_path_, Encode(next).view(), 0600));
  return std::move(next.key);
}

absl::Status ShredKey::Replace() { return ShredAndReplaceFile(path_, next_path_); }

absl::Status ShredKey::RemoveAll() {
  RETURN_IF_ERROR(RemoveUnfinished());
  RETURN_IF_ERROR(ShredFile(next_path_));
  return ShredFile(path_);
}

// What WriteFileAtomically leaves if it is killed.
absl::Status ShredKey::RemoveUnfinished() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    if (absl::StartsWith(name, "shred.next.new-")) RETURN_IF_ERROR(ShredFile(entry.path().string()));
  }
  return error ? absl::UnavailableError(absl::StrCat("cannot read ", folder_)) : absl::OkStatus();
}

}  // namespace plumbline::keyserver
