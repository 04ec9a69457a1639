// The attachment service's decisions over a real store, without gRPC. tests/server/attachment_process_test.cc does the same
// over the wire.
#include "server/attachments.h"

#include <gtest/gtest.h>

#include <functional>

#include "absl/time/clock.h"
#include "server/attachment_upkeep.h"
#include "server/store/sqlcipher_attachments.h"
#include "tests/server/fake_clock.h"
#include "tests/server/temporary_directory.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
namespace v1 = delivery::v1;

constexpr uint64_t kLarge = 3 * identity::kPieceSize;  // a Padmé size

struct World {
  explicit World(SessionLimits limits = {}, int64_t max_bytes = int64_t{1} << 30) : sessions(clock, limits) {
    AttachmentOptions options;
    options.path = directory.File("attachments.db");
    options.max_bytes = max_bytes;
    store = *SqlcipherAttachments::Create(options, db::Key::Random());
    attachments.emplace(Attachments::Parts{*store, sessions, counters, clock, uint64_t{102} << 20});
    session = ToString(sessions.Open(SomeToken())->id);
  }
  tokens::Redeemed SomeToken() const {
    return {identity::RandomFixed<32>(), identity::Hash{1}, clock.Now(), clock.Now() + absl::Hours(1)};
  }
  v1::BeginRequest Beginning(uint64_t size) const {
    v1::BeginRequest request;
    request.set_session_id(session);
    request.set_attachment_id(ToString(Sha256(read)));
    request.set_owner_capability_hash(ToString(Sha256(owner)));
    request.set_size(size);
    return request;
  }
  v1::PutRequest Piece(uint64_t offset, size_t size) const {
    v1::PutRequest request;
    request.set_session_id(session);
    request.set_attachment_id(ToString(Sha256(read)));
    request.set_owner_capability(ToString(owner));
    request.set_offset(offset);
    request.set_piece(std::string(size, 'x'));
    return request;
  }
  v1::GetRequest Reading(uint64_t offset) const {
    v1::GetRequest request;
    request.set_session_id(session);
    request.set_read_capability(ToString(read));
    request.set_offset(offset);
    return request;
  }
  absl::Status Begin(uint64_t size) { return attachments->Begin(Beginning(size), begun); }
  absl::Status Put(uint64_t offset, size_t size = identity::kPieceSize) { return attachments->Put(Piece(offset, size), put); }
  absl::Status Get(uint64_t offset) { return attachments->Get(Reading(offset), got); }
  absl::Status Delete() {
    v1::DeleteRequest request;
    request.set_session_id(session);
    request.set_attachment_id(ToString(Sha256(read)));
    request.set_owner_capability(ToString(owner));
    return attachments->Delete(request);
  }
  absl::Status Upload() {
    RETURN_IF_ERROR(Begin(kLarge));
    for (uint64_t offset = begun.durable_bytes(); offset < kLarge; offset = put.durable_bytes()) RETURN_IF_ERROR(Put(offset));
    return absl::OkStatus();
  }

  FakeClock clock;
  TemporaryDirectory directory;
  Sessions sessions;
  Counters counters;
  std::unique_ptr<SqlcipherAttachments> store;
  std::optional<Attachments> attachments;
  std::string session;
  identity::Capability read = identity::RandomFixed<32>(), owner = identity::RandomFixed<32>();
  v1::BeginResponse begun;
  v1::PutResponse put;
  v1::GetResponse got;
};

TEST(Attachments, StoresAndGivesBackUntilTheLastDay) {
  World w;
  ASSERT_OK(w.Upload());
  EXPECT_EQ(w.put.expires_day(), identity::DayOf(w.clock.Now()) + 30);
  ASSERT_OK(w.Get(2 * identity::kPieceSize));
  EXPECT_EQ(w.got.size(), kLarge);
  EXPECT_EQ(w.got.piece(), std::string(identity::kPieceSize, 'x'));
  w.clock.Advance(absl::Hours(24 * 30));
  w.session = ToString(w.sessions.Open(w.SomeToken())->id);
  EXPECT_OK(w.Get(0));
  w.clock.Advance(absl::Hours(24));
  w.session = ToString(w.sessions.Open(w.SomeToken())->id);
  EXPECT_THAT(w.Get(0), StatusIs(absl::StatusCode::kNotFound, HasSubstr("attachment_unknown")));
}

