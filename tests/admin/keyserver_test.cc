// Administrators' actions from the tool's library through a real admin service to a real key server, and
// everything that a hostile admin service, a wrong clock or a crash can do to them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/console/commands.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "tests/admin/organisation.h"
#include "tests/common/codes.h"
#include "tests/status_matchers.h"

namespace plumbline::admin {
namespace {

using identity::Action;
using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

class ShiftedClock final : public Clock {
 public:
  explicit ShiftedClock(absl::Duration shift) : shift_(shift) {}
  absl::Time Now() const override { return absl::Now() + shift_; }

 private:
  const absl::Duration shift_;
};

class KeyserverTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    organisation = new TestOrganisation();
    key = new crypto::Ed25519KeyPair(crypto::Ed25519KeyPair::Generate());
    api = Connect(*organisation->profile, organisation->clock)->release();
    session = new Session(*organisation->profile, *key, *api, organisation->clock);
    ASSERT_THAT(session->RegisterFirst("Root Admin", "AAAA-BBBB-CCCC-DDDD"),
                StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("code_wrong")));
    ASSERT_OK(session->RegisterFirst("Root Admin", organisation->administrator_code));
  }
  static void TearDownTestSuite() {
    delete session;
    delete api;
    delete key;
    delete organisation;
  }

  static Bytes Alice() {
    return Encode(identity::CreateAccountParameters{"Alice Archer", "seen in person", "register 7"});
  }
  static absl::StatusOr<std::string> Create(Session& by, const std::string& user) {
    ASSIGN_OR_RETURN(const PreparedIntent intent,
                     by.Prepare(Action::kCreateAccount, user, Alice(), "new starter", ""));
    return by.Submit(intent);
  }
  static absl::StatusOr<std::string> Change(Action action, const std::string& user, Bytes parameters = {}) {
    ASSIGN_OR_RETURN(const keys::v1::AccountView view, session->GetAccount(user));
    ASSIGN_OR_RETURN(const PreparedIntent intent,
                     session->Prepare(action, user, std::move(parameters), "because", view.state_hash()));
    return session->Submit(intent);
  }
  static std::string StatusOf(const std::string& user) {
    const absl::StatusOr<keys::v1::AccountView> view = session->GetAccount(user);
    return view.ok() ? view->status() : view.status().ToString();
  }
  static keys::v1::SignedIntent Sign(ByteView intent, const crypto::Ed25519KeyPair& by) {
    keys::v1::SignedIntent request;
    request.set_intent(ToString(intent));
    keys::v1::IntentSignature* signature = request.add_signatures();
    signature->set_key_id(ToString(Sha256(by.public_key().view())));
    signature->set_signature(ToString(by.Sign(identity::kIntentLabel, intent)));
    return request;
  }

  static TestOrganisation* organisation;
  static crypto::Ed25519KeyPair* key;
  static AdminApi* api;
  static Session* session;
};
TestOrganisation* KeyserverTest::organisation = nullptr;
crypto::Ed25519KeyPair* KeyserverTest::key = nullptr;
AdminApi* KeyserverTest::api = nullptr;
Session* KeyserverTest::session = nullptr;

TEST_F(KeyserverTest, AnAccountIsCreatedInvitedSuspendedAndTakenBack) {
  const std::string user = "mimi://example.org/u/life";
  ASSERT_OK(Create(*session, user));
  EXPECT_EQ(StatusOf(user), "invited");
  const std::string code = identity::GenerateCode();
  ASSERT_OK_AND_ASSIGN(const std::string result,
                       Change(Action::kIssueEnrolmentCode, user, testing::CodeParameters(3600, user, code)));
  ASSERT_OK_AND_ASSIGN(const MadeInvitation invitation, session->MakeInvitation(result, user, code));
  EXPECT_EQ(invitation.invitation.user, user);
  ASSERT_OK(Change(Action::kSuspendAccount, user));
  EXPECT_EQ(StatusOf(user), "suspended");
  ASSERT_OK(Change(Action::kReactivateAccount, user));
  EXPECT_EQ(StatusOf(user), "invited");
  ASSERT_OK_AND_ASSIGN(const keys::v1::AccountList list, session->ListAccounts());
  EXPECT_GE(list.accounts().size(), 1);
}

