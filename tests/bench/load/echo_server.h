// The floor of the delivery server: the same calls and messages over the same TLS, and no work. Nothing is checked, stored or
// kept; a submission is answered at once and handed to the streams of its mailboxes.
#pragma once

#include <string>

#include "tests/bench/load/target.h"
#include "tests/common/process.h"
#include "tests/common/scratch.h"

namespace plumbline::bench {

// Serves until killed. Writes the root to `folder`/root.pem, then says its port.
int ServeEcho(const std::string& folder);

class EchoServer final {
 public:
  explicit EchoServer(const std::string& self);  // `self`: this program, which is run again
  Target target() const;

 private:
  const testing::ScratchDir scratch_;
  testing::ServiceProcess process_;
  const int port_;
};

}  // namespace plumbline::bench