TEST(Attachments, EveryCallNeedsALiveSession) {
  World w;
  ASSERT_OK(w.Upload());
  for (const std::string& session : {std::string(), std::string(16, 'x'), std::string(17, 'x')}) {
    w.session = session;
    for (const absl::Status& status : {w.Begin(kLarge), w.Put(0), w.Get(0), w.Delete()}) {
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("session_unknown")));
    }
  }
  w.session = ToString(w.sessions.Open(w.SomeToken())->id);
  w.clock.Advance(absl::Minutes(10));
  for (const absl::Status& status : {w.Begin(kLarge), w.Put(0), w.Get(0), w.Delete()}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("session_ended")));
  }
}

TEST(Attachments, ASessionPaysForEachPiece) {
  World w({.envelopes = kBeginCost + 2 * kPutCost + 1});
  ASSERT_OK(w.Begin(kLarge));
  ASSERT_OK(w.Put(0));
  ASSERT_OK(w.Put(identity::kPieceSize));
  EXPECT_THAT(w.Put(2 * identity::kPieceSize), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("budget_spent")));
  w.session = ToString(w.sessions.Open(w.SomeToken())->id);  // another token goes on where this one ended
  ASSERT_OK(w.Begin(kLarge));
  EXPECT_EQ(w.begun.durable_bytes(), 2 * identity::kPieceSize);
  ASSERT_OK(w.Put(2 * identity::kPieceSize));
  for (uint32_t i = 0; i < kPutCost + 1; ++i) ASSERT_OK(w.Get(0));
  EXPECT_THAT(w.Get(0), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("budget_spent")));
}

TEST(Attachments, ARepeatedPieceStoresNothingAndCostsLittle) {
  World w({.envelopes = kBeginCost + kPutCost + 4});
  ASSERT_OK(w.Begin(kLarge));
  ASSERT_OK(w.Put(0));
  ASSERT_OK(w.Put(0));
  EXPECT_EQ(w.put.durable_bytes(), identity::kPieceSize);
  EXPECT_THAT(w.Put(0), StatusIs(absl::StatusCode::kResourceExhausted));  // three are left, and a piece must be affordable
  ASSERT_OK(w.Begin(kLarge));
}

TEST(Attachments, TakesOnlyPaddedSizesUpToItsLimit) {
  World w;
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{1023}, uint64_t{1025}, kLarge + 1}) {
    EXPECT_THAT(w.Begin(size), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("wrong_size"))) << size;
  }
  for (const uint64_t size : {(uint64_t{102} << 20) + 1, uint64_t{104} << 20, UINT64_MAX}) {
    EXPECT_THAT(w.Begin(size), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("attachment_too_large"))) << size;
  }
  EXPECT_OK(w.Begin(uint64_t{102} << 20));
}

