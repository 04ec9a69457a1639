#include "common/backup/key.h"

#include <unistd.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/codec.h"
#include "common/file.h"
#include "common/identity/reason.h"

namespace plumbline::backup {
namespace {

using identity::Refuse;

constexpr absl::string_view kPrefix = "plbk1:";
constexpr absl::string_view kLabel = "plumbline backup key v1";
constexpr size_t kRecipientSize = kPrefix.size() + 64 + 1 + 8;

}  // namespace

std::string RecipientText(const crypto::SealedBoxPublicKey& key) {
  const auto sum = Sha256(Concat({AsBytes(kLabel), key.view()}));
  return absl::StrCat(kPrefix, ToHex(key.view()), ":", ToHex(ByteView(sum).first(4)));
}

absl::StatusOr<crypto::SealedBoxPublicKey> ParseRecipient(absl::string_view text) {
  if (text.size() == kRecipientSize) {
    const std::string bytes = absl::HexStringToBytes(text.substr(kPrefix.size(), 64));
    const absl::StatusOr<crypto::SealedBoxPublicKey> key = crypto::SealedBoxPublicKey::Parse(AsBytes(bytes));
    if (key.ok() && RecipientText(*key) == text) return key;
  }
  return Refuse(absl::StatusCode::kInvalidArgument, "recipient_malformed",
                "this is not the line that backup-key wrote (plbk1:...); copy the file *.pub again");
}

absl::StatusOr<crypto::SealedBoxPublicKey> ReadRecipientFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, 4096));
  return ParseRecipient(absl::StripSuffix(text, "\n"));
}

absl::StatusOr<std::string> MakeKey(const std::string& path, const Secret& passphrase, const crypto::SealCost& cost) {
  const std::string public_path = path + ".pub";
  for (const std::string& each : {path, public_path}) {
    if (access(each.c_str(), F_OK) != 0) continue;
    return Refuse(absl::StatusCode::kAlreadyExists, "backup_key_exists",
                  absl::StrCat(each, " is there already, and keys are never replaced; choose another name"));
  }
  const crypto::SealedBoxKeyPair pair = crypto::SealedBoxKeyPair::Generate();
  Writer content;
  content.Vector(AsBytes(kLabel)).Fixed(pair.private_key());
  RETURN_IF_ERROR(crypto::SealToFile(path, passphrase, content.view(), cost));
  std::string recipient = RecipientText(pair.public_key());
  RETURN_IF_ERROR(WriteFileAtomically(public_path, AsBytes(recipient + "\n"), 0644));
  return recipient;
}

absl::StatusOr<crypto::SealedBoxKeyPair> OpenKey(const std::string& path, const Secret& passphrase) {
  ASSIGN_OR_RETURN(const Secret content, crypto::OpenSealedFile(path, passphrase));
  Reader in(content.view());
  const absl::StatusOr<ByteView> label = in.Vector(kLabel.size());
  const absl::StatusOr<ByteView> key = label.ok() ? in.Fixed(crypto::kSealedBoxKeySize) : label;
  if (!key.ok() || !Equal(*label, AsBytes(kLabel)) || !in.Done().ok()) {
    return Refuse(absl::StatusCode::kDataLoss, "backup_key_malformed",
                  absl::StrCat(path, " opens, but is not a key that backup-key made"));
  }
  return crypto::SealedBoxKeyPair::FromPrivateKey(Secret::CopyOf(*key));
}

}  // namespace plumbline::backup
