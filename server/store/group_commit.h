// One thread that writes. Jobs that wait at the same time share one transaction and so one sync: a synced transaction costs
// about as much for a hundred rows as for one. Nobody has to wait in a thread of its own: what a job came to is told by a callback.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "common/db/database.h"
#include "common/metrics/histogram.h"
#include "common/mutex.h"
#include "common/status.h"

namespace plumbline::server {

// Thread-safe. Owns the connection that writes.
class GroupCommit final {
 public:
  using Job = std::function<absl::Status(db::Transaction&)>;
  using Done = std::function<void(const absl::Status&)>;

  // On the writing thread. What jobs keep in memory has to follow their transaction.
  struct Hooks {
    std::function<void()> begins = [] {};
    std::function<void()> undone = [] {};  // jobs that looked successful were so with it
  };
  GroupCommit(std::unique_ptr<db::Database> database, Hooks hooks);
  // Runs what is queued, tells what it came to, then stops.
  ~GroupCommit();
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  // Runs `job` on the writing thread, in the order of calls, and calls `done` when its changes are on disk: on one telling thread, in
  // the order in which they got there, while the next jobs are written. A job that fails has no effect and
  // gets its own status; if the transaction fails, each job in it gets that status and none has an effect. A job runs again where another
  // one failed after it had written: that undoes them all. `rows` is about how many rows it writes.
  // `done` must not wait for the store. UNAVAILABLE, on this thread, if the store is closing.
  void Start(size_t rows, Job job, Done done);
  // For what nobody waits for: it goes into the transaction of the next job that somebody does, or into one of its own after kPatience. After
  // that it comes before the others.
  // Its place among the others is not kept.
  void StartPatient(size_t rows, Job job, Done done);
  static constexpr absl::Duration kPatience = absl::Milliseconds(5);
  // The same; waits for it.
  absl::Status Run(size_t rows, Job job);

  // Runs `work` on the writing thread outside any transaction, and waits for it.
  absl::Status RunAlone(std::function<absl::Status(db::Database&)> work);

  // From the beginning of a transaction until it is on disk.
  const metrics::Histogram& durations() const { return durations_; }

  // Returns when all that was started before has been told.
  void Drain();

 private:
  struct Waiting {
    size_t rows = 0;
    Job job;                                              // one of the two
    std::function<absl::Status(db::Database&)> alone;
    Done done;
    absl::Status answer;
    absl::Duration due;  // of uptime; a patient one's
  };
  using Batch = std::vector<std::unique_ptr<Waiting>>;

  static std::unique_ptr<Waiting> ForJob(size_t rows, Job job, Done done);
  void Enqueue(std::unique_ptr<Waiting> waiting, bool patient = false);
  absl::Status Await(std::unique_ptr<Waiting> waiting);
  void Write();
  // Empty when it is time to stop.
  Batch NextBatch() ABSL_LOCKS_EXCLUDED(mutex_);
  bool Due() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Commit(std::vector<Waiting*> batch);
  // All of them in one transaction. If one fails after it has written, nothing is done and `spoiler` is that one.
  absl::Status Apply(std::span<Waiting* const> batch, Waiting*& spoiler);
  void Tell();

  const std::unique_ptr<db::Database> database_;
  const Hooks hooks_;
  metrics::Histogram durations_;
  Mutex mutex_;
  CondVar writing_;  // there is something to write
  CondVar telling_;  // there is something to tell
  std::deque<std::unique_ptr<Waiting>> queue_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::unique_ptr<Waiting>> patient_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::unique_ptr<Waiting>> finished_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool written_ ABSL_GUARDED_BY(mutex_) = false;  // the writing thread has ended
  std::thread writer_;
  std::thread teller_;
};

}  // namespace plumbline::server
