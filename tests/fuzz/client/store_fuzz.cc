// Columns of the client's store that are not what it wrote: each read answers, or says that the data is broken; what was read
// can be worked with.
#include "tests/client/people.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using namespace client;  // NOLINT: a list of its types

constexpr const char* kUpdates[] = {
    "UPDATE account SET user = ?1",           "UPDATE account SET device_id = ?1",      "UPDATE account SET root = ?1",
    "UPDATE account SET issuing = ?1",        "UPDATE account SET directory_key = ?1",  "UPDATE account SET working_seed = ?1",
    "UPDATE account SET mls_certificate = ?1", "UPDATE mailbox SET owner_seed = ?1",    "UPDATE mailbox SET hpke_private = ?1",
    "UPDATE mailbox SET hpke_public = ?1",    "UPDATE mailbox SET capability = ?1",     "UPDATE mailbox SET grant_bytes = ?1",
    "UPDATE mailbox SET expires_day = ?1",    "UPDATE key_package SET bundle = ?1",     "UPDATE key_package SET not_after = ?1",
    "UPDATE mls_group SET handle = ?1",       "UPDATE mls_group SET status = ?1",       "UPDATE mls_group SET state = ?1",
    "UPDATE mls_group SET sent_hash = ?1",    "UPDATE mls_group SET sent_sequence = ?1", "UPDATE mls_group SET conversation = ?1",
    "UPDATE outbox SET gated_commit = ?1",    "UPDATE outbox SET next_state = ?1",      "UPDATE outbox SET history_id = ?1",
    "UPDATE outbox_envelope SET sealed = ?1", "UPDATE outbox_envelope SET mailbox_id = ?1", "UPDATE history SET kind = ?1",
    "UPDATE history SET state = ?1",          "UPDATE history SET body = ?1",           "UPDATE history SET device_id = ?1",
    "UPDATE history SET time = ?1",           "UPDATE contact SET record = ?1",         "UPDATE contact SET shown_devices = ?1",
    "UPDATE chain SET hash = ?1",             "UPDATE chain SET sequence = ?1",
};

struct World {
  World() {
    two.Connect();
    GiveTo(two.bob, two.Say(two.alice, two.bob.user(), "hello"));
    CHECK(two.alice.conversations->AddText(two.bob.user(), "waiting").ok());
    CHECK(two.alice.conversations->EncryptNext(two.bob.user()).ok());  // stays in the outbox
    CHECK(two.alice.conversations->AddText(two.bob.user(), "written").ok());
  }
  TwoPeople two;
};

World& TheWorld() {
  static auto* const world = new World;
  return *world;
}

void Use(Device& device) {
  Stores& stores = *device.stores;
  auto account = stores.account.Get();
  if (account.ok() && account->has_value()) (void)Self::From(**std::move(account)).ok();
  (void)stores.account.Pending().ok();
  (void)stores.mailboxes.All().ok();
  (void)stores.supply.KeyPackages(true).ok();
  (void)stores.contacts.Find(TheWorld().two.bob.user()).ok();
  (void)stores.history.InConversation("", 100).ok();
  (void)stores.history.InState(EntryState::kWaiting).ok();
  (void)stores.history.Summaries().ok();
  const auto groups = stores.groups.All();
  if (groups.ok()) {
    for (const StoredGroup& group : *groups) {
      (void)device.conversations->Find(group.id).ok();
      (void)stores.groups.FindChain(group.id, identity::DeviceId{1}).ok();
    }
  }
  (void)device.conversations->SendingGroup(TheWorld().two.bob.user()).ok();
  (void)device.conversations->EncryptNext(TheWorld().two.bob.user()).ok();
  (void)stores.outbox.Next(0).ok();
}

}  // namespace

// The first byte chooses the column, the second the type, the rest is the value. Everything is put back afterwards.
void Fuzz(ByteView input) {
  if (input.size() < 2 || input[0] >= std::size(kUpdates)) return;
  Device& alice = TheWorld().two.alice;
  // Changes nest as savepoints in one transaction that is never committed.
  db::Database& database = alice.store().db();
  CHECK(database.Execute("SAVEPOINT fuzz").ok());
  {
    auto update = database.Prepare(kUpdates[input[0]]);
    CHECK(update.ok());
    const ByteView value = input.subspan(2);
    const std::string text = ToString(value);
    uint64_t number = 0;
    for (size_t i = 0; i < std::min<size_t>(8, value.size()); ++i) number = number << 8 | value[i];
    if (input[1] % 3 == 0) update->Bind(1, value);
    if (input[1] % 3 == 1) update->Bind(1, absl::string_view(text));
    if (input[1] % 3 == 2) update->Bind(1, static_cast<int64_t>(number));
    (void)update->Run().ok();
  }
  Use(alice);
  CHECK(database.Execute("ROLLBACK TO fuzz").ok());
  CHECK(database.Execute("RELEASE fuzz").ok());
}

std::vector<Bytes> Seeds() {
  std::vector<Bytes> seeds;
  for (uint8_t column = 0; column < std::size(kUpdates); ++column) {
    seeds.push_back(Concat({Bytes{column, 0}, Bytes(32, 1)}));
    seeds.push_back(Bytes{column, 2, 0, 0, 0, 0, 0, 0, 0, 1});
  }
  for (const StoredGroup& group : testing::ValueOf(TheWorld().two.alice.stores->groups.All())) {
    seeds.push_back(Concat({Bytes{17, 0}, group.state.view()}));
  }
  seeds.push_back(Concat({Bytes{0, 1}, ToBytes(AsBytes("mimi://example.org/u/alice"))}));
  return seeds;
}

}  // namespace plumbline::fuzz
