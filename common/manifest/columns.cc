#include "common/manifest/columns.h"

#include <cstdio>
#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/manifest/manifest.h"

namespace plumbline::manifest {
namespace {

using Columns = std::set<std::string>;  // "table.column"

absl::StatusOr<Columns> ColumnsOf(db::Database& database) {
  std::vector<std::string> tables;
  {
    ASSIGN_OR_RETURN(db::Statement rows, database.Prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"));
    for (bool found = true; found;) {
      ASSIGN_OR_RETURN(found, rows.Step());
      if (found) tables.emplace_back(rows.Text(0));
    }
  }
  Columns out;
  for (const std::string& table : tables) {
    ASSIGN_OR_RETURN(db::Statement rows, database.Prepare(absl::StrCat("PRAGMA table_info(", table, ")")));
    for (bool found = true; found;) {
      ASSIGN_OR_RETURN(found, rows.Step());
      if (found) out.insert(absl::StrCat(table, ".", rows.Text(1)));
    }
  }
  return out;
}

const metadata::v1::Database* FindDatabase(const metadata::v1::Manifest& manifest, const std::string& process, const std::string& file) {
  for (const auto& each : manifest.process()) {
    if (each.name() != process) continue;
    for (const auto& database : each.database()) {
      if (database.file() == file) return &database;
    }
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> CompareColumns(const metadata::v1::Manifest& manifest, const std::string& process,
                                                        const std::string& file, db::Database& database) {
  const metadata::v1::Database* const declaration = FindDatabase(manifest, process, file);
  if (declaration == nullptr) return std::vector<std::string>{absl::StrCat(process, " ", file, ": this database is not declared")};
  Columns declared;
  for (const auto& table : declaration->table()) {
    for (const auto& column : table.column()) declared.insert(absl::StrCat(table.name(), ".", column.name()));
  }
  ASSIGN_OR_RETURN(const Columns real, ColumnsOf(database));
  std::vector<std::string> lines;
  for (const std::string& column : real) {
    if (!declared.contains(column)) lines.push_back(absl::StrCat(process, " ", file, ": ", column, " is not declared: say in manifest.textproto which datum it is"));
  }
  for (const std::string& column : declared) {
    if (!real.contains(column)) lines.push_back(absl::StrCat(process, " ", file, ": ", column, " is declared, and there is no such column"));
  }
  return lines;
}

int CheckColumns(const std::string& process, const MakeDatabases& make) {
  std::string folder = (std::filesystem::temp_directory_path() / "plumbline-columns-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  std::set<std::string> missing;
  for (const auto& each : Built().process()) {
    if (each.name() != process) continue;
    for (const auto& database : each.database()) missing.insert(database.file());
  }
  int faults = 0;
  const absl::Status made = make(folder, [&](const std::string& file, db::Database& database) -> absl::Status {
    missing.erase(file);
    ASSIGN_OR_RETURN(const std::vector<std::string> lines, CompareColumns(Built(), process, file, database));
    for (const std::string& line : lines) std::fprintf(stderr, "metadata: %s\n", line.c_str());
    faults += static_cast<int>(lines.size());
    return absl::OkStatus();
  });
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  if (!made.ok()) std::fprintf(stderr, "metadata: %s: %s\n", process.c_str(), std::string(made.message()).c_str());
  for (const std::string& file : missing) std::fprintf(stderr, "metadata: %s %s: is declared, and the check does not make it\n", process.c_str(), file.c_str());
  return made.ok() && faults == 0 && missing.empty() ? 0 : 1;
}

}  // namespace plumbline::manifest
