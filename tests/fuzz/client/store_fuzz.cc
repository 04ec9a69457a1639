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
    "UPDATE chain SET hash = ?1",             "UPDATE chain SET sequence = ?1",         "UPDATE group_name SET name = ?1",
    "UPDATE wish SET kind = ?1",              "UPDATE wish SET subject = ?1",           "UPDATE leave_request SET request = ?1",
    "UPDATE leave_request SET received = ?1", "UPDATE resync_request SET request = ?1", "UPDATE resync_request SET device_id = ?1",
    "UPDATE resync_request SET stuck_key = ?1", "UPDATE resync_asked SET asked = ?1",   "UPDATE resync_asked SET times = ?1",
    "UPDATE file_upload SET key = ?1",        "UPDATE file_upload SET read_capability = ?1", "UPDATE file_upload SET sealed_hash = ?1",
    "UPDATE file_upload SET source_size = ?1", "UPDATE file_own SET attachment_id = ?1", "UPDATE file_own SET owner_capability = ?1",
    "UPDATE token SET bytes = ?1",            "UPDATE token SET expires = ?1",          "UPDATE mailbox_grant SET bytes = ?1",
    "UPDATE token SET token_key = ?1",        "UPDATE token_key SET leaf = ?1",
};

constexpr char kConversation[] = "group:0000000000000000000000000000000000000000000000000000000000000001";

struct World {
  World() {
    two.Connect();
    GiveTo(two.bob, two.Say(two.alice, two.bob.user(), "hello"));
    CHECK(two.alice.conversations->AddText(two.bob.user(), "waiting").ok());
    CHECK(two.alice.conversations->EncryptNext(two.bob.user()).ok());  // stays in the outbox
    CHECK(two.alice.conversations->AddText(two.bob.user(), "written").ok());
    AddRows();
  }
  // One in each of the other tables.
  void AddRows() {
    Stores& stores = *two.alice.stores;
    Change change = testing::ValueOf(stores.store.Begin());
    CHECK(stores.membership.SetName(change, kConversation, "Team").ok());
    CHECK(stores.membership.AddWish(change, {0, kConversation, WishKind::kRename, "Other"}).ok());
    CHECK(stores.membership.AddLeaveRequest(change, kConversation, {two.bob.user(), Bytes(100, 1), two.clock.Now()}).ok());
    CHECK(stores.membership.AddResyncRequest(change, Bytes(32, 1), {identity::DeviceId{1}, Bytes(100, 1), Bytes(32, 2)}).ok());
    CHECK(stores.membership.SetAsked(change, Bytes(32, 1), {two.clock.Now(), 2}).ok());
    FileUpload upload;
    upload.conversation = kConversation;
    upload.source = "/nowhere";
    upload.name = "report.pdf";
    upload.media_type = "application/pdf";
    upload.key = Secret(32);
    upload.sealed_hash = identity::Hash{1};
    CHECK(stores.files.AddUpload(change, upload).ok());
    CHECK(stores.files.AddOwn(change, {1, {}, {}}).ok());
    CHECK(stores.supply.AddToken(change, {Bytes(32, 1), Bytes(32, 2)}, tokens::kPurposeDelivery, absl::InfiniteFuture()).ok());
    CHECK(stores.log.SetTokenKey(change, tokens::Mint("example.org", tokens::TestTokensRole()).KeyFor("delivery", two.clock.Now()).leaf).ok());
    CHECK(change.Commit().ok());
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
  (void)stores.membership.Names().ok();
  (void)stores.membership.Wishes(kConversation).ok();
  (void)stores.membership.LeaveRequests(kConversation).ok();
  (void)stores.membership.ResyncRequests(Bytes(32, 1)).ok();
  (void)stores.membership.AskedFor(Bytes(32, 1)).ok();
  (void)stores.files.Uploads().ok();
  (void)stores.files.FindOwn(1).ok();
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
    seeds.push_back(Bytes{column, 2, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
    seeds.push_back(Bytes{column, 2, 0x80, 0, 0, 0, 0, 0, 0, 0});
  }
  for (const StoredGroup& group : testing::ValueOf(TheWorld().two.alice.stores->groups.All())) {
    seeds.push_back(Concat({Bytes{17, 0}, group.state.view()}));
  }
  seeds.push_back(Concat({Bytes{0, 1}, ToBytes(AsBytes("mimi://example.org/u/alice"))}));
  return seeds;
}

}  // namespace plumbline::fuzz
