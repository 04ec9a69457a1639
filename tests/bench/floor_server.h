// The least that a call and a stream can cost over the same TLS as the delivery server's, served by a process of its own.
#pragma once

#include <memory>
#include <string>

#include "plumbline/bench/v1/floor.grpc.pb.h"
#include "tests/common/process.h"
#include "tests/common/scratch.h"

namespace plumbline::bench {

// Serves until its standard output is no longer wanted (killed). Writes the root to `folder`/root.pem, then says its port.
int ServeFloor(const std::string& folder);

class FloorServer final {
 public:
  explicit FloorServer(const std::string& self);  // `self`: this program, which is run again
  // A connection of its own for each.
  std::unique_ptr<v1::Floor::Stub> Connect() const;

 private:
  const testing::ScratchDir scratch_;
  testing::ServiceProcess process_;
  const int port_;
};

}  // namespace plumbline::bench
