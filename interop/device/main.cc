// plumbline-interop-port: the organisation's services for an MLS client of another make, as JSON
// lines (docs/interop.md).
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "common/process.h"
#include "interop/device/fields.h"
#include "interop/device/outside_device.h"

namespace plumbline::interop {
namespace {

nlohmann::json ErrorOf(const absl::Status& status) {
  const std::string reason = identity::ReasonOf(status);
  return {{"error",
           {{"reason", reason.empty() ? "failed" : reason},
            {"message", identity::TextOf(status)},
            {"code", absl::StatusCodeToString(status.code())}}}};
}

void Say(const nlohmann::json& value) {
  std::printf("%s\n", value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  std::fflush(stdout);
}

int Serve(const OutsideOptions& options) {
  absl::StatusOr<std::unique_ptr<OutsideDevice>> device = OutsideDevice::Open(options);
  if (!device.ok()) {
    Say(ErrorOf(device.status()));
    return 1;
  }
  Say({{"ok", {{"ready", true}}}});
  for (std::string line; std::getline(std::cin, line);) {
    const nlohmann::json request = nlohmann::json::parse(line, nullptr, false);
    absl::StatusOr<nlohmann::json> answer = request.is_object()
                                                ? (*device)->Answer(request)
                                                : Malformed("a line has to be one JSON object");
    Say(answer.ok() ? nlohmann::json{{"ok", *std::move(answer)}} : ErrorOf(answer.status()));
  }
  return 0;
}

}  // namespace
}  // namespace plumbline::interop

int main(int argc, char** argv) {
  plumbline::interop::OutsideOptions options;
  CLI::App app(
      "Lets an MLS client of another make be a device of the organisation: JSON lines in, JSON "
      "lines out. For tests: gives the device's MLS key away.");
  app.add_option("--home", options.home, "The device's folder")->required();
  app.add_option("--passphrase-file", options.passphrase_file,
                 "File with the passphrase of its store")
      ->required();
  app.add_option("--invitation", options.invitation,
                 "Text of an invitation; needed the first time");
  app.add_option("--label", options.label, "What the person's other devices call it");
  CLI11_PARSE(app, argc, argv);
  if (const absl::Status status = plumbline::HardenProcess(); !status.ok()) return 1;
  return plumbline::interop::Serve(options);
}
