#include "client/directory.h"

#include <gmock/gmock.h>

#include "common/identity/labels.h"
#include "tests/client/people.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

// A directory that signs whatever it is told, under the key that Alice's client trusts.
struct Signer {
  FixedClock clock{absl::FromUnixSeconds(1'790'000'000)};
  testing::TestOrganisation organisation{clock.Now()};
  Device alice{organisation, "alice", clock};
  Device bob{organisation, "bob", clock};
  RecordBook book{*alice.stores, *alice.self, clock};
  // Device::MakeAccount makes the account's own working key the directory's.
  const crypto::Ed25519KeyPair& key() const { return alice.self->working_key(); }

  identity::DirectoryRecord Record(uint64_t version = 1) const {
    identity::DirectoryRecord record;
    record.user = bob.user();
    record.display_name = "Bob";
    record.version = version;
    if (version > 1) record.previous_hash = identity::RandomFixed<32>();
    identity::RecordDevice device;
    device.device_id = bob.self->device();
    device.label = "laptop";
    device.mls_signature_public_key = *identity::ToFixed<32>(bob.self->mls_public_key());
    device.credential_hash = Sha256(bob.self->account().mls_certificate);
    record.devices = {device};
    return record;
  }
  keys::v1::SignedRecord Sign(const identity::DirectoryRecord& record) const {
    keys::v1::SignedRecord out;
    out.set_record(ToString(identity::Encode(record)));
    out.set_signature(ToString(key().Sign(identity::kDirectoryRecordLabel, AsBytes(out.record()))));
    for (size_t i = 0; i < record.devices.size(); ++i) out.add_credentials(ToString(bob.self->account().mls_certificate));
    return out;
  }
  absl::Status Accept(const keys::v1::SignedRecord& offered) { return book.Accept(offered, bob.user(), std::nullopt).status(); }
};

TEST(RecordBook, AcceptsARecordAndItsSuccessors) {
  Signer s;
  const keys::v1::SignedRecord first = s.Sign(s.Record());
  EXPECT_OK(s.Accept(first));
  EXPECT_OK(s.Accept(first));
  identity::DirectoryRecord next = s.Record(2);
  next.previous_hash = Sha256(AsBytes(first.record()));
  EXPECT_OK(s.Accept(s.Sign(next)));
  EXPECT_OK(s.Accept(s.Sign(s.Record(7))));
}

// Bob's own client and its directory: what became of his devices while it was not looking.
struct OwnRecord : Signer {
  RecordBook own{*bob.stores, *bob.self, clock};
  keys::v1::SignedRecord Offer(uint64_t version, bool with_device, const keys::v1::SignedRecord* before) {
    identity::DirectoryRecord record = Record(version);
    if (before != nullptr) record.previous_hash = Sha256(AsBytes(before->record()));
    if (!with_device) record.devices.clear();
    keys::v1::SignedRecord out = Sign(record);
    out.set_signature(ToString(bob.self->working_key().Sign(identity::kDirectoryRecordLabel, AsBytes(out.record()))));
    return out;
  }
  std::vector<std::string> Notices() {
    std::vector<std::string> out;
    const auto entries = bob.stores->history.InState(EntryState::kNew).value();
    for (const Entry& entry : entries) out.push_back(entry.detail);
    return out;
  }
};

TEST(RecordBook, AnOwnDeviceThatCameOrWentIsANoticeOnce) {
  OwnRecord s;
  const auto first = s.Offer(1, false, nullptr), second = s.Offer(2, true, &first), third = s.Offer(3, false, &second);
  ASSERT_OK(s.own.Accept(first, s.bob.user(), std::nullopt));
  EXPECT_THAT(s.Notices(), ::testing::IsEmpty());
  ASSERT_OK(s.own.Accept(second, s.bob.user(), std::nullopt));
  ASSERT_OK(s.own.Accept(second, s.bob.user(), std::nullopt));
  EXPECT_THAT(s.Notices(), ::testing::ElementsAre("own_device_added"));
  ASSERT_OK(s.own.Accept(third, s.bob.user(), std::nullopt));
  EXPECT_THAT(s.Notices(), ::testing::ElementsAre("own_device_added", "own_device_removed"));
}

TEST(RecordBook, ADeviceThatThisOneApprovedIsNone) {
  OwnRecord s;
  const auto first = s.Offer(1, false, nullptr), second = s.Offer(2, true, &first);
  ASSERT_OK(s.own.Accept(first, s.bob.user(), std::nullopt));
  ASSERT_OK(s.own.Accept(second, s.bob.user(), std::nullopt, s.bob.self->device()));
  EXPECT_THAT(s.Notices(), ::testing::IsEmpty());
}

TEST(RecordBook, RefusesAVersionThatGoesBackAndKeepsBoth) {
  Signer s;
  ASSERT_OK(s.Accept(s.Sign(s.Record(3))));
  EXPECT_THAT(s.Accept(s.Sign(s.Record(2))), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("directory_rolled_back: ")));
  EXPECT_EQ(s.alice.stores->contacts.EvidenceCount().value(), 1);
  EXPECT_EQ(s.alice.stores->contacts.Find(s.bob.user()).value()->parsed.version, 3u);
}

TEST(RecordBook, RefusesTheSameVersionWithOtherContent) {
  Signer s;
  ASSERT_OK(s.Accept(s.Sign(s.Record())));
  identity::DirectoryRecord other = s.Record();
  other.display_name = "Bobby";
  EXPECT_THAT(s.Accept(s.Sign(other)), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("directory_contradicts: ")));
  EXPECT_EQ(s.alice.stores->contacts.EvidenceCount().value(), 1);
  EXPECT_EQ(s.alice.stores->contacts.Find(s.bob.user()).value()->parsed.display_name, "Bob");
}

