// A member that only listens, with everything from outside: its keys, the Welcome, the tree,
// pre-shared keys and what the others say after that. It refuses or follows; what it follows is a
// group that can be stored.
#include <map>

#include "common/codec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mls/members.h"
#include "tests/vectors/vectors.h"

namespace plumbline::fuzz {
namespace {

constexpr size_t kMaxPart = 1 << 16;
constexpr int kMaxMessages = 24;

// struct { uint64 now; opaque key_package<V>; opaque init_priv<V>; opaque encryption_priv<V>;
// opaque signature_priv<V>;
//          opaque welcome<V>; optional<opaque<V>> ratchet_tree; uint8 psks; struct { opaque id<V>;
//          opaque psk<V>; } psk[psks]; opaque message<V>[]; } Input;
struct Input {
  uint64_t now = 0;
  ByteView key_package, init, encryption, signature, welcome;
  std::optional<Bytes> tree;
  std::map<Bytes, Bytes> psks;
  std::vector<ByteView> messages;
};

absl::StatusOr<Input> ReadInput(ByteView wire) {
  Reader in(wire);
  Input out;
  ASSIGN_OR_RETURN(out.now, in.U64());
  for (ByteView* const part :
       {&out.key_package, &out.init, &out.encryption, &out.signature, &out.welcome}) {
    ASSIGN_OR_RETURN(*part, in.Vector(kMaxPart));
  }
  ASSIGN_OR_RETURN(const bool has_tree, in.Present());
  if (has_tree) {
    ASSIGN_OR_RETURN(const ByteView tree, in.Vector(kMaxPart));
    out.tree = ToBytes(tree);
  }
  ASSIGN_OR_RETURN(const uint8_t psks, in.U8());
  for (int i = 0; i < psks; ++i) {
    ASSIGN_OR_RETURN(const ByteView id, in.Vector(kMaxPart));
    ASSIGN_OR_RETURN(const ByteView psk, in.Vector(kMaxPart));
    out.psks[ToBytes(id)] = ToBytes(psk);
  }
  for (int i = 0; i < kMaxMessages && !in.AtEnd(); ++i) {
    ASSIGN_OR_RETURN(const ByteView message, in.Vector(kMaxPart));
    out.messages.push_back(message);
  }
  return out;
}

class GivenPsks final : public mls::PskStore {
 public:
  explicit GivenPsks(const std::map<Bytes, Bytes>& psks) : psks_(psks) {}
  absl::StatusOr<Secret> ExternalPsk(ByteView id) const override {
    const auto found = psks_.find(ToBytes(id));
    if (found == psks_.end()) return absl::NotFoundError("no such PSK");
    return Secret::CopyOf(found->second);
  }

