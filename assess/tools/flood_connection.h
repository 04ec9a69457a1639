// One connection of a crowd that asks a delivery server for more than it can do.
#pragma once

#include <atomic>
#include <memory>

#include "common/mutex.h"
#include "common/status.h"
#include "plumbline/delivery/v1/delivery.grpc.pb.h"

namespace plumbline::assess {

// What became of the calls of one or several connections.
struct FloodCounts {
  std::atomic<int> ended{0};
  std::atomic<int> refused{0};    // RESOURCE_EXHAUSTED
  std::atomic<int> told_when{0};  // of those, with reason "busy" and a time to wait
  std::atomic<int> other{0};      // neither refused nor answered as expected
};

// Keeps `at_once` calls under way until it is destroyed, which waits for their end. The server answers each with `answer` if it
// gets to it. `counts` outlives it.
class FloodConnection final {
 public:
  FloodConnection(std::unique_ptr<delivery::v1::Delivery::Stub> client, delivery::v1::OpenMailboxRequest request,
                  absl::StatusCode answer, int at_once, FloodCounts& counts);
  ~FloodConnection();

 private:
  struct Call;
  void Begin();
  void End(const grpc::Status& grpc_status);

  const std::unique_ptr<delivery::v1::Delivery::Stub> client_;
  const delivery::v1::OpenMailboxRequest request_;
  const absl::StatusCode answer_;
  FloodCounts& counts_;
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  CondVar idle_;
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace plumbline::assess
