// Groups and key package bundles as they are stored: what is read is written back byte for byte,
// and a group that was read can be worked with.
#include "common/check.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mls/members.h"
#include "tests/vectors/vectors.h"

namespace plumbline::fuzz {
namespace {

void UseGroup(mls::Group group, ByteView stored) {
  CHECK(group.Serialize() == Secret::CopyOf(stored));
  for (const Bytes& message : TheWorld().messages)
    (void)group.Process(message, kTrusting, kNow, &kTrusting).ok();
  (void)group.Commit({}, kTrusting, kNow).ok();
  (void)group.Protect(AsBytes("x"), {}).ok();
  (void)group.members();
}

}  // namespace

// The first byte says what the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  const ByteView stored = input.subspan(1);
  if (input[0] == 0) {
    if (absl::StatusOr<mls::Group> group = mls::Group::Parse(stored); group.ok())
      UseGroup(*std::move(group), stored);
  } else if (input[0] == 1) {
    const absl::StatusOr<mls::KeyPackageBundle> bundle = mls::KeyPackageBundle::Parse(stored);
    if (!bundle.ok()) return;
    CHECK(bundle->Serialize() == Secret::CopyOf(stored));
    (void)mls::Group::Join(TheWorld().welcome, *bundle, CopyKey(TheWorld().dave.key), std::nullopt,
                           kTrusting, kNow)
        .ok();
  }
}

std::vector<Bytes> Seeds() {
  const World& world = TheWorld();
  const auto seed = [](uint8_t kind, const Secret& stored) {
    return Concat({Bytes{kind}, stored.view()});
  };
  mls::Group heard = world.alice_group.Clone();  // with ratchets in use
  for (const Bytes& message : world.messages) CheckProcess(heard, message);
  return {seed(0, world.alice_group.Serialize()), seed(0, world.carol_group.Serialize()),
          seed(0, heard.Serialize()), seed(1, world.dave_bundle.Serialize())};
}

// The groups that the published passive clients join.
absl::StatusOr<std::vector<Bytes>> PublishedSeeds() {
  std::vector<Bytes> seeds;
  ASSIGN_OR_RETURN(const nlohmann::json cases,
                   testing::ReadVectorJson("mls/passive-client-welcome.json.gz"));
  for (const nlohmann::json& c : cases) {
    if (!mls::CipherSuite::Get(c["cipher_suite"].get<uint16_t>()).ok()) continue;
    mls::KeyPackageBundle bundle;
    ASSIGN_OR_RETURN(bundle.key_package,
                     mls::ParseKeyPackageMessage(testing::FromHex(c["key_package"])));
    bundle.init_private_key.bytes = Secret::CopyOf(testing::FromHex(c["init_priv"]));
    bundle.encryption_private_key.bytes = Secret::CopyOf(testing::FromHex(c["encryption_priv"]));
    seeds.push_back(Concat({Bytes{1}, bundle.Serialize().view()}));
    std::optional<Bytes> tree;
    if (!c["ratchet_tree"].is_null()) tree = testing::FromHex(c["ratchet_tree"]);
    const absl::StatusOr<mls::Group> group = mls::Group::Join(
        testing::FromHex(c["welcome"]), bundle,
        {Secret::CopyOf(testing::FromHex(c["signature_priv"]))}, tree, kTrusting,
        absl::FromUnixSeconds(1'680'000'000));
    if (group.ok()) seeds.push_back(Concat({Bytes{0}, group->Serialize().view()}));
  }
  return seeds;
}

}  // namespace plumbline::fuzz
