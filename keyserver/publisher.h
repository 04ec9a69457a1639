// Gets what the directory says confirmed: asks the witnesses of the organisation's policy to cosign the newest checkpoint, and
// publishes it as soon as they are enough; again every minute or so, so that its time stays fresh. Knows no HTTP.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "common/log.h"
#include "common/mutex.h"
#include "common/tlog/policy.h"
#include "keyserver/store/directory_store.h"

namespace plumbline::keyserver {

// The way to the witnesses. Used from several threads at once.
class WitnessSender {
 public:
  struct Answer {
    int status = 0;  // of HTTP
    std::string body;
  };
  virtual ~WitnessSender() = default;
  // Posts a C2SP tlog-witness request to a witness's add-checkpoint. Any failure: try again later.
  virtual absl::StatusOr<Answer> AddCheckpoint(const tlog::PolicyWitness& witness, const std::string& request) = 0;
};

// One thread for each witness and one for itself, from construction to destruction: a witness that is slow or away holds up
// nobody as long as the others are enough. Thread-safe. References outlive it.
class Publisher final {
 public:
  // `log_folder`: where what is published is written as files; empty: nowhere.
  Publisher(DirectoryStore& store, const tlog::Policy& policy, std::unique_ptr<WitnessSender> sender, Logger& logger,
            std::string log_folder = "", absl::Duration refresh = absl::Minutes(1));
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Something new is in the log. Returns when all that was there is published, or `patience` is over.
  void PublishAndWait(absl::Duration patience = absl::Seconds(2)) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // A checkpoint that is being asked about.
  struct Round {
    uint64_t number = 0;
    DirectoryLog::Head head;
    std::vector<tlog::NoteSignature> cosignatures;
  };
  void Run();
  void Attend(const tlog::PolicyWitness& witness);
  // Until the witnesses are enough, or the round's time is over.
  absl::Status Play();
  // One witness's cosignature of `head`. `known`: the size that it cosigned last. FAILED_PRECONDITION if it has seen another log.
  absl::StatusOr<tlog::NoteSignature> Ask(const tlog::PolicyWitness& witness, const DirectoryLog::Head& head, uint64_t& known);
  absl::Status Publish(const std::string& note);
  void Report(const absl::Status& status);

  DirectoryStore& store_;
  const tlog::Policy& policy_;
  const std::unique_ptr<WitnessSender> sender_;
  Logger& logger_;
  const std::string log_folder_;
  const absl::Duration refresh_;
  bool failing_ = false;  // of its own thread
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t asked_ ABSL_GUARDED_BY(mutex_) = 0;    // grows with each PublishAndWait
  uint64_t settled_ ABSL_GUARDED_BY(mutex_) = 0;  // all asked for up to here is published
  Round round_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace plumbline::keyserver
