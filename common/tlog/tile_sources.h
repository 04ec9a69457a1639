// Where a log's files can be.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/tlog/log_reader.h"

namespace plumbline::tlog {

// In a folder.
std::unique_ptr<TileSource> FileTiles(const std::string& folder);

// At http://host[:port][/path]: what counts is signed, so no TLS; nothing is unpacked, no other address is gone to.
// `request_time`: from the first byte sent until the last one came. INVALID_ARGUMENT for any other URL. What it fetches with:
// NOT_FOUND for 404 and 410, UNAVAILABLE for all else.
absl::StatusOr<std::unique_ptr<TileSource>> HttpTiles(const std::string& url, absl::Duration request_time = absl::Seconds(10));

// HttpTiles for what has a scheme, FileTiles for the rest.
absl::StatusOr<std::unique_ptr<TileSource>> OpenTileSource(const std::string& where);

}  // namespace plumbline::tlog
