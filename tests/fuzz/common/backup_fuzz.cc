// Backups from outside: a manifest is what Encode makes of it; an archive is refused, or has the content that was written; and
// whatever stands in an authentic archive is read to its end or refused, with a reason, without a trace in the folder above.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/backup/archive.h"
#include "common/backup/key.h"
#include "common/backup/restore.h"
#include "common/check.h"
#include "common/codec.h"
#include "common/file.h"
#include "common/identity/reason.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

const crypto::SealedBoxKeyPair& Key() {
  static const auto* const key = new crypto::SealedBoxKeyPair(*crypto::SealedBoxKeyPair::FromPrivateKey(Secret::CopyOf(Bytes(32, 1))));
  return *key;
}

const std::string& Folder() {
  static const auto* const folder = [] {
    std::string pattern = (std::filesystem::temp_directory_path() / "plumbline-fuzz-XXXXXX").string();
    CHECK(mkdtemp(pattern.data()) != nullptr);
    return new std::string(pattern);
  }();
  return *folder;
}

db::Key DatabaseKey() { return *db::Key::FromSecret(Secret(32)); }

class Keys final : public backup::OpenedKeys {
 public:
  std::vector<db::Key> DatabaseKeys() const override {
    std::vector<db::Key> out;
    out.push_back(DatabaseKey());
    return out;
  }
  absl::StatusOr<audit::LogKey> AuditKey() const override {
    return audit::LogKey::Create("example.org/audit/admin", *crypto::Ed25519KeyPair::FromSeed(Secret(32)));
  }
  absl::StatusOr<std::vector<backup::LogState>> CheckLogs(db::Database&) const override { return std::vector<backup::LogState>(); }
};

class Service final : public backup::Subject {
 public:
  identity::Service service() const override { return identity::Service::kAdmin; }
  std::string domain() const override { return "example.org"; }
  std::string data_dir() const override { return Folder() + "/data"; }
  std::string keys_file() const override { return "admin.keys"; }
  std::vector<std::string> other_files() const override { return {"admin.csr"}; }
  std::vector<std::string> databases() const override { return {"admin.db"}; }
  absl::StatusOr<std::unique_ptr<backup::OpenedKeys>> OpenKeys(const std::string&) const override { return std::make_unique<Keys>(); }
};

void Write(const std::string& path, ByteView bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

std::string Archive(ByteView content) {
  const std::string path = Folder() + "/archive";
  unlink(path.c_str());
  auto archive = backup::ArchiveWriter::Create(path, Key().public_key());
  CHECK(archive.ok() && archive->Write(content).ok() && archive->Finish().ok());
  return path;
}

absl::Status Restore(const std::string& path) {
  absl::StatusOr<backup::WorkFolder> folder = backup::WorkFolder::Make(Folder() + "/work");
  CHECK(folder.ok());
  return backup::Unpack(Service(), path, Key(), *std::move(folder)).status();
}

Bytes Content(backup::Manifest manifest, const std::vector<Bytes>& files, bool prove) {
  if (prove) backup::Prove(manifest, DatabaseKey());
  const Bytes encoded = backup::Encode(manifest);
  Writer out;
  out.U32(static_cast<uint32_t>(encoded.size())).Fixed(encoded);
  for (const Bytes& file : files) out.Fixed(file);
  return out.TakeBytes();
}

backup::Manifest Sample(const std::vector<Bytes>& files) {
  backup::Manifest out{.service = identity::Service::kAdmin, .domain = "example.org", .time = absl::FromUnixSeconds(1'790'000'000)};
  out.logs = {{"example.org/audit/admin", 1, {}}};
  out.files = {{"admin.keys", files[0].size(), Sha256(files[0])}, {"admin.db", files[1].size(), Sha256(files[1])}};
  return out;
}

}  // namespace

// The first byte says what the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  const ByteView rest = input.subspan(1);
  if (input[0] == 0) {
    const auto manifest = backup::ParseManifest(rest);
    if (manifest.ok()) CHECK(Equal(backup::Encode(*manifest), rest));
    if (!manifest.ok()) CHECK(absl::IsInvalidArgument(manifest.status()) || absl::IsUnimplemented(manifest.status()));
    (void)backup::ParseRecipient(ToString(rest)).ok();
  }
  if (input[0] == 1) {
    Write(Folder() + "/archive", rest);
    auto archive = backup::ArchiveReader::Open(Folder() + "/archive", Key());
    if (!archive.ok()) {
      CHECK(!identity::ReasonOf(archive.status()).empty());
      return;
    }
    Bytes content(7);
    if (archive->Read(content).ok() && archive->Done().ok()) CHECK(Equal(content, AsBytes("content")));
  }
  if (input[0] == 2 && !rest.empty()) {
    const absl::Status status = Restore(Archive(rest));
    CHECK(!status.ok() && !identity::ReasonOf(status).empty());  // there is no database to be had
    CHECK(!std::filesystem::exists(Folder() + "/work") && !std::filesystem::exists(Folder() + "/data"));
  }
}

std::vector<Bytes> Seeds() {
  const std::vector<Bytes> files = {Bytes(40, 1), Bytes(4096, 2)};
  const backup::Manifest manifest = Sample(files);
  backup::Manifest proved = manifest;
  backup::Prove(proved, DatabaseKey());
  return {Concat({Bytes{0}, backup::Encode(proved)}),
          Concat({Bytes{1}, AsBytes(ReadTextFile(Archive(AsBytes("content")), 4096).value())}),
          Concat({Bytes{2}, Content(manifest, files, true)}),
          Concat({Bytes{2}, Content(manifest, files, false)}),
          Concat({Bytes{2}, Content(manifest, {files[0]}, true)})};
}

}  // namespace plumbline::fuzz
