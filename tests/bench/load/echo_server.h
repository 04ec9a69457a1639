// The floor of the delivery server: the same calls and messages over the same TLS, and no work. Nothing is checked, stored or
// kept; a submission is answered at once and handed to the streams of its mailboxes.
#pragma once

#include <string>

#include "tests/bench/load/target.h"
#include "tests/bench/local_service.h"

namespace plumbline::bench {

int ServeEcho(const std::string& folder);

class EchoServer final {
 public:
  explicit EchoServer(const std::string& self) : service_(self, "--serve-echo") {}  // `self`: this program
  Target target() const;

 private:
  const LocalService service_;
};

}  // namespace plumbline::bench
