#include "common/audit/export.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/tlog/base64.h"

namespace plumbline::audit {
namespace {

constexpr absl::string_view kRecord = "{\"record\":\"", kSignature = "\",\"signature\":\"", kCheckpoint = "{\"checkpoint\":\"",
                            kEnd = "\"}";

absl::Status Malformed(size_t line) {
  return absl::InvalidArgumentError(absl::StrCat("audit_file_malformed: line ", line,
                                                 " is not of an exported audit record; export it again"));
}

struct Line {
  Bytes encoded, signature;
};

absl::StatusOr<Line> ParseRecordLine(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, kRecord) || !absl::ConsumeSuffix(&text, kEnd)) return absl::InvalidArgumentError("form");
  const size_t middle = text.find(kSignature);
  if (middle == absl::string_view::npos) return absl::InvalidArgumentError("form");
  Line line;
  ASSIGN_OR_RETURN(line.encoded, tlog::FromBase64(text.substr(0, middle)));
  ASSIGN_OR_RETURN(line.signature, tlog::FromBase64(text.substr(middle + kSignature.size())));
  if (line.encoded.size() > kMaxRecord) return absl::InvalidArgumentError("size");
  return line;
}

absl::StatusOr<std::string> ParseCheckpointLine(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, kCheckpoint) || !absl::ConsumeSuffix(&text, kEnd)) return absl::InvalidArgumentError("form");
  ASSIGN_OR_RETURN(const Bytes note, tlog::FromBase64(text));
  return ToString(note);
}

}  // namespace

std::string ExportRecordLine(ByteView encoded, ByteView signature) {
  return absl::StrCat(kRecord, tlog::ToBase64(encoded), kSignature, tlog::ToBase64(signature), kEnd, "\n");
}

std::string ExportCheckpointLine(absl::string_view note) {
  return absl::StrCat(kCheckpoint, tlog::ToBase64(AsBytes(note)), kEnd, "\n");
}

absl::StatusOr<std::string> ExportAll(AuditReader& reader) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    ASSIGN_OR_RETURN(const std::string before, reader.Checkpoint());
    std::string out;
    RETURN_IF_ERROR(reader.ForEach([&](ByteView encoded, ByteView signature) {
      out += ExportRecordLine(encoded, signature);
      return absl::OkStatus();
    }));
    ASSIGN_OR_RETURN(const std::string after, reader.Checkpoint());
    if (before == after) return out + ExportCheckpointLine(after);  // nobody wrote meanwhile
  }
  return absl::AbortedError("busy: the service records too fast for a copy of one moment; try again in a moment");
}

absl::StatusOr<tlog::Checkpoint> VerifyExport(absl::string_view text, const tlog::VerifierKey& log,
                                              const std::function<void(const Record&)>& visit,
                                              std::optional<tlog::Checkpoint> seen) {
  std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  if (lines.size() < 2 || !lines.back().empty()) return Malformed(lines.size());
  lines.pop_back();
  RecordVerifier verifier(log, std::move(seen));
  for (size_t i = 0; i + 1 < lines.size(); ++i) {
    const absl::StatusOr<Line> line = ParseRecordLine(lines[i]);
    if (!line.ok()) return Malformed(i + 1);
    RETURN_IF_ERROR(verifier.Add(line->encoded, line->signature));
  }
  const absl::StatusOr<std::string> note = ParseCheckpointLine(lines.back());
  if (!note.ok()) return Malformed(lines.size());
  ASSIGN_OR_RETURN(const tlog::Checkpoint checkpoint, verifier.Finish(*note));
  for (size_t i = 0; i + 1 < lines.size(); ++i) {
    ASSIGN_OR_RETURN(const Line line, ParseRecordLine(lines[i]));
    ASSIGN_OR_RETURN(Record record, DecodeRecord(line.encoded));
    record.signature = line.signature;
    visit(record);
  }
  return checkpoint;
}

}  // namespace plumbline::audit
