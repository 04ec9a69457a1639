#include "assess/demo/audit_chain.h"

#include <gtest/gtest.h>

#include "common/codec.h"
#include "tests/status_matchers.h"

namespace plumbline::assess {
namespace {

using ::plumbline::testing::StatusIs;
using ::testing::HasSubstr;

// A chain made by the rule as it is written down, not by the code under test.
std::string ARecord() {
  std::string json;
  Bytes previous(32, 0);
  for (uint64_t n = 1; n <= 4; ++n) {
    Writer detail;
    detail.Vector(AsBytes("a")).Vector(AsBytes("b"));
    Writer record;
    record.U64(n).U64(1700000000 + n).Vector(AsBytes("account.created")).Vector(AsBytes("actor")).Vector(AsBytes(""));
    record.U8(n == 3 ? 2 : 1).Vector(AsBytes(n == 3 ? "why" : "")).Vector(detail.view());
    const auto hash = Sha256(Concat({previous, record.view()}));
    json += std::string(n == 1 ? "" : ",") + "{\"sequence\":" + std::to_string(n) + ",\"time_unix\":" +
            std::to_string(1700000000 + n) + ",\"name\":\"account.created\",\"actor\":\"actor\",\"subject\":\"\",\"outcome\":\"" +
            (n == 3 ? "refused" : "success") + "\",\"reason\":\"" + (n == 3 ? "why" : "") +
            "\",\"details\":{\"a\":\"b\"},\"previous_hash\":\"" + ToHex(previous) + "\",\"hash\":\"" + ToHex(hash) + "\"}";
    previous = ToBytes(hash);
  }
  return "{\"events\":[" + json + "],\"chain_verified\":true}";
}

TEST(VerifyChain, AcceptsARecordThatFollowsTheRule) {
  ASSERT_OK_AND_ASSIGN(const auto events, ParseAudit(ARecord()));
  EXPECT_EQ(events.size(), 4u);
  EXPECT_OK(VerifyChain(events));
}

TEST(VerifyChain, FindsAChangedField) {
  for (auto change : {+[](AuditEvent& e) { e.actor = "x"; }, +[](AuditEvent& e) { e.outcome = "refused"; },
                      +[](AuditEvent& e) { e.time_unix += 1; }, +[](AuditEvent& e) { e.details["a"] = "c"; }}) {
    ASSERT_OK_AND_ASSIGN(auto events, ParseAudit(ARecord()));
    change(events[1]);
    EXPECT_THAT(VerifyChain(events), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 2")));
  }
}

TEST(VerifyChain, FindsARemovedAndAMovedRecord) {
  ASSERT_OK_AND_ASSIGN(auto events, ParseAudit(ARecord()));
  auto removed = events;
  removed.erase(removed.begin() + 1);
  EXPECT_THAT(VerifyChain(removed), StatusIs(absl::StatusCode::kDataLoss));
  std::swap(events[1], events[2]);
  EXPECT_THAT(VerifyChain(events), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(ParseAudit, RefusesOtherText) {
  for (const char* text : {"", "{}", "[1]", "{\"events\":[1]}", "not json"}) {
    EXPECT_THAT(ParseAudit(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

}  // namespace
}  // namespace plumbline::assess
