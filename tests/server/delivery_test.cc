// The server's decisions over a real store, without gRPC. tests/server/process_test.cc does the same over the wire.
#include "server/delivery.h"

#include <gtest/gtest.h>

#include <functional>

#include "server/store/sqlcipher_store.h"
#include "tests/common/audit/logs.h"
#include "tests/server/fake_clock.h"
#include "tests/server/organisation.h"
#include "tests/server/temporary_directory.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
namespace v1 = delivery::v1;

struct World {
  explicit World(int64_t store_bytes = 0, SessionLimits limits = {}) : sessions(clock, limits) {
    StoreOptions options;
    options.path = directory.File("server.db");
    options.max_pages = store_bytes / 4096;
    store = *SqlcipherStore::Create(options, db::Key::Random(), log_key, clock);
    delivery.emplace(Delivery::Parts{*store, *store, *store, sessions, streams, counters, clock}, organisation.roles(), kDomain);
  }
  std::string Session() {
    v1::OpenSessionRequest request;
    tokens::Show(request, organisation.NewToken(clock.Now()));
    v1::OpenSessionResponse response;
    EXPECT_OK(delivery->OpenSession(request, response));
    return response.session_id();
  }
  TestMailbox Mailbox() {
    TestMailbox mailbox;
    EXPECT_OK(delivery->OpenMailbox(mailbox.Opening(organisation.NewGrant(clock.Now()))));
    return mailbox;
  }
  absl::StatusOr<v1::SubmitResponse> Submit(const v1::SubmitRequest& request) {
    v1::SubmitResponse response;
    RETURN_IF_ERROR(delivery->Submit(request, response));
    return response;
  }
  size_t Held(const TestMailbox& mailbox) {
    const auto batch = delivery->Fetch(mailbox.id, mailbox.begin, {100'000, 1 << 30});
    return batch.ok() ? batch->envelopes.size() : 0;
  }

  FakeClock clock;
  TemporaryDirectory directory;
  TestOrganisation organisation{clock.Now()};
  Sessions sessions;
  Streams streams{100};
  Counters counters;
  const audit::LogKey log_key = audit::TestLogKey();
  std::unique_ptr<SqlcipherStore> store;
  std::optional<Delivery> delivery;
  const Bytes sealed = RandomBytes(1024);
};

TEST(OpenSession, NeedsATokenThatIsGoodAndUnspent) {
  World w;
  v1::OpenSessionRequest request;
  v1::OpenSessionResponse response;
  const tokens::ShownToken token = w.organisation.NewToken(w.clock.Now());
  tokens::Show(request, token);
  ASSERT_OK(w.delivery->OpenSession(request, response));
  EXPECT_EQ(response.session_id().size(), 16u);
  EXPECT_EQ(response.sends_left(), 2000u);
  EXPECT_EQ(response.seconds_left(), 600u);
  EXPECT_THAT(w.delivery->OpenSession(request, response), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_spent")));
  const tokens::ShownToken unspent = w.organisation.NewToken(w.clock.Now());
  for (size_t n = 0; n < unspent.token.size(); ++n) {
    tokens::ShownToken cut = unspent, flipped = unspent;
    cut.token.resize(n);
    flipped.token[n] ^= 1;
    for (const tokens::ShownToken& bad : {cut, flipped}) {
      tokens::Show(request, bad);
      ASSERT_THAT(w.delivery->OpenSession(request, response), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_invalid")));
    }
  }
  tokens::Show(request, unspent);
  EXPECT_OK(w.delivery->OpenSession(request, response));  // none of these spent it
  tokens::Show(request, w.organisation.NewToken(w.clock.Now(), tokens::kPurposeDirectory));
  EXPECT_THAT(w.delivery->OpenSession(request, response), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_invalid")));
  tokens::Show(request, w.organisation.NewToken(w.clock.Now() - absl::Hours(2)));
  EXPECT_THAT(w.delivery->OpenSession(request, response), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_expired")));
  const TestOrganisation other(w.clock.Now());
  tokens::Show(request, other.NewToken(w.clock.Now()));
  EXPECT_THAT(w.delivery->OpenSession(request, response), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_invalid")));
}

TEST(OpenSession, WithoutRoomTheTokenIsNotSpent) {
  World w(0, {.life = absl::Minutes(2), .sessions = 1});
  w.Session();
  v1::OpenSessionRequest request;
  v1::OpenSessionResponse response;
  tokens::Show(request, w.organisation.NewToken(w.clock.Now()));
  EXPECT_THAT(w.delivery->OpenSession(request, response), StatusIs(absl::StatusCode::kResourceExhausted));
  w.clock.Advance(absl::Minutes(4));
  EXPECT_OK(w.delivery->OpenSession(request, response));
}

TEST(OpenMailbox, NeedsAGrantAndTheOwnersSignature) {
  World w;
  const TestMailbox mailbox;
  const std::string grant = w.organisation.NewGrant(w.clock.Now());
  const v1::OpenMailboxRequest good = mailbox.Opening(grant);
  for (size_t n = 0; n < grant.size(); ++n) {
    v1::OpenMailboxRequest request = mailbox.Opening(grant.substr(0, n));
    ASSERT_THAT(w.delivery->OpenMailbox(request), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("grant_invalid")));
    std::string flipped = grant;
    flipped[n] ^= 1;
    ASSERT_THAT(w.delivery->OpenMailbox(mailbox.Opening(flipped)), StatusIs(absl::StatusCode::kUnauthenticated));
  }
  v1::OpenMailboxRequest request = good;
  request.set_mailbox_id(ToString(identity::RandomFixed<16>()));
  EXPECT_THAT(w.delivery->OpenMailbox(request), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("signature_invalid")));
  request = good;
  request.add_deposit_capability_hashes(std::string(32, 'x'));
  EXPECT_THAT(w.delivery->OpenMailbox(request), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("signature_invalid")));
  request = good;
  request.set_owner_public_key(std::string(32, '\0'));
  EXPECT_THAT(w.delivery->OpenMailbox(request), StatusIs(absl::StatusCode::kInvalidArgument));
  request = good;
  for (int i = 0; i < 1000; ++i) request.add_deposit_capability_hashes(std::string(32, 'x'));
  EXPECT_THAT(w.delivery->OpenMailbox(request), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(w.store->Find(mailbox.id, DayOf(w.clock.Now())), StatusIs(absl::StatusCode::kNotFound));

  EXPECT_OK(w.delivery->OpenMailbox(good));
  EXPECT_OK(w.delivery->OpenMailbox(good));
  EXPECT_THAT(w.delivery->OpenMailbox(TestMailbox().Opening(grant)), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("grant_used")));
  const std::string old_grant = w.organisation.NewGrant(w.clock.Now() - absl::Hours(24 * 40));
  EXPECT_THAT(w.delivery->OpenMailbox(TestMailbox().Opening(old_grant)),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("grant_expired")));
}

TEST(SetDepositCapabilities, OnlyTheOwnerMayAndOnlyForwards) {
  World w;
  const TestMailbox mailbox = w.Mailbox(), other;
  const std::vector<identity::Hash> fresh = {Sha256(Bytes{1})};
  v1::SetDepositCapabilitiesRequest forged = other.Capabilities(1, fresh);
  forged.set_mailbox_id(ToString(mailbox.id));
  EXPECT_THAT(w.delivery->SetDepositCapabilities(forged), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("signature_invalid")));
  EXPECT_THAT(w.delivery->SetDepositCapabilities(other.Capabilities(1, fresh)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("mailbox_unknown")));
  const v1::SetDepositCapabilitiesRequest good = mailbox.Capabilities(1, fresh);
  EXPECT_OK(w.delivery->SetDepositCapabilities(good));
  EXPECT_THAT(w.delivery->SetDepositCapabilities(good), StatusIs(absl::StatusCode::kAborted, HasSubstr("stale_counter")));
  v1::SetDepositCapabilitiesRequest changed = mailbox.Capabilities(2, fresh);
  changed.set_counter(3);
  EXPECT_THAT(w.delivery->SetDepositCapabilities(changed), StatusIs(absl::StatusCode::kUnauthenticated));
  v1::SubmitRequest submit;
  submit.set_session_id(w.Session());
  AddEnvelope(submit, mailbox, w.sealed);
  ASSERT_OK_AND_ASSIGN(const v1::SubmitResponse response, w.Submit(submit));
  EXPECT_EQ(response.results(0).outcome(), v1::EnvelopeResult::REFUSED);  // the old capability
}

TEST(Submit, StoresAndAnswersInTheRequestsOrder) {
  World w;
  const TestMailbox a = w.Mailbox(), b = w.Mailbox(), unknown;
  v1::SubmitRequest request;
  request.set_session_id(w.Session());
  AddEnvelope(request, a, w.sealed);
  AddEnvelope(request, unknown, w.sealed);
  AddEnvelope(request, b, w.sealed);
  ASSERT_OK_AND_ASSIGN(const v1::SubmitResponse response, w.Submit(request));
  ASSERT_EQ(response.results_size(), 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(response.results(i).envelope_id(), request.envelopes(i).envelope_id());
  EXPECT_EQ(response.results(0).outcome(), v1::EnvelopeResult::STORED);
  EXPECT_EQ(response.results(1).outcome(), v1::EnvelopeResult::REFUSED);
  EXPECT_EQ(response.results(2).outcome(), v1::EnvelopeResult::STORED);
  EXPECT_EQ(response.commit().outcome(), v1::CommitOutcome::OUTCOME_UNSPECIFIED);
  ASSERT_OK_AND_ASSIGN(const v1::SubmitResponse again, w.Submit(request));
  EXPECT_EQ(again.SerializeAsString(), response.SerializeAsString());
  EXPECT_EQ(w.Held(a) + w.Held(b), 2u);
}

TEST(Submit, MalformedRequestsChangeNothing) {
  World w;
  const TestMailbox mailbox = w.Mailbox();
  const TestGate gate;
  using Change = std::function<void(v1::SubmitRequest&)>;
  const std::vector<std::pair<const char*, Change>> cases = {
      {"request_malformed", [](auto& r) { r.clear_envelopes(), r.clear_commit(); }},
      {"request_malformed", [](auto& r) { r.mutable_envelopes(0)->set_envelope_id("short"); }},
      {"request_malformed", [](auto& r) { r.mutable_envelopes(0)->set_mailbox_id(std::string(17, 'm')); }},
      {"request_malformed", [](auto& r) { r.mutable_envelopes(0)->set_deposit_capability(""); }},
      {"wrong_size", [](auto& r) { r.mutable_envelopes(0)->set_sealed(std::string(1023, 's')); }},
      {"wrong_size", [](auto& r) { r.mutable_envelopes(0)->set_sealed(std::string(1025, 's')); }},
      {"wrong_size", [](auto& r) { r.mutable_envelopes(0)->set_sealed(std::string((1 << 20) + 65536, 's')); }},
      {"duplicate_envelope_id", [](auto& r) { *r.add_envelopes() = r.envelopes(0); }},
      {"request_malformed", [](auto& r) { r.mutable_commit()->set_handle("h"); }},
      {"request_malformed", [](auto& r) { r.mutable_commit()->set_next_public_key("k"); }},
      {"request_malformed", [](auto& r) { r.mutable_commit()->set_next_public_key(std::string(32, '\0')); }},
      {"request_malformed", [](auto& r) { r.mutable_commit()->set_current_public_key("k"); }},
      {"request_malformed", [](auto& r) { r.mutable_commit()->set_read_token_hash("t"); }},
      {"request_malformed", [](auto& r) { r.mutable_commit()->set_signature(std::string(63, 's')); }},
      {"request_malformed", [](auto& r) { r.mutable_commit()->set_epoch(UINT64_MAX); }},
      {"wrong_size", [](auto& r) { r.mutable_commit()->set_sealed_commit(std::string(1030, 'c')); }},
      {"submission_too_large",
       [&](auto& r) {
         for (int i = 0; i < 17; ++i) AddEnvelope(r, mailbox, Bytes(1 << 20));
       }},
      {"submission_too_large",
       [&](auto& r) {
         for (int i = 0; i < 2001; ++i) AddEnvelope(r, mailbox, {});
       }},
  };
  const std::string session = w.Session();
  for (const auto& [reason, change] : cases) {
    v1::SubmitRequest request;
    request.set_session_id(session);
    AddEnvelope(request, mailbox, w.sealed);
    gate.Sign(request, 0, true, w.sealed);
    change(request);
    EXPECT_THAT(w.Submit(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(reason)));
    EXPECT_EQ(w.Held(mailbox), 0u);
    ASSERT_OK_AND_ASSIGN(const auto found, w.store->FindGate(gate.handle));
    EXPECT_FALSE(found.has_value());
  }
  EXPECT_EQ(w.counters.envelopes_stored, 0);
}

TEST(Submit, NeedsASessionWithBudget) {
  World w(0, {.envelopes = 3});
  const TestMailbox mailbox = w.Mailbox();
  v1::SubmitRequest request;
  AddEnvelope(request, mailbox, w.sealed);
  for (const std::string& session : {std::string(), std::string("x"), std::string(16, 'x')}) {
    request.set_session_id(session);
    EXPECT_THAT(w.Submit(request), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("session_unknown")));
  }
  request.set_session_id(w.Session());
  AddEnvelope(request, mailbox, w.sealed);
  ASSERT_OK(w.Submit(request));
  v1::SubmitRequest two;
  two.set_session_id(request.session_id());
  AddEnvelope(two, mailbox, w.sealed);
  AddEnvelope(two, mailbox, w.sealed);
  EXPECT_THAT(w.Submit(two), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("budget_spent")));
  EXPECT_EQ(w.Held(mailbox), 2u);
  w.clock.Advance(absl::Minutes(10));
  EXPECT_THAT(w.Submit(two), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("session_ended")));
}

