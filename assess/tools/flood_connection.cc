#include "assess/tools/flood_connection.h"

#include "common/retry.h"
#include "common/rpc/status.h"

namespace plumbline::assess {

struct FloodConnection::Call {
  grpc::ClientContext context;
  delivery::v1::OpenMailboxResponse response;
};

FloodConnection::FloodConnection(std::unique_ptr<delivery::v1::Delivery::Stub> client, delivery::v1::OpenMailboxRequest request,
                                 absl::StatusCode answer, int at_once, FloodCounts& counts)
    : client_(std::move(client)), request_(std::move(request)), answer_(answer), counts_(counts) {
  for (int i = 0; i < at_once; ++i) Begin();
}

FloodConnection::~FloodConnection() {
  stopping_ = true;
  MutexLock lock(mutex_);
  while (under_way_ > 0) idle_.Wait(mutex_);
}

void FloodConnection::Begin() {
  {
    MutexLock lock(mutex_);
    ++under_way_;
  }
  auto* const call = new Call;
  client_->async()->OpenMailbox(&call->context, &request_, &call->response, [this, call](const grpc::Status& status) {
    delete call;
    End(status);
  });
}

void FloodConnection::End(const grpc::Status& grpc_status) {
  const absl::Status status = rpc::FromGrpc(grpc_status);
  ++counts_.ended;
  if (absl::IsResourceExhausted(status)) {
    ++counts_.refused;
    counts_.told_when += RetryAfter(status).has_value() && rpc::ReasonId(status) == "busy";
  } else if (status.code() != answer_) {
    ++counts_.other;
  }
  if (!stopping_) Begin();
  MutexLock lock(mutex_);
  if (--under_way_ == 0) idle_.NotifyAll();
}

}  // namespace plumbline::assess
