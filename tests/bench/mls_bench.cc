// MLS operations at several group sizes, suites 0x0001 and 0x0003, every parent node of the group filled.
#include <malloc.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/check.h"
#include "tests/bench/mls_floor.h"
#include "tests/bench/mls_world.h"
#include "tests/bench/table.h"
#include "tests/common/certificates.h"

namespace plumbline::bench {
namespace {

using namespace plumbline::mls;
using plumbline::testing::ValueOf;

constexpr absl::Duration kBudget = absl::Milliseconds(300);
constexpr size_t kMessageSize = 1024;  // bytes of plaintext
// What the signature of a message covers besides: the content's header, the GroupContext and the label (RFC 9420 §6.1), about.
constexpr size_t kSigned = kMessageSize + 150;
constexpr size_t kSmall = 200;         // signed bytes of a leaf or key package, about
const Trusting kTrusting;

int Levels(int members) {
  int levels = 0;
  while ((1 << levels) < members) ++levels;
  return levels;
}

// Bytes on the heap.
size_t HeapUse() { return mallinfo2().uordblks; }

class MlsBench final {
 public:
  MlsBench(Table& table, SuiteId suite) : table_(table), suite_(suite), floor_(suite) {}

  void Run() {
    const std::string name = absl::StrFormat("MLS %d", static_cast<int>(suite_));
    Floors(name);
    for (const int members : {2, 10, 100, 1000}) {
      const auto row = [&](const std::string& what, const Sample& sample, const Sample& floor) {
        table_.Add({.group = name, .what = what, .members = members, .sample = sample, .floor = "its primitives", .floor_sample = floor});
      };
      Neighbours group = WarmGroup(suite_, members);
      row("protect 1 KiB", Protect(group), MeasureAll(kBudget, [&] { ProtectFloor(); }));
      row("unprotect 1 KiB", Unprotect(group), MeasureAll(kBudget, [&] { UnprotectFloor(); }));
      row("path commit", Commit(group), MeasureAll(kBudget, [&] { CommitFloor(Levels(members)); }));
      row("process a path commit", Process(group), MeasureAll(kBudget, [&] { ProcessFloor(Levels(members)); }));
      row("add one, with a path", AddOne(group), MeasureAll(kBudget, [&] { AddOneFloor(Levels(members + 1)); }));
      row("process that add", ProcessAdd(group), MeasureAll(kBudget, [&] { ProcessAddFloor(Levels(members + 1)); }));
      row("join", Join(group), MeasureAll(kBudget, [&] { JoinFloor(members + 1); }));
      Memory(name, members, group);
    }
  }

 private:
  void Floors(const std::string& name) {
    const auto add = [&](const std::string& what, const Sample& sample) { table_.Add({.group = name, .what = what, .sample = sample}); };
    add("signature, 1 KiB", MeasureAll(kBudget, [&] { floor_.Sign(kMessageSize); }));
    add("verification, 1 KiB", MeasureAll(kBudget, [&] { floor_.Verify(kMessageSize); }));
    add("AEAD seal, 1 KiB", MeasureAll(kBudget, [&] { floor_.Seal(kMessageSize); }));
    add("HPKE seal, 32 bytes", MeasureAll(kBudget, [&] { floor_.HpkeSeal(); }));
    add("HPKE open, 32 bytes", MeasureAll(kBudget, [&] { floor_.HpkeOpen(); }));
    add("path node", MeasureAll(kBudget, [&] { floor_.PathNode(); }));
  }

  void ProtectFloor() {
    floor_.Sign(kSigned);
    floor_.Ratchet();
    floor_.Seal(kMessageSize);
    floor_.SenderData(/*seal=*/true);
  }
  void UnprotectFloor() {
    floor_.SenderData(/*seal=*/false);
    floor_.Ratchet();
    floor_.Open(kMessageSize);
    floor_.Verify(kSigned);
  }
  // Signatures of leaf and content; the message goes out as a PrivateMessage.
  void CommitFloor(int levels) {
    floor_.KeyPair();
    for (int i = 0; i < levels; ++i) floor_.PathNode();
    for (int i = 0; i < levels; ++i) floor_.HpkeSeal();
    floor_.Sign(kSmall);
    floor_.Sign(kMessageSize);
    floor_.KeySchedule();
  }
  // By a neighbour, who derives every node of the path.
  void ProcessFloor(int levels) {
    floor_.Verify(kSmall);
    floor_.Verify(kMessageSize);
    floor_.HpkeOpen();
    for (int i = 0; i < levels; ++i) floor_.PathNode();
    floor_.KeySchedule();
  }
  // Besides: both signatures of the key package are verified, the GroupInfo signed, the Welcome sealed.
  void AddOneFloor(int levels) {
    CommitFloor(levels);
    floor_.Verify(kSmall);
    floor_.Verify(kSmall);
    floor_.Sign(kSmall);
    floor_.HpkeSeal();
  }
  void ProcessAddFloor(int levels) {
    floor_.Verify(kSmall);
    floor_.Verify(kSmall);
    ProcessFloor(levels);
  }
  // A verification for each leaf, and the GroupInfo's.
  void JoinFloor(int members) {
    for (int i = 0; i <= members; ++i) floor_.Verify(kSmall);
  }

