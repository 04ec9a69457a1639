// What can be read of a group at one epoch: what Group and StagedGroup have in common. Not
// thread-safe. A moved-from one may only be destroyed or assigned to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/bytes.h"
#include "common/secret.h"
#include "mls/group_policy.h"
#include "mls/group_types.h"

namespace plumbline::mls {

struct GroupState;  // mls/group_state.h: everything a group is made of

// What is stored tells which it is, so that none is read as another.
enum class GroupStage : uint8_t {
  kCurrent = 0,
  kStaged = 0x80,   // where a commit in a group leads
  kOwnJoin = 0xc0,  // where one's own external commit leads
};

class GroupView {
 public:
  // The whole state, secrets included. Persist it before anything made by the call that changed it
  // leaves the device.
  Secret Serialize() const;

  const Bytes& group_id() const;
  uint64_t epoch() const;
  SuiteId suite() const;
  LeafIndex own_leaf() const;
  const LeafNode& own_leaf_node() const;
  const SignaturePrivateKey& signature_key() const;
  const Extensions& group_context_extensions() const;
  const GroupPolicy& policy() const;
  size_t member_count() const;
  std::vector<Member> members() const;                  // by leaf index
  std::optional<Member> member(LeafIndex index) const;  // none for a blank or absent leaf
  Bytes TreeHash() const;
  Bytes EncodedTree() const;  // optional<Node> ratchet_tree<V>, for Group::Join
  // What the group was re-initialised to by the commit that began this epoch; its members only wait
  // for, or make, the successor.
  const std::optional<ReInitProposal>& reinit() const;

  Bytes EpochAuthenticator() const;                                             // §8.7
  Secret Export(absl::string_view label, ByteView context, size_t size) const;  // §8.5

 protected:
  GroupView(std::unique_ptr<GroupState> state, GroupStage stage);
  GroupView(GroupView&&) noexcept;
  GroupView& operator=(GroupView&&) noexcept;
  ~GroupView();

  std::unique_ptr<GroupState> state_;  // never null but in a moved-from one
  GroupStage stage_;

 private:
  friend struct GroupAccess;
};

}  // namespace plumbline::mls
