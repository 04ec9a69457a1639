#include "server/upkeep.h"

#include "absl/strings/str_cat.h"

namespace plumbline::server {
namespace {

constexpr absl::Duration kTick = absl::Seconds(5);
constexpr int kEraseTicks = 4;      // 20 s; a reader in the way delays it by a tick or two: below the 60 s that are promised
constexpr int kReportTicks = 12;    // a minute
constexpr int kSweepTicks = 720;    // an hour

}  // namespace

Upkeep::Upkeep(UpkeepStore& store, Streams& streams, Counters& counters, Health& health, Logger& logger, const Clock& clock)
    : store_(store), streams_(streams), counters_(counters), health_(health), logger_(logger), clock_(clock), thread_([this] { Work(); }) {}

Upkeep::~Upkeep() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.join();
  Report();
  Erase();
}

void Upkeep::Work() {
  for (int tick = 0;; ++tick) {
    if (const auto jump = clock_watch_.Look(clock_.Now(), Uptime())) {
      logger_.Warning("clock.jumped", {{LogKey::kDuration, *jump}});
    }
    Probe();
    if (tick % kSweepTicks == 0) Sweep();
    if (tick % kReportTicks == kReportTicks - 1) Report();
    if (tick % kEraseTicks == kEraseTicks - 1) Erase();
    streams_.Tick(clock_.Now());
    const absl::Duration next = Uptime() + kTick;
    MutexLock lock(mutex_);
    while (!stopping_ && Uptime() < next) wake_.WaitFor(mutex_, next - Uptime());
    if (stopping_) return;
  }
}

void Upkeep::Probe() {
  const absl::Status status = store_.Probe();
  if (status.ok() != health_.storage()) {
    if (status.ok()) logger_.Info("store.works_again");
    if (!status.ok()) logger_.Error("store.does_not_write", {{LogKey::kStatus, status.code()}});
  }
  health_.SetStorage(status.ok());
}

void Upkeep::Erase() {
  for (int attempt = 0; attempt < 3; ++attempt) {
    const absl::Status status = store_.Erase();
    if (status.ok()) return;
    if (!absl::IsAborted(status)) {
      logger_.Error("store.erase_failed", {{LogKey::kStatus, status.code()}});
      return;
    }
  }
}

void Upkeep::Sweep() {
  if (!clock_watch_.MayDelete(Uptime())) {
    logger_.Error("store.sweep_held");
    return;
  }
  const absl::StatusOr<std::vector<identity::MailboxId>> expired = store_.Sweep(clock_.Now());
  if (!expired.ok()) {
    logger_.Error("store.sweep_failed", {{LogKey::kStatus, expired.status().code()}});
    return;
  }
  streams_.CloseMailboxes(*expired);
}

void Upkeep::Report() {
  Totals now;
  now.stored = counters_.envelopes_stored;
  now.acknowledged = counters_.envelopes_acknowledged;
  now.tokens_refused = counters_.tokens_refused;
  now.grants_refused = counters_.grants_refused;
  now.revocations_refused = counters_.revocations_refused;
  now.storage_faults = counters_.storage_faults;
  const auto log = [this](LogLevel level, EventName event, int64_t count) {
    if (count == 0) return;
    if (level == LogLevel::kInfo) logger_.Info(event, {{LogKey::kCount, count}});
    if (level == LogLevel::kWarning) logger_.Warning(event, {{LogKey::kCount, count}});
    if (level == LogLevel::kError) logger_.Error(event, {{LogKey::kCount, count}});
  };
  log(LogLevel::kInfo, "envelopes.stored", now.stored - reported_.stored);
  log(LogLevel::kInfo, "envelopes.acknowledged", now.acknowledged - reported_.acknowledged);
  log(LogLevel::kWarning, "tokens.refused", now.tokens_refused - reported_.tokens_refused);
  log(LogLevel::kWarning, "grants.refused", now.grants_refused - reported_.grants_refused);
  log(LogLevel::kWarning, "revocations.refused", now.revocations_refused - reported_.revocations_refused);
  log(LogLevel::kError, "store.faults", now.storage_faults - reported_.storage_faults);
  Record(audit::Event::kTokensRefused, now.tokens_refused - reported_.tokens_refused, "token_invalid");
  Record(audit::Event::kGrantsRefused, now.grants_refused - reported_.grants_refused, "grant_invalid");
  Record(audit::Event::kRevocationRefused, now.revocations_refused - reported_.revocations_refused, "not_authorised");
  reported_ = now;
}

void Upkeep::Record(audit::Event event, int64_t count, absl::string_view reason) {
  if (count == 0) return;
  audit::Entry entry{event, "", "", audit::Outcome::kRefused, std::string(reason), {{"count", absl::StrCat(count)}}};
  if (const absl::Status status = store_.Record(entry); !status.ok()) {
    logger_.Error("audit.failed", {{LogKey::kStatus, status.code()}});
  }
}

}  // namespace plumbline::server
