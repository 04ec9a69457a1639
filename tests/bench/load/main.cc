// plumbline-load: what traffic costs the delivery server, beside floors of the same run (docs/benchmarks.md).
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "common/process.h"
#include "common/rpc/tls_policy.h"
#include "tests/bench/load/echo_server.h"
#include "tests/bench/load/scenarios.h"

int main(int argc, char** argv) {
  namespace bench = plumbline::bench;
  CLI::App app("Loads the delivery server and its floors with the same traffic, and prints what each message cost.");
  bool json = false;
  std::string echo;
  bench::LoadOptions options;
  std::vector<std::string> parts = {"pairs", "one", "store", "group", "overload", "idle"};
  app.add_flag("--json", json, "JSON in place of the table");
  app.add_option("--pairs", options.pairs, "Senders and receivers")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--in-flight", options.in_flight, "Submissions on their way at a time, of all senders")
      ->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--seconds", options.seconds, "For each measurement")->check(CLI::Range(1, 600))->capture_default_str();
  app.add_option("--serve-echo", echo, "Used by this program itself");
  app.add_option("parts", parts, "Only these")->check(CLI::IsMember({"pairs", "one", "store", "group", "overload", "idle"}));
  CLI11_PARSE(app, argc, argv);
  if (options.in_flight > options.pairs) {
    std::cerr << "in_flight_too_large: each sender has one submission on its way; take --in-flight of at most --pairs\n";
    return 1;
  }
  if (!plumbline::HardenProcess().ok()) return 1;
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  if (!echo.empty()) return bench::ServeEcho(echo);
  if (!plumbline::rpc::PinTls13().ok()) return 1;
  bench::Scenarios scenarios(options, std::filesystem::read_symlink("/proc/self/exe"));
  for (const std::string& part : parts) scenarios.Run(part);
  std::cout << (json ? scenarios.report().Json() : scenarios.report().Text());
  return 0;
}
