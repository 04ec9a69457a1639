#include "server/store/envelope_store.h"

#include "common/awaited.h"

namespace plumbline::server {

absl::StatusOr<SubmitResult> EnvelopeStore::Submit(const Submission& submission, Day today) {
  Awaited<absl::StatusOr<SubmitResult>> answer;
  StartSubmit(submission, today, [&](absl::StatusOr<SubmitResult> result) { answer.Tell(std::move(result)); });
  return answer.Wait();
}

absl::Status EnvelopeStore::Ack(const identity::MailboxId& mailbox, std::vector<Row> rows) {
  Awaited<absl::Status> answer;
  StartAck(mailbox, std::move(rows), [&](const absl::Status& status) { answer.Tell(status); });
  return answer.Wait();
}

}  // namespace plumbline::server
