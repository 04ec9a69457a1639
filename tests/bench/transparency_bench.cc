// The directory's log and map, and what a reader checks of them, at several sizes. In memory: what
// a store adds is not in it.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/check.h"
#include "common/crypto/ed25519.h"
#include "common/identity/commitment.h"
#include "common/identity/directory_index.h"
#include "common/identity/record.h"
#include "common/tlog/directory_replay.h"
#include "common/tlog/map_answer.h"
#include "tests/bench/table.h"
#include "tests/common/certificates.h"

namespace plumbline::bench {
namespace {

using plumbline::testing::ValueOf;
using tlog::Hash;
using tlog::MapIndex;

constexpr absl::Duration kBudget = absl::Milliseconds(300);
constexpr char kOrigin[] = "example.org/directory";
constexpr int kBatch = 100;   // people whose records change at once
constexpr size_t kNode = 99;  // bytes that are hashed for an inner node of the map

MapIndex NumberedIndex(int n) { return {Sha256(AsBytes(absl::StrCat("index ", n)))}; }

identity::UserUri Alice() { return ValueOf(identity::ParseUserName("alice", "example.org")); }

Bytes RecordOfTwoDevices() {
  identity::DirectoryRecord record{
      .user = Alice().ToString(), .display_name = "Alice Example", .version = 1};
  for (uint8_t i = 0; i < 2; ++i) {
    identity::RecordDevice device{.label = "telephone", .enrolled_day = 20000};
    device.device_id[0] = i;
    record.devices.push_back(device);
  }
  return identity::Encode(record);
}

// A key server's log after everybody, Alice the last of them, was entered in one batch.
struct Directory {
  explicit Directory(int count)
      : people(count),
        vrf(crypto::VrfKeyPair::Generate()),
        alice(identity::MakeDirectoryIndex(vrf, Alice())) {
    std::vector<tlog::MapEntry> entries;
    Append(tlog::GenesisLeaf{kOrigin, {}, vrf.public_key()});
    root = Batch(tlog::EmptyMapRoot(), entries);
    for (int i = 1; i < people; ++i) Enter(NumberedIndex(i), {}, entries);
    Enter({alice.index}, identity::CommitToRecord(record, nonce), entries);
    root = Batch(root, entries);
    checkpoint = {kOrigin, leaves.size(), ValueOf(tlog::Root(nodes, leaves.size()))};
    answer = {ValueOf(tlog::ProveMap(map, root, {alice.index})),
              std::get<tlog::MapRootLeaf>(ValueOf(tlog::ParseDirectoryLeaf(leaves.back()))),
              ValueOf(tlog::ProveInclusion(nodes, leaves.size() - 1, leaves.size()))};
  }
  void Append(const tlog::DirectoryLeaf& leaf) {
    leaves.push_back(tlog::Encode(leaf));
    CHECK(tlog::Append(nodes, leaves.size() - 1, tlog::LeafHash(leaves.back())).ok());
  }
  void Enter(const MapIndex& index, const Hash& commitment, std::vector<tlog::MapEntry>& entries) {
    entry = {index, 1, {}, commitment, {}};
    entries.push_back({index, tlog::LeafHashOf(entry)});
    if (leaves.size() - first == tlog::kMaxBatch) root = Batch(root, entries);
    Append(entry);
  }
  // Those entries of `entries` that are in the log; the last may not be yet.
  Hash Batch(const Hash& before, std::vector<tlog::MapEntry>& entries) {
    const size_t ready = leaves.size() - first;
    const Hash after = ValueOf(tlog::UpdateMap(
        map, before, {entries.begin(), entries.begin() + static_cast<ptrdiff_t>(ready)}));
    entries.erase(entries.begin(), entries.begin() + static_cast<ptrdiff_t>(ready));
    Append(tlog::MapRootLeaf{++version, first, leaves.size(), after});
    first = leaves.size();
    return after;
  }

