// A stored secret tree, then a series of messages for it. What is read is written back; refusals and mere staging change
// nothing; a consumed key is gone.
#include "mls/secret_tree.h"
#include "tests/fuzz/fuzz.h"
#include "tests/vectors/vectors.h"

namespace plumbline::fuzz {
namespace {

using mls::LeafIndex;
using mls::RatchetType;
using mls::SecretTree;
constexpr int kMaxOperations = 8;
constexpr size_t kMaxState = 1 << 14;  // keeps a run short

const mls::CipherSuite& Suite() { return **mls::CipherSuite::Get(1); }

void Receive(SecretTree& tree, LeafIndex leaf, RatchetType type, uint32_t generation) {
  if (generation > 3000) generation %= 3000;  // far skips cost time and find nothing
  const Secret before = tree.Serialize();
  absl::StatusOr<SecretTree::Staged> staged = tree.Stage(leaf, type, generation);
  CHECK(tree.Serialize() == before);
  if (!staged.ok()) return;
  tree.Consume(*std::move(staged));
  CHECK(!(tree.Serialize() == before));
  CHECK(absl::IsInvalidArgument(tree.Stage(leaf, type, generation).status()));
}

}  // namespace

void Fuzz(ByteView input) {
  Reader in(input);
  const absl::StatusOr<ByteView> stored = in.Vector(kMaxState);
  if (!stored.ok()) return;
  Reader state(*stored);
  absl::StatusOr<SecretTree> tree = SecretTree::Read(Suite(), state);
  if (!tree.ok() || !state.Done().ok()) return;
  CHECK(Equal(tree->Serialize().view(), *stored));
  for (int i = 0; i < kMaxOperations; ++i) {
    const auto what = in.U8();
    const auto leaf = in.U16();
    const auto generation = in.U16();
    if (!what.ok() || !leaf.ok() || !generation.ok()) return;
    const RatchetType type = (*what & 1) != 0 ? RatchetType::kApplication : RatchetType::kHandshake;
    if ((*what & 2) != 0) {
      tree->Next(LeafIndex{*leaf}, type).IgnoreError();
    } else {
      Receive(*tree, LeafIndex{*leaf}, type, *generation);
    }
  }
  const Secret end = tree->Serialize();
  Reader again(end.view());
  CHECK(SecretTree::Read(Suite(), again).ok());
}

std::vector<Bytes> Seeds() {
  std::vector<Bytes> seeds;
  for (const uint32_t leaves : {1u, 2u, 8u}) {
    SecretTree tree(Suite(), {leaves}, {Secret(32)}, {.max_forward_skip = 20, .max_out_of_order = 5});
    for (const uint32_t generation : {0u, 4u, 2u}) {
      tree.Consume(*tree.Stage(LeafIndex{leaves - 1}, RatchetType::kApplication, generation));
      Writer out;
      out.Vector(tree.Serialize().view());
      out.U8(1).U16(static_cast<uint16_t>(leaves - 1)).U16(1).U8(3).U16(0).U16(0).U8(0).U16(0).U16(9);
      seeds.push_back(out.TakeBytes());
    }
  }
  return seeds;
}

// The published trees of this suite, with their generations received.
absl::StatusOr<std::vector<Bytes>> PublishedSeeds() {
  std::vector<Bytes> seeds;
  ASSIGN_OR_RETURN(const nlohmann::json cases, testing::ReadVectorJson("mls/secret-tree.json.gz"));
  for (const nlohmann::json& c : cases) {
    if (c["cipher_suite"].get<int>() != 1) continue;
    const nlohmann::json& leaves = c["leaves"];
    const SecretTree tree(Suite(), {static_cast<uint32_t>(leaves.size())},
                          {Secret::CopyOf(testing::FromHex(c["encryption_secret"]))});
    for (size_t leaf = 0; leaf < leaves.size(); ++leaf) {
      Writer out;
      out.Vector(tree.Serialize().view());
      for (const nlohmann::json& key : leaves[leaf]) {
        for (const uint8_t type : {0, 1}) out.U8(type).U16(static_cast<uint16_t>(leaf)).U16(key["generation"].get<uint16_t>());
      }
      seeds.push_back(out.TakeBytes());
    }
  }
  return seeds;
}

}  // namespace plumbline::fuzz
