#include "keyserver/refusal_log.h"

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"

namespace plumbline::keyserver {
namespace {

// What went wrong, in one word: a reason id, or the status code where our own words carry none.
std::string ReasonFor(const absl::Status& status) {
  std::string reason = identity::ReasonOf(status);
  return reason.empty() ? absl::StatusCodeToString(status.code()) : reason;
}

}  // namespace

absl::Status RefusalLog::Refused(audit::Event event, absl::string_view actor, absl::string_view subject,
                                 const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(FlushLocked());
    if (recorded_ == per_minute_) {
      ++only_counted_;
      return status;
    }
    ++recorded_;
  }
  audit::Entry entry;
  entry.event = event;
  entry.actor = std::string(actor);
  entry.subject = std::string(subject);
  entry.outcome = audit::Outcome::kRefused;
  entry.reason = ReasonFor(status);
  RETURN_IF_ERROR(trail_.Append(entry));
  return status;
}

absl::Status RefusalLog::Flush() {
  MutexLock lock(mutex_);
  return FlushLocked();
}

absl::Status RefusalLog::FlushLocked() {
  const int64_t minute = absl::ToUnixSeconds(clock_.Now()) / 60;
  if (minute == minute_) return absl::OkStatus();
  if (only_counted_ > 0) {
    audit::Entry entry;
    entry.event = audit::Event::kLimitReached;
    entry.outcome = audit::Outcome::kRefused;
    entry.reason = "too_many_refusals";
    entry.details["not_recorded"] = absl::StrCat(only_counted_);
    RETURN_IF_ERROR(trail_.Append(entry));
  }
  minute_ = minute;
  recorded_ = 0;
  only_counted_ = 0;
  return absl::OkStatus();
}

}  // namespace plumbline::keyserver