  const int people;
  const crypto::VrfKeyPair vrf;
  const identity::DirectoryIndex alice;
  const Bytes record = RecordOfTwoDevices();
  const identity::CommitmentNonce nonce = identity::CommitmentNonce::Random();
  std::vector<Bytes> leaves;
  tlog::MemoryNodes nodes;
  tlog::MemoryMap map;
  Hash root{};
  uint64_t first = 1, version = 0;
  tlog::EntryLeaf entry;  // the last one entered: Alice's
  tlog::Checkpoint checkpoint;
  tlog::MapAnswer answer;
};

class TransparencyBench final {
 public:
  TransparencyBench(Table& table, int people) : table_(table), directory_(people) {}

  void Run() {
    const int levels = static_cast<int>(std::ceil(std::log2(directory_.people)));
    const Sample append = MeasureAll(kBudget, [&] { Append(); });
    Row("append an entry to the log", append, "two hashes", Hashes(2));
    Row("update the map, 1 person", Update(1), "a hash a level", Hashes(levels + 1));
    Row(absl::StrCat("update the map, ", kBatch, " people"), Update(kBatch), "a hash a node",
        Hashes(NodesAbove(kBatch, levels)));
    Row("prove a look-up", MeasureAll(kBudget, [&] { Prove(); }), "a hash a level",
        Hashes(levels + 1));
    Row("check its map proof and root", MeasureAll(kBudget, [&] { CheckAnswer(); }),
        "a hash a level, of both", Hashes(2 * levels + 3));
    Row("check a whole first look-up", MeasureAll(kBudget, [&] { CheckLookUp(); }),
        "two Ed25519 verifications", Verifications(2));
    Row("replay the whole log", Times(1, [&] { Replay(); }), "hashing it",
        Times(1, [&] { HashAll(levels); }));
    Sizes();
  }

 private:
  void Row(const std::string& what, const Sample& sample, const std::string& floor,
           const Sample& floor_sample) {
    table_.Add({.group = "Transparency",
                .what = what,
                .members = directory_.people,
                .sample = sample,
                .floor = floor,
                .floor_sample = floor_sample});
  }
  // Of `body`, which is long: once to warm up, then five times.
  static Sample Times(int milliseconds, const std::function<void()>& body) {
    return MeasureAll(absl::Milliseconds(milliseconds), body);
  }

  static Sample Hashes(int count) {
    const Bytes node(kNode);
    return MeasureAll(kBudget, [&] {
      for (int i = 0; i < count; ++i) Sha256(node);
    });
  }
  static Sample Verifications(int count) {
    const auto key = crypto::Ed25519KeyPair::Generate();
    const Bytes signature = key.Sign("label", Bytes(32));
    return MeasureAll(kBudget, [&] {
      for (int i = 0; i < count; ++i)
        CHECK(key.public_key().Verify("label", Bytes(32), signature).ok());
    });
  }
  // Of a full tree with that many levels, above `leaves` of its leaves far from each other, they
  // too.
  static int NodesAbove(int leaves, int levels) {
    int count = 0;
    for (int level = 0; level <= levels; ++level)
      count += static_cast<int>(std::min(std::pow(2, level), static_cast<double>(leaves)));
    return count;
  }

