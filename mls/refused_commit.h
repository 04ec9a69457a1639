// What Group::Process tells, beside its status, of a commit that it refuses although a member's
// signature is under it: who made it, and whether it may be good for everybody else.
#pragma once

#include <optional>

#include "common/status.h"
#include "mls/leaf_node.h"

namespace plumbline::mls {

struct RefusedCommit {
  LeafIndex author;
  // Everything that all members can check was in order; the path (RFC 9420 §7.6) holds no secret
  // that opens here. Only this member can see that, so the others may have followed.
  bool own_path_only = false;
};

// Marks `status`, which is not OK.
absl::Status Refused(absl::Status status, const RefusedCommit& what);
// None unless `status` came from Process for such a commit.
std::optional<RefusedCommit> RefusedCommitOf(const absl::Status& status);

}  // namespace plumbline::mls
