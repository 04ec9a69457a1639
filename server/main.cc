// plumbline-server: the delivery server.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "common/process.h"
#include "server/serve.h"

namespace {

int Report(const absl::Status& status) {
  if (status.ok()) return 0;
  const std::string message(status.message());
  std::fprintf(stderr, "plumbline-server: %s\n", message.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (const absl::Status status = plumbline::HardenProcess(); !status.ok()) return Report(status);
  CLI::App app("The delivery server: keeps sealed envelopes until their owners fetch them. Knows no people.");
  app.require_subcommand(1);
  std::string config, passphrase_file;

  CLI::App* init = app.add_subcommand("init", "Make the sealed keys and a certificate request; nothing is replaced");
  init->add_option("--config", config, "Configuration file (YAML)")->required();
  init->add_option("--passphrase-file", passphrase_file, "File with the passphrase; default: the configuration's");
  CLI::App* serve = app.add_subcommand("serve", "Serve until SIGTERM");
  serve->add_option("--config", config, "Configuration file (YAML)")->required();

  CLI11_PARSE(app, argc, argv);
  return Report(init->parsed() ? plumbline::server::Initialise(config, passphrase_file) : plumbline::server::Serve(config));
}
