#include "tests/common/codes.h"
#include "tests/keyserver/world.h"

#include <filesystem>

#include "common/config/config.h"
#include "common/crypto/hkdf.h"
#include "common/identity/enrolment_proof.h"
#include "common/identity/labels.h"

namespace plumbline::keyserver {
namespace {

// One line for each table: its columns, each quoted.
constexpr const char* kDumps[] = {
    "SELECT 'account', quote(user)||quote(display_name)||quote(proofing_level)||quote(proofing_reference)||"
    "quote(suspended)||quote(revision)||quote(record_version) FROM account ORDER BY 2",
    "SELECT 'record', quote(user)||quote(version)||quote(record)||quote(signature) FROM directory_record "
    "ORDER BY 2",
    "SELECT 'device', "
    "quote(id)||quote(user)||quote(label)||quote(working_key)||quote(mls_key)||quote(credential)||"
    "quote(enrolled_day) FROM device ORDER BY 2",
    "SELECT 'code', quote(user)||quote(code_key)||quote(expires_unix)||quote(attempts_left)||quote(used) FROM "
    "enrolment_code "
    "ORDER BY 2",
    "SELECT 'key_package', "
    "quote(hash)||quote(device)||quote(suite)||quote(expires_unix)||quote(last_resort)||"
    "quote(message) FROM key_package ORDER BY 2",
    "SELECT 'administrator', quote(key_id)||quote(name)||quote(public_key) FROM administrator ORDER BY 2",
    "SELECT 'first_code', quote(mac_key)||quote(expires_unix)||quote(attempts_left)||quote(used) FROM "
    "first_code",
    "SELECT 'intent', quote(nonce)||quote(expires_unix)||quote(keep)||quote(evidence) FROM intent ORDER BY 2",
    "SELECT 'nullifier', quote(nonce)||quote(forget_unix) FROM nullifier ORDER BY 2",
    "SELECT 'draw', quote(device)||quote(what)||quote(day)||quote(count) FROM draw ORDER BY 2",
    "SELECT 'grant', quote(device)||quote(sealed)||quote(expires_day) FROM drawn_grant ORDER BY 2",
    "SELECT 'token_key', quote(leaf)||quote(statement)||quote(wrapped)||quote(void) FROM token_key ORDER BY 2",
    "SELECT 'revoked', quote(id)||quote(user)||quote(working_key)||quote(mls_key) FROM revoked_device ORDER BY 2",
    "SELECT 'revocation', quote(sequence)||quote(user)||quote(items)||quote(confirmed) FROM revocation ORDER BY 2",
    "SELECT 'invitation', quote(user)||quote(device)||quote(code_key)||quote(expires_unix)||quote(attempts_left)||quote(used) "
    "FROM device_invitation ORDER BY 2",
    "SELECT 'join', quote(hash)||quote(user)||quote(device_id)||quote(request)||quote(state) FROM join_request ORDER BY 2",
    "SELECT 'unlock', quote(device)||quote(attempts_left)||quote(last_attempt_unix)||quote(nonce)||quote(destroyed)||"
    "quote(last_version)||quote(changes) FROM unlock ORDER BY 2",
    "SELECT 'unlock_key', quote(device)||quote(version)||quote(public_key)||quote(proof_key) FROM unlock_key ORDER BY 2",
    "SELECT 'check_in', quote(device)||quote(generation)||quote(state) FROM check_in ORDER BY 2",
    "SELECT 'succession', quote(certificate_hash)||quote(successor_hash)||quote(certificate) FROM service_succession ORDER BY 2",
    "SELECT 'decision', quote(hash)||quote(decision)||quote(signature) FROM device_decision ORDER BY 2",
};

constexpr char kConfig[] = R"(organisation_domain: example.org
display_name: Example Organisation
data_dir: unset
anonymous_listen: 127.0.0.1:0
device_listen: 127.0.0.1:0
admin_listen: 127.0.0.1:0
published:
  keyserver_address: keys.example.org:7441
  device_address: keys.example.org:7442
  delivery_address: delivery.example.org:7444
dns_names:
  - localhost
passphrase_file: unset
limits:
  tokens_per_day: 100
  grants_per_day: 20
)";

}  // namespace

Secret TestPassphrase() { return Secret::CopyOf(AsBytes("a passphrase for this test")); }

