// The nodes of the directory's map as rows of the key server's database.
#pragma once

#include "common/db/database.h"
#include "common/tlog/map.h"
#include "common/tlog/sql_nodes.h"

namespace plumbline::keyserver {

using tlog::SqlNodes;
using tlog::TakeHash;

// The map as it was at `version`; what is written is of that version. Nodes that neither the published version nor a later one
// needs go with the write that replaces them.
class SqlMap final : public tlog::MapStore {
 public:
  SqlMap(db::Database& database, uint64_t version, uint64_t published)
      : database_(database), version_(version), published_(published) {}
  absl::StatusOr<tlog::MapNode> Read(const tlog::MapPlace& place) override;
  absl::Status Write(const tlog::MapPlace& place, const tlog::MapNode& node) override;

 private:
  db::Database& database_;
  const uint64_t version_, published_;
};

}  // namespace plumbline::keyserver
