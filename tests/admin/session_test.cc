// An administrator's tool against an admin service that lies, and an honest one: the key server's side is
// played by a function of each test.
#include "admin/console/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/crypto/hkdf.h"
#include "common/identity/codes.h"
#include "common/identity/enrolment_proof.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/identity/uri.h"
#include "tests/common/identity/signed_keys.h"
#include "tests/admin/sample_intents.h"
#include "tests/common/certificates.h"
#include "tests/common/codes.h"
#include "tests/status_matchers.h"

namespace plumbline::admin {
namespace {

using identity::Action;
using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kAlice[] = "mimi://example.org/u/alice";

class SetClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::FromUnixSeconds(1'795'471'200); }
};

// Answers as the test says and keeps what it was sent.
class ScriptedApi final : public AdminApi {
 public:
  std::function<absl::Status(const identity::Intent&, keys::v1::IntentResult&)> answer =
      [](const identity::Intent&, keys::v1::IntentResult&) { return absl::OkStatus(); };
  std::function<void(keys::v1::RegisterFirstAdministratorResponse&)> registration =
      [](keys::v1::RegisterFirstAdministratorResponse&) {};
  keys::v1::SignedIntent sent;
  keys::v1::RegisterFirstAdministratorRequest registered;

  absl::Status Submit(const keys::v1::SignedIntent& request, keys::v1::IntentResult& result) override {
    sent = request;
    return answer(*identity::ParseIntent(AsBytes(request.intent())), result);
  }
  absl::Status Register(const keys::v1::RegisterFirstAdministratorRequest& request,
                        keys::v1::RegisterFirstAdministratorResponse& response) override {
    registered = request;
    registration(response);
    return absl::OkStatus();
  }
};

struct Desk {
  SetClock clock;
  ScriptedApi api;
  Profile profile{.server = "127.0.0.1:1",
                  .server_name = "",
                  .domain = "example.org",
                  .organisation = crypto::Fingerprint::Of(AsBytes("root")),
                  .root_pem = ""};
  crypto::Ed25519KeyPair key = crypto::Ed25519KeyPair::Generate();
  Session session{profile, key, api, clock};

