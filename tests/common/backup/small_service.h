// The smallest service that can be backed up: a file of keys that is not sealed, a database with an audit record, and a second one.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/audit/audit_log.h"
#include "common/backup/key.h"
#include "common/backup/restore.h"
#include "common/backup/take.h"
#include "common/codec.h"
#include "common/file.h"
#include "common/identity/reason.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline::backup::testing {

// In the databases, and nowhere else.
inline constexpr absl::string_view kSecret = "a secret that rests in both databases";

inline std::string ReadAll(const std::string& path) { return ReadTextFile(path, 1 << 30).value_or(""); }

class SmallKeys final : public OpenedKeys {
 public:
  SmallKeys(ByteView key, ByteView seed, std::string domain) : key_(ToBytes(key)), seed_(ToBytes(seed)), domain_(std::move(domain)) {}
  std::vector<db::Key> DatabaseKeys() const override {
    std::vector<db::Key> out;
    for (int i = 0; i < 2; ++i) out.push_back(*db::Key::FromSecret(Secret::CopyOf(key_)));
    return out;
  }
  absl::StatusOr<audit::LogKey> AuditKey() const override {
    return audit::LogKey::Create(audit::Origin(domain_, "delivery"), *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(seed_)));
  }
  absl::StatusOr<std::vector<LogState>> CheckLogs(db::Database&) const override { return std::vector<LogState>(); }

 private:
  const Bytes key_, seed_;
  const std::string domain_;
};

class SmallService final : public Subject {
 public:
  explicit SmallService(std::string data_dir, std::string domain = "example.org", identity::Service service = identity::Service::kDelivery)
      : data_dir_(std::move(data_dir)), domain_(std::move(domain)), service_(service) {}
  identity::Service service() const override { return service_; }
  std::string domain() const override { return domain_; }
  std::string data_dir() const override { return data_dir_; }
  std::string keys_file() const override { return "small.keys"; }
  std::vector<std::string> other_files() const override { return {"small.csr"}; }
  std::vector<std::string> databases() const override { return {"main.db", "more.db"}; }
  absl::StatusOr<std::unique_ptr<OpenedKeys>> OpenKeys(const std::string& folder) const override {
    ASSIGN_OR_RETURN(const std::string text, ReadTextFile(absl::StrCat(folder, "/small.keys"), 64));
    if (text.size() != 64) return absl::DataLossError("not keys");
    return std::make_unique<SmallKeys>(AsBytes(text).first(32), AsBytes(text).subspan(32), domain_);
  }

  // Keys, a request, `rows` rows with kSecret in each database, and a first record.
  void Make(int rows = 20) const {
    std::filesystem::create_directories(data_dir_);
    CHECK(WriteFileAtomically(Path("small.keys"), RandomBytes(64), 0600).ok());
    CHECK(WriteFileAtomically(Path("small.csr"), AsBytes("a request"), 0644).ok());
    for (const std::string& name : databases()) {
      const auto database = Open(name);
      CHECK(database->Execute("CREATE TABLE kept (text TEXT)").ok());
      for (int i = 0; i < rows; ++i) Insert(*database, absl::StrCat(kSecret, " ", i));
    }
    Record();
  }
  std::string Path(const std::string& name) const { return data_dir_ + "/" + name; }
  std::unique_ptr<db::Database> Open(const std::string& name, bool exclusive = true) const {
    const auto keys = OpenKeys(data_dir_);
    CHECK(keys.ok());
    auto database = db::Database::Open(Path(name), (*keys)->DatabaseKeys()[0], {.exclusive = exclusive});
    CHECK(database.ok());
    return *std::move(database);
  }
  static void Insert(db::Database& database, const std::string& text) {
    auto insert = database.Prepare("INSERT INTO kept (text) VALUES (?)");
    CHECK(insert.ok() && insert->Bind(1, text).Run().ok());
  }
  void Record() const {
    const auto database = Open("main.db", false);
    const SystemClock clock;
    const auto key = (*OpenKeys(data_dir_))->AuditKey();
    auto log = audit::AuditLog::Open(*database, clock, *key);
    CHECK(log.ok() && log->Append({.event = audit::Event::kServiceStarted, .actor = "delivery", .subject = "", .outcome = audit::Outcome::kSuccess, .reason = "", .details = {}}).ok());
  }
  std::vector<audit::Record> Records() const {
    const auto database = Open("main.db", false);
    const auto key = (*OpenKeys(data_dir_))->AuditKey();
    auto reader = audit::AuditReader::Open(*database, key->verifier());
    CHECK(reader.ok() && reader->Verify().ok());
    return *reader->ReadAfter(0, 1000);
  }
  int64_t Rows(const std::string& name) const {
    const auto database = Open(name, false);
    auto count = database->Prepare("SELECT count(*) FROM kept");
    CHECK(count.ok() && *count->Step());
    return count->Int64(0);
  }

 private:
  const std::string data_dir_, domain_;
  const identity::Service service_;
};

inline absl::Status Restore(const SmallService& to, const std::string& from, const crypto::SealedBoxKeyPair& key) {
  ASSIGN_OR_RETURN(WorkFolder folder, PrepareDataFolder(to));
  ASSIGN_OR_RETURN(Unpacked unpacked, Unpack(to, from, key, std::move(folder)));
  return Install(to, std::move(unpacked), SystemClock());
}

}  // namespace plumbline::backup::testing
