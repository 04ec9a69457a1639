// A device takes the root's word for which keys sign records, tokens and grants, with the log that it reads anyway.
#include "client/organisation_keys.h"

#include <gmock/gmock.h>

#include "client/directory.h"
#include "client/transparency.h"
#include "common/identity/labels.h"
#include "tests/client/people.h"
#include "tests/client/test_directory.h"
#include "tests/common/identity/signed_keys.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using identity::OrganisationKeys;
using identity::Role;
using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Code = absl::StatusCode;

class ReplacedKeys : public ::testing::Test {
 protected:
  ReplacedKeys() { directory_.Append(Record(two_.bob, two_.directory_key)); }

  keys::v1::SignedRecord Record(Device& device, const crypto::Ed25519KeyPair& by) {
    identity::DirectoryRecord record;
    record.version = 1;
    record.user = device.user();
    record.display_name = "Somebody";
    record.devices = {{device.self->device(), "laptop", *identity::ToFixed<32>(device.self->mls_public_key()),
                       Sha256(device.self->account().mls_certificate), 20000}};
    keys::v1::SignedRecord out;
    out.set_record(ToString(identity::Encode(record)));
    out.set_signature(ToString(by.Sign(identity::kDirectoryRecordLabel, AsBytes(out.record()))));
    out.add_credentials(ToString(device.self->account().mls_certificate));
    return out;
  }
  // The directory's key was replaced; the former one counts for an hour.
  OrganisationKeys Keys(uint64_t number) {
    const auto unix = static_cast<uint64_t>(absl::ToUnixSeconds(two_.clock.Now() + absl::Hours(1)));
    return {"example.org",
            number,
            {{authority_.RoleCertificate(Role::kDirectory, next_), 0},
             {authority_.RoleCertificate(Role::kDirectory, two_.directory_key), unix},
             {authority_.RoleCertificate(Role::kGrants, others_), 0},
             {authority_.RoleCertificate(Role::kTokens, others_), 0},
             {authority_.RoleCertificate(Role::kAudit, others_), 0}}};
  }
  absl::Status Sync() { return SyncLog(log_, book_); }
  absl::StatusOr<keys::v1::ReadLogResponse> Read(const keys::v1::ReadLogRequest& request) {
    told_ = request.keys_number();
    ASSIGN_OR_RETURN(keys::v1::ReadLogResponse response, directory_.ReadLog(request));
    response.set_organisation_keys(ToString(shown_));
    return response;
  }
  // Bob's record, as the key server shows it then.
  absl::StatusOr<Contact> LookUp(const crypto::Ed25519KeyPair& by, const std::function<void()>& meanwhile = [] {}) {
    return AcceptProved(log_, book_, two_.bob.user(), [&]() -> absl::StatusOr<ProvedAnswer> {
      meanwhile();
      const keys::v1::LookUpResponse response = directory_.LookUp(two_.bob.user());
      keys::v1::SignedRecord record = response.record();
      record.set_signature(ToString(by.Sign(identity::kDirectoryRecordLabel, AsBytes(record.record()))));
      return ProvedAnswer{record, response.answer(), response.follow_key()};
    });
  }
  uint64_t Number() { return TrustedKeysOf(*two_.alice.stores, *two_.alice.self)->number(); }

  TwoPeople two_;
  const identity::KeyAuthority authority_{"example.org", two_.clock.Now(), two_.organisation.root, two_.organisation.root_key};
  const crypto::Ed25519KeyPair next_ = crypto::Ed25519KeyPair::Generate(), others_ = crypto::Ed25519KeyPair::Generate();
  TestDirectory directory_{two_.organisation, two_.clock};
  RecordBook book_{*two_.alice.stores, *two_.alice.self, two_.clock};
  Transparency log_{*two_.alice.stores, *two_.alice.self, [this](const keys::v1::ReadLogRequest& r) { return Read(r); }, two_.clock};
  Bytes shown_;
  uint64_t told_ = 99;
};

TEST_F(ReplacedKeys, AreTakenWithTheLogAndKept) {
  ASSERT_OK(Sync());
  EXPECT_EQ(told_, 0u);
  EXPECT_THAT(LookUp(next_), StatusIs(Code::kUnauthenticated, StartsWith("record_invalid: ")));
  shown_ = authority_.Sign(Keys(1));
  ASSERT_OK(Sync());
  EXPECT_EQ(Number(), 1u);
  EXPECT_OK(LookUp(next_).status());
  EXPECT_OK(LookUp(two_.directory_key).status());
  shown_.clear();
  ASSERT_OK(Sync());
  EXPECT_EQ(told_, 1u) << "and so it is not sent again";
  two_.clock.Advance(absl::Hours(1));
  directory_.Publish();
  EXPECT_OK(LookUp(next_).status());
  EXPECT_THAT(LookUp(two_.directory_key), StatusIs(Code::kUnauthenticated, StartsWith("record_invalid: ")));
}

