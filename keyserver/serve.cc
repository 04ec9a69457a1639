#include "keyserver/serve.h"

#include <grpcpp/impl/service_type.h>

#include <csignal>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/identity/reason.h"
#include "common/manifest/service.h"
#include "common/rpc/credentials.h"
#include "common/rpc/listener.h"
#include "common/rpc/tls_policy.h"
#include "common/sandbox/sandbox.h"
#include "keyserver/certificate_keeper.h"
#include "keyserver/log_succession.h"
#include "keyserver/revocation_channel.h"
#include "keyserver/role_rotation.h"
#include "keyserver/rotation.h"
#include "keyserver/services.h"
#include "keyserver/store/sqlcipher_check_in_store.h"
#include "keyserver/store/sqlcipher_account_store.h"
#include "keyserver/store/sqlcipher_administrator_store.h"
#include "keyserver/store/sqlcipher_departure_store.h"
#include "keyserver/store/sqlcipher_directory_store.h"
#include "keyserver/store/sqlcipher_join_store.h"
#include "keyserver/store/sqlcipher_key_package_store.h"
#include "keyserver/store/sqlcipher_ledger.h"
#include "keyserver/store/sqlcipher_succession_store.h"
#include "keyserver/store/sqlcipher_token_store.h"
#include "keyserver/store/sqlcipher_unlock_store.h"
#include "keyserver/unlock_service.h"
#include "keyserver/upkeep.h"
#include "keyserver/witness_channel.h"
#include "plumbline/config/v1/keyserver.pb.h"

namespace plumbline::keyserver {
namespace {

using config::v1::KeyserverConfig;

constexpr absl::Duration kGrace = absl::Seconds(5);
constexpr absl::Duration kAnnouncePatience = absl::Seconds(2);  // for a delivery server that is there
constexpr size_t kQueue = 4096;

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

audit::Entry ServiceEvent(audit::Event event) {
  audit::Entry entry;
  entry.event = event;
  entry.actor = "keyserver";
  return entry;
}

// How the delivery server is reached, with the certificate of the moment. None where it is not configured.
std::function<rpc::Endpoint()> DeliveryOf(const KeyserverConfig& config, const Organisation& organisation) {
  if (!config.has_revocation()) return nullptr;
  return [&organisation, address = config.revocation().delivery_address(), name = config.revocation().delivery_name()] {
    return rpc::Endpoint{address, name, organisation.keys().RootPem(), OwnIdentity(organisation), organisation.issuers()};
  };
}

// Null where the delivery server is not to be told.
std::unique_ptr<RevocationSender> SenderFor(const KeyserverConfig& config, const Organisation& organisation) {
  std::function<rpc::Endpoint()> endpoint = DeliveryOf(config, organisation);
  return endpoint == nullptr ? nullptr : NewRevocationChannel(std::move(endpoint));
}

}  // namespace

// In the order in which they are made; destroyed in reverse.
struct Keyserver::Parts {
  Parts(std::unique_ptr<Organisation> org, tlog::Policy witness_policy, std::unique_ptr<SqlcipherConnection> conn,
        std::optional<FormerLogKey> former, crypto::KeyWrap token_wrap, std::unique_ptr<SqlcipherUnlockStore> unlock_keys,
        const KeyserverConfig& config, const Clock& clock, Logger& log)
      : logger(log),
        organisation(std::move(org)),
        policy(std::move(witness_policy)),
        connection(std::move(conn)),
        former_log_key(std::move(former), config.data_dir(), *connection),
        accounts(*connection),
        key_packages(*connection),
        administrators(*connection, clock),
        ledger(*connection),
        departure_store(*connection),
        directory_store(*connection),
        join_store(*connection),
        token_store(*connection),
        unlock_store(std::move(unlock_keys)),
        check_in_store(*connection),
        succession_store(*connection),
        trail(*connection),
        refusals(trail, clock, config.limits().audited_refusals_per_minute()),
        pusher(departure_store, SenderFor(config, *organisation), organisation->keys().grants.key, organisation->keys().organisation_keys, log),
        publisher(directory_store, policy, NewWitnessChannel(), log, LogFolder(config.log_folder(), organisation->log_number())),
        tokens(*organisation, token_store, publisher, clock, std::move(token_wrap)),
        departures(*organisation, departure_store, pusher, publisher, *unlock_store, clock),
        enrolment(*organisation, clock, accounts, publisher, refusals),
        directory(*organisation, clock, {accounts, directory_store, key_packages, ledger}, tokens, refusals),
        devices(*organisation, clock, {accounts, directory_store, key_packages, ledger}, tokens, refusals),
        admin(*organisation, clock, {accounts, administrators, trail, join_store, *unlock_store}, departures, publisher, tokens, refusals),
        credentials(*organisation, clock, accounts, publisher, devices),
        joins(*organisation, clock, {accounts, join_store}, departures, publisher, devices, refusals),
        unlock(*organisation, clock, {*unlock_store, check_in_store}, devices, refusals),
        renewal(*organisation, clock, succession_store, refusals),
        running(manifest::Describe(identity::ServiceUri{config.organisation_domain(), identity::Service::kKeyserver}.ToString(), config)),
        pool(config.limits().workers(), kQueue),
        manifest_service(running, [this] { return OwnIdentity(*organisation); }, pool, clock),
        anonymous_services(AnonymousServices(pool, *organisation, enrolment, joins, directory)),
        device_services(DeviceServices(pool, devices, credentials, joins)),
        admin_services(AdminServices(pool, *organisation, admin, renewal)),
        unlock_service(NewUnlockService(pool, unlock)) {}

