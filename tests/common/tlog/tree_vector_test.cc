// The proofs published by transparency-dev/merkle, good and bad; each good one is then touched in every node.
#include <algorithm>

#include "absl/strings/match.h"
#include "common/tlog/base64.h"
#include "common/tlog/proof.h"
#include "tests/vectors/vectors.h"

namespace plumbline::tlog {
namespace {

using Json = nlohmann::json;

// Some cases give short texts for hashes that are only compared; such a text stands for the hash of itself. An empty one is no
// hash at all: nothing here can be asked about it, and the case must be a bad one.
std::optional<Hash> ToHash(const Json& text) {
  const Bytes bytes = FromBase64(text.is_string() ? text.get<std::string>() : "").value_or(Bytes());
  if (bytes.empty()) return std::nullopt;
  Hash hash;
  if (bytes.size() != hash.size()) return Sha256(bytes);
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

std::optional<std::vector<Hash>> ToProof(const Json& nodes) {
  std::vector<Hash> proof;
  for (const Json& node : nodes) {
    const std::optional<Hash> hash = ToHash(node);
    if (!hash) return std::nullopt;
    proof.push_back(*hash);
  }
  return proof;
}

bool InclusionHolds(const Json& test_case, const std::vector<Hash>& proof) {
  const auto leaf = ToHash(test_case["leafHash"]), root = ToHash(test_case["root"]);
  return leaf && root &&
         VerifyInclusion(test_case["leafIdx"].get<uint64_t>(), test_case["treeSize"].get<uint64_t>(), *leaf, proof, *root).ok();
}

bool ConsistencyHolds(const Json& test_case, const std::vector<Hash>& proof) {
  const auto root1 = ToHash(test_case["root1"]), root2 = ToHash(test_case["root2"]);
  return root1 && root2 &&
         VerifyConsistency(test_case["size1"].get<uint64_t>(), test_case["size2"].get<uint64_t>(), *root1, proof, *root2).ok();
}

struct Counts {
  size_t good = 0, bad = 0, touched = 0;
};

// Runs `holds` on every case under `folder`, and on every touch of the good ones.
template <typename Holds>
Counts RunAll(const std::map<std::string, std::string>& files, absl::string_view folder, Holds holds) {
  Counts counts;
  for (const auto& [name, text] : files) {
    if (!absl::StartsWith(name, folder) || !absl::EndsWith(name, ".json")) continue;
    SCOPED_TRACE(name);
    const Json test_case = Json::parse(text);
    const bool good = !test_case["wantErr"].get<bool>();
    const std::optional<std::vector<Hash>> given = ToProof(test_case["proof"]);
    EXPECT_EQ(given && holds(test_case, *given), good);
    ++(good ? counts.good : counts.bad);
    if (!good || !given) continue;
    const std::vector<Hash>& proof = *given;
    for (size_t i = 0; i < proof.size(); ++i) {
      std::vector<Hash> changed = proof, removed = proof, doubled = proof;
      changed[i][i % 32] ^= 0x80;
      removed.erase(removed.begin() + static_cast<ptrdiff_t>(i));
      doubled.insert(doubled.begin() + static_cast<ptrdiff_t>(i), proof[i]);
      for (const auto& touched : {changed, removed, doubled}) EXPECT_FALSE(holds(test_case, touched)) << i;
      counts.touched += 3;
    }
  }
  return counts;
}

TEST(MerkleVector, InclusionProofs) {
  LOAD_VECTOR_TAR_OR_SKIP(const auto files, "merkle/testdata.tar.gz");
  const Counts counts = RunAll(files, "testdata/inclusion/", InclusionHolds);
  EXPECT_GE(counts.good, 6u);
  EXPECT_GE(counts.bad, 90u);
  EXPECT_GE(counts.touched, 20u);
}

TEST(MerkleVector, ConsistencyProofs) {
  LOAD_VECTOR_TAR_OR_SKIP(const auto files, "merkle/testdata.tar.gz");
  const Counts counts = RunAll(files, "testdata/consistency/", ConsistencyHolds);
  EXPECT_GE(counts.good, 5u);
  EXPECT_GE(counts.bad, 90u);
  EXPECT_GE(counts.touched, 20u);
}

}  // namespace
}  // namespace plumbline::tlog
