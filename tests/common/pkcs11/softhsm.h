// SoftHSM tokens in a folder of their own, for this process and the programs that it starts with Environment(). One at a time: SoftHSM reads its
// configuration when its first user in a process begins, so whatever uses the token ends before this does.
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/pkcs11/token.h"
#include "tests/common/process.h"
#include "tests/common/scratch.h"

namespace plumbline::testing {

inline constexpr char kSoftHsm[] = "/usr/lib/softhsm/libsofthsm2.so";

class SoftHsm final {
 public:
  static constexpr char kLabel[] = "plumbline";
  static constexpr char kPin[] = "4711";
  static constexpr char kOfficerPin[] = "08150815";

  // `mechanisms` as in softhsm2.conf: "ALL", or "-CKM_MD5,CKM_EDDSA" for all but these (2.6.1 overlooks the first one).
  explicit SoftHsm(const std::string& mechanisms = "ALL") {
    std::filesystem::create_directory(folder());
    std::ofstream(scratch_ / "softhsm2.conf") << "directories.tokendir = " << folder() << "\nobjectstore.backend = file\nlog.level = ERROR\n"
                                              << "slots.mechanisms = " << mechanisms << "\n";
    std::ofstream(pin_file()) << kPin << "\n";
    CHECK(chmod(pin_file().c_str(), 0600) == 0);
    for (const auto& [name, value] : Environment()) CHECK(setenv(name.c_str(), value.c_str(), 1) == 0);
    Add(kLabel);
  }
  ~SoftHsm() { unsetenv("SOFTHSM2_CONF"); }

  void Add(const std::string& label) const {
    assess::Command command = CommandOf(
        {"/usr/bin/softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", kOfficerPin, "--pin", kPin});
    command.environment = Environment();
    const absl::StatusOr<assess::CommandResult> made = assess::RunCommand(command, absl::Minutes(1));
    if (made.ok() && made->exit_code != 0) std::fprintf(stderr, "%s%s\n", made->out.c_str(), made->err.c_str());
    CHECK(made.ok() && made->exit_code == 0);
  }
  // All tokens, as if they were unplugged.
  void Remove() const {
    std::filesystem::remove_all(folder());
    std::filesystem::create_directory(folder());
  }

  std::map<std::string, std::string> Environment() const { return {{"SOFTHSM2_CONF", scratch_ / "softhsm2.conf"}}; }
  std::string folder() const { return scratch_ / "tokens"; }
  std::string pin_file() const { return scratch_ / "pin"; }
  // The section of a key server's configuration.
  std::string Section() const {
    return absl::StrCat("pkcs11:\n  module: ", kSoftHsm, "\n  token_label: ", kLabel, "\n  pin_file: ", pin_file(), "\n  state_folders:\n    - ",
                        folder(), "\n");
  }

  absl::StatusOr<std::shared_ptr<pkcs11::Token>> Open(absl::string_view label = kLabel, absl::string_view pin = kPin) const {
    ASSIGN_OR_RETURN(std::unique_ptr<pkcs11::Module> library, pkcs11::Module::Load(kSoftHsm));
    return pkcs11::Token::Open(std::move(library), std::string(label), Secret::CopyOf(AsBytes(pin)));
  }

 private:
  const ScratchDir scratch_;
};

}  // namespace plumbline::testing
