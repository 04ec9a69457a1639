#include "assess/demo/demonstration.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace plumbline::assess {
namespace {

namespace fs = std::filesystem;

// A new folder that only this user can enter; in memory where the system offers that.
absl::StatusOr<std::string> FreshFolder() {
  std::string base = "/tmp";
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && access(runtime, W_OK) == 0) base = runtime;
  std::string path = base + "/plumbline-demo-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) return absl::UnavailableError(absl::StrCat("no folder can be made in ", base));
  return path;
}

std::string Machine() {
  utsname name = {};
  uname(&name);
  return absl::StrCat(name.sysname, " ", name.release, " ", name.machine, ", as ", geteuid() == 0 ? "root" : "an ordinary user");
}

}  // namespace

Demonstration::Demonstration(const DemonstrationOptions& options, std::string folder, Recorder& recorder)
    : options_(options),
      recorder_(recorder),
      folder_(std::move(folder)),
      key_log_(folder_ + "/session-keys.log"),
      organisation_({.bin = options.bin,
                     .folder = folder_ + "/organisation",
                     .client_environment = {{"LD_PRELOAD", options.bin + "/plumbline-keylog.so"}, {"ASSESS_KEYLOG", key_log_}}}),
      people_(organisation_) {}

void Demonstration::Run() {
  if (!Join() || !Exchange()) return;
  Groups();
  SurviveCrash();
  SendFiles();
  GroupFile();
  Hunt();
  ReadRecord();
  Tamper();
  Leave();
  AuditDirectory();
  TellTerms();
  Overload();
  Peers();
}

int Demonstrate(const DemonstrationOptions& options) {
  Narrator narrator;
  std::error_code error;
  const DemonstrationOptions absolute = {.bin = fs::absolute(options.bin, error), .out = fs::absolute(options.out, error),
                                         .keep = options.keep};
  absl::StatusOr<Recorder> recorder = Recorder::Create(absolute.out, narrator);
  const absl::StatusOr<std::string> folder = FreshFolder();
  if (!recorder.ok() || !folder.ok()) {
    std::fprintf(stderr, "%s\n", std::string((recorder.ok() ? folder.status() : recorder.status()).message()).c_str());
    return 2;
  }
  Assessment& assessment = recorder->assessment();
  assessment.title = "Plumbline: what the demonstration shows";
  assessment.subject = absl::StrCat("Three services, an administrator and two people, as separate processes on one machine (", Machine(),
                                    "), with keys made for this run.");
  assessment.started = absl::Now();
  narrator.Title("Plumbline: two people, three services, and what each of them can see");
  narrator.Say(absl::StrCat("Everything is made new in ", *folder, " for this run."));
  {
    Demonstration demonstration(absolute, *folder, *recorder);
    demonstration.Run();
  }
  assessment.took = absl::Now() - assessment.started;
  const absl::Status written = recorder->WriteReports();
  if (!written.ok()) std::fprintf(stderr, "%s\n", std::string(written.message()).c_str());
  narrator.Verdict(assessment, recorder->html_path());
  if (options.keep) {
    narrator.Say(absl::StrCat("Kept: ", *folder));
  } else {
    fs::remove_all(*folder, error);
  }
  if (!written.ok()) return 2;
  return assessment.Verdict() == Outcome::kPassed ? 0 : assessment.Verdict() == Outcome::kFailed ? 1 : 3;
}

}  // namespace plumbline::assess
