// The contract of account_store.h, key_package_store.h, administrator_store.h and ledger.h, on every engine.
#include "tests/common/audit/logs.h"
#include "tests/keyserver/store/store_contract.h"

#include <thread>

#include "common/identity/reason.h"
#include "keyserver/store/sqlcipher_account_store.h"
#include "keyserver/store/sqlcipher_administrator_store.h"
#include "keyserver/store/sqlcipher_key_package_store.h"
#include "keyserver/store/sqlcipher_ledger.h"
#include "tests/common/scratch.h"
#include "tests/keyserver/store/directory_keys.h"
#include "tests/status_matchers.h"

namespace plumbline::keyserver {
namespace {

using plumbline::testing::StatusIs;
using ::testing::StartsWith;
constexpr char kUser[] = "mimi://example.org/u/alice";
const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

struct Still final : Clock {
  absl::Time Now() const override { return kNow; }
};

struct SqlcipherStores final : Stores {
  SqlcipherStores(std::unique_ptr<SqlcipherConnection> c, const Clock& clock)
      : connection(std::move(c)),
        a(*connection),
        k(*connection),
        d(*connection, clock),
        l(*connection),
        t(*connection) {}
  AccountStore& accounts() override { return a; }
  KeyPackageStore& key_packages() override { return k; }
  AdministratorStore& administrators() override { return d; }
  Ledger& ledger() override { return l; }
  AuditTrail& trail() override { return t; }
  std::unique_ptr<SqlcipherConnection> connection;
  SqlcipherAccountStore a;
  SqlcipherKeyPackageStore k;
  SqlcipherAdministratorStore d;
  SqlcipherLedger l;
  SqlcipherAuditTrail t;
};

std::unique_ptr<Stores> OpenSqlcipher(const std::string& folder, const Clock& clock) {
  const auto key = db::Key::FromSecret(Secret(32));
  auto connection = SqlcipherConnection::Open(folder + "/keyserver.db", *key, audit::TestLogKey(), TestDirectoryKeys(), clock,
                                              db::OpenOptions());
  CHECK(connection.ok());
  return std::make_unique<SqlcipherStores>(*std::move(connection), clock);
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreContract, ::testing::Values(Engine{"Sqlcipher", OpenSqlcipher}),
                         [](const auto& instance) { return std::string(instance.param.name); });

// A folder, and the stores in it until they are opened again.
struct Opened {
  explicit Opened(const Engine& e) : engine(e), stores(engine.open(scratch.path(), clock)) {}
  void Reopen() {
    stores.reset();
    stores = engine.open(scratch.path(), clock);
  }
  Stores* operator->() { return stores.get(); }
  size_t Events() { return stores->trail().ReadPage(0, 1000)->records.size(); }
  const Engine engine;
  testing::ScratchDir scratch;
  Still clock;
  std::unique_ptr<Stores> stores;
};

IntentTrace Trace(uint8_t nonce, bool keep = true) {
  IntentTrace out;
  out.cause = {{nonce}, 0, {{}}};
  out.nonce.fill(nonce);
  out.expires_unix = static_cast<uint64_t>(absl::ToUnixSeconds(kNow)) + 600;
  out.keep = keep;
  out.evidence = {1, 2, 3};
  out.entry.event = audit::Event::kIntentExecuted;
  return out;
}

Account NewAccount() {
  Account out;
  out.user = kUser;
  out.display_name = "Alice";
  out.record = SignedBytes{{1}, {2}};
  return out;
}

EnrolmentCode Code(uint8_t fill) {
  EnrolmentCode out;
  out.key.fill(fill);
  out.expires_unix = static_cast<uint64_t>(absl::ToUnixSeconds(kNow)) + 3600;
  out.attempts = 2;
  return out;
}

Device NewDevice(uint8_t id) {
  Device out;
  out.id.fill(id);
  out.user = kUser;
  out.working_key.fill(id);
  out.mls_key.fill(static_cast<uint8_t>(id + 100));
  out.credential = {id};
  return out;
}

audit::Entry Event() {
  audit::Entry out;
  out.event = audit::Event::kDeviceEnrolled;
  return out;
}

identity::Hash HashOf(uint8_t fill) {
  identity::Hash out;
  out.fill(fill);
  return out;
}

TEST_P(StoreContract, WhatWasStoredIsThereAfterReopening) {
  Opened stores(GetParam());
  ASSERT_OK(stores->accounts().Create(NewAccount(), Trace(1)));
  ASSERT_OK(stores->accounts().IssueCode(kUser, 1, Code(7), Trace(2)));
  ASSERT_OK(stores->accounts().AddDevice(NewDevice(3), 2, {{5}, {6}}, HashOf(7), kNow, {}, Event()));
  stores.Reopen();
  ASSERT_OK_AND_ASSIGN(const Account account, stores->accounts().Find(kUser));
  EXPECT_EQ(account.revision, 3u);
  EXPECT_EQ(account.record.bytes, Bytes{5});
  ASSERT_EQ(account.devices.size(), 1u);
  EXPECT_EQ(account.devices[0].credential, Bytes{3});
  EXPECT_EQ(stores.Events(), 3u);
  ASSERT_OK_AND_ASSIGN(const auto state, stores->accounts().FindDevice(NewDevice(3).id));
  EXPECT_FALSE(state->suspended);
  ASSERT_OK_AND_ASSIGN(const auto nobody, stores->accounts().FindDevice(NewDevice(4).id));
  EXPECT_FALSE(nobody.has_value());
}

// A refused change leaves nothing: no effect, no event, and the intent's nonce is unused.
TEST_P(StoreContract, ARefusedChangeLeavesNothing) {
  Opened stores(GetParam());
  ASSERT_OK(stores->accounts().Create(NewAccount(), Trace(1)));
  const size_t events = stores.Events();
  EXPECT_THAT(stores->accounts().Create(NewAccount(), Trace(2)),
              StatusIs(absl::StatusCode::kAlreadyExists, StartsWith("account_exists: ")));
  EXPECT_THAT(stores->accounts().Reactivate(kUser, 9, {{8}, {8}}, Trace(2)),
              StatusIs(absl::StatusCode::kAborted, StartsWith("state_changed: ")));
  EXPECT_THAT(stores->accounts().IssueCode(kUser, 9, Code(7), Trace(2)),
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(stores->accounts().AddDevice(NewDevice(3), 1, {{8}, {8}}, HashOf(7), kNow, {}, Event()),
              StatusIs(absl::StatusCode::kUnauthenticated, StartsWith("code_used: ")));
  EXPECT_EQ(stores.Events(), events);
  ASSERT_OK_AND_ASSIGN(const Account account, stores->accounts().Find(kUser));
  EXPECT_EQ(account.revision, 1u);
  EXPECT_TRUE(account.devices.empty());
  EXPECT_OK(stores->administrators().RecordIntent(Trace(2)));
}

TEST_P(StoreContract, AnIntentsNonceIsGoodOnceWhateverItsAction) {
  Opened stores(GetParam());
  ASSERT_OK(stores->administrators().RecordIntent(Trace(1)));
  stores.Reopen();
  const auto replayed = StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("intent_replayed: "));
  EXPECT_THAT(stores->administrators().RecordIntent(Trace(1)), replayed);
  EXPECT_THAT(stores->accounts().Create(NewAccount(), Trace(1)), replayed);
}

TEST_P(StoreContract, AWrongCodeCostsAnAttemptDurablyAndARightOneNone) {
  Opened stores(GetParam());
  ASSERT_OK(stores->accounts().Create(NewAccount(), Trace(1)));
  ASSERT_OK(stores->accounts().IssueCode(kUser, 1, Code(7), Trace(2)));
  const auto verdict = [&stores](uint8_t fill, absl::Time now = kNow) {
    return *stores->accounts().TryCode(kUser, HashOf(fill), now);
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(verdict(7), CodeVerdict::kGood);
  EXPECT_EQ(verdict(7, kNow + absl::Hours(1)), CodeVerdict::kExpired);
  EXPECT_EQ(verdict(8), CodeVerdict::kWrong);
  stores.Reopen();
  EXPECT_EQ(verdict(8), CodeVerdict::kWrong);
  EXPECT_EQ(verdict(7), CodeVerdict::kExhausted);
  EXPECT_THAT(stores->accounts().AddDevice(NewDevice(3), 2, {{5}, {6}}, HashOf(7), kNow, {}, Event()),
              StatusIs(absl::StatusCode::kUnauthenticated))
      << "nor does the last step take it";
}

TEST_P(StoreContract, ACodeAddsOneDevice) {
  Opened stores(GetParam());
  ASSERT_OK(stores->accounts().Create(NewAccount(), Trace(1)));
  ASSERT_OK(stores->accounts().IssueCode(kUser, 1, Code(7), Trace(2)));
  ASSERT_OK(stores->accounts().AddDevice(NewDevice(3), 2, {{5}, {6}}, HashOf(7), kNow, {}, Event()));
  EXPECT_EQ(*stores->accounts().TryCode(kUser, HashOf(7), kNow), CodeVerdict::kUsed);
  EXPECT_THAT(stores->accounts().AddDevice(NewDevice(4), 3, {{5}, {6}}, HashOf(7), kNow, {}, Event()),
              StatusIs(absl::StatusCode::kUnauthenticated));
  ASSERT_OK(stores->accounts().IssueCode(kUser, 3, Code(9), Trace(3)));
  Device same_key = NewDevice(4);
  same_key.mls_key = NewDevice(3).mls_key;
  EXPECT_THAT(stores->accounts().AddDevice(same_key, 4, {{5}, {6}}, HashOf(9), kNow, {}, Event()),
              StatusIs(absl::StatusCode::kAlreadyExists, StartsWith("key_in_use: ")));
  EXPECT_THAT(
      stores->accounts().AddDevice(NewDevice(4), 4, {{5}, {6}}, HashOf(9), kNow + absl::Hours(1), {}, Event()),
      StatusIs(absl::StatusCode::kUnauthenticated))
      << "expired at the last moment";
}

TEST_P(StoreContract, OneTokenIsSpentOnceByHoweverMany) {
  Opened stores(GetParam());
  const tokens::Redeemed token{HashOf(1), HashOf(2), kNow, kNow + absl::Hours(1)};
  std::vector<std::thread> threads;
  std::atomic<int> spent = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { spent += stores->ledger().SpendToken(token).ok(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(spent, 1);
  stores.Reopen();
  EXPECT_THAT(stores->ledger().SpendToken(token),
              StatusIs(absl::StatusCode::kUnauthenticated, StartsWith("token_spent: ")));
}

TEST_P(StoreContract, AQuotaHoldsToTheLastPieceAndARefusedDrawLeavesNoEvent) {
  Opened stores(GetParam());
  ASSERT_OK(stores->accounts().Create(NewAccount(), Trace(1)));
  ASSERT_OK(stores->accounts().IssueCode(kUser, 1, Code(7), Trace(2)));
  ASSERT_OK(stores->accounts().AddDevice(NewDevice(3), 2, {{5}, {6}}, HashOf(7), kNow, {}, Event()));
  ASSERT_OK(stores->accounts().IssueCode(kUser, 3, Code(8), Trace(3)));
  ASSERT_OK(stores->accounts().AddDevice(NewDevice(4), 4, {{7}, {8}}, HashOf(8), kNow, {}, Event()));
  const identity::DeviceId device = NewDevice(3).id;
  ASSERT_OK(stores->ledger().DrawTokens(device, "delivery", 7, 100, 10, Event()));
  const size_t events = stores.Events();
  EXPECT_THAT(stores->ledger().DrawTokens(device, "delivery", 4, 100, 10, Event()),
              StatusIs(absl::StatusCode::kResourceExhausted, StartsWith("quota_spent: ")));
  EXPECT_EQ(stores.Events(), events);
  EXPECT_OK(stores->ledger().DrawTokens(device, "delivery", 3, 100, 10, Event()));
  EXPECT_OK(stores->ledger().DrawTokens(device, "directory", 10, 100, 10, Event()));
  EXPECT_OK(stores->ledger().DrawTokens(NewDevice(4).id, "delivery", 10, 100, 10, Event()));
  EXPECT_OK(stores->ledger().DrawTokens(device, "delivery", 10, 101, 10, Event()));
  EXPECT_THAT(stores->ledger().DrawGrants(device, {{1}, {2}}, 130, 100, 1, Event()),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

// Who has left between being let in and drawing draws nothing: what was drawn before is all there is to revoke.
TEST_P(StoreContract, WhoeverIsNotEnrolledDrawsNothing) {
  Opened stores(GetParam());
  const auto revoked = StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("device_revoked: "));
  EXPECT_THAT(stores->ledger().DrawTokens(identity::DeviceId{9}, "delivery", 1, 100, 10, Event()), revoked);
  EXPECT_THAT(stores->ledger().DrawGrants(identity::DeviceId{9}, {{1}}, 130, 100, 1, Event()), revoked);
  EXPECT_THAT(stores->key_packages().Publish(identity::DeviceId{9}, {}, std::nullopt, kNow), revoked);
  EXPECT_EQ(stores.Events(), 0u);
}

TEST_P(StoreContract, TheFirstAdministratorsCodeIsWorthItsAttemptsAndOneRegistration) {
  Opened stores(GetParam());
  const auto attempt = [&stores](absl::Time now = kNow) {
    return stores->administrators().TakeAttempt(now).status();
  };
  const auto refused = [](const char* reason) {
    return StatusIs(absl::StatusCode::kUnauthenticated, StartsWith(std::string(reason) + ": "));
  };
  EXPECT_THAT(attempt(), refused("code_wrong"));
  const uint64_t end = static_cast<uint64_t>(absl::ToUnixSeconds(kNow)) + 60;
  ASSERT_OK(stores->administrators().SetFirstCode(Secret(32), end, 2, Event()));
  EXPECT_THAT(attempt(kNow + absl::Seconds(60)), refused("code_expired"));
  EXPECT_OK(attempt());
  stores.Reopen();
  EXPECT_OK(attempt());
  EXPECT_THAT(attempt(), refused("code_exhausted"));
  ASSERT_OK(stores->administrators().SetFirstCode(Secret(32), end, 2, Event()));
  ASSERT_OK(stores->administrators().RegisterFirst({HashOf(1), "Ada", HashOf(2)}, Event()));
  EXPECT_THAT(attempt(), refused("code_used"));
  EXPECT_THAT(stores->administrators().RegisterFirst({HashOf(3), "Eve", HashOf(4)}, Event()),
              refused("code_used"));
  ASSERT_OK_AND_ASSIGN(const auto ada, stores->administrators().Find(HashOf(1)));
  EXPECT_EQ(ada->name, "Ada");
  ASSERT_OK_AND_ASSIGN(const auto eve, stores->administrators().Find(HashOf(3)));
  EXPECT_FALSE(eve.has_value());
}

PublishedKeyPackage Package(uint8_t byte, absl::Duration life = absl::Hours(1)) {
  return PublishedKeyPackage{3, static_cast<uint64_t>(absl::ToUnixSeconds(kNow + life)), {byte}};
}

TEST_P(StoreContract, KeyPackagesComeOutOldestFirstOnceAndTheLastResortRemains) {
  Opened stores(GetParam());
  ASSERT_OK(stores->accounts().Create(NewAccount(), Trace(1)));
  ASSERT_OK(stores->accounts().IssueCode(kUser, 1, Code(7), Trace(2)));
  ASSERT_OK(stores->accounts().AddDevice(NewDevice(3), 2, {{5}, {6}}, HashOf(7), kNow, {}, Event()));
  const identity::DeviceId device = NewDevice(3).id;
  ASSERT_OK(stores->key_packages().Publish(device, {Package(1), Package(2)}, Package(10), kNow));
  ASSERT_OK(stores->key_packages().Publish(device, {}, Package(11), kNow));
  EXPECT_THAT(stores->key_packages().Publish(device, {Package(3), Package(1)}, std::nullopt, kNow),
              StatusIs(absl::StatusCode::kAlreadyExists, StartsWith("key_package_known: ")));
  const auto claim = [&stores](absl::Time now = kNow) {
    return *stores->key_packages().Claim(kUser, 3, now);
  };
  EXPECT_EQ(claim()[0].message, Bytes{1});
  stores.Reopen();
  EXPECT_EQ(claim()[0].message, Bytes{2});
  for (int i = 0; i < 2; ++i) {
    const std::vector<ClaimedKeyPackage> claimed = claim();
    EXPECT_EQ(claimed[0].message, Bytes{11});
    EXPECT_TRUE(claimed[0].last_resort);
  }
  EXPECT_TRUE(claim(kNow + absl::Hours(1)).empty());
  EXPECT_EQ(*stores->key_packages().CountAvailable(device, kNow), 0u);
}

TEST_P(StoreContract, ADeviceCannotHoardKeyPackages) {
  Opened stores(GetParam());
  ASSERT_OK(stores->accounts().Create(NewAccount(), Trace(1)));
  ASSERT_OK(stores->accounts().IssueCode(kUser, 1, Code(7), Trace(2)));
  ASSERT_OK(stores->accounts().AddDevice(NewDevice(3), 2, {{5}, {6}}, HashOf(7), kNow, {}, Event()));
  std::vector<PublishedKeyPackage> many;
  for (uint32_t i = 0; i <= kMaxWaitingKeyPackages; ++i) {
    PublishedKeyPackage package = Package(0);
    package.message = {static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)};
    many.push_back(package);
  }
  EXPECT_THAT(stores->key_packages().Publish(NewDevice(3).id, many, std::nullopt, kNow),
              StatusIs(absl::StatusCode::kResourceExhausted, StartsWith("too_many_key_packages: ")));
  EXPECT_EQ(*stores->key_packages().CountAvailable(NewDevice(3).id, kNow), 0u);
}

TEST_P(StoreContract, ASweepKeepsEvidenceAndForgetsTheRest) {
  Opened stores(GetParam());
  ASSERT_OK(stores->administrators().RecordIntent(Trace(1, true)));
  ASSERT_OK(stores->administrators().RecordIntent(Trace(2, false)));
  ASSERT_OK(stores->ledger().Sweep(kNow + absl::Hours(24 * 400)));
  EXPECT_THAT(stores->administrators().RecordIntent(Trace(1)), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_OK(stores->administrators().RecordIntent(Trace(2)));
}

}  // namespace
}  // namespace plumbline::keyserver
