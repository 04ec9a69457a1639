// A commit that passed every check, and where it leads. Until the delivery service took it, it may
// still lose a race: so nothing can be sent or read in the new epoch before Group::AdvanceTo.
#pragma once

#include <optional>
#include <vector>

#include "mls/group_view.h"

namespace plumbline::mls {

// The group one epoch ahead: to be looked at, stored and merged, and for nothing else.
class StagedGroup final : public GroupView {
 public:
  StagedGroup(StagedGroup&&) noexcept = default;
  StagedGroup& operator=(StagedGroup&&) noexcept = default;
  StagedGroup Clone() const;  // an equal value; merge only one of them
  // DATA_LOSS if `stored` did not come from Serialize.
  static absl::StatusOr<StagedGroup> Parse(ByteView stored);

 private:
  friend class Group;
  friend struct GroupAccess;
  StagedGroup(std::unique_ptr<GroupState> state, GroupStage stage);
};

struct StagedCommit {
  LeafIndex committer;
  LeafNode committer_leaf;  // as of the current epoch; of an external commit, its new leaf
  bool own = false;
  bool external = false;           // the committer is new: also in `adds`
  std::vector<MemberChange> adds;  // in the order of the new leaves
  std::vector<MemberChange> removes;
  std::vector<MemberChange> updates;  // by Update proposals and the committer's path
  bool removes_us = false;
  bool has_path = false;
  bool group_context_changed = false;
  bool reinit = false;  // ends the group: next->reinit() says for what
  Bytes authenticated_data;
  std::optional<StagedGroup> next;  // none if and only if removes_us

  Bytes message;                 // own only: the commit as MLSMessage bytes
  std::optional<Bytes> welcome;  // own only: for the added members, MLSMessage bytes
};

}  // namespace plumbline::mls
