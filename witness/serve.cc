#include "witness/serve.h"

#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdio>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/config/config.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mutex.h"
#include "common/sandbox/sandbox.h"
#include "common/tlog/evidence.h"
#include "plumbline/config/v1/witness.pb.h"
#include "witness/audited_log.h"
#include "witness/http.h"
#include "witness/keys.h"
#include "witness/witness.h"

namespace plumbline::witness {
namespace {

using config::v1::WitnessConfig;

constexpr char kEvidenceDirectory[] = "evidence", kAuditDirectory[] = "audit";  // in the data directory

absl::StatusOr<WitnessConfig> LoadConfig(const std::string& path) {
  WitnessConfig config;
  RETURN_IF_ERROR(config::Load(path, config));
  return config;
}

absl::StatusOr<Secret> Passphrase(const WitnessConfig& config, const std::string& other_file) {
  return config::ReadPassphraseFile(other_file.empty() ? config.passphrase_file() : other_file);
}

absl::StatusOr<std::vector<LogLine>> LogsOf(const WitnessConfig& config) {
  std::vector<LogLine> logs;
  for (const std::string& line : config.logs()) {
    ASSIGN_OR_RETURN(LogLine log, ParseLogLine(line));
    logs.push_back(std::move(log));
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

// One file for each checkpoint that the log contradicted: whoever repeats a request writes it again.
class EvidenceFolder final {
 public:
  EvidenceFolder(const WitnessConfig& config, Logger& logger)
      : path_(absl::StrCat(config.data_dir(), "/", kEvidenceDirectory)), logger_(logger) {}

  void Keep(absl::string_view contradicted, absl::string_view file) {
    const std::string path = absl::StrCat(path_, "/", ToHex(ByteView(Sha256(AsBytes(contradicted))).first(8)), ".evidence");
    mkdir(path_.c_str(), 0700);
    const absl::Status written = WriteFileAtomically(path, AsBytes(file), 0600);
    logger_.Error("log.equivocated", {{LogKey::kPath, OperatorText{path}}, {LogKey::kStatus, written.code()}});
  }

 private:
  const std::string path_;
  Logger& logger_;
};

// Says that checkpoints come which none of a log's keys signed, of each log once a minute: strangers can send them too.
class Unsigned final {
 public:
  explicit Unsigned(Logger& logger) : logger_(logger) {}
  void Tell(const std::string& origin) {
    {
      MutexLock lock(mutex_);
      const auto said = said_.find(origin);
      if (said != said_.end() && Uptime() - said->second < absl::Minutes(1)) return;
      said_[origin] = Uptime();
    }
    logger_.Warning("log.not_signed", {{LogKey::kPath, OperatorText{origin}},
                                       {LogKey::kReason, FixedText("a checkpoint came that no key in logs has signed; if the log's key was "
                                                                   "replaced, write the new one there")}});
  }

 private:
  Logger& logger_;
  Mutex mutex_;
  std::map<std::string, absl::Duration> said_ ABSL_GUARDED_BY(mutex_);
};

// The logs that are replayed before their checkpoints are cosigned.
class Audits final {
 public:
  Audits(const WitnessConfig& config, EvidenceFolder& evidence, Logger& logger)
      : path_(absl::StrCat(config.data_dir(), "/", kAuditDirectory)), evidence_(evidence), logger_(logger) {}

  absl::Status Open(const LogLine& line) {
    const std::string& origin = line.key.name();
    if (line.audit.empty()) return absl::OkStatus();
    if (logs_.contains(origin))
      return absl::InvalidArgumentError(absl::StrCat("logs: ", origin, " has two lines with \"audit\"; one is for all its keys"));
    mkdir(path_.c_str(), 0700);
    const std::string path = absl::StrCat(path_, "/", ToHex(ByteView(Sha256(AsBytes(origin))).first(8)));
    ASSIGN_OR_RETURN(logs_[origin], AuditedLog::Open(path, origin, line.audit, stopping_,
                                                     [this, where = line.audit](const auto& result) { Tell(where, result); }));
    return absl::OkStatus();
  }
  std::map<std::string, Audit> ByOrigin() {
    std::map<std::string, Audit> out;
    for (const auto& [origin, log] : logs_) out[origin] = [&log = *log](const std::string& note) { return log.Audit(note); };
    return out;
  }
  // What is being read is given up.
  void Stop() { stopping_ = true; }

 private:
  void Tell(const std::string& where, const absl::StatusOr<tlog::AuditResult>& result) {
    if (!result.ok()) {
      logger_.Warning("log.unread", {{LogKey::kPath, OperatorText{where}}, {LogKey::kStatus, result.status().code()}});
    } else if (!result->evidence.empty()) {
      evidence_.Keep(absl::StrCat(result->checkpoint.origin, " ", result->known), result->evidence);
    } else if (result->finding) {
      logger_.Error("log.broke_rule",
                    {{LogKey::kPath, OperatorText{where}}, {LogKey::kSequence, static_cast<int64_t>(result->finding->leaf)}});
    }
  }

  const std::string path_;
  EvidenceFolder& evidence_;
  Logger& logger_;
  std::atomic<bool> stopping_ = false;
  std::map<std::string, std::unique_ptr<AuditedLog>> logs_;
};

absl::Status ServeUntilStopped(const WitnessConfig& config, Witness& witness, Audits& audits, Logger& logger) {
  HttpOptions options;
  options.listen = config.listen();
  ASSIGN_OR_RETURN(const std::unique_ptr<HttpServer> server,
                   HttpServer::Start(options, [&](absl::string_view body) { return witness.AddCheckpoint(body); }));
  logger.Info("listener.started", {{LogKey::kPort, int64_t{server->port()}}, {LogKey::kListener, FixedText("witness")}});
  const sigset_t signals = StopSignals();
  int signal = 0;
  sigwait(&signals, &signal);
  logger.Info("service.stopping", {{LogKey::kSignal, int64_t{signal}}});
  audits.Stop();
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
  RETURN_IF_ERROR(EnterSandbox({config.data_dir(), FolderOfFile(config.log_file())}, *logger));  // before there are threads
  ASSIGN_OR_RETURN(const std::vector<LogLine> logs, LogsOf(config));
  ASSIGN_OR_RETURN(const Secret passphrase, Passphrase(config, ""));
  ASSIGN_OR_RETURN(tlog::Cosigner cosigner, OpenKeys(config.data_dir(), config.name(), passphrase));
  ASSIGN_OR_RETURN(WitnessState state, WitnessState::Open(absl::StrCat(config.data_dir(), "/", kStateFile)));
  const SystemClock clock;
  EvidenceFolder evidence(config, *logger);
  Audits audits(config, evidence, *logger);
  std::vector<tlog::VerifierKey> keys;
  for (const LogLine& log : logs) {
    keys.push_back(log.key);
    RETURN_IF_ERROR(audits.Open(log));
  }
  const auto keep = [&](const tlog::Equivocation& found) { evidence.Keep(found.first, tlog::FormatEquivocation(found)); };
  Unsigned unsigned_checkpoints(*logger);
  Witness witness(std::move(cosigner), std::move(keys), std::move(state), clock, keep, audits.ByOrigin(),
                  [&](const std::string& origin) { unsigned_checkpoints.Tell(origin); });
  return ServeUntilStopped(config, witness, audits, *logger);
}

absl::Status CheckEvidence(const std::string& file, const std::vector<std::string>& log_keys) {
  ASSIGN_OR_RETURN(const std::string proved, tlog::CheckEvidenceFile(file, log_keys));
  std::fputs(proved.c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace plumbline::witness
