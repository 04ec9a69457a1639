// Two people of a small organisation for tests of the engine: certificates, stores and mailboxes as enrolment leaves them, and
// envelopes carried from one outbox to the other inbox by hand. The network is not here: what leaves one store is what enters
// the other.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/conversations.h"
#include "client/inbox.h"
#include "client/sealing.h"
#include "client/self.h"
#include "client/stores.h"
#include "common/identity/uri.h"
#include "mls/key_package.h"
#include "tests/common/certificates.h"
#include "tests/common/scratch.h"
#include "tests/common/tokens/mint.h"

namespace plumbline::client {

class FixedClock final : public Clock {
 public:
  explicit FixedClock(absl::Time now) : now_(now) {}
  absl::Time Now() const override { return now_; }
  void Advance(absl::Duration by) { now_ += by; }

 private:
  absl::Time now_;
};

inline constexpr char kTestServer[] = "127.0.0.1:7444";

// One device with its store. Reopens the store at will, as after a crash.
class Device final {
 public:
  // `directory`: whose word its records are; without one its own working key's.
  Device(const testing::TestOrganisation& organisation, const std::string& name, const Clock& clock,
         const crypto::Ed25519KeyPair* directory = nullptr)
      : clock_(clock), key_(db::Key::Random()), path_(scratch_ / "store.db") {
    account_ = MakeAccount(organisation, name);
    if (directory != nullptr) account_.directory_key = testing::ValueOf(identity::ToFixed<32>(directory->public_key().view()));
    Reopen();
    Change change = testing::ValueOf(stores->store.Begin());
    CHECK(stores->account.Create(change, Copy(account_)).ok());
    CHECK(change.Commit().ok());
  }

  // Closes the store, if it is open, and opens it again: nothing but the file survives.
  void Reopen() {
    Close();
    store_ = testing::ValueOf(Store::Open(path_, key_, /*create=*/true));
    stores = std::make_unique<Stores>(*store_);
    self = testing::ValueOf(Self::From(Copy(account_)));
    conversations = std::make_unique<Conversations>(*stores, *self, clock_);
    inbox = std::make_unique<Inbox>(*stores, *conversations, *self, clock_);
  }
  void Close() {
    inbox.reset();
    conversations.reset();
    self.reset();
    stores.reset();
    store_.reset();
  }

  const std::string& user() const { return account_.user; }
  Store& store() { return *store_; }

  // An open mailbox in the store; empty `group_id`: intake.
  Mailbox AddMailbox(ByteView group_id) {
    Mailbox mailbox = testing::ValueOf(NewMailbox(group_id, RandomBytes(85), 1'000'000));
    mailbox.open = true;
    Change change = testing::ValueOf(stores->store.Begin());
    CHECK(stores->mailboxes.Add(change, mailbox).ok());
    CHECK(change.Commit().ok());
    return mailbox;
  }

  // A key package for that mailbox, its private part in the store.
  mls::KeyPackage AddKeyPackage(const Mailbox& mailbox, bool last_resort = false) {
    mls::KeyPackageParams params;
    params.credential = self->credential();
    params.lifetime = mls::Lifetime::From(clock_.Now() - absl::Hours(1), absl::Hours(24 * 30));
    params.capabilities = OwnCapabilities();
    params.leaf_extensions = LeafExtensions(AddressOf(mailbox, kTestServer));
    params.last_resort = last_resort;
    const mls::KeyPackageBundle bundle = testing::ValueOf(mls::GenerateKeyPackage(params, self->mls_keys()));
    const mls::CipherSuite* suite = testing::ValueOf(mls::CipherSuite::Get(static_cast<uint16_t>(params.suite)));
    Change change = testing::ValueOf(stores->store.Begin());
    CHECK(stores->supply.AddKeyPackage(change, {mls::KeyPackageRef(*suite, bundle.key_package), bundle.Serialize(),
                                                last_resort, true, clock_.Now() + absl::Hours(24 * 30)}).ok());
    CHECK(change.Commit().ok());
    return bundle.key_package;
  }

