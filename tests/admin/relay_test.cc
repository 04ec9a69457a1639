// The relay's rules, with the key server played by a function of each test and a real encrypted audit record.
#include "admin/relay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "common/identity/reason.h"
#include "tests/admin/sample_intents.h"
#include "tests/status_matchers.h"

namespace plumbline::admin {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

class ScriptedGateway final : public Gateway {
 public:
  std::function<absl::Status()> answer = [] { return absl::OkStatus(); };
  int calls = 0;
  absl::Status Execute(const keys::v1::SignedIntent&, keys::v1::IntentResult&) override {
    ++calls;
    return answer();
  }
  absl::Status RegisterFirstAdministrator(const keys::v1::RegisterFirstAdministratorRequest&,
                                          keys::v1::RegisterFirstAdministratorResponse&) override {
    ++calls;
    return answer();
  }
};

struct Service {
  explicit Service(uint32_t per_minute = 100000) {
    char name[] = "/tmp/plumbline-relay-XXXXXX";
    folder = ::mkdtemp(name);
    database = *db::Database::Open(folder + "/admin.db", key);
    logger = *Logger::Create({.service = "admin", .path = folder + "/log"});
    relay = *Relay::Create(*database, log_key, gateway, clock, *logger, per_minute);
  }
  ~Service() {
    relay.reset();
    database.reset();
    std::filesystem::remove_all(folder);
  }

  // As another reader of the same file sees it: only what is committed.
  std::vector<audit::Record> Records() {
    const auto reader = *db::Database::Open(folder + "/admin.db", key, {.create = false, .exclusive = false});
    audit::AuditReader log = *audit::AuditReader::Open(*reader, log_key.verifier());
    EXPECT_THAT(log.Verify(), IsOk());
    return *log.ReadAfter(0, 1000);
  }

  std::string folder;
  db::Key key = db::Key::Random();
  const audit::LogKey log_key =
      *audit::LogKey::Create("example.org/audit/admin", crypto::Ed25519KeyPair::Generate());
  SystemClock clock;
  ScriptedGateway gateway;
  std::unique_ptr<db::Database> database;
  std::unique_ptr<Logger> logger;
  std::unique_ptr<Relay> relay;
};

keys::v1::SignedIntent SignedBySomebody(const identity::Intent& intent) {
  keys::v1::SignedIntent request;
  request.set_intent(ToString(identity::Encode(intent)));
  keys::v1::IntentSignature* signature = request.add_signatures();
  signature->set_key_id(ToString(RandomBytes(32)));
  signature->set_signature(ToString(RandomBytes(64)));
  return request;
}

TEST(Relay, TheAttemptIsOnDiskBeforeTheKeyServerIsAsked) {
  Service service;
  const keys::v1::SignedIntent request = SignedBySomebody(RandomIntent());
  std::vector<audit::Record> seen;
  service.gateway.answer = [&] {
    seen = service.Records();
    return absl::OkStatus();
  };
  keys::v1::IntentResult result;
  ASSERT_OK(service.relay->Submit(request, result));
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].name, "console.intent_received");
  EXPECT_EQ(seen[0].actor, ToHex(AsBytes(request.signatures(0).key_id())));
  EXPECT_EQ(seen[0].details.at("intent"), ToHex(Sha256(AsBytes(request.intent()))));
}

TEST(Relay, RecordsTheAnswerAfterTheAttempt) {
  Service service;
  identity::Intent intent = RandomIntent();
  intent.action = identity::Action::kGetAccount;
  intent.target = "mimi://example.org/u/alice";
  intent.parameters.clear();
  intent.justification.clear();
  intent.state_hash = {};
  service.gateway.answer = [] {
    return identity::Refuse(absl::StatusCode::kPermissionDenied, "signature_invalid",
                            "the signature does not verify");
  };
  keys::v1::IntentResult result;
  EXPECT_THAT(service.relay->Submit(SignedBySomebody(intent), result),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("signature_invalid")));
  const std::vector<audit::Record> records = service.Records();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].name, "console.intent_relayed");
  EXPECT_EQ(records[1].outcome, audit::Outcome::kRefused);
  EXPECT_EQ(records[1].reason, "signature_invalid");
  EXPECT_EQ(records[1].subject, "mimi://example.org/u/alice");
  EXPECT_EQ(records[1].details.at("action"), "get_account");
}

