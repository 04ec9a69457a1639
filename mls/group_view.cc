#include "mls/group_view.h"

#include <utility>

#include "mls/group_state.h"

namespace plumbline::mls {
namespace {

Member ToMember(LeafIndex index, const LeafNode& leaf) {
  return {
      index,          leaf.credential, leaf.signature_key, leaf.encryption_key, leaf.capabilities,
      leaf.extensions};
}

}  // namespace

GroupView::GroupView(std::unique_ptr<GroupState> state, GroupStage stage)
    : state_(std::move(state)), stage_(stage) {}
GroupView::GroupView(GroupView&&) noexcept = default;
GroupView& GroupView::operator=(GroupView&&) noexcept = default;
GroupView::~GroupView() = default;

const Bytes& GroupView::group_id() const { return state_->context.group_id; }
uint64_t GroupView::epoch() const { return state_->context.epoch; }
SuiteId GroupView::suite() const { return state_->suite->id(); }
LeafIndex GroupView::own_leaf() const { return state_->own(); }
const LeafNode& GroupView::own_leaf_node() const { return *state_->tree.leaf(state_->own()); }
const SignaturePrivateKey& GroupView::signature_key() const { return state_->signature_key; }
const Extensions& GroupView::group_context_extensions() const { return state_->context.extensions; }
const GroupPolicy& GroupView::policy() const { return state_->policy; }
size_t GroupView::member_count() const { return state_->tree.member_count(); }
Bytes GroupView::TreeHash() const { return state_->context.tree_hash; }
Bytes GroupView::EncodedTree() const { return state_->tree.Encode(); }

const std::optional<ReInitProposal>& GroupView::reinit() const { return state_->reinit; }

std::vector<Member> GroupView::members() const {
  std::vector<Member> out;
  for (uint32_t i = 0; i < state_->tree.leaf_count().value; ++i) {
    if (const LeafNode* leaf = state_->tree.leaf({i})) out.push_back(ToMember({i}, *leaf));
  }
  return out;
}

std::optional<Member> GroupView::member(LeafIndex index) const {
  const LeafNode* leaf = state_->tree.leaf(index);
  if (leaf == nullptr) return std::nullopt;
  return ToMember(index, *leaf);
}

Bytes GroupView::EpochAuthenticator() const {
  return ToBytes(state_->secrets.authenticator.bytes.view());
}

Secret GroupView::Export(absl::string_view label, ByteView context, size_t size) const {
  return mls::Export(*state_->suite, state_->secrets.exporter, label, context, size);
}

}  // namespace plumbline::mls
