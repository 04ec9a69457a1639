// Real databases against what is declared of them. Runs when a program is built: a column that is not declared, or is declared and
// not there, fails the build.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/db/database.h"
#include "common/status.h"
#include "plumbline/metadata/v1/manifest.pb.h"

namespace plumbline::manifest {

// What differs between `database` and what `manifest` says that `process` keeps in `file`: a line each. Codes of the database.
absl::StatusOr<std::vector<std::string>> CompareColumns(const metadata::v1::Manifest& manifest, const std::string& process,
                                                        const std::string& file, db::Database& database);

// Makes the databases of a program in an empty folder, by the code that makes them where it is installed, and shows each.
using Show = std::function<absl::Status(const std::string& file, db::Database& database)>;
using MakeDatabases = std::function<absl::Status(const std::string& folder, const Show& show)>;

// The exit code of a program that does nothing else: 0 if every database of `process` is as declared, and none is missing.
int CheckColumns(const std::string& process, const MakeDatabases& make);

}  // namespace plumbline::manifest
