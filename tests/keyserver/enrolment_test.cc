// Joining: what a one-time code is good for, and what it is not.
#include <gtest/gtest.h>

#include <algorithm>

#include "common/crypto/issue.h"
#include "common/identity/labels.h"
#include "common/identity/record.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

using plumbline::testing::StatusIs;
using ::testing::StartsWith;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnauthenticated = absl::StatusCode::kUnauthenticated;

absl::Status Try(World& world, absl::string_view user, absl::string_view code) {
  const Applicant applicant;
  keys::v1::EnrolResponse response;
  return world.enrolment().Enrol(Application(applicant, user, code), response);
}

std::string WrongCode(const std::string& code) {
  std::string wrong = code;
  wrong[0] = wrong[0] == 'A' ? 'B' : 'A';
  return wrong;
}

TEST(Enrolment, AKeyThatEverybodyKnowsIsRefused) {
  World world;
  const std::string code = world.IssueCode(kAlice);
  for (const bool mls : {false, true}) {
    Applicant applicant;
    auto& key = mls ? applicant.mls_key : applicant.working_key;
    key = *crypto::Ed25519KeyPair::FromSeed(Secret::Take(Bytes(32, 0x42)));
    keys::v1::EnrolResponse response;
    EXPECT_THAT(world.enrolment().Enrol(Application(applicant, kAlice, code), response),
                StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("key_known: ")));
  }
  keys::v1::EnrolResponse response;
  EXPECT_OK(world.enrolment().Enrol(Application(Applicant(), kAlice, code), response));
}

TEST(Enrolment, ACodeTurnsIntoADeviceWithCertificatesAndARecord) {
  World world;
  const std::string code = world.IssueCode(kAlice);
  Applicant applicant;
  keys::v1::EnrolResponse response;
  ASSERT_OK(world.enrolment().Enrol(Application(applicant, kAlice, code), response));
  const Bytes mls_key = applicant.mls_key.public_key().ToBytes();
  const TestDevice device = Joined(std::move(applicant), response);
  const KeyRing& keys = world.organisation().keys();
  const absl::Time now = world.clock().Now();
  EXPECT_OK(crypto::VerifyChain(device.tls, {device.issuing}, keys.root, now, crypto::Purpose::kTlsClient));
  EXPECT_OK(crypto::VerifyChain(device.credential, {device.issuing}, keys.root, now,
                                crypto::Purpose::kMlsCredential));
  const std::string device_uri = identity::DeviceUri{kDomain, device.id}.ToString();
  EXPECT_THAT(device.tls.uris(), ::testing::ElementsAre(device_uri));
  EXPECT_THAT(device.credential.uris(), ::testing::ElementsAre(kAlice, device_uri));
  ASSERT_OK_AND_ASSIGN(const identity::DirectoryRecord record,
                       identity::VerifyDirectoryRecord(AsBytes(response.record().record()),
                                                       AsBytes(response.record().signature()),
                                                       keys.directory.key.public_key()));
  EXPECT_EQ(record.user, kAlice);
  EXPECT_EQ(record.version, 2u);
  ASSERT_EQ(record.devices.size(), 1u);
  EXPECT_TRUE(Equal(record.devices[0].mls_signature_public_key, mls_key));
  EXPECT_EQ(record.devices[0].credential_hash, identity::Hash(Sha256(device.credential.der())));
  EXPECT_EQ(response.record().credentials(0), ToString(device.credential.der()));
  EXPECT_EQ(world.LastEvent("device.enrolled").subject, device_uri);
}

TEST(Enrolment, EachVersionOfARecordHoldsTheHashOfTheOneBefore) {
  World world;
  world.CreateAccount(kAlice);
  ASSERT_OK_AND_ASSIGN(const Account before, world.accounts().Find(kAlice));
  world.Enrol(kAlice);
  ASSERT_OK_AND_ASSIGN(const Account after, world.accounts().Find(kAlice));
  ASSERT_OK_AND_ASSIGN(const auto record, identity::ParseDirectoryRecord(after.record.bytes));
  EXPECT_EQ(record.previous_hash, identity::Hash(Sha256(before.record.bytes)));
}