TEST(RecordBook, RefusesANextVersionThatDoesNotFollow) {
  Signer s;
  ASSERT_OK(s.Accept(s.Sign(s.Record())));
  EXPECT_THAT(s.Accept(s.Sign(s.Record(2))), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("directory_contradicts: ")));
}

ContactPlace Place() { return {{}, Secret(directory::kFollowKeySize)}; }

TEST(RecordBook, ProvedTwiceAnOlderVersionIsEvidence) {
  Signer s;
  ASSERT_OK(s.book.Accept(s.Sign(s.Record(3)), s.bob.user(), Place()));
  EXPECT_THAT(s.book.Accept(s.Sign(s.Record(2)), s.bob.user(), Place()).status(),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("directory_rolled_back: ")));
  EXPECT_EQ(s.alice.stores->contacts.EvidenceCount().value(), 1);
}

// The key server's word takes nothing from what was proved, and adds nothing to it.
TEST(RecordBook, OnlyTheVersionThatWasProvedIsProved) {
  Signer s;
  const keys::v1::SignedRecord first = s.Sign(s.Record());
  const auto proved = [&] { return s.alice.stores->contacts.Find(s.bob.user()).value()->proved; };
  ASSERT_OK(s.Accept(first));
  EXPECT_FALSE(proved());
  ASSERT_OK(s.book.Accept(first, s.bob.user(), Place()));
  EXPECT_TRUE(proved());
  ASSERT_OK(s.Accept(first));
  EXPECT_TRUE(proved());
  ASSERT_OK(s.Accept(s.Sign(s.Record(3))));
  EXPECT_FALSE(proved());
}

TEST(RecordBook, SomebodyElsesDevicesAreNoNotice) {
  Signer s;
  ASSERT_OK(s.Accept(s.Sign(s.Record())));
  identity::DirectoryRecord later = s.Record(3);
  later.devices.clear();
  ASSERT_OK(s.Accept(s.Sign(later)));
  EXPECT_THAT(s.alice.Texts(EntryKind::kNotice), ::testing::IsEmpty());
}