TEST_F(KeyserverTest, EachStepIsInTheKeyServersRecordWithWhoAndWhy) {
  const std::string user = "mimi://example.org/u/recorded";
  ASSERT_OK(Create(*session, user));
  ASSERT_OK(Change(Action::kSuspendAccount, user));
  ASSERT_OK_AND_ASSIGN(const auto page, session->ListAuditEvents(0, 1000));
  EXPECT_TRUE(page.intact());
  std::vector<std::string> names;
  for (const auto& event : page.events()) {
    if (event.subject() != user || event.name() == "intent.executed") continue;
    names.push_back(event.name());
    EXPECT_EQ(event.actor(), KeyId(key->public_key()));
    EXPECT_THAT(event.details().at("justification"), ::testing::AnyOf("new starter", "because"));
  }
  EXPECT_THAT(names, ::testing::ElementsAre("account.created", "account.suspended"));
}

// One change in any field of an intent, made by whoever holds the admin service's own certificate.
TEST_F(KeyserverTest, AHostileAdminServiceCannotChangeAnything) {
  Gateway& hostile = organisation->HostileAdminService();
  const std::string user = "mimi://example.org/u/target";
  ASSERT_OK(Create(*session, user));
  ASSERT_OK(Create(*session, "mimi://example.org/u/other"));
  ASSERT_OK_AND_ASSIGN(const keys::v1::AccountView view, session->GetAccount(user));
  ASSERT_OK_AND_ASSIGN(
      const PreparedIntent prepared,
      session->Prepare(Action::kIssueEnrolmentCode, user, testing::CodeParameters(600),
                       "because", view.state_hash()));
  const keys::v1::SignedIntent honest = Sign(prepared.bytes, *key);
  ASSERT_OK_AND_ASSIGN(const identity::Intent intent, identity::ParseIntent(prepared.bytes));
  std::vector<identity::Intent> changed(7, intent);
  changed[0].target = "mimi://example.org/u/other";
  changed[1].parameters = testing::CodeParameters(604800);
  changed[2].justification = "another reason";
  changed[3].expires_unix += 60;
  changed[4].nonce = identity::RandomFixed<16>();
  changed[5].state_hash = identity::RandomFixed<32>();
  changed[6].issued_unix -= 1;
  keys::v1::IntentResult result;
  for (const identity::Intent& forged : changed) {
    keys::v1::SignedIntent request = honest;
    request.set_intent(ToString(identity::Encode(forged)));
    EXPECT_THAT(hostile.Execute(request, result),
                StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("signature_invalid")));
  }
  identity::Intent other_action = intent;
  other_action.action = Action::kSuspendAccount;
  other_action.parameters.clear();
  keys::v1::SignedIntent request = honest;
  request.set_intent(ToString(identity::Encode(other_action)));
  EXPECT_THAT(hostile.Execute(request, result),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("signature_invalid")));
  EXPECT_EQ(StatusOf(user), "invited");
  EXPECT_THAT(hostile.Execute(honest, result), IsOk());  // unchanged, it is carried out
}

// The operator has left the address of the listener for devices in admin.yaml.
TEST_F(KeyserverTest, AnAddressThatIsNotTheAdminListenersIsNamed) {
  const std::unique_ptr<Gateway> misdirected = organisation->GatewayTo(organisation->device_address);
  keys::v1::IntentResult result;
  EXPECT_THAT(misdirected->Execute(keys::v1::SignedIntent(), result),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("admin_listen")));
}

TEST_F(KeyserverTest, AHostileAdminServiceCannotMakeOne) {
  Gateway& hostile = organisation->HostileAdminService();
  const crypto::Ed25519KeyPair own = crypto::Ed25519KeyPair::Generate();
  ASSERT_OK_AND_ASSIGN(const PreparedIntent intent, session->Prepare(Action::kListAccounts, "", {}, "", ""));
  keys::v1::IntentResult result;
  EXPECT_THAT(hostile.Execute(Sign(intent.bytes, own), result),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("not_an_administrator")));
  keys::v1::SignedIntent in_anothers_name = Sign(intent.bytes, own);
  in_anothers_name.mutable_signatures(0)->set_key_id(ToString(Sha256(key->public_key().view())));
  EXPECT_THAT(hostile.Execute(in_anothers_name, result),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("signature_invalid")));
  EXPECT_TRUE(result.result().empty());
}

