#include "client/cli/uploads.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "client/upkeep.h"
#include "common/clock.h"
#include "common/identity/reason.h"

namespace plumbline::client {
namespace {

using nlohmann::json;

json UploadJson(const FileUpload& upload, const char* state) {
  return {{"kind", "upload"}, {"file", Output::Safe(upload.name)}, {"conversation", upload.conversation}, {"state", state}};
}

UploadWatch Shown(Output& output, Progress& progress) {
  UploadWatch watch;
  watch.progress = [&progress](const FileUpload& upload, uint64_t done, uint64_t total) {
    progress.Show(done, total, upload.name, upload.conversation);
  };
  watch.complete = [&output, &progress](const FileUpload& upload, int64_t message) {
    progress.Clear();
    json value = UploadJson(upload, "complete");
    value["id"] = message;
    output.Value(value);
    output.Aside(absl::StrCat(Output::Safe(upload.name), " to ", output.Name(upload.conversation), ": uploaded."));
  };
  // The notice in the history tells people why.
  watch.given_up = [&output, &progress](const FileUpload& upload, const absl::Status& why) {
    progress.Clear();
    json value = UploadJson(upload, "failed");
    value["reason"] = identity::ReasonOf(why);
    output.Value(value);
  };
  return watch;
}

}  // namespace

absl::Status KeptUpload(const absl::Status& status, Session& session) {
  if (status.ok()) return status;
  const absl::StatusOr<std::vector<FileUpload>> pending = session.stores().files.Uploads();
  if (!pending.ok() || pending->empty()) return status;
  std::string reason = identity::ReasonOf(status);
  if (reason.empty()) reason = "file_not_sent";
  return identity::Refuse(status.code(), reason,
                          absl::StrCat(identity::TextOf(status), ". What was uploaded is kept: the next `read`, `sync`, `listen` or "
                                       "`chat`, or the same command again, goes on from there"));
}

absl::Status FinishUploads(Session& session, Engine& engine, Output& output, absl::Duration patience) {
  ASSIGN_OR_RETURN(const std::vector<FileUpload> pending, session.stores().files.Uploads());
  if (pending.empty()) return absl::OkStatus();
  FileWork work(session, engine, patience);
  Progress progress(output, "Uploading");
  std::vector<std::pair<std::string, int64_t>> messages;
  UploadWatch watch = Shown(output, progress);
  watch.complete = [&, show = std::move(watch.complete)](const FileUpload& upload, int64_t message) {
    show(upload, message);
    messages.push_back({upload.conversation, message});
  };
  absl::Status first = KeptUpload(work.files.Resume(watch).status(), session);
  for (const auto& [conversation, message] : messages) {
    ASSIGN_OR_RETURN(const SendOutcome outcome, engine.Push(conversation, message, patience));
    first.Update(outcome.trouble);
  }
  return first;
}

LiveUploads::LiveUploads(Session& session, Engine& engine, Output& output, std::function<void(int64_t)> complete)
    : session_(session), engine_(engine), output_(output), complete_(std::move(complete)), work_(session, engine, /*patience=*/absl::ZeroDuration()),
      progress_(output, "Uploading", Progress::Lines::kMany) {}

absl::StatusOr<bool> LiveUploads::Step(const std::function<bool()>& pause) {
  if (Uptime() < again_) return false;
  ASSIGN_OR_RETURN(const std::vector<FileUpload> pending, session_.stores().files.Uploads());
  if (pending.empty()) return false;
  UploadWatch watch = Shown(output_, progress_);
  watch.pause = pause;
  watch.complete = [this, show = std::move(watch.complete)](const FileUpload& upload, int64_t message) {
    show(upload, message);
    complete_(message);
    engine_.Hurry();
  };
  watch.given_up = [this, show = std::move(watch.given_up)](const FileUpload& upload, const absl::Status& why) {
    show(upload, why);
    engine_.Hurry();  // shows the notice
  };
  const absl::StatusOr<bool> more = work_.files.Resume(watch);
  if (more.ok()) {
    repeat_ = absl::ZeroDuration();
    reason_.clear();
    return *more;
  }
  if (absl::IsDataLoss(more.status())) return more.status();
  repeat_ = std::clamp(repeat_ * 2, kFirstRepeat, IsTransient(more.status()) ? kLongestRepeat : kUpkeep);
  again_ = Uptime() + repeat_;
  std::string reason = identity::ReasonOf(more.status());
  if (reason.empty()) reason = "file_not_sent";
  if (reason == std::exchange(reason_, reason)) return false;
  json value = UploadJson(pending.front(), "waiting");
  value["reason"] = reason;
  output_.Value(value);
  output_.Aside(absl::StrCat("The upload of ", Output::Safe(pending.front().name), " waits (",
                             Output::Safe(identity::TextOf(more.status())), "); it goes on by itself."));
  return false;
}

}  // namespace plumbline::client
