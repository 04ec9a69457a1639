// Non-interference (docs/privacy-tests.md): the same story twice, with the same random bytes and the same clock, in which one secret
// differs. What the delivery server is told, keeps, counts and logs may differ in the bytes that are encrypted or derived from that
// secret, and in nothing else: not in how many, how long, in which order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "assess/tools/child.h"
#include "client/files/file_reference.h"
#include "common/identity/frame.h"
#include "server/store/sqlcipher_store.h"
#include "server/upkeep.h"
#include "tests/client/people.h"
#include "tests/common/audit/logs.h"
#include "tests/common/scratch.h"
#include "tests/fuzz/fixed_randomness.h"
#include "tests/server/fake_clock.h"
#include "tests/server/organisation.h"

namespace plumbline::privacy {
namespace {

using client::Device;
using testing::ValueOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSubsetOf;
using ::testing::Not;
namespace v1 = delivery::v1;

struct Secrets {
  std::string text = "We meet at six.";
  std::string group_name = "Harbour watch";
  std::string file_name = "minutes of monday.pdf";
  bool carol_writes = false;  // and not Alice, to Bob, in a conversation with him alone
};

enum class Planted { kNone, kLength, kBytes, kOrder, kLog };

void Ensure(const absl::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  CHECK(status.ok());
}

// One thing that the server learns, holds or says: "Submit 3 envelope 0 sealed", its bytes.
struct Observation {
  std::string what;
  Bytes bytes;
};

// The delivery server's own classes, one worker, a clock that stands still; and what it sees.
class Watched final {
 public:
  explicit Watched(Planted planted) : planted_(planted) {
    server::StoreOptions options;
    options.path = scratch_ / "server.db";
    store_ = ValueOf(server::SqlcipherStore::Create(options, key_, audit::TestLogKey(), clock_));
    delivery_.emplace(server::Delivery::Parts{*store_, *store_, *store_, sessions_, streams_, counters_, clock_}, organisation_.roles(),
                      server::kDomain);
  }

  void Open(const client::Mailbox& mailbox) {
    const std::string grant = organisation_.NewGrant(clock_.Now());
    server::TestMailbox opened{ValueOf(crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(mailbox.owner_seed.view()))), mailbox.id,
                               mailbox.capability};
    const v1::OpenMailboxRequest request = opened.Opening(grant);
    See("OpenMailbox", AsBytes(request.SerializeAsString()));
    Ensure(delivery_->OpenMailbox(request));
  }

  // What is in the outbox, as the client sends it, and its answers. `step` decides what is drawn at random from here on.
  void TakeOutbox(Device& from, absl::string_view text) {
    for (;;) {
      const std::optional<client::OutboxItem> item = ValueOf(from.stores->outbox.Next(0));
      if (!item) return;
      Draw();
      v1::SubmitRequest request;
      const tokens::Redeemed token{identity::RandomFixed<32>(), {}, clock_.Now() - absl::Minutes(1), clock_.Now() + absl::Hours(1)};
      CHECK(ValueOf(store_->Spend(token)) == server::Spent::kNow);
      request.set_session_id(ToString(ValueOf(sessions_.Open(token)).id));
      if (item->gated_commit) {
        CHECK(request.mutable_commit()->ParseFromArray(item->gated_commit->data(), static_cast<int>(item->gated_commit->size())));
      }
      for (const client::OutgoingEnvelope& envelope : item->envelopes) {
        v1::Envelope& out = *request.add_envelopes();
        out.set_envelope_id(ToString(envelope.envelope_id));
        out.set_mailbox_id(ToString(envelope.mailbox_id));
        out.set_deposit_capability(ToString(envelope.capability));
        out.set_sealed(ToString(envelope.sealed));
      }
      Plant(request, text);
      Look(request);
      v1::SubmitResponse response;
      Draw();
      Ensure(delivery_->Submit(request, response));
      See("answer", AsBytes(response.SerializeAsString()));
      std::vector<client::EnvelopeAnswer> answers;
      for (const client::OutgoingEnvelope& envelope : item->envelopes) answers.push_back({envelope.envelope_id, client::Delivered::kStored});
      Draw();
      Ensure(item->gated_commit ? from.conversations->CommitAccepted(*item) : from.conversations->MessageAnswered(*item, answers));
    }
  }