  Logger& logger;
  const std::unique_ptr<Organisation> organisation;
  const tlog::Policy policy;
  const std::unique_ptr<SqlcipherConnection> connection;
  FormerLogKeyEnd former_log_key;
  SqlcipherAccountStore accounts;
  SqlcipherKeyPackageStore key_packages;
  SqlcipherAdministratorStore administrators;
  SqlcipherLedger ledger;
  SqlcipherDepartureStore departure_store;
  SqlcipherDirectoryStore directory_store;
  SqlcipherJoinStore join_store;
  SqlcipherTokenStore token_store;
  const std::unique_ptr<SqlcipherUnlockStore> unlock_store;
  SqlcipherCheckInStore check_in_store;
  SqlcipherSuccessionStore succession_store;
  SqlcipherAuditTrail trail;
  RefusalLog refusals;
  RevocationPusher pusher;
  Publisher publisher;
  TokenIssuer tokens;
  Departures departures;
  EnrolmentDesk enrolment;
  DirectoryDesk directory;
  DeviceDesk devices;
  AdminDesk admin;
  CredentialDesk credentials;
  JoinDesk joins;
  UnlockDesk unlock;
  ServiceRenewal renewal;
  const metadata::v1::RunningManifest running;
  WorkerPool pool;
  manifest::ManifestService manifest_service;
  const std::vector<std::unique_ptr<grpc::Service>> anonymous_services;
  const std::vector<std::unique_ptr<grpc::Service>> device_services;
  const std::vector<std::unique_ptr<grpc::Service>> admin_services;
  const std::unique_ptr<grpc::Service> unlock_service;
  std::unique_ptr<Upkeep> upkeep;
  std::unique_ptr<rpc::LiveIdentity> live;
  std::unique_ptr<CertificateKeeper> keeper;
  std::unique_ptr<rpc::Listener> anonymous_listener;
  std::unique_ptr<rpc::Listener> device_listener;
  std::unique_ptr<rpc::Listener> admin_listener;
  bool stopped = false;

