// `./dev bench [--json] [mls|delivery|startup|transparency|access ...]`: measures, and prints one table. No number here passes or fails
// anything.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "common/process.h"
#include "common/rpc/tls_policy.h"
#include "tests/bench/floor_server.h"
#include "tests/bench/table.h"

int main(int argc, char** argv) {
  namespace bench = plumbline::bench;
  CLI::App app("Measures, as ratios to a floor of the same run.");
  bool json = false;
  std::string floor;
  std::vector<std::string> parts = {"mls", "delivery", "startup", "transparency", "access"};
  app.add_flag("--json", json, "JSON in place of the table");
  app.add_option("--serve-floor", floor, "Used by this program itself");
  app.add_option("parts", parts, "Only these")->check(CLI::IsMember({"mls", "delivery", "startup", "transparency", "access"}));
  CLI11_PARSE(app, argc, argv);
  if (!plumbline::HardenProcess().ok()) return 1;
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  if (!floor.empty()) return bench::ServeFloor(floor);
  if (!plumbline::rpc::PinTls13().ok()) return 1;
  bench::Table table;
  for (const std::string& part : parts) {
    if (part == "mls") bench::MeasureMls(table);
    if (part == "delivery") bench::MeasureDelivery(table, std::filesystem::read_symlink("/proc/self/exe"));
    if (part == "startup") bench::MeasureStartup(table);
    if (part == "access") bench::MeasureAccess(table);
    if (part == "transparency") {
      bench::MeasureTransparency(table);
      bench::MeasureDirectory(table);
    }
  }
  std::cout << (json ? table.Json() : table.Text());
  return 0;
}
