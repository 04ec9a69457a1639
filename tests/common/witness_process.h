// The real plumbline-witness as a child process, for tests of others: PLUMBLINE_WITNESS is defined by the test's build.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "tests/common/cheap_seal.h"
#include "tests/common/process.h"
#include "witness/keys.h"

namespace plumbline::testing {

class WitnessProcess final {
 public:
  // Of the log with this verifier key; `folder` is made.
  WitnessProcess(const std::string& folder, const std::string& log_key) : folder_(folder) {
    std::filesystem::create_directories(folder_);
    CHECK(assess::WriteFile(folder_ + "/passphrase", "a passphrase for this test\n").ok());
    const absl::StatusOr<tlog::CosignerKey> key = witness::Initialise(
        folder_ + "/data", "w.example/test", Secret::CopyOf(AsBytes("a passphrase for this test")), kCheap);
    CHECK(key.ok());
    key_ = key->ToText();
    Start(log_key, "127.0.0.1:0");
  }
  // Another one that listens at the same address with the same state.
  void Restart(const std::string& log_key) { Start(log_key, absl::StrCat("127.0.0.1:", port_)); }
  void Kill() { process_.reset(); }

  std::string url() const { return absl::StrCat("http://127.0.0.1:", port_); }
  // A policy file that asks for this witness.
  std::string Policy() const { return absl::StrCat("witness w ", key_, " ", url(), "\nquorum w\n"); }

 private:
  void Start(const std::string& log_key, const std::string& listen) {
    CHECK(assess::WriteFile(folder_ + "/witness.yaml",
                            absl::StrCat("name: w.example/test\ndata_dir: ", folder_, "/data\nlisten: ", listen, "\nlogs:\n  - ",
                                         log_key, "\npassphrase_file: ", folder_, "/passphrase\nlog_file: ", folder_, "/log\n"))
              .ok());
    process_.reset();
    process_ = std::make_unique<ServiceProcess>(
        std::vector<std::string>{PLUMBLINE_WITNESS, "serve", "--config", folder_ + "/witness.yaml"}, folder_ + "/output",
        folder_ + "/log");
    port_ = process_->WaitForNumber("\"port\":");
  }

  const std::string folder_;
  std::string key_;
  int port_ = 0;
  std::unique_ptr<ServiceProcess> process_;
};

}  // namespace plumbline::testing