TEST(RecordBook, WhatTheLogPassesByLateIsNoContradiction) {
  Signer s;
  ASSERT_OK(s.Accept(s.Sign(s.Record(3))));  // of the key server, before its witnesses saw even the second
  Change change = testing::ValueOf(s.alice.stores->store.Begin());
  EXPECT_OK(s.book.AcceptFollowed(change, s.Sign(s.Record(2)), s.bob.user()));
  ASSERT_OK(change.Commit());
  EXPECT_OK(s.book.KeepPending());
  EXPECT_EQ(s.alice.stores->contacts.EvidenceCount().value(), 0);
  EXPECT_EQ(s.alice.stores->contacts.Find(s.bob.user()).value()->parsed.version, 3u);
}

// Of the own record each version counts, once and in order.
TEST(RecordBook, AnOwnVersionThatIsSkippedRepeatedOrBesideTheOthersIsEvidence) {
  for (const int wrong : {1, 2, 3}) {
    OwnRecord s;
    const auto first = s.Offer(1, true, nullptr), second = s.Offer(2, true, &first), third = s.Offer(3, false, &second);
    keys::v1::SignedRecord beside = s.Offer(2, false, nullptr);
    ASSERT_OK(s.own.Accept(first, s.bob.user(), std::nullopt));
    const keys::v1::SignedRecord& offered = wrong == 1 ? first : wrong == 2 ? beside : third;
    {
      Change change = testing::ValueOf(s.bob.stores->store.Begin());
      EXPECT_THAT(s.own.AcceptFollowed(change, offered, s.bob.user()),
                  StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("directory_contradicts: ")));
    }
    ASSERT_OK(s.own.KeepPending());
    EXPECT_EQ(s.bob.stores->contacts.EvidenceCount().value(), 1);
    Change change = testing::ValueOf(s.bob.stores->store.Begin());
    EXPECT_OK(s.own.AcceptFollowed(change, second, s.bob.user()));
    EXPECT_OK(s.own.AcceptFollowed(change, third, s.bob.user()));
    ASSERT_OK(change.Commit());
    EXPECT_THAT(s.Notices(), ::testing::ElementsAre("own_device_removed"));
  }
}

TEST(RecordBook, AnOwnVersionHasToBeTheDirectorysAndAboutItsOwner) {
  OwnRecord s;
  const auto first = s.Offer(1, true, nullptr);
  ASSERT_OK(s.own.Accept(first, s.bob.user(), std::nullopt));
  keys::v1::SignedRecord unsigned_one = s.Offer(2, true, &first);
  (*unsigned_one.mutable_signature())[3] ^= 1;
  Change change = testing::ValueOf(s.bob.stores->store.Begin());
  EXPECT_THAT(s.own.AcceptFollowed(change, unsigned_one, s.bob.user()),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("record_invalid: ")));
  identity::DirectoryRecord other = s.Record(2);
  other.user = s.alice.user();
  other.previous_hash = Sha256(AsBytes(first.record()));
  keys::v1::SignedRecord of_other = s.Sign(other);
  of_other.set_signature(ToString(s.bob.self->working_key().Sign(identity::kDirectoryRecordLabel, AsBytes(of_other.record()))));
  EXPECT_THAT(s.own.AcceptFollowed(change, of_other, s.bob.user()),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("somebody else")));
}

// The log goes on, and whoever needs that person asks: then it is said.
TEST(RecordBook, AFollowedRecordThatIsWrongEndsTheFollowingOfItsPersonAlone) {
  keys::v1::SignedRecord nonsense;
  nonsense.set_record("nonsense");
  Signer other;
  for (const keys::v1::SignedRecord& wrong : {nonsense, other.Sign(other.Record(2))}) {
    Signer s;
    ASSERT_OK(s.book.Accept(s.Sign(s.Record()), s.bob.user(), Place()));
    EXPECT_TRUE(s.alice.stores->contacts.Find(s.bob.user()).value()->followed);
    Change change = testing::ValueOf(s.alice.stores->store.Begin());
    EXPECT_OK(s.book.AcceptFollowed(change, wrong, s.bob.user()));
    ASSERT_OK(change.Commit());
    const Contact bob = *s.alice.stores->contacts.Find(s.bob.user()).value();
    EXPECT_FALSE(bob.followed);
    EXPECT_EQ(bob.parsed.version, 1u);
    EXPECT_EQ(s.alice.stores->contacts.EvidenceCount().value(), 0);
  }
}

