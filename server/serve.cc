#include "server/serve.h"

#include <grpc/support/log.h>

#include <csignal>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/file.h"
#include "common/log.h"
#include "common/metrics/listener.h"
#include "common/identity/uri.h"
#include "common/manifest/service.h"
#include "common/rpc/certificate_watch.h"
#include "common/rpc/health_service.h"
#include "common/rpc/listener.h"
#include "common/rpc/service_certificate.h"
#include "common/rpc/tls_policy.h"
#include "common/sandbox/sandbox.h"
#include "plumbline/config/v1/server.pb.h"
#include "server/attachment_service.h"
#include "server/attachment_upkeep.h"
#include "server/certificate_service.h"
#include "server/delivery_service.h"
#include "server/health.h"
#include "server/keys.h"
#include "server/measures.h"
#include "server/revocation_service.h"
#include "server/store/sqlcipher_attachments.h"
#include "server/store/sqlcipher_store.h"
#include "server/trust.h"
#include "server/upkeep.h"

namespace plumbline::server {
namespace {

using config::v1::ServerConfig;

constexpr size_t kMaxPemFile = 256 * 1024;
constexpr absl::Duration kGrace = absl::Seconds(2);  // also what a client costs that does not notice the goodbye
constexpr size_t kQueuedForEachWorker = 64;
constexpr char kActor[] = "delivery";

absl::StatusOr<ServerConfig> LoadConfig(const std::string& path) {
  ServerConfig config;
  RETURN_IF_ERROR(config::Load(path, config));
  return config;
}

int AttachmentWorkers(const ServerConfig& config) { return std::max(2, static_cast<int>(config.limits().workers()) / 4); }

StoreOptions StoreOptionsOf(const ServerConfig& config) {
  StoreOptions options;
  options.path = absl::StrCat(config.data_dir(), "/", kDatabaseFile);
  options.readers = static_cast<int>(config.limits().workers());
  options.mailbox_envelopes = config.limits().mailbox_envelopes();
  options.mailbox_bytes = int64_t{config.limits().mailbox_mebibytes()} << 20;
  options.max_pages = int64_t{config.limits().database_mebibytes()} << 8;  // of 4096 bytes
  options.envelope_days = static_cast<int>(config.retention().envelope_days());
  options.answer_days = static_cast<int>(config.retention().answer_days());
  options.gate_days = static_cast<int>(config.retention().gate_days());
  return options;
}

AttachmentOptions AttachmentOptionsOf(const ServerConfig& config) {
  AttachmentOptions options;
  options.path = absl::StrCat(config.data_dir(), "/", kAttachmentsFile);
  options.readers = AttachmentWorkers(config);
  options.max_bytes = int64_t{config.limits().attachments_total_mebibytes()} << 20;
  options.days = static_cast<int>(config.retention().attachment_days());
  return options;
}

SessionLimits SessionLimitsOf(const ServerConfig& config) {
  SessionLimits limits;
  limits.envelopes = config.limits().session_envelopes();
  limits.life = absl::Seconds(config.limits().session_life().seconds());
  limits.sessions = config.limits().sessions();
  return limits;
}

rpc::ListenerOptions ListenerOptionsOf(const ServerConfig& config, const Trust& trust) {
  rpc::ListenerOptions options;
  options.address = config.listen();
  options.root_pem = trust.root_pem;
  options.limits.max_message_bytes = kMaxSubmitBytes + (2 << 20);  // and the fields around the sealed content
  return options;
}

absl::StatusOr<Trust> LoadTrust(const ServerConfig& config, absl::Time now) {
  ASSIGN_OR_RETURN(const crypto::Fingerprint root, crypto::Fingerprint::FromText(config.root_fingerprint()));
  ASSIGN_OR_RETURN(const std::string pem, ReadTextFile(config.trust_file(), kMaxPemFile));
  return ReadTrust(pem, root, config.organisation_domain(), now);
}

absl::Status RecordEvent(UpkeepStore& store, audit::Event event, std::map<std::string, std::string> details = {}) {
  return store.Record(audit::Entry{event, kActor, "", audit::Outcome::kSuccess, "", std::move(details)});
}

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

absl::StatusOr<std::unique_ptr<rpc::Listener>> ListenForKeyserver(const ServerConfig& config, const Trust& trust,
                                                                  const rpc::LiveIdentity& live, RevocationService& service,
                                                                  CertificateService& certificates, Counters& counters,
                                                                  const RoleTrust& roles) {
  rpc::ListenerOptions options;
  options.address = config.keyserver_listen();
  options.root_pem = trust.root_pem;
  options.limits.max_message_bytes = kMaxRevocationBytes;
  options.limits.max_concurrent_streams = 4;
  ASSIGN_OR_RETURN(auto credentials,
                   rpc::ServiceServerCredentials(live, service.keyserver_uri(),
                                                 [&counters](const crypto::Certificate&) { ++counters.revocations_refused; },
                                                 roles.issuers()));
  return rpc::Listener::Start(options, credentials, {&service, &certificates});
}

// Serves until a stop signal, which all threads have blocked.
absl::Status ServeUntilStopped(const ServerConfig& config, const Trust& trust, rpc::ServiceCertificate& certificate,
                               const rpc::LiveIdentity& live, SqlcipherStore& store, SqlcipherAttachments& attachment_store, Logger& logger,
                               const Clock& clock) {
  Counters counters;
  Sessions sessions(clock, SessionLimitsOf(config));
  Streams streams(config.limits().streams());
  ASSIGN_OR_RETURN(identity::TrustedKeys keys, LoadKeys(trust.keys, store));
  RoleTrust roles(std::move(keys));
  Delivery delivery(Delivery::Parts{store, store, store, sessions, streams, counters, clock}, roles,
                    config.organisation_domain());
  // Short enough that a request at its end is answered within seconds.
  WorkerPool requests(config.limits().workers(), kQueuedForEachWorker * config.limits().workers());
  // Each stream has at most two tasks at a time, so this queue cannot overflow.
  WorkerPool stream_work(std::max<uint32_t>(2, config.limits().workers() / 2), 2 * config.limits().streams() + 16);
  DeliveryService service(delivery, streams, requests, stream_work, clock);
  Attachments attachments(Attachments::Parts{attachment_store, sessions, counters, clock,
                                             uint64_t{config.limits().attachment_mebibytes()} << 20});
  // What waits here is a piece each: 64 MiB at most.
  WorkerPool attachment_work(AttachmentWorkers(config), 256);
  AttachmentService attachment_service(attachments, attachment_work);
  const metadata::v1::RunningManifest running = manifest::Describe(
      identity::ServiceUri{config.organisation_domain(), identity::Service::kDelivery}.ToString(), config);
  manifest::ManifestService manifest_service(running, [&certificate] { return certificate.identity(); }, requests, clock);
  Health health;
  rpc::HealthService health_service("plumbline.delivery.v1.Delivery", [&health] { return health.serving(); });
  ASSIGN_OR_RETURN(auto credentials, rpc::AnonymousServerCredentials(live));
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Listener> listener,
                   rpc::Listener::Start(ListenerOptionsOf(config, trust), credentials,
                                        {&service, &attachment_service, &manifest_service, &health_service}));
  ASSIGN_OR_RETURN(crypto::Certificate root, crypto::Certificate::ParsePem(trust.root_pem));
  Revocations revocations(store, sessions, streams, roles, std::move(root), config.organisation_domain(), clock);
  RevocationService revocation_service(revocations, counters, requests, config.organisation_domain());
  CertificateService certificate_service(certificate, revocation_service.keyserver_uri(), store, logger, clock, requests);
  std::unique_ptr<rpc::Listener> keyserver_listener;
  if (!config.keyserver_listen().empty()) {
    ASSIGN_OR_RETURN(keyserver_listener, ListenForKeyserver(config, trust, live, revocation_service, certificate_service, counters, roles));
  }
  RETURN_IF_ERROR(RecordEvent(store, audit::Event::kServiceStarted, {{"manifest", manifest::ShortDigest(running)}}));
  auto upkeep = std::make_unique<Upkeep>(store, streams, counters, health, logger, clock);
  auto attachment_upkeep = std::make_unique<AttachmentUpkeep>(attachment_store, logger, clock);
  auto certificate_watch = std::make_unique<rpc::CertificateWatch>(certificate, nullptr, clock, logger);
  logger.Info("listener.started", {{LogKey::kPort, int64_t{listener->port()}}, {LogKey::kListener, FixedText("anonymous")}});
  if (keyserver_listener != nullptr) {
    logger.Info("listener.started",
                {{LogKey::kPort, int64_t{keyserver_listener->port()}}, {LogKey::kListener, FixedText("keyserver")}});
  } else {
    logger.Warning("revocation.not_configured", {{LogKey::kReason, FixedText("keyserver_listen is not set: mailboxes of people who left stay open until their grants end")}});
  }

