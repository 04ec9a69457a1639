// The directory as it is kept and followed: its log in the key server's database, and a client that reads it. No network.
#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/directory.h"
#include "client/transparency.h"
#include "tests/bench/table.h"
#include "tests/client/people.h"
#include "tests/client/test_directory.h"
#include "tests/common/directory/history.h"

namespace plumbline::bench {
namespace {

using client::TestDirectory;
using plumbline::testing::ValueOf;

constexpr absl::Duration kBudget = absl::Milliseconds(300);
constexpr int kDelta = 100;      // changes between two syncs
constexpr int kFollowed = 50;    // whom the client knows

std::string Name(int n) { return absl::StrCat("mimi://example.org/u/person", n); }

// As a record of two devices; whose they are does not matter here.
keys::v1::SignedRecord RecordOf(int n, uint64_t version, ByteView before) {
  identity::DirectoryRecord record{.user = Name(n), .display_name = "Some Body", .version = version};
  if (version > 1) record.previous_hash = Sha256(before);
  for (uint8_t i = 0; i < 2; ++i) {
    identity::RecordDevice device{.label = "telephone", .enrolled_day = 20000};
    device.device_id[0] = i;
    record.devices.push_back(device);
  }
  keys::v1::SignedRecord out;
  out.set_record(ToString(identity::Encode(record)));
  out.set_signature(std::string(64, 's'));
  for (int i = 0; i < 2; ++i) out.add_credentials(std::string(500, 'c'));
  return out;
}

class DirectoryBench final {
 public:
  DirectoryBench(Table& table, int people) : table_(table), people_(people), directory_(organisation_, clock_) {
    for (int version = 1; version <= 2; ++version) {
      std::vector<keys::v1::SignedRecord> batch;
      for (int i = 0; i < people_; ++i) batch.push_back(Next(i));
      directory_.AppendAll(batch);
    }
  }

  void Run() {
    // Two leaves, the tree and the map above them, and what nobody can leave out: whose place it is, and the log's word.
    const auto levels = static_cast<int>(std::ceil(std::log2(people_)));
    const auto signer = crypto::Ed25519KeyPair::Generate();
    const Bytes node(99, 1);
    const Sample floor = MeasureAll(kBudget, [&] {
      for (int i = 0; i < 3 * levels + 2; ++i) Sha256(node);
      directory_.keys().vrf.Evaluate(Bytes(60));
      signer.Sign("label", Bytes(100));
      directory_.WriteOneRow(Bytes(300, 1));
    });
    const Sample store = MeasureAll(kBudget, [&] { directory_.Append(Next(changed_++ % people_), /*publish=*/false); });
    Add("store a record in the log", store, "hashes, VRF output, signature, one synced row", floor);
    const Sample bare = MeasureAll(kBudget, [&] {
      for (int i = 0; i < 3 * levels + 2; ++i) Sha256(node);
      directory_.WriteOneRow(Bytes(300, 1));
    });
    Add("store a record in the log", store, "its hashes and one synced row", bare);
    directory_.Publish();
    const std::string somebody = Name(people_ / 2);
    Add("answer a look-up", MeasureAll(kBudget, [&] { directory_.LookUp(somebody); }), "a VRF proof", VrfProof());
    const keys::v1::LookUpResponse answer = directory_.LookUp(somebody);
    const tlog::Policy policy = *directory::ReadPolicyText(directory_.policy_text(), "example.org");
    const directory::Terms terms{policy, directory_.keys().authority};
    const identity::UserUri user = *identity::ParseUserUri(somebody);
    Add("check the answer", MeasureAll(kBudget, [&] {
          CHECK(directory::Verify(*directory::ParseAnswer(AsBytes(answer.answer())), user, terms).ok());
        }),
        "a VRF check, two Ed25519 ones", Checks());
    Follow(answer.answer().size());
  }

