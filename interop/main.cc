// plumbline-mls-interop: this library as a peer in the working group's interoperability harness.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "common/process.h"
#include "interop/serve.h"

int main(int argc, char** argv) {
  plumbline::interop::ServeOptions options;
  CLI::App app(
      "MLS for interoperability tests, over the working group's gRPC interface "
      "(mls_client.MLSClient). Not part of the service.");
  app.add_option("--listen", options.listen,
                 "Address of the loopback interface and port; port 0 takes any free one")
      ->capture_default_str();
  app.add_option("--states", options.limits.states,
                 "States kept; the one unused longest is forgotten")
      ->check(CLI::Range(16, 1'000'000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  absl::Status status = plumbline::HardenProcess();
  if (status.ok()) status = plumbline::interop::Serve(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "plumbline-mls-interop: %s\n", std::string(status.message()).c_str());
  return 1;
}
