// What a device's owner agreed to, over a restart; and what it takes to send something new.
#include "client/notice.h"

#include <gmock/gmock.h>

#include "common/manifest/notice.h"
#include "tests/common/certificates.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using ::testing::HasSubstr;
using metadata::v1::Notice;
using testing::IsOk;
using testing::StatusIs;
using testing::ValueOf;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

Notice Says(const std::string& kept) {
  Notice notice;
  notice.add_row()->set_kept(kept);
  return notice;
}

class NoticeTest : public ::testing::Test {
 protected:
  NoticeTest() { Open(); }
  void Open() {
    store_.reset();
    store_ = ValueOf(Store::Open(scratch_ / "store.db", key_, /*create=*/true));
  }
  std::optional<KnownNotice> Known() { return ValueOf(NoticeStore(*store_).Get()); }
  absl::Status Accept(const std::string& kept, absl::Time at = kNow) { return NoticeStore(*store_).Accept(Says(kept), at); }
  absl::Status Offer(const std::string& kept, absl::Time at = kNow) { return NoticeStore(*store_).Offer(Says(kept), at); }

  const testing::ScratchDir scratch_;
  const db::Key key_ = db::Key::Random();
  std::unique_ptr<Store> store_;
};

TEST_F(NoticeTest, NothingIsSentBeforeAnythingWasAccepted) {
  EXPECT_THAT(CheckNotice(Known()), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("notice_not_accepted: read with")));
}

TEST_F(NoticeTest, WhatWasAcceptedIsKept) {
  EXPECT_THAT(Accept("30 days"), IsOk());
  Open();
  ASSERT_TRUE(Known().has_value());
  EXPECT_EQ(Known()->accepted.row(0).kept(), "30 days");
  EXPECT_EQ(Known()->accepted_at, kNow);
  EXPECT_THAT(CheckNotice(Known()), IsOk());
}

TEST_F(NoticeTest, AnotherVersionStopsWhatIsNewUntilItIsAccepted) {
  EXPECT_THAT(Accept("30 days"), IsOk());
  EXPECT_THAT(Offer("60 days"), IsOk());
  Open();
  EXPECT_THAT(CheckNotice(Known()), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("has changed")));
  EXPECT_EQ(Known()->accepted.row(0).kept(), "30 days");
  EXPECT_EQ(Known()->offered->row(0).kept(), "60 days");
  EXPECT_THAT(Accept("60 days"), IsOk());
  EXPECT_THAT(CheckNotice(Known()), IsOk());
}

TEST_F(NoticeTest, TheSameAgainChangesNothing) {
  EXPECT_THAT(Accept("30 days"), IsOk());
  EXPECT_THAT(Offer("30 days"), IsOk());
  EXPECT_THAT(CheckNotice(Known()), IsOk());
}

// A retention that was changed and changed back needs nobody's word.
TEST_F(NoticeTest, BackToWhatWasAccepted) {
  EXPECT_THAT(Accept("30 days"), IsOk());
  EXPECT_THAT(Offer("60 days"), IsOk());
  EXPECT_THAT(Offer("30 days"), IsOk());
  EXPECT_THAT(CheckNotice(Known()), IsOk());
}

// A service cannot have its own word taken for the person's.
TEST_F(NoticeTest, AnOfferIsNoAcceptance) {
  EXPECT_THAT(Offer("60 days"), IsOk());
  EXPECT_FALSE(Known().has_value());
}

TEST_F(NoticeTest, TheServicesAreAskedOnceADay) {
  EXPECT_FALSE(IsNoticeDue(Known(), kNow)) << "what is not accepted is asked about anyway";
  EXPECT_THAT(Accept("30 days"), IsOk());
  EXPECT_FALSE(IsNoticeDue(Known(), kNow + absl::Hours(23)));
  EXPECT_TRUE(IsNoticeDue(Known(), kNow + absl::Hours(24)));
  EXPECT_TRUE(IsNoticeDue(Known(), kNow - absl::Hours(1))) << "a clock that was set back";
  EXPECT_THAT(NoticeStore(*store_).Asked(kNow + absl::Hours(24)), IsOk());
  EXPECT_FALSE(IsNoticeDue(Known(), kNow + absl::Hours(47)));
  EXPECT_THAT(Offer("30 days", kNow + absl::Hours(48)), IsOk());
  EXPECT_FALSE(IsNoticeDue(Known(), kNow + absl::Hours(71)));
}

// Asking in vain forgets nothing.
TEST_F(NoticeTest, AnOfferOutlivesAServiceThatIsAway) {
  EXPECT_THAT(Accept("30 days"), IsOk());
  EXPECT_THAT(Offer("60 days"), IsOk());
  EXPECT_THAT(NoticeStore(*store_).Asked(kNow + absl::Hours(1)), IsOk());
  EXPECT_THAT(CheckNotice(Known()), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("notice_not_accepted")));
}

}  // namespace
}  // namespace plumbline::client
