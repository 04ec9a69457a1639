// Dave gets a Welcome: one changed on its way, or one from a member who writes any GroupInfo, tree
// and secrets and signs and seals them properly; or a GroupInfo of such a member, to join by. He
// never crashes, and what he joins is a group that can be stored and worked in.
#include <functional>
#include <optional>
#include <utility>

#include "common/check.h"
#include "mls/external.h"
#include "mls/group_state.h"
#include "mls/transcript_hash.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mls/members.h"
#include "tests/fuzz/mls/published.h"

namespace plumbline::fuzz {
namespace {

using namespace mls;  // NOLINT: a member from within

enum Kind : uint8_t { kWire, kInfo, kSecrets, kExternal };

const CipherSuite& Suite() { return **CipherSuite::Get(1); }

// The Welcome of the world and what it holds.
struct Opened {
  Welcome welcome;
  Bytes secrets;  // encoded GroupSecrets
  Bytes info;     // encoded GroupInfo
};

WelcomeKey KeyFor(ByteView joiner) {
  return DeriveWelcomeKey(Suite(), JoinerSecret{Secret::CopyOf(joiner)}, ZeroPskSecret(Suite()));
}

Opened Open() {
  const World& world = TheWorld();
  Welcome welcome = std::get<Welcome>(ParseMlsMessage(world.welcome)->body);
  const KeyPackageBundle& bundle = world.dave_bundle;
  const Secret secrets = *Suite().DecryptWithLabel(
      bundle.init_private_key, bundle.key_package.init_key, "Welcome", welcome.encrypted_group_info,
      welcome.secrets.at(0).encrypted_group_secrets);
  const WelcomeKey key = KeyFor(ParseGroupSecrets(secrets.view())->joiner_secret.view());
  const Secret info =
      *Suite().Open(key.key.view(), key.nonce.view(), {}, welcome.encrypted_group_info);
  return {std::move(welcome), ToBytes(secrets.view()), ToBytes(info.view())};
}

const Opened& TheWelcome() {
  static const Opened* const opened = new Opened(Open());
  return *opened;
}

Bytes Closed(ByteView info, ByteView secrets) {
  const absl::StatusOr<GroupSecrets> parsed = ParseGroupSecrets(secrets);
  const WelcomeKey key = KeyFor(parsed.ok() ? parsed->joiner_secret.view() : ByteView());
  Welcome welcome = TheWelcome().welcome;
  welcome.encrypted_group_info = Suite().Seal(key.key.view(), key.nonce.view(), {}, info);
  welcome.secrets[0].encrypted_group_secrets =
      *Suite().EncryptWithLabel(TheWorld().dave_bundle.key_package.init_key, "Welcome",
                                welcome.encrypted_group_info, secrets);
  return Encode(MlsMessage{std::move(welcome)});
}

Bytes EncodedInfo(const GroupInfo& info) {
  Writer out;
  WriteGroupInfo(out, info);
  return out.TakeBytes();
}

// The fuzzer's, with the hash of the tree it carries.
absl::StatusOr<GroupInfo> InfoOf(ByteView input) {
  Reader in(input);
  ASSIGN_OR_RETURN(GroupInfo info, ReadGroupInfo(in));
  RETURN_IF_ERROR(in.Done());
  if (const Bytes* carried = FindExtension(info.extensions, kExtensionRatchetTree)) {
    const absl::StatusOr<RatchetTree> tree = RatchetTree::Parse(Suite(), *carried, 10'000);
    if (tree.ok()) info.group_context.tree_hash = ToBytes(tree->RootHash());
  }
  return info;
}

// Tree hash, confirmation tag and signature fit what the fuzzer wrote.
absl::StatusOr<Bytes> Fitted(ByteView input) {
  ASSIGN_OR_RETURN(GroupInfo info, InfoOf(input));
  JoinerSecret joiner{std::move(ParseGroupSecrets(TheWelcome().secrets)->joiner_secret)};
  const EpochSecrets secrets = DeriveEpochSecrets(
      Suite(), DeriveEpochSecret(Suite(), std::move(joiner), ZeroPskSecret(Suite()),
                                 Encode(info.group_context)));
  info.confirmation_tag =
      ConfirmationTag(Suite(), secrets.confirmation, info.group_context.confirmed_transcript_hash);
  RETURN_IF_ERROR(SignGroupInfo(Suite(), TheWorld().alice.key.private_key, info));
  return EncodedInfo(info);
}

std::optional<Bytes> WelcomeOf(ByteView input) {
  const ByteView body = input.subspan(1);
  if (input[0] == kWire) return ToBytes(body);
  if (input[0] == kSecrets) return Closed(TheWelcome().info, body);
  if (input[0] != kInfo) return std::nullopt;
  const absl::StatusOr<Bytes> info = Fitted(body);
  return Closed(info.ok() ? ByteView(*info) : body, TheWelcome().secrets);
}

void UseGroup(Group group) {
  CheckStores(group);
  CHECK(group.own_leaf_node() == TheWorld().dave_bundle.key_package.leaf_node);
  (void)group.members();
  CHECK(group.Protect(AsBytes("hello"), {}).ok());
  absl::StatusOr<StagedCommit> staged = group.Commit({}, kTrusting, kNow);
  if (staged.ok()) CHECK(group.AdvanceTo(*std::move(staged->next)).ok());
  CheckStores(group);
}

// Dave joins by himself, by a GroupInfo that a member signed.
void JoinBy(ByteView input) {
  absl::StatusOr<GroupInfo> info = InfoOf(input);
  if (!info.ok() || !SignGroupInfo(Suite(), TheWorld().alice.key.private_key, *info).ok()) return;
  const Bytes wire = Encode(MlsMessage{*std::move(info)});
  absl::StatusOr<StagedCommit> join = JoinExternally(wire, TheWorld().dave, false);
  if (!join.ok()) {
    CHECK(!absl::IsInternal(join.status()));
    return;
  }
  Group alice = TheWorld().alice_group.Clone();
  (void)CheckProcess(alice, join->message);
  absl::StatusOr<Group> group = Group::Enter(*std::move(join->next));
  CHECK(group.ok());
  CheckStores(*group);
  CHECK(group->Protect(AsBytes("hello"), {}).ok());
}

}  // namespace

// The first byte says what the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  FixRandomness(2);
  if (input[0] == kExternal) return JoinBy(input.subspan(1));
  const std::optional<Bytes> welcome = WelcomeOf(input);
  if (!welcome) return;
  const World& world = TheWorld();
  (void)Group::WelcomeKeyPackageRefs(*welcome).ok();
  absl::StatusOr<Group> group = Group::Join(*welcome, world.dave_bundle, CopyKey(world.dave.key),
                                            std::nullopt, kTrusting, kNow, {}, &kTrusting);
  if (!group.ok()) {
    CHECK(!absl::IsInternal(group.status()));
    return;
  }
  if (input[0] ==
      kWire) {  // someone without keys can add and drop entries for others, and that is all
    const Welcome taken = std::get<Welcome>(ParseMlsMessage(*welcome)->body);
    CHECK(taken.encrypted_group_info == TheWelcome().welcome.encrypted_group_info);
  }
  UseGroup(*std::move(group));
}

std::vector<Bytes> Seeds() {
  const auto seed = [](Kind kind, ByteView body) { return Concat({Bytes{kind}, body}); };
  return {seed(kWire, TheWorld().welcome), seed(kInfo, TheWelcome().info),
          seed(kSecrets, TheWelcome().secrets),
          seed(kExternal, EncodedInfo(*ParseGroupInfoMessage(TheWorld().info)))};
}

// Of other groups: their Welcomes are not for Dave, their GroupInfos and secrets could be.
absl::StatusOr<std::vector<Bytes>> PublishedSeeds() {
  ASSIGN_OR_RETURN(const PublishedMls published, ReadPublishedMls());
  std::vector<Bytes> seeds;
  for (const Bytes& wire : published.messages) {
    const absl::StatusOr<MlsMessage> message = ParseMlsMessage(wire);
    if (!message.ok()) continue;
    if (std::holds_alternative<Welcome>(message->body))
      seeds.push_back(Concat({Bytes{kWire}, wire}));
    const auto* info = std::get_if<GroupInfo>(&message->body);
    if (info == nullptr) continue;
    for (const Kind kind : {kInfo, kExternal})
      seeds.push_back(Concat({Bytes{kind}, EncodedInfo(*info)}));
  }
  for (const Bytes& wire : published.secrets) seeds.push_back(Concat({Bytes{kSecrets}, wire}));
  return seeds;
}

}  // namespace plumbline::fuzz
