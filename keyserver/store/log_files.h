// The published log as files, for whoever audits it (C2SP tlog-tiles), and what opens its entries, for whoever may know names.
#pragma once

#include <string>

#include "keyserver/store/directory_log.h"

namespace plumbline::keyserver {

// Brings a folder up to date: tiles and bundles that are new, then `checkpoint`; each file whole or not at all. What is there
// already is not read. UNAVAILABLE if nothing is published; FAILED_PRECONDITION log_folder_used if the folder has another log's files; codes of the disk and of the engine.
absl::Status WriteLogFiles(db::Database& database, DirectoryLog& log, const std::string& folder);

// One opaque<V> directory::Opening for each published entry, in the log's order. Names everybody.
absl::StatusOr<Bytes> AllOpenings(db::Database& database, DirectoryLog& log, const crypto::VrfKeyPair& vrf);

}  // namespace plumbline::keyserver
