// A server that speaks the delivery API, as the load sees it: the real one, or the echo that is its floor.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "plumbline/delivery/v1/delivery.grpc.pb.h"
#include "tests/server/organisation.h"

namespace plumbline::bench {

using DeliveryStub = delivery::v1::Delivery::Stub;

struct Target {
  std::string name;
  pid_t pid = 0;
  std::function<std::unique_ptr<DeliveryStub>()> connect;                // a TLS connection of its own each time
  std::function<delivery::v1::OpenSessionRequest()> token;               // pays for a session; made without a call
  std::function<server::TestMailbox(DeliveryStub&)> mailbox;             // opened
};

// What a process has used of its processors so far, system calls included.
absl::Duration CpuOf(pid_t pid);
// Of the calling thread.
absl::Duration CpuOfThread();
// What a process holds in memory that is its own, in bytes.
int64_t MemoryOf(pid_t pid);

}  // namespace plumbline::bench