  absl::StatusOr<PreparedIntent> PrepareInvite() {
    return session.Prepare(Action::kIssueEnrolmentCode, kAlice,
                           testing::CodeParameters(3600), "new starter",
                           std::string(32, 's'));
  }
};

// What is shown (the description of `bytes`) is what is signed: exactly those bytes travel and verify.
TEST(Session, SignsExactlyTheBytesItPrepared) {
  for (int i = 0; i < 50; ++i) {
    Desk desk;
    const identity::Intent wanted = RandomIntent();
    ASSERT_OK_AND_ASSIGN(const PreparedIntent prepared,
                         desk.session.Prepare(wanted.action, wanted.target, wanted.parameters,
                                              wanted.justification, ToString(wanted.state_hash)));
    desk.session.Submit(prepared).status().IgnoreError();
    EXPECT_EQ(desk.api.sent.intent(), ToString(prepared.bytes));
    ASSERT_EQ(desk.api.sent.signatures().size(), 1);
    EXPECT_THAT(desk.key.public_key().Verify(identity::kIntentLabel, prepared.bytes,
                                             AsBytes(desk.api.sent.signatures(0).signature())),
                IsOk());
    ASSERT_OK_AND_ASSIGN(const identity::Intent sent, identity::ParseIntent(prepared.bytes));
    EXPECT_EQ(sent.target, wanted.target);
    EXPECT_EQ(sent.parameters, wanted.parameters);
    EXPECT_EQ(sent.justification, wanted.justification);
    EXPECT_EQ(sent.state_hash, wanted.state_hash);
    EXPECT_EQ(sent.expires_unix - sent.issued_unix, 300u);
  }
}

TEST(Session, GivesEachIntentItsOwnNumber) {
  Desk desk;
  ASSERT_OK_AND_ASSIGN(const PreparedIntent first, desk.PrepareInvite());
  ASSERT_OK_AND_ASSIGN(const PreparedIntent second, desk.PrepareInvite());
  ASSERT_OK_AND_ASSIGN(const identity::Intent a, identity::ParseIntent(first.bytes));
  ASSERT_OK_AND_ASSIGN(const identity::Intent b, identity::ParseIntent(second.bytes));
  EXPECT_NE(a.nonce, b.nonce);
}

TEST(Session, RefusesToPrepareAnActionWithoutItsReason) {
  Desk desk;
  EXPECT_THAT(desk.session.Prepare(Action::kSuspendAccount, kAlice, {}, "", std::string(32, 's')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("intent_invalid")));
}

std::string Issued(const std::string& address, int64_t expires_unix = 1'795'474'800) {
  keys::v1::IssuedCode out;
  out.set_keyserver_address(address);
  out.set_expires_unix(expires_unix);
  return out.SerializeAsString();
}

TEST(Session, MakesTheInvitationOfItsOwnCodeAndWhatIsPinned) {
  Desk desk;
  const std::string code = identity::GenerateCode();
  ASSERT_OK_AND_ASSIGN(const MadeInvitation made, desk.session.MakeInvitation(Issued("keys.example.org:7443"), kAlice, code));
  EXPECT_EQ(made.invitation.user, kAlice);
  EXPECT_EQ(made.invitation.code, code);
  EXPECT_EQ(made.invitation.domain, "example.org");
  EXPECT_TRUE(Equal(made.invitation.root_fingerprint, desk.profile.organisation.view()));
  EXPECT_EQ(made.invitation.keyserver_address, "keys.example.org:7443");
  EXPECT_EQ(made.invitation.expires_unix, 1'795'474'800u);
  EXPECT_FALSE(made.invitation.by_device);
  EXPECT_EQ(*identity::ParseInvitation(made.text), made.invitation);
}

TEST(Session, SaysWhereAnInvitationIsAttended) {
  Desk desk;
  keys::v1::IssuedCode issued;
  issued.set_keyserver_address("keys.example.org:7443");
  issued.set_expires_unix(1'795'474'800);
  issued.set_attended(true);
  ASSERT_OK_AND_ASSIGN(const MadeInvitation made,
                       desk.session.MakeInvitation(issued.SerializeAsString(), kAlice, identity::GenerateCode()));
  EXPECT_TRUE(made.invitation.by_device);
}

// The relay may write what it likes; it names no person, no organisation and no code.
TEST(Session, RefusesAnAnswerOfWhichNoInvitationCanBeMade) {
  Desk desk;
  const std::vector<std::string> wrong = {"", "nonsense", Issued(""), Issued("no port"), Issued("a b:1")};
  for (const std::string& result : wrong) {
    EXPECT_THAT(desk.session.MakeInvitation(result, kAlice, identity::GenerateCode()),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("answer_malformed")))
        << result;
  }
}

TEST(Session, RefusesAnAccountThatWasNotAskedFor) {
  Desk desk;
  desk.api.answer = [](const identity::Intent&, keys::v1::IntentResult& result) {
    keys::v1::AccountView view;
    view.set_user("mimi://example.org/u/mallory");
    result.set_result(view.SerializeAsString());
    return absl::OkStatus();
  };
  EXPECT_THAT(desk.session.GetAccount(kAlice),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("another account")));
}

TEST(Session, RefusesAnswersThatAreGarbage) {
  for (int i = 0; i < 200; ++i) {
    Desk desk;
    desk.api.answer = [](const identity::Intent&, keys::v1::IntentResult& result) {
      result.set_result(ToString(RandomBytes(RandomBelow(200))));
      return absl::OkStatus();
    };
    EXPECT_FALSE(desk.session.GetAccount(kAlice).ok());  // no random bytes are a view of this very account
    EXPECT_FALSE(desk.session.MakeInvitation(ToString(RandomBytes(RandomBelow(200))), kAlice, identity::GenerateCode()).ok());
  }
}

TEST(Session, NoticesARecordThatIsLeftOutOfAnAuditPage) {
  Desk desk;
  for (const bool gap : {false, true}) {
    desk.api.answer = [&](const identity::Intent&, keys::v1::IntentResult& result) {
      plumbline::audit::v1::AuditPage page;
      page.set_intact(true);
      for (uint64_t sequence : {5, gap ? 7 : 6}) {
        plumbline::audit::v1::Event* event = page.add_events();
        event->set_sequence(sequence);
      }
      result.set_result(page.SerializeAsString());
      return absl::OkStatus();
    };
    EXPECT_EQ(desk.session.ListAuditEvents(4, 10).ok(), !gap);
  }
}

// The certificate of a log's key, as the ceremony makes it or nearly so.
struct LogCertificate {
  std::string uri = identity::RoleUri{"example.org", identity::Role::kAudit}.ToString();
  crypto::Purpose purpose = crypto::Purpose::kRoleSignature;
  bool by_issuing = false;
  absl::Duration age = absl::Hours(1);
  crypto::Certificate From(const testing::TestOrganisation& organisation, const crypto::Ed25519KeyPair& key) const {
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(key.public_key());
    spec.uris = {uri};
    spec.purpose = purpose;
    spec.validity = {organisation.now - age, organisation.now - age + absl::Hours(24)};
    if (by_issuing) return organisation.Leaf(spec);
    return *crypto::IssueLeaf(organisation.root, organisation.root_key, spec);
  }
};

TEST(Session, BelievesOnlyTheKeyOfTheRecordThatTheRootVouchesFor) {
  Desk desk;
  const testing::TestOrganisation organisation(desk.clock.Now()), other(desk.clock.Now());
  desk.profile.root_pem = organisation.root.ToPem();
  const auto key = crypto::Ed25519KeyPair::Generate();
  plumbline::audit::v1::AuditPage page;
  const auto key_of = [&](const testing::TestOrganisation& by, const LogCertificate& certificate) {
    page.set_log_certificate(ToString(certificate.From(by, key).der()));
    return desk.session.LogKeyOf(page);
  };
  ASSERT_OK_AND_ASSIGN(const tlog::VerifierKey log, key_of(organisation, {}));
  EXPECT_EQ(log, *tlog::VerifierKey::Create("example.org/audit/keyserver", key.public_key()));
  const auto wrong = StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("audit_key_wrong: "));
  EXPECT_THAT(key_of(other, {}), wrong);
  EXPECT_THAT(key_of(organisation, {.by_issuing = true}), wrong);
  EXPECT_THAT(key_of(organisation, {.age = absl::Hours(48)}), wrong);
  EXPECT_THAT(key_of(organisation, {.purpose = crypto::Purpose::kMlsCredential}), wrong);
  for (const auto& uri : {identity::RoleUri{"example.org", identity::Role::kGrants},
                          identity::RoleUri{"example.com", identity::Role::kAudit}}) {
    EXPECT_THAT(key_of(organisation, {.uri = uri.ToString()}), wrong) << uri.ToString();
  }
  for (const char* none : {"", "nonsense"}) {
    page.set_log_certificate(none);
    EXPECT_THAT(desk.session.LogKeyOf(page), wrong);
  }
}

TEST(Session, BelievesTheCurrentKeyOfTheRecordWhereTheRootSaysWhichItIs) {
  Desk desk;
  const testing::TestOrganisation organisation(desk.clock.Now());
  desk.profile.root_pem = organisation.root.ToPem();
  const identity::KeyAuthority authority("example.org", desk.clock.Now(), organisation.root, organisation.root_key);
  const identity::KeyAuthority stranger("example.org", desk.clock.Now());
  const auto former = crypto::Ed25519KeyPair::Generate(), next = crypto::Ed25519KeyPair::Generate(), other = crypto::Ed25519KeyPair::Generate();
  using identity::Role;
  const auto listed = [&](Role role, const crypto::Ed25519KeyPair& key, uint64_t ends = 0) {
    return identity::ListedKey{authority.RoleCertificate(role, key), ends};
  };
  const identity::OrganisationKeys keys{"example.org",
                                        1,
                                        {listed(Role::kDirectory, other), listed(Role::kGrants, other), listed(Role::kTokens, other),
                                         listed(Role::kAudit, next), listed(Role::kAudit, former, 1)}};
  plumbline::audit::v1::AuditPage page;
  page.set_organisation_keys(ToString(authority.Sign(keys)));
  page.set_log_certificate(ToString(keys.keys[3].certificate.der()));
  ASSERT_OK_AND_ASSIGN(const tlog::VerifierKey log, desk.session.LogKeyOf(page));
  EXPECT_EQ(log, *tlog::VerifierKey::Create("example.org/audit/keyserver", next.public_key()));
  EXPECT_EQ(*desk.session.FormerLogKeyOf(page), *tlog::VerifierKey::Create("example.org/audit/keyserver", former.public_key()));
  const auto wrong = StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("audit_key_wrong: "));
  page.set_log_certificate(ToString(keys.keys[4].certificate.der()));
  EXPECT_THAT(desk.session.LogKeyOf(page), wrong) << "the former one signs nothing any more";
  page.set_log_certificate(ToString(keys.keys[3].certificate.der()));
  for (const Bytes& wire : {stranger.Sign(keys), Bytes{1, 2}}) {
    page.set_organisation_keys(ToString(wire));
    EXPECT_THAT(desk.session.LogKeyOf(page), wrong);
    EXPECT_THAT(desk.session.FormerLogKeyOf(page), wrong);
  }
}

