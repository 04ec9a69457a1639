#include "tests/fuzz/mls/members.h"

#include "common/check.h"

namespace plumbline::fuzz {
namespace {

using mls::CommitParams;
using mls::Group;
using mls::HandshakeFraming;

template <typename T>
T Taken(absl::StatusOr<T> value) {
  CHECK(value.ok());
  return *std::move(value);
}

mls::StagedCommit StagedFrom(absl::StatusOr<mls::Processed> processed) {
  CHECK(processed.ok() && std::holds_alternative<mls::StagedCommit>(*processed));
  return std::get<mls::StagedCommit>(*std::move(processed));
}

Group NewGroup(const Person& person) {
  mls::CreateGroupParams params;
  params.group_id = Bytes(16, 5);
  params.credential = person.credential;
  params.lifetime = mls::Lifetime::From(kNow - absl::Hours(1), absl::Hours(24 * 90));
  return Taken(Group::Create(std::move(params), {CopyKey(person.key), person.key.public_key}));
}

Group Joined(const Person& person, ByteView welcome, const mls::KeyPackageBundle& bundle) {
  return Taken(Group::Join(welcome, bundle, CopyKey(person.key), std::nullopt, kTrusting, kNow));
}

// `from` commits to nothing but a new path; everyone follows.
void NextEpoch(Group& from, const std::vector<Group*>& others) {
  mls::StagedCommit staged = Taken(from.Commit({}, kTrusting, kNow));
  for (Group* const group : others) {
    CHECK(group
              ->AdvanceTo(
                  *std::move(StagedFrom(group->Process(staged.message, kTrusting, kNow)).next))
              .ok());
  }
  CHECK(from.AdvanceTo(*std::move(staged.next)).ok());
}

void Deliver(ByteView message, const std::vector<Group*>& to) {
  for (Group* const group : to) CHECK(group->Process(message, kTrusting, kNow).ok());
}

CommitParams Params(HandshakeFraming framing, bool path, bool pending) {
  CommitParams params;
  params.framing = framing;
  params.force_path = path;
  params.include_pending_proposals = pending;
  params.authenticated_data = {1, 2, 3};
  params.psks = &kTrusting;
  return params;
}

std::vector<Bytes> Handshakes(const World& world, HandshakeFraming framing) {
  std::vector<Bytes> out;
  const auto sender = [&] { return world.bob_group.Clone(); };
  const mls::KeyPackage added = Person("erin").NewKeyPackage().key_package;
  out.push_back(Taken(sender().ProposeAdd(added, framing, kTrusting, kNow)));
  out.push_back(Taken(sender().ProposeUpdate({}, framing)));
  out.push_back(Taken(sender().ProposeRemove({2}, framing, AsBytes("data"))));
  out.push_back(Taken(sender().Commit(Params(framing, true, false), kTrusting, kNow)).message);
  out.push_back(Taken(sender().Commit(Params(framing, true, true), kTrusting, kNow)).message);
  CommitParams pathless = Params(framing, false, false);
  pathless.adds = {added};
  pathless.external_psks = {{1, 2}};
  out.push_back(Taken(sender().Commit(std::move(pathless), kTrusting, kNow)).message);
  CommitParams removing = Params(framing, true, false);
  removing.removes = {{2}};
  out.push_back(Taken(sender().Commit(std::move(removing), kTrusting, kNow)).message);
  removing = Params(framing, true, false);
  removing.removes = {{0}};  // Alice herself
  out.push_back(Taken(sender().Commit(std::move(removing), kTrusting, kNow)).message);
  return out;
}

World MakeWorld() {
  FixRandomness(1);
  Person alice("alice"), bob("bob"), carol("carol"), dave("dave");
  mls::KeyPackageBundle dave_bundle = dave.NewKeyPackage();
  Group alice_group = NewGroup(alice);
  const mls::KeyPackageBundle bobs = bob.NewKeyPackage(), carols = carol.NewKeyPackage();
  CommitParams add;
  add.adds = {bobs.key_package, carols.key_package};
  mls::StagedCommit staged = Taken(alice_group.Commit(std::move(add), kTrusting, kNow));
  CHECK(alice_group.AdvanceTo(*std::move(staged.next)).ok());
  Group bob_group = Joined(bob, *staged.welcome, bobs),
        carol_group = Joined(carol, *staged.welcome, carols);
  NextEpoch(carol_group, {&alice_group, &bob_group});
  const Bytes late = Taken(bob_group.Protect(AsBytes("late"), AsBytes("data")));
  NextEpoch(bob_group, {&alice_group, &carol_group});

  CommitParams adds_dave;
  adds_dave.adds = {dave_bundle.key_package};
  Bytes welcome = *Taken(alice_group.Commit(std::move(adds_dave), kTrusting, kNow)).welcome;
  Deliver(Taken(carol_group.ProposeAdd(dave_bundle.key_package, HandshakeFraming::kPrivateMessage,
                                       kTrusting, kNow)),
          {&alice_group, &bob_group});
  Deliver(Taken(alice_group.ProposeUpdate({}, HandshakeFraming::kPublicMessage)),
          {&bob_group, &carol_group});
  Bytes own = Taken(alice_group.Clone().Protect(AsBytes("mine"), {}));
  World world{std::move(alice),     std::move(bob),         std::move(carol),
              std::move(dave),      std::move(dave_bundle), std::move(alice_group),
              std::move(bob_group), std::move(carol_group), {late},
              std::move(own),       std::move(welcome)};
  Group sender = world.bob_group.Clone();
  for (const absl::string_view text : {"", "hello", "out of order"}) {
    world.messages.push_back(Taken(sender.Protect(AsBytes(text), AsBytes("data"), mls::Padding{})));
  }
  for (const auto framing : {HandshakeFraming::kPrivateMessage, HandshakeFraming::kPublicMessage}) {
    for (Bytes& message : Handshakes(world, framing)) world.messages.push_back(std::move(message));
  }
  return world;
}

}  // namespace

mls::SignaturePrivateKey CopyKey(const mls::SignatureKeyPair& key) {
  return {Secret::CopyOf(key.private_key.bytes.view())};
}

Person::Person(absl::string_view name)
    : credential(mls::Credential::Basic(AsBytes(name))),
      key((*mls::CipherSuite::Get(1))->GenerateSignatureKeyPair()) {}

mls::KeyPackageBundle Person::NewKeyPackage() const {
  mls::KeyPackageParams params;
  params.credential = credential;
  params.lifetime = mls::Lifetime::From(kNow - absl::Hours(1), absl::Hours(24 * 90));
  return Taken(mls::GenerateKeyPackage(params, key));
}

const World& TheWorld() {
  static const World* const world = new World(MakeWorld());
  return *world;
}

void CheckStores(const Group& group) {
  const Secret stored = group.Serialize();
  const absl::StatusOr<Group> parsed = Group::Parse(stored.view());
  CHECK(parsed.ok());
  CHECK(parsed->Serialize() == stored);
}

bool CheckProcess(Group& group, ByteView message) {
  const Secret before = group.Serialize();
  absl::StatusOr<mls::Processed> processed = group.Process(message, kTrusting, kNow, &kTrusting);
  if (!processed.ok()) {
    CHECK(!absl::IsInternal(processed.status()));
    CHECK(group.Serialize() == before);
    return false;
  }
  CheckStores(group);
  if (std::holds_alternative<mls::OwnMessage>(*processed)) CHECK(group.Serialize() == before);
  if (auto* staged = std::get_if<mls::StagedCommit>(&*processed)) {
    CHECK(group.Serialize() == before);
    CHECK(staged->removes_us == !staged->next.has_value());
    if (staged->next) {
      CheckStores(*staged->next);
      Group entered = group.Clone();
      CHECK(entered.AdvanceTo(*std::move(staged->next)).ok());
      CheckStores(entered);
      CHECK(entered.Protect(AsBytes("still speaks"), {}).ok());
    }
  }
  return true;
}

}  // namespace plumbline::fuzz
