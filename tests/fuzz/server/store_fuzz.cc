// Rows of the delivery server's store that are not what it wrote: each read answers, or says that the data is broken.
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "server/store/sqlcipher_store.h"
#include "tests/common/audit/logs.h"
#include "tests/common/certificates.h"
#include "tests/common/scratch.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using namespace server;  // NOLINT: a list of its types

constexpr const char* kUpdates[] = {
    "UPDATE mailboxes SET owner_key = ?1",    "UPDATE mailboxes SET capabilities = ?1", "UPDATE mailboxes SET counter = ?1",
    "UPDATE mailbox_places SET place = ?1",   "UPDATE envelopes SET content = ?1",      "UPDATE gates SET public_key = ?1",
    "UPDATE gates SET epoch = ?1",            "UPDATE commits SET next_public_key = ?1", "UPDATE commits SET read_token_hash = ?1",
    "UPDATE commits SET sealed_commit = ?1",  "UPDATE answers SET content_hash = ?1",   "UPDATE answers SET outcome = ?1",
    "UPDATE mailboxes SET expires_day = ?1",
};

bool Tolerable(const absl::Status& status) { return !absl::IsInternal(status); }

struct World {
  // In the order of use.
  const audit::LogKey log_key = audit::TestLogKey();
  World() : key(db::Key::Random()), store(testing::ValueOf(SqlcipherStore::Create({.path = scratch / "s.db", .readers = 1}, key, log_key, clock))) {
    CHECK(store->Open({mailbox, identity::PublicKey{1}, identity::Fixed<16>{2}, Day{60000}, identity::MailboxPlace(), {Sha256(Bytes(1))}}).ok());
    Submission submission;
    submission.deposits.push_back({identity::EnvelopeId{3}, mailbox, Sha256(Bytes(1)), sealed});
    VerifiedMove move;
    move.handle = handle;
    move.founds = true;
    move.sealed_commit = sealed;
    submission.move = move;
    CHECK(store->Submit(submission, Day{20000}).ok());
    other = testing::ValueOf(db::Database::Open(scratch / "s.db", key, {.exclusive = false}));
  }
  testing::ScratchDir scratch;
  SystemClock clock;
  db::Key key;
  Bytes sealed = Bytes(1024, 7);
  identity::MailboxId mailbox{9};
  identity::Fixed<32> handle{8};
  std::unique_ptr<SqlcipherStore> store;
  std::unique_ptr<db::Database> other;
};

}  // namespace

// The first byte chooses the column, the second the type, the rest is the value.
void Fuzz(ByteView input) {
  static auto* const world = new World;
  if (input.size() < 2 || input[0] >= std::size(kUpdates)) return;
  auto transaction = db::Transaction::Begin(*world->other);
  CHECK(transaction.ok());
  CHECK(world->other->Execute("SAVEPOINT before").ok());
  {
    auto update = world->other->Prepare(kUpdates[input[0]]);
    const ByteView value = input.subspan(2);
    const std::string text = ToString(value);
    int64_t number = 0;
    for (size_t i = 0; i < std::min<size_t>(8, value.size()); ++i) number = static_cast<int64_t>(static_cast<uint64_t>(number) << 8 | value[i]);
    if (input[1] % 3 == 0) update->Bind(1, value);
    if (input[1] % 3 == 1) update->Bind(1, absl::string_view(text));
    if (input[1] % 3 == 2) update->Bind(1, number);
    if (!update->Run().ok()) return;
  }
  CHECK(transaction->Commit().ok());
  SqlcipherStore& store = *world->store;
  CHECK(Tolerable(store.Find(world->mailbox, Day{20000}).status()));
  CHECK(Tolerable(store.ReadBehind(world->mailbox, identity::MailboxPlace(), {10, 1 << 20}, Day{20000}).status()));
  CHECK(Tolerable(store.FindGate(world->handle).status()));
  CHECK(Tolerable(store.ReadCommit(world->handle, 0).status()));
  Submission again;
  again.deposits.push_back({identity::EnvelopeId{3}, world->mailbox, Sha256(Bytes(1)), world->sealed});
  const auto answer = store.Submit(again, Day{20000});
  CHECK(Tolerable(answer.status()));
  if (answer.ok()) {
    for (const DepositOutcome outcome : answer->outcomes) CHECK(outcome >= DepositOutcome::kStored && outcome <= DepositOutcome::kFull);
  }
}

std::vector<Bytes> Seeds() {
  std::vector<Bytes> seeds;
  for (uint8_t column = 0; column < std::size(kUpdates); ++column) {
    seeds.push_back(Concat({Bytes{column, 0}, Bytes(32, 1)}));
    seeds.push_back(Bytes{column, 2, 0, 0, 0, 0, 0, 0, 0, 1});
    seeds.push_back(Bytes{column, 2, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
    seeds.push_back(Bytes{column, 2, 0x80, 0, 0, 0, 0, 0, 0, 0});
  }
  return seeds;
}

}  // namespace plumbline::fuzz
