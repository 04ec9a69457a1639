// What a Group is made of. Private to mls/group_*.cc and commit_*.cc.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "mls/group.h"
#include "mls/group_context.h"
#include "mls/key_schedule.h"
#include "mls/pending_proposals.h"
#include "mls/secret_tree.h"
#include "mls/tree/ratchet_tree.h"
#include "mls/tree/tree_kem.h"

namespace plumbline::mls {

// What a GroupInfo and its tree tell: enough to judge proposals and to commit from outside.
struct PublicGroup {
  const CipherSuite* suite;
  GroupPolicy policy;
  GroupContext context;
  RatchetTree tree;
  Bytes interim_transcript_hash;
  Bytes confirmation_tag;  // of this epoch: goes into GroupInfo
};

// What is left of an epoch to read its late application messages and to use its resumption PSK.
struct PastEpoch {
  uint64_t epoch = 0;
  LeafIndex own_leaf;
  Bytes context;  // encoded GroupContext: what signatures cover
  SenderDataSecret sender_data;
  SecretTree secret_tree;
  ResumptionPsk resumption;
  Leaves leaves;  // the members then
};

struct GroupState : PublicGroup {
  TreePrivate keys;
  SignaturePrivateKey signature_key;
  EpochSecrets secrets;  // `encryption` is empty: it became the secret tree
  SecretTree secret_tree;
  PendingProposals proposals;
  std::deque<PastEpoch> past;            // the newest first, at most policy.max_past_epochs
  std::optional<ReInitProposal> reinit;  // by the commit that began this epoch

  GroupState Clone() const;
  LeafIndex own() const { return keys.own_leaf(); }
  Sender as_sender() const { return MemberSender(own()); }
  // FAILED_PRECONDITION once the group was re-initialised.
  absl::Status CheckAlive() const;
};

// Lets free functions of group_*.cc make and open groups.
struct GroupAccess {
  template <typename View, typename... Stage>  // Group, or StagedGroup with a stage
  static View Make(GroupState state, Stage... stage) {
    state.suite->PrepareToSign(state.signature_key);
    return View(std::make_unique<GroupState>(std::move(state)), stage...);
  }
  static GroupState& State(GroupView& group) { return *group.state_; }
  static const GroupState& State(const GroupView& group) { return *group.state_; }
  static std::unique_ptr<GroupState> Take(GroupView&& group) { return std::move(group.state_); }
};

// Every member by leaf index.
template <typename Visit>
void ForEachMember(const RatchetTree& tree, Visit visit) {
  for (uint32_t i = 0; i < tree.leaf_count().value; ++i) {
    if (const LeafNode* leaf = tree.leaf({i})) visit(LeafIndex{i}, *leaf);
  }
}

}  // namespace plumbline::mls
