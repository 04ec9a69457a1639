#include "witness/keys.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/file.h"
#include "witness/state.h"

namespace plumbline::witness {
namespace {

constexpr uint8_t kVersion = 1;

absl::StatusOr<crypto::Ed25519KeyPair> ParseKeys(ByteView content) {
  Reader in(content);
  ASSIGN_OR_RETURN(const uint8_t version, in.U8());
  if (version != kVersion) return absl::InvalidArgumentError("unknown version");
  ASSIGN_OR_RETURN(const ByteView seed, in.Fixed(crypto::kEd25519SeedSize));
  RETURN_IF_ERROR(in.Done());
  return crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(seed));
}

}  // namespace

absl::StatusOr<tlog::CosignerKey> Initialise(const std::string& data_dir, absl::string_view name, const Secret& passphrase,
                                             const crypto::SealCost& cost) {
  const crypto::Ed25519KeyPair key = crypto::Ed25519KeyPair::Generate();
  ASSIGN_OR_RETURN(tlog::CosignerKey verifier, tlog::CosignerKey::Create(name, key.public_key()));
  if (mkdir(data_dir.c_str(), 0700) != 0 && errno != EEXIST)
    return absl::UnavailableError(absl::StrCat("cannot make ", data_dir, ": ", std::strerror(errno)));
  const std::string path = absl::StrCat(data_dir, "/", kKeysFile);
  struct stat there;
  if (lstat(path.c_str(), &there) == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "already_initialised: ", path, " is there; keys are never replaced, choose another data_dir for a new witness"));
  }
  // The state first: a key without one would be a witness that forgot. One that an interrupted init left is empty, and will do.
  const std::string state = absl::StrCat(data_dir, "/", kStateFile);
  const absl::StatusOr<std::string> left = ReadTextFile(state, kMaxState);
  const auto logs = WitnessState::Parse(left.ok() ? *left : "");
  if (!logs.ok() || !logs->empty()) RETURN_IF_ERROR(WitnessState::Create(state));
  Writer content;
  content.U8(kVersion).Fixed(key.seed());
  RETURN_IF_ERROR(crypto::SealToFile(path, passphrase, content.view(), cost));
  return verifier;
}

absl::StatusOr<tlog::Cosigner> OpenKeys(const std::string& data_dir, absl::string_view name, const Secret& passphrase) {
  const absl::StatusOr<Secret> content = crypto::OpenSealedFile(absl::StrCat(data_dir, "/", kKeysFile), passphrase);
  if (absl::IsNotFound(content.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("not_initialised: there is no key in ", data_dir, "; run plumbline-witness init first"));
  }
  RETURN_IF_ERROR(content.status());
  const absl::StatusOr<crypto::Ed25519KeyPair> key = ParseKeys(content->view());
  if (!key.ok()) return absl::DataLossError("the sealed key is damaged; restore witness.keys from a backup");
  return tlog::Cosigner::Create(name, *key);
}

}  // namespace plumbline::witness
