#include "tests/keyserver/keyserver_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/config/config.h"
#include "common/identity/codes.h"
#include "common/rpc/tls_policy.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

pid_t Spawn(const std::vector<std::string>& command, const std::string& output) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid != 0) return pid;
  const int fd = open(output.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  dup2(fd, STDOUT_FILENO);
  dup2(fd, STDERR_FILENO);
  execv(arguments[0], arguments.data());
  _exit(127);
}

int CodeOf(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

// The port in the log's line about this listener, 0 if it is not there yet.
int PortOf(const std::string& log, const std::string& listener) {
  const size_t at = log.find(absl::StrCat("\"listener\":\"", listener, "\",\"port\":"));
  return at == std::string::npos ? 0 : std::atoi(log.c_str() + log.find("\"port\":", at) + 7);
}

}  // namespace

KeyserverProcess::KeyserverProcess(Ceremony ceremony) {
  CHECK(rpc::PinTls13().ok());
  std::ofstream(path("passphrase")) << ToString(TestPassphrase().view()) << "\n";
  CHECK(chmod(path("passphrase").c_str(), 0600) == 0);
  WriteConfig("127.0.0.1:0", "127.0.0.1:0");
  if (ceremony == Ceremony::kByTheProgram) {
    const Ended init = Run("init", {"--json"});
    if (init.code != 0) std::fprintf(stderr, "%s\n", init.output.c_str());
    CHECK(init.code == 0);
    const nlohmann::json result = nlohmann::json::parse(init.output);
    first_code_ = *identity::NormaliseCode(result["administrator_code"].get<std::string>());
    fingerprint_ = result["fingerprint"];
  } else {
    config::v1::KeyserverConfig config;
    CHECK(config::Load(path("keyserver.yaml"), config).ok());
    const auto result = RunCeremony(config, TestPassphrase(), SystemClock(), crypto::SealCost{1, 8192});
    CHECK(result.ok());
    first_code_ = result->administrator_code;
    fingerprint_ = ToHex(result->organisation.view());
  }
  auto keys = UnsealKeyRing(path("data"), TestPassphrase());
  CHECK(keys.ok());
  keys_ = std::make_unique<KeyRing>(*std::move(keys));
}

KeyserverProcess::~KeyserverProcess() {
  if (pid_ < 0) return;
  Kill(SIGKILL);
  Wait();
}

void KeyserverProcess::WriteConfig(const std::string& anonymous_listen, const std::string& device_listen,
                                   const std::string& more) const {
  std::ofstream(path("keyserver.yaml"))
      << "organisation_domain: example.org\ndisplay_name: Example Organisation\ndata_dir: " << path("data")
      << "\nanonymous_listen: " << anonymous_listen << "\ndevice_listen: " << device_listen
      << "\npublished:\n  keyserver_address: 127.0.0.1:7441\n  device_address: 127.0.0.1:7442\n"
      << "  delivery_address: 127.0.0.1:7444\nip_addresses:\n  - 127.0.0.1\npassphrase_file: "
      << path("passphrase") << "\nlog_file: " << path("log") << "\n"
      << more;
}

Ended KeyserverProcess::Run(const std::string& verb, const std::vector<std::string>& arguments) const {
  const testing::ScratchDir scratch;
  std::vector<std::string> command = {PLUMBLINE_KEYSERVER, verb, "--config", path("keyserver.yaml")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const pid_t pid = Spawn(command, scratch / "output");
  int status = 0;
  waitpid(pid, &status, 0);
  return Ended{CodeOf(status), ReadAll(scratch / "output")};
}

void KeyserverProcess::Start() {
  std::filesystem::remove(path("log"));
  pid_ = Spawn({PLUMBLINE_KEYSERVER, "serve", "--config", path("keyserver.yaml")}, path("output"));
  const absl::Time end = absl::Now() + absl::Seconds(60);
  do {
    absl::SleepFor(absl::Milliseconds(10));
    device_port_ = PortOf(ReadAll(path("log")), "device");
    anonymous_port_ = PortOf(ReadAll(path("log")), "anonymous");
    int status = 0;
    const bool ended = waitpid(pid_, &status, WNOHANG) == pid_;
    if (ended || absl::Now() > end) std::fprintf(stderr, "%s\n", LogText().c_str());
    CHECK(!ended && absl::Now() < end);
  } while (device_port_ == 0 || anonymous_port_ == 0);
}

void KeyserverProcess::Kill(int signal) { kill(pid_, signal); }

int KeyserverProcess::Wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return CodeOf(status);
}

std::string KeyserverProcess::anonymous_address() const {
  return absl::StrCat("127.0.0.1:", anonymous_port_);
}
std::string KeyserverProcess::device_address() const { return absl::StrCat("127.0.0.1:", device_port_); }
std::string KeyserverProcess::LogText() const { return ReadAll(path("log")) + ReadAll(path("output")); }

std::shared_ptr<grpc::Channel> KeyserverProcess::Anonymous() const {
  rpc::Endpoint endpoint;
  endpoint.address = anonymous_address();
  endpoint.root_pem = keys().RootPem();
  return *rpc::NewChannel(endpoint);
}

std::shared_ptr<grpc::Channel> KeyserverProcess::Mutual(const std::string& chain_pem,
                                                        const crypto::P256PrivateKey& key) const {
  rpc::Endpoint endpoint;
  endpoint.address = device_address();
  endpoint.root_pem = keys().RootPem();
  if (!chain_pem.empty()) endpoint.identity = rpc::TlsIdentity{chain_pem, key.ToPem()};
  return *rpc::NewChannel(endpoint);
}

std::shared_ptr<grpc::Channel> KeyserverProcess::AsDevice(const TestDevice& device) const {
  return Mutual(crypto::ToPemChain({device.tls, device.issuing}), device.keys.tls_key);
}

std::shared_ptr<grpc::Channel> KeyserverProcess::AsService(const std::string& service,
                                                           const crypto::P256PrivateKey& key) const {
  const Issuer issuer(kDomain, keys().issuing, keys().issuing_key);
  const auto leaf =
      issuer.ServiceTls(key.spki(), *identity::ParseServiceName(service), {"localhost"}, {}, absl::Now());
  CHECK(leaf.ok());
  return Mutual(crypto::ToPemChain({*leaf, keys().issuing}), key);
}

}  // namespace plumbline::keyserver
