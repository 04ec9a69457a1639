// A real key server and a real admin service as processes on loopback, for tests of what travels between
// them.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "admin/console/admin_api.h"
#include "admin/console/session.h"
#include "admin/keyserver_gateway.h"
#include "admin/service_keys.h"
#include "assess/tools/child.h"
#include "common/config/config.h"
#include "common/file.h"
#include "common/rpc/tls_policy.h"
#include "nlohmann/json.hpp"
#include "tests/common/cheap_seal.h"
#include "tests/common/process.h"
#include "tests/common/witness_process.h"

namespace plumbline::admin {

// Founded once and shared by the tests of a program: each uses people of its own.
class TestOrganisation final {
 public:
  TestOrganisation() { Found(); }
  ~TestOrganisation() {
    admin.reset();
    keyserver.reset();
    std::filesystem::remove_all(folder);
  }

  void StartKeyserver() {
    keyserver = std::make_unique<testing::ServiceProcess>(
        std::vector<std::string>{PLUMBLINE_KEYSERVER_BINARY, "serve", "--config", KeyserverConfig()},
        folder + "/keyserver.out");
    EXPECT_NE(keyserver->WaitForLine("\"listener\":\"anonymous\""), "") << keyserver->Output();
  }
  void StartAdmin() {
    admin = std::make_unique<testing::ServiceProcess>(
        std::vector<std::string>{PLUMBLINE_ADMIN_BINARY, "serve", "--config", AdminConfig()},
        folder + "/admin.out");
    const std::string address = admin->WaitForLine("listening on ");
    EXPECT_NE(address, "") << admin->Output();
    profile->server = address;
  }

  // A gateway with the admin service's own certificate: what an admin service that turned hostile can do.
  Gateway& HostileAdminService() {
    if (hostile_ == nullptr) hostile_ = GatewayTo("");
    return *hostile_;
  }
  // The same to another address; empty: that of the configuration.
  std::unique_ptr<Gateway> GatewayTo(const std::string& address) {
    config::v1::AdminConfig config;
    EXPECT_TRUE(config::Load(AdminConfig(), config).ok());
    const Secret passphrase = *config::ReadPassphraseFile(config.passphrase_file());
    const ServiceKeys keys = *OpenServiceKeys(config, passphrase);
    const ServiceIdentity identity = *LoadIdentity(config, keys, clock.Now());
    return *NewKeyserverGateway({.address = address.empty() ? config.keyserver_address() : address,
                                 .server_name = "",
                                 .root_pem = identity.root_pem,
                                 .identity = identity.tls.Copy()},
                                absl::Seconds(20), clock);
  }

  // The admin service's own record as its operator reads it.
  nlohmann::json AdminRecord() {
    const testing::Finished list = testing::RunToEnd(
        {PLUMBLINE_ADMIN_BINARY, "record", "list", "--json", "--limit", "1000", "--config", AdminConfig()});
    EXPECT_EQ(list.code, 0) << list.out << list.err;
    return nlohmann::json::parse(list.out)["events"];
  }

  std::string KeyserverConfig() const { return folder + "/keyserver.yaml"; }
  std::string AdminConfig() const { return folder + "/admin.yaml"; }

  SystemClock clock;
  std::string folder;
  std::string administrator_code, device_address;
  std::unique_ptr<Profile> profile;
  std::unique_ptr<testing::WitnessProcess> witness;
  std::unique_ptr<testing::ServiceProcess> keyserver, admin;

 private:
  std::unique_ptr<Gateway> hostile_;

  void Write(const std::string& path, const std::string& text) {
    EXPECT_TRUE(WriteFileAtomically(path, AsBytes(text), 0600).ok()) << path;
  }
  testing::Finished Must(const std::vector<std::string>& args) {
    testing::Finished finished = testing::RunToEnd(args);
    EXPECT_EQ(finished.code, 0) << args[0] << " " << args[1] << ": " << finished.out << finished.err;
    return finished;
  }

  void Found() {
    EXPECT_TRUE(rpc::PinTls13().ok());
    char name[] = "/tmp/plumbline-admin-e2e-XXXXXX";
    folder = ::mkdtemp(name);
    Write(folder + "/passphrase", "correct horse battery\n");
    device_address = "127.0.0.1:" + std::to_string(*assess::FreePort());
    const std::string admin_listen = "127.0.0.1:" + std::to_string(*assess::FreePort());
    Write(KeyserverConfig(),
          "organisation_domain: example.org\ndisplay_name: Example\ndata_dir: " + folder +
              "/keyserver\nanonymous_listen: 127.0.0.1:" + std::to_string(*assess::FreePort()) + "\ndevice_listen: " +
              device_address + "\nadmin_listen: " + admin_listen +
              "\npublished:\n  keyserver_address: 127.0.0.1:1\n  device_address: " + device_address +
              "\n  delivery_address: 127.0.0.1:2\nip_addresses:\n  - 127.0.0.1\npassphrase_file: " + folder +
              "/passphrase\n");
    const auto made = nlohmann::json::parse(
        Must({PLUMBLINE_KEYSERVER_BINARY, "init", "--json", "--config", KeyserverConfig()}).out);
    administrator_code = made["administrator_code"];
    const std::string fingerprint = made["fingerprint"];
    Write(AdminConfig(),
          "organisation_domain: example.org\nroot_fingerprint: \"" + fingerprint + "\"\ndata_dir: " + folder +
              "/admin\nlisten: 127.0.0.1:0\ncertificate_file: " + folder +
              "/admin.pem\nkeyserver_address: " + admin_listen + "\npassphrase_file: " + folder + "/passphrase\n");
    Must({PLUMBLINE_ADMIN_BINARY, "init", "--config", AdminConfig()});
    testing::SealCheaply(folder, folder + "/passphrase");
    witness = std::make_unique<testing::WitnessProcess>(folder + "/witness", made["directory_log_key"]);
    Write(folder + "/policy", witness->Policy());
    Must({PLUMBLINE_KEYSERVER_BINARY, "set-witnesses", "--config", KeyserverConfig(), "--policy", folder + "/policy"});
    testing::SealCheaply(folder + "/keyserver", folder + "/passphrase");
    Must({PLUMBLINE_KEYSERVER_BINARY, "sign-service", "--config", KeyserverConfig(), "--service", "admin",
          "--csr", folder + "/admin/admin.csr", "--ip", "127.0.0.1", "--out", folder + "/admin.pem"});
    const std::string chain = *ReadTextFile(folder + "/admin.pem", 64 << 10);
    profile = std::make_unique<Profile>(Profile{.server = "",
                                                .server_name = "",
                                                .domain = "example.org",
                                                .organisation = *crypto::Fingerprint::FromText(fingerprint),
                                                .root_pem = crypto::ParsePemChain(chain)->back().ToPem()});
    StartKeyserver();
    StartAdmin();
  }
};

}  // namespace plumbline::admin