  absl::Status Listen(const KeyserverConfig& config);
  // Somebody of the organisation knocked at the admin listener. Not recorded where more wait than the pool takes.
  void RecordStranger(const crypto::Certificate& caller);
};

void Keyserver::Parts::RecordStranger(const crypto::Certificate& caller) {
  (void)pool.TrySubmit([this, caller] { admin.RefuseRelay(&caller).IgnoreError(); });
}

absl::Status Keyserver::Parts::Listen(const KeyserverConfig& config) {
  const std::string root_pem = organisation->keys().RootPem();
  const auto options = [&root_pem](const std::string& address) {
    rpc::ListenerOptions out;
    out.address = address;
    out.root_pem = root_pem;
    return out;
  };
  const auto pointers = [](const std::vector<std::unique_ptr<grpc::Service>>& services) {
    std::vector<grpc::Service*> out;
    for (const auto& service : services) out.push_back(service.get());
    return out;
  };
  ASSIGN_OR_RETURN(auto mutual, rpc::MutualServerCredentials(*live));
  std::vector<grpc::Service*> for_devices = pointers(device_services);
  for_devices.push_back(unlock_service.get());
  ASSIGN_OR_RETURN(device_listener, rpc::Listener::Start(options(config.device_listen()), mutual, for_devices));
  ASSIGN_OR_RETURN(auto admin_alone,
                   rpc::ServiceServerCredentials(*live, organisation->AdminUri(),
                                                 [this](const crypto::Certificate& caller) { RecordStranger(caller); },
                                                 organisation->issuers()));
  ASSIGN_OR_RETURN(admin_listener,
                   rpc::Listener::Start(options(config.admin_listen()), admin_alone, pointers(admin_services)));
  ASSIGN_OR_RETURN(auto anonymous, rpc::AnonymousServerCredentials(*live));
  std::vector<grpc::Service*> for_anybody = pointers(anonymous_services);
  for_anybody.push_back(&manifest_service);
  ASSIGN_OR_RETURN(anonymous_listener, rpc::Listener::Start(options(config.anonymous_listen()), anonymous, for_anybody));
  logger.Info("listener.started",
              {{LogKey::kListener, FixedText("device")}, {LogKey::kPort, device_listener->port()}});
  logger.Info("listener.started",
              {{LogKey::kListener, FixedText("admin")}, {LogKey::kPort, admin_listener->port()}});
  logger.Info("listener.started",
              {{LogKey::kListener, FixedText("anonymous")}, {LogKey::kPort, anonymous_listener->port()}});
  return absl::OkStatus();
}

Keyserver::Keyserver(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Keyserver::~Keyserver() { (void)Stop(); }

absl::StatusOr<std::unique_ptr<Keyserver>> Keyserver::Start(const KeyserverConfig& config, KeyRing keys,
                                                            std::unique_ptr<rpc::LiveIdentity> live, const Clock& clock,
                                                            Logger& logger) {
  ASSIGN_OR_RETURN(DirectoryLogKeys directory_keys, keys.LogKeys());
  std::optional<FormerLogKey> former = std::exchange(keys.former_log, std::nullopt);
  ASSIGN_OR_RETURN(std::unique_ptr<Organisation> organisation, Organisation::Create(std::move(keys), config));
  RETURN_IF_ERROR(organisation->own().Renew(clock.Now()).status());
  RETURN_IF_ERROR(live->Replace(OwnIdentity(*organisation), organisation->keys().RootPem()));
  ASSIGN_OR_RETURN(directory::VerifiedPolicy witnesses, organisation->keys().Witnesses(clock.Now()));
  ASSIGN_OR_RETURN(audit::LogKey log_key, organisation->keys().AuditKey());
  ASSIGN_OR_RETURN(crypto::KeyWrap token_wrap, TokenIssuer::WrapOf(*organisation));
  db::OpenOptions options;
  options.create = false;
  ASSIGN_OR_RETURN(std::unique_ptr<SqlcipherConnection> connection,
                   SqlcipherConnection::Open(DatabasePath(config.data_dir()),
                                             organisation->keys().database_key, std::move(log_key),
                                             std::move(directory_keys), clock, options));
  RETURN_IF_ERROR(CheckWrapping(*connection, organisation->keys()));
  RETURN_IF_ERROR(CheckRoleKeys(*connection, organisation->keys()));
  ASSIGN_OR_RETURN(std::unique_ptr<SqlcipherUnlockStore> unlock,
                   SqlcipherUnlockStore::Open(*connection, organisation->keys(), config.data_dir()));
  auto parts = std::make_unique<Parts>(std::move(organisation), std::move(witnesses.policy), std::move(connection),
                                       std::move(former), std::move(token_wrap), std::move(unlock), config, clock, logger);
  if (const auto& bound_to = parts->organisation->keys().bound_to) RETURN_IF_ERROR(pkcs11::ProbeMaking(bound_to->token()));
  RETURN_IF_ERROR(parts->former_log_key.EndIfDue(clock.Now()));
  RETURN_IF_ERROR(parts->tokens.Prepare());
  parts->upkeep = std::make_unique<Upkeep>(parts->ledger, parts->tokens, parts->devices, parts->refusals, *parts->unlock_store,
                                           parts->check_in_store, *parts->connection, parts->former_log_key, clock, logger);
  parts->publisher.PublishAndWait();  // what the witnesses said before may be old
  // What is signed from here on is good at the delivery server once it knows the keys.
  if (!parts->organisation->keys().organisation_keys.empty()) parts->pusher.PushAndWait(kAnnouncePatience);
  parts->live = std::move(live);
  RETURN_IF_ERROR(parts->Listen(config));
  parts->keeper = std::make_unique<CertificateKeeper>(*parts->organisation, *parts->live, DeliveryOf(config, *parts->organisation),
                                                      parts->renewal, clock, logger);
  if (!parts->pusher.configured()) {
    logger.Warning("revocation.not_configured",
                   {{LogKey::kReason, FixedText("the delivery server is not told who leaves; set revocation.delivery_address")}});
  }
  audit::Entry started = ServiceEvent(audit::Event::kServiceStarted);
  started.details = {{"manifest", manifest::ShortDigest(parts->running)}};
  RETURN_IF_ERROR(parts->trail.Append(started));
  return std::unique_ptr<Keyserver>(new Keyserver(std::move(parts)));
}

int Keyserver::anonymous_port() const { return parts_->anonymous_listener->port(); }
int Keyserver::device_port() const { return parts_->device_listener->port(); }
int Keyserver::admin_port() const { return parts_->admin_listener->port(); }

absl::Status Keyserver::Stop() {
  if (parts_->stopped) return absl::OkStatus();
  parts_->stopped = true;
  parts_->keeper.reset();
  parts_->anonymous_listener->Shutdown(kGrace);
  parts_->device_listener->Shutdown(kGrace);
  parts_->admin_listener->Shutdown(kGrace);
  parts_->pool.Stop();
  parts_->upkeep.reset();
  return parts_->trail.Append(ServiceEvent(audit::Event::kServiceStopped));
}

namespace {

absl::Status ServeUntilStopped(const KeyserverConfig& config, std::unique_ptr<rpc::LiveIdentity> live, Logger& logger) {
  const SystemClock clock;
  ASSIGN_OR_RETURN(const Secret passphrase, config::ReadPassphraseFile(config.passphrase_file()));
  ASSIGN_OR_RETURN(KeyRing keys, UnsealKeyRing(config, passphrase));
  RETURN_IF_ERROR(FinishRotation(config, passphrase, keys));
  ASSIGN_OR_RETURN(const std::unique_ptr<Keyserver> server,
                   Keyserver::Start(config, std::move(keys), std::move(live), clock, logger));
  const sigset_t signals = StopSignals();
  int signal = 0;
  sigwait(&signals, &signal);
  logger.Info("service.stopping", {{LogKey::kSignal, int64_t{signal}}});
  return server->Stop();
}

}  // namespace

absl::Status Serve(const std::string& config_file) {
  // Blocked before any thread exists, so that only sigwait gets them.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGXFSZ, SIG_IGN);
  RETURN_IF_ERROR(rpc::PinTls13());
  KeyserverConfig config;
  RETURN_IF_ERROR(config::Load(config_file, config));
  ASSIGN_OR_RETURN(const std::unique_ptr<Logger> logger,
                   Logger::Create({"keyserver", config.log_file(), LogLevel::kInfo}));
  std::error_code ignored;  // what is wrong with it is told when it is written
  if (!config.log_folder().empty()) std::filesystem::create_directories(config.log_folder(), ignored);
  ASSIGN_OR_RETURN(std::unique_ptr<rpc::LiveIdentity> live, rpc::LiveIdentity::Create());
  ASSIGN_OR_RETURN(const std::unique_ptr<pkcs11::Module> token_module, LoadTokenModule(config));  // no code can be loaded later
  std::vector<std::string> folders = {config.data_dir(), config.log_folder(), FolderOfFile(config.log_file())};
  folders.insert(folders.end(), config.pkcs11().state_folders().begin(), config.pkcs11().state_folders().end());
  // Before gRPC has threads: what they are, they inherit.
  absl::Status status = EnterSandbox(folders, *logger);
  if (status.ok()) status = ServeUntilStopped(config, std::move(live), *logger);
  if (status.ok()) {
    logger->Info("service.stopped");
  } else {
    logger->Error("service.failed", {{LogKey::kStatus, status.code()}});
  }
  return status;
}

}  // namespace plumbline::keyserver
