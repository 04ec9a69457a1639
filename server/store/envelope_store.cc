#include "server/store/envelope_store.h"

#include "common/mutex.h"

namespace plumbline::server {
namespace {

// What is told once, from another thread.
template <typename T>
class Answer final {
 public:
  void Tell(T value) {
    MutexLock lock(mutex_);
    value_ = std::move(value);
    told_.NotifyOne();  // under the lock: the waiter takes all of this away
  }
  T Wait() {
    MutexLock lock(mutex_);
    while (!value_.has_value()) told_.Wait(mutex_);
    return *std::move(value_);
  }

 private:
  Mutex mutex_;
  CondVar told_;
  std::optional<T> value_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<SubmitResult> EnvelopeStore::Submit(const Submission& submission, Day today) {
  Answer<absl::StatusOr<SubmitResult>> answer;
  StartSubmit(submission, today, [&](absl::StatusOr<SubmitResult> result) { answer.Tell(std::move(result)); });
  return answer.Wait();
}

absl::Status EnvelopeStore::Ack(const identity::MailboxId& mailbox, std::vector<Row> rows) {
  Answer<absl::Status> answer;
  StartAck(mailbox, std::move(rows), [&](const absl::Status& status) { answer.Tell(status); });
  return answer.Wait();
}

}  // namespace plumbline::server
