// SQLite with its encryption interface, for the .cc files of this folder.
#pragma once

#define SQLITE_HAS_CODEC 1  // declares sqlite3_key
#include <sqlite3.h>

#include "common/status.h"

namespace plumbline::db {

// The status for a failed call on `connection`, as the list at class Database. Never carries values, only SQLite's own text.
absl::Status FromSqlite(sqlite3* connection, int result);

// True if the file of `connection` begins as an unencrypted SQLite database does. Reads through SQLite's own descriptor, below
// the cipher: opening and closing the file beside SQLite would drop its locks.
bool IsPlainDatabase(sqlite3* connection);

}  // namespace plumbline::db
