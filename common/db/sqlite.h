// SQLite with its encryption interface, for the .cc files of this folder.
#pragma once

#define SQLITE_HAS_CODEC 1  // declares sqlite3_key
#include <sqlite3.h>

#include "common/status.h"

namespace plumbline::db {

// The status for a failed call on `connection`, as the list at class Database. Never carries values, only SQLite's own text.
absl::Status FromSqlite(sqlite3* connection, int result);

// True if the file at `path` begins as an unencrypted SQLite database does.
bool IsPlainDatabase(const std::string& path);

}  // namespace plumbline::db
