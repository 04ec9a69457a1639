#include "keyserver/upkeep.h"

#include <algorithm>

namespace plumbline::keyserver {
namespace {
constexpr absl::Duration kEvery = absl::Minutes(1), kRetry = absl::Seconds(1);
}  // namespace

Upkeep::Upkeep(Ledger& ledger, TokenIssuer& tokens, DeviceDesk& devices, RefusalLog& refusals, UnlockStore& unlock,
               CheckInStore& check_ins, SqlcipherConnection& connection, FormerLogKeyEnd& former_log_key, const Clock& clock, Logger& logger)
    : ledger_(ledger),
      tokens_(tokens),
      devices_(devices),
      refusals_(refusals),
      unlock_(unlock),
      check_ins_(check_ins),
      connection_(connection),
      former_log_key_(former_log_key),
      clock_(clock),
      logger_(logger),
      thread_([this] { Run(); }) {}

Upkeep::~Upkeep() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.join();
}

void Upkeep::Run() {
  while (true) {
    const absl::Status status = Once();
    if (!status.ok()) logger_.Error("upkeep.failed", {{LogKey::kStatus, status.code()}});
    MutexLock lock(mutex_);
    const absl::Duration next = Uptime() + std::clamp(former_log_key_.Remaining(clock_.Now()), kRetry, kEvery);
    while (!stopping_ && Uptime() < next) wake_.WaitFor(mutex_, next - Uptime());
    if (stopping_) return;
  }
}

absl::Status Upkeep::Once() {
  absl::Status former = former_log_key_.EndIfDue(clock_.Now());  // on its second; what fails is tried again, and keeps nothing else waiting
  devices_.Sweep();
  RETURN_IF_ERROR(refusals_.Flush());
  RETURN_IF_ERROR(tokens_.Prepare());
  RETURN_IF_ERROR(ledger_.Sweep(clock_.Now()));
  RETURN_IF_ERROR(unlock_.DestroyDue(clock_.Now()));
  RETURN_IF_ERROR(check_ins_.ForgetRemoved());
  MutexLock lock(connection_.mutex());
  RETURN_IF_ERROR(connection_.database().Checkpoint());
  return former;
}

}  // namespace plumbline::keyserver