// The issuing authority was replaced, and Bob's credential renewed.
TEST_F(ReplacedKeys, RecordsNameCredentialsOfTheAuthoritiesThatTheRootNames) {
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  const crypto::Certificate next = testing::ValueOf(crypto::MakeIssuing(two_.organisation.root, two_.organisation.root_key, key.spki(), "Test issuing",
                                                                        {two_.clock.Now() - absl::Hours(1), two_.clock.Now() + absl::Hours(999)}));
  const crypto::Certificate former = *crypto::Certificate::Parse(two_.bob.self->account().mls_certificate);
  crypto::LeafSpec spec;
  spec.spki = former.spki();
  spec.uris = former.uris();
  spec.purpose = crypto::Purpose::kMlsCredential;
  spec.validity = {two_.clock.Now() - absl::Hours(1), two_.clock.Now() + absl::Hours(99)};
  const crypto::Certificate renewed = testing::ValueOf(crypto::IssueLeaf(next, key, spec));
  keys::v1::SignedRecord record = Record(two_.bob, two_.directory_key);
  const auto verify = [&] { return book_.Accept(record, two_.bob.user(), std::nullopt); };
  two_.bob.self->UseCredential(renewed.der(), next.der());
  record = Record(two_.bob, two_.directory_key);
  EXPECT_THAT(verify(), StatusIs(Code::kUnauthenticated, HasSubstr("of no issuing authority"))) << "nobody named it yet";

  OrganisationKeys keys = Keys(1);
  const absl::Time end = two_.clock.Now() + absl::Hours(1);
  keys.authorities = {{next, 0}, {two_.organisation.issuing, static_cast<uint64_t>(absl::ToUnixSeconds(end))}};
  shown_ = authority_.Sign(keys);
  ASSERT_OK(Sync());
  EXPECT_OK(verify().status());
  // Those of the former one name their devices as before, also when it has ended: the record says that they may act.
  two_.bob.self->UseCredential(former.der(), two_.organisation.issuing.der());
  keys::v1::SignedRecord older = Record(two_.bob, two_.directory_key);
  identity::DirectoryRecord second = *identity::ParseDirectoryRecord(AsBytes(older.record()));
  second.version = 2;
  second.previous_hash = Sha256(AsBytes(record.record()));
  older.set_record(ToString(identity::Encode(second)));
  older.set_signature(ToString(next_.Sign(identity::kDirectoryRecordLabel, AsBytes(older.record()))));
  two_.clock.Advance(absl::Hours(2));
  EXPECT_OK(book_.Accept(older, two_.bob.user(), std::nullopt).status());

  // Connections are judged by it from then on, and after the next start.
  EXPECT_EQ(two_.alice.self->issuers()->replaced().EndOf(two_.organisation.issuing), end);
  EXPECT_EQ(*two_.alice.self->IssuerEnds(), end);
  const auto again = testing::ValueOf(Self::From(*testing::ValueOf(two_.alice.stores->account.Get())));
  EXPECT_TRUE(again->issuers()->replaced().empty());
  ASSERT_OK(UseStoredIssuers(*two_.alice.stores, *again));
  EXPECT_EQ(again->issuers()->replaced().EndOf(two_.organisation.issuing), end);
}

TEST_F(ReplacedKeys, AreReadOfAgainBeforeTheDirectoryIsAccused) {
  ASSERT_OK(Sync());
  // It happens between reading the log and asking.
  EXPECT_OK(LookUp(next_, [&] { shown_ = authority_.Sign(Keys(1)); }).status());
}

TEST_F(ReplacedKeys, NoStatementThatWasReplacedComesBack) {
  const OrganisationKeys first = Keys(1), second = Keys(2);
  shown_ = authority_.Sign(second);
  ASSERT_OK(Sync());
  shown_ = authority_.Sign(first);
  EXPECT_THAT(Sync(), StatusIs(Code::kFailedPrecondition, StartsWith("organisation_keys_replaced: ")));
  OrganisationKeys other = second;
  other.keys[1].ends_unix += 1;
  shown_ = authority_.Sign(other);
  EXPECT_THAT(Sync(), StatusIs(Code::kFailedPrecondition, StartsWith("organisation_keys_contradict: ")));
  EXPECT_EQ(Number(), 2u);
  two_.clock.Advance(absl::Hours(1));
  const Bytes message = {1};
  EXPECT_THAT(TrustedKeysOf(*two_.alice.stores, *two_.alice.self)
                  ->Of(Role::kDirectory, two_.clock.Now())
                  .Verify("a label", message, two_.directory_key.Sign("a label", message)),
              Not(IsOk()));
}

TEST_F(ReplacedKeys, OnlyTheRootsWordCounts) {
  const identity::KeyAuthority stranger("example.org", two_.clock.Now());
  for (const Bytes& wire : {stranger.Sign(Keys(1)), authority_.Sign(Keys(1), Role::kPolicy), Bytes{1, 2, 3}}) {
    shown_ = wire;
    EXPECT_THAT(Sync(), StatusIs(Code::kUnauthenticated, StartsWith("log_invalid: ")));
    EXPECT_EQ(Number(), 0u);
  }
}

// What was drawn ahead may be signed by a key that ends.
TEST_F(ReplacedKeys, GrantsThatWereDrawnAheadAreDropped) {
  Change change = testing::ValueOf(two_.alice.stores->store.Begin());
  ASSERT_OK(two_.alice.stores->supply.AddGrant(change, RandomBytes(85), 1'000'000));
  ASSERT_OK(change.Commit());
  shown_ = authority_.Sign(Keys(1));
  ASSERT_OK(Sync());
  Change look = testing::ValueOf(two_.alice.stores->store.Begin());
  EXPECT_FALSE(two_.alice.stores->supply.TakeGrant(look, 1)->has_value());
}

}  // namespace
}  // namespace plumbline::client
