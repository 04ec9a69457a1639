// MLS operations at several group sizes. The floor of each is what it cannot do without: its signatures, HPKE operations, AEADs and
// derivations, run one after the other on keys that are there already; no parsing, no tree, no copies.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "mls/group.h"
#include "mls/secret_tree.h"
#include "tests/bench/table.h"
#include "tests/common/certificates.h"

namespace plumbline::mls {
namespace {

using bench::Measure;
using bench::MeasureAll;
using bench::Sample;
using bench::Stopwatch;
using plumbline::testing::ValueOf;

constexpr absl::Duration kBudget = absl::Milliseconds(500);
constexpr size_t kMessageSize = 1024;  // bytes of plaintext
constexpr size_t kSenderDataSize = 12;
constexpr int kKeySchedule = 12;       // derivations from one epoch to the next
const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);

class Trusting final : public AuthenticationService {
 public:
  absl::Status Validate(const Credential&, ByteView, absl::Time) const override { return absl::OkStatus(); }
  bool SameClient(const Credential& a, const Credential& b) const override { return a == b; }
};
const Trusting kTrusting;

const CipherSuite& Suite() { return *ValueOf(CipherSuite::Get(static_cast<uint16_t>(SuiteId::kX25519Aes128GcmSha256Ed25519))); }

int Levels(int members) {
  int levels = 0;
  while ((1 << levels) < members) ++levels;
  return levels;
}

// The primitives alone.
struct Floor {
  const CipherSuite& suite = Suite();
  const SignatureKeyPair signer = suite.GenerateSignatureKeyPair();
  const HpkeKeyPair hpke = suite.GenerateHpkeKeyPair();
  const SenderDataSecret sender_data = {Secret::Random(suite.hash_size())};
  const Secret secret = Secret::Random(suite.hash_size());
  const Bytes message = Bytes(kMessageSize, 1);
  const Bytes signature = ValueOf(suite.SignWithLabel(signer.private_key, "FramedContentTBS", message));

  void Sign() const { CHECK(suite.SignWithLabel(signer.private_key, "FramedContentTBS", message).ok()); }
  void Verify() const { CHECK(suite.VerifyWithLabel(signer.public_key, "FramedContentTBS", message, signature).ok()); }
  void Derive(int times) const {
    for (int i = 0; i < times; ++i) CHECK(!suite.DeriveSecret(secret.view(), "path").view().empty());
  }
  void PathNode() const {
    Derive(2);
    CHECK(suite.DeriveHpkeKeyPair(secret.view()).ok());
  }
  HpkeCiphertext Seal() const { return ValueOf(suite.EncryptWithLabel(hpke.public_key, "UpdatePathNode", {}, secret.view())); }