TEST(Enrolment, AWrongCodeCostsAnAttemptThatSurvivesARestart) {
  World world;
  const std::string code = world.IssueCode(kAlice);
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(Try(world, kAlice, WrongCode(code)), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
    world.Restart();
  }
  EXPECT_THAT(Try(world, kAlice, code), StatusIs(kUnauthenticated, StartsWith("code_exhausted: ")));
  const audit::Record event = world.LastEvent("enrolment.refused");
  EXPECT_EQ(event.reason, "code_exhausted");
  EXPECT_EQ(event.subject, kAlice);
}

TEST(Enrolment, FourWrongCodesStillLeaveTheRightOne) {
  World world;
  const std::string code = world.IssueCode(kAlice);
  for (int i = 0; i < 4; ++i) EXPECT_THAT(Try(world, kAlice, WrongCode(code)), StatusIs(kUnauthenticated));
  EXPECT_OK(Try(world, kAlice, code));
}

TEST(Enrolment, ACodeIsTakenHoweverItIsTyped) {
  World world;
  std::string code = world.IssueCode(kAlice);
  code.erase(std::remove(code.begin(), code.end(), '-'), code.end());
  std::transform(code.begin(), code.end(), code.begin(), ::tolower);
  EXPECT_OK(Try(world, kAlice, " " + code + " "));
}

TEST(Enrolment, AUsedCodeIsRefusedAlsoAfterARestart) {
  World world;
  const std::string code = world.IssueCode(kAlice);
  EXPECT_OK(Try(world, kAlice, code));
  world.Restart();
  EXPECT_THAT(Try(world, kAlice, code), StatusIs(kUnauthenticated, StartsWith("code_used: ")));
  EXPECT_EQ(world.LastEvent("enrolment.refused").reason, "code_used");
}

// Killed before it could write the answer down, it asks again: the same code, the same keys.
TEST(Enrolment, ADeviceWhoseAnswerWasLostIsAnsweredAgainAndNobodyElse) {
  World world;
  const std::string code = world.IssueCode(kAlice);
  const Applicant applicant;
  keys::v1::EnrolResponse first, again;
  ASSERT_OK(world.enrolment().Enrol(Application(applicant, kAlice, code), first));
  world.Restart();
  ASSERT_OK(world.enrolment().Enrol(Application(applicant, kAlice, code), again));
  EXPECT_EQ(again.device_id(), first.device_id());
  EXPECT_EQ(again.mls_certificates(0), first.mls_certificates(0));
  EXPECT_EQ(again.record().record(), first.record().record());  // nobody sees another device
  EXPECT_EQ(world.accounts().Find(kAlice)->devices.size(), 1u);
  EXPECT_THAT(Try(world, kAlice, code), StatusIs(kUnauthenticated, StartsWith("code_used: ")));
  // One of its two keys is not enough.
  for (const bool mls : {false, true}) {
    Applicant other;
    (mls ? other.mls_key : other.working_key) = *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf((mls ? applicant.mls_key : applicant.working_key).seed()));
    keys::v1::EnrolResponse response;
    EXPECT_THAT(world.enrolment().Enrol(Application(other, kAlice, code), response), StatusIs(kUnauthenticated, StartsWith("code_used: ")));
  }
  world.clock().Advance(absl::Hours(48));
  keys::v1::EnrolResponse late;
  EXPECT_THAT(world.enrolment().Enrol(Application(applicant, kAlice, code), late), StatusIs(kUnauthenticated, StartsWith("code_used: ")));
}

TEST(Enrolment, ASuspendedOrRemovedDeviceIsNotAnsweredAgain) {
  for (const auto action : {identity::Action::kSuspendAccount, identity::Action::kRemoveAccount}) {
    World world;
    const std::string code = world.IssueCode(kAlice);
    const Applicant applicant;
    keys::v1::EnrolResponse response;
    ASSERT_OK(world.enrolment().Enrol(Application(applicant, kAlice, code), response));
    ASSERT_OK(world.Change(action, kAlice).status());
    EXPECT_FALSE(world.enrolment().Enrol(Application(applicant, kAlice, code), response).ok());
    EXPECT_EQ(response.device_id(), "");
  }
}