  Sample Protect(Neighbours& group) {
    const Bytes message(kMessageSize, 1);
    return MeasureAll(kBudget, [&] { CHECK(group.first.Protect(message, {}).ok()); });
  }
  Sample Unprotect(Neighbours& group) {
    const Bytes message(kMessageSize, 1);
    return Measure(kBudget, [&](Stopwatch& watch) {
      const Bytes sent = ValueOf(group.second.Protect(message, {}));
      watch.Start();
      CHECK(group.first.Process(sent, kTrusting, kMlsNow).ok());
      watch.Stop();
    });
  }
  // Staged and dropped. On a copy: each commit takes a generation of the handshake ratchet, and who receives skips only so many.
  Sample Commit(const Neighbours& group) {
    Group committer = group.first.Clone();
    return MeasureAll(kBudget, [&] { CHECK(committer.Commit({}, kTrusting, kMlsNow).ok()); });
  }
  Sample Process(const Neighbours& group) {
    Group committer = group.first.Clone();
    Group receiver = group.second.Clone();
    const Bytes commit = ValueOf(committer.Commit({}, kTrusting, kMlsNow)).message;
    return MeasureAll(kBudget, [&] { CHECK(receiver.Process(commit, kTrusting, kMlsNow).ok()); });
  }
  CommitParams Adding(const Newcomer& newcomer, bool tree_in_welcome) const {
    CommitParams params;
    params.adds = {newcomer.bundle.key_package};
    params.tree_in_welcome = tree_in_welcome;
    return params;
  }
  // Without the tree in the Welcome: what writing it costs grows with the group by nature.
  Sample AddOne(const Neighbours& group) {
    Group committer = group.first.Clone();
    const Newcomer newcomer = MakeNewcomer(suite_, "newcomer");
    return MeasureAll(kBudget, [&] { CHECK(committer.Commit(Adding(newcomer, false), kTrusting, kMlsNow).ok()); });
  }
  Sample ProcessAdd(const Neighbours& group) {
    Group committer = group.first.Clone();
    Group receiver = group.second.Clone();
    const Newcomer newcomer = MakeNewcomer(suite_, "newcomer");
    const Bytes commit = ValueOf(committer.Commit(Adding(newcomer, false), kTrusting, kMlsNow)).message;
    return MeasureAll(kBudget, [&] { CHECK(receiver.Process(commit, kTrusting, kMlsNow).ok()); });
  }
  Sample Join(const Neighbours& group) {
    Group committer = group.first.Clone();
    const Newcomer newcomer = MakeNewcomer(suite_, "newcomer");
    const StagedCommit staged = ValueOf(committer.Commit(Adding(newcomer, true), kTrusting, kMlsNow));
    return MeasureAll(kBudget, [&] {
      SignaturePrivateKey key{Secret::CopyOf(newcomer.signer.private_key.bytes.view())};
      CHECK(Group::Join(*staged.welcome, newcomer.bundle, std::move(key), std::nullopt, kTrusting, kMlsNow).ok());
    });
  }
  // Of a group as it is when read from its store, where nothing is shared with another.
  void Memory(const std::string& name, int members, const Neighbours& group) {
    const size_t tree = group.first.EncodedTree().size();
    const Secret stored = group.first.Serialize();
    const size_t before = HeapUse();
    const Group restored = ValueOf(Group::Parse(stored.view()));
    const size_t used = HeapUse() - before;
    table_.Note(absl::StrFormat("%s: memory of a group of %d: %d bytes, its encoded tree %d, beyond it %d for each member", name, members, used, tree,
                                (static_cast<int64_t>(used) - static_cast<int64_t>(tree)) / members));
  }

  Table& table_;
  const SuiteId suite_;
  MlsFloor floor_;
};

}  // namespace

void MeasureMls(Table& table) {
  MlsBench(table, SuiteId::kX25519Aes128GcmSha256Ed25519).Run();
  MlsBench(table, SuiteId::kX25519ChaCha20Poly1305Sha256Ed25519).Run();
}

}  // namespace plumbline::bench