TEST(Attachments, ReadingNeedsTheCapabilityAndNotItsHash) {
  World w;
  ASSERT_OK(w.Upload());
  v1::GetRequest request = w.Reading(0);
  request.set_read_capability(ToString(Sha256(w.read)));
  EXPECT_THAT(w.attachments->Get(request, w.got), StatusIs(absl::StatusCode::kNotFound, HasSubstr("attachment_unknown")));
  // And the reader's capability neither appends nor deletes.
  w.owner = w.read;
  EXPECT_THAT(w.Put(0), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(w.Delete(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(w.Get(0));
}

TEST(Attachments, TheOwnerDeletesEarly) {
  World w;
  ASSERT_OK(w.Upload());
  ASSERT_OK(w.Delete());
  EXPECT_THAT(w.Get(0), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(w.Delete(), StatusIs(absl::StatusCode::kNotFound));
}

TEST(Attachments, MalformedFieldsAreNamed) {
  World w;
  ASSERT_OK(w.Upload());
  v1::BeginRequest begin = w.Beginning(kLarge);
  begin.set_attachment_id("short");
  EXPECT_THAT(w.attachments->Begin(begin, w.begun), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("request_malformed")));
  begin = w.Beginning(kLarge);
  begin.set_owner_capability_hash("");
  EXPECT_THAT(w.attachments->Begin(begin, w.begun), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("request_malformed")));
  for (const size_t size : {size_t{0}, identity::kPieceSize + 1, size_t{1} << 20}) {
    EXPECT_THAT(w.Put(0, size), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("wrong_size")));
  }
  for (const uint64_t offset : {uint64_t{1}, identity::kPieceSize - 1, kLarge, UINT64_MAX}) {
    EXPECT_THAT(w.Get(offset), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("request_malformed"))) << offset;
  }
}

TEST(Attachments, AFullStoreSaysSoAndKeepsWhatItHas) {
  World w({}, kLarge - 1);
  EXPECT_THAT(w.Begin(kLarge), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("storage_full")));
}

// Polls: the upkeep is a thread.
bool Eventually(const std::function<bool()>& done) {
  for (const absl::Time end = absl::Now() + absl::Seconds(20); absl::Now() < end; absl::SleepFor(absl::Milliseconds(5))) {
    if (done()) return true;
  }
  return done();
}

struct UpkeptWorld : World {
  std::unique_ptr<Logger> logger = *Logger::Create({"delivery", directory.File("log"), LogLevel::kInfo});
  std::optional<AttachmentUpkeep> upkeep;
  void Start() { upkeep.emplace(*store, *logger, clock, /*tick=*/absl::Milliseconds(5)); }
  ~UpkeptWorld() { upkeep.reset(); }
  // Begins one, removes it, and waits until it has left the disk.
  void AwaitPurge() {
    const NewAttachment other{identity::RandomFixed<32>(), identity::RandomFixed<32>(), identity::kPieceSize};
    const Day today = DayOf(clock.Now());
    ASSERT_OK(store->Begin(other, today));
    ASSERT_OK(store->Remove(other.id, other.owner_hash, today));
    EXPECT_TRUE(Eventually([&] { return store->Begin(other, today).ok(); }));
  }
};

TEST(AttachmentUpkeep, WhatEndedOrWasRemovedLeavesTheDisk) {
  UpkeptWorld w;
  ASSERT_OK(w.Upload());
  const Day last = DayOf(w.clock.Now()) + 30;
  w.clock.Advance(absl::Hours(24 * 31));  // before the service starts
  w.Start();
  w.AwaitPurge();
  EXPECT_TRUE(Eventually([&] { return absl::IsNotFound(w.store->Read(Sha256(w.read), 0, last).status()); }));
}

// A clock that is set forward while the service runs must not make it throw away what is to be kept.
TEST(AttachmentUpkeep, WhileAJumpOfTheClockStandsOnlyWhatWasRemovedLeavesTheDisk) {
  UpkeptWorld w;
  ASSERT_OK(w.Upload());
  const Day last = DayOf(w.clock.Now()) + 30;
  w.Start();
  w.AwaitPurge();
  w.clock.Advance(absl::Hours(24 * 31));
  w.AwaitPurge();
  w.AwaitPurge();  // what was removed goes first
  EXPECT_OK(w.store->Read(Sha256(w.read), 0, last));
  w.clock.Advance(-absl::Hours(24 * 31));  // set back: everything is as it was
  w.AwaitPurge();
  EXPECT_OK(w.store->Read(Sha256(w.read), 0, last));
}

}  // namespace
}  // namespace plumbline::server
