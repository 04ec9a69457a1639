// Administrators' actions: whose, when, against what, and once.
#include <gtest/gtest.h>

#include "common/identity/invitation.h"
#include "common/identity/labels.h"
#include "common/identity/record.h"
#include "plumbline/audit/v1/audit.pb.h"
#include "tests/common/codes.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

using plumbline::testing::StatusIs;
using ::testing::StartsWith;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;
constexpr auto kDenied = absl::StatusCode::kPermissionDenied;

identity::Intent Creation(World& world, absl::string_view user) {
  identity::Intent intent = MakeIntent(identity::Action::kCreateAccount, user, world.clock().Now());
  intent.parameters = Encode(identity::CreateAccountParameters{"Alice", "in person", "file 7"});
  return intent;
}

identity::Intent Suspension(World& world, absl::string_view user) {
  identity::Intent intent = MakeIntent(identity::Action::kSuspendAccount, user, world.clock().Now());
  intent.state_hash = *identity::ToFixed<32>(AsBytes(world.View(user).state_hash()));
  return intent;
}

absl::Status Send(World& world, const keys::v1::SignedIntent& intent) {
  keys::v1::IntentResult result;
  return world.admin().Execute(intent, result);
}

// Refused, with nothing changed and the refusal on record.
void ExpectRefused(World& world, const keys::v1::SignedIntent& intent, absl::StatusCode code,
                   const std::string& reason) {
  world.administrator();
  const std::string before = world.Dump();
  EXPECT_THAT(Send(world, intent), StatusIs(code, StartsWith(reason + ": ")));
  EXPECT_EQ(world.Dump(), before) << reason;
  EXPECT_EQ(world.LastEvent("intent.refused").reason, reason);
}

TEST(FirstAdministrator, RegistersOnceWithTheCodeOfTheCeremony) {
  World world;
  const TestAdministrator ada, eve;
  keys::v1::RegisterFirstAdministratorResponse response;
  ASSERT_OK(world.admin().RegisterFirst(Registration(ada, world.first_code()), response));
  EXPECT_EQ(response.key_id(), ToString(ada.key_id()));
  EXPECT_EQ(world.LastEvent("administrator.registered").subject, ToHex(ada.key_id()));
  EXPECT_THAT(world.admin().RegisterFirst(Registration(eve, world.first_code()), response),
              StatusIs(kUnauthenticated, StartsWith("code_used: ")));
  EXPECT_EQ(world.LastEvent("administrator.refused").reason, "code_used");
}

TEST(FirstAdministrator, FiveWrongCodesVoidItDurably) {
  World world;
  const TestAdministrator ada;
  keys::v1::RegisterFirstAdministratorResponse response;
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(world.admin().RegisterFirst(Registration(ada, "0000000000000000"), response),
                StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
    world.Restart();
  }
  EXPECT_THAT(world.admin().RegisterFirst(Registration(ada, world.first_code()), response),
              StatusIs(kUnauthenticated, StartsWith("code_exhausted: ")));
}

TEST(FirstAdministrator, TheCodeExpires) {
  World world;
  const TestAdministrator ada;
  world.clock().Advance(absl::Hours(24));
  keys::v1::RegisterFirstAdministratorResponse response;
  EXPECT_THAT(world.admin().RegisterFirst(Registration(ada, world.first_code()), response),
              StatusIs(kUnauthenticated, StartsWith("code_expired: ")));
}

