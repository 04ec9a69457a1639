// Proofs from a log that lies: against the root of a tree that is known here, nothing is accepted
// but what is in it.
#include "common/codec.h"
#include "common/tlog/base64.h"
#include "common/tlog/proof.h"
#include "tests/fuzz/fuzz.h"
#include "tests/vectors/vectors.h"

namespace plumbline::fuzz {
namespace {

using tlog::Hash;

constexpr uint64_t kLeaves = 40;

// The tree of kLeaves leaves, each prefix of which is a tree too.
struct World {
  World() {
    for (uint64_t i = 0; i < kLeaves; ++i) {
      leaves.push_back(tlog::LeafHash(Bytes{static_cast<uint8_t>(i)}));
      CHECK(tlog::Append(nodes, i, leaves.back()).ok());
    }
  }
  tlog::MemoryNodes nodes;
  std::vector<Hash> leaves;
};
World& TheWorld() {
  static auto* const world = new World;
  return *world;
}
// Of the first `size` leaves. `size` is at most kLeaves.
Hash RootOf(uint64_t size) { return *tlog::Root(TheWorld().nodes, size); }

enum Kind : uint8_t { kInclusion, kConsistency };

// struct { uint8 kind; uint64 a; uint64 b; opaque first[32]; opaque root[32]; opaque node[32][]; }
// Claim;
//   inclusion: a the index, b the size, first the leaf; consistency: a and b the sizes, first the
//   older root
struct Claim {
  uint8_t kind = 0;
  uint64_t a = 0, b = 0;
  Hash first{}, root{};
  std::vector<Hash> proof;
};

absl::StatusOr<Hash> ReadHash(Reader& in) {
  Hash hash;
  ASSIGN_OR_RETURN(const ByteView bytes, in.Fixed(hash.size()));
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

absl::StatusOr<Claim> ReadClaim(ByteView wire) {
  Reader in(wire);
  Claim out;
  ASSIGN_OR_RETURN(out.kind, in.U8());
  ASSIGN_OR_RETURN(out.a, in.U64());
  ASSIGN_OR_RETURN(out.b, in.U64());
  ASSIGN_OR_RETURN(out.first, ReadHash(in));
  ASSIGN_OR_RETURN(out.root, ReadHash(in));
  while (!in.AtEnd()) {
    ASSIGN_OR_RETURN(const Hash node, ReadHash(in));
    out.proof.push_back(node);
  }
  return out;
}

Bytes Encode(const Claim& claim) {
  Writer out;
  out.U8(claim.kind).U64(claim.a).U64(claim.b).Fixed(claim.first).Fixed(claim.root);
  for (const Hash& node : claim.proof) out.Fixed(node);
  return out.TakeBytes();
}

void CheckInclusion(const Claim& claim) {
  const bool known = claim.b <= kLeaves && claim.b > 0 && claim.root == RootOf(claim.b);
  if (!tlog::VerifyInclusion(claim.a, claim.b, claim.first, claim.proof, claim.root).ok()) {
    CHECK(!known || claim.a >= claim.b || claim.first != TheWorld().leaves[claim.a] ||
          claim.proof != *tlog::ProveInclusion(TheWorld().nodes, claim.a, claim.b));
    return;
  }
  CHECK(claim.a < claim.b && claim.b <= tlog::kMaxSize);
  if (!known) return;
  CHECK(claim.first == TheWorld().leaves[claim.a]);
  CHECK(claim.proof == *tlog::ProveInclusion(TheWorld().nodes, claim.a, claim.b));
}

void CheckConsistency(const Claim& claim) {
  const bool known = claim.b <= kLeaves && claim.b > 0 && claim.root == RootOf(claim.b);
  if (!tlog::VerifyConsistency(claim.a, claim.b, claim.first, claim.proof, claim.root).ok()) return;
  CHECK(claim.a > 0 && claim.a <= claim.b && claim.b <= tlog::kMaxSize);
  if (!known) return;
  CHECK(claim.first == RootOf(claim.a));
  CHECK(claim.proof == *tlog::ProveConsistency(TheWorld().nodes, claim.a, claim.b));
}

}  // namespace

void Fuzz(ByteView input) {
  const absl::StatusOr<Claim> claim = ReadClaim(input);
  if (!claim.ok()) return;
  if (claim->kind == kInclusion) CheckInclusion(*claim);
  if (claim->kind == kConsistency) CheckConsistency(*claim);
}

std::vector<Bytes> Seeds() {
  World& world = TheWorld();
  std::vector<Bytes> seeds;
  const std::vector<std::pair<uint64_t, uint64_t>> places = {
      {0, 1}, {6, 7}, {3, 16}, {31, 33}, {39, 40}};
  for (const auto& [a, size] : places) {
    const Claim inclusion{kInclusion,   a,
                          size,         world.leaves[a],
                          RootOf(size), *tlog::ProveInclusion(world.nodes, a, size)};
    CHECK(tlog::VerifyInclusion(a, size, inclusion.first, inclusion.proof, inclusion.root).ok());
    seeds.push_back(Encode(inclusion));
    const Claim consistency{kConsistency, a + 1,
                            size,         RootOf(a + 1),
                            RootOf(size), *tlog::ProveConsistency(world.nodes, a + 1, size)};
    CHECK(
        tlog::VerifyConsistency(a + 1, size, consistency.first, consistency.proof, consistency.root)
            .ok());
    seeds.push_back(Encode(consistency));
  }
  return seeds;
}

namespace {

// Some published cases have hashes of other lengths; they are no input of these functions.
std::optional<Hash> PublishedHash(const nlohmann::json& text) {
  const Bytes bytes =
      tlog::FromBase64(text.is_string() ? text.get<std::string>() : "").value_or(Bytes());
  Hash hash;
  if (bytes.size() != hash.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

std::optional<Claim> PublishedClaim(const nlohmann::json& c, bool inclusion) {
  const auto first = PublishedHash(c[inclusion ? "leafHash" : "root1"]),
             root = PublishedHash(c[inclusion ? "root" : "root2"]);
  if (!first || !root) return std::nullopt;
  Claim out{inclusion ? kInclusion : kConsistency,
            c[inclusion ? "leafIdx" : "size1"].get<uint64_t>(),
            c[inclusion ? "treeSize" : "size2"].get<uint64_t>(),
            *first,
            *root,
            {}};
  for (const nlohmann::json& text : c["proof"]) {
    const std::optional<Hash> node = PublishedHash(text);
    if (!node) return std::nullopt;
    out.proof.push_back(*node);
  }
  return out;
}

}  // namespace

absl::StatusOr<std::vector<Bytes>> PublishedSeeds() {
  std::vector<Bytes> seeds;
  ASSIGN_OR_RETURN(const auto files, testing::ReadVectorTar("merkle/testdata.tar.gz"));
  for (const auto& [name, text] : files) {
    const bool inclusion = name.find("/inclusion/") != std::string::npos;
    if (!inclusion && name.find("/consistency/") == std::string::npos) continue;  // subtrees
    const nlohmann::json parsed = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!parsed.is_object()) continue;
    const std::optional<Claim> claim = PublishedClaim(parsed, inclusion);
    if (claim) seeds.push_back(Encode(*claim));
  }
  return seeds;
}

}  // namespace plumbline::fuzz