TEST(Enrolment, AnExpiredCodeIsRefused) {
  World world;
  const std::string code = world.IssueCode(kAlice, 3600);
  world.clock().Advance(absl::Seconds(3600));
  EXPECT_THAT(Try(world, kAlice, code), StatusIs(kUnauthenticated, StartsWith("code_expired: ")));
  EXPECT_EQ(world.LastEvent("enrolment.refused").reason, "code_expired");
}

TEST(Enrolment, ANewCodeVoidsTheFormerOne) {
  World world;
  const std::string first = world.IssueCode(kAlice);
  const std::string second = world.IssueCode(kAlice);
  EXPECT_THAT(Try(world, kAlice, first), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
  EXPECT_OK(Try(world, kAlice, second));
}

TEST(Enrolment, UnknownPeopleAndPeopleWithoutACodeAreAnsweredLikeAWrongCode) {
  World world;
  world.CreateAccount(kBob);
  const absl::Status unknown = Try(world, kAlice, "ABCD-EFGH-JKMN-PQRS");
  const absl::Status without = Try(world, kBob, "ABCD-EFGH-JKMN-PQRS");
  EXPECT_THAT(unknown, StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
  EXPECT_EQ(unknown, without);
}

TEST(Enrolment, ACodeIsGoodForItsOwnPersonOnly) {
  World world;
  const std::string code = world.IssueCode(kAlice);
  world.IssueCode(kBob);
  EXPECT_THAT(Try(world, kBob, code), StatusIs(kUnauthenticated, StartsWith("code_wrong: ")));
}

TEST(Enrolment, ACodeIsWithdrawnWithTheAccountsSuspensionAndStaysSo) {
  World world;
  const std::string code = world.IssueCode(kAlice);
  world.Suspend(kAlice);
  EXPECT_THAT(Try(world, kAlice, code),
              StatusIs(kUnauthenticated, StartsWith("code_withdrawn: ")));
  ASSERT_OK(world.Change(identity::Action::kReactivateAccount, kAlice));
  EXPECT_THAT(Try(world, kAlice, code), StatusIs(kUnauthenticated, StartsWith("code_withdrawn: ")));
}

TEST(Enrolment, ASecondDeviceNeedsANewCode) {
  World world;
  const TestDevice first = world.Enrol(kAlice);
  const TestDevice second = world.Enrol(kAlice);
  EXPECT_NE(first.id, second.id);
  ASSERT_OK_AND_ASSIGN(const Account account, world.accounts().Find(kAlice));
  EXPECT_EQ(account.devices.size(), 2u);
}

TEST(Enrolment, KeysOfAnEnrolledDeviceAreRefusedAndTheCodeStaysGood) {
  World world;
  Applicant applicant;
  keys::v1::EnrolResponse response;
  ASSERT_OK(world.enrolment().Enrol(Application(applicant, kAlice, world.IssueCode(kAlice)), response));
  const std::string code = world.IssueCode(kBob);
  EXPECT_THAT(world.enrolment().Enrol(Application(applicant, kBob, code), response),
              StatusIs(absl::StatusCode::kAlreadyExists, StartsWith("key_in_use: ")));
  EXPECT_OK(Try(world, kBob, code));
}

// Each proof is over this very code and these very keys; a wrong one costs no attempt and changes nothing.
TEST(Enrolment, AProofThatDoesNotVerifyIsRefused) {
  World world;
  const std::string code = world.IssueCode(kAlice);
  const Applicant applicant, other;
  const auto refuse = [&world](const keys::v1::EnrolRequest& request) {
    const std::string before = world.Dump();
    keys::v1::EnrolResponse response;
    EXPECT_THAT(world.enrolment().Enrol(request, response),
                StatusIs(kInvalid, StartsWith("proof_invalid: ")));
    EXPECT_EQ(world.Dump(), before);
    EXPECT_EQ(response.ByteSizeLong(), 0u);
  };
  const keys::v1::EnrolRequest good = Application(applicant, kAlice, code);
  keys::v1::EnrolRequest request = good;
  request.mutable_working_proof()->at(5) ^= 1;
  refuse(request);
  request = good;
  request.mutable_mls_proof()->at(5) ^= 1;
  refuse(request);
  request = good;
  request.set_working_proof(good.mls_proof());
  refuse(request);
  request = good;
  request.set_tls_csr(ToString(crypto::CertificateRequest::Create(other.tls_key)));
  refuse(request);
  request = good;
  request.set_mls_signature_public_key(ToString(other.mls_key.public_key().view()));
  refuse(request);
  request = good;
  request.set_code_public_key(Application(applicant, kAlice, WrongCode(code)).code_public_key());
  refuse(request);
  request.set_code_proof(Application(applicant, kAlice, WrongCode(code)).code_proof());
  request.set_code_public_key(good.code_public_key());
  refuse(request);
  request = good;
  request.set_code_proof(good.working_proof());
  refuse(request);
  request = good;
  request.set_working_proof("");
  refuse(request);
}

TEST(Enrolment, MalformedKeysRequestsNamesAndLabelsAreRefused) {
  World world;
  const std::string code = world.IssueCode(kAlice);
  const std::string before = world.Dump();
  const Applicant applicant;
  const keys::v1::EnrolRequest good = Application(applicant, kAlice, code);
  const auto refuse = [&world](const keys::v1::EnrolRequest& request, const std::string& reason) {
    keys::v1::EnrolResponse response;
    EXPECT_THAT(world.enrolment().Enrol(request, response), StatusIs(kInvalid, StartsWith(reason + ": ")));
  };
  keys::v1::EnrolRequest request = good;
  request.set_tls_csr("not a request");
  refuse(request, "enrolment_malformed");
  request = good;
  request.set_tls_csr(ToString(crypto::Ed25519Spki(applicant.mls_key.public_key())));
  refuse(request, "enrolment_malformed");
  request = good;
  request.mutable_tls_csr()->back() ^= 1;  // inside the request's own signature
  refuse(request, "enrolment_malformed");
  request = good;
  request.set_working_public_key(std::string(32, '\0'));
  refuse(request, "enrolment_malformed");
  request = good;
  request.set_mls_signature_public_key(good.working_public_key());
  refuse(request, "enrolment_malformed");
  request = good;
  request.set_device_label("\x1b[2J");
  refuse(request, "enrolment_malformed");
  request = good;
  request.set_user("alice");
  refuse(request, "enrolment_malformed");
  request = good;
  request.set_user("mimi://elsewhere.org/u/alice");
  refuse(request, "wrong_domain");
  request = good;
  request.set_code_public_key("short");
  refuse(request, "enrolment_malformed");
  EXPECT_EQ(world.Dump(), before);
}

// A CSR for an RSA or Ed25519 key must not become a TLS certificate; made by another program.
TEST(Enrolment, ARequestForAnotherKindOfKeyIsRefused) {
  World world;
  const Bytes p384 = [] {
    FILE* pipe = popen(
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout /dev/null -subj / "
        "-outform DER 2>/dev/null",
        "r");
    Bytes out;
    for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) out.push_back(static_cast<uint8_t>(c));
    pclose(pipe);
    return out;
  }();
  ASSERT_GT(p384.size(), 100u) << "needs the openssl program";
  const Applicant applicant;
  keys::v1::EnrolRequest request = Application(applicant, kAlice, world.IssueCode(kAlice));
  request.set_tls_csr(ToString(p384));
  keys::v1::EnrolResponse response;
  EXPECT_THAT(world.enrolment().Enrol(request, response),
              StatusIs(kInvalid, StartsWith("enrolment_malformed: ")));
}

TEST(Enrolment, RefusalsOfStrangersDoNotFillTheAuditRecord) {
  World world;
  world.IssueCode(kAlice);
  const size_t before = world.Audit().size();
  for (int i = 0; i < 200; ++i) EXPECT_FALSE(Try(world, kAlice, "short").ok());
  EXPECT_EQ(world.Audit().size(), before + 60);
  world.clock().Advance(absl::Minutes(1));
  ASSERT_OK(world.refusals().Flush());
  EXPECT_EQ(world.LastEvent("limit.reached").details.at("not_recorded"), "140");
}

TEST(Enrolment, ANameThatAStrangerMadeUpIsNotRecorded) {
  World world;
  EXPECT_FALSE(Try(world, "mimi://elsewhere.org/u/secret-message", "ABCD-EFGH-JKMN-PQRS").ok());
  EXPECT_EQ(world.LastEvent("enrolment.refused").subject, "");
}

}  // namespace
}  // namespace plumbline::keyserver
