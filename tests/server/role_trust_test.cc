// The delivery server is told which keys of the key server count: at once, durably, and only by the root.
#include "server/role_trust.h"

#include <gmock/gmock.h>

#include "common/identity/revocation.h"
#include "server/revocations.h"
#include "server/store/sqlcipher_store.h"
#include "tests/common/audit/logs.h"
#include "tests/common/identity/signed_keys.h"
#include "tests/server/fake_clock.h"
#include "tests/server/organisation.h"
#include "tests/server/temporary_directory.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using identity::OrganisationKeys;
using identity::Role;
using plumbline::testing::StatusIs;
using ::testing::StartsWith;
namespace v1 = delivery::v1;

constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;

struct World {
  World() { Reopen(); }
  void Reopen(const std::optional<FileKeys>& file = std::nullopt) {
    revocations.reset();
    delivery.reset();
    store.reset();
    StoreOptions options;
    options.path = directory.File("server.db");
    store = *SqlcipherStore::Create(options, *db::Key::FromSecret(Secret(32)), log_key, clock);
    loaded = LoadKeys(file.value_or(FileKeys{first, {}, std::nullopt}), *store);
    if (!loaded.ok()) return;
    roles.Replace(*loaded);
    delivery.emplace(Delivery::Parts{*store, *store, *store, sessions, streams, counters, clock}, roles, kDomain);
    revocations.emplace(*store, sessions, streams, roles, authority.root(), kDomain, clock);
  }
  uint64_t Unix(absl::Duration from_now) const { return static_cast<uint64_t>(absl::ToUnixSeconds(clock.Now() + from_now)); }
  // grants and tokens are replaced, the former ones count for an hour.
  OrganisationKeys Next(uint64_t number = 1) const {
    const auto listed = [this](Role role, const crypto::Ed25519KeyPair& key, uint64_t ends = 0) {
      return identity::ListedKey{authority.RoleCertificate(role, key), ends};
    };
    return {kDomain,
            number,
            {listed(Role::kDirectory, directory_key), listed(Role::kGrants, new_grants), listed(Role::kGrants, grants, Unix(absl::Hours(1))),
             listed(Role::kTokens, new_tokens), listed(Role::kTokens, tokens, Unix(absl::Hours(1))),
             listed(Role::kAudit, directory_key)}};
  }
  absl::StatusOr<uint64_t> Tell(const Bytes& wire) {
    v1::TakeOrganisationKeysRequest request;
    request.set_organisation_keys(ToString(wire));
    v1::TakeOrganisationKeysResponse response;
    RETURN_IF_ERROR(revocations->TakeOrganisationKeys(request, response));
    return response.number();
  }
  absl::Status OpenMailbox(const crypto::Ed25519KeyPair& by) {
    const TestMailbox mailbox;
    return delivery->OpenMailbox(mailbox.Opening(ToString(Encode(*identity::IssueGrant(by, clock.Now())))));
  }
  absl::Status OpenSession(const crypto::Ed25519KeyPair& by) {
    const tokens::Mint mint{kDomain, by};
    v1::OpenSessionRequest open;
    tokens::Show(open, mint.Draw(tokens::kPurposeDelivery, clock.Now()));
    v1::OpenSessionResponse session;
    return delivery->OpenSession(open, session);
  }
  absl::Status Revoke(const crypto::Ed25519KeyPair& by) {
    const Bytes wire = Encode(identity::Revocation{++sequence, sequence - 1, {{{identity::RandomFixed<16>(), 30000}}, {}}});
    v1::RevokeRequest request;
    request.set_revocation(ToString(wire));
    request.set_signature(ToString(by.Sign(identity::kRevocationLabel, wire)));
    v1::RevokeResponse response;
    const absl::Status status = revocations->Revoke(request, response);
    sequence -= !status.ok();
    return status;
  }
  void ExpectOnly(bool former, bool next) {
    EXPECT_EQ(OpenMailbox(grants).ok(), former);
    EXPECT_EQ(OpenSession(tokens).ok(), former);
    EXPECT_EQ(Revoke(grants).ok(), former);
    EXPECT_EQ(OpenMailbox(new_grants).ok(), next);
    EXPECT_EQ(OpenSession(new_tokens).ok(), next);
    EXPECT_EQ(Revoke(new_grants).ok(), next);
  }

