#include "server/store/group_commit.h"

#include <optional>
#include <utility>

namespace plumbline::server {
namespace {

constexpr size_t kMaxRowsTogether = 256;  // a larger job still runs, by itself

// Each job stands in a savepoint of its own, so that one which fails takes nothing with it.
absl::Status RunInSavepoint(db::Transaction& transaction, const GroupCommit::Job& job, absl::Status& answer) {
  RETURN_IF_ERROR(transaction.database().Execute("SAVEPOINT job"));
  answer = job(transaction);
  // Fails where the engine gave the whole transaction up (a full disk, a broken file): then nobody has succeeded.
  if (!answer.ok()) RETURN_IF_ERROR(transaction.database().Execute("ROLLBACK TO job"));
  return transaction.database().Execute("RELEASE job");
}

}  // namespace

GroupCommit::GroupCommit(std::unique_ptr<db::Database> database, std::function<void()> forget)
    : database_(std::move(database)), forget_(std::move(forget)), writer_([this] { Write(); }), teller_([this] { Tell(); }) {}

GroupCommit::~GroupCommit() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  writing_.NotifyAll();
  writer_.join();
  teller_.join();
}

void GroupCommit::Start(size_t rows, Job job, Done done) {
  auto waiting = std::make_unique<Waiting>();
  waiting->rows = rows;
  waiting->job = std::move(job);
  waiting->done = std::move(done);
  Enqueue(std::move(waiting));
}

absl::Status GroupCommit::Run(size_t rows, Job job) {
  auto waiting = std::make_unique<Waiting>();
  waiting->rows = rows;
  waiting->job = std::move(job);
  return Await(std::move(waiting));
}

absl::Status GroupCommit::RunAlone(std::function<absl::Status(db::Database&)> work) {
  auto waiting = std::make_unique<Waiting>();
  waiting->alone = std::move(work);
  return Await(std::move(waiting));
}

void GroupCommit::Drain() {
  RunAlone([](db::Database&) { return absl::OkStatus(); }).IgnoreError();
}

void GroupCommit::Enqueue(std::unique_ptr<Waiting> waiting) {
  {
    MutexLock lock(mutex_);
    if (!stopping_) {
      queue_.push_back(std::move(waiting));
    }
  }
  if (waiting != nullptr) return waiting->done(absl::UnavailableError("the store is closing"));
  writing_.NotifyOne();
}

absl::Status GroupCommit::Await(std::unique_ptr<Waiting> waiting) {
  Mutex mutex;
  CondVar told;
  std::optional<absl::Status> answer;
  waiting->done = [&](const absl::Status& status) {
    MutexLock lock(mutex);
    answer = status;
    told.NotifyOne();  // under the lock: the waiter takes all of this away
  };
  Enqueue(std::move(waiting));
  MutexLock lock(mutex);
  while (!answer.has_value()) told.Wait(mutex);
  return *answer;
}

GroupCommit::Batch GroupCommit::NextBatch() {
  Batch batch;
  size_t rows = 0;
  do {
    rows += queue_.front()->rows;
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  } while (!batch.back()->alone && !queue_.empty() && !queue_.front()->alone && rows + queue_.front()->rows <= kMaxRowsTogether);
  return batch;
}

void GroupCommit::Write() {
  for (;;) {
    Batch batch;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) writing_.Wait(mutex_);
      if (queue_.empty()) {
        written_ = true;
        telling_.NotifyOne();
        return;
      }
      batch = NextBatch();
    }
    if (batch.front()->alone) {
      batch.front()->answer = batch.front()->alone(*database_);
    } else {
      Commit(batch);
    }
    {
      MutexLock lock(mutex_);
      for (std::unique_ptr<Waiting>& each : batch) finished_.push_back(std::move(each));
    }
    telling_.NotifyOne();
  }
}

void GroupCommit::Tell() {
  for (;;) {
    std::deque<std::unique_ptr<Waiting>> finished;
    {
      MutexLock lock(mutex_);
      while (finished_.empty() && !written_) telling_.Wait(mutex_);
      if (finished_.empty()) return;
      finished.swap(finished_);
    }
    for (const std::unique_ptr<Waiting>& each : finished) each->done(each->answer);
  }
}

void GroupCommit::Commit(std::span<const std::unique_ptr<Waiting>> batch) {
  const absl::Status status = Apply(batch);
  if (status.ok()) return;
  forget_();
  // A damaged page concerns the job that met it: the others are not refused for it.
  if (batch.size() > 1 && (absl::IsDataLoss(status) || absl::IsInternal(status))) {
    for (size_t i = 0; i < batch.size(); ++i) Commit(batch.subspan(i, 1));
    return;
  }
  for (const std::unique_ptr<Waiting>& waiting : batch) {
    if (waiting->answer.ok()) waiting->answer = status;
  }
}

absl::Status GroupCommit::Apply(std::span<const std::unique_ptr<Waiting>> batch) {
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(*database_));
  for (const std::unique_ptr<Waiting>& waiting : batch) {
    const absl::Status status = RunInSavepoint(transaction, waiting->job, waiting->answer);
    if (status.ok()) continue;
    // The cause is what the job met, not that its savepoint is gone.
    return waiting->answer.ok() ? status : waiting->answer;
  }
  return transaction.Commit();
}

}  // namespace plumbline::server