TEST(Submit, AFullStoreIsSaidAndGivesTheBudgetBack) {
  World w(/*store_bytes=*/1 << 20, {.envelopes = 12});
  const TestMailbox mailbox = w.Mailbox();
  const std::string session = w.Session();
  const Bytes large = RandomBytes(256 * 1024);
  absl::Status status;
  int stored = 0;
  for (; status.ok(); stored += status.ok()) {
    v1::SubmitRequest request;
    request.set_session_id(session);
    AddEnvelope(request, mailbox, large);
    status = w.Submit(request).status();
    ASSERT_LT(stored, 10);
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("storage_full")));
  EXPECT_EQ(w.Held(mailbox), static_cast<size_t>(stored));
  EXPECT_EQ(w.counters.storage_faults, 1);
  EXPECT_OK(w.sessions.Take(*identity::ToFixed<16>(AsBytes(session)), 12u - static_cast<uint32_t>(stored)));
}

TEST(Submit, AGateMovesOnlyUnderTheKeyOfItsEpoch) {
  World w;
  const TestMailbox mailbox = w.Mailbox();
  const TestGate gate;
  const std::string session = w.Session();
  const auto request = [&](uint64_t epoch, bool founds) {
    v1::SubmitRequest r;
    r.set_session_id(session);
    AddEnvelope(r, mailbox, w.sealed);
    gate.Sign(r, epoch, founds, w.sealed);
    return r;
  };
  const auto outcome = [&](const v1::SubmitRequest& r) {
    const auto response = w.Submit(r);
    EXPECT_OK(response);
    return response.ok() ? response->commit() : v1::CommitOutcome();
  };
  EXPECT_EQ(outcome(request(3, false)).outcome(), v1::CommitOutcome::GATE_UNKNOWN);
  v1::SubmitRequest wrong_founder = request(3, true);
  wrong_founder.mutable_commit()->set_current_public_key(ToString(gate.Key(9).public_key().view()));
  EXPECT_EQ(outcome(wrong_founder).outcome(), v1::CommitOutcome::BAD_SIGNATURE);
  EXPECT_EQ(w.Held(mailbox), 0u);

  const v1::SubmitRequest first = request(3, true);
  EXPECT_EQ(outcome(first).outcome(), v1::CommitOutcome::ACCEPTED);
  EXPECT_EQ(w.Held(mailbox), 1u);

  // Each thing the signature covers.
  const std::vector<std::function<void(v1::SubmitRequest&)>> changes = {
      [&](auto& r) { r.mutable_commit()->set_next_public_key(ToString(gate.Key(77).public_key().view())); },
      [&](auto& r) { r.mutable_commit()->set_read_token_hash(std::string(32, 'r')); },
      [&](auto& r) { r.mutable_commit()->set_sealed_commit(ToString(RandomBytes(1024))); },
      [&](auto& r) { AddEnvelope(r, mailbox, w.sealed); },
      [&](auto& r) { r.clear_envelopes(); },
      [&](auto& r) { r.mutable_envelopes(0)->set_sealed(ToString(RandomBytes(1024))); },
      [&](auto& r) { r.mutable_envelopes(0)->set_envelope_id(ToString(RandomBytes(16))); },
      [&](auto& r) { r.mutable_commit()->set_signature(std::string(64, 's')); },
      // Whoever knows the handle founds the gate anew, under a key of their own.
      [&](auto& r) {
        const crypto::Ed25519KeyPair own = crypto::Ed25519KeyPair::Generate();
        gate.Sign(r, 4, own, w.sealed);
        r.mutable_commit()->set_current_public_key(ToString(own.public_key().view()));
      },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    SCOPED_TRACE(i);
    v1::SubmitRequest changed = request(4, false);
    changes[i](changed);
    EXPECT_EQ(outcome(changed).outcome(), v1::CommitOutcome::BAD_SIGNATURE);
    EXPECT_EQ(w.Held(mailbox), 1u);
  }
  EXPECT_EQ(outcome(request(3, true)).outcome(), v1::CommitOutcome::LOST);  // another commit of that epoch
  EXPECT_EQ(outcome(request(5, false)).outcome(), v1::CommitOutcome::LOST);
  EXPECT_EQ(outcome(first).outcome(), v1::CommitOutcome::ACCEPTED);  // the same one again
  const v1::CommitOutcome second = outcome(request(4, false));
  EXPECT_EQ(second.outcome(), v1::CommitOutcome::ACCEPTED);
  EXPECT_EQ(second.current_epoch(), 5u);
  EXPECT_EQ(w.Held(mailbox), 2u);
}