TEST(RecordBook, RefusesAWrongSignature) {
  Signer s;
  keys::v1::SignedRecord record = s.Sign(s.Record());
  (*record.mutable_signature())[5] ^= 1;
  EXPECT_THAT(s.Accept(record), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("record_invalid: ")));
  record = s.Sign(s.Record());
  record.set_signature(ToString(s.bob.self->working_key().Sign(identity::kDirectoryRecordLabel, AsBytes(record.record()))));
  EXPECT_THAT(s.Accept(record), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("record_invalid: ")));
}

TEST(RecordBook, RefusesEveryTruncation) {
  Signer s;
  const keys::v1::SignedRecord whole = s.Sign(s.Record());
  for (size_t size = 0; size < whole.record().size(); size += 7) {
    keys::v1::SignedRecord part = whole;
    part.set_record(whole.record().substr(0, size));
    part.set_signature(ToString(s.key().Sign(identity::kDirectoryRecordLabel, AsBytes(part.record()))));
    EXPECT_THAT(s.Accept(part), StatusIs(absl::StatusCode::kUnauthenticated)) << size;
  }
}

TEST(RecordBook, RefusesSomebodyElsesRecord) {
  Signer s;
  identity::DirectoryRecord record = s.Record();
  record.user = "mimi://example.org/u/carol";
  EXPECT_THAT(s.Accept(s.Sign(record)), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("somebody else")));
}

TEST(RecordBook, RefusesDevicesThatTheirCertificatesDoNotName) {
  Signer s;
  identity::DirectoryRecord record = s.Record();
  record.devices[0].device_id = identity::RandomFixed<16>();
  EXPECT_THAT(s.Accept(s.Sign(record)), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("another person or device")));
  record = s.Record();
  record.devices[0].mls_signature_public_key = identity::RandomFixed<32>();
  EXPECT_THAT(s.Accept(s.Sign(record)), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("another key")));
  record = s.Record();
  record.devices[0].credential_hash = identity::RandomFixed<32>();
  EXPECT_THAT(s.Accept(s.Sign(record)), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("signed for")));
}

TEST(RecordBook, RefusesCertificatesThatAreMissingOrOfAnotherOrganisation) {
  Signer s;
  keys::v1::SignedRecord record = s.Sign(s.Record());
  record.clear_credentials();
  EXPECT_THAT(s.Accept(record), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("one certificate for each")));
  testing::TestOrganisation elsewhere(s.clock.Now());
  Device impostor(elsewhere, "bob", s.clock);
  identity::DirectoryRecord forged = s.Record();
  forged.devices[0].device_id = impostor.self->device();
  forged.devices[0].mls_signature_public_key = *identity::ToFixed<32>(impostor.self->mls_public_key());
  forged.devices[0].credential_hash = Sha256(impostor.self->account().mls_certificate);
  record = s.Sign(forged);
  record.set_credentials(0, ToString(impostor.self->account().mls_certificate));
  EXPECT_THAT(s.Accept(record), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("record_invalid: ")));
}

TEST(StateOf, IsVerifiedUntilADeviceChanges) {
  Signer s;
  ASSERT_OK_AND_ASSIGN(Contact contact, s.book.Accept(s.Sign(s.Record()), s.bob.user(), std::nullopt));
  EXPECT_EQ(Directory::StateOf(contact), Verification::kNever);
  const identity::Hash devices = DevicesHash(contact.parsed);
  contact.verified_devices = Bytes(devices.begin(), devices.end());
  EXPECT_EQ(Directory::StateOf(contact), Verification::kVerified);
  contact.parsed.devices[0].mls_signature_public_key[0] ^= 1;
  EXPECT_EQ(Directory::StateOf(contact), Verification::kChanged);
}

}  // namespace
}  // namespace plumbline::client
