#include "assess/tools/snapshot.h"

#include <sqlite3.h>

#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace plumbline::assess {
namespace {

namespace fs = std::filesystem;

using Rows = std::vector<std::vector<std::string>>;

std::string Shorten(std::string text, size_t width) {
  if (text.size() > width) text = text.substr(0, width) + "…";
  return text;
}

std::string Cell(sqlite3_stmt* statement, int column, size_t width) {
  if (sqlite3_column_type(statement, column) == SQLITE_NULL) return "null";
  const int size = sqlite3_column_bytes(statement, column);
  if (sqlite3_column_type(statement, column) == SQLITE_BLOB) {
    const auto* data = static_cast<const uint8_t*>(sqlite3_column_blob(statement, column));
    return Shorten(ToHex(ByteView(data, static_cast<size_t>(size))), width) + (size > 16 ? absl::StrCat(" (", size, " B)") : "");
  }
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  return Shorten(std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement, column))), width);
}

// A connection to a copy; closed with the object.
class Copy {
 public:
  static absl::StatusOr<std::unique_ptr<Copy>> Open(const std::string& path, ByteView key, size_t page_size) {
    std::unique_ptr<Copy> copy(new Copy);
    if (sqlite3_open(path.c_str(), &copy->db_) != SQLITE_OK) return absl::UnavailableError("the copy cannot be opened");
    RETURN_IF_ERROR(copy->Do(absl::StrCat("PRAGMA key = \"x'", ToHex(key), "'\"")));
    RETURN_IF_ERROR(copy->Do(absl::StrCat("PRAGMA cipher_page_size = ", page_size)));
    RETURN_IF_ERROR(copy->Query("SELECT count(*) FROM sqlite_master", 8).status());
    return copy;
  }
  ~Copy() { sqlite3_close(db_); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;

  absl::Status Do(const std::string& sql) {
    if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return absl::OkStatus();
    return absl::InternalError(absl::StrCat("the copy refused a statement: ", sqlite3_errmsg(db_)));
  }

  absl::StatusOr<Rows> Query(const std::string& sql, size_t width) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &raw, nullptr) != SQLITE_OK) {
      return absl::InternalError(absl::StrCat("the copy refused a question: ", sqlite3_errmsg(db_)));
    }
    const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(raw, sqlite3_finalize);
    Rows rows;
    int step = 0;
    while ((step = sqlite3_step(raw)) == SQLITE_ROW) {
      std::vector<std::string> row;
      for (int i = 0; i < sqlite3_column_count(raw); ++i) {
        row.push_back(absl::StrCat(sqlite3_column_name(raw, i), "=", Cell(raw, i, width)));
      }
      rows.push_back(std::move(row));
    }
    if (step != SQLITE_DONE) return absl::DataLossError(absl::StrCat("the copy cannot be read: ", sqlite3_errmsg(db_)));
    return rows;
  }

 private:
  Copy() = default;
  sqlite3* db_ = nullptr;
};

}  // namespace

absl::StatusOr<std::string> CopyDatabase(const std::string& path, const std::string& to) {
  const std::string target = absl::StrCat(to, "/", fs::path(path).filename().string());
  std::error_code error;
  fs::copy_file(path, target, fs::copy_options::overwrite_existing, error);
  if (error) return absl::UnavailableError(absl::StrCat("cannot copy ", path, ": ", error.message()));
  fs::remove(target + "-wal", error);
  if (fs::exists(path + "-wal")) fs::copy_file(path + "-wal", target + "-wal", error);
  if (error) return absl::UnavailableError(absl::StrCat("cannot copy ", path, "-wal: ", error.message()));
  return target;
}

absl::Status PlantControls(const std::string& path, ByteView key, size_t page_size, const std::string& live,
                           const std::string& deleted, const std::function<absl::Status()>& in_wal) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Copy> copy, Copy::Open(path, key, page_size));
  for (const std::string& sql : {
           std::string("PRAGMA journal_mode = WAL"), std::string("PRAGMA secure_delete = OFF"),
           std::string("PRAGMA wal_autocheckpoint = 0"), std::string("CREATE TABLE assess_control (body TEXT)"),
           absl::StrCat("INSERT INTO assess_control VALUES ('", live, "')"),
           // Long enough for pages of its own, which go to the free list.
           absl::StrCat("INSERT INTO assess_control VALUES ('", std::string(4 * page_size, '.'), deleted, "')"),
           std::string("DELETE FROM assess_control WHERE length(body) > 1000"),
       }) {
    RETURN_IF_ERROR(copy->Do(sql));
  }
  RETURN_IF_ERROR(in_wal());
  return copy->Do("PRAGMA wal_checkpoint(TRUNCATE)");
}

absl::StatusOr<std::vector<std::string>> DumpTables(const std::string& path, ByteView key, size_t page_size, size_t rows,
                                                    size_t width) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Copy> copy, Copy::Open(path, key, page_size));
  ASSIGN_OR_RETURN(const Rows tables,
                   copy->Query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name", 80));
  std::vector<std::string> lines;
  for (const std::vector<std::string>& table : tables) {
    const std::string name = table[0].substr(5);  // after "name="
    ASSIGN_OR_RETURN(const Rows count, copy->Query(absl::StrCat("SELECT count(*) AS n FROM \"", name, "\""), 20));
    lines.push_back(absl::StrCat(name, ": ", count[0][0].substr(2), " rows"));
    ASSIGN_OR_RETURN(const Rows some, copy->Query(absl::StrCat("SELECT * FROM \"", name, "\" LIMIT ", rows), width));
    for (const auto& row : some) lines.push_back(absl::StrCat("    ", absl::StrJoin(row, "  ")));
  }
  return lines;
}

}  // namespace plumbline::assess
