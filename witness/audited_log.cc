#include "witness/audited_log.h"

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/tlog/tile_sources.h"

namespace plumbline::witness {
namespace {

class Stoppable final : public tlog::TileSource {
 public:
  Stoppable(std::unique_ptr<tlog::TileSource> source, const std::atomic<bool>& stopping)
      : source_(std::move(source)), stopping_(stopping) {}
  absl::StatusOr<Bytes> Fetch(const std::string& path, size_t max_size) override {
    if (stopping_) return absl::UnavailableError("the witness stops");
    return source_->Fetch(path, max_size);
  }

 private:
  const std::unique_ptr<tlog::TileSource> source_;
  const std::atomic<bool>& stopping_;
};

}  // namespace

absl::StatusOr<LogLine> ParseLogLine(absl::string_view line) {
  const size_t space = std::min(line.find(' '), line.size());
  const absl::StatusOr<tlog::VerifierKey> key = tlog::VerifierKey::Parse(line.substr(0, space));
  if (!key.ok())
    return absl::InvalidArgumentError(absl::StrCat("logs: ", key.status().message(), "; write it as the log prints it"));
  LogLine out{*key, ""};
  absl::string_view rest = line.substr(space);
  if (rest.empty()) return out;
  if (!absl::ConsumePrefix(&rest, " audit ") || rest.empty())
    return absl::InvalidArgumentError(
        "logs: behind a key there is nothing, or \"audit\" and where the log's files are: a folder or http://...");
  out.audit = std::string(rest);
  return out;
}

absl::StatusOr<std::unique_ptr<AuditedLog>> AuditedLog::Open(const std::string& path, const std::string& origin,
                                                             const std::string& source, const std::atomic<bool>& stopping,
                                                             OnResult on_result) {
  ASSIGN_OR_RETURN(std::unique_ptr<tlog::TileSource> tiles, tlog::OpenTileSource(source));
  ASSIGN_OR_RETURN(tlog::LogAudit audit, tlog::LogAudit::Open(path, origin));
  return std::unique_ptr<AuditedLog>(
      new AuditedLog(std::move(audit), std::make_unique<Stoppable>(std::move(tiles), stopping), std::move(on_result)));
}

absl::Status AuditedLog::Audit(const std::string& note) {
  if (busy_.test_and_set()) return absl::UnavailableError("the witness is reading this log; ask again in a minute");
  const absl::Cleanup done = [this] { busy_.clear(); };
  const absl::StatusOr<tlog::AuditResult> result = audit_.Follow(*source_, note);
  on_result_(result);
  // What the source failed with is no word about the log, whatever its code.
  if (!result.ok()) return absl::UnavailableError(result.status().message());
  return result->verdict;
}

}  // namespace plumbline::witness
