// An audit record as a file that an auditor can hold: JSON lines, one for each record and the signed checkpoint last.
//
//   {"record":"<base 64 of the canonical bytes>","signature":"<base 64>"}      ; in order, from record 1
//   {"checkpoint":"<base 64 of the signed note>"}
//
// Exactly these bytes, so that a file has one form. plumbline-admin verifies and shows one.
#pragma once

#include <functional>
#include <optional>

#include "common/audit/audit_reader.h"

namespace plumbline::audit {

inline constexpr size_t kMaxExport = size_t{1} << 30;  // bytes of a file

std::string ExportRecordLine(ByteView encoded, ByteView signature);
std::string ExportCheckpointLine(absl::string_view note);

// The whole record of `reader`, as it is: a broken one too. ABORTED if another connection never stops writing.
absl::StatusOr<std::string> ExportAll(AuditReader& reader);

// Verifies the text of an export file under `log`, then hands each record to `visit`. INVALID_ARGUMENT audit_file_malformed
// with the line; DATA_LOSS as RecordVerifier, also for `seen`.
absl::StatusOr<tlog::Checkpoint> VerifyExport(absl::string_view text, const tlog::VerifierKey& log,
                                              const std::function<void(const Record&)>& visit,
                                              std::optional<tlog::Checkpoint> seen = std::nullopt);

}  // namespace plumbline::audit