// The same key signs other things; none of them is an intent.
TEST_F(KeyserverTest, ASignatureMadeForAnotherPurposeIsNoIntent) {
  Gateway& hostile = organisation->HostileAdminService();
  ASSERT_OK_AND_ASSIGN(const PreparedIntent intent, session->Prepare(Action::kListAccounts, "", {}, "", ""));
  keys::v1::SignedIntent request = Sign(intent.bytes, *key);
  request.mutable_signatures(0)->set_signature(
      ToString(key->Sign(identity::kAdministratorLabel, intent.bytes)));
  keys::v1::IntentResult result;
  EXPECT_THAT(hostile.Execute(request, result),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("signature_invalid")));
}

TEST_F(KeyserverTest, ARelayedIntentCannotBeReplayedNotEvenAfterTheKeyServerRestarts) {
  const std::string user = "mimi://example.org/u/replayed";
  ASSERT_OK_AND_ASSIGN(const PreparedIntent intent,
                       session->Prepare(Action::kCreateAccount, user, Alice(), "new starter", ""));
  ASSERT_OK_AND_ASSIGN(const PreparedIntent reading, session->Prepare(Action::kListAccounts, "", {}, "", ""));
  ASSERT_OK(session->Submit(intent));
  ASSERT_OK(session->Submit(reading));
  for (const bool restarted : {false, true}) {
    SCOPED_TRACE(restarted);
    if (restarted) {
      organisation->keyserver->Kill(SIGKILL);
      organisation->StartKeyserver();
    }
    Gateway& hostile = organisation->HostileAdminService();
    keys::v1::IntentResult result;
    EXPECT_THAT(hostile.Execute(Sign(intent.bytes, *key), result), Not(IsOk()));
    EXPECT_THAT(hostile.Execute(Sign(reading.bytes, *key), result),
                StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("intent_replayed")));
  }
}

// Nobody on the way has the code: not the admin service, which keeps a record, and not the key server, which answers.
TEST_F(KeyserverTest, NoServiceSeesAnEnrolmentCode) {
  Gateway& hostile = organisation->HostileAdminService();
  const std::string user = "mimi://example.org/u/sealed", code = identity::GenerateCode();
  ASSERT_OK(Create(*session, user));
  ASSERT_OK_AND_ASSIGN(const keys::v1::AccountView view, session->GetAccount(user));
  ASSERT_OK_AND_ASSIGN(const PreparedIntent intent,
                       session->Prepare(Action::kIssueEnrolmentCode, user, testing::CodeParameters(600, user, code), "because",
                                        view.state_hash()));
  const keys::v1::SignedIntent request = Sign(intent.bytes, *key);
  keys::v1::IntentResult passing_by;
  ASSERT_OK(hostile.Execute(request, passing_by));
  ASSERT_OK_AND_ASSIGN(const MadeInvitation invitation, session->MakeInvitation(passing_by.result(), user, code));
  ASSERT_THAT(invitation.text, HasSubstr("plumbline-invitation:"));
  const std::string key_of_code = ToString(testing::CodeKey(user, code));
  EXPECT_THAT(request.intent(), HasSubstr(key_of_code));  // so the search finds what is there
  for (const std::string& form : {code, identity::FormatCode(code)}) {
    EXPECT_THAT(request.SerializeAsString() + passing_by.SerializeAsString(), Not(HasSubstr(form)));
    EXPECT_THAT(organisation->AdminRecord().dump(), Not(HasSubstr(form)));
  }
}

TEST_F(KeyserverTest, AKilledKeyServerLeavesTheAttemptOnTheAdminServicesRecordAndNothingDone) {
  const std::string user = "mimi://example.org/u/killed";
  ASSERT_OK(Create(*session, user));
  ASSERT_OK_AND_ASSIGN(const keys::v1::AccountView view, session->GetAccount(user));
  ASSERT_OK_AND_ASSIGN(const PreparedIntent intent,
                       session->Prepare(Action::kSuspendAccount, user, {}, "lost laptop", view.state_hash()));
  organisation->keyserver->Kill(SIGKILL);
  EXPECT_THAT(session->Submit(intent),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("keyserver_unreachable")));
  const nlohmann::json record = organisation->AdminRecord();
  const nlohmann::json attempt = record[record.size() - 2], answer = record[record.size() - 1];
  EXPECT_EQ(attempt["name"], "console.intent_received");
  EXPECT_EQ(attempt["subject"], user);
  EXPECT_EQ(attempt["details"]["intent"], ToHex(Sha256(intent.bytes)));
  EXPECT_EQ(answer["reason"], "keyserver_unreachable");
  organisation->StartKeyserver();
  EXPECT_EQ(StatusOf(user), "invited");
  ASSERT_OK(session->Submit(intent));  // never carried out, so its number is still good
  EXPECT_EQ(StatusOf(user), "suspended");
}

