// Revocations over a real store, without gRPC. tests/e2e/leaver_test.cc has both servers.
#include "server/revocations.h"

#include <gtest/gtest.h>

#include "common/identity/labels.h"
#include "server/delivery.h"
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
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;

struct World {
  World() { Reopen(); }
  void Reopen() {
    revocations.reset();
    delivery.reset();
    store.reset();
    StoreOptions options;
    options.path = directory.File("server.db");
    store = *SqlcipherStore::Create(options, *db::Key::FromSecret(Secret(32)), log_key, clock);
    delivery.emplace(Delivery::Parts{*store, *store, *store, sessions, streams, counters, clock},
                     organisation.roles(), kDomain);
    revocations.emplace(*store, sessions, streams, organisation.roles(), organisation.root(), kDomain, clock);
  }
  v1::RevokeRequest Request(const identity::Revocation& revocation) const {
    const Bytes wire = Encode(revocation);
    v1::RevokeRequest request;
    request.set_revocation(ToString(wire));
    request.set_signature(ToString(organisation.grants().Sign(identity::kRevocationLabel, wire)));
    return request;
  }
  absl::StatusOr<uint64_t> Revoke(const v1::RevokeRequest& request) {
    v1::RevokeResponse response;
    RETURN_IF_ERROR(revocations->Revoke(request, response));
    return response.last_sequence();
  }
  absl::StatusOr<uint64_t> Revoke(uint64_t sequence, uint64_t previous,
                                  std::vector<identity::RevokedGrant> grants,
                                  std::vector<identity::VoidTokenKey> token_keys = {}) {
    return Revoke(Request({sequence, previous, {std::move(grants), std::move(token_keys)}}));
  }
  absl::Status Deposit(const TestMailbox& mailbox) {
    v1::OpenSessionRequest open;
    tokens::Show(open, organisation.NewToken(clock.Now()));
    v1::OpenSessionResponse session;
    RETURN_IF_ERROR(delivery->OpenSession(open, session));
    v1::SubmitRequest request;
    request.set_session_id(session.session_id());
    AddEnvelope(request, mailbox, RandomBytes(1024));
    v1::SubmitResponse response;
    RETURN_IF_ERROR(delivery->Submit(request, response));
    if (response.results(0).outcome() != v1::EnvelopeResult::STORED)
      return absl::NotFoundError("refused");
    return absl::OkStatus();
  }
  size_t Events(absl::string_view name) {
    auto database =
        db::Database::Open(directory.File("server.db"), *db::Key::FromSecret(Secret(32)),
                           {.create = false, .exclusive = false, .busy_timeout = absl::Seconds(5)});
    size_t count = 0;
    auto reader = audit::AuditReader::Open(**database, log_key.verifier());
    const auto records = *reader->ReadAfter(0, 1000);
    for (const audit::Record& record : records) count += record.name == name;
    return count;
  }

  FakeClock clock;
  const audit::LogKey log_key = audit::TestLogKey();
  TemporaryDirectory directory;
  TestOrganisation organisation{clock.Now()};
  Sessions sessions{clock, {}};
  Streams streams{100};
  Counters counters;
  std::unique_ptr<SqlcipherStore> store;
  std::optional<Delivery> delivery;
  std::optional<Revocations> revocations;
};

identity::RevokedGrant Of(const std::string& grant) {
  const auto parsed = identity::ParseMailboxGrant(AsBytes(grant));
  return {parsed->serial, parsed->expires_day};
}

identity::VoidTokenKey KeyOf(const World& world) {
  const tlog::TokenKeyLeaf leaf = world.organisation.mint().KeyFor("delivery", world.clock.Now()).leaf;
  return {leaf.token_key_id, leaf.ends};
}