World::Desks::Desks(const Organisation& organisation, SqlcipherConnection& connection, const Clock& clock,
                    Logger& logger, std::unique_ptr<RevocationSender> sender, const tlog::Policy& policy,
                    std::unique_ptr<WitnessSender> witness, const std::string& data_dir)
    : accounts(connection),
      key_packages(connection),
      administrators(connection, clock),
      ledger(connection),
      trail(connection),
      departure_store(connection),
      directory_store(connection),
      join_store(connection),
      token_store(connection),
      unlock_store(*SqlcipherUnlockStore::Open(connection, organisation.keys(), data_dir)),
      check_in_store(connection),
      refusals(trail, clock, 60),
      pusher(departure_store, std::move(sender), organisation.keys().grants.key, organisation.keys().organisation_keys, logger),
      publisher(directory_store, policy, std::move(witness), logger, "", absl::Milliseconds(100)),
      tokens(organisation, token_store, publisher, clock, *TokenIssuer::WrapOf(organisation)),
      departures(organisation, departure_store, pusher, publisher, *unlock_store, clock),
      enrolment(organisation, clock, accounts, publisher, refusals),
      directory(organisation, clock, {accounts, directory_store, key_packages, ledger}, tokens, refusals),
      devices(organisation, clock, {accounts, directory_store, key_packages, ledger}, tokens, refusals),
      admin(organisation, clock, {accounts, administrators, trail, join_store, *unlock_store}, departures, publisher, tokens, refusals),
      credentials(organisation, clock, accounts, publisher, devices),
      joins(organisation, clock, {accounts, join_store}, departures, publisher, devices, refusals),
      unlock(organisation, clock, {*unlock_store, check_in_store}, devices, refusals) {}

namespace {

class NearWitness final : public WitnessSender {
 public:
  NearWitness(const testing::TestWitness& witness, const std::atomic<bool>& away) : witness_(witness), away_(away) {}
  absl::StatusOr<Answer> AddCheckpoint(const tlog::PolicyWitness&, const std::string& request) override {
    if (away_) return absl::UnavailableError("away");
    return Answer{200, witness_.Answer(request)};
  }

 private:
  const testing::TestWitness& witness_;
  const std::atomic<bool>& away_;
};

}  // namespace

World::World(const std::string& more) {
  CHECK(config::Parse(absl::StrCat(kConfig, more), "test.yaml", config_).ok());
  config_.set_data_dir(scratch_ / "data");
  const auto result = RunCeremony(config_, TestPassphrase(), clock_, crypto::SealCost{1, 8192});
  CHECK(result.ok());
  CHECK(SetWitnesses(config_, TestPassphrase(), witness_.Policy(), clock_, crypto::SealCost{1, 8192}).ok());
  first_code_ = result->administrator_code;
  logger_ = *Logger::Create({"test", log_path(), LogLevel::kInfo});
  Restart();
}

void World::SetAttended(bool attended) {
  config_.set_attended_enrolment(attended);
  Restart();
}

void World::Close() {
  desks_.reset();
  connection_.reset();
  organisation_.reset();
}

void World::Keep(const std::string& folder) {
  Close();
  std::filesystem::copy(config_.data_dir(), folder, std::filesystem::copy_options::recursive);
  Restart();
}

void World::GoBack(const std::string& folder) {
  Close();
  std::filesystem::remove_all(config_.data_dir());
  std::filesystem::copy(folder, config_.data_dir(), std::filesystem::copy_options::recursive);
  Restart();
}

void World::Restart(std::unique_ptr<RevocationSender> sender) {
  Close();
  auto keys = UnsealKeyRing(config_, TestPassphrase());
  CHECK(keys.ok());
  organisation_ = *Organisation::Create(*std::move(keys), config_);
  connection_ = *SqlcipherConnection::Open(DatabasePath(config_.data_dir()),
                                           organisation_->keys().database_key,
                                           *organisation_->keys().AuditKey(), *organisation_->keys().LogKeys(), clock_,
                                           db::OpenOptions());
  policy_ = organisation_->keys().Witnesses(clock_.Now())->policy;
  desks_ = std::make_unique<Desks>(*organisation_, *connection_, clock_, *logger_, std::move(sender), *policy_,
                                   std::make_unique<NearWitness>(witness_, witness_away_), config_.data_dir());
}

std::string Dump(SqlcipherConnection& connection) {
  MutexLock lock(connection.mutex());
  std::string out;
  for (const char* sql : kDumps) {
    auto select = connection.database().Prepare(sql);
    CHECK(select.ok());
    while (*select->Step()) out += std::string(select->Text(0)) + " " + std::string(select->Text(1)) + "\n";
  }
  return out;
}

std::vector<audit::Record> World::Audit() { return desks_->trail.ReadPage(0, audit::kMaxPage)->records; }

audit::Record World::LastEvent(absl::string_view name) {
  const std::vector<audit::Record> all = Audit();
  for (auto record = all.rbegin(); record != all.rend(); ++record) {
    if (record->name == name) return *record;
  }
  std::fprintf(stderr, "no event %s\n", std::string(name).c_str());
  CHECK(false);
  return {};
}