  void Fetch(Device& to, const client::Mailbox& mailbox) {
    const server::Batch batch = ValueOf(delivery_->Fetch(mailbox.id, mailbox.begin, {1000, 16 << 20}));
    std::vector<server::Row> rows;
    for (const server::StoredEnvelope& envelope : batch.envelopes) {
      See("delivered", envelope.sealed);
      Draw();
      CHECK(ValueOf(to.inbox->Take(mailbox.id, envelope.envelope_id, envelope.sealed)).taken == client::Taken::kDone);
      rows.push_back(envelope.row);
    }
    Draw();
    if (rows.empty()) return;
    std::promise<absl::Status> acknowledged;
    delivery_->StartAcknowledge(mailbox.id, rows, [&](const absl::Status& status) { acknowledged.set_value(status); });
    Ensure(acknowledged.get_future().get());
  }

  // Everything it has been shown, then every row of every table in its order, the counters and the log.
  std::vector<Observation> Observed() {
    db::OpenOptions options;
    options.create = false;
    options.exclusive = false;
    {
      const std::unique_ptr<db::Database> database = ValueOf(db::Database::Open(scratch_ / "server.db", key_, options));
      std::vector<std::string> tables;
      db::Statement names = ValueOf(database->Prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"));
      while (ValueOf(names.Step())) tables.emplace_back(names.Text(0));
      for (const std::string& table : tables) LookAtTable(*database, table);
    }
    for (const std::atomic<int64_t>* counter : {&counters_.envelopes_stored, &counters_.envelopes_acknowledged, &counters_.tokens_refused,
                                               &counters_.grants_refused, &counters_.revocations_refused, &counters_.storage_faults}) {
      See("counter", AsBytes(absl::StrCat(counter->load())));
    }
    const std::string log_file = scratch_ / "log";
    {
      const std::unique_ptr<Logger> log = ValueOf(Logger::Create({.service = "server", .path = log_file}));
      server::Health health;
      const server::Upkeep upkeep(*store_, streams_, counters_, health, *log, clock_);  // reports at its end
      if (planted_ == Planted::kLog) log->Info("planted", {{LogKey::kBytes, planted_count_}});
    }
    std::string log = ValueOf(assess::ReadFile(log_file));
    for (size_t at = 0; (at = log.find("\"time\":\"", at)) != std::string::npos;) log.erase(at, log.find(',', at) + 1 - at);
    See("log", AsBytes(log));
    return std::move(observed_);
  }
  // The next draws are those that belong to this step, whatever was drawn before.
  void Draw() { fuzz::FixRandomness(static_cast<uint8_t>(++step_)); }

 private:
  void See(absl::string_view what, ByteView bytes) { observed_.push_back({std::string(what), ToBytes(bytes)}); }
  void Look(const v1::SubmitRequest& request) {
    See("submit session", AsBytes(request.session_id()));
    for (const v1::Envelope& envelope : request.envelopes()) {
      See("submit envelope_id", AsBytes(envelope.envelope_id()));
      See("submit mailbox_id", AsBytes(envelope.mailbox_id()));
      See("submit deposit_capability", AsBytes(envelope.deposit_capability()));
      See("submit sealed", AsBytes(envelope.sealed()));
    }
    if (!request.has_commit()) return;
    const v1::GatedCommit& commit = request.commit();
    See("submit handle", AsBytes(commit.handle()));
    See("submit epoch", AsBytes(absl::StrCat(commit.epoch())));
    See("submit sealed_commit", AsBytes(commit.sealed_commit()));
    See("submit next_public_key", AsBytes(commit.next_public_key()));
    See("submit current_public_key", AsBytes(commit.current_public_key()));
    See("submit read_token_hash", AsBytes(commit.read_token_hash()));
    See("submit signature", AsBytes(commit.signature()));
  }
  void LookAtTable(db::Database& database, const std::string& table) {
    std::vector<std::string> columns;
    db::Statement describe = ValueOf(database.Prepare(absl::StrCat("PRAGMA table_info(", table, ")")));
    while (ValueOf(describe.Step())) columns.emplace_back(describe.Text(1));
    db::Statement read = ValueOf(database.Prepare(absl::StrCat("SELECT * FROM ", table)));
    while (ValueOf(read.Step())) {
      for (size_t i = 0; i < columns.size(); ++i) See(absl::StrCat(table, ".", columns[i]), read.Blob(static_cast<int>(i)));
    }
  }
  // What a careless client or server would do.
  void Plant(v1::SubmitRequest& request, absl::string_view text) {
    if (planted_ == Planted::kNone || text.empty()) return;
    planted_count_ += static_cast<int64_t>(text.size());
    v1::Envelope& first = *request.mutable_envelopes(0);
    if (planted_ == Planted::kLength) first.set_sealed(ToString(RandomBytes(identity::PadmeSize(1024 + 64 * text.size()))));
    if (planted_ == Planted::kBytes) first.mutable_envelope_id()->front() = text.front();
    if (planted_ == Planted::kOrder && text.front() == 'N') request.mutable_envelopes()->SwapElements(0, 1);
  }

  const Planted planted_;
  const testing::ScratchDir scratch_;
  server::FakeClock clock_;
  const db::Key key_ = db::Key::Random();
  const server::TestOrganisation organisation_{clock_.Now()};
  server::Sessions sessions_{clock_, {}};
  server::Streams streams_{100};
  server::Counters counters_;
  std::unique_ptr<server::SqlcipherStore> store_;
  std::optional<server::Delivery> delivery_;
  std::vector<Observation> observed_;
  int step_ = 0;
  int64_t planted_count_ = 0;
};

// Alice, Bob and Carol: a group, a direct conversation of each of the other two with Bob, a text in the group, a text to Bob alone, a
// file's message in the group.
std::vector<Observation> Story(const Secrets& secrets, Planted planted = Planted::kNone) {
  fuzz::FixRandomness(0);
  client::FixedClock clock(absl::FromUnixSeconds(1'800'000'000));
  const testing::TestOrganisation organisation(clock.Now());
  const crypto::Ed25519KeyPair directory = crypto::Ed25519KeyPair::Generate();
  Watched server(planted);
  Device alice(organisation, "alice", clock, &directory), bob(organisation, "bob", clock, &directory), carol(organisation, "carol", clock, &directory);
  std::vector<Device*> all = {&alice, &bob, &carol};
  std::vector<client::Mailbox> intakes;
  for (Device* device : all) intakes.push_back(device->AddMailbox({}));
  for (const client::Mailbox& mailbox : intakes) server.Open(mailbox);
  const auto fetch_all = [&] {
    for (size_t i = 0; i < all.size(); ++i) server.Fetch(*all[i], intakes[i]);
  };
  const auto mailbox_of = [&](Device& device) {
    client::Mailbox mailbox = device.AddMailbox(RandomBytes(32));
    server.Open(mailbox);
    return mailbox;
  };

  server.Draw();
  identity::GroupProfile profile;
  profile.conversation_id = identity::RandomFixed<32>();
  profile.name = secrets.group_name;
  profile.people = {{alice.user(), identity::GroupRole::kOwner, 0}, {bob.user(), identity::GroupRole::kMember, 0},
                    {carol.user(), identity::GroupRole::kMember, 0}};
  const std::vector<mls::KeyPackage> members = {bob.AddKeyPackage(intakes[1]), carol.AddKeyPackage(intakes[2])};
  const client::Mailbox group_mailbox = mailbox_of(alice);
  server.Draw();
  Ensure(alice.conversations->Create(profile, members, group_mailbox));
  server.TakeOutbox(alice, "");
  fetch_all();
  for (Device* writer : {&alice, &carol}) {
    server.Draw();
    const mls::KeyPackage key_package = bob.AddKeyPackage(intakes[1]);
    const client::Mailbox mailbox = mailbox_of(*writer);
    server.Draw();
    Ensure(writer->conversations->Create(std::nullopt, {key_package}, mailbox));
    server.TakeOutbox(*writer, "");
    fetch_all();
  }

  const std::string group = client::ConversationKey(profile.conversation_id);
  const auto say = [&](Device& from, const std::string& conversation, absl::string_view media_type, ByteView body, absl::string_view text) {
    server.Draw();
    {
      client::Change change = ValueOf(from.stores->store.Begin());
      Ensure(from.conversations->AddContent(change, conversation, client::EntryKind::kMessage, media_type, body).status());
      Ensure(change.Commit());
    }
    server.Draw();
    CHECK(ValueOf(from.conversations->EncryptNext(conversation)));
    server.TakeOutbox(from, text);
  };
  say(alice, group, identity::kTextMediaType, AsBytes(secrets.text), secrets.text);
  fetch_all();
  say(secrets.carol_writes ? carol : alice, bob.user(), identity::kTextMediaType, AsBytes(absl::string_view("for you alone")), "");
  fetch_all();
  client::FileReference file;
  file.name = secrets.file_name;
  file.media_type = "application/pdf";
  file.key = Secret::CopyOf(Bytes(32, 7));
  file.server = client::kTestServer;
  say(alice, group, client::kFileMediaType, client::Encode(file), "");
  // The last one waits: the envelopes of a moment are looked at as well.
  return server.Observed();
}

struct Difference {
  std::set<std::string> shape;  // another number, another kind in that place, another length
  std::set<std::string> bytes;  // same length, other bytes
};
Difference Compare(const std::vector<Observation>& one, const std::vector<Observation>& other) {
  Difference out;
  if (one.size() != other.size()) out.shape.insert(absl::StrCat("count ", one.size(), " ", other.size()));
  for (size_t i = 0; i < std::min(one.size(), other.size()); ++i) {
    if (one[i].what != other[i].what || one[i].bytes.size() != other[i].bytes.size()) {
      out.shape.insert(one[i].what);
    } else if (one[i].bytes != other[i].bytes) {
      out.bytes.insert(one[i].what);
    }
  }
  return out;
}

const std::set<std::string> kContent = {"submit sealed", "delivered", "envelopes.content", "answers.content_hash"};

TEST(NonInterference, TheSameStoryTwiceIsTheSame) {
  Story({});  // what is made once in a process
  const Difference difference = Compare(Story({}), Story({}));
  EXPECT_THAT(difference.shape, IsEmpty());
  EXPECT_THAT(difference.bytes, IsEmpty());
  EXPECT_GT(Story({}).size(), 200u);
}

TEST(NonInterference, WhatIsSaid) {
  for (const char* text : {"We meet at ten.", "Stay away.", "N", "The harbour is being watched, so let us not meet before somebody else has looked at it."}) {
    SCOPED_TRACE(text);
    Secrets secrets;
    secrets.text = text;
    const Difference difference = Compare(Story({}), Story(secrets));
    EXPECT_THAT(difference.shape, IsEmpty());
    EXPECT_THAT(difference.bytes, IsSubsetOf(kContent));
    EXPECT_THAT(difference.bytes, Not(IsEmpty()));  // the secret was there
  }
}

TEST(NonInterference, WhatAFileIsCalled) {
  Secrets secrets;
  secrets.file_name = "x";
  const Difference difference = Compare(Story({}), Story(secrets));
  EXPECT_THAT(difference.shape, IsEmpty());
  EXPECT_THAT(difference.bytes, IsSubsetOf(kContent));
  EXPECT_THAT(difference.bytes, Not(IsEmpty()));
}

// Who of two people wrote to Bob. That both write to the same mailbox of his is how the story is told: one for each conversation is what
// clients have, and tells the server apart which conversation it is, live (docs/privacy-tests.md).
TEST(NonInterference, WhoWrote) {
  Secrets secrets;
  secrets.carol_writes = true;
  const Difference difference = Compare(Story({}), Story(secrets));
  EXPECT_THAT(difference.shape, IsEmpty());
  EXPECT_THAT(difference.bytes, IsSubsetOf(kContent));
  EXPECT_THAT(difference.bytes, Not(IsEmpty()));
}

// The name is a part of the group's context, so every key of every epoch follows from it.
TEST(NonInterference, WhatAGroupIsCalled) {
  std::set<std::string> derived = kContent;
  derived.insert({"submit sealed_commit", "submit next_public_key", "submit current_public_key", "submit read_token_hash", "submit signature",
                  "commits.sealed_commit", "commits.next_public_key", "commits.read_token_hash", "commits.record_hash", "gates.public_key"});
  for (const char* name : {"Birthday club", "Us"}) {
    SCOPED_TRACE(name);
    Secrets secrets;
    secrets.group_name = name;
    const Difference difference = Compare(Story({}), Story(secrets));
    EXPECT_THAT(difference.shape, IsEmpty());
    EXPECT_THAT(difference.bytes, IsSubsetOf(derived));
    EXPECT_THAT(difference.bytes, Not(IsEmpty()));
  }
}

// Each kind of leak is seen where it was put.
TEST(NonInterference, PlantedLeaksAreFound) {
  Secrets secrets;
  secrets.text = "Nowhere at all.";
  const auto compare = [&](Planted planted) { return Compare(Story({}, planted), Story(secrets, planted)); };
  EXPECT_THAT(compare(Planted::kNone).bytes, IsSubsetOf(kContent));
  secrets.text = "Nowhere at all, and never.";
  EXPECT_THAT(compare(Planted::kLength).shape, ::testing::Contains("submit sealed"));
  EXPECT_THAT(compare(Planted::kBytes).bytes, ::testing::Contains("submit envelope_id"));
  EXPECT_THAT(compare(Planted::kOrder).bytes, ::testing::Contains("submit mailbox_id"));
  const Difference log = compare(Planted::kLog);
  EXPECT_TRUE(log.shape.contains("log") || log.bytes.contains("log"));
}

}  // namespace
}  // namespace plumbline::privacy
