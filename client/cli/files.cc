#include "client/cli/files.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/notice.h"
#include "client/cli/progress.h"
#include "client/cli/uploads.h"
#include "client/files/files.h"
#include "common/identity/frame.h"
#include "common/identity/reason.h"
#include "common/identity/uri.h"

namespace plumbline::client {

using identity::Refuse;
using nlohmann::json;

bool IsMediaType(absl::string_view text) {
  const size_t slash = text.find('/');
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  return printable && text.size() <= identity::kMaxMediaType && slash != absl::string_view::npos && slash > 0 &&
         slash + 1 < text.size();
}

absl::Status SendFileCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  ASSIGN_OR_RETURN(Engine* const engine, session->Online());
  RETURN_IF_ERROR(RequireNotice(*session, output));
  ASSIGN_OR_RETURN(const Target target, engine->Resolve(options.person));
  ASSIGN_OR_RETURN(const std::vector<PersonView> people, engine->CheckPeople(target));
  json result;
  RETURN_IF_ERROR(ShowPeople(*engine, target, people, options.accept_changes, output, result));
  FileWork work(*session, *engine, absl::Seconds(options.wait_seconds));
  absl::StatusOr<int64_t> id;
  {
    Progress progress(output, "Uploading");
    id = work.files.Send(target.conversation, options.path, options.media_type, progress.callback());
  }
  if (!id.ok()) return KeptUpload(id.status(), *session);
  ASSIGN_OR_RETURN(const SendOutcome outcome, engine->Push(target.conversation, *id, absl::Seconds(options.wait_seconds)));
  ASSIGN_OR_RETURN(const FileReference file, work.files.Find(*id));
  result.update(OutcomeJson(outcome, target.conversation));
  result["file"] = {{"name", Output::Safe(file.name)}, {"size", file.shape.size}};
  output.Value(result);
  if (outcome.state != EntryState::kSent) return NotYetSent(outcome);
  output.Line(absl::StrCat("Sent ", Output::Safe(file.name), " (", FileSizeText(file.shape.size), ") to ", output.Name(target.conversation), "."));
  return absl::OkStatus();
}

absl::Status FilesCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  std::string user;
  if (!options.person.empty()) {
    ASSIGN_OR_RETURN(user, ConversationTyped(*session, options.person));
  }
  constexpr int64_t kAll = INT64_MAX;
  ASSIGN_OR_RETURN(const std::vector<Entry> entries, session->stores().history.InConversation(user, kAll));
  json list = json::array();
  for (const Entry& entry : entries) {
    if (entry.kind != EntryKind::kMessage || entry.media_type != kFileMediaType) continue;
    const absl::StatusOr<FileReference> file = ParseFileReference(entry.body);
    if (!file.ok()) continue;  // history shows it
    list.push_back(output.EntryJson(entry));
    if (!output.json()) output.Entry(entry);
  }
  ASSIGN_OR_RETURN(const std::vector<FileUpload> pending, session->stores().files.Uploads());
  json uploads = json::array();
  for (const FileUpload& upload : pending) {
    uploads.push_back({{"conversation", upload.conversation}, {"name", Output::Safe(upload.name)}, {"size", upload.source_size}});
    output.Line(absl::StrCat("not complete: ", Output::Safe(upload.name), " to ", output.Name(upload.conversation),
                             "; `plumbline sync` or `listen` goes on with it"));
  }
  if (list.empty() && uploads.empty()) output.Line("No files.");
  output.Value({{"files", list}, {"uploads", uploads}});
  return absl::OkStatus();
}

absl::Status SaveCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  ASSIGN_OR_RETURN(Engine* const engine, session->Online());
  FileWork work(*session, *engine, absl::Seconds(options.wait_seconds));
  absl::StatusOr<std::string> saved;
  {
    Progress progress(output, "Fetching");
    saved = work.files.Save(options.id, options.path, progress.callback());
  }
  if (absl::IsUnavailable(saved.status())) {
    return Refuse(saved.status().code(), identity::ReasonOf(saved.status()),
                  absl::StrCat(identity::TextOf(saved.status()), ". What was fetched is kept: the same command goes on from there"));
  }
  RETURN_IF_ERROR(saved.status());
  ASSIGN_OR_RETURN(const FileReference file, work.files.Find(options.id));
  output.Value({{"id", options.id}, {"saved", *saved}, {"size", file.shape.size}});
  output.Line(absl::StrCat("Saved as ", Output::Safe(*saved), " (", FileSizeText(file.shape.size), ")."));
  return absl::OkStatus();
}

absl::Status TakeBackCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  ASSIGN_OR_RETURN(Engine* const engine, session->Online());
  FileWork work(*session, *engine, absl::Seconds(options.wait_seconds));
  RETURN_IF_ERROR(work.files.TakeBack(options.id));
  output.Value({{"id", options.id}, {"taken_back", true}});
  output.Line("The server no longer has it. Whoever saved it before keeps it.");
  return absl::OkStatus();
}

}  // namespace plumbline::client
