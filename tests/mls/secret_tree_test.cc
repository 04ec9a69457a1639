#include "mls/secret_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/mls/suite_vectors.h"
#include "tests/status_matchers.h"
#include "tests/vectors/vectors.h"

namespace plumbline::mls {
namespace {

using nlohmann::json;
using testing::FromHex;
using testing::StatusIs;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;
constexpr auto kApplication = RatchetType::kApplication;
constexpr auto kHandshake = RatchetType::kHandshake;

const CipherSuite& Suite() { return **CipherSuite::Get(1); }

SecretTree Tree(uint32_t leaves, RatchetLimits limits = {}, uint8_t seed = 7) {
  return SecretTree(Suite(), LeafCount{leaves}, EncryptionSecret{Secret::CopyOf(Bytes(32, seed))}, limits);
}

std::string State(const SecretTree& tree) { return ToHex(tree.Serialize().view()); }

std::string Hex(const KeyAndNonce& key) { return ToHex(key.key.view()) + ToHex(key.nonce.view()); }

// Receives as the framing does: try the key, then take it. The key in hex, or the refusal.
absl::StatusOr<std::string> Receive(SecretTree& tree, LeafIndex leaf, uint32_t generation,
                                    RatchetType type = kApplication) {
  ASSIGN_OR_RETURN(SecretTree::Staged staged, tree.Stage(leaf, type, generation));
  std::string key = Hex(staged.key());
  tree.Consume(std::move(staged));
  return key;
}

void CheckLeaf(SecretTree& tree, LeafIndex leaf, const json& generations) {
  for (const json& expected : generations) {
    const auto generation = expected["generation"].get<uint32_t>();
    SCOPED_TRACE("generation " + std::to_string(generation));
    EXPECT_EQ(*Receive(tree, leaf, generation, kHandshake),
              expected["handshake_key"].get<std::string>() + expected["handshake_nonce"].get<std::string>());
    EXPECT_EQ(*Receive(tree, leaf, generation, kApplication),
              expected["application_key"].get<std::string>() + expected["application_nonce"].get<std::string>());
  }
}

TEST(SecretTreeVector, EveryKeyOfEveryLeafInBothDirections) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/secret-tree.json.gz");
  ForEachSuite(cases, [](const CipherSuite& suite, const json& test) {
    const json& sender = test["sender_data"];
    const KeyAndNonce key = DeriveSenderDataKeyAndNonce(
        suite, SenderDataSecret{Secret::Take(FromHex(sender["sender_data_secret"]))}, FromHex(sender["ciphertext"]));
    EXPECT_EQ(Hex(key), sender["key"].get<std::string>() + sender["nonce"].get<std::string>());

    const json& leaves = test["leaves"];
    const auto count = static_cast<uint32_t>(leaves.size());
    for (const bool backwards : {false, true}) {
      SecretTree tree(suite, CompleteLeafCount(count), EncryptionSecret{Secret::Take(FromHex(test["encryption_secret"]))});
      for (uint32_t i = 0; i < count; ++i) {
        const uint32_t leaf = backwards ? count - 1 - i : i;
        SCOPED_TRACE("leaf " + std::to_string(leaf));
        json generations = leaves[leaf];
        if (backwards) std::reverse(generations.begin(), generations.end());
        // Generations far apart would leave the window when taken backwards, so only near ones are.
        if (backwards && generations[0]["generation"].get<uint32_t>() > tree.limits().max_out_of_order) continue;
        CheckLeaf(tree, LeafIndex{leaf}, generations);
      }
    }
  });
}

TEST(SecretTree, SenderAndReceiverAgreeInAnyOrder) {
  SecretTree sender = Tree(8);
  SecretTree receiver = Tree(8);
  std::vector<std::string> sent;
  for (int i = 0; i < 6; ++i) sent.push_back(Hex(sender.Next(LeafIndex{5}, kApplication)->secrets));
  for (const uint32_t generation : {3u, 0u, 5u, 1u, 4u, 2u}) {
    ASSERT_OK_AND_ASSIGN(const std::string key, Receive(receiver, LeafIndex{5}, generation));
    EXPECT_EQ(key, sent[generation]) << generation;
  }
  EXPECT_EQ(State(receiver), State(sender));  // and both have deleted the same
}

TEST(SecretTree, AGenerationCanBeUsedOnce) {
  SecretTree tree = Tree(2);
  for (const uint32_t generation : {0u, 4u, 2u}) {
    ASSERT_OK(Receive(tree, LeafIndex{1}, generation));
    const std::string before = State(tree);
    EXPECT_THAT(Receive(tree, LeafIndex{1}, generation), StatusIs(kInvalid)) << generation;
    EXPECT_EQ(State(tree), before);
  }
}

TEST(SecretTree, OwnSentKeysCannotBeHadAgain) {
  SecretTree tree = Tree(2);
  ASSERT_OK(tree.Next(LeafIndex{0}, kApplication));
  EXPECT_THAT(tree.Stage(LeafIndex{0}, kApplication, 0), StatusIs(kInvalid));
  EXPECT_OK(tree.Stage(LeafIndex{0}, kHandshake, 0));  // the other ratchet is untouched
}

TEST(SecretTree, StagingLeavesTheStateByteForByte) {
  SecretTree tree = Tree(16);
  ASSERT_OK(Receive(tree, LeafIndex{3}, 5));
  const std::string before = State(tree);
  EXPECT_OK(tree.Stage(LeafIndex{3}, kApplication, 6));     // next
  EXPECT_OK(tree.Stage(LeafIndex{3}, kApplication, 900));   // ahead
  EXPECT_OK(tree.Stage(LeafIndex{3}, kApplication, 2));     // kept
  EXPECT_OK(tree.Stage(LeafIndex{12}, kHandshake, 40));     // a leaf not yet derived
  EXPECT_THAT(tree.Stage(LeafIndex{3}, kApplication, 5), StatusIs(kInvalid));
  EXPECT_THAT(tree.Stage(LeafIndex{3}, kApplication, 5000), StatusIs(kExhausted));
  EXPECT_THAT(tree.Stage(LeafIndex{16}, kApplication, 0), StatusIs(kInvalid));
  EXPECT_THAT(tree.Next(LeafIndex{16}, kApplication), StatusIs(kInvalid));
  EXPECT_EQ(State(tree), before);
  EXPECT_OK(Receive(tree, LeafIndex{3}, 2));
}

TEST(SecretTree, RefusesAGenerationBeyondTheForwardBound) {
  SecretTree tree = Tree(2, {.max_forward_skip = 10, .max_out_of_order = 64});
  EXPECT_THAT(Receive(tree, LeafIndex{0}, 11), StatusIs(kExhausted));
  EXPECT_THAT(Receive(tree, LeafIndex{0}, UINT32_MAX), StatusIs(kExhausted));
  EXPECT_OK(Receive(tree, LeafIndex{0}, 10));
  EXPECT_THAT(Receive(tree, LeafIndex{0}, 22), StatusIs(kExhausted));  // next is 11
  EXPECT_OK(Receive(tree, LeafIndex{0}, 21));
}

TEST(SecretTree, KeepsOnlyTheNewestSkippedKeys) {
  SecretTree tree = Tree(2, {.max_forward_skip = 1000, .max_out_of_order = 5});
  ASSERT_OK(Receive(tree, LeafIndex{0}, 20));
  EXPECT_THAT(Receive(tree, LeafIndex{0}, 14), StatusIs(kInvalid));
  EXPECT_OK(Receive(tree, LeafIndex{0}, 15));
  ASSERT_OK(Receive(tree, LeafIndex{0}, 24));  // skips 21, 22, 23: with 16 to 19 two too many
  EXPECT_THAT(Receive(tree, LeafIndex{0}, 16), StatusIs(kInvalid));
  EXPECT_THAT(Receive(tree, LeafIndex{0}, 17), StatusIs(kInvalid));
  for (const uint32_t generation : {18u, 19u, 21u, 22u, 23u}) EXPECT_OK(Receive(tree, LeafIndex{0}, generation));
}

TEST(SecretTree, WithoutAWindowOnlyTheNewestIsAccepted) {
  SecretTree tree = Tree(2, {.max_forward_skip = 3, .max_out_of_order = 0});
  ASSERT_OK(Receive(tree, LeafIndex{0}, 3));
  for (const uint32_t generation : {0u, 1u, 2u, 3u}) {
    EXPECT_THAT(Receive(tree, LeafIndex{0}, generation), StatusIs(kInvalid)) << generation;
  }
  EXPECT_OK(Receive(tree, LeafIndex{0}, 4));
}

TEST(SecretTree, CutsExcessiveLimitsToTheMaximum) {
  const SecretTree tree = Tree(1, {.max_forward_skip = UINT32_MAX, .max_out_of_order = UINT32_MAX});
  EXPECT_EQ(tree.limits(), (RatchetLimits{kMaxForwardSkip, kMaxOutOfOrder}));
  EXPECT_THAT(tree.Stage(LeafIndex{0}, kApplication, kMaxForwardSkip + 1), StatusIs(kExhausted));
}

// RFC 9420 §9.2: what a key was derived from is gone once the key was.
TEST(SecretTree, DeletesConsumedNodesAndRatchetSecrets) {
  SecretTree tree = Tree(4);
  const std::string root = ToHex(Bytes(32, 7));
  EXPECT_NE(State(tree).find(root), std::string::npos);
  const Secret right = Suite().ExpandWithLabel(Bytes(32, 7), "tree", AsBytes("right"), 32);
  const Secret left = Suite().ExpandWithLabel(Bytes(32, 7), "tree", AsBytes("left"), 32);
  ASSERT_OK_AND_ASSIGN(const std::string key, Receive(tree, LeafIndex{3}, 0));
  EXPECT_EQ(State(tree).find(root), std::string::npos);
  EXPECT_EQ(State(tree).find(ToHex(right.view())), std::string::npos);
  EXPECT_NE(State(tree).find(ToHex(left.view())), std::string::npos);
  EXPECT_EQ(State(tree).find(key.substr(0, 32)), std::string::npos);
}

TEST(SecretTree, EveryLeafRatchetTypeAndGenerationHasItsOwnKey) {
  SecretTree tree = Tree(8);
  std::set<std::string> keys;
  for (uint32_t leaf = 0; leaf < 8; ++leaf) {
    for (const RatchetType type : {kHandshake, kApplication}) {
      for (int i = 0; i < 3; ++i) keys.insert(Hex(tree.Next(LeafIndex{leaf}, type)->secrets));
    }
  }
  EXPECT_EQ(keys.size(), 8u * 2 * 3);
}

TEST(SecretTree, AGroupOfOneHasKeys) {
  SecretTree tree = Tree(1);
  EXPECT_OK(tree.Next(LeafIndex{0}, kApplication));
  EXPECT_OK(Receive(tree, LeafIndex{0}, 0, kHandshake));
}

TEST(SecretTree, CopiesAreEqualAndIndependent) {
  SecretTree tree = Tree(4);
  ASSERT_OK(Receive(tree, LeafIndex{2}, 3));
  const std::string before = State(tree);
  SecretTree copy = SecretTree::CopyOf(tree);
  EXPECT_EQ(State(copy), before);
  ASSERT_OK(Receive(copy, LeafIndex{2}, 1));
  EXPECT_EQ(State(tree), before);
}

// A ratchet at its last generation, by way of storage: 2^32 steps would take an hour.
TEST(SecretTree, StopsAfterTheLastGeneration) {
  SecretTree tree = Tree(1);
  ASSERT_OK(Receive(tree, LeafIndex{0}, 0));
  Bytes stored = ToBytes(tree.Serialize().view());
  // format, leaves, two limits, no nodes, one ratchet pair: leaf, then handshake (next, secret, skipped), application.
  const size_t application_next = 1 + 4 + 4 + 4 + 4 + 4 + 4 + (8 + 1 + 32 + 4);
  for (size_t i = 4; i < 8; ++i) stored[application_next + i] = 0xff;
  Reader in(stored);
  ASSERT_OK_AND_ASSIGN(SecretTree last, SecretTree::Read(Suite(), in));
  ASSERT_OK_AND_ASSIGN(const MessageKey key, last.Next(LeafIndex{0}, kApplication));
  EXPECT_EQ(key.generation, UINT32_MAX);
  const std::string before = State(last);
  EXPECT_THAT(last.Next(LeafIndex{0}, kApplication), StatusIs(kExhausted));
  EXPECT_THAT(Receive(last, LeafIndex{0}, UINT32_MAX), StatusIs(kInvalid));
  EXPECT_EQ(State(last), before);
  const Secret exhausted = last.Serialize();
  Reader again(exhausted.view());
  EXPECT_OK(SecretTree::Read(Suite(), again));
}

TEST(SecretTree, ContinuesAfterStorage) {
  SecretTree tree = Tree(8);
  SecretTree sender = Tree(8);
  std::vector<std::string> sent;
  for (int i = 0; i < 8; ++i) sent.push_back(Hex(sender.Next(LeafIndex{6}, kApplication)->secrets));
  ASSERT_OK(Receive(tree, LeafIndex{6}, 4));
  const Secret stored = tree.Serialize();
  Reader in(stored.view());
  ASSERT_OK_AND_ASSIGN(SecretTree read, SecretTree::Read(Suite(), in));
  EXPECT_OK(in.Done());
  EXPECT_EQ(State(read), State(tree));
  EXPECT_EQ(*Receive(read, LeafIndex{6}, 2), sent[2]);
  EXPECT_EQ(*Receive(read, LeafIndex{6}, 7), sent[7]);
  EXPECT_THAT(Receive(read, LeafIndex{6}, 4), StatusIs(kInvalid));
}

TEST(SecretTree, RefusesStoredStateThatIsTruncatedOrDoesNotCoverItsLeaves) {
  SecretTree tree = Tree(4, {.max_forward_skip = 10, .max_out_of_order = 4});
  ASSERT_OK(Receive(tree, LeafIndex{1}, 2));
  const Bytes stored = ToBytes(tree.Serialize().view());
  for (size_t size = 0; size < stored.size(); ++size) {
    Reader in(ByteView(stored).first(size));
    EXPECT_THAT(SecretTree::Read(Suite(), in), StatusIs(kInvalid)) << size;
  }
  const auto refuses = [&](size_t at, uint8_t byte) {
    Bytes broken = stored;
    broken[at] = byte;
    Reader in(broken);
    return SecretTree::Read(Suite(), in).status().code() == kInvalid;
  };
  EXPECT_TRUE(refuses(0, 2));    // format
  EXPECT_TRUE(refuses(4, 3));    // not a power of two
  EXPECT_TRUE(refuses(4, 8));    // leaves 4..7 have no secret
  EXPECT_TRUE(refuses(4, 2));    // nodes outside
  EXPECT_TRUE(refuses(1, 0x80));  // 2^31 and more
  EXPECT_TRUE(refuses(5, 0xff));   // a forward limit above the maximum
  EXPECT_TRUE(refuses(12, 1));   // more skipped keys than its own limit
  EXPECT_TRUE(refuses(20, 5));   // node 0 becomes node 5: lists out of order
  EXPECT_FALSE(refuses(8, 11));  // another forward limit is a legal state
}

}  // namespace
}  // namespace plumbline::mls