 private:
  void Add(const std::string& what, const Sample& sample, const std::string& floor, const Sample& floor_sample) {
    table_.Add({.group = "Directory", .what = what, .members = people_, .sample = sample, .floor = floor, .floor_sample = floor_sample});
  }
  keys::v1::SignedRecord Next(int n) {
    keys::v1::SignedRecord& newest = newest_[n];
    const uint64_t version = ++versions_[n];
    newest = RecordOf(n, version, AsBytes(newest.record()));
    return newest;
  }
  Sample VrfProof() {
    return MeasureAll(kBudget, [&] { directory_.keys().vrf.Prove(Bytes(60)); });
  }
  Sample Checks() {
    const crypto::VrfProof proof = directory_.keys().vrf.Prove(Bytes(60));
    const auto key = crypto::Ed25519KeyPair::Generate();
    const Bytes signature = key.Sign("label", Bytes(100));
    return MeasureAll(kBudget, [&] {
      CHECK(directory_.keys().vrf.public_key().Verify(Bytes(60), proof).ok());
      for (int i = 0; i < 2; ++i) CHECK(key.public_key().Verify("label", Bytes(100), signature).ok());
    });
  }
  // A client's first reading of all of it, and then of a hundred changes at a time.
  void Follow(size_t answer_size) {
    client::Device device(organisation_, "alice", clock_);
    size_t bytes = 0;
    client::Transparency log(
        *device.stores, *device.self,
        [&](const keys::v1::ReadLogRequest& request) {
          auto response = directory_.ReadLog(request);
          bytes += response->ByteSizeLong();
          return response;
        },
        clock_);
    size_t heard = 0;
    const auto on_record = [&](client::Change&, const std::string&, const keys::v1::SignedRecord&, client::Transparency::Entering) {
      ++heard;
      return absl::OkStatus();
    };
    const absl::Time start = absl::Now();
    CHECK(log.Sync(on_record).ok());
    const absl::Duration first = absl::Now() - start;
    const size_t first_bytes = bytes;
    {
      client::Change change = ValueOf(device.stores->store.Begin());
      for (int i = 0; i < kFollowed; ++i) {
        const identity::DirectoryRecord record = *identity::ParseDirectoryRecord(AsBytes(newest_[i].record()));
        CHECK(device.stores->contacts.SetRecord(change, record, AsBytes(newest_[i].record()), Bytes(64), true).ok());
        const auto index = identity::ComputeDirectoryIndex(directory_.keys().vrf, *identity::ParseUserUri(Name(i)));
        CHECK(device.stores->contacts.SetPlace(change, Name(i), client::ContactPlace{{index}, directory_.FollowKey(Name(i))}).ok());
      }
      CHECK(change.Commit().ok());
    }
    bytes = 0;
    size_t rounds = 0;
    // Both ends: each change sealed, its leaf hashed on either side, and the whole on disk once.
    const Secret key(directory::kFollowKeySize);
    const directory::Followed followed{{}, Bytes(300), Bytes(64), {Bytes(500), Bytes(500)}};
    const Sample floor = MeasureAll(kBudget, [&] {
      for (int i = 0; i < kDelta; ++i) {
        directory::Seal(followed, key, Bytes(138));
        for (int hash = 0; hash < 3; ++hash) Sha256(Bytes(138));
      }
      directory_.WriteOneRow(Bytes(300, 1));
    });
    const Sample delta = Measure(kBudget, [&](Stopwatch& watch) {
      std::vector<keys::v1::SignedRecord> batch;
      for (int i = 0; i < std::min(kDelta, people_); ++i) batch.push_back(Next((kFollowed + i) % people_));
      directory_.AppendAll(batch);
      ++rounds;
      watch.Start();
      CHECK(log.Sync(on_record).ok());
      watch.Stop();
    });
    Add(absl::StrCat("sync, ", std::min(kDelta, people_), " changes"), delta, "sealing, hashing, one synced row", floor);
    table_.Note(absl::StrFormat(
        "Directory, %d people with two versions: an answer has %d bytes; a client's first reading takes %.0f ms and %.0f bytes a person, a later one "
        "%.0f bytes a change, records that it cannot open included; %.0f bytes a person are in the key server's log tables.",
        people_, answer_size, absl::ToDoubleMilliseconds(first), static_cast<double>(first_bytes) / people_,
        static_cast<double>(bytes) / static_cast<double>(rounds * static_cast<size_t>(std::min(kDelta, people_))),
        static_cast<double>(directory_.BytesAtRest()) / people_));
  }

  Table& table_;
  const int people_;
  client::FixedClock clock_{absl::FromUnixSeconds(1'790'000'000)};
  const testing::TestOrganisation organisation_{clock_.Now()};
  TestDirectory directory_;
  std::map<int, keys::v1::SignedRecord> newest_;
  std::map<int, uint64_t> versions_;
  int changed_ = 0;
};

// What an auditor does behind replay, over honest history of a few people.
void MeasureAuthority(Table& table, size_t entries) {
  directory::History history;
  std::mt19937 random(1);
  for (int i = 0; history.items.size() < entries; ++i) Step(history, random, absl::StrCat("person", i / 12));
  const Sample whole = MeasureAll(kBudget, [&] {
    directory::Authority authority = *directory::Authority::Create(history.Terms(), history.Genesis());
    for (const directory::History::Item& item : history.items)
      CHECK(!authority.Take(item.place, item.entry, item.opening));
  });
  const crypto::VrfProof proof = history.vrf.Prove(Bytes(60));
  const auto key = crypto::Ed25519KeyPair::Generate();
  const Bytes signature = key.Sign("label", Bytes(300));
  const Sample floor = MeasureAll(kBudget, [&] {
    for (size_t i = 0; i < entries; ++i) {
      CHECK(history.vrf.public_key().Verify(Bytes(60), proof).ok());
      CHECK(key.public_key().Verify("label", Bytes(300), signature).ok());
    }
  });
  table.Add({.group = "Directory", .what = "check each entry's authority", .members = static_cast<int>(entries), .sample = whole,
             .floor = "a VRF check and a signature of each", .floor_sample = floor});
}

}  // namespace

void MeasureDirectory(Table& table) {
  for (const size_t entries : {1000, 10'000}) MeasureAuthority(table, entries);
  for (const int people : {100, 1000, 10'000, 50'000}) DirectoryBench(table, people).Run();
}

}  // namespace plumbline::bench