TEST(Session, PassesARefusalOnAsItIs) {
  Desk desk;
  desk.api.answer = [](const identity::Intent&, keys::v1::IntentResult&) {
    return identity::Refuse(absl::StatusCode::kPermissionDenied, "not_an_administrator", "ask one");
  };
  EXPECT_THAT(desk.session.ListAccounts(),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("not_an_administrator")));
}

TEST(Session, ProvesTheCodeWithoutSendingIt) {
  Desk desk;
  const std::string key_id = ToString(Sha256(desk.key.public_key().view()));
  desk.api.registration = [&](auto& response) { response.set_key_id(key_id); };
  const std::string code = identity::GenerateCode();
  ASSERT_OK(desk.session.RegisterFirst("Root Admin", identity::FormatCode(code)));
  const auto& sent = desk.api.registered;
  EXPECT_EQ(sent.SerializeAsString().find(code), std::string::npos);
  const Bytes proof = identity::Encode(
      identity::AdministratorProof{.domain = "example.org",
                                   .name = "Root Admin",
                                   .public_key = *identity::ToFixed<32>(desk.key.public_key().view())});
  EXPECT_THAT(desk.key.public_key().Verify(identity::kAdministratorLabel, proof, AsBytes(sent.proof())),
              IsOk());
  EXPECT_EQ(sent.code_mac(),
            ToString(crypto::HmacSha256(identity::FirstAdministratorMacKey(code).view(), proof)));
}

