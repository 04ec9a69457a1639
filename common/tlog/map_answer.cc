#include "common/tlog/map_answer.h"

#include "common/tlog/proof.h"

namespace plumbline::tlog {

absl::StatusOr<std::optional<Hash>> VerifyMapAnswer(const Checkpoint& checkpoint,
                                                    const MapIndex& index,
                                                    const MapAnswer& answer) {
  if (checkpoint.size == 0)
    return absl::InvalidArgumentError("an empty log says nothing about anybody");
  const uint64_t last = checkpoint.size - 1;
  if (answer.root.end != last)
    return absl::InvalidArgumentError("the map's root is not the last leaf");
  RETURN_IF_ERROR(VerifyInclusion(last, checkpoint.size, LeafHashOf(answer.root), answer.inclusion,
                                  checkpoint.root));
  return VerifyMapProof(answer.root.root, index, answer.proof);
}

}  // namespace plumbline::tlog
