#include "assess/tools/flood.h"

#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <list>

#include "absl/time/clock.h"
#include "common/bytes.h"
#include "common/identity/grant.h"
#include "common/mutex.h"
#include "common/retry.h"
#include "common/rpc/credentials.h"
#include "common/rpc/probe.h"
#include "common/rpc/status.h"
#include "common/rpc/tls_policy.h"
#include "plumbline/delivery/v1/delivery.grpc.pb.h"

namespace plumbline::assess {
namespace {

namespace v1 = delivery::v1;

struct Counts {
  std::atomic<int> ended{0}, refused{0}, told_when{0}, other{0};
};

// Keeps a number of calls under way on one connection until it is destroyed.
class Stream final {
 public:
  Stream(const std::shared_ptr<grpc::Channel>& channel, int at_once, Counts& counts)
      : client_(v1::Delivery::NewStub(channel)), counts_(counts) {
    identity::MailboxGrant grant;  // in form, but signed by nobody
    grant.serial = identity::RandomFixed<16>();
    grant.expires_day = identity::DayOf(absl::Now()) + 1;
    request_.set_grant(ToString(identity::Encode(grant)));
    request_.set_mailbox_id(std::string(16, 'm'));
    for (int i = 0; i < at_once; ++i) Begin();
  }
  ~Stream() {
    stopping_ = true;
    MutexLock lock(mutex_);
    while (under_way_ > 0) idle_.Wait(mutex_);
  }

 private:
  struct Call {
    grpc::ClientContext context;
    v1::OpenMailboxResponse response;
  };
  void Begin() {
    {
      MutexLock lock(mutex_);
      ++under_way_;
    }
    auto* const call = new Call;
    client_->async()->OpenMailbox(&call->context, &request_, &call->response,
                                  [this, call](const grpc::Status& status) { End(call, status); });
  }
  void End(Call* call, const grpc::Status& grpc_status) {
    delete call;
    const absl::Status status = rpc::FromGrpc(grpc_status);
    ++counts_.ended;
    if (absl::IsResourceExhausted(status)) {
      ++counts_.refused;
      counts_.told_when += RetryAfter(status).has_value();
    } else if (!absl::IsUnauthenticated(status)) {
      ++counts_.other;
    }
    if (!stopping_) Begin();
    MutexLock lock(mutex_);
    if (--under_way_ == 0) idle_.NotifyAll();
  }

  const std::unique_ptr<v1::Delivery::Stub> client_;
  Counts& counts_;
  v1::OpenMailboxRequest request_;
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  CondVar idle_;
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
};

absl::StatusOr<rpc::Endpoint> EndpointOf(const FloodOptions& options) {
  RETURN_IF_ERROR(rpc::PinTls13());
  ASSIGN_OR_RETURN(const crypto::Fingerprint root, crypto::Fingerprint::FromText(options.fingerprint));
  rpc::Endpoint endpoint;
  endpoint.address = options.address;
  ASSIGN_OR_RETURN(endpoint.root_pem, rpc::FetchPinnedRoot(options.address, root, absl::Now()));
  return endpoint;
}

void Print(const Counts& counts) {
  std::printf("{\"ended\": %d, \"refused\": %d, \"told_when\": %d, \"other\": %d}\n", counts.ended.load(), counts.refused.load(),
              counts.told_when.load(), counts.other.load());
  std::fflush(stdout);
}

bool InputHasEnded(absl::Duration wait) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  char byte;
  return poll(&input, 1, static_cast<int>(absl::ToInt64Milliseconds(wait))) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

}  // namespace

int Flood(const FloodOptions& options) {
  const absl::StatusOr<rpc::Endpoint> endpoint = EndpointOf(options);
  absl::Status status = endpoint.status();
  Counts counts;
  std::list<Stream> streams;
  for (int i = 0; i < options.connections && status.ok(); ++i) {
    const auto channel = rpc::NewChannel(*endpoint);
    status = channel.status();
    if (status.ok()) streams.emplace_back(*channel, options.at_once, counts);
  }
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    return 1;
  }
  while (!InputHasEnded(absl::Milliseconds(100))) Print(counts);
  streams.clear();
  Print(counts);
  return 0;
}

}  // namespace plumbline::assess
