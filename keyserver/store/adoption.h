// How records enter a log of the directory that are older than it: as they are, version by version, with the cause "adopted" and the
// working keys that no record shows (docs/transparency.md).
#pragma once

#include "keyserver/store/directory_log.h"

namespace plumbline::keyserver {

// All that `log` lacks, in batches. DATA_LOSS if what is stored does not parse; else codes of DirectoryLog::Append.
absl::Status AdoptRecords(db::Transaction& transaction, DirectoryLog& log);

}  // namespace plumbline::keyserver
