// A floor's service, in a process of its own, on a listener like the real ones.
#pragma once

#include <memory>
#include <string>

#include "tests/common/process.h"
#include "tests/common/scratch.h"

namespace grpc {
class Channel;
class Service;
}  // namespace grpc

namespace plumbline::bench {

// Serves until killed, under a certificate of its own. Writes the root to `folder`/root.pem, then says its port.
int ServeLocally(const std::string& folder, grpc::Service& service, size_t max_message_bytes);

// The program `self` run again with `flag` and a folder, which has to come to ServeLocally.
class LocalService final {
 public:
  LocalService(const std::string& self, const std::string& flag);
  // A connection of its own for each.
  std::shared_ptr<grpc::Channel> Connect() const;
  pid_t pid() const { return process_.pid(); }

 private:
  const testing::ScratchDir scratch_;
  testing::ServiceProcess process_;
  const int port_;
};

}  // namespace plumbline::bench