TEST_F(KeyserverTest, AnActionOnAStateThatIsGoneIsRefused) {
  const std::string user = "mimi://example.org/u/race";
  ASSERT_OK(Create(*session, user));
  ASSERT_OK_AND_ASSIGN(const keys::v1::AccountView seen, session->GetAccount(user));
  ASSERT_OK(Change(Action::kSuspendAccount, user));
  ASSERT_OK_AND_ASSIGN(const PreparedIntent late,
                       session->Prepare(Action::kReactivateAccount, user, {}, "because", seen.state_hash()));
  EXPECT_THAT(session->Submit(late), StatusIs(absl::StatusCode::kAborted, HasSubstr("state_changed")));
  EXPECT_EQ(StatusOf(user), "suspended");
}

// Somebody else suspends the account between this administrator's look and signature.
class RacingApi final : public AdminApi {
 public:
  RacingApi(std::unique_ptr<AdminApi> api, std::function<void()> meanwhile)
      : api_(std::move(api)), meanwhile_(std::move(meanwhile)) {}
  absl::Status Submit(const keys::v1::SignedIntent& intent, keys::v1::IntentResult& result) override {
    if (++calls_ == 2) meanwhile_();
    return api_->Submit(intent, result);
  }
  absl::Status Register(const keys::v1::RegisterFirstAdministratorRequest& request,
                        keys::v1::RegisterFirstAdministratorResponse& response) override {
    return api_->Register(request, response);
  }

 private:
  const std::unique_ptr<AdminApi> api_;
  const std::function<void()> meanwhile_;
  int calls_ = 0;
};

TEST_F(KeyserverTest, TheToolSaysWhatChangedMeanwhile) {
  const std::string user = "mimi://example.org/u/overtaken";
  ASSERT_OK(Create(*session, user));
  auto racing = std::make_unique<RacingApi>(*Connect(*organisation->profile, organisation->clock),
                                            [&] { ASSERT_OK(Change(Action::kSuspendAccount, user)); });
  ConsoleOptions options;
  options.yes = true;
  options.json = true;
  Console console(options, *organisation->profile,
                  *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(key->seed())), std::move(racing),
                  organisation->clock);
  const absl::Status status =
      console.InviteAccount({.user = "overtaken", .reason = "new starter", .out_file = ""});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted,
                               HasSubstr("the status was \"invited\" and is \"suspended\"")));
}

TEST_F(KeyserverTest, AClockThatIsOffIsRefusedAndNamed) {
  for (const auto& [shift, reason] :
       {std::pair(-absl::Hours(1), "intent_expired"), {absl::Hours(1), "intent_not_yet_valid"}}) {
    const ShiftedClock clock(shift);
    ConsoleOptions options;
    options.json = true;
    Console console(options, *organisation->profile,
                    *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(key->seed())),
                    *Connect(*organisation->profile, organisation->clock), clock);
    const absl::Status status = console.ListAccounts();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr(reason)));
    EXPECT_THAT(std::string(status.message()), HasSubstr("This machine's clock shows"));
  }
}

TEST_F(KeyserverTest, TheLongestReasonFitsIntoBothRecords) {
  const std::string reason(512, 'r');
  ASSERT_OK_AND_ASSIGN(
      const PreparedIntent intent,
      session->Prepare(Action::kCreateAccount, "mimi://example.org/u/wordy", Alice(), reason, ""));
  EXPECT_THAT(session->Submit(intent), IsOk());
}

TEST_F(KeyserverTest, TheFirstAdministratorsCodeIsUsedUp) {
  const crypto::Ed25519KeyPair second = crypto::Ed25519KeyPair::Generate();
  Session other(*organisation->profile, second, *api, organisation->clock);
  EXPECT_THAT(other.RegisterFirst("Mallory", organisation->administrator_code), Not(IsOk()));
  EXPECT_THAT(other.ListAccounts(),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("not_an_administrator")));
}

}  // namespace
}  // namespace plumbline::admin