  std::unique_ptr<metrics::Listener> metrics_listener;
  if (!config.metrics_listen().empty()) {
    const Measured measured{counters, health, store.commit_durations(), streams, sessions, StoreOptionsOf(config).path, AttachmentOptionsOf(config).path};
    ASSIGN_OR_RETURN(metrics_listener, metrics::Listener::Start(config.metrics_listen(), [measured] { return Measures(measured); }));
    logger.Info("listener.started", {{LogKey::kPort, int64_t{metrics_listener->port()}}, {LogKey::kListener, FixedText("metrics")}});
  }

  const sigset_t signals = StopSignals();
  int signal = 0;
  sigwait(&signals, &signal);
  health.Stop();
  logger.Info("service.stopping", {{LogKey::kSignal, int64_t{signal}}});
  streams.ShutDown();
  listener->Shutdown(kGrace);
  if (keyserver_listener != nullptr) keyserver_listener->Shutdown(kGrace);
  requests.Stop();
  stream_work.Stop();
  attachment_work.Stop();
  certificate_watch.reset();
  attachment_upkeep.reset();
  upkeep.reset();  // its last totals come before the end
  return RecordEvent(store, audit::Event::kServiceStopped);
}

absl::Status ServeWithStore(const ServerConfig& config, rpc::LiveIdentity& live, Logger& logger) {
  const SystemClock clock;
  ASSIGN_OR_RETURN(const Secret passphrase, config::ReadPassphraseFile(config.passphrase_file()));
  ASSIGN_OR_RETURN(const ServerKeys keys, OpenKeys(config.data_dir(), passphrase));
  ASSIGN_OR_RETURN(const Trust trust, LoadTrust(config, clock.Now()));
  ASSIGN_OR_RETURN(const std::string chain, ReadTextFile(config.certificate_file(), kMaxPemFile));
  ASSIGN_OR_RETURN(crypto::Certificate root, crypto::Certificate::ParsePem(trust.root_pem));
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::ServiceCertificate> certificate,
                   rpc::ServiceCertificate::Open(
                       {absl::StrCat(config.data_dir(), "/", rpc::kKeptCertificateFile), CertificateWrapping(keys.database), std::move(root),
                        identity::ServiceUri{config.organisation_domain(), identity::Service::kDelivery}.ToString()},
                       CheckCertificate(chain, keys.tls, trust, config.organisation_domain(), clock.Now()), live, clock.Now()));
  ASSIGN_OR_RETURN(const audit::LogKey log_key, keys.AuditKey(config.organisation_domain()));
  ASSIGN_OR_RETURN(const std::unique_ptr<SqlcipherStore> store,
                   SqlcipherStore::Create(StoreOptionsOf(config), keys.database, log_key, clock));
  ASSIGN_OR_RETURN(const std::unique_ptr<SqlcipherAttachments> attachments,
                   SqlcipherAttachments::Create(AttachmentOptionsOf(config), AttachmentsKey(keys.database)));
  for (const db::SalvagedTable& table : store->salvage().tables) {
    if (!table.damaged) continue;
    const std::string file = absl::StrCat(config.data_dir(), "/", kDatabaseFile, ": ", table.name);
    logger.Error("store.salvaged", {{LogKey::kPath, OperatorText{file}}, {LogKey::kCount, table.rows}});
  }
  if (const std::string damaged = store->salvage().Damaged(); !damaged.empty()) {
    std::fprintf(stderr,
                 "plumbline-server: store_damaged: pages of %s/%s were damaged (tables: %s). What could be read is served; the "
                 "damaged file is kept beside it. See \"Damaged storage\" in operations.md.\n",
                 config.data_dir().c_str(), kDatabaseFile, damaged.c_str());
  }
  RETURN_IF_ERROR(RecordEvent(*store, audit::Event::kTrustLoaded));
  return ServeUntilStopped(config, trust, *certificate, live, *store, *attachments, logger, clock);
}

}  // namespace

