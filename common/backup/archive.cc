#include "common/backup/archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "common/backup/disk.h"
#include "common/backup/key.h"
#include "common/check.h"
#include "common/codec.h"
#include "common/identity/reason.h"

namespace plumbline::backup {
namespace {

using identity::Refuse;

constexpr absl::string_view kMagic = "PLBK0001";
constexpr size_t kOverhead = crypto_secretstream_xchacha20poly1305_ABYTES;
constexpr size_t kKeySize = crypto_secretstream_xchacha20poly1305_KEYBYTES;
constexpr uint8_t kMessage = crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
constexpr uint8_t kFinal = crypto_secretstream_xchacha20poly1305_TAG_FINAL;
static_assert(kOverhead == 17 && crypto_secretstream_xchacha20poly1305_HEADERBYTES == 24);

}  // namespace

absl::StatusOr<ArchiveWriter> ArchiveWriter::Create(const std::string& path, const crypto::SealedBoxPublicKey& recipient) {
  Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return DiskError("cannot make", path);
  ArchiveWriter out(path, std::move(file));
  const Secret key = Secret::Random(kKeySize);
  ASSIGN_OR_RETURN(const Bytes sealed_key, recipient.Seal(key.view()));
  Bytes stream_header(crypto_secretstream_xchacha20poly1305_HEADERBYTES);
  CHECK(crypto_secretstream_xchacha20poly1305_init_push(out.state(), stream_header.data(), key.view().data()) == 0);
  out.header_ = Concat({AsBytes(kMagic), recipient.view(), sealed_key, stream_header});
  CHECK(out.header_.size() == kArchiveHeader);
  out.waiting_.reserve(kChunk);
  RETURN_IF_ERROR(WriteAll(out.file_.get(), out.header_, path));
  return out;
}

absl::Status ArchiveWriter::Push(ByteView chunk, uint8_t tag) {
  Bytes sealed(chunk.size() + kOverhead);
  CHECK(crypto_secretstream_xchacha20poly1305_push(state(), sealed.data(), nullptr, chunk.data(), chunk.size(), header_.data(),
                                                   header_.size(), tag) == 0);
  return WriteAll(file_.get(), sealed, path_);
}

absl::Status ArchiveWriter::Write(ByteView content) {
  while (!content.empty()) {
    // A full chunk waits until there is more: the last one has to say that it is.
    if (waiting_.size() == kChunk) {
      RETURN_IF_ERROR(Push(waiting_, kMessage));
      waiting_.clear();
    }
    const size_t taken = std::min(content.size(), kChunk - waiting_.size());
    waiting_.insert(waiting_.end(), content.begin(), content.begin() + static_cast<std::ptrdiff_t>(taken));
    content = content.subspan(taken);
  }
  return absl::OkStatus();
}

absl::Status ArchiveWriter::Finish() {
  if (waiting_.empty()) return absl::InvalidArgumentError("an archive is not empty");
  RETURN_IF_ERROR(Push(waiting_, kFinal));
  return fsync(file_.get()) == 0 ? absl::OkStatus() : DiskError("cannot sync", path_);
}

absl::Status ArchiveReader::Damaged() const {
  return Refuse(absl::StatusCode::kDataLoss, "backup_damaged",
                absl::StrCat(path_, " is not a whole backup: it was cut off or changed; copy it again, or use another one"));
}

absl::StatusOr<ArchiveReader> ArchiveReader::Open(const std::string& path, const crypto::SealedBoxKeyPair& key) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (file.get() < 0) return DiskError("cannot read", path);
  struct stat info;
  if (fstat(file.get(), &info) != 0) return DiskError("cannot read", path);
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(absl::StrCat(path, " is not a regular file"));
  ArchiveReader out(path, std::move(file));
  out.left_ = static_cast<uint64_t>(info.st_size);
  RETURN_IF_ERROR(out.ReadHeader(key));
  return out;
}

absl::Status ArchiveReader::ReadHeader(const crypto::SealedBoxKeyPair& key) {
  if (left_ < kArchiveHeader) return Damaged();
  header_.resize(kArchiveHeader);
  RETURN_IF_ERROR(ReadAll(header_));
  Reader in(header_);
  ASSIGN_OR_RETURN(const ByteView magic, in.Fixed(kMagic.size()));
  ASSIGN_OR_RETURN(const ByteView recipient, in.Fixed(crypto::kSealedBoxKeySize));
  ASSIGN_OR_RETURN(const ByteView sealed_key, in.Fixed(kKeySize + crypto::kSealedBoxOverhead));
  if (!Equal(magic, AsBytes(kMagic))) return Damaged();
  if (!Equal(recipient, key.public_key().view())) {
    const absl::StatusOr<crypto::SealedBoxPublicKey> other = crypto::SealedBoxPublicKey::Parse(recipient);
    if (!other.ok()) return Damaged();
    return Refuse(absl::StatusCode::kPermissionDenied, "backup_key_wrong",
                  absl::StrCat(path_, " was made for the key ", RecipientText(*other), " and this one is ",
                               RecipientText(key.public_key()), "; use that one"));
  }
  const absl::StatusOr<Secret> stream_key = key.Open(sealed_key);
  if (!stream_key.ok() ||
      crypto_secretstream_xchacha20poly1305_init_pull(state(), in.rest().data(), stream_key->view().data()) != 0) {
    return Damaged();
  }
  return absl::OkStatus();
}

absl::Status ArchiveReader::ReadAll(std::span<uint8_t> out) {
  left_ -= out.size();
  while (!out.empty()) {
    const ssize_t got = read(file_.get(), out.data(), out.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return DiskError("cannot read", path_);
    if (got == 0) return Damaged();
    out = out.subspan(static_cast<size_t>(got));
  }
  return absl::OkStatus();
}

absl::Status ArchiveReader::Pull() {
  const size_t size = static_cast<size_t>(std::min<uint64_t>(left_, kChunk + kOverhead));
  if (size <= kOverhead) return Damaged();
  Bytes sealed(size);
  RETURN_IF_ERROR(ReadAll(sealed));
  chunk_.resize(size - kOverhead);
  used_ = 0;
  uint8_t tag = 0;
  const int pulled = crypto_secretstream_xchacha20poly1305_pull(state(), chunk_.data(), nullptr, &tag, sealed.data(), sealed.size(),
                                                                header_.data(), header_.size());
  return pulled == 0 && tag == (left_ == 0 ? kFinal : kMessage) ? absl::OkStatus() : Damaged();
}

absl::Status ArchiveReader::Read(std::span<uint8_t> out) {
  while (!out.empty()) {
    if (used_ == chunk_.size()) RETURN_IF_ERROR(Pull());
    const size_t taken = std::min(out.size(), chunk_.size() - used_);
    std::copy_n(chunk_.begin() + static_cast<std::ptrdiff_t>(used_), taken, out.begin());
    used_ += taken;
    out = out.subspan(taken);
  }
  return absl::OkStatus();
}

absl::Status ArchiveReader::Done() const { return used_ == chunk_.size() && left_ == 0 ? absl::OkStatus() : Damaged(); }

}  // namespace plumbline::backup
