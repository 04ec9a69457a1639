// Requests to the admin service, as bytes of their messages, and an administrator's tool whose
// admin service answers anything: nothing is passed on that is not recorded, and nothing is
// believed that the key server did not seal or sign.
#include "admin/console/session.h"
#include "admin/relay.h"
#include "common/audit/audit_reader.h"
#include "common/identity/codes.h"
#include "tests/common/audit/logs.h"
#include "tests/common/certificates.h"
#include "tests/common/scratch.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using namespace admin;  // NOLINT: a list of its types

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
constexpr char kAlice[] = "mimi://example.org/u/alice";

// A minute goes by between two requests.
class Minutes final : public Clock {
 public:
  absl::Time Now() const override { return now_ += absl::Minutes(1); }

 private:
  mutable absl::Time now_ = kNow;
};

class CountingGateway final : public Gateway {
 public:
  absl::Status Execute(const keys::v1::SignedIntent& intent, keys::v1::IntentResult&) override {
    CHECK(identity::ParseIntent(AsBytes(intent.intent())).ok());
    ++calls;
    return absl::OkStatus();
  }
  absl::Status RegisterFirstAdministrator(const keys::v1::RegisterFirstAdministratorRequest&,
                                          keys::v1::RegisterFirstAdministratorResponse&) override {
    ++calls;
    return absl::OkStatus();
  }
  int calls = 0;
};

// A fresh one now and then: each request makes the record longer.
struct Service {
  Service() {
    database = *db::Database::Open(scratch / "admin.db", key);
    logger = *Logger::Create({.service = "admin", .path = scratch / "log"});
    relay = *Relay::Create(*database, log_key, gateway, clock, *logger, 1000);
    CHECK(relay->Record({.event = audit::Event::kServiceStarted, .actor = "admin"}).ok());
  }
  audit::Record Last() {
    audit::AuditReader reader = *audit::AuditReader::Open(*database, log_key.verifier());
    std::vector<audit::Record> records = *reader.ReadAfter(recorded, 10);
    CHECK(!records.empty());
    recorded += records.size();
    return std::move(records.back());
  }
  const testing::ScratchDir scratch;
  const db::Key key = db::Key::Random();
  const audit::LogKey log_key = audit::TestLogKey();
  Minutes clock;
  CountingGateway gateway;
  std::unique_ptr<db::Database> database;
  std::unique_ptr<Logger> logger;
  std::unique_ptr<Relay> relay;
  uint64_t recorded = 0;
  int runs = 0;
};

Service& TheService() {
  static auto* const service = new std::unique_ptr<Service>(std::make_unique<Service>());
  if ((*service)->runs++ == 500) *service = std::make_unique<Service>();
  return **service;
}

template <typename Request, typename Response>
void Ask(ByteView body, absl::Status (Relay::*method)(const Request&, Response&)) {
  Request request;
  if (!request.ParseFromArray(body.data(), static_cast<int>(body.size()))) return;
  Service& service = TheService();
  const int before = service.gateway.calls;
  Response response;
  const absl::Status status = ((*service.relay).*method)(request, response);
  const audit::Record last = service.Last();
  CHECK(status.ok() == (service.gateway.calls == before + 1));
  CHECK(last.name == (status.ok() ? "console.intent_relayed" : "console.request_refused"));
  CHECK(status.ok() || absl::IsInvalidArgument(status));
}

// Each answer is the next part of the input, a two-byte length before it; sealed to whoever asks
// where it is to be.
class Liar final : public AdminApi {
 public:
  absl::Status Submit(const keys::v1::SignedIntent&, keys::v1::IntentResult& result) override {
    if (rest.size() < 2) return absl::UnavailableError("admin_unreachable: no more");
    const size_t size = std::min<size_t>(rest[0] * 256u + rest[1], rest.size() - 2);
    result.set_result(ToString(rest.subspan(2, size)));
    rest = rest.subspan(2 + size);
    return absl::OkStatus();
  }
  absl::Status Register(const keys::v1::RegisterFirstAdministratorRequest&,
                        keys::v1::RegisterFirstAdministratorResponse&) override {
    return absl::OkStatus();
  }
  ByteView rest;
};

constexpr char kCode[] = "0123456789ABCDEF";