TEST(Relay, NothingThatIsNotAnIntentIsRelayed) {
  Service service;
  const keys::v1::SignedIntent good = SignedBySomebody(RandomIntent());
  keys::v1::IntentResult result;
  for (size_t n = 0; n < good.intent().size(); ++n) {
    SCOPED_TRACE(n);
    keys::v1::SignedIntent cut = good;
    cut.mutable_intent()->resize(n);
    EXPECT_THAT(service.relay->Submit(cut, result),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("intent_malformed")));
  }
  keys::v1::SignedIntent longer = good;
  longer.mutable_intent()->push_back('\0');
  EXPECT_THAT(service.relay->Submit(longer, result), StatusIs(absl::StatusCode::kInvalidArgument));
  keys::v1::SignedIntent oversize = good;
  oversize.mutable_intent()->append(std::string(identity::kMaxIntent, 'a'));
  EXPECT_THAT(service.relay->Submit(oversize, result), StatusIs(absl::StatusCode::kInvalidArgument));
  for (int i = 0; i < 300; ++i) {
    keys::v1::SignedIntent noise = good;
    noise.set_intent(ToString(RandomBytes(RandomBelow(300))));
    EXPECT_THAT(service.relay->Submit(noise, result), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_EQ(service.gateway.calls, 0);
}

TEST(Relay, SignaturesOfTheWrongShapeAreNotRelayed) {
  Service service;
  const keys::v1::SignedIntent good = SignedBySomebody(RandomIntent());
  std::vector<keys::v1::SignedIntent> bad(4, good);
  bad[0].clear_signatures();
  bad[1].mutable_signatures(0)->mutable_key_id()->pop_back();
  bad[2].mutable_signatures(0)->mutable_signature()->push_back('x');
  for (int i = 0; i < 8; ++i) *bad[3].add_signatures() = good.signatures(0);
  keys::v1::IntentResult result;
  for (const keys::v1::SignedIntent& request : bad) {
    EXPECT_THAT(service.relay->Submit(request, result),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("request_malformed")));
  }
  EXPECT_EQ(service.gateway.calls, 0);
  EXPECT_EQ(service.Records().size(), 4u);  // each refusal is on record
}

TEST(Relay, WithoutItsRecordItRelaysNothing) {
  Service service;
  const auto blocker =
      *db::Database::Open(service.folder + "/admin.db", service.key, {.create = false, .exclusive = false});
  ASSERT_OK_AND_ASSIGN(db::Transaction held, db::Transaction::Begin(*blocker));  // nobody else can write now
  keys::v1::IntentResult result;
  EXPECT_THAT(service.relay->Submit(SignedBySomebody(RandomIntent()), result),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("audit_unavailable")));
  EXPECT_EQ(service.gateway.calls, 0);
}

TEST(Relay, AboveTheLimitItRefusesAndKeepsOneRecordOfIt) {
  Service service(/*per_minute=*/2);
  keys::v1::IntentResult result;
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(service.relay->Submit(SignedBySomebody(RandomIntent()), result), IsOk());
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(service.relay->Submit(SignedBySomebody(RandomIntent()), result),
                StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("too_many_requests")));
  }
  EXPECT_EQ(service.gateway.calls, 2);
  const std::vector<audit::Record> records = service.Records();
  ASSERT_EQ(records.size(), 5u);
  EXPECT_EQ(records[4].name, "limit.reached");
}

TEST(Relay, RegistrationsOfTheWrongShapeAreNotRelayed) {
  Service service;
  keys::v1::RegisterFirstAdministratorRequest good;
  good.set_name("Root Admin");
  good.set_public_key(std::string(32, 'k'));
  good.set_proof(std::string(64, 'p'));
  good.set_code_mac(std::string(32, 'm'));
  std::vector<keys::v1::RegisterFirstAdministratorRequest> bad(6, good);
  bad[0].set_name("");
  bad[1].set_name(std::string(65, 'n'));
  bad[2].set_name("two\nlines");
  bad[3].mutable_public_key()->pop_back();
  bad[4].mutable_proof()->push_back('p');
  bad[5].clear_code_mac();
  keys::v1::RegisterFirstAdministratorResponse response;
  for (const auto& request : bad) {
    EXPECT_THAT(service.relay->Register(request, response), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_EQ(service.gateway.calls, 0);
  EXPECT_THAT(service.relay->Register(good, response), IsOk());
  EXPECT_EQ(service.gateway.calls, 1);
}

// The code itself never reaches this service; the authenticator does, and must not get into the record.
TEST(Relay, TheRecordHoldsNoAuthenticator) {
  Service service;
  keys::v1::RegisterFirstAdministratorRequest request;
  request.set_name("Root Admin");
  request.set_public_key(std::string(32, 'k'));
  request.set_proof(std::string(64, 'p'));
  request.set_code_mac(std::string(32, 'm'));
  keys::v1::RegisterFirstAdministratorResponse response;
  ASSERT_OK(service.relay->Register(request, response));
  for (const audit::Record& record : service.Records()) {
    for (const auto& [name, value] : record.details) {
      EXPECT_THAT(value, Not(HasSubstr(ToHex(AsBytes(request.code_mac())))));
      EXPECT_THAT(value, Not(HasSubstr("mmmm")));
    }
  }
}

}  // namespace
}  // namespace plumbline::admin