 private:
  const std::map<Bytes, Bytes>& psks_;
};

absl::StatusOr<mls::Group> Join(const Input& input, absl::Time now, const GivenPsks& psks) {
  mls::KeyPackageBundle bundle;
  ASSIGN_OR_RETURN(bundle.key_package, mls::ParseKeyPackageMessage(input.key_package));
  bundle.init_private_key.bytes = Secret::CopyOf(input.init);
  bundle.encryption_private_key.bytes = Secret::CopyOf(input.encryption);
  mls::GroupPolicy policy;
  policy.max_past_epochs = 16;
  policy.check_member_lifetimes = true;
  return mls::Group::Join(input.welcome, bundle, {Secret::CopyOf(input.signature)}, input.tree,
                          kTrusting, now, policy, &psks);
}

// How many of its messages were followed; none if it could not be joined.
std::optional<size_t> Listen(const Input& input) {
  const absl::Time now =
      absl::FromUnixSeconds(static_cast<int64_t>(input.now % (uint64_t{1} << 40)));
  const GivenPsks psks(input.psks);
  absl::StatusOr<mls::Group> group = Join(input, now, psks);
  if (!group.ok()) {
    CHECK(!absl::IsInternal(group.status()));
    return std::nullopt;
  }
  CheckStores(*group);
  size_t followed = 0;
  for (const ByteView message : input.messages) {
    const Secret before = group->Serialize();
    absl::StatusOr<mls::Processed> processed = group->Process(message, kTrusting, now, &psks);
    if (!processed.ok()) {
      CHECK(!absl::IsInternal(processed.status()) && group->Serialize() == before);
      return followed;
    }
    ++followed;
    auto* const staged = std::get_if<mls::StagedCommit>(&*processed);
    if (staged == nullptr) continue;
    CHECK(group->Serialize() == before);
    if (!staged->next) return followed;
    CHECK(group->AdvanceTo(*std::move(staged->next)).ok());
    CheckStores(*group);
  }
  return followed;
}

}  // namespace

void Fuzz(ByteView input) {
  const absl::StatusOr<Input> read = ReadInput(input);
  if (read.ok()) (void)Listen(*read);
}

std::vector<Bytes> Seeds() {
  const World& world = TheWorld();
  mls::Group alice = world.alice_group.Clone();
  mls::CommitParams add;
  add.adds = {world.dave_bundle.key_package};
  mls::StagedCommit staged = *alice.Commit(std::move(add), kTrusting, kNow);
  CHECK(alice.AdvanceTo(*std::move(staged.next)).ok());
  Writer out;
  out.U64(static_cast<uint64_t>(absl::ToUnixSeconds(kNow)))
      .Vector(EncodeKeyPackageMessage(world.dave_bundle.key_package));
  out.Vector(world.dave_bundle.init_private_key.bytes.view())
      .Vector(world.dave_bundle.encryption_private_key.bytes.view());
  out.Vector(world.dave.key.private_key.bytes.view()).Vector(*staged.welcome).Present(false).U8(0);
  out.Vector(*alice.Protect(AsBytes("hello"), {}));
  out.Vector((*alice.Commit({}, kTrusting, kNow)).message);
  const Bytes seed = out.TakeBytes();
  CHECK(Listen(*ReadInput(seed)).value_or(0) == 2);
  return {seed};
}

// Each published case of a suite that is supported: its key packages are judged in the time of
// their file.
absl::StatusOr<std::vector<Bytes>> PublishedSeeds() {
  std::vector<Bytes> seeds;
  size_t joined = 0, messages = 0;
  const std::vector<std::pair<const char*, uint64_t>> files = {
      {"mls/passive-client-welcome.json.gz", 1'680'000'000},
      {"mls/passive-client-handling-commit.json.gz", 1'720'000'000}};
  for (const auto& [path, now] : files) {
    ASSIGN_OR_RETURN(const nlohmann::json cases, testing::ReadVectorJson(path));
    for (const nlohmann::json& c : cases) {
      if (!mls::CipherSuite::Get(c["cipher_suite"].get<uint16_t>()).ok()) continue;
      Writer out;
      out.U64(now);
      for (const char* part :
           {"key_package", "init_priv", "encryption_priv", "signature_priv", "welcome"}) {
        out.Vector(testing::FromHex(c[part]));
      }
      out.Present(!c["ratchet_tree"].is_null());
      if (!c["ratchet_tree"].is_null()) out.Vector(testing::FromHex(c["ratchet_tree"]));
      out.U8(static_cast<uint8_t>(c["external_psks"].size()));
      for (const nlohmann::json& psk : c["external_psks"]) {
        out.Vector(testing::FromHex(psk["psk_id"])).Vector(testing::FromHex(psk["psk"]));
      }
      for (const nlohmann::json& epoch : c["epochs"]) {
        for (const nlohmann::json& proposal : epoch["proposals"])
          out.Vector(testing::FromHex(proposal));
        out.Vector(testing::FromHex(epoch["commit"]));
      }
      seeds.push_back(out.TakeBytes());
      const std::optional<size_t> followed = Listen(*ReadInput(seeds.back()));
      joined += followed.has_value() ? 1 : 0;
      messages += followed.value_or(0);
    }
  }
  CHECK(joined * 2 > seeds.size() && messages > 10);  // the rest need what is not supported
  return seeds;
}

}  // namespace plumbline::fuzz
