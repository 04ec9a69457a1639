#include "common/audit/export.h"

#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "tests/common/audit/logs.h"
#include "tests/status_matchers.h"

namespace plumbline::audit {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

void Ignore(const Record&) {}

TEST(AuditExport, IsVerifiedWithThePublicKeyAlone) {
  FiveRecords t;
  AuditReader reader = t.reader();
  ASSERT_OK_AND_ASSIGN(const std::string text, ExportAll(reader));
  std::string subjects;
  ASSERT_OK_AND_ASSIGN(const tlog::Checkpoint checkpoint,
                       VerifyExport(text, t.log_key.verifier(), [&](const Record& record) { subjects += record.subject; }));
  EXPECT_EQ(checkpoint.size, 5u);
  EXPECT_EQ(subjects, "12345");
  EXPECT_THAT(VerifyExport(text, TestLogKey(2).verifier(), Ignore), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(AuditExport, NamesTheRecordThatIsChangedMissingOrMoved) {
  FiveRecords t;
  AuditReader reader = t.reader();
  ASSERT_OK_AND_ASSIGN(const std::string text, ExportAll(reader));
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  ASSERT_EQ(lines.size(), 7u);
  const auto verify = [&](const std::vector<int>& order) {
    std::string made;
    for (const int line : order) made += lines[static_cast<size_t>(line)] + "\n";
    return VerifyExport(made, t.log_key.verifier(), Ignore);
  };
  EXPECT_OK(verify({0, 1, 2, 3, 4, 5}));
  EXPECT_THAT(verify({0, 1, 3, 4, 5}), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 3 is missing")));
  EXPECT_THAT(verify({0, 2, 1, 3, 4, 5}), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 2 is missing or out of order")));
  EXPECT_THAT(verify({0, 1, 2, 5}), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 4 is missing: the end")));
  EXPECT_THAT(verify({0, 1, 2, 3, 4}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 5")));
  ChangeRecord(*t.database, 4);
  ASSERT_OK_AND_ASSIGN(const std::string changed, ExportAll(reader));
  EXPECT_THAT(VerifyExport(changed, t.log_key.verifier(), Ignore),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 4 was changed")));
}

TEST(AuditExport, RefusesOtherText) {
  FiveRecords t;
  AuditReader reader = t.reader();
  ASSERT_OK_AND_ASSIGN(const std::string text, ExportAll(reader));
  for (const std::string& bad : {std::string(), std::string("\n"), std::string("{}\n"), text + "\n", text + "more", text.substr(0, text.size() - 1),
                                 absl::StrReplaceAll(text, {{"{\"record\"", "{ \"record\""}}), "\n" + text}) {
    EXPECT_THAT(VerifyExport(bad, t.log_key.verifier(), Ignore),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("audit_file_malformed")));
  }
}

}  // namespace
}  // namespace plumbline::audit
