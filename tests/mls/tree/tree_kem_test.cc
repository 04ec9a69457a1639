#include "mls/tree/tree_kem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mls/group_state.h"
#include "tests/mls/clients.h"

namespace plumbline::mls {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

auto Refused(const char* why) {
  return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why));
}

// A path is for the others: its sender has no place on it, nor has a path with nothing in it.
TEST(TreeKem, APathIsNotReadByItsSender) {
  const Client alice("alice"), bob("bob");
  std::vector<Group> groups = MakeGroup(alice, {&bob});
  const GroupState& state = GroupAccess::State(groups[0]);
  TreePrivate keys = state.keys.Clone();
  UpdatePath path;
  path.nodes.resize(1);
  EXPECT_THAT(OpenPath(state.tree, keys, state.own(), path, {}, {}).status(),
              Refused("does not reach this member"));
  EXPECT_THAT(AdoptPathSecret(state.tree, keys, state.own(), Secret::Random(32)),
              Refused("no place in the tree"));
  const LeafIndex other{1};
  EXPECT_THAT(OpenPath(state.tree, keys, other, UpdatePath(), {}, {}).status(),
              Refused("does not reach this member"));
  EXPECT_THAT(OpenPath(state.tree, keys, other, path, {}, {}).status(), Refused("no secret"));
}

// Keys that a longer secret leads to are those of the shorter one, so nothing else would refuse it.
TEST(TreeKem, APathSecretWithAZeroMoreIsRefused) {
  const Client alice("alice"), bob("bob");
  std::vector<Group> groups = MakeGroup(alice, {&bob});
  const GroupState& from = GroupAccess::State(groups[0]);
  const GroupState& to = GroupAccess::State(groups[1]);
  for (const size_t zeros : {0, 1, 32}) {
    SCOPED_TRACE(zeros);
    RatchetTree tree = from.tree;
    TreePrivate keys = from.keys.Clone();
    ASSERT_OK_AND_ASSIGN(NewPath path, StartPath(tree, keys, *from.tree.leaf(from.own()),
                                                 [](LeafNode&) { return absl::OkStatus(); }));
    Secret& secret = path.path.path_secrets.at(0);
    secret = Secret::CopyOf(Concat({secret.view(), Bytes(zeros)}));
    const auto expected =
        StatusIs(zeros == 0 ? absl::StatusCode::kOk : absl::StatusCode::kInvalidArgument,
                 HasSubstr(zeros == 0 ? "" : "wrong size"));
    TreePrivate joiner = to.keys.Clone();
    EXPECT_THAT(AdoptPathSecret(tree, joiner, from.own(), Secret::CopyOf(secret.view())), expected);
    ASSERT_OK_AND_ASSIGN(const UpdatePath update, SealPath(tree, path, from.own(), {}, {}));
    RatchetTree taken = to.tree;
    ASSERT_OK(ApplyPath(taken, from.own(), update, {}));
    TreePrivate member = to.keys.Clone();
    EXPECT_THAT(OpenPath(taken, member, from.own(), update, {}, {}).status(), expected);
  }
}

}  // namespace
}  // namespace plumbline::mls
