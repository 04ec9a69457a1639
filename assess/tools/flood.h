// A crowd that asks a delivery server for more than it can do. Runs in a process of its own (`plumbline-assess flood`), beside what
// is measured.
#pragma once

#include <string>

namespace plumbline::assess {

struct FloodOptions {
  std::string address;      // of the delivery server, host:port
  std::string fingerprint;  // of the organisation's root
  int connections = 10;
  int at_once = 64;  // calls under way on each, at every moment; at most 100
};

// Until standard input ends, keeps calls under way that each cost the server the check of a signature, and prints what became
// of them: {"ended", "refused", "told_when", "other"} on a line of its own, several times a second and at the end. Those are
// FloodCounts (assess/tools/flood_connection.h). Exit code: 0, or 1 if it cannot begin.
int Flood(const FloodOptions& options);

}  // namespace plumbline::assess
