#include "tests/client/hostile_member.h"

#include "client/gate.h"
#include "client/sealing.h"
#include "common/config/config.h"
#include "common/identity/labels.h"
#include "common/rpc/tls_policy.h"
#include "common/tokens/token_key.h"
#include "tests/e2e/service_fixture.h"
#include "tests/mls/forgery.h"

namespace plumbline::client {
namespace {

using testing::EnsureOk;
using testing::ValueOf;
namespace v1 = delivery::v1;

identity::PublicKey KeyOf(const crypto::Ed25519PublicKey& key) { return *identity::ToFixed<32>(key.view()); }

}  // namespace

HostileMember::HostileMember(const assess::Person& person) : home_(person.home) {
  EnsureOk(rpc::PinTls13());
  const Secret passphrase = ValueOf(config::ReadPassphraseFile(person.passphrase_file));
  device_ = ValueOf(OpenDevice(home_, passphrase, crypto::SealCost{2, 64 * 1024}, clock_));
  stores_ = std::make_unique<Stores>(*device_.store);
  network_ = ValueOf(NewGrpcNetwork(ValueOf(NetworkOptionsOf(home_, *device_.self, clock_)), clock_));
  engine_ = std::make_unique<Engine>(*stores_, *device_.self, *network_, clock_);
}

HostileMember::~HostileMember() = default;

bool HostileMember::Synchronise() { return engine_->Synchronise().ok(); }

OpenGroup HostileMember::GroupOf(const std::string& name) {
  const std::string conversation = ValueOf(Engine::FindGroup(*stores_, name));
  std::optional<OpenGroup> group = ValueOf(engine_->conversations().SendingGroup(conversation));
  for (const StoredGroup& stored : ValueOf(stores_->groups.InConversation(conversation))) {
    if (!group.has_value() && stored.status == GroupStatus::kStuck) group = ValueOf(engine_->conversations().Find(stored.id));
  }
  CHECK(group.has_value());
  return *std::move(group);
}

HostileMember::Outcome HostileMember::Submit(const Move& move) {
  identity::GateMove signed_move;
  signed_move.handle = move.handle;
  signed_move.epoch = move.epoch;
  signed_move.sealed_commit_hash = Sha256(move.sealed_commit);
  signed_move.next_public_key = move.next_key;
  signed_move.read_token_hash = move.read_token_hash;
  signed_move.fan_out_hash = identity::FanOutHash({});
  v1::SubmitRequest request;
  v1::GatedCommit& commit = *request.mutable_commit();
  commit.set_handle(ToString(move.handle));
  commit.set_epoch(move.epoch);
  commit.set_next_public_key(ToString(move.next_key));
  commit.set_sealed_commit(ToString(move.sealed_commit));
  commit.set_read_token_hash(ToString(move.read_token_hash));
  commit.set_signature(ToString(move.key.Sign(identity::kGateLabel, identity::Encode(signed_move))));
  const absl::StatusOr<v1::SubmitResponse> response =
      engine_->supplies().WithToken(tokens::kPurposeDelivery, [&](const StoredToken& token) -> absl::StatusOr<v1::SubmitResponse> {
        ASSIGN_OR_RETURN(const std::unique_ptr<SendConnection> connection, network_->Connect());
        v1::OpenSessionRequest open;
        open.set_token(ToString(token.token));
        open.set_token_key(ToString(token.token_key));
        ASSIGN_OR_RETURN(const v1::OpenSessionResponse session, connection->OpenSession(open));
        request.set_session_id(session.session_id());
        return connection->Submit(request);
      });
  return response.ok() ? response->commit().outcome() : v1::CommitOutcome::OUTCOME_UNSPECIFIED;
}

HostileMember::Outcome HostileMember::SendRandomBytes(const std::string& name) {
  const OpenGroup group = GroupOf(name);
  const GateKeys keys = DeriveGateKeys(group.state, group.stored.handle);
  const crypto::Ed25519KeyPair own = crypto::Ed25519KeyPair::Generate();
  return Submit({group.stored.handle, group.state.epoch(), keys.gate, RandomBytes(1024), KeyOf(own.public_key()),
                 Sha256(keys.read_token.view())});
}

HostileMember::Outcome HostileMember::SubmitCommit(const OpenGroup& group, ByteView message, const mls::GroupView& next,
                                                   const crypto::Ed25519PublicKey* next_key) {
  const GateKeys keys = DeriveGateKeys(group.state, group.stored.handle);
  const GateKeys led_to = DeriveGateKeys(next, group.stored.handle);
  const Bytes sealed = ValueOf(SealCommit(keys.commit_key, group.stored.handle, group.state.epoch(), message));
  return Submit({group.stored.handle, group.state.epoch(), keys.gate, sealed,
                 KeyOf(next_key != nullptr ? *next_key : led_to.gate.public_key()), Sha256(keys.read_token.view())});
}

HostileMember::Outcome HostileMember::SendOtherGateKey(const std::string& name) {
  OpenGroup group = GroupOf(name);
  const mls::StagedCommit staged = ValueOf(group.state.Commit({}, device_.self->authentication(), clock_.Now()));
  const crypto::Ed25519KeyPair own = crypto::Ed25519KeyPair::Generate();
  return SubmitCommit(group, staged.message, *staged.next, &own.public_key());
}

HostileMember::Outcome HostileMember::SendForbiddenChange(const std::string& name) {
  OpenGroup group = GroupOf(name);
  identity::GroupProfile profile = *ValueOf(PeopleOf(group.state)).profile;
  profile.name = "renamed by somebody who may not";
  mls::CommitParams params;
  params.group_context_extensions = group.state.group_context_extensions();
  for (mls::Extension& extension : *params.group_context_extensions) {
    if (extension.type == identity::kGroupProfileExtension) extension.data = identity::Encode(profile);
  }
  const mls::StagedCommit staged = ValueOf(group.state.Commit(std::move(params), device_.self->authentication(), clock_.Now()));
  return SubmitCommit(group, staged.message, *staged.next, nullptr);
}

HostileMember::Outcome HostileMember::SendSpoiledPath(const std::string& name, const std::string& victim) {
  OpenGroup group = GroupOf(name);
  std::optional<mls::LeafIndex> leaf;
  for (const RosterDevice& device : ValueOf(RosterOf(group.state))) {
    if (device.names.user == victim) leaf = device.leaf;
  }
  CHECK(leaf.has_value());
  mls::Forger forger(group.state);
  const mls::RatchetTree& tree = forger.state().tree;
  std::optional<mls::StagedGroup> next;
  mls::Forger::PathHooks hooks;
  hooks.format = mls::WireFormat::kPrivateMessage;
  hooks.next = [&](mls::StagedGroup staged) { next = std::move(staged); };
  hooks.path = [&](mls::UpdatePath& path) {
    const std::vector<mls::PathStep> steps = tree.FilteredDirectPath(group.state.own_leaf());
    for (size_t i = 0; i < steps.size(); ++i) {
      const std::vector<mls::NodeIndex> receivers = tree.Resolution(steps[i].copath_child, {});
      for (size_t j = 0; j < receivers.size(); ++j) {
        if (receivers[j] == mls::NodeOf(*leaf)) path.nodes[i].encrypted_path_secrets[j].ciphertext[0] ^= 1;
      }
    }
  };
  const Bytes message = forger.CommittingWithPath({}, hooks);
  CHECK(next.has_value());
  return SubmitCommit(group, message, *next, nullptr);
}

bool HostileMember::TakeEpoch(const std::string& name) {
  OpenGroup group = GroupOf(name);
  const uint64_t before = group.state.epoch();
  if (!engine_->conversations().StageCommit(group, {}).ok()) return false;
  return Synchronise() && GroupOf(name).state.epoch() > before;
}

HostileMember::Memory HostileMember::Remember(const std::string& name) {
  const OpenGroup group = GroupOf(name);
  return {group.stored.handle, group.state.epoch(), group.state.Export(identity::kGateSeedExport, group.stored.handle, 32)};
}

HostileMember::Outcome HostileMember::SendUnderFormerKey(const Memory& memory, uint64_t epoch) {
  const crypto::Ed25519KeyPair key = ValueOf(crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(memory.gate_seed.view())));
  return Submit({memory.handle, epoch, key, RandomBytes(1024), KeyOf(crypto::Ed25519KeyPair::Generate().public_key()), Sha256(Bytes(32))});
}

}  // namespace plumbline::client