TEST(ReadCommit, NeedsTheReadTokenAndTellsNothingWithoutIt) {
  World w;
  const TestGate gate;
  v1::SubmitRequest submit;
  submit.set_session_id(w.Session());
  gate.Sign(submit, 0, true, w.sealed);
  ASSERT_OK(w.Submit(submit));
  v1::ReadCommitRequest request;
  request.set_session_id(submit.session_id());
  request.set_handle(ToString(gate.handle));
  request.set_epoch(0);
  request.set_read_token(ToString(gate.read_token));
  v1::ReadCommitResponse response;
  ASSERT_OK(w.delivery->ReadCommit(request, response));
  EXPECT_EQ(response.sealed_commit(), ToString(w.sealed));
  EXPECT_EQ(response.next_public_key(), ToString(gate.Key(1).public_key().view()));
  v1::ReadCommitRequest wrong = request;
  wrong.set_read_token(std::string(32, 'w'));
  const absl::Status wrong_token = w.delivery->ReadCommit(wrong, response);
  wrong = request;
  wrong.set_epoch(7);
  const absl::Status wrong_epoch = w.delivery->ReadCommit(wrong, response);
  EXPECT_THAT(wrong_token, StatusIs(absl::StatusCode::kNotFound, HasSubstr("commit_unknown")));
  EXPECT_EQ(wrong_token, wrong_epoch);
  wrong = request;
  wrong.set_session_id(std::string(16, 'x'));
  EXPECT_THAT(w.delivery->ReadCommit(wrong, response), StatusIs(absl::StatusCode::kUnauthenticated));
  for (const auto& change : std::vector<std::function<void(v1::ReadCommitRequest&)>>{
           [](auto& r) { r.set_handle("h"); }, [](auto& r) { r.set_read_token("t"); }, [](auto& r) { r.set_epoch(UINT64_MAX); }}) {
    wrong = request;
    change(wrong);
    EXPECT_THAT(w.delivery->ReadCommit(wrong, response), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(Prove, OnlyTheOwnerOnThisNonceAndMailboxAndUnknownLooksTheSame) {
  World w;
  const TestMailbox mailbox = w.Mailbox(), other = w.Mailbox(), unknown;
  const identity::Nonce nonce = identity::RandomFixed<32>(), another = identity::RandomFixed<32>();
  const auto prove = [&](const TestMailbox& m, const ReceiveProof& proof) { return w.delivery->Prove(m.id, nonce, proof).status(); };
  EXPECT_OK(prove(mailbox, mailbox.Shown(nonce)));
  const absl::Status refused = prove(mailbox, mailbox.Shown(another));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("proof_invalid")));
  EXPECT_EQ(prove(mailbox, other.Shown(nonce)), refused);
  EXPECT_EQ(prove(mailbox, {Bytes(64, 's'), mailbox.begin}), refused);
  EXPECT_EQ(prove(mailbox, {Bytes(), mailbox.begin}), refused);
  EXPECT_EQ(prove(unknown, unknown.Shown(nonce)), refused);
  // The owner, who shows a place of another mailbox.
  EXPECT_THAT(prove(mailbox, {mailbox.Shown(nonce).signature, other.begin}), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("place_unknown")));
  w.clock.Advance(absl::Hours(24 * 36));
  EXPECT_EQ(prove(mailbox, mailbox.Shown(nonce)), refused);
}

}  // namespace
}  // namespace plumbline::server
