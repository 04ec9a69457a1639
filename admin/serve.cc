#include "admin/serve.h"

#include <grpcpp/impl/service_type.h>
#include <signal.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "admin/admin_service.h"
#include "admin/keyserver_gateway.h"
#include "admin/relay.h"
#include "admin/service_keys.h"
#include "common/rpc/certificate_watch.h"
#include "common/rpc/listener.h"
#include "common/rpc/tls_policy.h"
#include "common/sandbox/sandbox.h"

namespace plumbline::admin {
namespace {

constexpr absl::Duration kShutdownGrace = absl::Seconds(10);
constexpr size_t kQueue = 256;                 // requests that wait for a worker; more are told to come back
constexpr size_t kMaxMessageBytes = 64 << 10;  // an intent is far smaller

absl::Duration ToDuration(const google::protobuf::Duration& value) {
  return absl::Seconds(value.seconds()) + absl::Nanoseconds(value.nanos());
}

// Blocks the signals that end the service in this thread and those it starts later; Wait() takes them.
class StopSignals final {
 public:
  StopSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  int Wait() const {
    int signal = 0;
    while (sigwait(&set_, &signal) != 0) {
    }
    return signal;
  }

 private:
  sigset_t set_;
};

absl::Status VerifyRecord(db::Database& database, const audit::LogKey& log_key) {
  ASSIGN_OR_RETURN(audit::AuditReader reader, audit::AuditReader::Open(database, log_key.verifier()));
  return reader.Verify(audit::Scope::kTree).status();
}

std::string HostOf(absl::string_view address) { return std::string(address.substr(0, address.rfind(':'))); }

absl::StatusOr<std::unique_ptr<KeyserverConnection>> MakeGateway(const config::v1::AdminConfig& config, const rpc::ServiceCertificate& certificate,
                                                                 const std::string& root_pem, rpc::Issuers issuers, const Clock& clock) {
  return NewKeyserverGateway(rpc::Endpoint{.address = config.keyserver_address(),
                                           .server_name = config.keyserver_name(),
                                           .root_pem = root_pem,
                                           .identity = certificate.identity(),
                                           .issuers = std::move(issuers)},
                             ToDuration(config.limits().keyserver_deadline()), clock);
}

absl::StatusOr<std::unique_ptr<rpc::Listener>> StartListener(const config::v1::AdminConfig& config,
                                                             const rpc::LiveIdentity& live, const std::string& root_pem,
                                                             grpc::Service& service) {
  ASSIGN_OR_RETURN(std::shared_ptr<grpc::ServerCredentials> credentials,
                   rpc::AnonymousServerCredentials(live));
  rpc::ListenerOptions options{.address = config.listen(), .root_pem = root_pem};
  options.limits.max_message_bytes = kMaxMessageBytes;
  return rpc::Listener::Start(options, std::move(credentials), {&service});
}

absl::Status RenewCertificate(rpc::ServiceCertificate& certificate, KeyserverConnection& keyserver, Relay& relay, const Clock& clock) {
  ASSIGN_OR_RETURN(const Bytes request, certificate.Request());
  ASSIGN_OR_RETURN(const auto answer, keyserver.RenewCertificate(request));
  RETURN_IF_ERROR(certificate.Install(answer.first, answer.second, clock.Now()));
  RETURN_IF_ERROR(keyserver.Use(certificate.identity()));
  return relay.Record({.event = audit::Event::kServiceCertificateRenewed,
                       .actor = "keyserver",
                       .subject = "",
                       .outcome = audit::Outcome::kSuccess,
                       .reason = "",
                       .details = {{"serial", ToHex(certificate.leaf().serial())}}});
}

}  // namespace

absl::Status Serve(const config::v1::AdminConfig& config, const Secret& passphrase) {
  const StopSignals stop;  // before any thread is started
  RETURN_IF_ERROR(rpc::PinTls13());
  const SystemClock clock;
  ASSIGN_OR_RETURN(const std::unique_ptr<Logger> logger,
                   Logger::Create({.service = "admin", .path = config.log_file()}));
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::LiveIdentity> live, rpc::LiveIdentity::Create());
  RETURN_IF_ERROR(EnterSandbox({config.data_dir(), FolderOfFile(config.log_file())}, *logger));  // before gRPC has threads
  ASSIGN_OR_RETURN(const ServiceKeys keys, OpenServiceKeys(config, passphrase));
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::ServiceCertificate> certificate, OpenCertificate(config, keys, *live, clock.Now()));
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain, crypto::ParsePemChain(certificate->identity().chain_pem));
  const std::string root_pem = chain.back().ToPem();
  ASSIGN_OR_RETURN(rpc::Issuers issuers, LoadIssuers(config, chain.back(), clock.Now()));
  ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database,
                   db::Database::Open(DatabasePath(config), keys.database_key, {.create = false}));
  RETURN_IF_ERROR(database->CheckIntegrity());
  ASSIGN_OR_RETURN(const audit::LogKey log_key, keys.AuditKey(config.organisation_domain()));
  RETURN_IF_ERROR(VerifyRecord(*database, log_key));

  ASSIGN_OR_RETURN(const std::unique_ptr<KeyserverConnection> gateway, MakeGateway(config, *certificate, root_pem, std::move(issuers), clock));
  ASSIGN_OR_RETURN(const std::unique_ptr<Relay> relay,
                   Relay::Create(*database, log_key, *gateway, clock, *logger, config.limits().requests_per_minute()));
  WorkerPool pool(config.limits().workers(), kQueue);
  const std::unique_ptr<grpc::Service> service = NewAdminService(*relay, pool);
  RETURN_IF_ERROR(relay->Record({.event = audit::Event::kServiceStarted, .actor = "admin"}));
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Listener> listener, StartListener(config, *live, root_pem, *service));
  auto watch = std::make_unique<rpc::CertificateWatch>(
      *certificate, [&] { return RenewCertificate(*certificate, *gateway, *relay, clock); }, clock, *logger);
  logger->Info("listener.started", {{LogKey::kPort, int64_t{listener->port()}}});
  std::printf("listening on %s:%d\n", HostOf(config.listen()).c_str(), listener->port());
  std::fflush(stdout);

  const int signal = stop.Wait();
  logger->Info("service.stopping", {{LogKey::kSignal, int64_t{signal}}});
  watch.reset();
  listener->Shutdown(kShutdownGrace);
  pool.Stop();
  return relay->Record({.event = audit::Event::kServiceStopped, .actor = "admin"});
}

}  // namespace plumbline::admin
