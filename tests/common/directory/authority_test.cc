// Each rule, broken by a history that breaks nothing else. As long as the rules are many: they share one town.
#include "common/directory/authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/common/directory/history.h"
#include "tests/status_matchers.h"

namespace plumbline::directory {
namespace {

using identity::Action;
using identity::RecordStatus;
using Rule = AuthorityRule;
using Draft = History::Draft;

// Alice has three devices and removed one, Bob has one, Carol is suspended with one, Dora is removed.
class AuthorityTest : public ::testing::Test {
 protected:
  AuthorityTest() {
    for (const char* name : {"alice", "bob", "carol", "dora"}) {
      h_.Append(name, h_.Create(name));
      h_.Append(name, h_.Join(name));
    }
    for (int i = 0; i < 3; ++i) h_.Append("alice", h_.Approve("alice", Device("alice", 0)));
    h_.Append("alice", h_.Remove("alice", Device("alice", 0), Device("alice", 3).id));
    h_.Append("carol", h_.Act("carol", Action::kSuspendAccount));
    h_.Append("dora", h_.Act("dora", Action::kRemoveAccount));
    EXPECT_EQ(Replay(authority_), std::vector<AuthorityFinding>());
    EXPECT_EQ(authority_.counts().checked, h_.items.size());
  }
  Authority Fresh() const { return *Authority::Create(h_.Terms(), h_.Genesis()); }
  const TestDevice& Device(const std::string& name, size_t i) { return h_.people[name].devices[i]; }

  // All items into `authority`, or those it has not seen.
  std::vector<AuthorityFinding> Replay(Authority& authority) const {
    std::vector<AuthorityFinding> out;
    const AuthorityCounts& counts = authority.counts();
    for (size_t i = counts.checked + counts.adopted + counts.unchecked + counts.violations; i < h_.items.size(); ++i) {
      const auto finding = authority.Take(h_.items[i].place, h_.items[i].entry, h_.items[i].opening);
      if (finding) out.push_back(*finding);
    }
    return out;
  }
  std::optional<AuthorityFinding> Next(const History::Item& item) {
    EXPECT_EQ(Replay(authority_), std::vector<AuthorityFinding>()) << "what came before is honest";
    Authority after = authority_;
    return after.Take(item.place, item.entry, item.opening);
  }
  void ExpectFound(Rule rule, const History::Item& item, const std::string& what) {
    const auto finding = Next(item);
    ASSERT_TRUE(finding) << what << ": nothing was found";
    EXPECT_EQ(finding->ToString(), (AuthorityFinding{rule, item.place}.ToString())) << what;
  }
  // Draft is as an honest key server would have made it, but for what `change` does.
  void ExpectFound(Rule rule, const std::string& name, Draft draft, const std::string& what) {
    ExpectFound(rule, h_.Commit(name, draft), what);
  }
  void ExpectFine(const std::string& name, const Draft& draft, const std::string& what) {
    const auto finding = Next(h_.Commit(name, draft));
    EXPECT_FALSE(finding) << what << ": " << finding->ToString();
  }

  // What only a key server that lies would make.
  Draft WithIntent(Draft draft, const identity::Intent& intent, uint64_t revision) const {
    draft.cause = h_.Signed(intent, revision);
    return History::Named(std::move(draft));
  }
  Draft WithDecision(Draft draft, const std::function<void(identity::DeviceDecision&)>& change, const TestDevice& by) const {
    auto& decided = std::get<Decided>(draft.cause);
    identity::DeviceDecision decision = *identity::ParseDeviceDecision(decided.decision);
    change(decision);
    decided = History::Decide(decision, by, decided.joined);
    return History::Named(std::move(draft));
  }
  identity::RecordDevice Ghost() const {
    identity::RecordDevice out{identity::RandomFixed<16>(), "phone", TestDevice().mls_key(), {}, static_cast<uint32_t>(h_.now / 86400)};
    out.credential_hash.fill(1);
    return out;
  }

