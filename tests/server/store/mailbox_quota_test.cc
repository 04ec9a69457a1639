#include "server/store/mailbox_quota.h"

#include <gtest/gtest.h>

namespace plumbline::server {
namespace {

constexpr Day kToday{20'000};
constexpr identity::MailboxId kOne{1}, kTwo{2};

TEST(MailboxQuota, HoldsForNumberAndSizeOfEachMailbox) {
  MailboxQuota quota({.envelopes = 2, .bytes = 100, .days = 30});
  EXPECT_TRUE(quota.Add(kOne, kToday, 60));
  EXPECT_FALSE(quota.Add(kOne, kToday, 41));
  EXPECT_TRUE(quota.Add(kOne, kToday, 40));
  EXPECT_FALSE(quota.Add(kOne, kToday, 0));
  EXPECT_TRUE(quota.Add(kTwo, kToday, 100));
  quota.Remove(kOne, kToday, 60);
  EXPECT_TRUE(quota.Add(kOne, kToday, 60));
  EXPECT_FALSE(quota.Add(kOne, kToday, 0));
}

// Nobody says so when an envelope's days are over.
TEST(MailboxQuota, WhatHasExpiredIsNotCounted) {
  MailboxQuota quota({.envelopes = 2, .bytes = 100, .days = 30});
  EXPECT_TRUE(quota.Add(kOne, kToday, 1));
  EXPECT_TRUE(quota.Add(kOne, kToday + 1, 1));
  EXPECT_FALSE(quota.Add(kOne, kToday + 30, 1));
  EXPECT_TRUE(quota.Add(kOne, kToday + 31, 1));
  EXPECT_FALSE(quota.Add(kOne, kToday + 31, 1));
}

TEST(MailboxQuota, WhatCameBeforeTheStartIsNotTakenOff) {
  MailboxQuota quota({.envelopes = 1, .bytes = 100, .days = 30});
  quota.Remove(kOne, kToday, 50);
  EXPECT_TRUE(quota.Add(kOne, kToday, 1));
  quota.Remove(kOne, kToday + -1, 50);
  EXPECT_FALSE(quota.Add(kOne, kToday, 1));
}

TEST(MailboxQuota, UndoesInReverse) {
  MailboxQuota quota({.envelopes = 2, .bytes = 100, .days = 30});
  EXPECT_TRUE(quota.Add(kOne, kToday, 10));
  quota.Keep();
  EXPECT_TRUE(quota.Add(kOne, kToday, 10));
  const size_t mark = quota.Mark();
  quota.Remove(kOne, kToday, 10);
  quota.Remove(kOne, kToday, 10);
  EXPECT_TRUE(quota.Add(kTwo, kToday, 10));
  quota.Forget(kTwo);
  quota.UndoTo(mark);
  EXPECT_FALSE(quota.Add(kOne, kToday, 10));  // both are there again
  EXPECT_TRUE(quota.Add(kTwo, kToday, 10));
  EXPECT_TRUE(quota.Add(kTwo, kToday, 10));
  quota.UndoTo(0);
  EXPECT_TRUE(quota.Add(kOne, kToday, 10));  // one is: what was kept
  EXPECT_FALSE(quota.Add(kOne, kToday, 10));
  EXPECT_TRUE(quota.Add(kTwo, kToday, 10));
}

}  // namespace
}  // namespace plumbline::server