TEST(Revocations, CloseTheMailboxAndNoOther) {
  World world;
  TestMailbox leaver, stayer;
  const std::string grant = world.organisation.NewGrant(world.clock.Now());
  ASSERT_OK(world.delivery->OpenMailbox(leaver.Opening(grant)));
  ASSERT_OK(
      world.delivery->OpenMailbox(stayer.Opening(world.organisation.NewGrant(world.clock.Now()))));
  ASSERT_OK(world.Deposit(leaver));
  ASSERT_OK_AND_ASSIGN(const uint64_t last, world.Revoke(1, 0, {Of(grant)}));
  EXPECT_EQ(last, 1u);
  const identity::Nonce nonce = identity::RandomFixed<32>();
  EXPECT_THAT(world.delivery->Prove(leaver.id, nonce, leaver.Shown(nonce)),
              StatusIs(kUnauthenticated));
  EXPECT_THAT(world.delivery->Fetch(leaver.id, leaver.begin, {10, 1 << 20}),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(world.Deposit(leaver).ok());
  EXPECT_OK(world.delivery->Prove(stayer.id, nonce, stayer.Shown(nonce)));
  EXPECT_OK(world.Deposit(stayer));
}

TEST(Revocations, AGrantThatOpenedNothingYetOpensNothingAnyMoreAlsoAfterARestart) {
  World world;
  TestMailbox mailbox;
  const std::string grant = world.organisation.NewGrant(world.clock.Now());
  ASSERT_OK(world.Revoke(1, 0, {Of(grant)}));
  EXPECT_THAT(world.delivery->OpenMailbox(mailbox.Opening(grant)),
              StatusIs(kUnauthenticated, HasSubstr("grant_revoked")));
  world.Reopen();
  EXPECT_THAT(world.delivery->OpenMailbox(mailbox.Opening(grant)),
              StatusIs(kUnauthenticated, HasSubstr("grant_revoked")));
  world.clock.Advance(absl::Hours(24 * 36));
  ASSERT_OK(world.store->Sweep(
      world.clock.Now()));  // the grant itself is over, so nothing has to be remembered
  EXPECT_THAT(world.delivery->OpenMailbox(mailbox.Opening(grant)),
              StatusIs(kUnauthenticated, HasSubstr("grant_expired")));
}

TEST(Revocations, NoTokenOfAVoidKeyOpensASessionAlsoAfterARestart) {
  World world;
  v1::OpenSessionRequest request;
  tokens::Show(request, world.organisation.NewToken(world.clock.Now()));
  ASSERT_OK(world.Revoke(1, 0, {}, {KeyOf(world)}));
  v1::OpenSessionResponse response;
  EXPECT_THAT(world.delivery->OpenSession(request, response), StatusIs(kUnauthenticated, HasSubstr("token_void")));
  world.Reopen();
  EXPECT_THAT(world.delivery->OpenSession(request, response), StatusIs(kUnauthenticated, HasSubstr("token_void")));
  world.clock.Advance(absl::Hours(3));
  ASSERT_OK(world.store->Sweep(world.clock.Now()));  // the key itself is over, so nothing has to be remembered
  EXPECT_THAT(world.delivery->OpenSession(request, response), StatusIs(kUnauthenticated, HasSubstr("token_expired")));
}

TEST(Revocations, AVoidKeysSessionsEndAtOnceAndNoOther) {
  World world;
  v1::OpenSessionRequest request;
  tokens::Show(request, world.organisation.NewToken(world.clock.Now()));
  v1::OpenSessionResponse session;
  ASSERT_OK(world.delivery->OpenSession(request, session));
  const SessionId id = *identity::ToFixed<16>(AsBytes(session.session_id()));
  ASSERT_OK(world.Revoke(1, 0, {}, {{identity::Hash{1}, KeyOf(world).ends_unix}}));
  EXPECT_OK(world.sessions.Take(id, 1));
  ASSERT_OK(world.Revoke(2, 1, {}, {KeyOf(world)}));
  EXPECT_THAT(world.sessions.Take(id, 1), StatusIs(kUnauthenticated, HasSubstr("session_ended")));
}

// Between the spending of a token and the opening of its session there is a moment.
TEST(Revocations, ATokenThatIsBeingSpentOpensNoSessionEither) {
  World world;
  const identity::VoidTokenKey key = KeyOf(world);
  const tokens::Redeemed token{identity::Hash{7}, key.token_key_id, world.clock.Now(), world.clock.Now() + absl::Minutes(10)};
  ASSERT_OK(world.store->Spend(token));
  ASSERT_OK(world.Revoke(1, 0, {}, {key}));
  EXPECT_THAT(world.sessions.Open(token), StatusIs(kUnauthenticated, HasSubstr("token_void")));
}

TEST(Revocations, ARepeatChangesNothingAndIsRecordedOnce) {
  World world;
  const std::string grant = world.organisation.NewGrant(world.clock.Now());
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(const uint64_t last, world.Revoke(4, 0, {Of(grant)}));
    EXPECT_EQ(last, 4u);
  }
  EXPECT_EQ(world.Events("revocation.applied"), 1u);
}

// A key server that was restored from a backup counts again from where it was: what it says must
// count all the same.
TEST(Revocations, AnOlderNumberIsCarriedOutToo) {
  World world;
  TestMailbox mailbox;
  const std::string grant = world.organisation.NewGrant(world.clock.Now());
  ASSERT_OK(world.delivery->OpenMailbox(mailbox.Opening(grant)));
  ASSERT_OK(world.Revoke(9, 0, {{identity::GrantSerial{1}, 30'000}}));
  ASSERT_OK_AND_ASSIGN(const uint64_t last, world.Revoke(3, 2, {Of(grant)}));
  EXPECT_EQ(last, 9u);
  EXPECT_THAT(world.delivery->Fetch(mailbox.id, mailbox.begin, {10, 1 << 20}),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(Revocations, AGapIsNamedAndNothingIsDone) {
  World world;
  TestMailbox mailbox;
  const std::string grant = world.organisation.NewGrant(world.clock.Now());
  ASSERT_OK(world.delivery->OpenMailbox(mailbox.Opening(grant)));
  ASSERT_OK_AND_ASSIGN(const uint64_t last, world.Revoke(5, 4, {Of(grant)}));
  EXPECT_EQ(last, 0u);
  EXPECT_OK(world.delivery->Fetch(mailbox.id, mailbox.begin, {10, 1 << 20}));
  EXPECT_EQ(world.Events("revocation.applied"), 0u);
}

TEST(Revocations, OnlyTheGrantsRoleCloses) {
  World world;
  const std::string grant = world.organisation.NewGrant(world.clock.Now());
  v1::RevokeRequest request = world.Request({1, 0, {{Of(grant)}, {}}});
  request.set_signature(ToString(
      world.organisation.tokens().Sign(identity::kRevocationLabel, AsBytes(request.revocation()))));
  EXPECT_THAT(world.Revoke(request),
              StatusIs(kUnauthenticated, HasSubstr("revocation_signature_invalid")));
  request.set_signature(ToString(world.organisation.grants().Sign(identity::kMailboxGrantLabel,
                                                                  AsBytes(request.revocation()))));
  EXPECT_THAT(world.Revoke(request),
              StatusIs(kUnauthenticated, HasSubstr("revocation_signature_invalid")));
  v1::RevokeRequest malformed;
  malformed.set_revocation("x");
  malformed.set_signature(
      ToString(world.organisation.grants().Sign(identity::kRevocationLabel, AsBytes("x"))));
  EXPECT_THAT(world.Revoke(malformed),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("revocation_malformed")));
}

}  // namespace
}  // namespace plumbline::server
