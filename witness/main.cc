// plumbline-witness: cosigns checkpoints of logs that only ever grow.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "common/process.h"
#include "witness/serve.h"

namespace {

int Report(const absl::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "plumbline-witness: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (const absl::Status status = plumbline::HardenProcess(); !status.ok()) return Report(status);
  CLI::App app("A witness of transparency logs: cosigns a checkpoint if it continues what it cosigned before.");
  app.require_subcommand(1);
  std::string config, passphrase_file, file;
  std::vector<std::string> log_keys;
  const auto verb = [&](const char* name, const char* help) {
    CLI::App* const out = app.add_subcommand(name, help);
    out->add_option("--config", config, "Configuration file (YAML)")->required();
    return out;
  };
  CLI::App* const init = verb("init", "Make the sealed key and an empty state, and print the verifier key; nothing is replaced");
  CLI::App* const key = verb("key", "Print the verifier key, for logs and policies");
  for (CLI::App* const each : {init, key})
    each->add_option("--passphrase-file", passphrase_file, "File with the passphrase; default: the configuration's");
  CLI::App* const serve = verb("serve", "Serve until SIGTERM");
  CLI::App* const evidence = app.add_subcommand("check-evidence", "Check a file that says a log showed two histories");
  evidence->add_option("file", file, "The file")->required();
  evidence->add_option("--log", log_keys, "The log's verifier key; repeatable where it was replaced")->required();
  CLI11_PARSE(app, argc, argv);
  if (init->parsed()) return Report(plumbline::witness::MakeWitness(config, passphrase_file));
  if (key->parsed()) return Report(plumbline::witness::ShowKey(config, passphrase_file));
  if (serve->parsed()) return Report(plumbline::witness::Serve(config));
  return Report(plumbline::witness::CheckEvidence(file, log_keys));
}
