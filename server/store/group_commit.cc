#include "server/store/group_commit.h"

#include <vector>

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

struct GroupCommit::Waiting {
  size_t rows = 0;
  Job job;                                              // one of the two
  std::function<absl::Status(db::Database&)> alone;
  absl::Status answer;
  bool done = false;
};

GroupCommit::GroupCommit(std::unique_ptr<db::Database> database, std::function<void()> forget)
    : database_(std::move(database)), forget_(std::move(forget)), thread_([this] { Work(); }) {}

GroupCommit::~GroupCommit() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.join();
}

absl::Status GroupCommit::Run(size_t rows, Job job) {
  Waiting waiting;
  waiting.rows = rows;
  waiting.job = std::move(job);
  return Await(waiting);
}

absl::Status GroupCommit::RunAlone(std::function<absl::Status(db::Database&)> work) {
  Waiting waiting;
  waiting.alone = std::move(work);
  return Await(waiting);
}

absl::Status GroupCommit::Await(Waiting& waiting) {
  MutexLock lock(mutex_);
  if (stopping_) return absl::UnavailableError("the store is closing");
  queue_.push_back(&waiting);
  wake_.NotifyOne();
  while (!waiting.done) done_.Wait(mutex_);
  return waiting.answer;
}

void GroupCommit::Work() {
  std::vector<Waiting*> batch;
  for (;;) {
    {
      MutexLock lock(mutex_);
      for (Waiting* finished : batch) finished->done = true;
      if (!batch.empty()) done_.NotifyAll();
      batch.clear();
      while (queue_.empty() && !stopping_) wake_.Wait(mutex_);
      if (queue_.empty()) return;
      size_t rows = 0;
      do {
        batch.push_back(queue_.front());
        rows += queue_.front()->rows;
        queue_.pop_front();
      } while (!batch.back()->alone && !queue_.empty() && !queue_.front()->alone &&
               rows + queue_.front()->rows <= kMaxRowsTogether);
    }
    if (batch.front()->alone) {
      batch.front()->answer = batch.front()->alone(*database_);
    } else {
      Commit(batch);
    }
  }
}

void GroupCommit::Commit(const std::vector<Waiting*>& batch) {
  const absl::Status status = Apply(batch);
  if (status.ok()) return;
  forget_();
  // A damaged page concerns the job that met it: the others are not refused for it.
  if (batch.size() > 1 && (absl::IsDataLoss(status) || absl::IsInternal(status))) {
    for (Waiting* waiting : batch) Commit({waiting});
    return;
  }
  for (Waiting* waiting : batch) {
    if (waiting->answer.ok()) waiting->answer = status;
  }
}

absl::Status GroupCommit::Apply(const std::vector<Waiting*>& batch) {
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(*database_));
  for (Waiting* waiting : batch) {
    const absl::Status status = RunInSavepoint(transaction, waiting->job, waiting->answer);
    if (status.ok()) continue;
    // The cause is what the job met, not that its savepoint is gone.
    return waiting->answer.ok() ? status : waiting->answer;
  }
  return transaction.Commit();
}

}  // namespace plumbline::server
