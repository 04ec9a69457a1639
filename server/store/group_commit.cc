#include "server/store/group_commit.h"

#include <utility>

#include "common/awaited.h"
#include "common/clock.h"

namespace plumbline::server {
namespace {

constexpr size_t kMaxRowsTogether = 256;  // a larger job still runs, by itself

// The engine may have left a statement half done that it does not count as a change: nothing of this transaction may be kept.
bool Broken(const absl::Status& status) { return absl::IsDataLoss(status) || absl::IsInternal(status); }

}  // namespace

GroupCommit::GroupCommit(std::unique_ptr<db::Database> database, Hooks hooks)
    : database_(std::move(database)), hooks_(std::move(hooks)), writer_([this] { Write(); }), teller_([this] { Tell(); }) {}

GroupCommit::~GroupCommit() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  writing_.NotifyAll();
  writer_.join();
  teller_.join();
}

std::unique_ptr<GroupCommit::Waiting> GroupCommit::ForJob(size_t rows, Job job, Done done) {
  auto waiting = std::make_unique<Waiting>();
  waiting->rows = rows;
  waiting->job = std::move(job);
  waiting->done = std::move(done);
  return waiting;
}

void GroupCommit::Start(size_t rows, Job job, Done done) { Enqueue(ForJob(rows, std::move(job), std::move(done))); }

void GroupCommit::StartPatient(size_t rows, Job job, Done done) {
  auto waiting = ForJob(rows, std::move(job), std::move(done));
  waiting->due = Uptime() + kPatience;
  Enqueue(std::move(waiting), /*patient=*/true);
}

absl::Status GroupCommit::Run(size_t rows, Job job) { return Await(ForJob(rows, std::move(job), nullptr)); }

absl::Status GroupCommit::RunAlone(std::function<absl::Status(db::Database&)> work) {
  auto waiting = std::make_unique<Waiting>();
  waiting->alone = std::move(work);
  return Await(std::move(waiting));
}

void GroupCommit::Drain() {
  RunAlone([](db::Database&) { return absl::OkStatus(); }).IgnoreError();
}

void GroupCommit::Enqueue(std::unique_ptr<Waiting> waiting, bool patient) {
  bool wake = true;
  {
    MutexLock lock(mutex_);
    if (!stopping_) {
      (patient ? patient_ : queue_).push_back(std::move(waiting));
      wake = !patient || patient_.size() == 1;
    }
  }
  if (waiting != nullptr) return waiting->done(absl::UnavailableError("the store is closing"));
  if (wake) writing_.NotifyOne();
}

absl::Status GroupCommit::Await(std::unique_ptr<Waiting> waiting) {
  Awaited<absl::Status> answer;
  waiting->done = [&](const absl::Status& status) { answer.Tell(status); };
  Enqueue(std::move(waiting));
  return answer.Wait();
}

bool GroupCommit::Due() const {
  return !queue_.empty() || stopping_ || (!patient_.empty() && Uptime() >= patient_.front()->due);
}

GroupCommit::Batch GroupCommit::NextBatch() {
  MutexLock lock(mutex_);
  while (!Due()) {
    if (patient_.empty()) {
      writing_.Wait(mutex_);
    } else {
      writing_.WaitFor(mutex_, patient_.front()->due - Uptime());
    }
  }
  Batch batch;
  size_t rows = 0;
  const auto take = [&](std::deque<std::unique_ptr<Waiting>>& from, size_t most, absl::Duration due) {
    while (!from.empty() && !from.front()->alone && from.front()->due <= due && (batch.empty() || rows + from.front()->rows <= most)) {
      rows += from.front()->rows;
      batch.push_back(std::move(from.front()));
      from.pop_front();
    }
  };
  take(patient_, kMaxRowsTogether / 2, Uptime());  // patience has an end, however much there is of the rest
  take(queue_, kMaxRowsTogether, absl::InfiniteDuration());
  take(patient_, kMaxRowsTogether, absl::InfiniteDuration());  // before what runs alone as well: it may want to see them done
  if (batch.empty() && !queue_.empty()) {
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return batch;
}

void GroupCommit::Write() {
  for (;;) {
    Batch batch = NextBatch();
    if (batch.empty()) {
      MutexLock lock(mutex_);
      written_ = true;
      telling_.NotifyOne();
      return;
    }
    if (batch.front()->alone) {
      batch.front()->answer = batch.front()->alone(*database_);
    } else {
      std::vector<Waiting*> jobs;
      for (const std::unique_ptr<Waiting>& each : batch) jobs.push_back(each.get());
      Commit(std::move(jobs));
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

void GroupCommit::Commit(std::vector<Waiting*> batch) {
  while (!batch.empty()) {
    Waiting* spoiler = nullptr;
    const absl::Status status = Apply(batch, spoiler);
    if (status.ok()) return;
    hooks_.undone();
    if (spoiler != nullptr) {
      std::erase(batch, spoiler);  // its answer stands; the others are done without it
      continue;
    }
    // A damaged page concerns the job that met it: the others are not refused for it.
    if (batch.size() > 1 && Broken(status)) {
      for (Waiting* each : batch) Commit({each});
      return;
    }
    for (Waiting* each : batch) {
      if (each->answer.ok()) each->answer = status;
    }
    return;
  }
}

// No savepoint for each job: the engine would encrypt every page once more for it.
absl::Status GroupCommit::Apply(std::span<Waiting* const> batch, Waiting*& spoiler) {
  const absl::Duration start = Uptime();
  hooks_.begins();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(*database_));
  for (Waiting* each : batch) {
    const int64_t before = database_->total_changes();
    each->answer = each->job(transaction);
    if (each->answer.ok()) continue;
    if (!database_->transaction_is_open() || Broken(each->answer)) return each->answer;
    if (database_->total_changes() == before) continue;  // it refused, and there is nothing to undo
    spoiler = each;
    return each->answer;
  }
  RETURN_IF_ERROR(transaction.Commit());
  durations_.Observe(Uptime() - start);
  return absl::OkStatus();
}

}  // namespace plumbline::server
