// Which waiting device a registrar's typed code means: computed from the keys, so that whoever puts in others shows another code.
#include "admin/console/waiting.h"

#include <gmock/gmock.h>

#include "absl/strings/ascii.h"
#include "common/crypto/ed25519.h"
#include "common/crypto/p256.h"
#include "common/crypto/x509.h"
#include "common/identity/codes.h"
#include "tests/common/certificates.h"
#include "tests/status_matchers.h"

namespace plumbline::admin {
namespace {

using plumbline::testing::StatusIs;
using plumbline::testing::ValueOf;
using ::testing::HasSubstr;

constexpr char kAlice[] = "mimi://example.org/u/alice";

keys::v1::EnrolRequest Request() {
  keys::v1::EnrolRequest request;
  request.set_user(kAlice);
  request.set_tls_csr(ToString(crypto::CertificateRequest::Create(crypto::P256PrivateKey::Generate())));
  request.set_working_public_key(ToString(crypto::Ed25519KeyPair::Generate().public_key().view()));
  request.set_mls_signature_public_key(ToString(crypto::Ed25519KeyPair::Generate().public_key().view()));
  request.set_device_label("laptop");
  return request;
}

std::string CodeOn(const keys::v1::EnrolRequest& device) { return identity::ApprovalCode(ValueOf(JoinRequestOf(device))); }

struct Desk {
  keys::v1::EnrolRequest device = Request();
  keys::v1::AccountView account;
  Desk() {
    account.set_user(kAlice);
    *account.add_waiting()->mutable_request() = Request();
    *account.add_waiting()->mutable_request() = device;
  }
  absl::Status Find() { return FindWaiting(account, CodeOn(device)).status(); }
};

TEST(Waiting, TheDeviceWithThatCodeHoweverItIsTyped) {
  Desk desk;
  const identity::Hash hash = HashOf(ValueOf(JoinRequestOf(desk.device)));
  EXPECT_EQ(ValueOf(FindWaiting(desk.account, CodeOn(desk.device))), hash);
  EXPECT_EQ(ValueOf(FindWaiting(desk.account, " " + absl::AsciiStrToLower(identity::FormatCode(CodeOn(desk.device))))), hash);
  EXPECT_THAT(FindWaiting(desk.account, "short"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("code_malformed: ")));
  EXPECT_THAT(FindWaiting(desk.account, "ZZZZ-ZZZZ-ZZZZ-ZZZZ"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("join_unknown: ")));
}

TEST(Waiting, KeysThatSomebodyPutInShowAnotherCode) {
  const auto refused = StatusIs(absl::StatusCode::kNotFound, HasSubstr("do not activate anything"));
  const keys::v1::EnrolRequest other = Request();
  Desk tls, working, mls, user, person;
  ASSERT_OK(tls.Find());
  tls.account.mutable_waiting(1)->mutable_request()->set_tls_csr(other.tls_csr());
  EXPECT_THAT(tls.Find(), refused);
  working.account.mutable_waiting(1)->mutable_request()->set_working_public_key(other.working_public_key());
  EXPECT_THAT(working.Find(), refused);
  mls.account.mutable_waiting(1)->mutable_request()->set_mls_signature_public_key(other.mls_signature_public_key());
  EXPECT_THAT(mls.Find(), refused);
  user.account.mutable_waiting(1)->mutable_request()->set_user("mimi://example.org/u/bob");
  EXPECT_THAT(user.Find(), refused);
  person.account.set_user("mimi://example.org/u/bob");  // a request of Alice's, shown as Bob's
  EXPECT_THAT(person.Find(), refused);
}

TEST(Waiting, WhatCannotBeReadIsLeftOut) {
  Desk desk;
  desk.account.mutable_waiting(0)->mutable_request()->set_tls_csr("nonsense");
  EXPECT_OK(desk.Find());
  desk.account.mutable_waiting(1)->mutable_request()->set_working_public_key("short");
  EXPECT_THAT(desk.Find(), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace plumbline::admin
