// The notice: made of the manifest, another version with another word, and what changed in plain words.
#include "common/manifest/notice.h"

#include <gmock/gmock.h>

#include "absl/strings/str_join.h"
#include "common/manifest/manifest.h"
#include "common/manifest/running.h"
#include "plumbline/config/v1/server.pb.h"

namespace plumbline {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using metadata::v1::RunningManifest;

constexpr char kService[] = "plumbline://example.org/service/delivery";

RunningManifest Delivery(uint32_t envelope_days) {
  config::v1::ServerConfig config;
  config.mutable_limits()->mutable_session_life()->set_seconds(600);
  config.mutable_retention()->set_envelope_days(envelope_days);
  config.mutable_retention()->set_answer_days(14);
  config.mutable_retention()->set_attachment_days(30);
  config.mutable_retention()->set_gate_days(400);
  return manifest::Describe(kService, config);
}

std::string TextOf(const metadata::v1::Notice& notice) { return absl::StrJoin(manifest::NoticeLines(notice), "\n"); }

TEST(Notice, SaysWhatTheDeliveryServerSees) {
  EXPECT_THAT(TextOf(manifest::MakeNotice({})),
              AllOf(HasSubstr("The delivery server:"), HasSubstr("a message, encrypted for one device and padded to few sizes"), HasSubstr("at most 30 days"),
                    HasSubstr("The key server:"), HasSubstr("Fan-out in memory")));
}

// Each datum about a person is in it; what is nobody's affair is not.
TEST(Notice, HasEveryDatumAboutPeople) {
  const std::string text = TextOf(manifest::MakeNotice({}));
  for (const auto& datum : manifest::Built().datum()) {
    const bool operators = datum.is().seen_by_size() == 1 && datum.is().seen_by(0) == metadata::v1::BY_OPERATOR;
    const bool people = datum.is().class_() == metadata::v1::CLASS_PERSON || datum.is().class_() == metadata::v1::CLASS_TRAFFIC ||
                        datum.is().class_() == metadata::v1::CLASS_PSEUDONYM || datum.is().class_() == metadata::v1::CLASS_EVENT;
    if (people && !operators) {
      EXPECT_THAT(text, HasSubstr("- " + datum.is().says() + ".")) << datum.name();
    }
    if (datum.is().class_() == metadata::v1::CLASS_SETTING) {
      EXPECT_THAT(text, Not(HasSubstr(datum.is().says()))) << datum.name();
    }
  }
}

TEST(Notice, IsTheSameWhereADefaultIsWrittenDown) {
  EXPECT_EQ(manifest::VersionOf(manifest::MakeNotice({})), manifest::VersionOf(manifest::MakeNotice({Delivery(30)})));
}

TEST(Notice, AnotherRetentionIsAnotherVersion) {
  const auto before = manifest::MakeNotice({Delivery(30)}), after = manifest::MakeNotice({Delivery(60)});
  EXPECT_NE(manifest::VersionOf(before), manifest::VersionOf(after));
  EXPECT_THAT(manifest::Changes(before, after),
              Contains("Kept otherwise: a message, encrypted for one device and padded to few sizes: until now until your device has it, at most 30 "
                       "days; from now on until your device has it, at most 60 days"));
}

TEST(Notice, TheSameAgainChangesNothing) { EXPECT_THAT(manifest::Changes(manifest::MakeNotice({Delivery(30)}), manifest::MakeNotice({Delivery(30)})), IsEmpty()); }

TEST(Notice, AnotherReaderOrPurposeIsSaid) {
  const auto before = manifest::MakeNotice({});
  auto after = before;
  after.mutable_row(0)->set_readers("everybody");
  after.mutable_row(1)->set_purposes("advertising");
  EXPECT_THAT(manifest::Changes(before, after), ElementsAre(HasSubstr("Seen by others"), HasSubstr("advertising")));
  EXPECT_NE(manifest::VersionOf(before), manifest::VersionOf(after));
}

TEST(Notice, WhatIsNewOrGoneIsSaid) {
  const auto before = manifest::MakeNotice({});
  auto after = before;
  after.mutable_row()->DeleteSubrange(0, 1);
  auto& row = *after.add_row();
  row.set_id("SHOE_SIZE");
  row.set_says("the size of your shoes");
  after.add_remains("Feet.");
  EXPECT_THAT(manifest::Changes(before, after),
              AllOf(Contains(HasSubstr("New: the size of your shoes")), Contains("No longer: " + before.row(0).says()), Contains(HasSubstr("Feet."))));
}

// Two services that say different things of one datum are both heard.
TEST(Notice, AServiceThatSaysOtherwiseIsSeen) {
  RunningManifest other = Delivery(30);
  other.set_service("plumbline://example.org/service/keyserver");
  other.mutable_manifest()->mutable_datum(0)->mutable_is()->add_seen_by(metadata::v1::BY_EVERYBODY);
  const auto notice = manifest::MakeNotice({Delivery(30), other});
  const auto changes = manifest::Changes(manifest::MakeNotice({Delivery(30)}), notice);
  EXPECT_THAT(changes, ElementsAre(AllOf(HasSubstr("New: "), HasSubstr("everybody"))));
}

TEST(Differences, AreNoneWithOneself) { EXPECT_THAT(manifest::Differences(Delivery(60)), IsEmpty()); }

TEST(Differences, NameWhatOnlyOneHas) {
  RunningManifest other = Delivery(30);
  other.mutable_manifest()->mutable_field(0)->set_datum("SHOE_SIZE");
  other.mutable_manifest()->add_field()->set_field("plumbline.delivery.v1.Envelope.sender");
  other.mutable_manifest()->mutable_process(0)->mutable_database(0)->mutable_table(0)->mutable_column()->DeleteSubrange(0, 1);
  EXPECT_THAT(manifest::Differences(other),
              AllOf(Contains(HasSubstr("declared otherwise")), Contains("field plumbline.delivery.v1.Envelope.sender: the service has it, this client knows nothing of it"),
                    Contains(HasSubstr("the service does not say it"))));
}

}  // namespace
}  // namespace plumbline
