// Groups and key package bundles as they are stored: what is read is written back byte for byte,
// and a group that was read can be worked with.
#include "common/check.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mls/members.h"

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

}  // namespace plumbline::fuzz