// The relaying service sees the request. It must not be able to put its own key into it.
TEST(FirstAdministrator, ARelayCannotExchangeTheKeyOrTheName) {
  World world;
  const TestAdministrator ada, eve;
  keys::v1::RegisterFirstAdministratorResponse response;
  keys::v1::RegisterFirstAdministratorRequest stolen = Registration(eve, "0000000000000000");
  stolen.set_code_mac(Registration(ada, world.first_code()).code_mac());
  EXPECT_THAT(world.admin().RegisterFirst(stolen, response),
              StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
  keys::v1::RegisterFirstAdministratorRequest renamed = Registration(ada, world.first_code());
  renamed.set_name("Eve");
  EXPECT_THAT(world.admin().RegisterFirst(renamed, response),
              StatusIs(kInvalid, StartsWith("proof_invalid: ")));
}

TEST(Intent, CreatesAnAccountWithASignedRecordAndAnAuditEvent) {
  World world;
  const identity::Intent intent = Creation(world, kAlice);
  ASSERT_OK_AND_ASSIGN(const keys::v1::IntentResult result, world.Execute(intent));
  keys::v1::AccountView view;
  ASSERT_TRUE(view.ParseFromString(result.result()));
  EXPECT_EQ(view.status(), "invited");
  ASSERT_OK_AND_ASSIGN(const Account account, world.accounts().Find(kAlice));
  ASSERT_OK_AND_ASSIGN(const auto record, identity::VerifyDirectoryRecord(
                                              account.record.bytes, account.record.signature,
                                              world.organisation().keys().directory.key.public_key()));
  EXPECT_EQ(record.version, 1u);
  EXPECT_EQ(record.cause, identity::Hash(Sha256(Encode(intent))));
  const audit::Record event = world.LastEvent("account.created");
  EXPECT_EQ(event.actor, ToHex(world.administrator().key_id()));
  EXPECT_EQ(event.subject, kAlice);
  EXPECT_EQ(event.details.at("justification"), "asked for in person");
}

TEST(Intent, ASignatureThatIsForgedOrForAnotherActionIsRefused) {
  World world;
  keys::v1::SignedIntent forged = Sign(Creation(world, kAlice), world.administrator());
  forged.mutable_signatures(0)->mutable_signature()->at(3) ^= 1;
  ExpectRefused(world, forged, kDenied, "signature_invalid");

  keys::v1::SignedIntent other_label = Sign(Creation(world, kAlice), world.administrator());
  other_label.mutable_signatures(0)->set_signature(
      ToString(world.administrator().key.Sign(identity::kAdministratorLabel, AsBytes(other_label.intent()))));
  ExpectRefused(world, other_label, kDenied, "signature_invalid");
}

// A relay that changes any byte of the intent makes it worthless.
TEST(Intent, NoByteCanBeChanged) {
  World world;
  const keys::v1::SignedIntent good = Sign(Creation(world, kAlice), world.administrator());
  const std::string before = world.Dump();
  for (size_t i = 0; i < good.intent().size(); ++i) {
    keys::v1::SignedIntent tampered = good;
    tampered.mutable_intent()->at(i) ^= 1;
    EXPECT_FALSE(Send(world, tampered).ok()) << i;
  }
  EXPECT_EQ(world.Dump(), before);
  EXPECT_OK(Send(world, good));
}

TEST(Intent, OnlyRegisteredAdministratorsCount) {
  World world;
  const TestAdministrator stranger;
  ExpectRefused(world, Sign(Creation(world, kAlice), stranger), kDenied, "not_an_administrator");
  // One good signature does not carry a bad one along.
  keys::v1::SignedIntent both = Sign(Creation(world, kAlice), world.administrator());
  const identity::Intent parsed = *identity::ParseIntent(AsBytes(both.intent()));
  *both.add_signatures() = Sign(parsed, stranger).signatures(0);
  ExpectRefused(world, both, kDenied, "not_an_administrator");
  keys::v1::SignedIntent twice = Sign(parsed, world.administrator());
  *twice.add_signatures() = twice.signatures(0);
  ExpectRefused(world, twice, kInvalid, "intent_malformed");
  keys::v1::SignedIntent none = Sign(parsed, world.administrator());
  none.clear_signatures();
  ExpectRefused(world, none, kInvalid, "intent_malformed");
}

TEST(Intent, IsRefusedBeforeAndAfterItsTime) {
  World world;
  const keys::v1::SignedIntent intent = Sign(Creation(world, kAlice), world.administrator());
  world.clock().Advance(absl::Seconds(600) + absl::Minutes(2));
  ExpectRefused(world, intent, kDenied, "intent_expired");
  identity::Intent future = Creation(world, kAlice);
  future.issued_unix += 121;
  future.expires_unix += 121;
  ExpectRefused(world, Sign(future, world.administrator()), kDenied, "intent_not_yet_valid");
}

TEST(Intent, IsCarriedOutOnceAlsoAcrossARestartAndASweep) {
  World world;
  const keys::v1::SignedIntent intent = Sign(Creation(world, kAlice), world.administrator());
  EXPECT_OK(Send(world, intent));
  ExpectRefused(world, intent, kDenied, "intent_replayed");
  world.Restart();
  ExpectRefused(world, intent, kDenied, "intent_replayed");
  const identity::Intent list = MakeIntent(identity::Action::kListAccounts, "", world.clock().Now());
  const keys::v1::SignedIntent reading = Sign(list, world.administrator());
  EXPECT_OK(Send(world, reading));
  world.clock().Advance(absl::Seconds(600) +
                        absl::Minutes(1));  // over, but within the allowed difference of clocks
  ASSERT_OK(world.ledger().Sweep(world.clock().Now()));
  ExpectRefused(world, reading, kDenied, "intent_replayed");
}

TEST(Intent, AgainstAStateThatIsNoLongerCurrentIsRefused) {
  World world;
  world.CreateAccount(kAlice);
  const keys::v1::SignedIntent suspension = Sign(Suspension(world, kAlice), world.administrator());
  world.Enrol(kAlice);
  ExpectRefused(world, suspension, absl::StatusCode::kAborted, "state_changed");
  EXPECT_OK(Send(world, Sign(Suspension(world, kAlice), world.administrator())));
}

TEST(Intent, AWrongCodeDoesNotDisturbAnAdministrator) {
  World world;
  world.IssueCode(kAlice);
  const keys::v1::SignedIntent suspension = Sign(Suspension(world, kAlice), world.administrator());
  const Applicant applicant;
  keys::v1::EnrolResponse response;
  EXPECT_FALSE(world.enrolment().Enrol(Application(applicant, kAlice, "0000-0000-0000-0000"), response).ok());
  EXPECT_OK(Send(world, suspension));
}

TEST(Intent, RefusesWhatMakesNoSense) {
  World world;
  world.CreateAccount(kAlice);
  ExpectRefused(world, Sign(Creation(world, kAlice), world.administrator()), absl::StatusCode::kAlreadyExists,
                "account_exists");
  identity::Intent unknown = MakeIntent(identity::Action::kGetAccount, kBob, world.clock().Now());
  ExpectRefused(world, Sign(unknown, world.administrator()), absl::StatusCode::kNotFound, "unknown_user");
  ExpectRefused(world, Sign(Creation(world, "mimi://elsewhere.org/u/alice"), world.administrator()), kInvalid,
                "wrong_domain");
  world.Suspend(kAlice);
  ExpectRefused(world, Sign(Suspension(world, kAlice), world.administrator()),
                absl::StatusCode::kFailedPrecondition, "no_change");
  identity::Intent code = MakeIntent(identity::Action::kIssueEnrolmentCode, kAlice, world.clock().Now());
  code.parameters = testing::CodeParameters(3600);
  code.state_hash = *identity::ToFixed<32>(AsBytes(world.View(kAlice).state_hash()));
  ExpectRefused(world, Sign(code, world.administrator()), absl::StatusCode::kFailedPrecondition,
                "account_suspended");
}

TEST(Intent, SuspensionAndReactivationMakeNewRecords) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  world.Suspend(kAlice);
  ASSERT_OK_AND_ASSIGN(const Account suspended, world.accounts().Find(kAlice));
  ASSERT_OK_AND_ASSIGN(const auto record, identity::ParseDirectoryRecord(suspended.record.bytes));
  EXPECT_EQ(record.status, identity::RecordStatus::kSuspended);
  EXPECT_EQ(record.version, 3u);
  world.LastEvent("account.suspended");
  identity::Intent back = Suspension(world, kAlice);
  back.action = identity::Action::kReactivateAccount;
  EXPECT_OK(world.Execute(back).status());
  EXPECT_EQ(world.View(kAlice).status(), "active");
  keys::v1::OpenChannelResponse response;
  EXPECT_OK(world.devices().OpenChannel(&device.tls, response));
}