absl::Status Initialise(const std::string& config_file, const std::string& passphrase_file) {
  ASSIGN_OR_RETURN(const ServerConfig config, LoadConfig(config_file));
  ASSIGN_OR_RETURN(const Secret passphrase, config::ReadPassphraseFile(
                                                passphrase_file.empty() ? config.passphrase_file() : passphrase_file));
  RETURN_IF_ERROR(InitialiseKeys(config.data_dir(), passphrase));
  ASSIGN_OR_RETURN(const ServerKeys keys, OpenKeys(config.data_dir(), passphrase));
  ASSIGN_OR_RETURN(const audit::LogKey log_key, keys.AuditKey(config.organisation_domain()));
  std::printf("Sealed keys: %s/%s\nCertificate request: %s/%s\nVerifier key of the audit record, for auditors: %s\n"
              "Next: plumbline-keyserver sign-service\n",
              config.data_dir().c_str(), kKeysFile, config.data_dir().c_str(), kRequestFile,
              log_key.verifier().ToText().c_str());
  return absl::OkStatus();
}

absl::Status Serve(const std::string& config_file) {
  // Blocked before any thread exists, so that only sigwait gets them. A write above a file size limit is an error, not a death.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGXFSZ, SIG_IGN);
  gpr_set_log_function([](gpr_log_func_args*) {});  // gRPC's own log lines name the addresses of peers
  RETURN_IF_ERROR(rpc::PinTls13());
  ASSIGN_OR_RETURN(const ServerConfig config, LoadConfig(config_file));
  ASSIGN_OR_RETURN(const std::unique_ptr<Logger> logger, Logger::Create({"delivery", config.log_file(), LogLevel::kInfo}));
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::LiveIdentity> live, rpc::LiveIdentity::Create());
  // Before gRPC has threads: what they are, they inherit.
  absl::Status status = EnterSandbox({config.data_dir(), FolderOfFile(config.log_file())}, *logger);
  if (status.ok()) status = ServeWithStore(config, *live, *logger);
  if (status.ok()) {
    logger->Info("service.stopped");
  } else {
    logger->Error("service.failed", {{LogKey::kStatus, status.code()}});
  }
  return status;
}

}  // namespace plumbline::server
