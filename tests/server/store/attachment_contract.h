// What every engine of the attachment store must do. An engine instantiates the suite with how it is opened.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "server/store/attachment_store.h"
#include "tests/server/temporary_directory.h"
#include "tests/status_matchers.h"

namespace plumbline::server {

// Opens or creates the store in a directory, for at most so many bytes.
using AttachmentEngine = std::function<std::shared_ptr<AttachmentStore>(const std::string& directory, int64_t max_bytes)>;

inline constexpr Day kAttachmentDay{20'000};
inline constexpr int64_t kAttachmentDays = 30;  // what the engine is opened with

// An attachment with its secrets and bytes.
struct SomeAttachment {
  explicit SomeAttachment(size_t size) : bytes(RandomBytes(size)) {}
  Bytes bytes;
  identity::AttachmentId id = identity::RandomFixed<32>();
  identity::Hash owner = identity::RandomFixed<32>();

  NewAttachment Beginning() const { return NewAttachment{id, owner, bytes.size()}; }
  ByteView PieceAt(uint64_t offset) const {
    const ByteView rest = ByteView(bytes).subspan(offset);
    return rest.first(std::min(rest.size(), identity::kPieceSize));
  }
};

class AttachmentContract : public ::testing::TestWithParam<AttachmentEngine> {
 protected:
  AttachmentContract() { Open(); }
  void Open(int64_t max_bytes = int64_t{1} << 30) {
    store_.reset();
    store_ = GetParam()(directory_.path(), max_bytes);
  }
  AttachmentStore& store() { return *store_; }

  absl::Status Upload(const SomeAttachment& attachment, uint64_t until = UINT64_MAX, Day today = kAttachmentDay) {
    ASSIGN_OR_RETURN(AttachmentState state, store().Begin(attachment.Beginning(), today));
    while (state.durable < std::min<uint64_t>(until, attachment.bytes.size())) {
      ASSIGN_OR_RETURN(state, store().Append(attachment.id, attachment.owner, state.durable, attachment.PieceAt(state.durable),
                                             today));
    }
    return absl::OkStatus();
  }
  absl::StatusOr<Bytes> Download(const SomeAttachment& attachment, Day today = kAttachmentDay) {
    Bytes all;
    do {
      ASSIGN_OR_RETURN(const AttachmentPiece piece, store().Read(attachment.id, all.size(), today));
      EXPECT_EQ(piece.size, attachment.bytes.size());
      all.insert(all.end(), piece.bytes.begin(), piece.bytes.end());
    } while (all.size() < attachment.bytes.size());
    return all;
  }

  const TemporaryDirectory directory_;
  std::shared_ptr<AttachmentStore> store_;
};

using testing::StatusIs;

TEST_P(AttachmentContract, GivesBackWhatWasPutForEverySizeAroundAPiece) {
  for (const size_t size : {size_t{1}, identity::kPieceSize - 1, identity::kPieceSize, identity::kPieceSize + 1,
                            3 * identity::kPieceSize}) {
    SCOPED_TRACE(size);
    const SomeAttachment attachment(size);
    ASSERT_OK(Upload(attachment));
    ASSERT_OK_AND_ASSIGN(const Bytes got, Download(attachment));
    EXPECT_EQ(got, attachment.bytes);
  }
}

TEST_P(AttachmentContract, IsThereAfterReopeningAndGoesOnWhereItWas) {
  const SomeAttachment attachment(3 * identity::kPieceSize + 7);
  ASSERT_OK(Upload(attachment, 2 * identity::kPieceSize));
  Open();
  ASSERT_OK_AND_ASSIGN(const AttachmentState state, store().Begin(attachment.Beginning(), kAttachmentDay));
  EXPECT_EQ(state.durable, 2 * identity::kPieceSize);
  EXPECT_THAT(Download(attachment), StatusIs(absl::StatusCode::kNotFound));  // incomplete
  ASSERT_OK(Upload(attachment));
  Open();
  ASSERT_OK_AND_ASSIGN(const Bytes got, Download(attachment));
  EXPECT_EQ(got, attachment.bytes);
}

TEST_P(AttachmentContract, TakesOnlyTheNextPiece) {
  const SomeAttachment attachment(3 * identity::kPieceSize);
  ASSERT_OK(Upload(attachment, identity::kPieceSize));
  for (const uint64_t offset : {uint64_t{0}, uint64_t{1}, uint64_t{2 * identity::kPieceSize}, UINT64_MAX}) {
    ASSERT_OK_AND_ASSIGN(const AttachmentState state,
                         store().Append(attachment.id, attachment.owner, offset, Bytes(identity::kPieceSize, 1), kAttachmentDay));
    EXPECT_EQ(state.durable, identity::kPieceSize);
  }
  for (const size_t size : {size_t{0}, size_t{1}, identity::kPieceSize - 1, identity::kPieceSize + 1}) {
    EXPECT_THAT(store().Append(attachment.id, attachment.owner, identity::kPieceSize, Bytes(size, 1), kAttachmentDay),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  ASSERT_OK(Upload(attachment));
  // Complete: nothing is appended any more.
  ASSERT_OK_AND_ASSIGN(const AttachmentState state,
                       store().Append(attachment.id, attachment.owner, attachment.bytes.size(), Bytes(1, 1), kAttachmentDay));
  EXPECT_EQ(state.durable, attachment.bytes.size());
  ASSERT_OK_AND_ASSIGN(const Bytes got, Download(attachment));
  EXPECT_EQ(got, attachment.bytes);
}

TEST_P(AttachmentContract, OnlyItsOwnerAppendsDeletesAndBeginsAgain) {
  const SomeAttachment attachment(2 * identity::kPieceSize);
  ASSERT_OK(Upload(attachment, identity::kPieceSize));
  const identity::Hash stranger = identity::RandomFixed<32>();
  EXPECT_THAT(store().Append(attachment.id, stranger, identity::kPieceSize, attachment.PieceAt(identity::kPieceSize),
                             kAttachmentDay),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store().Remove(attachment.id, stranger, kAttachmentDay), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store().Begin({attachment.id, stranger, attachment.bytes.size()}, kAttachmentDay),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(store().Begin({attachment.id, attachment.owner, 1}, kAttachmentDay), StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK(Upload(attachment));
  ASSERT_OK_AND_ASSIGN(const Bytes got, Download(attachment));
  EXPECT_EQ(got, attachment.bytes);
}

TEST_P(AttachmentContract, WhatIsRemovedIsUnknownAtOnceAndGoneAfterThePurge) {
  const SomeAttachment attachment(40 * identity::kPieceSize), other(identity::kPieceSize);
  ASSERT_OK(Upload(attachment));
  ASSERT_OK(Upload(other));
  ASSERT_OK(store().Remove(attachment.id, attachment.owner, kAttachmentDay));
  EXPECT_THAT(Download(attachment), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store().Remove(attachment.id, attachment.owner, kAttachmentDay), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store().Begin(attachment.Beginning(), kAttachmentDay), StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_OK(store().Purge(kAttachmentDay));
  ASSERT_OK_AND_ASSIGN(const AttachmentState state, store().Begin(attachment.Beginning(), kAttachmentDay));
  EXPECT_EQ(state.durable, 0u);
  ASSERT_OK_AND_ASSIGN(const Bytes kept, Download(other));
  EXPECT_EQ(kept, other.bytes);
}

TEST_P(AttachmentContract, ExpiresBothWhenCompleteAndWhenNot) {
  const SomeAttachment complete(identity::kPieceSize), incomplete(2 * identity::kPieceSize);
  ASSERT_OK(Upload(complete));
  ASSERT_OK(Upload(incomplete, identity::kPieceSize));
  ASSERT_OK_AND_ASSIGN(const AttachmentState state, store().Begin(complete.Beginning(), kAttachmentDay));
  EXPECT_EQ(state.expires, kAttachmentDay + kAttachmentDays);
  EXPECT_OK(store().Append(incomplete.id, incomplete.owner, 0, incomplete.PieceAt(0), kAttachmentDay + 2));
  EXPECT_THAT(store().Append(incomplete.id, incomplete.owner, 0, incomplete.PieceAt(0), kAttachmentDay + 3),
              StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(store().Purge(kAttachmentDay + kAttachmentDays));
  EXPECT_OK(Download(complete, kAttachmentDay + kAttachmentDays));
  EXPECT_THAT(Download(complete, kAttachmentDay + kAttachmentDays + 1), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(store().Purge(kAttachmentDay + kAttachmentDays + 1));
  EXPECT_THAT(Download(complete, kAttachmentDay), StatusIs(absl::StatusCode::kNotFound));  // also if the clock goes back
}

TEST_P(AttachmentContract, KeepsWithinItsQuotaAndHasRoomAgainAfterADeletion) {
  constexpr int64_t kQuota = 4 * identity::kPieceSize + 16384;
  Open(kQuota);
  const SomeAttachment large(5 * identity::kPieceSize), first(3 * identity::kPieceSize), second(2 * identity::kPieceSize);
  EXPECT_THAT(store().Begin(large.Beginning(), kAttachmentDay),
              StatusIs(absl::StatusCode::kResourceExhausted, ::testing::HasSubstr("storage_full")));
  ASSERT_OK(store().Begin(second.Beginning(), kAttachmentDay));  // nothing is set aside for it
  ASSERT_OK(Upload(first));
  EXPECT_THAT(Upload(second), StatusIs(absl::StatusCode::kResourceExhausted, ::testing::HasSubstr("storage_full")));
  ASSERT_OK_AND_ASSIGN(const AttachmentState state, store().Begin(second.Beginning(), kAttachmentDay));
  EXPECT_EQ(state.durable, identity::kPieceSize);  // what was acknowledged stays
  Open(kQuota);                                    // and is counted again after a restart
  EXPECT_THAT(Upload(second), StatusIs(absl::StatusCode::kResourceExhausted));
  ASSERT_OK(store().Remove(first.id, first.owner, kAttachmentDay));
  ASSERT_OK(store().Purge(kAttachmentDay));
  ASSERT_OK(Upload(second));
  ASSERT_OK_AND_ASSIGN(const Bytes got, Download(second));
  EXPECT_EQ(got, second.bytes);
}

// Beginnings alone take room: nobody fills the disk with what costs a call each.
TEST_P(AttachmentContract, EmptyAttachmentsCountAgainstTheQuota) {
  Open(10 * 4096 + 1024);
  int begun = 0;
  absl::Status status;
  while (begun < 20 && status.ok()) {
    status = store().Begin(SomeAttachment(1024).Beginning(), kAttachmentDay).status();
    if (status.ok()) ++begun;
  }
  EXPECT_EQ(begun, 10);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, ::testing::HasSubstr("storage_full")));
}

TEST_P(AttachmentContract, RefusesAnOffsetBehindTheEnd) {
  const SomeAttachment attachment(identity::kPieceSize);
  ASSERT_OK(Upload(attachment));
  EXPECT_THAT(store().Read(attachment.id, identity::kPieceSize, kAttachmentDay),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("request_malformed")));
}

TEST_P(AttachmentContract, ManyUploadAndDownloadAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < 4; ++i) {
        const SomeAttachment attachment(2 * identity::kPieceSize + 99);
        ASSERT_OK(Upload(attachment));
        ASSERT_OK_AND_ASSIGN(const Bytes got, Download(attachment));
        EXPECT_EQ(got, attachment.bytes);
        ASSERT_OK(store().Remove(attachment.id, attachment.owner, kAttachmentDay));
        const absl::Status purged = store().Purge(kAttachmentDay);
        EXPECT_TRUE(purged.ok() || absl::IsAborted(purged)) << purged;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace plumbline::server
