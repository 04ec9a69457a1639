#include "common/crypto/sealed_file.h"

#include <sodium.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/codec.h"
#include "common/crypto/hkdf.h"
#include "common/crypto/passphrase.h"
#include "common/file.h"

namespace plumbline::crypto {
namespace {

constexpr absl::string_view kMagic = kSealedFileMagic;
constexpr size_t kSaltSize = kStretchSaltSize;
constexpr size_t kNonceSize = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagSize = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kKeySize = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr size_t kCheckSize = 16;
constexpr size_t kHeaderSize = 8 + 4 + 4 + kSaltSize + kNonceSize + kCheckSize;
constexpr size_t kMaxSealedSize = kHeaderSize + 4 + kMaxSealedContent + kTagSize;

struct SealKeys {
  Secret key;
  Secret check;
};

absl::StatusOr<SealKeys> DeriveKeys(const Secret& passphrase, ByteView salt, const SealCost& cost) {
  ASSIGN_OR_RETURN(const Secret stretched, Stretch(passphrase, salt, cost));
  return SealKeys{
      HkdfSha256(stretched.view(), {}, AsBytes("plumbline sealed file v1 key"), kKeySize),
      HkdfSha256(stretched.view(), {}, AsBytes("plumbline sealed file v1 check"), kCheckSize)};
}

struct Parsed {
  ByteView header;  // all that comes before the ciphertext
  SealCost cost;
  ByteView salt, nonce, check, ciphertext;
};

absl::StatusOr<Parsed> ParseFields(ByteView sealed) {
  Parsed out;
  Reader in(sealed);
  ASSIGN_OR_RETURN(const ByteView magic, in.Fixed(kMagic.size()));
  if (!Equal(magic, AsBytes(kMagic))) return absl::InvalidArgumentError("magic");
  ASSIGN_OR_RETURN(out.cost.passes, in.U32());
  ASSIGN_OR_RETURN(out.cost.memory_kib, in.U32());
  if (!InBounds(out.cost)) return absl::InvalidArgumentError("cost");
  ASSIGN_OR_RETURN(out.salt, in.Fixed(kSaltSize));
  ASSIGN_OR_RETURN(out.nonce, in.Fixed(kNonceSize));
  ASSIGN_OR_RETURN(out.check, in.Fixed(kCheckSize));
  ASSIGN_OR_RETURN(out.ciphertext, in.Vector(kMaxSealedContent + kTagSize));
  RETURN_IF_ERROR(in.Done());
  if (out.ciphertext.size() < kTagSize) return absl::InvalidArgumentError("length");
  out.header = sealed.first(kHeaderSize);
  return out;
}

}  // namespace

absl::StatusOr<Bytes> Seal(const Secret& passphrase, ByteView content, const SealCost& cost) {
  RETURN_IF_ERROR(CheckPassphrase(passphrase.view()));
  if (content.size() > kMaxSealedContent) {
    return absl::InvalidArgumentError("too much for a sealed file");
  }
  if (!InBounds(cost)) return absl::InvalidArgumentError("the cost of a sealed file is out of bounds");
  const Bytes salt = RandomBytes(kSaltSize);
  const Bytes nonce = RandomBytes(kNonceSize);
  ASSIGN_OR_RETURN(const SealKeys keys, DeriveKeys(passphrase, salt, cost));
  Writer out;
  out.Fixed(AsBytes(kMagic)).U32(cost.passes).U32(cost.memory_kib);
  out.Fixed(salt).Fixed(nonce).Fixed(keys.check.view());
  CHECK(out.size() == kHeaderSize);
  Bytes ciphertext(content.size() + kTagSize);
  crypto_aead_xchacha20poly1305_ietf_encrypt(ciphertext.data(), nullptr, content.data(),
                                             content.size(), out.view().data(), out.size(), nullptr,
                                             nonce.data(), keys.key.view().data());
  return out.Vector(ciphertext).TakeBytes();
}

absl::StatusOr<Secret> Unseal(const Secret& passphrase, ByteView sealed) {
  const absl::StatusOr<Parsed> parsed = ParseFields(sealed);
  if (!parsed.ok()) {
    return absl::DataLossError(
        "sealed_file_damaged: this is not a sealed file, or it was cut or changed; restore it from a backup");
  }
  if (passphrase.size() > kMaxPassphraseSize) {
    return absl::PermissionDeniedError("passphrase_wrong: longer than any passphrase can be");
  }
  ASSIGN_OR_RETURN(const SealKeys keys, DeriveKeys(passphrase, parsed->salt, parsed->cost));
  if (!ConstantTimeEqual(keys.check.view(), parsed->check)) {
    return absl::PermissionDeniedError(
        "passphrase_wrong: the passphrase does not open this file (a damaged header looks the same); type it "
        "again, or restore the file from a backup");
  }
  Secret out(parsed->ciphertext.size() - kTagSize);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          out.span().data(), nullptr, nullptr, parsed->ciphertext.data(), parsed->ciphertext.size(),
          parsed->header.data(), parsed->header.size(), parsed->nonce.data(),
          keys.key.view().data()) != 0) {
    return absl::DataLossError(
        "sealed_file_damaged: the passphrase is right, but the content was changed; restore it from a backup");
  }
  return out;
}

absl::Status SealToFile(const std::string& path, const Secret& passphrase, ByteView content,
                        const SealCost& cost) {
  ASSIGN_OR_RETURN(const Bytes sealed, Seal(passphrase, content, cost));
  return WriteFileAtomically(path, sealed, 0600);
}

absl::StatusOr<Secret> OpenSealedFile(const std::string& path, const Secret& passphrase) {
  absl::StatusOr<Secret> sealed = ReadSecretFile(path, kMaxSealedSize);
  if (absl::IsInvalidArgument(sealed.status())) {
    return absl::DataLossError(absl::StrCat("sealed_file_damaged: ", path, " is not a sealed file"));
  }
  RETURN_IF_ERROR(sealed.status());
  return Unseal(passphrase, sealed->view());
}

}  // namespace plumbline::crypto
