#include "assess/demo/recorder.h"

#include <filesystem>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "assess/tools/child.h"
#include "common/check.h"

namespace plumbline::assess {
namespace {

constexpr size_t kExcerptLines = 24;

std::string FirstLines(const std::string& text) {
  std::istringstream lines(text);
  std::string excerpt, line;
  for (size_t i = 0; i < kExcerptLines && std::getline(lines, line); ++i) absl::StrAppend(&excerpt, line, "\n");
  if (lines.peek() != EOF) absl::StrAppend(&excerpt, "…\n");
  return excerpt;
}

}  // namespace

absl::StatusOr<Recorder> Recorder::Create(const std::string& out, Narrator& narrator) {
  std::error_code error;
  std::filesystem::remove_all(out + "/evidence", error);
  std::filesystem::create_directories(out + "/evidence", error);
  if (!error) std::filesystem::permissions(out + "/evidence", std::filesystem::perms::owner_all, error);
  if (error) return absl::UnavailableError(absl::StrCat("cannot write to ", out, ": ", error.message()));
  return Recorder(out, narrator);
}

Evidence Recorder::Keep(const std::string& file, const std::string& content) {
  const std::string name = "evidence/" + file;
  const absl::Status written = WriteFile(absl::StrCat(out_, "/", name), content);
  return {.file = name, .excerpt = written.ok() ? FirstLines(content) : std::string(written.message())};
}

void Recorder::Finish(Check check, Outcome outcome, const std::string& detail) {
  check.outcome = outcome;
  check.detail = detail;
  narrator_.Result(check);
  const absl::Status added = assessment_.Add(std::move(check));
  if (!added.ok()) std::fprintf(stderr, "%s\n", std::string(added.message()).c_str());
  CHECK(added.ok());  // ids and statements are written in this program
}

bool Recorder::Judge(Check check, bool as_it_should_be, const std::string& detail) {
  Finish(std::move(check), as_it_should_be ? Outcome::kPassed : Outcome::kFailed, detail);
  return as_it_should_be;
}

bool Recorder::JudgeStatus(Check check, const absl::Status& status, const std::string& detail_if_ok) {
  return Judge(std::move(check), status.ok(), status.ok() ? detail_if_ok : std::string(status.message()));
}

void Recorder::NotDemonstrated(Check check, const std::string& why) {
  Finish(std::move(check), Outcome::kNotDemonstrated, why);
}

absl::Status Recorder::WriteReports() {
  RETURN_IF_ERROR(WriteFile(html_path(), ToHtml(assessment_)));
  return WriteFile(out_ + "/report.json", ToJson(assessment_));
}

}  // namespace plumbline::assess
