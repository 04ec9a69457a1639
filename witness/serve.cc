#include "witness/serve.h"

#include <signal.h>
#include <sys/stat.h>

#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/file.h"
#include "common/log.h"
#include "plumbline/config/v1/witness.pb.h"
#include "witness/http.h"
#include "witness/keys.h"
#include "witness/witness.h"

namespace plumbline::witness {
namespace {

using config::v1::WitnessConfig;

constexpr char kEvidenceDirectory[] = "evidence";

absl::StatusOr<WitnessConfig> LoadConfig(const std::string& path) {
  WitnessConfig config;
  RETURN_IF_ERROR(config::Load(path, config));
  return config;
}

absl::StatusOr<Secret> Passphrase(const WitnessConfig& config, const std::string& other_file) {
  return config::ReadPassphraseFile(other_file.empty() ? config.passphrase_file() : other_file);
}

absl::StatusOr<std::vector<tlog::VerifierKey>> LogsOf(const WitnessConfig& config) {
  std::vector<tlog::VerifierKey> logs;
  for (const std::string& text : config.logs()) {
    absl::StatusOr<tlog::VerifierKey> log = tlog::VerifierKey::Parse(text);
    if (!log.ok())
      return absl::InvalidArgumentError(absl::StrCat("logs: ", log.status().message(), "; write it as the log prints it"));
    logs.push_back(*std::move(log));
  }
  return logs;
}

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// One file for each cosigned checkpoint that the log contradicted: whoever repeats a request writes it again.
class EvidenceFolder final {
 public:
  EvidenceFolder(const WitnessConfig& config, Logger& logger)
      : path_(absl::StrCat(config.data_dir(), "/", kEvidenceDirectory)), logger_(logger) {}

  void Keep(const tlog::Equivocation& evidence) {
    const std::string file = tlog::FormatEquivocation(evidence);
    const std::string path = absl::StrCat(path_, "/", ToHex(ByteView(Sha256(AsBytes(evidence.first))).first(8)), ".evidence");
    mkdir(path_.c_str(), 0700);
    const absl::Status written = WriteFileAtomically(path, AsBytes(file), 0600);
    logger_.Error("log.equivocated", {{LogKey::kPath, OperatorText{path}}, {LogKey::kStatus, written.code()}});
  }

 private:
  const std::string path_;
  Logger& logger_;
};

absl::Status ServeUntilStopped(const WitnessConfig& config, Witness& witness, Logger& logger) {
  HttpOptions options;
  options.listen = config.listen();
  ASSIGN_OR_RETURN(const std::unique_ptr<HttpServer> server,
                   HttpServer::Start(options, [&](absl::string_view body) { return witness.AddCheckpoint(body); }));
  logger.Info("listener.started", {{LogKey::kPort, int64_t{server->port()}}, {LogKey::kListener, FixedText("witness")}});
  const sigset_t signals = StopSignals();
  int signal = 0;
  sigwait(&signals, &signal);
  logger.Info("service.stopping", {{LogKey::kSignal, int64_t{signal}}});
  server->Stop();
  return absl::OkStatus();
}

}  // namespace

absl::Status MakeWitness(const std::string& config_file, const std::string& passphrase_file) {
  ASSIGN_OR_RETURN(const WitnessConfig config, LoadConfig(config_file));
  ASSIGN_OR_RETURN(const Secret passphrase, Passphrase(config, passphrase_file));
  ASSIGN_OR_RETURN(const tlog::CosignerKey key, Initialise(config.data_dir(), config.name(), passphrase));
  std::printf("%s\n", key.ToText().c_str());
  return absl::OkStatus();
}

absl::Status ShowKey(const std::string& config_file, const std::string& passphrase_file) {
  ASSIGN_OR_RETURN(const WitnessConfig config, LoadConfig(config_file));
  ASSIGN_OR_RETURN(const Secret passphrase, Passphrase(config, passphrase_file));
  ASSIGN_OR_RETURN(const tlog::Cosigner cosigner, OpenKeys(config.data_dir(), config.name(), passphrase));
  std::printf("%s\n", cosigner.verifier().ToText().c_str());
  return absl::OkStatus();
}

absl::Status Serve(const std::string& config_file) {
  // Before any thread is there: every one is to leave these to sigwait.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ASSIGN_OR_RETURN(const WitnessConfig config, LoadConfig(config_file));
  ASSIGN_OR_RETURN(const std::unique_ptr<Logger> logger, Logger::Create({"witness", config.log_file()}));
  ASSIGN_OR_RETURN(std::vector<tlog::VerifierKey> logs, LogsOf(config));
  ASSIGN_OR_RETURN(const Secret passphrase, Passphrase(config, ""));
  ASSIGN_OR_RETURN(tlog::Cosigner cosigner, OpenKeys(config.data_dir(), config.name(), passphrase));
  ASSIGN_OR_RETURN(WitnessState state, WitnessState::Open(absl::StrCat(config.data_dir(), "/", kStateFile)));
  const SystemClock clock;
  EvidenceFolder evidence(config, *logger);
  Witness witness(std::move(cosigner), std::move(logs), std::move(state), clock,
                  [&](const tlog::Equivocation& found) { evidence.Keep(found); });
  return ServeUntilStopped(config, witness, *logger);
}

absl::Status CheckEvidence(const std::string& file, const std::string& log) {
  ASSIGN_OR_RETURN(const tlog::VerifierKey key, tlog::VerifierKey::Parse(log));
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(file, tlog::kMaxEquivocation));
  ASSIGN_OR_RETURN(const tlog::Equivocation evidence, tlog::ParseEquivocation(text));
  ASSIGN_OR_RETURN(const tlog::Contradiction proved, tlog::VerifyEquivocation(evidence, key));
  std::printf("%s signed two trees of %llu leaves:\n  %s\n  %s\nBoth signatures verify: the log showed two histories.\n",
              key.name().c_str(), static_cast<unsigned long long>(proved.first.size), ToHex(proved.first.root).c_str(),
              ToHex(proved.second.root).c_str());
  return absl::OkStatus();
}

}  // namespace plumbline::witness