  // Texts of the messages in the history, in order.
  std::vector<std::string> Texts(EntryKind kind = EntryKind::kMessage) {
    std::vector<std::string> texts;
    for (const Entry& entry : testing::ValueOf(stores->history.InConversation("", 10'000))) {
      if (entry.kind == kind) texts.push_back(kind == EntryKind::kMessage ? ToString(entry.body) : entry.detail);
    }
    return texts;
  }

  std::unique_ptr<Stores> stores;
  std::unique_ptr<Self> self;
  std::unique_ptr<Conversations> conversations;
  std::unique_ptr<Inbox> inbox;

 private:
  static Account Copy(const Account& account) {
    Account copy;
    copy.user = account.user;
    copy.device_id = account.device_id;
    copy.organisation = account.organisation;
    copy.keyserver_address = account.keyserver_address;
    copy.delivery_address = account.delivery_address;
    copy.root = account.root;
    copy.issuing = account.issuing;
    copy.directory_key = account.directory_key;
    copy.grants_key = account.grants_key;
    copy.tokens_key = account.tokens_key;
    copy.working_seed = Secret::CopyOf(account.working_seed.view());
    copy.mls_seed = Secret::CopyOf(account.mls_seed.view());
    copy.mls_certificate = account.mls_certificate;
    return copy;
  }

  static Account MakeAccount(const testing::TestOrganisation& organisation, const std::string& name) {
    Account account;
    account.user = "mimi://example.org/u/" + name;
    account.device_id = identity::RandomFixed<16>();
    account.organisation = "Example";
    account.keyserver_address = "keys.example.org:7441";
    account.delivery_address = kTestServer;
    account.root = organisation.root.der();
    account.issuing = organisation.issuing.der();
    const crypto::Ed25519KeyPair working = crypto::Ed25519KeyPair::Generate();
    const crypto::Ed25519KeyPair mls_key = crypto::Ed25519KeyPair::Generate();
    account.directory_key = testing::ValueOf(identity::ToFixed<32>(working.public_key().view()));
    account.grants_key = account.directory_key;
    account.tokens_key = testing::ValueOf(identity::ToFixed<32>(tokens::TestTokensRole().public_key().view()));
    account.working_seed = Secret::CopyOf(working.seed());
    account.mls_seed = Secret::CopyOf(mls_key.seed());
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(mls_key.public_key());
    spec.uris = {account.user, identity::DeviceUri{"example.org", account.device_id}.ToString()};
    spec.purpose = crypto::Purpose::kMlsCredential;
    spec.validity = {organisation.now - absl::Hours(1), organisation.now + absl::Hours(24 * 200)};
    account.mls_certificate = organisation.Leaf(spec).der();
    return account;
  }

  const testing::ScratchDir scratch_;
  const Clock& clock_;
  const db::Key key_;
  const std::string path_;
  Account account_;
  std::unique_ptr<Store> store_;
};

// Takes items out of one outbox in order and answers them as the server would: everything stored, every commit accepted.
// Returns the envelopes, in the order a mailbox would have them.
inline std::vector<OutgoingEnvelope> TakeFromOutbox(Device& from) {
  std::vector<OutgoingEnvelope> envelopes;
  for (;;) {
    std::optional<OutboxItem> item = testing::ValueOf(from.stores->outbox.Next(0));
    if (!item.has_value()) return envelopes;
    std::vector<EnvelopeAnswer> answers;
    for (const OutgoingEnvelope& envelope : item->envelopes) {
      answers.push_back({envelope.envelope_id, Delivered::kStored});
      envelopes.push_back(envelope);
    }
    CHECK((item->gated_commit.has_value() ? from.conversations->CommitAccepted(*item)
                                          : from.conversations->MessageAnswered(*item, answers)).ok());
  }
}

// Offers envelopes to a device that owns their mailboxes; returns what became of each.
inline std::vector<Taken> GiveTo(Device& to, const std::vector<OutgoingEnvelope>& envelopes) {
  std::vector<Taken> taken;
  for (const OutgoingEnvelope& envelope : envelopes) {
    taken.push_back(testing::ValueOf(to.inbox->Take(envelope.mailbox_id, envelope.envelope_id, envelope.sealed)).taken);
  }
  return taken;
}

// As if it had never read the directory's log.
inline void ForgetLog(Device& device) {
  Change change = testing::ValueOf(device.stores->store.Begin());
  for (const char* table : {"directory_log", "log_node", "log_evidence", "heard_checkpoint"}) {
    db::Statement forget = testing::ValueOf(change.db().Prepare(std::string("DELETE FROM ") + table));
    CHECK(forget.Run().ok());
  }
  CHECK(change.Commit().ok());
}

// Alice and Bob, each with an intake mailbox.
struct TwoPeople {
  FixedClock clock{absl::FromUnixSeconds(1'790'000'000)};
  testing::TestOrganisation organisation{clock.Now()};
  crypto::Ed25519KeyPair directory_key = crypto::Ed25519KeyPair::Generate();
  Device alice{organisation, "alice", clock, &directory_key};
  Device bob{organisation, "bob", clock, &directory_key};
  Mailbox alice_intake = alice.AddMailbox({});
  Mailbox bob_intake = bob.AddMailbox({});

  // `one` makes a conversation with `other` and its first commit is accepted. The Welcome is returned, not given.
  std::vector<OutgoingEnvelope> Begin(Device& one, Device& other, const Mailbox& other_intake) {
    const Mailbox mailbox = one.AddMailbox(RandomBytes(32));
    CHECK(one.conversations->Create(std::nullopt, {other.AddKeyPackage(other_intake)}, mailbox).ok());
    return TakeFromOutbox(one);
  }
  void Connect() { CHECK(GiveTo(bob, Begin(alice, bob, bob_intake)) == std::vector<Taken>{Taken::kDone}); }

  // Writes and encrypts a text; the envelopes are on their way.
  static std::vector<OutgoingEnvelope> Say(Device& from, const std::string& to, const std::string& text) {
    CHECK(from.conversations->AddText(to, text).ok());
    CHECK(testing::ValueOf(from.conversations->EncryptNext(to)));
    return TakeFromOutbox(from);
  }
};

}  // namespace plumbline::client