TEST(Session, RefusesARegistrationOfAnotherKey) {
  Desk desk;
  desk.api.registration = [](auto& response) { response.set_key_id(std::string(32, 'x')); };
  EXPECT_THAT(desk.session.RegisterFirst("Root Admin", identity::GenerateCode()),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(Session, RefusesANameThatCannotBeShown) {
  Desk desk;
  for (const std::string& name : {std::string(), std::string(65, 'x'), std::string("Root\nAdmin")}) {
    EXPECT_THAT(desk.session.RegisterFirst(name, "ABCD-EFGH-JKMN-PQRS"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name_invalid: ")));
  }
  EXPECT_TRUE(desk.api.registered.public_key().empty());
}

TEST(Session, PreparesNothingAgainstAnAccountWhoseStateItDoesNotKnow) {
  Desk desk;
  EXPECT_THAT(desk.session.Prepare(Action::kSuspendAccount, kAlice, {}, "left", "short"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("answer_malformed: ")));
}

TEST(Session, RefusesACodeThatCannotBeOneBeforeSendingAnything) {
  Desk desk;
  EXPECT_THAT(desk.session.RegisterFirst("Root Admin", "not a code"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("code_malformed")));
  EXPECT_TRUE(desk.api.registered.public_key().empty());
}

}  // namespace
}  // namespace plumbline::admin