TEST(Intent, AnEnrolmentCodeIsTheAdministratorsAndStoredAsItsKey) {
  World world;
  world.CreateAccount(kAlice);
  identity::Intent intent = MakeIntent(identity::Action::kIssueEnrolmentCode, kAlice, world.clock().Now());
  const std::string code = identity::GenerateCode();
  intent.parameters = testing::CodeParameters(3600, kAlice, code);
  intent.state_hash = *identity::ToFixed<32>(AsBytes(world.View(kAlice).state_hash()));
  ASSERT_OK_AND_ASSIGN(const keys::v1::IntentResult result, world.Execute(intent));
  keys::v1::IssuedCode answer;
  ASSERT_TRUE(answer.ParseFromString(result.result()));
  EXPECT_EQ(answer.keyserver_address(), world.organisation().keyserver_address());
  EXPECT_FALSE(answer.attended());
  EXPECT_EQ(answer.expires_unix(), absl::ToUnixSeconds(world.clock().Now()) + 3600);
  // Neither what is stored nor what is recorded contains the code.
  std::string everything = world.Dump();
  for (const audit::Record& record : world.Audit()) {
    for (const auto& [name, value] : record.details) everything += name + value;
  }
  EXPECT_EQ(everything.find(code), std::string::npos);
  for (char& c : everything) c = static_cast<char>(tolower(c));
  EXPECT_EQ(everything.find(ToHex(AsBytes(code))), std::string::npos);
  EXPECT_NE(everything.find(ToHex(testing::CodeKey(kAlice, code))), std::string::npos);  // the search finds what is there
}

TEST(Intent, TheAuditRecordIsReadWithAnEventOfItsOwn) {
  World world;
  world.CreateAccount(kAlice);
  identity::Intent intent = MakeIntent(identity::Action::kListAuditEvents, "", world.clock().Now());
  intent.parameters = Encode(identity::ListAuditEventsParameters{0, 1000});
  ASSERT_OK_AND_ASSIGN(const keys::v1::IntentResult result, world.Execute(intent));
  audit::v1::AuditPage page;
  ASSERT_TRUE(page.ParseFromString(result.result()));
  EXPECT_TRUE(page.intact());
  EXPECT_EQ(page.events(0).name(), "service.initialised");
  EXPECT_EQ(page.events(page.events_size() - 1).name(), "audit.read");
}

TEST(Intent, AllAccountsAreListed) {
  World world;
  world.CreateAccount(kBob);
  world.Enrol(kAlice);
  ASSERT_OK_AND_ASSIGN(const keys::v1::IntentResult result,
                       world.Execute(MakeIntent(identity::Action::kListAccounts, "", world.clock().Now())));
  keys::v1::AccountList list;
  ASSERT_TRUE(list.ParseFromString(result.result()));
  ASSERT_EQ(list.accounts_size(), 2);
  EXPECT_EQ(list.accounts(0).status(), "active");
  EXPECT_EQ(list.accounts(0).devices_size(), 1);
  EXPECT_EQ(list.accounts(1).status(), "invited");
}

}  // namespace
}  // namespace plumbline::keyserver
