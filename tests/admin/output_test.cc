#include "admin/console/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/identity/reason.h"
#include "nlohmann/json.hpp"

namespace plumbline::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

keys::v1::AccountView Alice() {
  keys::v1::AccountView view;
  view.set_user("mimi://example.org/u/alice");
  view.set_display_name("Alice Archer");
  view.set_status("active");
  view.set_proofing("seen in person, register 7");
  view.set_state_hash(std::string(32, 'h'));
  keys::v1::DeviceView* device = view.add_devices();
  device->set_device_id(std::string(16, '\x0a'));
  device->set_label("work laptop");
  device->set_enrolled_day("2026-11-23");
  return view;
}

TEST(Changes, SaysWhatAPersonWouldSee) {
  const keys::v1::AccountView before = Alice();
  keys::v1::AccountView after = before;
  after.set_status("suspended");
  keys::v1::DeviceView* device = after.add_devices();
  device->set_device_id(std::string(16, '\x0b'));
  device->set_label("phone");
  EXPECT_THAT(Changes(before, after), ElementsAre("the status was \"active\" and is \"suspended\"",
                                                  HasSubstr("there is a new device: phone")));
  EXPECT_THAT(Changes(after, before),
              ElementsAre(HasSubstr("is \"active\""), HasSubstr("a device is gone: phone")));
  EXPECT_THAT(Changes(before, before), IsEmpty());
}

TEST(AccountText, EscapesWhatAHostileServiceWrites) {
  keys::v1::AccountView view = Alice();
  view.set_display_name("\x1b]0;owned\x07");
  view.mutable_devices(0)->set_label("\x1b[31mred");
  EXPECT_THAT(AccountText(view), Not(HasSubstr("\x1b")));
  keys::v1::AccountList list;
  *list.add_accounts() = view;
  EXPECT_THAT(AccountsText(list), Not(HasSubstr("\x1b")));
}

// What an administrator must not overlook: whether the other server has closed what the leaver held.
TEST(AccountText, SaysHowFarTheDeliveryServerIs) {
  keys::v1::AccountView view = Alice();
  EXPECT_THAT(AccountText(view), Not(HasSubstr("revocation")));
  view.mutable_revocation()->set_delivery("pending");
  view.mutable_revocation()->set_pending(2);
  view.mutable_revocation()->set_confirmed(1);
  EXPECT_THAT(AccountText(view), HasSubstr("PENDING: the delivery server has not confirmed 2 of 3"));
  EXPECT_EQ(nlohmann::json::parse(AccountJson(view))["revocation"]["delivery"], "pending");
  view.mutable_revocation()->set_delivery("not_configured");
  EXPECT_THAT(AccountText(view), HasSubstr("NOT SENT"));
  view.mutable_revocation()->set_delivery("confirmed");
  EXPECT_THAT(AccountText(view), HasSubstr("has confirmed"));
}

TEST(AccountJson, IsValidJsonWhateverTheBytes) {
  keys::v1::AccountView view = Alice();
  view.set_proofing("\xff\xfe\"\\\n");  // a bytes-like text that protobuf's setter lets through
  const auto json = nlohmann::json::parse(AccountJson(view));
  EXPECT_EQ(json["display_name"], "Alice Archer");
  EXPECT_EQ(json["devices"][0]["device_id"], "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a");
}

TEST(ErrorJson, HasReasonMessageAndCode) {
  const auto json = nlohmann::json::parse(ErrorJson(
      identity::Refuse(absl::StatusCode::kAborted, "state_changed", "the account changed; look again")));
  EXPECT_EQ(json["error"]["reason"], "state_changed");
  EXPECT_EQ(json["error"]["message"], "the account changed; look again");
  EXPECT_EQ(json["error"]["code"], "ABORTED");
}

TEST(AuditText, ShoutsWhenTheServiceDoesNotConfirmItsChain) {
  plumbline::audit::v1::AuditPage page;
  plumbline::audit::v1::Event* event = page.add_events();
  event->set_sequence(1);
  event->set_name("account.suspended");
  event->set_outcome("refused");
  event->set_reason("state_changed");
  EXPECT_THAT(AuditText(page), HasSubstr("DID NOT CONFIRM"));
  EXPECT_THAT(AuditText(page), HasSubstr("refused: state_changed"));
  page.set_intact(true);
  EXPECT_THAT(AuditText(page), Not(HasSubstr("DID NOT CONFIRM")));
}

TEST(Table, AlignsByCharactersNotBytes) {
  EXPECT_EQ(Table({"A", "B"}, {{"é", "x"}, {"ab", "y"}}), "A   B\né   x\nab  y\n");
}

}  // namespace
}  // namespace plumbline::admin
