// Each rule, broken by a history that breaks nothing else. As long as the rules are many: they share one town.
#include "tests/common/directory/authority_fixture.h"

namespace plumbline::directory {
namespace {

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

}  // namespace
}  // namespace plumbline::directory
