// One thread that writes. Jobs that wait at the same time share one transaction and so one sync: a synced transaction costs
// about as much for a hundred rows as for one.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "common/db/database.h"
#include "common/mutex.h"
#include "common/status.h"

namespace plumbline::server {

// Thread-safe. Owns the connection that writes.
class GroupCommit final {
 public:
  using Job = std::function<absl::Status(db::Transaction&)>;

  // `forget` runs on the writing thread after a shared transaction failed as a whole: jobs that looked successful were undone.
  GroupCommit(std::unique_ptr<db::Database> database, std::function<void()> forget);
  // Runs what is queued, then stops.
  ~GroupCommit();
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  // Runs `job` on the writing thread, in the order of calls, and returns when its changes are on disk. A job that fails is
  // undone alone and gets its own status; if the transaction fails, each job in it gets that status and none has an effect.
  // `rows` is about how many rows it writes.
  absl::Status Run(size_t rows, Job job);

  // Runs `work` on the writing thread outside any transaction.
  absl::Status RunAlone(std::function<absl::Status(db::Database&)> work);

 private:
  struct Waiting;
  absl::Status Await(Waiting& waiting);
  void Work();
  void Commit(const std::vector<Waiting*>& batch);
  absl::Status Apply(const std::vector<Waiting*>& batch);

  const std::unique_ptr<db::Database> database_;
  const std::function<void()> forget_;
  Mutex mutex_;
  CondVar wake_;
  CondVar done_;
  std::deque<Waiting*> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace plumbline::server
