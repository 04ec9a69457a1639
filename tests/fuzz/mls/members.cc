#include "tests/fuzz/mls/members.h"

#include "common/check.h"
#include "mls/external.h"

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

mls::GroupPolicy OpenPolicy() {
  mls::GroupPolicy policy;
  policy.accept_external_commits = true;
  policy.accept_external_proposals = true;
  policy.accept_reinit = true;
  return policy;
}

// `service` may propose to it from outside.
Group NewGroup(const Person& person, const Person& service) {
  mls::CreateGroupParams params;
  params.policy = OpenPolicy();
  params.group_context_extensions = {
      {mls::kExtensionExternalSenders,
       mls::EncodeExternalSenders({{service.key.public_key, service.credential}})}};
  params.group_id = Bytes(16, 5);
  params.credential = person.credential;
  params.lifetime = mls::Lifetime::From(kNow - absl::Hours(1), absl::Hours(24 * 90));
  return Taken(Group::Create(std::move(params), {CopyKey(person.key), person.key.public_key}));
}

Group Joined(const Person& person, ByteView welcome, const mls::KeyPackageBundle& bundle) {
  return Taken(Group::Join(welcome, bundle, CopyKey(person.key), std::nullopt, kTrusting, kNow,
                           OpenPolicy()));
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
  const uint64_t before = world.bob_group.epoch() - 1;
  const mls::ReInitProposal reinit{{1}, 1, 1, {}};
  mls::Extensions extensions = world.bob_group.group_context_extensions();
  out.push_back(Taken(sender().ProposeExternalPsk(Bytes{1, 2}, framing)));
  out.push_back(Taken(sender().ProposeResumptionPsk(before, framing)));
  out.push_back(Taken(sender().ProposeGroupContextExtensions(extensions, framing)));
  out.push_back(Taken(sender().ProposeReInit(reinit, framing)));
  CommitParams changing = Params(framing, true, false);
  changing.group_context_extensions = std::move(extensions);
  changing.resumption_psks = {before};
  out.push_back(Taken(sender().Commit(std::move(changing), kTrusting, kNow)).message);
  CommitParams ending = Params(framing, false, false);
  ending.reinit = reinit;
  out.push_back(Taken(sender().Commit(std::move(ending), kTrusting, kNow)).message);
  return out;
}

mls::ExternalJoinParams JoinParams(const Person& person, bool again) {
  mls::ExternalJoinParams params;
  params.credential = person.credential;
  params.replace_own_leaf = again;
  params.grease = true;
  params.external_psks = {{1, 2}};
  params.psks = &kTrusting;
  return params;
}

// By those who are not members: Dave and Bob, who lost his state, join by themselves, Erin asks to
// be added, the service asks for Carol's removal.
std::vector<Bytes> FromOutside(const World& world) {
  const Person erin("erin");
  const mls::GroupEpoch epoch{world.alice_group.suite(), world.alice_group.group_id(),
                              world.alice_group.epoch()};
  return {Taken(JoinExternally(world.info, world.dave, false)).message,
          Taken(JoinExternally(world.info, world.bob, true)).message,
          Taken(mls::ProposeOwnAdd(epoch, erin.NewKeyPackage().key_package, CopyKey(erin.key))),
          Taken(mls::ProposeAsExternalSender(epoch, 0, CopyKey(world.service.key),
                                             mls::RemoveProposal{{2}}))};
}

World MakeWorld() {
  FixRandomness(1);
  Person alice("alice"), bob("bob"), carol("carol"), dave("dave");
  Person service("service");
  mls::KeyPackageBundle dave_bundle = dave.NewKeyPackage();
  Group alice_group = NewGroup(alice, service);
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
  Bytes info = Taken(alice_group.ExportGroupInfo());
  World world{std::move(alice),       std::move(bob),
              std::move(carol),       std::move(dave),
              std::move(service),     std::move(dave_bundle),
              std::move(alice_group), std::move(bob_group),
              std::move(carol_group), {late},
              std::move(own),         std::move(welcome),
              std::move(info)};
  Group sender = world.bob_group.Clone();
  for (const absl::string_view text : {"", "hello", "out of order"}) {
    world.messages.push_back(Taken(sender.Protect(AsBytes(text), AsBytes("data"), mls::Padding{})));
  }
  for (const auto framing : {HandshakeFraming::kPrivateMessage, HandshakeFraming::kPublicMessage}) {
    for (Bytes& message : Handshakes(world, framing)) world.messages.push_back(std::move(message));
  }
  for (Bytes& message : FromOutside(world)) world.messages.push_back(std::move(message));
  return world;
}

}  // namespace

absl::StatusOr<mls::StagedCommit> JoinExternally(ByteView info, const Person& person, bool again) {
  return Group::JoinExternally(info, JoinParams(person, again),
                               {CopyKey(person.key), person.key.public_key}, kTrusting, kNow,
                               OpenPolicy());
}

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

void CheckStores(const mls::StagedGroup& group) {
  const Secret stored = group.Serialize();
  const absl::StatusOr<mls::StagedGroup> parsed = mls::StagedGroup::Parse(stored.view());
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
      CHECK(entered.Protect(AsBytes("still speaks"), {}).ok() != entered.reinit().has_value());
    }
  }
  return true;
}

}  // namespace plumbline::fuzz