  FakeClock clock;
  const audit::LogKey log_key = audit::TestLogKey();
  TemporaryDirectory directory;
  const identity::KeyAuthority authority{kDomain, clock.Now()};
  const crypto::Ed25519KeyPair directory_key = crypto::Ed25519KeyPair::Generate(), grants = crypto::Ed25519KeyPair::Generate(),
                               tokens = crypto::Ed25519KeyPair::Generate(), new_grants = crypto::Ed25519KeyPair::Generate(),
                               new_tokens = crypto::Ed25519KeyPair::Generate();
  const identity::TrustedKeys first{directory_key.public_key(), grants.public_key(), tokens.public_key()};
  RoleTrust roles{first};
  Sessions sessions{clock, {}};
  Streams streams{100};
  Counters counters;
  uint64_t sequence = 0;
  absl::StatusOr<identity::TrustedKeys> loaded = first;
  std::unique_ptr<SqlcipherStore> store;
  std::optional<Delivery> delivery;
  std::optional<Revocations> revocations;
};

TEST(RoleTrust, OldSignaturesStopVerifyingAtTheStatedTime) {
  World world;
  world.ExpectOnly(/*former=*/true, /*next=*/false);
  EXPECT_EQ(*world.Tell(world.authority.Sign(world.Next())), 1u);
  world.ExpectOnly(true, true);
  world.clock.Advance(absl::Minutes(59));
  world.ExpectOnly(true, true);
  world.clock.Advance(absl::Minutes(1));
  world.ExpectOnly(false, true);
  EXPECT_THAT(world.OpenMailbox(world.grants), StatusIs(kUnauthenticated, StartsWith("grant_invalid: ")));
  EXPECT_THAT(world.OpenSession(world.tokens), StatusIs(kUnauthenticated, StartsWith("token_invalid: ")));
  EXPECT_THAT(world.Revoke(world.grants), StatusIs(kUnauthenticated, StartsWith("revocation_signature_invalid: ")));
}

TEST(RoleTrust, IsKeptOverARestartWhateverTheTrustFileSays) {
  World world;
  ASSERT_EQ(*world.Tell(world.authority.Sign(world.Next())), 1u);
  world.clock.Advance(absl::Hours(2));
  world.Reopen();  // with the trust file of the beginning
  world.ExpectOnly(false, true);
}

TEST(RoleTrust, NoneThatWasReplacedComesBack) {
  World world;
  const Bytes first = world.authority.Sign(world.Next(1));
  const OrganisationKeys second = world.Next(2);
  ASSERT_EQ(*world.Tell(world.authority.Sign(second)), 2u);
  EXPECT_THAT(world.Tell(first), StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("organisation_keys_replaced: ")));
  OrganisationKeys other = second;
  other.keys[2].ends_unix += 3600;
  EXPECT_THAT(world.Tell(world.authority.Sign(other)),
              StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("organisation_keys_contradict: ")));
  EXPECT_EQ(*world.Tell(world.authority.Sign(second)), 2u) << "a repeat is good, whoever signed it for the root";
  world.clock.Advance(absl::Hours(1));
  world.ExpectOnly(false, true);
}

TEST(RoleTrust, OnlyTheRootsWordCounts) {
  World world;
  const identity::KeyAuthority other{kDomain, world.clock.Now()};
  const auto invalid = StatusIs(kUnauthenticated, StartsWith("organisation_keys_invalid: "));
  EXPECT_THAT(world.Tell(other.Sign(world.Next())), invalid);
  EXPECT_THAT(world.Tell(world.authority.Sign(world.Next(), Role::kPolicy)), invalid);
  EXPECT_THAT(world.Tell({}), invalid);
  world.ExpectOnly(true, false);
  world.Reopen();
  world.ExpectOnly(true, false);
}

TEST(RoleTrust, ANewerTrustFileCountsAndIsKept) {
  World world;
  const OrganisationKeys next = world.Next(3);
  const FileKeys file{identity::TrustedKeys(next), world.authority.Sign(next), next};
  world.Reopen(file);
  ASSERT_OK(world.loaded.status());
  world.ExpectOnly(true, true);
  EXPECT_THAT(world.Tell(world.authority.Sign(world.Next(2))),
              StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("organisation_keys_replaced: ")));
  world.Reopen();  // with the first file again
  world.ExpectOnly(true, true);
  OrganisationKeys other = next;
  other.keys[2].ends_unix += 3600;
  world.Reopen(FileKeys{identity::TrustedKeys(other), world.authority.Sign(other), other});
  EXPECT_THAT(world.loaded, StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("organisation_keys_contradict: ")));
}

}  // namespace
}  // namespace plumbline::server
