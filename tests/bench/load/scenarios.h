// What is measured, and beside which floors.
#pragma once

#include <memory>
#include <string>

#include "tests/bench/load/echo_server.h"
#include "tests/bench/load/report.h"
#include "tests/server/server_process.h"

namespace plumbline::bench {

struct LoadOptions {
  int pairs = 50;
  int in_flight = 16;
  int seconds = 5;
};

// Runs the real server, and the echo, as processes of their own.
class Scenarios final {
 public:
  Scenarios(const LoadOptions& options, const std::string& self);
  // "pairs", "one", "store", "group", "overload", "idle".
  void Run(const std::string& part);
  const Report& report() const { return report_; }

 private:
  void Pairs();
  void One();
  void Store();
  void Group();
  void Overload();
  void Overload(int connections);
  void Idle();

  const LoadOptions options_;
  server::ServerProcess server_;
  const EchoServer echo_;
  const Target real_, floor_;
  Report report_;
};

}  // namespace plumbline::bench
