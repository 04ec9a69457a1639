// What a log says about an index, tied to what it signed: the map's root counts only as the last
// leaf of the checkpoint.
#pragma once

#include "common/tlog/checkpoint.h"
#include "common/tlog/directory_leaf.h"
#include "common/tlog/map_proof.h"

namespace plumbline::tlog {

struct MapAnswer {
  MapProof proof;
  MapRootLeaf root;
  std::vector<Hash> inclusion;  // of `root` as the last leaf
};

// The leaf hash of the newest entry with `index`; nothing if there is none. INVALID_ARGUMENT if the
// answer proves neither under `checkpoint`, which comes from a verified note.
absl::StatusOr<std::optional<Hash>> VerifyMapAnswer(const Checkpoint& checkpoint,
                                                    const MapIndex& index, const MapAnswer& answer);

}  // namespace plumbline::tlog