  Sample Protect() const {
    SecretTree tree(suite, {2}, {Secret::CopyOf(secret.view())});
    return MeasureAll(kBudget, [&] {
      Sign();
      const MessageKey key = ValueOf(tree.Next({1}, RatchetType::kApplication));
      const Bytes sealed = suite.Seal(key.secrets.key.view(), key.secrets.nonce.view(), {}, message);
      const KeyAndNonce header = DeriveSenderDataKeyAndNonce(suite, sender_data, sealed);
      CHECK(!suite.Seal(header.key.view(), header.nonce.view(), {}, Bytes(kSenderDataSize)).empty());
    });
  }
  Sample Unprotect() const {
    SecretTree sender(suite, {2}, {Secret::CopyOf(secret.view())}), receiver(suite, {2}, {Secret::CopyOf(secret.view())});
    return Measure(kBudget, [&](Stopwatch& watch) {
      const MessageKey sent = ValueOf(sender.Next({1}, RatchetType::kApplication));
      const Bytes sealed = suite.Seal(sent.secrets.key.view(), sent.secrets.nonce.view(), {}, message);
      const KeyAndNonce header = DeriveSenderDataKeyAndNonce(suite, sender_data, sealed);
      const Bytes sealed_header = suite.Seal(header.key.view(), header.nonce.view(), {}, Bytes(kSenderDataSize));
      watch.Start();
      const KeyAndNonce opener = DeriveSenderDataKeyAndNonce(suite, sender_data, sealed);
      CHECK(suite.Open(opener.key.view(), opener.nonce.view(), {}, sealed_header).ok());
      SecretTree::Staged staged = ValueOf(receiver.Stage({1}, RatchetType::kApplication, sent.generation));
      CHECK(suite.Open(staged.key().key.view(), staged.key().nonce.view(), {}, sealed).ok());
      Verify();
      receiver.Consume(std::move(staged));
      watch.Stop();
    });
  }
  // The creator of a new group commits: a node for each level, sealed to each other member, two signatures.
  Sample Commit(int members) const {
    return MeasureAll(kBudget, [&] {
      for (int i = 0; i < Levels(members); ++i) PathNode();
      for (int i = 1; i < members; ++i) Seal();
      Sign();
      Sign();
      Derive(kKeySchedule);
    });
  }
  Sample Process(int members) const {
    const HpkeCiphertext sealed = Seal();
    return MeasureAll(kBudget, [&] {
      Verify();
      Verify();
      CHECK(suite.DecryptWithLabel(hpke.private_key, hpke.public_key, "UpdatePathNode", {}, sealed).ok());
      for (int i = 0; i < Levels(members); ++i) PathNode();
      Derive(kKeySchedule);
    });
  }
};

SignaturePrivateKey CopyKey(const SignatureKeyPair& key) { return {Secret::CopyOf(key.private_key.bytes.view())}; }

// The creator of a group of `members`, all added by one commit, and the first of those.
struct TwoOfMany {
  explicit TwoOfMany(int members) {
    CreateGroupParams params;
    params.group_id = Bytes(32, 7);
    params.credential = Credential::Basic(AsBytes("creator"));
    params.lifetime = Lifetime::From(kNow - absl::Hours(1), absl::Hours(24 * 90));
    Group group = ValueOf(Group::Create(std::move(params), Suite().GenerateSignatureKeyPair()));
    std::vector<KeyPackageBundle> bundles;
    CommitParams commit;
    SignatureKeyPair first_key;
    for (int i = 1; i < members; ++i) {
      SignatureKeyPair key = Suite().GenerateSignatureKeyPair();
      KeyPackageParams package;
      package.credential = Credential::Basic(AsBytes(absl::StrCat("member ", i)));
      package.lifetime = Lifetime::From(kNow - absl::Hours(1), absl::Hours(24 * 90));
      bundles.push_back(ValueOf(GenerateKeyPackage(package, key)));
      commit.adds.push_back(bundles.back().key_package);
      if (i == 1) first_key = std::move(key);
    }
    StagedCommit staged = ValueOf(group.Commit(std::move(commit), kTrusting, kNow));
    CHECK(group.AdvanceTo(*std::move(staged.next)).ok());
    other.emplace(ValueOf(Group::Join(*staged.welcome, bundles.front(), CopyKey(first_key), std::nullopt, kTrusting, kNow)));
    creator.emplace(std::move(group));
  }
  std::optional<Group> creator, other;
};

}  // namespace
}  // namespace plumbline::mls

namespace plumbline::bench {

void MeasureMls(Table& table) {
  using namespace plumbline::mls;
  const Floor floor;
  const auto add = [&](const std::string& what, const Sample& sample) { table.Add({.group = "MLS", .what = what, .sample = sample}); };
  add("signature, Ed25519", MeasureAll(kBudget, [&] { floor.Sign(); }));
  add("verification", MeasureAll(kBudget, [&] { floor.Verify(); }));
  add("HPKE seal, 32 bytes", MeasureAll(kBudget, [&] { floor.Seal(); }));
  add("derivation", MeasureAll(kBudget, [&] { floor.Derive(1); }));
  const Sample protect_floor = floor.Protect(), unprotect_floor = floor.Unprotect();
  const Bytes message(kMessageSize, 1);
  for (const int members : {2, 10, 100, 1000}) {
    TwoOfMany group(members);
    const auto row = [&](const std::string& what, const Sample& sample, const Sample& floor_sample) {
      table.Add({.group = "MLS", .what = what, .members = members, .sample = sample, .floor = "its primitives", .floor_sample = floor_sample});
    };
    row("protect 1 KiB", MeasureAll(kBudget, [&] { CHECK(group.creator->Protect(message, {}).ok()); }), protect_floor);
    row("unprotect 1 KiB", Measure(kBudget, [&](Stopwatch& watch) {
          const Bytes sent = plumbline::testing::ValueOf(group.other->Protect(message, {}));
          watch.Start();
          CHECK(group.creator->Process(sent, kTrusting, kNow).ok());
          watch.Stop();
        }), unprotect_floor);
    // On a copy: each commit takes a generation of the handshake ratchet, and the receiver below skips only so many.
    Group committer = group.creator->Clone();
    row("commit, new group", MeasureAll(kBudget, [&] { CHECK(committer.Commit({}, kTrusting, kNow).ok()); }), floor.Commit(members));
    row("process that commit", Measure(kBudget, [&](Stopwatch& watch) {
          const StagedCommit staged = plumbline::testing::ValueOf(group.creator->Commit({}, kTrusting, kNow));
          watch.Start();
          CHECK(group.other->Process(staged.message, kTrusting, kNow).ok());  // staged, and dropped
          watch.Stop();
        }), floor.Process(members));
  }
}

}  // namespace plumbline::bench
