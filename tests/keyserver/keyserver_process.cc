#include "tests/keyserver/keyserver_process.h"

#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/config/config.h"
#include "common/identity/codes.h"
#include "common/rpc/tls_policy.h"
#include "tests/common/cheap_seal.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {

KeyserverProcess::KeyserverProcess(Ceremony ceremony) {
  CHECK(rpc::PinTls13().ok());
  std::ofstream(path("passphrase")) << ToString(TestPassphrase().view()) << "\n";
  CHECK(chmod(path("passphrase").c_str(), 0600) == 0);
  WriteConfig("127.0.0.1:0", "127.0.0.1:0");
  std::string log_key;
  config::v1::KeyserverConfig config;
  CHECK(config::Load(path("keyserver.yaml"), config).ok());
  if (ceremony == Ceremony::kByTheProgram) {
    const Ended init = Run("init", {"--json"});
    if (init.code != 0) std::fprintf(stderr, "%s\n", init.output.c_str());
    CHECK(init.code == 0);
    testing::SealCheaply(path("data"), path("passphrase"));
    const nlohmann::json result = nlohmann::json::parse(init.out);
    log_key = result["directory_log_key"];
    first_code_ = *identity::NormaliseCode(result["administrator_code"].get<std::string>());
    fingerprint_ = result["fingerprint"];
  } else {
    const auto result = RunCeremony(config, TestPassphrase(), SystemClock(), crypto::SealCost{1, 8192});
    CHECK(result.ok());
    first_code_ = result->administrator_code;
    log_key = result->directory_log_key;
    fingerprint_ = ToHex(result->organisation.view());
  }
  witness_ = std::make_unique<testing::WitnessProcess>(path("witness"), log_key);
  CHECK(SetWitnesses(config, TestPassphrase(), witness_->Policy(), SystemClock(), crypto::SealCost{1, 8192}).ok());
  auto keys = UnsealKeyRing(path("data"), TestPassphrase());
  CHECK(keys.ok());
  keys_ = std::make_unique<KeyRing>(*std::move(keys));
}

void KeyserverProcess::WriteConfig(const std::string& anonymous_listen, const std::string& device_listen,
                                   const std::string& more) const {
  std::ofstream(path("keyserver.yaml"))
      << "organisation_domain: example.org\ndisplay_name: Example Organisation\ndata_dir: " << path("data")
      << "\nanonymous_listen: " << anonymous_listen << "\ndevice_listen: " << device_listen
      << "\nadmin_listen: 127.0.0.1:0"
      << "\npublished:\n  keyserver_address: 127.0.0.1:7441\n  device_address: 127.0.0.1:7442\n"
      << "  delivery_address: 127.0.0.1:7444\nip_addresses:\n  - 127.0.0.1\npassphrase_file: "
      << path("passphrase") << "\nlog_file: " << path("log") << "\n"
      << more;
}

Ended KeyserverProcess::Run(const std::string& verb, const std::vector<std::string>& arguments) const {
  std::vector<std::string> command = {PLUMBLINE_KEYSERVER, verb, "--config", path("keyserver.yaml")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return testing::RunToEnd(command);
}

void KeyserverProcess::Start() {
  service_.emplace(std::vector<std::string>{PLUMBLINE_KEYSERVER, "serve", "--config", path("keyserver.yaml")}, path("output"),
                   path("log"));
  device_port_ = service_->WaitForNumber("\"listener\":\"device\",\"port\":");
  admin_port_ = service_->WaitForNumber("\"listener\":\"admin\",\"port\":");
  anonymous_port_ = service_->WaitForNumber("\"listener\":\"anonymous\",\"port\":");
}

std::string KeyserverProcess::anonymous_address() const {
  return absl::StrCat("127.0.0.1:", anonymous_port_);
}
std::string KeyserverProcess::device_address() const { return absl::StrCat("127.0.0.1:", device_port_); }
std::string KeyserverProcess::admin_address() const { return absl::StrCat("127.0.0.1:", admin_port_); }

std::shared_ptr<grpc::Channel> KeyserverProcess::Anonymous() const {
  rpc::Endpoint endpoint;
  endpoint.address = anonymous_address();
  endpoint.root_pem = keys().RootPem();
  return *rpc::NewChannel(endpoint);
}

std::shared_ptr<grpc::Channel> KeyserverProcess::Mutual(const std::string& address, const std::string& chain_pem,
                                                        const crypto::P256PrivateKey& key) const {
  rpc::Endpoint endpoint;
  endpoint.address = address;
  endpoint.root_pem = keys().RootPem();
  if (!chain_pem.empty()) endpoint.identity = rpc::TlsIdentity{chain_pem, key.ToPem()};
  return *rpc::NewChannel(endpoint);
}

std::shared_ptr<grpc::Channel> KeyserverProcess::AsDevice(const TestDevice& device) const {
  return Mutual(device_address(), crypto::ToPemChain({device.tls, device.issuing}), device.keys.tls_key);
}

std::shared_ptr<grpc::Channel> KeyserverProcess::AsService(const std::string& service,
                                                           const crypto::P256PrivateKey& key) const {
  return Mutual(admin_address(), ServiceChain(service, key), key);
}

std::string KeyserverProcess::ServiceChain(const std::string& service, const crypto::P256PrivateKey& key) const {
  const Issuer issuer(kDomain, keys().issuing, keys().issuing_key);
  const auto leaf =
      issuer.ServiceTls(key.spki(), *identity::ParseServiceName(service), {"localhost"}, {}, absl::Now(), absl::Hours(1));
  CHECK(leaf.ok());
  return crypto::ToPemChain({*leaf, keys().issuing});
}

}  // namespace plumbline::keyserver
