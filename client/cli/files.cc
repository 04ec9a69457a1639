#include "client/cli/files.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/files/files.h"
#include "common/identity/frame.h"
#include "common/identity/reason.h"
#include "common/identity/uri.h"

namespace plumbline::client {
namespace {

using identity::Refuse;
using nlohmann::json;

// How far a transfer is: a line that rewrites itself on a terminal; with --json a value for each percent.
class ProgressLine final {
 public:
  ProgressLine(Output& output, std::string what)
      : output_(output), what_(std::move(what)), on_terminal_(!output.json() && isatty(STDERR_FILENO) != 0) {}
  ~ProgressLine() {
    if (drawn_) std::fprintf(stderr, "\r\033[K");
  }
  void Show(uint64_t done, uint64_t total) {
    const int percent = static_cast<int>(total == 0 ? 100 : done * 100 / total);
    if (percent == percent_) return;
    percent_ = percent;
    output_.Value({{"kind", "progress"}, {"done", done}, {"total", total}});
    if (!on_terminal_) return;
    std::fprintf(stderr, "\r%s %3d %% of %s", what_.c_str(), percent, FileSizeText(total).c_str());
    std::fflush(stderr);
    drawn_ = true;
  }
  FileProgress callback() {
    return [this](uint64_t done, uint64_t total) { Show(done, total); };
  }

 private:
  Output& output_;
  const std::string what_;
  const bool on_terminal_;
  int percent_ = -1;
  bool drawn_ = false;
};

// Files with what they need.
struct FileWork {
  FileWork(const Options& options, Session& session, Engine& engine)
      : transfer(session.network(), engine.supplies(), session.clock(), absl::Seconds(options.wait_seconds)),
        files(session.stores(), engine.conversations(), transfer, session.clock(),
              session.self().account().delivery_address, session.home().folder() + "/files") {}
  FileTransfer transfer;
  Files files;
};

// A failure that left the upload where it can go on says so.
absl::Status Kept(const absl::Status& status, Session& session) {
  if (status.ok()) return status;
  const absl::StatusOr<std::vector<FileUpload>> pending = session.stores().files.Uploads();
  if (!pending.ok() || pending->empty()) return status;
  std::string reason = identity::ReasonOf(status);
  if (reason.empty()) reason = "file_not_sent";
  return Refuse(status.code(), reason,
                absl::StrCat(identity::TextOf(status), ". What was uploaded is kept: `plumbline sync`, or the same command "
                             "again, goes on from there"));
}

}  // namespace

bool IsMediaType(absl::string_view text) {
  const size_t slash = text.find('/');
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  return printable && text.size() <= identity::kMaxMediaType && slash != absl::string_view::npos && slash > 0 &&
         slash + 1 < text.size();
}

absl::Status ResumeUploads(const Options& options, Session& session, Engine& engine, Output& output) {
  ASSIGN_OR_RETURN(const std::vector<FileUpload> pending, session.stores().files.Uploads());
  if (pending.empty()) return absl::OkStatus();
  FileWork work(options, session, engine);
  ProgressLine progress(output, "Uploading");
  return Kept(work.files.Resume(progress.callback()), session);
}

absl::Status SendFileCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  ASSIGN_OR_RETURN(Engine* const engine, session->Online());
  ASSIGN_OR_RETURN(const Target target, engine->Resolve(options.person));
  ASSIGN_OR_RETURN(const std::vector<PersonView> people, engine->CheckPeople(target));
  json result;
  RETURN_IF_ERROR(ShowPeople(*engine, target, people, options.accept_changes, output, result));
  FileWork work(options, *session, *engine);
  absl::StatusOr<int64_t> id;
  {
    ProgressLine progress(output, "Uploading");
    id = work.files.Send(target.conversation, options.path, options.media_type, progress.callback());
  }
  if (!id.ok()) return Kept(id.status(), *session);
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
                             "; `plumbline sync` goes on with it"));
  }
  if (list.empty() && uploads.empty()) output.Line("No files.");
  output.Value({{"files", list}, {"uploads", uploads}});
  return absl::OkStatus();
}

absl::Status SaveCommand(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  ASSIGN_OR_RETURN(Engine* const engine, session->Online());
  FileWork work(options, *session, *engine);
  absl::StatusOr<std::string> saved;
  {
    ProgressLine progress(output, "Fetching");
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
  FileWork work(options, *session, *engine);
  RETURN_IF_ERROR(work.files.TakeBack(options.id));
  output.Value({{"id", options.id}, {"taken_back", true}});
  output.Line("The server no longer has it. Whoever saved it before keeps it.");
  return absl::OkStatus();
}

}  // namespace plumbline::client
