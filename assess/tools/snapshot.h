// Copies of a service's database, to be opened, looked at and changed without touching the service's own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::assess {

// Copies `path` and `path`-wal into the folder `to` (which exists) and returns the copy's path. Whoever writes to the
// database must be stopped meanwhile.
absl::StatusOr<std::string> CopyDatabase(const std::string& path, const std::string& to);

// Controls put into a copy: a table with one live row and one row that was deleted without being overwritten. First both
// are only in the write-ahead log, where `in_wal` is called; then a checkpoint moves them into the file, and the table's
// rows are in a live and a free page. Shows that a search of these places finds what is there.
absl::Status PlantControls(const std::string& path, ByteView key, size_t page_size, const std::string& live,
                           const std::string& deleted, const std::function<absl::Status()>& in_wal);

// Every table with its number of rows and up to `rows` of them, for people: text as it is, binary in hexadecimal,
// shortened to `width` characters.
absl::StatusOr<std::vector<std::string>> DumpTables(const std::string& path, ByteView key, size_t page_size, size_t rows,
                                                    size_t width);

}  // namespace plumbline::assess