struct Tool {
  const testing::TestOrganisation organisation{kNow};
  const Profile profile{"admin.example.org:7446", "", "example.org",
                        organisation.root.fingerprint(), organisation.root.ToPem()};
  const crypto::Ed25519KeyPair key = crypto::Ed25519KeyPair::Generate();
  audit::FixedClock clock;
  Liar api;
  Session session{profile, key, api, clock};
};

Tool& TheTool() {
  static auto* const tool = new Tool;
  return *tool;
}

void UseTool(uint8_t what, ByteView answers) {
  Tool& tool = TheTool();
  tool.api.rest = answers;
  if (what == 2) (void)tool.session.GetAccount(kAlice).ok();
  if (what == 3) (void)tool.session.ListAccounts().ok();
  if (what == 4) {
    const absl::StatusOr<FetchedRecord> fetched = tool.session.FetchAudit();
    if (fetched.ok() && fetched->log) CHECK(fetched->log->name() == "example.org/audit/keyserver");
  }
  if (what == 5) {
    const absl::StatusOr<MadeInvitation> made = tool.session.MakeInvitation(ToString(answers), kAlice, kCode);
    if (!made.ok()) return;
    CHECK(made->invitation.user == kAlice && made->invitation.domain == "example.org" && made->invitation.code == kCode);
    CHECK(Equal(made->invitation.root_fingerprint, tool.profile.organisation.view()));
    CHECK(*identity::ParseInvitation(made->text) == made->invitation);
  }
}

}  // namespace

// The first byte says what the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  const ByteView body = input.subspan(1);
  if (input[0] == 0) return Ask(body, &Relay::Submit);
  if (input[0] == 1) return Ask(body, &Relay::Register);
  UseTool(input[0], body);
}

namespace {

Bytes Answer(const google::protobuf::Message& message) {
  const std::string body = message.SerializeAsString();
  return Concat({Bytes{static_cast<uint8_t>(body.size() >> 8), static_cast<uint8_t>(body.size())}, AsBytes(body)});
}

keys::v1::SignedIntent SampleIntent() {
  identity::Intent intent;
  intent.action = identity::Action::kListAccounts;
  intent.issued_unix = 1'800'000'000;
  intent.expires_unix = 1'800'000'600;
  keys::v1::SignedIntent request;
  request.set_intent(ToString(Encode(intent)));
  request.add_signatures()->set_key_id(std::string(32, 'k'));
  request.mutable_signatures(0)->set_signature(std::string(64, 's'));
  return request;
}

plumbline::audit::v1::AuditPage SamplePage() {
  const crypto::Ed25519KeyPair key =
      *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, 9)));
  const auto signer = *tlog::NoteSigner::Create("example.org/audit/keyserver", key);
  crypto::LeafSpec spec;
  spec.spki = crypto::Ed25519Spki(key.public_key());
  spec.uris = {"plumbline://example.org/role/audit"};
  spec.purpose = crypto::Purpose::kRoleSignature;
  spec.validity = {kNow - absl::Hours(1), kNow + absl::Hours(24 * 365 * 30)};
  const testing::TestOrganisation& organisation = TheTool().organisation;
  plumbline::audit::v1::AuditPage page;
  page.set_checkpoint(*tlog::SignCheckpoint(0, tlog::EmptyRoot(), signer));
  page.set_log_certificate(
      ToString((*crypto::IssueLeaf(organisation.root, organisation.root_key, spec)).der()));
  return page;
}

}  // namespace

std::vector<Bytes> Seeds() {
  keys::v1::RegisterFirstAdministratorRequest registration;
  registration.set_name("Ada");
  registration.set_public_key(std::string(32, 'p'));
  registration.set_proof(std::string(64, 's'));
  registration.set_code_mac(std::string(32, 'm'));
  keys::v1::AccountView account;
  account.set_user(kAlice);
  account.set_state_hash(std::string(32, 's'));
  keys::v1::AccountList accounts;
  *accounts.add_accounts() = account;
  keys::v1::IssuedCode issued;
  issued.set_keyserver_address("keys.example.org:7443");
  issued.set_expires_unix(1'900'000'000);
  return {Concat({Bytes{0}, AsBytes(SampleIntent().SerializeAsString())}),
          Concat({Bytes{1}, AsBytes(registration.SerializeAsString())}),
          Concat({Bytes{2}, Answer(account)}),
          Concat({Bytes{3}, Answer(accounts)}),
          Concat({Bytes{4}, Answer(SamplePage())}),
          Concat({Bytes{5}, AsBytes(issued.SerializeAsString())})};
}

}  // namespace plumbline::fuzz
