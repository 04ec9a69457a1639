// Opening, keying and configuring: the part of Database that must fail closed.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/db/database.h"
#include "common/db/file_lock.h"
#include "common/db/sqlite.h"

namespace plumbline::db {
namespace {

constexpr absl::string_view kPlainHeader = "SQLite format 3";
// Marks our databases; written first, so that the first page exists and can be looked at before anything else is stored.
constexpr int kApplicationId = 0x504c4d42;

// Makes an empty file with mode 0600, so that no other mode ever exists. Follows no link in the last component.
// A file that is there already is looked at, never opened: closing any descriptor of a file gives up all locks that this
// process holds on it (POSIX), also those of another connection, and then a second process could remove its log.
absl::Status EnsureFile(const std::string& path, bool create) {
  const auto failed = [&](int error) {
    const std::string text = absl::StrCat("cannot open the store ", path, ": ", std::strerror(error));
    return error == ENOENT && !create ? absl::NotFoundError(text) : absl::UnavailableError(text);
  };
  struct stat info;
  if (lstat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) return absl::UnavailableError(absl::StrCat("cannot open the store ", path, ": not a file"));
    return access(path.c_str(), R_OK | W_OK) == 0 ? absl::OkStatus() : failed(errno);
  }
  if (errno != ENOENT || !create) return failed(errno);
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_CREAT | O_EXCL, 0600);
  if (fd < 0) return errno == EEXIST ? absl::OkStatus() : failed(errno);
  close(fd);
  return absl::OkStatus();
}

// x'<64 hex digits>': SQLCipher's form of a raw key.
Secret KeyLiteral(const Key& key) {
  Secret literal(2 + 2 * Key::kSize + 1);
  Secret hex(2 * Key::kSize + 1);
  sodium_bin2hex(reinterpret_cast<char*>(hex.span().data()), hex.size(), key.view().data(), key.view().size());
  auto out = literal.span();
  out[0] = 'x';
  out[1] = '\'';
  std::memcpy(out.data() + 2, hex.view().data(), 2 * Key::kSize);
  out.back() = '\'';
  return literal;
}

// Each page of a cache is an allocation of its own, which is overwritten when it is freed (common/process.h): by default pages come in
// lots, and one that was given back keeps its content. Without effect if a connection was opened before, by somebody else.
void FreePagesOneByOne() {
  static const int configured = sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 0);
  (void)configured;
}

absl::Status NotEncrypted(const std::string& path) {
  return absl::FailedPreconditionError(absl::StrCat(
      "store_not_encrypted: ", path, " is not an encrypted store; this program neither reads nor writes one"));
}

}  // namespace

bool IsPlainDatabase(sqlite3* connection) {
  sqlite3_file* file = nullptr;
  char header[16] = {};
  if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || file == nullptr ||
      file->pMethods == nullptr || file->pMethods->xRead(file, header, sizeof header, 0) != SQLITE_OK) {
    return false;  // shorter than a header
  }
  return std::memcmp(header, kPlainHeader.data(), kPlainHeader.size()) == 0;
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path, const Key& key,
                                                         const OpenOptions& options) {
  RETURN_IF_ERROR(EnsureFile(path, options.create));
  std::unique_ptr<FileLock> lock;
  if (options.exclusive) {
    ASSIGN_OR_RETURN(lock, FileLock::Acquire(path + ".lock"));
  }
  auto database = std::unique_ptr<Database>(new Database(path, std::move(lock)));
  RETURN_IF_ERROR(database->Connect(key, options));
  return database;
}

absl::Status Database::Connect(const Key& key, const OpenOptions& options) {
  FreePagesOneByOne();
  const int result = sqlite3_open_v2(path_.c_str(), &connection_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (result != SQLITE_OK) return FromSqlite(connection_, result);
  if (IsPlainDatabase(connection_)) return NotEncrypted(path_);
  sqlite3_busy_timeout(connection_, static_cast<int>(absl::ToInt64Milliseconds(options.busy_timeout)));
  RETURN_IF_ERROR(ApplyKey(key));
  return Configure();
}

absl::Status Database::ApplyKey(const Key& key) {
  ASSIGN_OR_RETURN(const std::string version, QueryText("PRAGMA cipher_version"));
  if (version.empty()) {
    return absl::FailedPreconditionError(
        "store_without_cipher: the database library cannot encrypt; install libsqlcipher and link it before libsqlite3");
  }
  const Secret literal = KeyLiteral(key);
  const int result = sqlite3_key(connection_, literal.view().data(), static_cast<int>(literal.size()));
  if (result != SQLITE_OK) return FromSqlite(connection_, result);
  RETURN_IF_ERROR(Execute("PRAGMA cipher_page_size = 4096"));
  int major = 0;
  if (absl::SimpleAtoi(version.substr(0, version.find('.')), &major) && major >= 4) {
    // One file format whichever library is installed: version 4 is told to write what version 3.4 writes.
    RETURN_IF_ERROR(Execute("PRAGMA cipher_hmac_algorithm = HMAC_SHA1"));
    RETURN_IF_ERROR(Execute("PRAGMA cipher_kdf_algorithm = PBKDF2_HMAC_SHA1"));
  }
  // The first read, of the first page alone: here a wrong key shows. What cannot be read behind it is damage.
  const absl::Status read = Execute("PRAGMA application_id");
  if (absl::IsDataLoss(read)) {
    return absl::PermissionDeniedError(absl::StrCat(
        "store_key_wrong: the key does not open ", path_,
        " (or its first page is damaged: they look the same); use the key it was made with, or restore it from a backup"));
  }
  RETURN_IF_ERROR(read);
  const absl::Status tables = Execute("SELECT count(*) FROM sqlite_master");
  if (!absl::IsDataLoss(tables)) return tables;
  return absl::DataLossError(absl::StrCat("store_damaged: the list of tables of ", path_,
                                          " was changed or damaged; restore it from a backup"));
}

absl::Status Database::Configure() {
  ASSIGN_OR_RETURN(Statement query, Prepare("PRAGMA application_id"));
  ASSIGN_OR_RETURN(const bool row, query.Step());
  const int64_t application = row ? query.Int64(0) : 0;
  query.Reset();
  if (application != kApplicationId) {
    RETURN_IF_ERROR(Execute(absl::StrCat("PRAGMA application_id = ", kApplicationId)));
  }
  if (IsPlainDatabase(connection_)) return NotEncrypted(path_);
  ASSIGN_OR_RETURN(const std::string mode, QueryText("PRAGMA journal_mode = WAL"));
  if (mode != "wal") return absl::UnavailableError("store_unavailable: the file system does not allow a write-ahead log");
  RETURN_IF_ERROR(Execute("PRAGMA synchronous = FULL"));
  RETURN_IF_ERROR(Execute("PRAGMA secure_delete = ON"));
  RETURN_IF_ERROR(Execute("PRAGMA foreign_keys = ON"));
  RETURN_IF_ERROR(Execute("PRAGMA temp_store = MEMORY"));
  RETURN_IF_ERROR(Execute("PRAGMA wal_autocheckpoint = 10000"));
  ASSIGN_OR_RETURN(const std::string page_size, QueryText("PRAGMA page_size"));
  if (page_size != "4096") return absl::FailedPreconditionError("the store has an unexpected page size");
  // The directory entry of a new file must last as long as what is acknowledged from it.
  const size_t slash = path_.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return synced ? absl::OkStatus() : absl::UnavailableError("store_unavailable: its directory cannot be synced");
}

}  // namespace plumbline::db