keys::v1::RegisterFirstAdministratorRequest Registration(const TestAdministrator& administrator,
                                                         absl::string_view code) {
  const identity::AdministratorProof proof{kDomain, administrator.name,
                                           *identity::ToFixed<32>(administrator.key.public_key().view())};
  const Bytes message = Encode(proof);
  keys::v1::RegisterFirstAdministratorRequest out;
  out.set_name(administrator.name);
  out.set_public_key(ToString(administrator.key.public_key().view()));
  out.set_proof(ToString(administrator.key.Sign(identity::kAdministratorLabel, message)));
  out.set_code_mac(ToString(crypto::HmacSha256(identity::FirstAdministratorMacKey(code).view(), message)));
  return out;
}

TestAdministrator& World::administrator() {
  if (!administrator_) {
    administrator_ = std::make_unique<TestAdministrator>();
    keys::v1::RegisterFirstAdministratorResponse response;
    CHECK(admin().RegisterFirst(Registration(*administrator_, first_code_), response).ok());
  }
  return *administrator_;
}

absl::StatusOr<keys::v1::IntentResult> World::Execute(const identity::Intent& intent) {
  keys::v1::IntentResult result;
  RETURN_IF_ERROR(admin().Execute(keyserver::Sign(intent, administrator()), result));
  return result;
}

keys::v1::AccountView World::View(absl::string_view user) {
  const auto result = Execute(MakeIntent(identity::Action::kGetAccount, user, clock_.Now()));
  CHECK(result.ok());
  keys::v1::AccountView view;
  CHECK(view.ParseFromString(result->result()));
  return view;
}

void World::CreateAccount(absl::string_view user) {
  identity::Intent intent = MakeIntent(identity::Action::kCreateAccount, user, clock_.Now());
  intent.parameters = Encode(identity::CreateAccountParameters{"Somebody", "in person", "file 7"});
  CHECK(Execute(intent).ok());
}

std::string World::IssueCode(absl::string_view user, uint32_t life_seconds) {
  if (absl::IsNotFound(accounts().Find(user).status())) CreateAccount(user);
  identity::Intent intent = MakeIntent(identity::Action::kIssueEnrolmentCode, user, clock_.Now());
  const std::string code = identity::GenerateCode();
  intent.parameters = testing::CodeParameters(life_seconds, user, code);
  intent.state_hash = *identity::ToFixed<32>(AsBytes(View(user).state_hash()));
  CHECK(Execute(intent).ok());
  return identity::FormatCode(code);
}

void World::Suspend(absl::string_view user) {
  CHECK(Change(identity::Action::kSuspendAccount, user).ok());
}

absl::StatusOr<keys::v1::AccountView> World::Change(identity::Action action, absl::string_view user, Bytes parameters) {
  identity::Intent intent = MakeIntent(action, user, clock_.Now());
  intent.parameters = std::move(parameters);
  intent.state_hash = *identity::ToFixed<32>(AsBytes(View(user).state_hash()));
  ASSIGN_OR_RETURN(const keys::v1::IntentResult result, Execute(intent));
  keys::v1::AccountView view;
  CHECK(view.ParseFromString(result.result()));
  return view;
}

TestDevice World::Enrol(absl::string_view user) {
  Applicant applicant;
  keys::v1::EnrolResponse response;
  CHECK(enrolment().Enrol(Application(applicant, user, IssueCode(user)), response).ok());
  return Joined(std::move(applicant), response);
}

keys::v1::SignedRequest World::Sign(TestDevice& device, absl::string_view rpc,
                                    const google::protobuf::Message& body) {
  keys::v1::OpenChannelResponse channel;
  CHECK(devices().OpenChannel(&device.tls, channel).ok());
  device.nonce = *identity::ToFixed<32>(AsBytes(channel.nonce()));
  device.counter = 0;
  return SignRequest(device, rpc, body, organisation_->keys().service_certificate);
}

tokens::ShownToken World::Token(TestDevice& device, absl::string_view purpose) {
  CHECK(tokens().Prepare().ok());
  const auto& role = organisation_->keys().tokens.key.public_key();
  Bytes statement;
  std::optional<tokens::TokenKey> key;
  for (const Bytes& each : tokens().Statements()) {
    const auto opened = tokens::OpenTokenKey(each, role, kDomain);
    CHECK(opened.ok());
    if (opened->leaf.purpose != purpose) continue;
    statement = each;
    key = *opened;
  }
  const auto pending = tokens::PendingToken::Begin(tokens::ChallengeFor(kDomain, purpose), key->key);
  keys::v1::DrawTokensRequest body;
  body.set_purpose(std::string(purpose));
  body.add_token_requests(ToString(tokens::Encode(pending->request())));
  keys::v1::DrawTokensResponse response;
  CHECK(devices().DrawTokens(&device.tls, Sign(device, "DrawTokens", body), response).ok());
  const auto token = pending->Finish(*tokens::ParseTokenResponse(AsBytes(response.token_responses(0))));
  CHECK(token.ok());
  return {ToString(tokens::Encode(*token)), ToString(statement)};
}

}  // namespace plumbline::keyserver
