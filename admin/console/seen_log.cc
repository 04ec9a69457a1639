#include "admin/console/seen_log.h"

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/identity/reason.h"

namespace plumbline::admin {
namespace {

constexpr size_t kMaxSeen = tlog::kMaxNote + 1024;

absl::Status Damaged(const std::string& home) {
  return identity::Refuse(absl::StatusCode::kDataLoss, "profile_damaged",
                          absl::StrCat(SeenLogPath(home),
                                       " is damaged, so it cannot be said whether the audit record still begins as it did; "
                                       "restore the file from a backup, or compare the record with an auditor's export and "
                                       "remove it"));
}

}  // namespace

std::string SeenLogPath(const std::string& home) { return home + "/audit.seen"; }

absl::StatusOr<std::optional<SeenLog>> LoadSeenLog(const std::string& home) {
  const absl::StatusOr<std::string> text = ReadTextFile(SeenLogPath(home), kMaxSeen);
  if (absl::IsNotFound(text.status())) return std::optional<SeenLog>();
  if (!text.ok()) return Damaged(home);
  const size_t line = text->find('\n');
  if (line == std::string::npos) return Damaged(home);
  absl::StatusOr<tlog::VerifierKey> log = tlog::VerifierKey::Parse(text->substr(0, line));
  if (!log.ok()) return Damaged(home);
  SeenLog seen{*std::move(log), text->substr(line + 1)};
  if (!tlog::OpenCheckpoint(seen.checkpoint, seen.log).ok()) return Damaged(home);
  return std::optional<SeenLog>(std::move(seen));
}

absl::Status SaveSeenLog(const std::string& home, const SeenLog& seen) {
  const std::string text = absl::StrCat(seen.log.ToText(), "\n", seen.checkpoint);
  return WriteFileAtomically(SeenLogPath(home), AsBytes(text), 0600);
}

absl::Status KeepEvidence(const std::string& home, const absl::Status& failure, const std::optional<SeenLog>& seen,
                          const std::string& checkpoint, absl::Time now) {
  const std::string reason = identity::ReasonOf(failure);
  if (!seen || (reason != "audit_rewritten" && reason != "audit_rolled_back")) return failure;
  const std::string path = absl::StrCat(home, "/audit-evidence-", absl::ToUnixSeconds(now), ".txt");
  const std::string text = absl::StrCat(seen->log.ToText(), "\n\n", seen->checkpoint, "\n", checkpoint);
  if (!WriteFileAtomically(path, AsBytes(text), 0600).ok()) return failure;
  return absl::Status(failure.code(), absl::StrCat(failure.message(), "; both signed checkpoints are kept in ", path));
}

}  // namespace plumbline::admin
