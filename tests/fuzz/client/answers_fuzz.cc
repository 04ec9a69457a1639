// A key server and a delivery server that answer anything: the client refuses or takes it, and never fails otherwise.
#include "client/directory.h"
#include "client/sender.h"
#include "client/supplies.h"
#include "common/identity/grant.h"
#include "common/identity/labels.h"
#include "tests/client/people.h"
#include "tests/client/test_directory.h"
#include "tests/fuzz/client/liar.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using namespace client;  // NOLINT: a list of its types

struct World {
  World() {
    two.Connect();
    CHECK(two.alice.conversations->AddText(two.bob.user(), "waiting").ok());
    CHECK(two.alice.conversations->EncryptNext(two.bob.user()).ok());
  }
  // Where it would need some; their blinding could not be foreseen by any seed.
  void GiveTokens(bool give) {
    Change change = testing::ValueOf(two.alice.stores->store.Begin());
    for (const char* purpose : {tokens::kPurposeDelivery, tokens::kPurposeDirectory}) {
      CHECK(two.alice.stores->supply.RemoveTokens(change, purpose).ok());
      CHECK(two.alice.stores->log.SetTokenKey(change, mint.KeyFor(purpose, two.clock.Now()).leaf).ok());
      for (int i = 0; give && i < 3; ++i)
        CHECK(two.alice.stores->supply.AddToken(change, {RandomBytes(32), {}}, purpose, absl::InfiniteFuture()).ok());
    }
    CHECK(change.Commit().ok());
  }
  TwoPeople two;
  const tokens::Mint mint{"example.org", tokens::TestTokensRole()};
  TestDirectory directory{two.organisation, two.clock};
  Answers answers;
  Liar liar{answers};
};

World& TheWorld() {
  static auto* const world = new World;
  return *world;
}

}  // namespace

// The first byte says what the client wants to do.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  World& world = TheWorld();
  Device& alice = world.two.alice;
  world.answers.rest = input.subspan(1);
  if (input[0] < 2) ForgetLog(alice);
  world.GiveTokens(input[0] != 3);
  Supplies supplies(*alice.stores, *alice.self, world.liar, world.two.clock);
  Directory directory(*alice.stores, *alice.self, world.liar, supplies, world.two.clock);
  Sender sender(*alice.stores, *alice.conversations, *alice.inbox, world.liar, supplies, world.two.clock);
  switch (input[0]) {
    case 0: (void)directory.LookUpSelf().ok(); break;
    case 1: (void)directory.LookUp(world.two.bob.user()).ok(); break;
    case 2: {
      identity::RecordDevice device;
      device.device_id = world.two.bob.self->device();
      (void)directory.Claim(world.two.bob.user(), {device}).ok();
      break;
    }
    case 3: (void)supplies.TakeToken(tokens::kPurposeDelivery).ok(); break;
    case 4: (void)supplies.EnsureMailbox(Bytes(32, input.back())).ok(); break;
    case 5: (void)sender.Flush().ok(); break;
    case 6:
      for (const StoredGroup& group : testing::ValueOf(alice.stores->groups.All())) (void)sender.CatchUp(group.id).ok();
      break;
    default: break;
  }
}

std::vector<Bytes> Seeds() {
  World& world = TheWorld();
  const absl::Time now = world.two.clock.Now();
  const crypto::Ed25519KeyPair& key = world.two.directory_key;
  identity::DirectoryRecord record;
  record.user = world.two.bob.user();
  record.display_name = "Bob";
  record.version = 1;
  identity::RecordDevice device;
  device.device_id = world.two.bob.self->device();
  device.label = "laptop";
  device.mls_signature_public_key = *identity::ToFixed<32>(world.two.bob.self->mls_public_key());
  device.credential_hash = Sha256(world.two.bob.self->account().mls_certificate);
  record.devices = {device};
  keys::v1::SignedRecord offered;
  offered.set_record(ToString(Encode(record)));
  offered.set_signature(ToString(key.Sign(identity::kDirectoryRecordLabel, AsBytes(offered.record()))));
  offered.add_credentials(ToString(world.two.bob.self->account().mls_certificate));
  world.directory.Offer(offered);
  keys::v1::ReadLogRequest from_start;
  from_start.set_limit(1000);
  const Bytes log = Part(testing::ValueOf(world.directory.ReadLog(from_start)).SerializeAsString());
  const keys::v1::LookUpResponse look_up = world.directory.LookUp(world.two.bob.user());
  const keys::v1::GetOwnAccountResponse nobody = world.directory.Own(world.two.alice.user());
  keys::v1::GetTokenKeysResponse token_keys;
  for (const char* purpose : {tokens::kPurposeDelivery, tokens::kPurposeDirectory})
    token_keys.add_token_keys(ToString(world.mint.Signed(world.mint.KeyFor(purpose, now))));
  keys::v1::DrawTokensResponse answers;
  for (uint32_t i = 0; i < kTokenBatch; ++i) answers.add_token_responses(std::string(tokens::kTokenResponseSize, '\1'));
  keys::v1::DrawGrantsResponse grants;
  grants.add_grants(ToString(Encode(*identity::IssueGrant(key, now))));
  delivery::v1::OpenSessionResponse session;
  session.set_session_id(std::string(16, 's'));
  session.set_sends_left(10);
  session.set_seconds_left(600);
  delivery::v1::SubmitResponse stored;
  stored.add_results()->set_outcome(delivery::v1::EnvelopeResult::FULL);
  return {Concat({Bytes{0}, log, Part(nobody.SerializeAsString())}), Concat({Bytes{1}, log, Part(look_up.SerializeAsString())}), Concat({Bytes{2}, Part("")}),
          Concat({Bytes{3}, Part(token_keys.SerializeAsString()), Part(answers.SerializeAsString())}), Concat({Bytes{4}, Part(grants.SerializeAsString())}),
          Concat({Bytes{5}, Part(session.SerializeAsString()), Part(stored.SerializeAsString())}),
          Concat({Bytes{6}, Part(session.SerializeAsString()), Part("")})};
}

}  // namespace plumbline::fuzz
