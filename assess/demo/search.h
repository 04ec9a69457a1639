// Step d: looks for what people wrote in everything the services keep, and first for controls put where it looks.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "assess/tools/canary.h"
#include "assess/tools/relay.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::assess {

// A running service and where it writes.
struct SearchedService {
  std::string name;             // "delivery server"
  pid_t pid = 0;
  std::string folder;           // everything it wrote, databases and logs included
  std::string database;         // path of its database
  Secret database_key;          // 32 bytes
  std::string attachments;      // path of its second database; empty if it has none
  Secret attachments_key;       // 32 bytes
  std::string log;              // path
  std::string memory_controls[2];  // markers it was given at its start: in its environment and in its configuration
};

enum class Found { kClean, kFound, kControlMissing, kUnreadable, kNoPrivilege };

// The result for one place: a database, a journal, a log, a memory, a capture.
struct PlaceResult {
  std::string place;      // "delivery server: memory"
  Found found = Found::kClean;
  std::string looked_at;  // "1,204 pages, 12 of them free", "143 MB in 95 mappings"
  std::vector<Hit> hits;  // of what was searched for, not of controls
  size_t controls_planted = 0;
  size_t controls_found = 0;
};

struct SearchReport {
  std::vector<PlaceResult> places;
  std::string ToText() const;
};

// Names what `patterns` must not find in `service`. `scratch` is a folder for copies. Never returns early: each place has
// its own result.
std::vector<PlaceResult> SearchService(const SearchedService& service, const PatternSet& patterns, const std::string& scratch);

// The network: every recorded connection, opened with the session keys. `control` was sent through the relay.
PlaceResult SearchCapture(const std::vector<RecordedConnection>& recorded, const std::string& key_log,
                          const PatternSet& patterns, const std::string& control);

}  // namespace plumbline::assess