  History h_;
  Authority authority_ = Fresh();
};

TEST_F(AuthorityTest, WhatIsHonestIsFine) {
  ExpectFine("eve", h_.Create("eve"), "create");
  ExpectFine("alice", h_.Join("alice"), "enrol");
  ExpectFine("alice", h_.Approve("alice", Device("alice", 1)), "approve");
  ExpectFine("alice", h_.Remove("alice", Device("alice", 1), Device("alice", 0).id), "remove");
  ExpectFine("alice", h_.Act("alice", Action::kSuspendAccount), "suspend");
  ExpectFine("alice", h_.Act("alice", Action::kRevokeDevice, Device("alice", 1).id), "revoke");
  ExpectFine("alice", h_.Act("alice", Action::kRemoveAccount), "remove account");
  ExpectFine("carol", h_.Act("carol", Action::kReactivateAccount), "reactivate");
  ExpectFine("carol", h_.Act("carol", Action::kRevokeDevice, Device("carol", 0).id), "revoke of a suspended person");
  ExpectFine("carol", h_.Act("carol", Action::kRemoveAccount), "remove a suspended account");
  Draft two = h_.Act("alice", Action::kSuspendAccount);
  two.cause = h_.Signed(h_.Intent("alice", Action::kSuspendAccount), h_.people["alice"].revision, {&h_.administrators[1], &h_.administrators[0]});
  ExpectFine("alice", History::Named(two), "two administrators");
}

TEST_F(AuthorityTest, OpeningsThatDoNotOpen) {
  const History::Item good = h_.Commit("alice", h_.Approve("alice", Device("alice", 0)));
  EXPECT_FALSE(Next(good));
  const auto found = [&](const std::function<void(History::Item&)>& change, const char* what) {
    History::Item item = good;
    change(item);
    ExpectFound(Rule::kOpening, item, what);
  };
  found([](auto& i) { i.opening.record->nonce.bytes[0] ^= 1; }, "the record's nonce");
  found([](auto& i) { i.opening.cause->nonce.bytes[0] ^= 1; }, "the cause's nonce");
  found([](auto& i) { i.opening.record->record[60] ^= 1; }, "another record");
  found([](auto& i) { i.opening.cause->cause.back() ^= 1; }, "another cause");
  found([](auto& i) { ++i.opening.place; }, "another place");
  found([&](auto& i) { i.opening = {i.place, h_.items[0].opening.record, h_.items[0].opening.cause}; }, "another entry's opening");
  History::Item erased = good;
  erased.opening = {good.place + 1, {}, {}};
  ExpectFound(Rule::kOpening, erased, "an erasure of another place");
}

TEST_F(AuthorityTest, RecordsThatDoNotFollow) {
  const Draft good = h_.Approve("alice", Device("alice", 0));
  const auto changed = [&](const std::function<void(identity::DirectoryRecord&)>& change, const char* what) {
    Draft draft = good;
    change(draft.record);
    ExpectFound(Rule::kRecord, "alice", draft, what);
  };
  changed([](auto& r) { r.previous_hash[0] ^= 1; }, "on another record");
  changed([&](auto& r) { r.previous_hash = h_.people["alice"].record.previous_hash; }, "on the one before the newest");
  changed([](auto& r) { ++r.version; }, "a version too late");
  changed([](auto& r) { --r.version; }, "a version too early");
  History::Item item = h_.Commit("alice", good);
  ++item.entry.version;
  ExpectFound(Rule::kRecord, item, "another version than its entry's");
  Draft skips = good;
  ++skips.record.version;
  item = h_.Commit("alice", skips);
  ++item.entry.version;
  ExpectFound(Rule::kRecord, item, "a version that skips one, as its entry does");
  item = h_.Commit("alice", good);
  item.opening.record->record.push_back(0);
  History::Recommit(item);
  ExpectFound(Rule::kRecord, item, "no record");
  item = h_.Commit("alice", good);
  item.opening.record.reset();
  ExpectFound(Rule::kRecord, item, "a cause without its record");
}

TEST_F(AuthorityTest, RecordsOfAnotherPerson) {
  // As alice's version in everything but the name; the cause is about whom the record names.
  Draft draft = h_.Act("alice", Action::kSuspendAccount);
  identity::Intent intent = *identity::ParseIntent(std::get<SignedIntent>(draft.cause).intent);
  draft.record.user = intent.target = History::User("bob").ToString();
  const Draft as_bob = WithIntent(draft, intent, h_.people["alice"].revision);
  ExpectFound(Rule::kPerson, "alice", as_bob, "bob's record at alice's index");
  History::Item item = h_.Commit("alice", as_bob);
  item.opening.record->index_proof = identity::MakeDirectoryIndex(h_.vrf, History::User("bob")).proof;
  ExpectFound(Rule::kPerson, item, "with the proof of bob's index");
  item = h_.Commit("eve", h_.Create("eve"));
  item.entry.index.bytes[0] ^= 1;
  ExpectFound(Rule::kPerson, item, "a person at an index that is nobody's");
  item = h_.Commit("eve", h_.Create("eve"));
  const auto other = *crypto::VrfKeyPair::FromSeed(Secret::CopyOf(Bytes(32, 9)));
  const identity::DirectoryIndex index = identity::MakeDirectoryIndex(other, History::User("eve"));
  item.opening.record->index_proof = index.proof;
  item.entry.index.bytes = index.index;
  ExpectFound(Rule::kPerson, item, "an index under another key");
  const identity::UserUri stranger{"example.net", "eve"};
  draft = h_.Create("eve");
  intent = *identity::ParseIntent(std::get<SignedIntent>(draft.cause).intent);
  intent.target = draft.record.user = stranger.ToString();
  item = h_.Commit("eve", WithIntent(draft, intent, 0));
  const identity::DirectoryIndex theirs = identity::MakeDirectoryIndex(h_.vrf, stranger);
  item.opening.record->index_proof = theirs.proof;
  item.entry.index.bytes = theirs.index;
  ExpectFound(Rule::kPerson, item, "a person of another organisation");
}

TEST_F(AuthorityTest, CausesThatAreNone) {
  const Draft good = h_.Approve("alice", Device("alice", 0));
  History::Item item = h_.Commit("alice", good);
  item.opening.cause.reset();
  ExpectFound(Rule::kCause, item, "a record without its cause");
  item = h_.Commit("alice", good);
  item.opening.cause->cause.push_back(0);
  History::Recommit(item);
  ExpectFound(Rule::kCause, item, "no cause");
  for (Draft draft : {good, h_.Join("alice"), h_.Act("alice", Action::kSuspendAccount)}) {
    draft.record.cause[0] ^= 1;
    ExpectFound(Rule::kCause, "alice", draft, "the record names another cause");
  }
  Draft draft = h_.Act("alice", Action::kSuspendAccount);
  std::get<SignedIntent>(draft.cause).intent.push_back(0);
  ExpectFound(Rule::kCause, "alice", History::Named(draft), "no intent");
  draft = h_.Join("alice");
  std::get<Enrolment>(draft.cause).proof.push_back(0);
  ExpectFound(Rule::kCause, "alice", History::Named(draft), "no proof");
  draft = good;
  std::get<Decided>(draft.cause).decision.push_back(0);
  ExpectFound(Rule::kCause, "alice", History::Named(draft), "no decision");
  draft = good;
  std::get<Decided>(draft.cause).joined.reset();
  ExpectFound(Rule::kCause, "alice", draft, "an approval of nothing");
  draft = h_.Remove("alice", Device("alice", 0), Device("alice", 1).id);
  std::get<Decided>(draft.cause).joined = std::get<Decided>(good.cause).joined;
  ExpectFound(Rule::kCause, "alice", draft, "a removal with a request");
}

TEST_F(AuthorityTest, CausesOfAnotherPerson) {
  const std::string bob = History::User("bob").ToString();
  Draft draft = h_.Act("alice", Action::kSuspendAccount);
  identity::Intent intent = *identity::ParseIntent(std::get<SignedIntent>(draft.cause).intent);
  intent.target = bob;
  ExpectFound(Rule::kForeignCause, "alice", WithIntent(draft, intent, h_.people["alice"].revision), "an intent");
  draft = h_.Create("eve");
  draft.cause = h_.Create("frank").cause;
  draft.record.display_name = "frank";
  ExpectFound(Rule::kForeignCause, "eve", History::Named(draft), "an account");
  const TestDevice device;
  draft = h_.Join("alice", h_.IssueCode("alice"), device);
  auto& enrolment = std::get<Enrolment>(draft.cause);
  const Enrolment of_bob = h_.Enrol("bob", device, {});
  enrolment.proof = of_bob.proof;
  enrolment.code_signature = of_bob.code_signature;
  enrolment.working_signature = of_bob.working_signature;
  enrolment.mls_signature = of_bob.mls_signature;
  ExpectFound(Rule::kForeignCause, "alice", History::Named(draft), "a proof");
  identity::Intent code = h_.Intent("alice", Action::kIssueEnrolmentCode, h_.NewCode());
  code.target = bob;
  ExpectFound(Rule::kForeignCause, "alice", h_.Join("alice", h_.Signed(code, h_.people["alice"].revision)), "a code");
  draft = h_.Approve("alice", Device("alice", 0));
  ExpectFound(Rule::kForeignCause, "alice", WithDecision(draft, [&](auto& d) { d.user = bob; }, Device("alice", 0)), "a decision");
  identity::JoinRequest& request = std::get<Decided>(draft.cause).joined->request;
  request.user = bob;
  const identity::Hash hash = HashOf(request);
  ExpectFound(Rule::kForeignCause, "alice", WithDecision(draft, [&](auto& d) { d.subject_hash = hash; }, Device("alice", 0)), "a request");
}

TEST_F(AuthorityTest, SignersWithoutTheRight) {
  const crypto::Ed25519KeyPair stranger = crypto::Ed25519KeyPair::Generate();
  const uint64_t revision = h_.people["alice"].revision;
  Draft draft = h_.Act("alice", Action::kSuspendAccount);
  draft.cause = h_.Signed(h_.Intent("alice", Action::kSuspendAccount), revision, {&stranger});
  ExpectFound(Rule::kSigner, "alice", History::Named(draft), "nobody's key");
  draft.cause = h_.Signed(h_.Intent("alice", Action::kSuspendAccount), revision, {&h_.administrators[0], &stranger});
  ExpectFound(Rule::kSigner, "alice", History::Named(draft), "nobody's key beside an administrator's");
  draft.cause = h_.Signed(h_.Intent("alice", Action::kSuspendAccount), revision, {Device("alice", 0).working.get()});
  ExpectFound(Rule::kSigner, "alice", History::Named(draft), "a device's key");
  const identity::Intent code =
      h_.Intent("alice", Action::kIssueEnrolmentCode, h_.NewCode());
  ExpectFound(Rule::kSigner, "alice", h_.Join("alice", h_.Signed(code, revision, {&stranger})), "nobody's code");

  const TestDevice unknown;
  ExpectFound(Rule::kSigner, "alice", h_.Approve("alice", unknown), "a device that nobody has");
  ExpectFound(Rule::kSigner, "alice", h_.Approve("alice", Device("alice", 3)), "a device that was removed");
  ExpectFound(Rule::kSigner, "alice", h_.Approve("alice", Device("bob", 0)), "another person's device");
  ExpectFound(Rule::kSigner, "carol", h_.Approve("carol", Device("carol", 0)), "a suspended person's device");
  draft = h_.Approve("alice", Device("alice", 0));
  ExpectFound(Rule::kSigner, "alice", h_.Approve("alice", *draft.device), "the device that asks");
}

TEST_F(AuthorityTest, AdministratorsCountAtTheirPlaces) {
  const Draft draft = h_.Act("alice", Action::kSuspendAccount);
  const History::Item item = h_.Commit("alice", draft);
  const auto found = [&](uint64_t from, uint64_t until) {
    AuthorityTerms terms = h_.Terms();
    terms.administrators.push_back({crypto::Ed25519KeyPair::Generate().public_key()});
    Authority authority = *Authority::Create(terms, h_.Genesis());
    Replay(authority);
    terms.administrators[0].from = from;
    terms.administrators[0].until = until;
    Authority narrow = *Authority::Create(terms, h_.Genesis());
    std::vector<AuthorityFinding> findings = Replay(narrow);
    if (const auto last = narrow.Take(item.place, item.entry, item.opening)) findings.push_back(*last);
    return findings;
  };
  const auto last = std::vector<AuthorityFinding>{{Rule::kSigner, item.place}};
  EXPECT_EQ(found(0, item.place + 1), std::vector<AuthorityFinding>());
  EXPECT_EQ(found(0, item.place), last);
  EXPECT_EQ(found(1, item.place + 1), std::vector<AuthorityFinding>());
  ASSERT_FALSE(found(2, item.place + 1).empty());
  EXPECT_EQ(found(2, item.place + 1)[0], (AuthorityFinding{Rule::kSigner, 1}));
}

TEST_F(AuthorityTest, SignaturesThatDoNotVerify) {
  Draft draft = h_.Act("alice", Action::kSuspendAccount);
  std::get<SignedIntent>(draft.cause).signatures[0].signature[0] ^= 1;
  ExpectFound(Rule::kSignature, "alice", draft, "an intent");
  draft = h_.Act("alice", Action::kSuspendAccount);
  std::get<SignedIntent>(draft.cause).signatures[0].key_id = Sha256(h_.administrators[1].public_key().view());
  ExpectFound(Rule::kSignature, "alice", draft, "another administrator's name");
  draft = h_.Join("alice");
  std::get<Enrolment>(draft.cause).code_signature[0] ^= 1;
  ExpectFound(Rule::kSignature, "alice", draft, "by the code");
  draft = h_.Join("alice");
  std::get<Enrolment>(draft.cause).working_signature[0] ^= 1;
  ExpectFound(Rule::kSignature, "alice", draft, "by the working key");
  draft = h_.Join("alice");
  std::get<Enrolment>(draft.cause).mls_signature[0] ^= 1;
  ExpectFound(Rule::kSignature, "alice", draft, "by the MLS key");
  draft = h_.Join("alice");
  std::get<Enrolment>(draft.cause).code.signatures[0].signature[0] ^= 1;
  ExpectFound(Rule::kSignature, "alice", draft, "a code");
  draft = h_.Approve("alice", Device("alice", 0));
  std::get<Decided>(draft.cause).signature[0] ^= 1;
  ExpectFound(Rule::kSignature, "alice", draft, "a decision");
  draft = WithDecision(h_.Approve("alice", Device("alice", 0)), [](auto&) {}, Device("alice", 1));
  ExpectFound(Rule::kSignature, "alice", draft, "a decision by another of her devices");
}

TEST_F(AuthorityTest, ApprovalsThatAreMissing) {
  Draft draft = h_.Act("alice", Action::kSuspendAccount);
  const identity::Intent intent = *identity::ParseIntent(std::get<SignedIntent>(draft.cause).intent);
  draft.cause = h_.Signed(intent, h_.people["alice"].revision, {&h_.administrators[0], &h_.administrators[0]});
  ExpectFound(Rule::kApprovals, "alice", History::Named(draft), "one administrator twice");

  History h;
  AuthorityTerms terms = h.Terms();
  terms.approvals = 2;
  Authority authority = *Authority::Create(terms, h.Genesis());
  const auto take = [&](const Draft& create) {
    const History::Item item = h.Commit("eve", create);
    Authority after = authority;
    return after.Take(item.place, item.entry, item.opening);
  };
  draft = h.Create("eve");
  EXPECT_EQ(take(draft), (AuthorityFinding{Rule::kApprovals, 1}));
  const Bytes wire = std::get<SignedIntent>(draft.cause).intent;
  draft.cause = h.Signed(*identity::ParseIntent(wire), 0, {&h.administrators[0], &h.administrators[1]});
  EXPECT_EQ(take(draft), std::nullopt);
}

TEST_F(AuthorityTest, CodesThatNobodyIssued) {
  const TestDevice device;
  Draft other = h_.Join("alice", h_.IssueCode("alice"), device);
  other.cause = h_.Enrol("alice", device, h_.IssueCode("alice"), *TestDevice::Make());
  ExpectFound(Rule::kCode, "alice", History::Named(other), "a code of the key server's own");
  ExpectFound(Rule::kCode, "alice", h_.Join("alice", h_.Signed(h_.Intent("alice", Action::kSuspendAccount), h_.people["alice"].revision)),
              "an intent for something else");
  SignedIntent nonsense = h_.IssueCode("alice");
  nonsense.intent.push_back(0);
  ExpectFound(Rule::kCode, "alice", h_.Join("alice", nonsense), "no intent");
}

TEST_F(AuthorityTest, CausesThatWereUsed) {
  Draft draft = h_.Join("alice");
  const SignedIntent code = std::get<Enrolment>(draft.cause).code;
  h_.Append("alice", draft);
  const Draft suspend = h_.Act("alice", Action::kSuspendAccount);
  const Draft approve = h_.Approve("alice", Device("alice", 0));
  ExpectFound(Rule::kReplayed, "alice", h_.Join("alice", code), "a code intent");

  Draft again = h_.Join("alice");
  again.cause = h_.Enrol("alice", *again.device, h_.IssueCode("alice"), *h_.CodeOf(code));
  ExpectFound(Rule::kReplayed, "alice", History::Named(again), "a code");

  TestDevice twin = *draft.device;
  twin.id = identity::RandomFixed<16>();
  again = h_.Join("alice", h_.IssueCode("alice"), twin);
  auto& replayed = std::get<Enrolment>(again.cause);
  const SignedIntent fresh = replayed.code;
  replayed = std::get<Enrolment>(draft.cause);
  replayed.code = fresh;
  ExpectFound(Rule::kReplayed, "alice", History::Named(again), "a proof");

  h_.Append("alice", approve);
  again = h_.Approve("alice", Device("alice", 0));
  again.cause = approve.cause;
  ExpectFound(Rule::kReplayed, "alice", History::Named(again), "an approval");
  const Draft really = h_.Act("alice", Action::kSuspendAccount);
  h_.Append("alice", really);
  h_.Append("alice", h_.Act("alice", Action::kReactivateAccount));
  again = h_.Act("alice", Action::kSuspendAccount);
  again.cause = really.cause;
  ExpectFound(Rule::kReplayed, "alice", History::Named(again), "an intent");
  const Draft removal = h_.Remove("alice", Device("alice", 0), Device("alice", 1).id);
  h_.Append("alice", removal);
  again = h_.Remove("alice", Device("alice", 0), Device("alice", 2).id);
  again.cause = removal.cause;
  ExpectFound(Rule::kReplayed, "alice", History::Named(again), "a removal");
  again.cause = suspend.cause;  // was signed and never used
  again.record.status = RecordStatus::kSuspended;
  ExpectFound(Rule::kStale, "alice", History::Named(again), "an intent that was kept back");
}

TEST_F(AuthorityTest, CausesForAnotherState) {
  const uint64_t revision = h_.people["alice"].revision;
  Draft suspend = h_.Act("alice", Action::kSuspendAccount);
  std::get<SignedIntent>(suspend.cause).revision = revision + 1;
  ExpectFound(Rule::kStale, "alice", suspend, "another revision");
  const Draft removal = h_.Remove("alice", Device("alice", 0), Device("alice", 1).id);
  const SignedIntent first = h_.IssueCode("alice"), second = h_.IssueCode("alice");
  const SignedIntent wrong = [&] {
    SignedIntent out = h_.IssueCode("alice");
    ++out.revision;
    return out;
  }();
  ExpectFound(Rule::kStale, "alice", h_.Join("alice", wrong), "a code for another revision");
  h_.Append("alice", h_.Approve("alice", Device("alice", 0)));
  Draft late = h_.Remove("alice", Device("alice", 0), Device("alice", 1).id);
  late.cause = removal.cause;
  ExpectFound(Rule::kStale, "alice", History::Named(late), "a removal that was decided on the record before");
  ExpectFine("alice", h_.Join("alice", first), "an open code");
  h_.Append("alice", h_.Join("alice", second));
  ExpectFound(Rule::kStale, "alice", h_.Join("alice", first), "a code that a newer one voided");
  const SignedIntent open = h_.IssueCode("alice");
  ExpectFine("alice", h_.Join("alice", open), "an open code");
  h_.Append("alice", h_.Act("alice", Action::kSuspendAccount));
  h_.Append("alice", h_.Act("alice", Action::kReactivateAccount));
  ExpectFound(Rule::kStale, "alice", h_.Join("alice", open), "a code that a suspension voided");
}

TEST_F(AuthorityTest, CausesThatCannotChangeThisRecord) {
  const auto intent_on = [&](const std::string& name, Action action, Draft draft) {
    return WithIntent(std::move(draft), h_.Intent(name, action), h_.people[name].revision);
  };
  Draft draft = h_.Create("alice");
  draft.record = h_.Next("alice");
  ExpectFound(Rule::kAction, "alice", History::Named(draft), "a person is created who is there");
  draft = h_.Create("eve");
  std::get<SignedIntent>(draft.cause).revision = 1;
  ExpectFound(Rule::kAction, "eve", draft, "a revision of nobody");
  ExpectFound(Rule::kAction, "carol", h_.Act("carol", Action::kSuspendAccount), "suspended twice");
  ExpectFound(Rule::kAction, "alice", h_.Act("alice", Action::kReactivateAccount), "resumed without a suspension");
  for (const Action action : {Action::kRemoveAccount, Action::kSuspendAccount, Action::kReactivateAccount})
    ExpectFound(Rule::kAction, "dora", h_.Act("dora", action), "a person who was removed");
  draft = h_.Join("dora");
  draft.record.devices.clear();  // or it would be no record
  ExpectFound(Rule::kAction, "dora", draft, "a person who was removed enrols");
  ExpectFound(Rule::kAction, "carol", h_.Join("carol"), "a suspended person enrols");
  ExpectFound(Rule::kAction, "alice", h_.Act("alice", Action::kRevokeDevice, Device("bob", 0).id), "a device that she has not");
  ExpectFound(Rule::kAction, "alice", h_.Remove("alice", Device("alice", 0), Device("bob", 0).id), "a device that she has not");
  draft = h_.Act("alice", Action::kSuspendAccount);
  draft.record.status = RecordStatus::kActive;
  identity::Intent reading = h_.Intent("alice", Action::kSuspendAccount);
  reading.action = Action::kIssueEnrolmentCode;
  reading.parameters = h_.NewCode();
  ExpectFound(Rule::kAction, "alice", WithIntent(draft, reading, h_.people["alice"].revision), "a code alone");
  draft = h_.Approve("alice", Device("alice", 0));
  draft = WithDecision(draft, [](auto& d) { d.decision = identity::Decision::kRefuse, d.label = ""; }, Device("alice", 0));
  ExpectFound(Rule::kAction, "alice", draft, "a refusal");
  // A person who is not there yet.
  draft = intent_on("eve", Action::kSuspendAccount, h_.Create("eve"));
  ExpectFound(Rule::kAction, "eve", draft, "nobody is suspended");
  const TestDevice device;
  draft = h_.Create("eve");
  draft.cause = h_.Enrol("eve", device, h_.IssueCode("eve"));
  ExpectFound(Rule::kAction, "eve", History::Named(draft), "nobody enrols");
}

TEST_F(AuthorityTest, NamesAndStatusesThatNobodyChanged) {
  const std::vector<Draft> honest = {h_.Join("alice"), h_.Approve("alice", Device("alice", 0)),
                                     h_.Remove("alice", Device("alice", 0), Device("alice", 1).id),
                                     h_.Act("alice", Action::kSuspendAccount)};
  for (Draft draft : honest) {
    const RecordStatus honest_status = draft.record.status;
    for (const RecordStatus status : {RecordStatus::kActive, RecordStatus::kSuspended}) {
      if (status == honest_status) continue;
      draft.record.status = status;
      ExpectFound(Rule::kStatus, "alice", draft, "a status");
    }
    draft.record.status = honest_status;
    draft.record.display_name = "Alice B.";
    ExpectFound(Rule::kName, "alice", draft, "a name");
  }
  Draft draft = h_.Create("eve");
  draft.record.display_name = "alice";
  ExpectFound(Rule::kName, "eve", draft, "another name than the administrator gave");
  draft = h_.Create("eve");
  draft.record.proofing_level = "passport seen";
  ExpectFound(Rule::kProofing, "eve", draft, "another check than the administrator signed for");
  draft.record.proofing_level = "";
  ExpectFound(Rule::kProofing, "eve", draft, "no check");
  draft = h_.Act("alice", Action::kSuspendAccount);
  draft.record.proofing_level = "passport seen";
  ExpectFound(Rule::kProofing, "alice", draft, "a better check, later");
  draft = h_.Create("eve");
  draft.record.status = RecordStatus::kSuspended;
  ExpectFound(Rule::kStatus, "eve", draft, "suspended from the beginning");
}

TEST_F(AuthorityTest, GhostDevices) {
  for (Draft draft : {h_.Join("alice"), h_.Approve("alice", Device("alice", 0)), h_.Remove("alice", Device("alice", 0), Device("alice", 1).id),
                      h_.Act("alice", Action::kSuspendAccount), h_.Act("alice", Action::kRevokeDevice, Device("alice", 1).id)}) {
    History::Add(draft.record, Ghost());
    ExpectFound(Rule::kGhostDevice, "alice", draft, "one more");
  }
  Draft draft = h_.Create("eve");
  History::Add(draft.record, Ghost());
  ExpectFound(Rule::kGhostDevice, "eve", draft, "from the beginning");
  draft = h_.Act("carol", Action::kReactivateAccount);
  History::Add(draft.record, Ghost());
  ExpectFound(Rule::kGhostDevice, "carol", draft, "when she comes back");

  const auto in_place_of = [&](Draft honest, const std::function<void(identity::RecordDevice&)>& change, const char* what) {
    for (identity::RecordDevice& each : honest.record.devices) {
      if (each.device_id == honest.device->id) change(each);
    }
    std::sort(honest.record.devices.begin(), honest.record.devices.end(),
              [](const auto& a, const auto& b) { return a.device_id < b.device_id; });
    ExpectFound(Rule::kGhostDevice, "alice", honest, what);
  };
  const Draft approved = h_.Approve("alice", Device("alice", 0)), enrolled = h_.Join("alice");
  in_place_of(approved, [](auto& d) { d.mls_signature_public_key = TestDevice().mls_key(); }, "another key than was approved");
  in_place_of(enrolled, [](auto& d) { d.mls_signature_public_key = TestDevice().mls_key(); }, "another key than enrolled");
  in_place_of(approved, [](auto& d) { d.device_id = identity::RandomFixed<16>(); }, "another id than was approved");
  in_place_of(approved, [](auto& d) { d.label = "laptop"; }, "another label than was approved");

  // One proof, one credential, and two devices.
  draft = h_.Join("alice");
  identity::RecordDevice twin = *FindDevice(draft.record, draft.device->id);
  twin.device_id.fill(0xff);
  History::Add(draft.record, twin);
  ExpectFound(Rule::kGhostDevice, "alice", draft, "a twin");

  // The keys in the request are the key server's, not those that the person compared.
  const TestDevice mine = *approved.device, theirs;
  draft = h_.Approve("alice", Device("alice", 0), mine);
  auto& decided = std::get<Decided>(draft.cause);
  History::Drop(draft.record, mine.id);
  TestDevice swapped = theirs;
  swapped.id = mine.id;
  decided.joined->request.working_public_key = swapped.working_key();
  decided.joined->request.mls_signature_public_key = swapped.mls_key();
  decided.joined->credential = h_.Credential("alice", swapped.id, swapped.mls->public_key());
  h_.Add(draft.record, swapped, Sha256(decided.joined->credential));
  ExpectFound(Rule::kGhostDevice, "alice", draft, "other keys than the decision is about");
}

TEST_F(AuthorityTest, DevicesThatComeBack) {
  const TestDevice gone = Device("alice", 3);
  ExpectFound(Rule::kReturned, "alice", h_.Approve("alice", Device("alice", 0), gone), "approved again");
  ExpectFound(Rule::kReturned, "alice", h_.Join("alice", h_.IssueCode("alice"), gone), "enrolled again");
  TestDevice changed = gone;
  changed.id = identity::RandomFixed<16>();
  changed.working = TestDevice::Make();
  ExpectFound(Rule::kReturned, "alice", h_.Approve("alice", Device("alice", 0), changed), "with its MLS key");
  changed = gone;
  changed.working = TestDevice::Make();
  changed.mls = TestDevice::Make();
  ExpectFound(Rule::kReturned, "alice", h_.Approve("alice", Device("alice", 0), changed), "with its id");
  changed = TestDevice();
  changed.working = gone.working;
  ExpectFound(Rule::kReturned, "alice", h_.Approve("alice", Device("alice", 0), changed), "with its working key");
  changed = TestDevice();
  changed.mls = Device("bob", 0).mls;
  ExpectFound(Rule::kReturned, "alice", h_.Approve("alice", Device("alice", 0), changed), "with bob's MLS key");
  changed = TestDevice();
  changed.mls = Device("bob", 0).working;
  changed.working = Device("bob", 0).mls;
  ExpectFine("alice", h_.Approve("alice", Device("alice", 0), changed), "a key that serves for something else, which the key server takes");
  changed = TestDevice();
  changed.mls = changed.working;
  ExpectFound(Rule::kReturned, "alice", h_.Approve("alice", Device("alice", 0), changed), "with one key for both");
  Draft draft = h_.Act("alice", Action::kSuspendAccount);
  const auto before = identity::ParseDirectoryRecord(h_.items[h_.items.size() - 4].opening.record->record);
  History::Add(draft.record, *FindDevice(*before, gone.id));
  ASSERT_EQ(draft.record.devices.size(), 4u);
  ExpectFound(Rule::kReturned, "alice", draft, "just so");
}

TEST_F(AuthorityTest, DevicesThatGoOrChange) {
  const identity::DeviceId other = Device("alice", 2).id;
  for (Draft draft : {h_.Join("alice"), h_.Approve("alice", Device("alice", 0)), h_.Remove("alice", Device("alice", 0), Device("alice", 1).id),
                      h_.Act("alice", Action::kSuspendAccount), h_.Act("alice", Action::kRevokeDevice, Device("alice", 1).id)}) {
    const Draft honest = draft;
    History::Drop(draft.record, other);
    ExpectFound(Rule::kLostDevice, "alice", draft, "one less");
    const auto changed = [&](const std::function<void(identity::RecordDevice&)>& change, const char* what) {
      Draft with = honest;
      for (identity::RecordDevice& each : with.record.devices) {
        if (each.device_id == other) change(each);
      }
      ExpectFound(Rule::kChangedDevice, "alice", with, what);
    };
    changed([](auto& d) { d.mls_signature_public_key = TestDevice().mls_key(); }, "its key");
    changed([](auto& d) { d.credential_hash[0] ^= 1; }, "its credential");
    changed([](auto& d) { d.label = "laptop"; }, "its label");
    changed([](auto& d) { ++d.enrolled_day; }, "its day");
  }
}

TEST_F(AuthorityTest, CausesThatWereNotCarriedOut) {
  Draft draft = h_.Approve("alice", Device("alice", 0));
  History::Drop(draft.record, draft.device->id);
  ExpectFound(Rule::kNotDone, "alice", draft, "an approval");
  draft = h_.Join("alice");
  History::Drop(draft.record, draft.device->id);
  ExpectFound(Rule::kNotDone, "alice", draft, "an enrolment");
  draft = h_.Remove("alice", Device("alice", 0), Device("alice", 1).id);
  draft.record.devices = h_.people["alice"].record.devices;
  ExpectFound(Rule::kNotDone, "alice", draft, "a removal");
  draft = h_.Act("alice", Action::kRevokeDevice, Device("alice", 1).id);
  draft.record.devices = h_.people["alice"].record.devices;
  ExpectFound(Rule::kNotDone, "alice", draft, "a revocation");
  // An approval of a device that is there.
  draft = h_.Approve("alice", Device("alice", 0), Device("alice", 1));
  draft.record.devices = h_.people["alice"].record.devices;
  ExpectFound(Rule::kNotDone, "alice", draft, "a device is approved that is there");
}

TEST_F(AuthorityTest, CredentialsOfSomethingElse) {
  const TestDevice device;
  const auto with = [&](const Bytes& credential, bool enrolled) {
    Draft draft = enrolled ? h_.Join("alice", h_.IssueCode("alice"), device) : h_.Approve("alice", Device("alice", 0), device);
    for (identity::RecordDevice& each : draft.record.devices) {
      if (each.device_id == device.id) each.credential_hash = Sha256(credential);
    }
    if (enrolled) std::get<Enrolment>(draft.cause).credential = credential;
    if (!enrolled) std::get<Decided>(draft.cause).joined->credential = credential;
    return draft;
  };
  const crypto::Ed25519PublicKey& key = device.mls->public_key();
  const History others;
  crypto::LeafSpec tls;
  tls.spki = crypto::Ed25519Spki(key);
  tls.uris = {History::User("alice").ToString(), identity::DeviceUri{History::kDomain, device.id}.ToString()};
  tls.purpose = crypto::Purpose::kTlsClient;
  tls.validity = h_.Validity();
  crypto::LeafSpec p256 = tls;
  p256.spki = crypto::P256PrivateKey::Generate().spki();
  p256.purpose = crypto::Purpose::kMlsCredential;
  for (const bool enrolled : {false, true}) {
    ExpectFine("alice", with(h_.Credential("alice", device.id, key), enrolled), "its own");
    ExpectFound(Rule::kCredential, "alice", with(h_.Credential("bob", device.id, key), enrolled), "of another person");
    ExpectFound(Rule::kCredential, "alice", with(h_.Credential("alice", Device("alice", 0).id, key), enrolled), "of another device");
    ExpectFound(Rule::kCredential, "alice", with(h_.Credential("alice", device.id, TestDevice().mls->public_key()), enrolled), "of another key");
    ExpectFound(Rule::kCredential, "alice", with(others.Credential("alice", device.id, key), enrolled), "under another root");
    ExpectFound(Rule::kCredential, "alice", with(h_.Leaf(tls), enrolled), "a TLS certificate");
    ExpectFound(Rule::kCredential, "alice", with(h_.Leaf(p256), enrolled), "of a key of another kind");
    ExpectFound(Rule::kCredential, "alice", with(Bytes(100, 1), enrolled), "no certificate");
    Draft draft = with(h_.Credential("alice", device.id, key), enrolled);
    for (identity::RecordDevice& each : draft.record.devices) {
      if (each.device_id == device.id) each.credential_hash[0] ^= 1;
    }
    ExpectFound(Rule::kCredential, "alice", draft, "another than the record names");
  }
}

TEST_F(AuthorityTest, DevicesOutOfTime) {
  const auto on_day = [&](Draft draft, int64_t offset) {
    for (identity::RecordDevice& each : draft.record.devices) {
      if (each.device_id == draft.device->id) each.enrolled_day = static_cast<uint32_t>(each.enrolled_day + offset);
    }
    return draft;
  };
  h_.now = (h_.now / 86400 + 1) * 86400 + 43200;  // noon
  Draft draft = h_.Approve("alice", Device("alice", 0));
  ExpectFine("alice", draft, "today");
  ExpectFound(Rule::kTime, "alice", on_day(draft, -1), "approved tomorrow");
  ExpectFound(Rule::kTime, "alice", on_day(draft, 1), "approved yesterday");
  draft = h_.Join("alice");  // with a code that lives a day
  ExpectFine("alice", on_day(draft, 1), "the code's last day");
  ExpectFound(Rule::kTime, "alice", on_day(draft, 2), "after the code's end");
  ExpectFound(Rule::kTime, "alice", on_day(draft, -1), "before the code was issued");
  draft = h_.Join("alice", h_.IssueCode("alice", 60));
  ExpectFound(Rule::kTime, "alice", on_day(draft, 1), "after a short code's end");
  h_.now = h_.now / 86400 * 86400 + 86400 - 300;  // before midnight, within the clocks' difference
  ExpectFine("alice", on_day(h_.Approve("alice", Device("alice", 0)), 1), "over midnight");
  // Times that no clock shows.
  h_.now = std::numeric_limits<uint64_t>::max() - 601;
  draft = h_.Approve("alice", Device("alice", 0));
  ExpectFound(Rule::kTime, "alice", on_day(draft, 0), "at the end of time");
}

TEST_F(AuthorityTest, CausesThatWereHeldBack) {
  Draft draft = h_.Approve("alice", Device("alice", 0));
  const auto held_back = [&] {
    Draft later = draft;
    later.record = h_.Next("alice");
    for (const identity::RecordDevice& each : draft.record.devices) {
      if (each.device_id == draft.device->id) History::Add(later.record, each);
    }
    return History::Named(later);
  };
  h_.now += 1000;  // as clocks may differ
  h_.Append("alice", h_.Remove("alice", Device("alice", 0), Device("alice", 1).id));
  ExpectFine("alice", held_back(), "a little");
  h_.Append("alice", h_.Remove("alice", Device("alice", 0), Device("alice", 2).id));
  ExpectFound(Rule::kOlder, "alice", held_back(), "until behind a later decision");
  for (const uint64_t now : {uint64_t{0}, uint64_t{1'000'000'000}}) {
    h_.now = now;
    ExpectFound(Rule::kOlder, "alice", h_.Act("alice", Action::kSuspendAccount), "an intent of long ago");
    ExpectFound(Rule::kOlder, "alice", h_.Join("alice"), "a code of long ago");
  }
}

TEST_F(AuthorityTest, WhatIsErasedIsCountedAndStaysErased) {
  std::vector<History::Item> items = h_.items;
  const tlog::MapIndex dora = h_.people["dora"].entry.index;
  uint64_t erased = 0;
  for (History::Item& item : items) {
    if (item.entry.index != dora) continue;
    item.opening = {item.place, {}, {}};
    ++erased;
  }
  Authority authority = Fresh();
  for (const History::Item& item : items) EXPECT_EQ(authority.Take(item.place, item.entry, item.opening), std::nullopt);
  EXPECT_EQ(authority.counts().unchecked, erased);
  EXPECT_EQ(authority.counts().checked, items.size() - erased);
  EXPECT_EQ(authority.counts().violations, 0u);

  items.back().opening = h_.items.back().opening;  // dora's removal
  authority = Fresh();
  for (const History::Item& item : items) {
    const auto finding = authority.Take(item.place, item.entry, item.opening);
    EXPECT_EQ(finding.has_value(), &item == &items.back());
    if (!finding) continue;
    EXPECT_EQ(*finding, (AuthorityFinding{Rule::kReopened, item.place}));
  }
}

TEST_F(AuthorityTest, WhatARegistrarActivates) {
  const Draft good = h_.Activate("alice");
  const auto changed = [&](const std::function<void(Activated&, identity::DirectoryRecord&)>& change) {
    Draft draft = good;
    change(std::get<Activated>(draft.cause), draft.record);
    return draft;
  };
  EXPECT_EQ(Next(h_.Commit("alice", good)), std::nullopt);
  ExpectFound(Rule::kSignature, "alice", changed([](auto& c, auto&) { c.intent.signatures[0].signature[0] ^= 1; }), "not signed");
  ExpectFound(Rule::kStale, "alice", changed([](auto& c, auto&) { ++c.intent.revision; }), "another state");
  ExpectFound(Rule::kGhostDevice, "alice", changed([](auto& c, auto&) { c.joined.request.tls_key_hash.fill(1); }), "another request");
  ExpectFound(Rule::kForeignCause, "alice",
              changed([](auto& c, auto&) { c.joined.request.user = History::User("bob").ToString(); }), "Bob's request");
  ExpectFound(Rule::kCause, "alice", changed([](auto&, auto& record) { record.cause.fill(9); }), "another cause");
  Draft other = h_.Act("alice", Action::kSuspendAccount);
  other.cause = Activated{std::get<SignedIntent>(other.cause), std::get<Activated>(good.cause).joined};
  ExpectFound(Rule::kAction, "alice", History::Named(other), "another action");
  Draft bare = good;
  bare.cause = std::get<Activated>(good.cause).intent;
  ExpectFound(Rule::kAction, "alice", bare, "an activation without its device");
}

TEST_F(AuthorityTest, BehindAFindingOnlyThatPersonIsNotJudged) {
  Draft draft = h_.Act("alice", Action::kSuspendAccount);
  draft.record.display_name = "Alice B.";
  h_.Append("alice", draft);
  h_.Append("alice", h_.Act("alice", Action::kReactivateAccount));
  draft = h_.Approve("bob", Device("bob", 0));
  History::Add(draft.record, Ghost());
  h_.Append("bob", draft);
  h_.Append("carol", h_.Act("carol", Action::kReactivateAccount));
  EXPECT_EQ(Replay(authority_), (std::vector<AuthorityFinding>{{Rule::kName, h_.place - 4}, {Rule::kGhostDevice, h_.place - 2}}));
  EXPECT_EQ(authority_.counts().violations, 2u);
  EXPECT_EQ(authority_.counts().unchecked, 1u);
  EXPECT_EQ(authority_.counts().checked, h_.items.size() - 3);
}

TEST_F(AuthorityTest, ARenewalChangesOneCredentialOfItsOwnDeviceAndNothingElse) {
  const TestDevice& device = Device("alice", 0);
  const TestDevice& other = Device("alice", 1);
  const Draft good = h_.Renew("alice", device);
  ExpectFine("alice", good, "a renewal");

  const auto with = [&](const std::function<void(identity::CredentialRenewal&)>& change) {
    identity::CredentialRenewal renewal = h_.Renewal("alice", device);
    change(renewal);
    return h_.Renew("alice", device, renewal, device, h_.RenewedSpec("alice", device));
  };
  Draft draft = good;
  std::get<Renewed>(draft.cause).renewal.push_back(0);
  ExpectFound(Rule::kCause, "alice", History::Named(draft), "no renewal");
  draft = good;
  draft.record.cause[0] ^= 1;
  ExpectFound(Rule::kCause, "alice", draft, "the record names another cause");
  ExpectFound(Rule::kForeignCause, "alice", with([](auto& r) { r.user = History::User("bob").ToString(); }), "of bob's");
  ExpectFound(Rule::kSigner, "alice", with([](auto& r) { r.device_id[0] ^= 1; }), "of a device that there is not");
  ExpectFound(Rule::kSignature, "alice", h_.Renew("alice", device, h_.Renewal("alice", device), other, h_.RenewedSpec("alice", device)),
              "signed by another device of hers");
  ExpectFound(Rule::kAction, "alice", with([&](auto& r) { r.mls_signature_public_key = other.mls_key(); }), "for another key");
  ExpectFound(Rule::kStale, "alice", with([](auto& r) { r.former_credential_hash[0] ^= 1; }), "of another credential than there was");
  ExpectFound(Rule::kStale, "alice", with([&](auto& r) { r.former_credential_hash = h_.Renewal("alice", other).former_credential_hash; }),
              "of the other device's");

  const auto certified = [&](const std::function<void(crypto::LeafSpec&)>& change) {
    crypto::LeafSpec spec = h_.RenewedSpec("alice", device);
    change(spec);
    return h_.Renew("alice", device, h_.Renewal("alice", device), device, spec);
  };
  ExpectFound(Rule::kCredential, "alice", certified([&](auto& s) { s.spki = crypto::Ed25519Spki(other.mls->public_key()); }), "for another key");
  ExpectFound(Rule::kCredential, "alice", certified([](auto& s) { s.uris[0] = History::User("bob").ToString(); }), "in bob's name");
  ExpectFound(Rule::kCredential, "alice", certified([&](auto& s) { s.uris[1] = identity::DeviceUri{"example.org", other.id}.ToString(); }),
              "in the other device's name");
  ExpectFound(Rule::kCredential, "alice", certified([](auto& s) { s.purpose = crypto::Purpose::kTlsClient; }), "for TLS");
  ExpectFound(Rule::kTime, "alice", certified([](auto& s) { s.validity.not_before += absl::Hours(1); }), "that begins in an hour");
  ExpectFound(Rule::kTime, "alice", certified([](auto& s) { s.validity.not_before -= absl::Hours(1); }), "that began an hour ago");
  draft = good;
  draft.record.devices = h_.people["alice"].record.devices;
  ExpectFound(Rule::kNotDone, "alice", draft, "the record is as before");
  const auto changed = [&](const std::function<void(identity::DirectoryRecord&)>& change) {
    Draft out = good;
    change(out.record);
    return out;
  };
  const auto of = [](identity::DirectoryRecord& record, const TestDevice& which) -> identity::RecordDevice& {
    return *const_cast<identity::RecordDevice*>(identity::FindDevice(record, which.id));
  };
  ExpectFound(Rule::kChangedDevice, "alice", changed([&](auto& r) { of(r, device).label = "other"; }), "with another label");
  ExpectFound(Rule::kChangedDevice, "alice", changed([&](auto& r) { of(r, device).mls_signature_public_key = TestDevice().mls_key(); }), "with another key");
  ExpectFound(Rule::kChangedDevice, "alice", changed([&](auto& r) { ++of(r, device).enrolled_day; }), "with another day");
  ExpectFound(Rule::kChangedDevice, "alice", changed([&](auto& r) { of(r, device).credential_hash[0] ^= 1; }), "with another credential");
  ExpectFound(Rule::kChangedDevice, "alice", changed([&](auto& r) { of(r, other).credential_hash = of(r, device).credential_hash; }),
              "and the other device's too");
  ExpectFound(Rule::kLostDevice, "alice", changed([&](auto& r) { History::Drop(r, other.id); }), "and a device less");
  ExpectFound(Rule::kLostDevice, "alice", changed([&](auto& r) { History::Drop(r, device.id); }), "and the device is gone");
  ExpectFound(Rule::kGhostDevice, "alice", changed([&](auto& r) { History::Add(r, Ghost()); }), "and a device more");
  ExpectFound(Rule::kName, "alice", changed([](auto& r) { r.display_name = "Mallory"; }), "and another name");
  ExpectFound(Rule::kStatus, "alice", changed([](auto& r) { r.status = RecordStatus::kSuspended; }), "and a suspension");
  ExpectFound(Rule::kSigner, "carol", h_.Renew("carol", Device("carol", 0)), "of a suspended person");

  // No other kind of cause changes a credential.
  draft = h_.Approve("alice", other);
  of(draft.record, device).credential_hash[0] ^= 1;
  ExpectFound(Rule::kChangedDevice, "alice", draft, "with an approval");

  h_.Append("alice", good);
  Draft again = good;
  again.record = h_.Next("alice");
  ExpectFound(Rule::kReplayed, "alice", History::Named(again), "once more");
  ExpectFine("alice", h_.Renew("alice", device), "the next one");
  ExpectFine("alice", h_.Approve("alice", device), "the same device decides on");
}

}  // namespace
}  // namespace plumbline::directory
