// A log that the witness follows leaf by leaf before it cosigns.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "common/tlog/log_audit.h"

namespace plumbline::witness {

// A line of the configuration's `logs`: "<verifier key>" or "<verifier key> audit <folder or http:// address>".
struct LogLine {
  tlog::VerifierKey key;
  std::string audit;  // empty: none
};
// INVALID_ARGUMENT for any other.
absl::StatusOr<LogLine> ParseLogLine(absl::string_view line);

// Thread-safe.
class AuditedLog final {
 public:
  using OnResult = std::function<void(const absl::StatusOr<tlog::AuditResult>& result)>;

  // Goes on from the file at `path`. `on_result` is called after each audit. `stopping` outlives it. INVALID_ARGUMENT for
  // `source`; codes of LogAudit::Open.
  static absl::StatusOr<std::unique_ptr<AuditedLog>> Open(const std::string& path, const std::string& origin,
                                                          const std::string& source, const std::atomic<bool>& stopping,
                                                          OnResult on_result);

  // A witness's Audit (witness.h). UNAVAILABLE while another call is at work, which takes as long as the leaves take, and as soon
  // as `stopping`; codes of LogAudit::Follow.
  absl::Status Audit(const std::string& note);

 private:
  AuditedLog(tlog::LogAudit audit, std::unique_ptr<tlog::TileSource> source, OnResult on_result)
      : audit_(std::move(audit)), source_(std::move(source)), on_result_(std::move(on_result)) {}
  std::atomic_flag busy_;  // whoever sets it has the rest
  tlog::LogAudit audit_;
  const std::unique_ptr<tlog::TileSource> source_;
  const OnResult on_result_;
};

}  // namespace plumbline::witness