  void Append() {
    const uint64_t size = directory_.leaves.size() + appended_++;
    CHECK(tlog::Append(directory_.nodes, size, tlog::LeafHashOf(directory_.entry)).ok());
  }
  Sample Update(int people) {
    return Measure(kBudget, [&](Stopwatch& watch) {
      std::vector<tlog::MapEntry> changes;
      for (int i = 0; i < people; ++i)
        changes.push_back({NumberedIndex(1 + (changed_ + i) % (directory_.people - 1)),
                           Sha256(AsBytes(absl::StrCat(changed_)))});
      changed_ += people;
      watch.Start();
      root_ = ValueOf(
          tlog::UpdateMap(directory_.map, root_.value_or(directory_.root), std::move(changes)));
      watch.Stop();
    });
  }
  void Prove() { CHECK(tlog::ProveMap(directory_.map, *root_, {directory_.alice.index}).ok()); }
  void CheckAnswer() {
    const auto value = ValueOf(
        tlog::VerifyMapAnswer(directory_.checkpoint, {directory_.alice.index}, directory_.answer));
    CHECK(value.has_value());
  }
  void CheckLookUp() {
    const auto index = ValueOf(identity::VerifyDirectoryIndex(directory_.vrf.public_key(), Alice(),
                                                              directory_.alice.proof));
    const auto value =
        ValueOf(tlog::VerifyMapAnswer(directory_.checkpoint, {index}, directory_.answer));
    CHECK(value == tlog::LeafHashOf(directory_.entry));
    CHECK(identity::CommitToRecord(directory_.record, directory_.nonce) ==
          directory_.entry.commitment);
  }
  void Replay() {
    tlog::MemoryMap map;
    tlog::DirectoryReplay replay(kOrigin, map);
    for (const Bytes& leaf : directory_.leaves) CHECK(replay.Take(leaf).ok());
    CHECK(replay.Check(directory_.checkpoint).ok());
  }
  void HashAll(int levels) {
    for (const Bytes& leaf : directory_.leaves) Sha256(leaf);
    const Bytes node(kNode);
    for (int i = 0; i < (2 << levels) + directory_.people; ++i) Sha256(node);
  }
  void Sizes() {
    const double people = directory_.people;
    size_t leaves = 0;
    for (const Bytes& leaf : directory_.leaves) leaves += leaf.size();
    table_.Note(absl::StrFormat(
        "Transparency, %d people: of each, %.0f bytes of log leaves a version and %.2f map nodes "
        "of 64 bytes and their place; a first look-up is %d "
        "bytes: VRF proof %d, map proof %d, inclusion %d, entry %d, record %d, nonce 32.",
        directory_.people, static_cast<double>(leaves) / people,
        static_cast<double>(directory_.map.count()) / people,
        static_cast<int>(80 + MapProofSize() + InclusionSize() +
                         tlog::Encode(directory_.entry).size() + directory_.record.size() + 32),
        80, static_cast<int>(MapProofSize()), static_cast<int>(InclusionSize()),
        static_cast<int>(tlog::Encode(directory_.entry).size()),
        static_cast<int>(directory_.record.size())));
  }
  size_t MapProofSize() const { return tlog::Encode(directory_.answer.proof).size(); }
  size_t InclusionSize() const {
    return directory_.answer.inclusion.size() * 32 + tlog::Encode(directory_.answer.root).size();
  }

  Table& table_;
  Directory directory_;
  std::optional<Hash> root_;  // once the map was changed
  uint64_t appended_ = 0;
  int changed_ = 0;
};

}  // namespace

void MeasureTransparency(Table& table) {
  const auto vrf = crypto::VrfKeyPair::Generate();
  const Bytes input(40);
  const auto proof = vrf.Prove(input);
  const auto key = crypto::Ed25519KeyPair::Generate();
  const Bytes signature = key.Sign("label", input);
  const Sample sign = MeasureAll(kBudget, [&] { key.Sign("label", input); });
  const Sample verify =
      MeasureAll(kBudget, [&] { CHECK(key.public_key().Verify("label", input, signature).ok()); });
  table.Add({.group = "Transparency",
             .what = "VRF proof",
             .sample = MeasureAll(kBudget, [&] { vrf.Prove(input); }),
             .floor = "an Ed25519 signature",
             .floor_sample = sign});
  table.Add(
      {.group = "Transparency",
       .what = "VRF proof checked",
       .sample = MeasureAll(kBudget, [&] { CHECK(vrf.public_key().Verify(input, proof).ok()); }),
       .floor = "an Ed25519 verification",
       .floor_sample = verify});
  for (const int people : {1000, 10'000, 100'000}) TransparencyBench(table, people).Run();
}

}  // namespace plumbline::bench
